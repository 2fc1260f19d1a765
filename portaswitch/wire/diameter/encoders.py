"""Values to octets: one packer per AVP, its header computed beforehand."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Final

from portaswitch.wire.diameter.datatypes import ENCODERS, NUMBERS, SIZES, Encoder, Value
from portaswitch.wire.diameter.definitions import VENDOR, Avp
from portaswitch.wire.diameter.message import Group, Pair

_HEAD: Final = Struct(">II").pack
_VENDOR: Final = Struct(">I").pack
_PADS: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
#: What the 24 bits of an AVP's length can say.
_LARGEST: Final = 0xFFFFFF

#: Packs one AVP of a group.
Inner = Callable[[Pair, int | None], bytes]


class Packer:
    """
    Encodes one AVP.

    :ivar avp: its definition.
    """

    __slots__ = ("_encode", "_fixed", "_flags", "_header", "_inner", "_integer", "_vendor", "avp")

    def __init__(self, avp: Avp, inner: Inner) -> None:
        self.avp = avp
        self._flags = avp.flags << 24
        self._vendor = _VENDOR(avp.vendor) if avp.vendor else b""
        self._header = 12 if avp.vendor else 8
        self._inner = inner
        self._encode: Encoder = self._group if avp.type == "Grouped" else ENCODERS[avp.type]
        layout = NUMBERS.get(avp.type, "")
        self._integer = Struct(layout).pack if layout and layout[-1] not in "fd" else None
        size = SIZES.get(avp.type)
        self._fixed = _HEAD(avp.code, self._flags | self._header + size) + self._vendor if size else b""

    def pack(self, value: Value, flags: int | None = None) -> bytes:
        """
        The octets of the AVP, padded.

        :param value: of the type, or a word of an AVP that has words.
        :raises ValueError: with the AVP's name and what is wrong.
        """
        if flags is None and self._integer is not None and type(value) is int:
            # Half of a message's AVPs are numbers.
            try:
                return self._fixed + self._integer(value)
            except error as fault:
                raise ValueError(f"{self.avp.name}: {fault}") from None
        try:
            if isinstance(value, str) and self.avp.words:
                value = self._number(value)
            octets = self._encode(value)
        except ValueError as fault:
            raise ValueError(f"{self.avp.name}: {fault}") from None
        if flags is None and self._fixed:
            # Their sizes are multiples of four.
            return self._fixed + octets
        size = self._header + len(octets)
        vendor = self._vendor
        if flags is not None and flags & VENDOR and not vendor:
            size, vendor = size + 4, bytes(4)
        if size > _LARGEST:
            raise ValueError(f"{self.avp.name}: {size} octets, and an AVP holds {_LARGEST}")
        word = (self._flags if flags is None else flags << 24) | size
        return _HEAD(self.avp.code, word) + vendor + octets + _PADS[size & 3]

    def _number(self, word: str) -> int:
        """The number of a word."""
        number = self.avp.words.get(word)
        if number is None:
            raise ValueError(f"{word} is not one of {', '.join(self.avp.words)}")
        return number

    def _group(self, value: Value) -> bytes:
        """The AVPs of a group; octets as they are."""
        if isinstance(value, bytes):
            return value
        if not isinstance(value, Group):
            raise ValueError(f"give a Group, not {type(value).__name__}")
        inner = self._inner
        if value.odd is None:
            return b"".join([inner(pair, None) for pair in value.pairs])
        odd = value.odd.get
        return b"".join([inner(pair, odd(index)) for index, pair in enumerate(value.pairs)])
