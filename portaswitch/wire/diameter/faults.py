"""
What can be wrong with a message, as values that say how it is to be answered (RFC 6733 7).

A fault has the AVP that its Failed-AVP must hold (RFC 6733 7.5): the offending one, inside the groups that
it was in, without their other AVPs; an example of the least length for one that is missing or cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from portaswitch.wire.diameter.datatypes import LEAST
from portaswitch.wire.diameter.definitions import VENDOR, Avp

_HEAD: Final = Struct(">II")
_WITH_VENDOR: Final = Struct(">III")
#: The largest AVP that goes back whole; of a larger one its header and this many octets.
LARGEST_ECHO: Final = 4096


class Result(IntEnum):
    """Result-Codes that the protocol itself gives (RFC 6733 7.1), whatever the application."""

    SUCCESS = 2001
    COMMAND_UNSUPPORTED = 3001
    UNABLE_TO_DELIVER = 3002
    REALM_NOT_SERVED = 3003
    TOO_BUSY = 3004
    LOOP_DETECTED = 3005
    APPLICATION_UNSUPPORTED = 3007
    INVALID_HDR_BITS = 3008
    INVALID_AVP_BITS = 3009
    UNKNOWN_PEER = 3010
    ELECTION_LOST = 4003
    AVP_UNSUPPORTED = 5001
    INVALID_AVP_VALUE = 5004
    MISSING_AVP = 5005
    AVP_OCCURS_TOO_MANY_TIMES = 5009
    NO_COMMON_APPLICATION = 5010
    UNSUPPORTED_VERSION = 5011
    UNABLE_TO_COMPLY = 5012
    INVALID_BIT_IN_HEADER = 5013
    INVALID_AVP_LENGTH = 5014
    INVALID_MESSAGE_LENGTH = 5015
    NO_COMMON_SECURITY = 5017


@dataclass(frozen=True, slots=True)
class Fault:
    """
    The first thing that is wrong with a message.

    :ivar result: a :class:`Result`, as a plain int.
    :ivar text: for Error-Message and the log; holds no values of AVPs.
    :ivar avp: the octets that Failed-AVP must hold, empty for none.
    """

    result: int
    text: str
    avp: bytes = b""

    @property
    def is_protocol_error(self) -> bool:
        """Its answer has the E bit and the generic grammar (RFC 6733 7.2)."""
        return self.result // 1000 == 3

    @property
    def loses_framing(self) -> bool:
        """Where the next message begins can't be known: the connection is to be closed."""
        return self.result in (Result.INVALID_MESSAGE_LENGTH, Result.UNSUPPORTED_VERSION)


def packed(code: int, flags: int, vendor: int, value: bytes) -> bytes:
    """The octets of an AVP, padded."""
    if flags & VENDOR:
        head = _WITH_VENDOR.pack(code, flags << 24 | 12 + len(value), vendor)
    else:
        head = _HEAD.pack(code, flags << 24 | 8 + len(value))
    return head + value + bytes(-len(value) % 4)


def wrapped(avp: bytes, path: Sequence[Avp]) -> bytes:
    """An AVP inside the groups of a path, the outermost first."""
    for outer in reversed(path):
        avp = packed(outer.code, outer.flags, outer.vendor, avp)
    return avp


def example(avp: Avp) -> bytes:
    """An AVP with a value of zeros, of the least length that its type has (RFC 6733 7.5)."""
    return packed(avp.code, avp.flags, avp.vendor, bytes(LEAST.get(avp.type, 0)))


def headed(code: int, flags: int, vendor: int, known: Avp | None) -> bytes:
    """The header of an AVP whose length is wrong, with zeros of the least length for a known one."""
    return packed(code, flags, vendor, bytes(LEAST.get(known.type, 0) if known else 0))


def echoed(octets: bytes) -> bytes:
    """An offending AVP as it came, header and all, padded; cut when it is longer than an answer should be."""
    code, word = _HEAD.unpack_from(octets)
    flags = word >> 24
    vendor = int.from_bytes(octets[8:12], "big") if flags & VENDOR else 0
    start = 12 if flags & VENDOR else 8
    return packed(code, flags, vendor, octets[start : word & 0xFFFFFF][:LARGEST_ECHO])
