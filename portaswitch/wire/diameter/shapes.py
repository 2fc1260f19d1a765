"""
Decoders for messages that come again and again in one shape.

A client's messages differ in their values and hardly in anything else: the same AVPs in the same order, with the same flags and lengths. That is a shape. Once
a sound message of a shape has come some times, a decoder is made for it: one struct that takes headers and values out at once, a comparison of all headers
with those of the shape, and a function that puts the values into place. What depends on values (UTF-8, names, addresses) is still checked; where a message is
not exactly as its shape has it, the walk reads it, and the walk alone says what is wrong. It is two to three times as fast as the walk.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from types import CodeType, FunctionType
from typing import Any, Final

from portaswitch.wire.diameter.datatypes import NUMBERS, Value
from portaswitch.wire.diameter.definitions import HEADER_OCTETS, VENDOR
from portaswitch.wire.diameter.message import UNKNOWN, Group, Pair, Unknown
from portaswitch.wire.diameter.walk import CONVERTED, GROUP, OPAQUE, SIZED, TEXT, Entry

#: Length, command, application, and length of the first AVP, which is the Session-Id: what tells most shapes apart.
_key_of = Struct(">III12xI").unpack_from
_head_at = Struct(">III").unpack_from
#: Octets of a message that has a key.
_LEAST: Final = HEADER_OCTETS + 12
#: Messages of one key that are read by the walk before a decoder is made, shapes of one key, and of all.
_AFTER, _OF_A_KEY, _MOST = 8, 8, 1000
#: Keys that are counted.
_COUNTED: Final = 10_000

Key = tuple[int, ...]
#: The struct, the headers that it must find, and what makes pairs of what it found.
Shape = tuple[Callable[[bytes], tuple[Any, ...]], tuple[bytes, ...], Callable[[tuple[Any, ...]], Group]]


class Unlike(ValueError):
    """A value that its type has not, or a message that no decoder can be made for."""


def _made(value: Value | None) -> Value:
    """A value that could be decoded."""
    if value is None:
        raise Unlike
    return value


def _group(pairs: list[Pair], odd: dict[int, int] | None = None) -> Group:
    """A group of these pairs themselves, no copy."""
    group = Group.__new__(Group)
    group.pairs, group.odd = pairs, odd
    return group


class Shapes:
    """
    The decoders of one dictionary, for one set of applications and the usual limits.

    Making one costs as much as reading a hundred messages. When there are too many all go, and it takes twice as many messages until one is made again, so
    that whoever sends ever new shapes gains nothing by it.
    """

    __slots__ = ("_after", "_entries", "_seen", "_shapes", "made")

    def __init__(self, entries: dict[int, Entry]) -> None:
        self._entries = entries
        self._shapes: dict[Key, tuple[Shape, ...]] = {}
        self._seen: dict[Key, int] = {}
        self._after = _AFTER
        self.made = 0

    def read(self, octets: bytes) -> tuple[int, int, Group] | None:
        """Hop-by-hop and end-to-end identifier and the AVPs of a message whose shape is known; None: the walk has to read it."""
        if len(octets) < _LEAST:
            return None
        for unpack, headers, build in self._shapes.get(_key_of(octets), ()):
            values = unpack(octets)
            if values[::2] == headers:
                try:
                    return values[1], values[3], build(values)
                except ValueError:
                    return None
        return None

    def was_sound(self, octets: bytes) -> None:
        """The walk has read a message without any fault or leniency; when that happens often for a shape, a decoder is made."""
        if len(octets) < _LEAST:
            return
        key = _key_of(octets)
        seen = self._seen.get(key, 0) + 1
        if seen < self._after:
            if len(self._seen) >= _COUNTED:
                self._seen.clear()
            self._seen[key] = seen
            return
        self._seen.pop(key, None)
        self._add(key, octets)

    def _add(self, key: Key, octets: bytes) -> None:
        if self.made >= _MOST:
            self._shapes, self.made, self._after = {}, 0, self._after * 2
        try:
            shape = _Maker(octets, self._entries).shape()
        except Unlike:
            return
        others = self._shapes.get(key, ())
        self._shapes[key] = (shape, *others)[:_OF_A_KEY]
        self.made += len(self._shapes[key]) - len(others)


class _Maker:
    """Makes the decoder of the shape that a sound message has: a format for struct, headers and values in turn, and the source of a function."""

    def __init__(self, octets: bytes, entries: dict[int, Entry]) -> None:
        self._octets, self._entries = octets, entries
        # Version, length, command and application count as header; then the two identifiers.
        self._format = [">12sI0sI"]
        self._at, self._pending, self._count = HEADER_OCTETS, 0, 4
        self._names: dict[str, Any] = {"G": _group, "M": _made, "U": Unknown}

    def shape(self) -> Shape:
        """The decoder. Errors: `Unlike` for a message whose decoding depends on more than its shape."""
        source = self._group(HEADER_OCTETS, len(self._octets))
        if self._pending:
            self._value("0s", 0)
        self._skip(len(self._octets))
        layout = Struct("".join(self._format))
        if layout.size != len(self._octets):
            raise Unlike
        compiled = compile(f"def build(v):\n return {source}\n", "<shape>", "exec")
        code = next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))
        return layout.unpack, layout.unpack(self._octets)[::2], FunctionType(code, self._names)

    def _group(self, at: int, end: int) -> str:
        """The source that makes a group of the AVPs between two offsets."""
        pairs: list[str] = []
        odd: dict[int, int] = {}
        while at < end:
            code, word, vendor = _head_at(self._octets.ljust(at + 12, b"\0"), at)
            flags, stop = word >> 24, at + (word & 0xFFFFFF)
            header = 12 if flags & VENDOR else 8
            self._skip(at)
            self._pending += header
            self._at += header
            entry = self._entries.get(vendor << 32 | code if flags & VENDOR else code)
            if entry is None:
                vendor = vendor if flags & VENDOR else 0
                size = stop - at - header
                pairs.append(f"({UNKNOWN!r}, U({code}, {vendor}, {flags}, {self._value(f'{size}s', size)}))")
            else:
                if flags << 24 != entry[2]:
                    odd[len(pairs)] = flags
                pairs.append(f"({entry[1]!r}, {self._typed(entry, at + header, stop)})")
            at = (stop + 3) & ~3
        return f"G([{', '.join(pairs)}]{f', {odd!r}' if odd else ''})"

    def _typed(self, entry: Entry, start: int, stop: int) -> str:
        """The source of one value."""
        form, convert, avp = entry[0], entry[5], entry[7]
        size = stop - start
        if form == GROUP:
            return self._group(start, stop)
        if form == OPAQUE:
            raise Unlike
        if form == TEXT:
            return f"{self._value(f'{size}s', size)}.decode()"
        layout = NUMBERS.get(avp.type, "")
        if layout and layout[-1] not in "fd":
            return self._value(layout[-1], size)
        octets = self._value(f"{size}s", size)
        if form in (CONVERTED, SIZED) and avp.type != "OctetString":
            name = f"c_{avp.type}"
            self._names[name] = convert
            return f"M({name}({octets}))"
        return octets

    def _value(self, layout: str, size: int) -> str:
        """The header octets that wait, then a value; gives the source that reads it."""
        self._format.append(f"{self._pending}s{layout}")
        self._pending = 0
        self._at += size
        self._count += 2
        return f"v[{self._count - 1}]"

    def _skip(self, at: int) -> None:
        """Padding up to here: what is in it counts for nothing."""
        if at > self._at:
            self._format.append(f"{at - self._at}x")
            self._at = at
