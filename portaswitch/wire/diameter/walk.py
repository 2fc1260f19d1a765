"""The walk over the AVPs of a message: the hot loop of decoding."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from struct import Struct, unpack
from typing import Final

from portaswitch.wire.diameter.datatypes import Decoder, Value
from portaswitch.wire.diameter.definitions import MANDATORY, VENDOR, Avp, Grammar
from portaswitch.wire.diameter.faults import Fault, Result, echoed, example, headed, wrapped
from portaswitch.wire.diameter.message import UNKNOWN, Group, Unknown

_head_at = Struct(">II").unpack_from
_number_at = Struct(">I").unpack_from
_name_of = itemgetter(0)

#: What the walk does with an AVP.
TEXT: Final = 0  # UTF-8, decoded in place
NUMBER: Final = 1  # Unsigned32, decoded in place
SIGNED: Final = 2  # Integer32 and Enumerated, decoded in place
LONG: Final = 3  # Unsigned64, decoded in place
GROUP: Final = 4
SIZED: Final = 5  # by the entry's decoder, of one size
CONVERTED: Final = 6  # by the entry's decoder, of any size
OPAQUE: Final = 7  # a Failed-AVP: what is in it is wrong by its nature, so nothing in it is a fault

#: form; name; flags that we send, shifted to where an AVP's header has them; octets of the header; length of the whole AVP (0 for any); decoder; grammar of
#: a group; definition
Entry = tuple[int, str, int, int, int, Decoder, Grammar | None, Avp]
#: A group that is being read: its end, the group around it, its definition and grammar, where it begins.
Frame = tuple[int, Group, Avp, Grammar | None, int]
#: Words behind a message, so that the header of a cut AVP can be looked at.
_BEHIND: Final = (0, 0, 0)
_VENDORED: Final = VENDOR << 24


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

    __slots__ = ("_data", "_entries", "_frames", "_limits", "fault", "left", "repeated", "stopped")

    def __init__(self, data: bytes, entries: dict[int, Entry], limits: Limits) -> None:
        self._data = data
        self._entries = entries
        self._limits = limits
        self._frames: list[Frame] = []
        self.left = limits.avps
        self.fault: Fault | None = None
        self.repeated = 0
        self.stopped = False

    def walk(self, at: int, end: int, group: Group) -> None:
        """
        Decode the AVPs between two offsets into a group; the first is a multiple of four.

        One loop over the message as 32-bit words, with the common types and the way into groups in place, because calls are what it would otherwise spend
        its time on: AVPs begin at multiples of four, so headers and numbers are words.
        """
        data, find = self._data, self._entries.get
        words = (*unpack(f">{len(data) >> 2}I", data[: len(data) & ~3]), *_BEHIND)
        frames, append = self._frames, group.pairs.append
        while True:
            while at < end:
                index = at >> 2
                word = words[index + 1]
                entry = find(words[index] if word < _VENDORED else words[index + 2] << 32 | words[index])
                if entry is None or end - at < 8:
                    at = self._strange(group, at, end)
                    if self.stopped:
                        return
                    continue
                form, name, flags, header, size, convert, grammar, avp = entry
                # Other flags make it negative, or larger than a message can be.
                length = word - flags
                if length < header or length > end - at or (size and length != size):
                    header = self._unlike(group, at, end, entry)
                    if self.stopped:
                        return
                    length = word & 0xFFFFFF
                start, stop = at + header, at + length
                if form == NUMBER:
                    append((name, words[start >> 2]))
                elif form == TEXT:
                    try:
                        append((name, data[start:stop].decode()))
                    except UnicodeDecodeError:
                        self._invalid(at, stop, entry, group)
                elif form == GROUP:
                    if len(frames) >= self._limits.depth:
                        return self._stop(Fault(Result.UNABLE_TO_COMPLY, f"{avp.name} is nested too deeply"))
                    frames.append((end, group, avp, grammar, start))
                    group = Group()
                    append((name, group))
                    at, end, append = start, stop, group.pairs.append
                    continue
                elif form == SIGNED:
                    number = words[start >> 2]
                    append((name, number if number < 0x80000000 else number - 0x100000000))
                elif form == LONG:
                    append((name, words[start >> 2] << 32 | words[(start >> 2) + 1]))
                else:
                    self._convert(group, at, start, stop, entry)
                at = (stop + 3) & ~3
            # Once a group: the octets bound the work, this bounds what the reader of the message meets.
            self.left -= len(group.pairs)
            if self.left < 0:
                return self._stop(Fault(Result.UNABLE_TO_COMPLY, "more AVPs than this node reads"))
            if not frames:
                return
            at, end, group = self._leave(group, end)
            append = group.pairs.append

    def _leave(self, group: Group, stop: int) -> tuple[int, int, Group]:
        """A group is read: it is compared with its grammar; gives where its surroundings go on, their end and their group."""
        end, outer, _, grammar, start = self._frames[-1]
        if grammar is not None and self.fault is None and (grammar.required or len(group.pairs) > 1):
            self.compare(group, grammar, start, stop)
        self._frames.pop()
        return (stop + 3) & ~3, end, outer

    def _convert(self, group: Group, at: int, start: int, stop: int, entry: Entry) -> None:
        """A value of one of the types that are not decoded in place."""
        if entry[0] == OPAQUE:
            group.pairs.append((entry[1], self._opaque(start, stop)))
            return
        value = entry[5](self._data[start:stop])
        if value is None:
            self._invalid(at, stop, entry, group)
        else:
            group.pairs.append((entry[1], value))

    def _strange(self, group: Group, at: int, end: int) -> int:
        """An AVP that the dictionary hasn't got, or the rest of one; gives where the next begins."""
        if end - at < 8:
            self._cut(at, end)
            return end
        word: int = _number_at(self._data, at + 4)[0]
        start, stop = at + (12 if word & _VENDORED else 8), at + (word & 0xFFFFFF)
        if stop < start or stop > end:
            self._misfit(at, end)
            return end
        self._unknown(group, at, start, stop)
        return (stop + 3) & ~3

    def _unlike(self, group: Group, at: int, end: int, entry: Entry) -> int:
        """An AVP that has not the length or the flags that we expect; gives the octets of its header."""
        word: int = _number_at(self._data, at + 4)[0]
        header, length = 12 if word & _VENDORED else 8, word & 0xFFFFFF
        if length < header or length > end - at:
            self._misfit(at, end)
        elif entry[4] and length - header != entry[4] - entry[3]:
            self._missized(at, entry)
        else:
            self._odd(group, word >> 24, at, at + length, entry)
        return header

    def _odd(self, group: Group, flags: int, at: int, stop: int, entry: Entry) -> None:
        """
        Keep flags that aren't ours. M, P and reserved bits are the sender's affair; the V bit with vendor 0
        is one that the definition has not (3009).
        """
        if group.odd is None:
            group.odd = {}
        group.odd[len(group.pairs)] = flags
        if (flags ^ entry[2] >> 24) & VENDOR:
            self._fault(Result.INVALID_AVP_BITS, f"{entry[1]} has the V bit and no vendor", echoed(self._data[at:stop]))

    def _opaque(self, start: int, stop: int) -> Value:
        """The AVPs of a Failed-AVP, its octets when they are none."""
        octets = self._data[start:stop]
        inner, group = _Within(octets, self._entries, self._limits), Group()
        inner.walk(0, len(octets), group)
        return octets if inner.fault is not None else group

    def compare(self, group: Group, grammar: Grammar, at: int, end: int) -> None:
        """
        Compare the AVPs of these offsets with their grammar; a fault is what it lacks, or has too often.
        """
        pairs = group.pairs
        names = set(map(_name_of, pairs))
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
        return next((example(entry[7]) for entry in self._entries.values() if entry[1] == name), b"")

    def _nth(self, index: int, at: int, end: int) -> bytes:
        """The octets of an AVP by its place between two offsets, which were walked before."""
        for _ in range(index):
            at = (at + (_head_at(self._data, at)[1] & 0xFFFFFF) + 3) & ~3
        return echoed(self._data[at:end])

    def _fault(self, result: Result, text: str, avp: bytes) -> None:
        """Keep the first fault, its AVP inside the groups that it was in."""
        if self.fault is None:
            self.fault = Fault(int(result), text, wrapped(avp, [frame[2] for frame in self._frames]) if avp else b"")

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
        avp = headed(code, flags, vendor, entry[7] if entry else None)
        self._fault(Result.INVALID_AVP_LENGTH, f"AVP {code} of vendor {vendor} has an impossible length", avp)
        self.stopped = True

    def _missized(self, at: int, entry: Entry) -> None:
        """5014: a length that the type has not."""
        avp = entry[7]
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


class _Within(Walk):
    """The walk within a Failed-AVP: one in it stays octets, or a message of 300 in each other would be walked 300 times."""

    __slots__ = ()

    def _opaque(self, start: int, stop: int) -> Value:
        return self._data[start:stop]
