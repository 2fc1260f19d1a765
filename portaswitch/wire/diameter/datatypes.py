"""
AVP data types: one decoder and one encoder each (RFC 6733 4.2 and 4.3).

A decoder takes the octets of a value and gives the Python value, or None when octets of that content can't
be of the type. Sizes of types that have one are checked before (:data:`SIZES`). An encoder takes what the
caller has and gives the octets, or raises ValueError with what is wrong.

==============================  ============================================================================
type                            Python value
==============================  ============================================================================
OctetString                     bytes
UTF8String, DiameterIdentity,
DiameterURI, IPFilterRule,
QoSFilterRule                   str
Integer32, Integer64,
Unsigned32, Unsigned64,
Enumerated                      int
Float32, Float64                float; bytes when it is not a number, since Python would not keep its bits
Time                            int, seconds since 1970 UTC, from 1968 to 2104
Address                         str, the canonical form of an IP address; bytes, family included, for others
Grouped                         :class:`.message.Group`
==============================  ============================================================================
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar, Union

if TYPE_CHECKING:
    from portaswitch.wire.diameter.message import Group, Unknown

#: What an AVP holds, group or not.
Value = Union[str, int, bytes, float, "Group", "Unknown"]
Decoder = Callable[[bytes], Value | None]
Encoder = Callable[[Value], bytes]
Text = TypeVar("Text", bound=str | bytes)
Made = TypeVar("Made")

#: Octets of the longest value that is remembered decoded or encoded: strangers choose what comes.
REMEMBERED: Final = 255
#: From 1900, the epoch of NTP, to 1970.
_NTP_TO_UNIX: Final = 2_208_988_800
#: Seconds that the 32 bits of a Time can count; RFC 6733 4.3.1 begins the next era in 2036 (RFC 5905).
_ERA: Final = 1 << 32
#: Families of addresses that are IP (IANA, Address Family Numbers).
_IPV4: Final = b"\0\1"
_IPV6: Final = b"\0\2"

_IDENTITY: Final = re.compile(r"[!-~]+", re.ASCII)
_URI: Final = re.compile(r"aaas?://[!-~]+", re.ASCII)


def remembered(convert: Callable[[Text], Made], most: int) -> Callable[[Text], Made]:
    """What does as `convert`, and remembers what became of that many short values."""
    known = lru_cache(most)(convert)
    return lambda value: known(value) if len(value) <= REMEMBERED else convert(value)


def decode_text(octets: bytes) -> str | None:
    """UTF-8 (RFC 6733 4.3.1)."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


def decode_octets(octets: bytes) -> bytes:
    """Octets are what they are."""
    return octets


def _pattern_decoder(pattern: re.Pattern[str]) -> Decoder:
    """ASCII text of a form."""

    def decode(octets: bytes) -> str | None:
        text = decode_text(octets)
        return text if text is not None and pattern.fullmatch(text) else None

    return remembered(decode, 4096)  # the same few peers and realms in every message


def _address(octets: bytes) -> str | bytes | None:
    """Two octets of family, then the address; an IP address must be of its length."""
    if len(octets) < 2:
        return None
    family, rest = octets[:2], octets[2:]
    if family == _IPV4:
        return str(IPv4Address(rest)) if len(rest) == 4 else None
    if family == _IPV6:
        return str(IPv6Address(rest)) if len(rest) == 16 else None
    return octets


decode_address: Final = remembered(_address, 65536)


def decode_time(octets: bytes) -> int:
    """The high bit says which era it is: set, from 1968 to 2036, clear, from 2036 to 2104."""
    seconds = int.from_bytes(octets, "big")
    return seconds - _NTP_TO_UNIX + (0 if octets[0] & 0x80 else _ERA)


def _number_decoder(layout: str) -> Decoder:
    """The decoder of a number with this struct layout; NaN stays octets."""
    unpack = struct.Struct(layout).unpack

    def decode(octets: bytes) -> Value:
        (number,) = unpack(octets)
        value: Value = number
        return value if value == value else octets

    return decode


