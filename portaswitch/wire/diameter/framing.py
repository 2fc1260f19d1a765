"""Messages out of a stream, by the length in their header (RFC 6733 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.wire.diameter.codec import LIMITS, VERSION
from portaswitch.wire.diameter.definitions import HEADER_OCTETS
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.walk import Limits

#: Octets that say version and length.
_PREFIX: Final = 4


class Framer:
    """
    Cuts the octets of one connection into messages.

    After a fault where the next message begins is unknown: nothing more comes out, and the connection is to
    be closed. What it holds is never more than one message of the largest size and one read.
    """

    __slots__ = ("_kept", "_limits", "_lost")

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._kept = b""
        self._limits = limits
        self._lost = False

    @property
    def waiting(self) -> int:
        """Octets of a message whose end has not come yet."""
        return len(self._kept)

    def feed(self, octets: bytes) -> Iterator[bytes | Fault]:
        """The messages that these octets complete, in order, and the fault that ends the stream."""
        if self._lost:
            return
        data = self._kept + octets if self._kept else octets
        at, size = 0, len(data)
        while size - at >= _PREFIX:
            length = int.from_bytes(data[at + 1 : at + 4], "big")
            fault = self._fault(data[at], length)
            if fault is not None:
                self._lost = True
                self._kept = b""
                yield fault
                return
            if size - at < length:
                break
            message = data[at : at + length]
            at += length
            # Kept before the caller sees the message, who may stop reading.
            self._kept = b""
            yield message
        self._kept = data[at:] if at else data

    def _fault(self, version: int, length: int) -> Fault | None:
        """What makes the stream unreadable."""
        if version != VERSION:
            return Fault(Result.UNSUPPORTED_VERSION, f"version {version} is not {VERSION}")
        if length < HEADER_OCTETS or length % 4 or length > self._limits.octets:
            return Fault(Result.INVALID_MESSAGE_LENGTH, f"length {length}")
        return None
