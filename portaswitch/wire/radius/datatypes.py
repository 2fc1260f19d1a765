"""
Attribute data types: one decoder and one encoder each (RFC 8044, in the words of the FreeRADIUS
dictionaries).

A decoder takes the octets of a value and gives the Python value, or None when octets of that length or
content can't be of the type: the attribute is then ignored and its packet kept (RFC 5080 2.5). An encoder
takes what the caller has and gives the octets, or raises ValueError with what is wrong.

======================  =====================================================================================
type                    Python value
======================  =====================================================================================
string                  str; bytes when it isn't UTF-8 or has a NUL, so that it never equals a name
octets, abinary         bytes
integer, short, byte,
integer64, signed       int
date                    int, seconds since 1970 UTC
ipaddr, ipv6addr        str, the address's canonical form
ipv4prefix, ipv6prefix  str, address/length
ifid, ether             str, groups of hexadecimal digits between colons
======================  =====================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from socket import inet_ntoa
from types import MappingProxyType
from typing import Final

Value = str | int | bytes
Decoder = Callable[[bytes], Value | None]
Encoder = Callable[[Value], bytes]


def decode_text(octets: bytes) -> Value:
    """A text: str, but bytes when a NUL or a non UTF-8 octet makes it unfit to be a name (RFC 2865 5)."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return octets
    return octets if "\0" in text else text


def decode_octets(octets: bytes) -> bytes:
    """Octets are what they are."""
    return octets


# Access servers and subscribers come again and again, and a look-up costs a third of the conversion.
_dotted = lru_cache(maxsize=65536)(inet_ntoa)


def decode_address(octets: bytes) -> str | None:
    """An IPv4 address of exactly four octets."""
    return _dotted(octets) if len(octets) == 4 else None


def _decode_ipv6(octets: bytes) -> str | None:
    """An IPv6 address of exactly 16 octets."""
    return str(IPv6Address(octets)) if len(octets) == 16 else None


def _decode_ipv6_prefix(octets: bytes) -> str | None:
    """
    A reserved octet, the prefix length in bits, then at most 16 octets; missing ones are zero (RFC 3162 2.3).
    """
    if not 2 <= len(octets) <= 18 or octets[1] > 128:
        return None
    return str(IPv6Network((octets[2:].ljust(16, b"\0"), octets[1]), strict=False))


def _decode_ipv4_prefix(octets: bytes) -> str | None:
    """A reserved octet, the prefix length in bits, then four octets (RFC 8044 3.11)."""
    if len(octets) != 6 or octets[1] > 32:
        return None
    return str(ip_network((octets[2:], octets[1]), strict=False))


def _decode_interface_id(octets: bytes) -> str | None:
    """Eight octets as four groups without leading zeros (RFC 3162 2.2)."""
    if len(octets) != 8:
        return None
    return ":".join(f"{group:x}" for group in struct.unpack(">4H", octets))


def _decode_ether(octets: bytes) -> str | None:
    """The six octets of a MAC address."""
    return octets.hex(":") if len(octets) == 6 else None


def _integer_decoder(layout: str) -> Decoder:
    """The decoder of an integer with this struct layout."""
    unpack = struct.Struct(layout).unpack
    size = struct.calcsize(layout)

    def decode_integer(octets: bytes) -> int | None:
        return int(unpack(octets)[0]) if len(octets) == size else None

    return decode_integer


def encode_text(value: Value) -> bytes:
    """Text as UTF-8; numbers in decimal, because voice attributes carry numbers as text."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else str(int(value))).encode()


def _encode_octets(value: Value) -> bytes:
    """
    bytes as they are; str as UTF-8, so that State or Class may be given as text. A number has no octet form.
    """
    if isinstance(value, int):
        raise ValueError("give bytes or text, not a number")
    return value.encode() if isinstance(value, str) else value


def _integer_encoder(layout: str) -> Encoder:
    """The encoder of an integer with this struct layout."""
    pack = struct.Struct(layout).pack

    def encode_integer(value: Value) -> bytes:
        try:
            return pack(int(value))
        except struct.error as error:
            raise ValueError(str(error)) from None

    return encode_integer


def _text_of(value: Value) -> str:
    """The str that types with a textual form need."""
    if not isinstance(value, str):
        raise ValueError(f"give text, not {type(value).__name__}")
    return value


def _encode_address(value: Value) -> bytes:
    """Dotted quad to four octets."""
    return IPv4Address(_text_of(value)).packed


def _encode_ipv6(value: Value) -> bytes:
    """Textual form to 16 octets."""
    return IPv6Address(_text_of(value)).packed


def _encode_prefix(value: Value) -> bytes:
    """address/length to a reserved octet, the length and the whole address, host bits cleared."""
    network = ip_network(_text_of(value), strict=False)
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _encode_interface_id(value: Value) -> bytes:
    """Four groups of hexadecimal digits to eight octets."""
    groups = [int(group, 16) for group in _text_of(value).split(":")]
    if len(groups) != 4 or not all(0 <= group < 1 << 16 for group in groups):
        raise ValueError("an interface id is four groups of at most four hexadecimal digits")
    return struct.pack(">4H", *groups)


def _encode_ether(value: Value) -> bytes:
    """Six groups of two hexadecimal digits to six octets."""
    octets = bytes.fromhex(_text_of(value).replace(":", "").replace("-", ""))
    if len(octets) != 6:
        raise ValueError("a MAC address is six groups of two hexadecimal digits")
    return octets


#: The integer types and their layouts.
INTEGERS: Final[Mapping[str, str]] = MappingProxyType(
    {"integer": ">I", "date": ">I", "signed": ">i", "short": ">H", "byte": ">B", "integer64": ">Q"}
)

DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        "string": decode_text,
        "octets": decode_octets,
        "abinary": decode_octets,
        "ipaddr": decode_address,
        "ipv6addr": _decode_ipv6,
        "ipv6prefix": _decode_ipv6_prefix,
        "ipv4prefix": _decode_ipv4_prefix,
        "ifid": _decode_interface_id,
        "ether": _decode_ether,
        **{name: _integer_decoder(layout) for name, layout in INTEGERS.items()},
    }
)

ENCODERS: Final[Mapping[str, Encoder]] = MappingProxyType(
    {
        "string": encode_text,
        "octets": _encode_octets,
        "abinary": _encode_octets,
        "ipaddr": _encode_address,
        "ipv6addr": _encode_ipv6,
        "ipv6prefix": _encode_prefix,
        "ipv4prefix": _encode_prefix,
        "ifid": _encode_interface_id,
        "ether": _encode_ether,
        **{name: _integer_encoder(layout) for name, layout in INTEGERS.items()},
    }
)
