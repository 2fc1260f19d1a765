"""The walk over the AVPs of a message: the hot loop of decoding."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from portaswitch.wire.diameter.datatypes import Decoder, Value
from portaswitch.wire.diameter.definitions import MANDATORY, VENDOR, Avp, Grammar
from portaswitch.wire.diameter.faults import Fault, Result, echoed, example, headed, wrapped
from portaswitch.wire.diameter.message import UNKNOWN, Group, Unknown

_head_at = Struct(">II").unpack_from
_number_at = Struct(">I").unpack_from
_signed_at = Struct(">i").unpack_from
_long_at = Struct(">Q").unpack_from

#: What the walk does with an AVP.
TEXT: Final = 0  # UTF-8, decoded in place
NUMBER: Final = 1  # Unsigned32, decoded in place
SIGNED: Final = 2  # Integer32 and Enumerated, decoded in place
LONG: Final = 3  # Unsigned64, decoded in place
GROUP: Final = 4
SIZED: Final = 5  # by the entry's decoder, of one size
CONVERTED: Final = 6  # by the entry's decoder, of any size
OPAQUE: Final = 7  # a Failed-AVP: what is in it is wrong by its nature, so nothing in it is a fault

#: form, name, flags that we send, decoder, size (0 for any), grammar of a group, definition
Entry = tuple[int, str, int, Decoder, int, Grammar | None, Avp]


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a message may ask of us; beyond is Result-Code 5015 for octets, 5012 for the others.

    :ivar octets: of a whole message; the field allows 16 MB.
    :ivar depth: of groups inside groups.
    :ivar avps: in a message, those in groups included.
    :ivar ignored_bits: reserved bits of the header's flags that are ignored, as RFC 6733 3 has it; of others
        a request is refused with 5013.
    """

    octets: int = 262_144
    depth: int = 16
    avps: int = 4096
    ignored_bits: int = 0x0F