def _text_of(value: Value) -> str:
    """The str that types with a textual form need."""
    if not isinstance(value, str):
        raise ValueError(f"give text, not {type(value).__name__}")
    return value


def _encode_text(value: Value) -> bytes:
    """Text as UTF-8."""
    try:
        return _text_of(value).encode()
    except UnicodeEncodeError as error:
        raise ValueError(str(error)) from None


def _encode_octets(value: Value) -> bytes:
    """bytes as they are; str as UTF-8. A number has no octet form."""
    if isinstance(value, bytes):
        return value
    return _encode_text(value)


def _pattern_encoder(pattern: re.Pattern[str], what: str) -> Encoder:
    """ASCII text of a form."""

    def encoded(text: str) -> bytes:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {what}")
        return text.encode()

    known = remembered(encoded, 4096)
    return lambda value: known(_text_of(value))


def _encode_address(value: Value) -> bytes:
    """The text of an IP address, or the octets of any address with its family."""
    if isinstance(value, bytes):
        if decode_address(value) is None:
            raise ValueError("give two octets of family and an address of its length")
        return value
    address = ip_address(_text_of(value))
    return (_IPV4 if address.version == 4 else _IPV6) + address.packed


def _encode_time(value: Value) -> bytes:
    """Seconds since 1970, in the era in which they are."""
    if not isinstance(value, int):
        raise ValueError(f"give seconds since 1970, not {type(value).__name__}")
    seconds = value + _NTP_TO_UNIX
    if not _ERA >> 1 <= seconds < _ERA + (_ERA >> 1):
        raise ValueError(f"{value} is not from 1968 to 2104")
    return (seconds % _ERA).to_bytes(4, "big")


def _number_encoder(layout: str, *kinds: type) -> Encoder:
    """The encoder of a number with this struct layout; bytes of its size, which NaN decodes to."""
    pack, size = struct.Struct(layout).pack, struct.calcsize(layout)

    def encode(value: Value) -> bytes:
        if isinstance(value, bytes) and float in kinds and len(value) == size:
            return value
        if not isinstance(value, kinds):
            raise ValueError(f"give a number, not {type(value).__name__}")
        try:
            return pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(str(error)) from None

    return encode


#: The number types and their layouts.
NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Integer32": ">i",
        "Integer64": ">q",
        "Unsigned32": ">I",
        "Unsigned64": ">Q",
        "Enumerated": ">i",
        "Float32": ">f",
        "Float64": ">d",
    }
)

#: The octets of types that have one size: another is Result-Code 5014.
SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {"Time": 4, **{name: struct.calcsize(layout) for name, layout in NUMBERS.items()}}
)
#: The fewest octets that a value of the other types has, for examples of AVPs that are missing.
LEAST: Final[Mapping[str, int]] = MappingProxyType({**SIZES, "Address": 6})

DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        "OctetString": decode_octets,
        "UTF8String": decode_text,
        "DiameterIdentity": _pattern_decoder(_IDENTITY),
        "DiameterURI": _pattern_decoder(_URI),
        "IPFilterRule": decode_text,
        "QoSFilterRule": decode_text,
        "Address": decode_address,
        "Time": decode_time,
        **{name: _number_decoder(layout) for name, layout in NUMBERS.items()},
    }
)

ENCODERS: Final[Mapping[str, Encoder]] = MappingProxyType(
    {
        "OctetString": _encode_octets,
        "UTF8String": _encode_text,
        "DiameterIdentity": _pattern_encoder(_IDENTITY, "the name of a host or realm"),
        "DiameterURI": _pattern_encoder(_URI, "aaa:// or aaas:// and a host"),
        "IPFilterRule": _encode_text,
        "QoSFilterRule": _encode_text,
        "Address": _encode_address,
        "Time": _encode_time,
        **{
            name: _number_encoder(layout, *((int, float) if name.startswith("Float") else (int,)))
            for name, layout in NUMBERS.items()
        },
    }
)

#: Every word that a dictionary may give as type.
TYPES: Final = frozenset({*DECODERS, "Grouped"})
