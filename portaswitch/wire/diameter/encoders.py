"""Values to octets: one packer per AVP, its header computed beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from portaswitch.wire.diameter.datatypes import ENCODERS, SIZES, Encoder, Value, remembered
from portaswitch.wire.diameter.definitions import VENDOR, Avp
from portaswitch.wire.diameter.message import Group, Pair

_HEAD: Final = Struct(">II").pack
_VENDOR: Final = Struct(">I").pack
_PADS: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
#: What the 24 bits of an AVP's length can say.
_LARGEST: Final = 0xFFFFFF

#: Packs one AVP of a group.
Inner = Callable[[Pair, int | None], bytes]
#: Packs values with the flags of the definition.
Pack = Callable[[Value], bytes]
#: Values of one AVP that are remembered: result codes, names of hosts, kinds of requests come again and again.
_REMEMBERED: Final = 512


class Packs:
    """
    Packs AVPs by their names.

    :ivar by_name: filled by the dictionary; a plain dict, whose look-up is the quickest.
    """

    __slots__ = ("_unknown", "by_name")

    def __init__(self, unknown: Callable[[str, Value], bytes]) -> None:
        """
        :param unknown: packs what has none of the names, or raises ValueError.
        """
        self.by_name: dict[str, Pack] = {}
        self._unknown = unknown

    def all(self, pairs: Sequence[Pair]) -> bytes:
        """The octets of AVPs in this order; raises ValueError as :meth:`Packer.pack`."""
        by_name = self.by_name
        try:
            return b"".join([by_name[name](value) for name, value in pairs])
        except (KeyError, TypeError):
            # An unknown AVP, or a Group where none belongs, which can't be remembered.
            return b"".join([self._one(name, value) for name, value in pairs])

    def _one(self, name: str, value: Value) -> bytes:
        pack = self.by_name.get(name)
        if pack is None:
            return self._unknown(name, value)
        try:
            return pack(value)
        except TypeError:
            raise ValueError(f"{name}: give no {type(value).__name__}") from None


class Packer:
    """
    Encodes one AVP.

    :ivar avp: its definition.
    :ivar plain: packs a value with the flags of the definition; as :meth:`pack`.
    """

    __slots__ = ("_encode", "_flags", "_header", "_inner", "_packs", "_vendor", "avp", "plain")

    def __init__(self, avp: Avp, inner: Inner, packs: Packs) -> None:
        self.avp = avp
        self._flags = avp.flags << 24
        self._vendor = _VENDOR(avp.vendor) if avp.vendor else b""
        self._header = 12 if avp.vendor else 8
        self._inner, self._packs = inner, packs
        self._encode: Encoder = self._group if avp.type == "Grouped" else ENCODERS[avp.type]
        if avp.type in SIZES:
            self.plain: Pack = lru_cache(_REMEMBERED)(self._sized)
        elif avp.type == "DiameterIdentity":
            named: Any = self._any  # what has no length is refused as what can't be remembered is: TypeError
            self.plain = remembered(named, _REMEMBERED)
        else:
            self.plain = self._text() if avp.type in ("UTF8String", "OctetString") else self._grouped() if avp.type == "Grouped" else self._any

    def pack(self, value: Value, flags: int | None = None) -> bytes:
        """
        The octets of the AVP, padded.

        :param value: of the type, or a word of an AVP that has words.
        :raises ValueError: with the AVP's name and what is wrong.
        """
        return self._any(value) if flags is None else self._flagged(value, flags)

    def _octets(self, value: Value) -> bytes:
        """What the value is on the wire."""
        try:
            if isinstance(value, str) and self.avp.words:
                value = self._number(value)
            return self._encode(value)
        except ValueError as fault:
            raise ValueError(f"{self.avp.name}: {fault}") from None

    def _any(self, value: Value) -> bytes:
        octets = self._octets(value)
        size = self._header + len(octets)
        if size > _LARGEST:
            raise ValueError(f"{self.avp.name}: {size} octets, and an AVP holds {_LARGEST}")
        return _HEAD(self.avp.code, self._flags | size) + self._vendor + octets + _PADS[size & 3]

    def _flagged(self, value: Value, flags: int) -> bytes:
        """With other flags than the definition's; the V bit without a vendor has one of zeros."""
        octets, vendor = self._octets(value), self._vendor or (bytes(4) if flags & VENDOR else b"")
        size = 8 + len(vendor) + len(octets)
        if size > _LARGEST:
            raise ValueError(f"{self.avp.name}: {size} octets, and an AVP holds {_LARGEST}")
        return _HEAD(self.avp.code, flags << 24 | size) + vendor + octets + _PADS[size & 3]

    def _sized(self, value: Value) -> bytes:
        """A type of one size, a multiple of four."""
        octets = self._octets(value)
        return _HEAD(self.avp.code, self._flags | self._header + len(octets)) + self._vendor + octets

    def _text(self) -> Pack:
        """Text and octets, which differ in every message."""
        code, flags, header, vendor, whole = self.avp.code, self._flags, self._header, self._vendor, self._any
        # UTF8String has no octets for values; what is not plain ASCII goes the long way.
        raw = self.avp.type == "OctetString"

        def pack(value: Value) -> bytes:
            if type(value) is bytes and raw:
                octets = value
            elif type(value) is str and value.isascii():
                octets = value.encode()
            else:
                return whole(value)
            size = header + len(octets)
            if size > _LARGEST:
                return whole(value)
            return _HEAD(code, flags | size) + vendor + octets + _PADS[size & 3]

        return pack

    def _grouped(self) -> Pack:
        """Groups whose AVPs have all the flags that we send."""
        code, flags, header, vendor, everything, whole = self.avp.code, self._flags, self._header, self._vendor, self._packs.all, self._any

        def pack(value: Value) -> bytes:
            if type(value) is not Group or value.odd is not None:
                return whole(value)
            try:
                octets = everything(value.pairs)
            except ValueError as fault:
                raise ValueError(f"{self.avp.name}: {fault}") from None
            size = header + len(octets)
            if size > _LARGEST:
                return whole(value)
            # What groups hold is padded.
            return _HEAD(code, flags | size) + vendor + octets

        return pack

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
        odd = value.odd or {}
        return b"".join([inner(pair, odd.get(index)) for index, pair in enumerate(value.pairs)])