class Walk:
    """
    One walk: what it looks up, and the first fault that it met.

    :ivar left: how many AVPs it may still read.
    :ivar stopped: the fault is one of structure, and nothing after it can be read.
    """

    __slots__ = ("_data", "_depth", "_entries", "_limits", "_path", "fault", "left", "repeated", "stopped")

    def __init__(self, data: bytes, entries: dict[int, Entry], limits: Limits) -> None:
        self._data = data
        self._entries = entries
        self._limits = limits
        self._depth = limits.depth
        self._path: list[Avp] = []
        self.left = limits.avps
        self.fault: Fault | None = None
        self.repeated = 0
        self.stopped = False

    def walk(self, at: int, end: int, group: Group) -> None:
        """
        Decode the AVPs between two offsets into a group.

        One loop with the common types in place, because calls are what it would otherwise spend its time on.
        """
        data, entries = self._data, self._entries
        pairs = group.pairs
        append = pairs.append
        while at < end:
            if end - at < 8:
                return self._cut(at, end)
            code, word = _head_at(data, at)
            stop = at + (word & 0xFFFFFF)
            start = at + (12 if word & 0x80000000 else 8)
            if stop < start or stop > end:
                return self._misfit(at, end)
            entry = entries.get(code if start - at == 8 else _number_at(data, at + 8)[0] << 32 | code)
            if entry is None:
                self._unknown(group, at, start, stop)
            else:
                form, name, flags, convert, size, grammar, avp = entry
                if size and stop - start != size:
                    return self._missized(at, entry)
                if word >> 24 != flags:
                    self._odd(group, word >> 24, at, stop, entry)
                if form == NUMBER:
                    append((name, _number_at(data, start)[0]))
                elif form == TEXT:
                    try:
                        append((name, data[start:stop].decode()))
                    except UnicodeDecodeError:
                        self._invalid(at, stop, entry, group)
                elif form == GROUP:
                    inner = Group()
                    append((name, inner))
                    if stop > start or grammar is not None:
                        self._enter(avp, grammar, start, stop, inner)
                        if self.stopped:
                            return None
                elif form == SIGNED:
                    append((name, _signed_at(data, start)[0]))
                elif form == LONG:
                    append((name, _long_at(data, start)[0]))
                elif form == OPAQUE:
                    append((name, self._opaque(start, stop)))
                elif (value := convert(data[start:stop])) is not None:
                    append((name, value))
                else:
                    self._invalid(at, stop, entry, group)
            at = (stop + 3) & ~3
        # Once a group: the octets bound the work, this bounds what the reader of the message meets.
        self.left -= len(pairs)
        if self.left < 0:
            self._stop(Fault(Result.UNABLE_TO_COMPLY, "more AVPs than this node reads"))
        return None

    def _odd(self, group: Group, flags: int, at: int, stop: int, entry: Entry) -> None:
        """
        Keep flags that aren't ours. M, P and reserved bits are the sender's affair; the V bit with vendor 0
        is one that the definition has not (3009).
        """
        if group.odd is None:
            group.odd = {}
        group.odd[len(group.pairs)] = flags
        if (flags ^ entry[2]) & VENDOR:
            self._fault(Result.INVALID_AVP_BITS, f"{entry[1]} has the V bit and no vendor", echoed(self._data[at:stop]))

    def _enter(self, avp: Avp, grammar: Grammar | None, start: int, stop: int, inner: Group) -> None:
        """Decode a group, and compare it with its grammar."""
        if len(self._path) >= self._depth:
            return self._stop(Fault(Result.UNABLE_TO_COMPLY, f"{avp.name} is nested too deeply"))
        self._path.append(avp)
        self.walk(start, stop, inner)
        if grammar is not None and self.fault is None:
            self.compare(inner, grammar, start, stop)
        self._path.pop()
        return None

    def _opaque(self, start: int, stop: int) -> Value:
        """The AVPs of a Failed-AVP, its octets when they are none."""
        octets = self._data[start:stop]
        inner, group = Walk(octets, self._entries, self._limits), Group()
        inner.walk(0, len(octets), group)
        return octets if inner.fault is not None else group

    def compare(self, group: Group, grammar: Grammar, at: int, end: int) -> None:
        """
        Compare the AVPs of these offsets with their grammar; a fault is what it lacks, or has too often.
        """
        pairs = group.pairs
        names = {pair[0] for pair in pairs}
        if not names.issuperset(grammar.required):
            name = next(name for name in grammar.required if name not in names)
            return self._fault(Result.MISSING_AVP, f"{name} is missing", self._example(name))
        if len(names) == len(pairs):
            return None
        first: dict[str, Value] = {}
        for index, (name, value) in enumerate(pairs):
            if name not in first:
                first[name] = value
            elif name in grammar.same and first[name] == value:
                self.repeated += 1
            elif name in grammar.once or name in grammar.same:
                avp = self._nth(index, at, end)
                return self._fault(Result.AVP_OCCURS_TOO_MANY_TIMES, f"{name} is there twice", avp)
        return None

    def _example(self, name: str) -> bytes:
        """The example of an AVP by its name; slow, for faults only."""
        return next((example(entry[6]) for entry in self._entries.values() if entry[1] == name), b"")

    def _nth(self, index: int, at: int, end: int) -> bytes:
        """The octets of an AVP by its place between two offsets, which were walked before."""
        for _ in range(index):
            at = (at + (_head_at(self._data, at)[1] & 0xFFFFFF) + 3) & ~3
        return echoed(self._data[at:end])

    def _fault(self, result: Result, text: str, avp: bytes) -> None:
        """Keep the first fault, its AVP inside the groups that it was in."""
        if self.fault is None:
            self.fault = Fault(int(result), text, wrapped(avp, self._path) if avp else b"")

    def _stop(self, fault: Fault) -> None:
        """Keep the first fault, and read no further."""
        if self.fault is None:
            self.fault = fault
        self.stopped = True

    def _cut(self, at: int, end: int) -> None:
        """5014: fewer octets than an AVP's header, which is padded with zeros."""
        head = self._data[at:end].ljust(8, b"\0")
        code, word = _head_at(head)
        self._fault(Result.INVALID_AVP_LENGTH, f"{end - at} octets are no AVP", headed(code, word >> 24, 0, None))
        self.stopped = True

    def _misfit(self, at: int, end: int) -> None:
        """5014: a length under that of the header, or past the end."""
        code, word = _head_at(self._data, at)
        flags = word >> 24
        vendor = int.from_bytes(self._data[at + 8 : min(at + 12, end)].ljust(4, b"\0"), "big") if flags & VENDOR else 0
        entry = self._entries.get(vendor << 32 | code)
        avp = headed(code, flags, vendor, entry[6] if entry else None)
        self._fault(Result.INVALID_AVP_LENGTH, f"AVP {code} of vendor {vendor} has an impossible length", avp)
        self.stopped = True

    def _missized(self, at: int, entry: Entry) -> None:
        """5014: a length that the type has not."""
        avp = entry[6]
        flags = self._data[at + 4]
        example_of = headed(avp.code, flags, avp.vendor, avp)
        self._fault(Result.INVALID_AVP_LENGTH, f"{avp.name} is not of the length of its type", example_of)
        self.stopped = True

    def _invalid(self, at: int, stop: int, entry: Entry, group: Group) -> None:
        """5004: octets that can't be of the type; the AVP is left out."""
        if group.odd is not None:
            group.odd.pop(len(group.pairs), None)
        self._fault(
            Result.INVALID_AVP_VALUE, f"{entry[1]} has a value that its type has not", echoed(self._data[at:stop])
        )

    def _unknown(self, group: Group, at: int, start: int, stop: int) -> None:
        """Keep what the dictionary hasn't got; with the M bit it is a fault (RFC 6733 4.1)."""
        data = self._data
        code, word = _head_at(data, at)
        vendor = _number_at(data, at + 8)[0] if start - at == 12 else 0
        flags = word >> 24
        if flags & MANDATORY:
            text = f"AVP {code} of vendor {vendor} is unknown and has the M bit"
            self._fault(Result.AVP_UNSUPPORTED, text, echoed(data[at:stop]))
        group.pairs.append((UNKNOWN, Unknown(code, vendor, flags, data[start:stop])))
