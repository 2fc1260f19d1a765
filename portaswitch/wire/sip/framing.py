"""
Messages out of a stream (RFC 3261 18.3, RFC 5626 4.4.1): Content-Length says where one ends, two line ends between messages are a ping.

What has no Content-Length, or one that can't be read, leaves no way to find the next message: after its answer the connection is closed.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from portaswitch.wire.sip.fault import DROPPED, Fault
from portaswitch.wire.sip.limits import LIMITS, Limits
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.parse import END, Head, complete, read_head

#: The answer to a ping is one line end (RFC 5626 4.4.1).
PONG: Final = b"\r\n"
PING: Final = b"\r\n\r\n"


class Signal(Enum):
    """What a stream holds beside messages."""

    PING = "ping"
    PONG = "pong"


Item = Request | Response | Fault | Signal


class Stream:
    """
    The octets of one connection. :meth:`feed` gives what they have made whole.

    :ivar closed: nothing more is read: a fault was given, behind which no message can be found. Answer it and close the connection.
    """

    __slots__ = ("_asks", "_buffer", "_head", "_limits", "_searched", "_size", "closed")

    def __init__(self, limits: Limits = LIMITS, asks: bool = False) -> None:
        """:param asks: we are the one who pings, so that a single line end is a pong; else it is only passed over."""
        self._buffer = bytearray()
        self._head: Head | None = None
        self._limits = limits
        self._asks = asks
        self._searched = 0
        #: Octets of `_head`.
        self._size = 0
        self.closed = False

    @property
    def waiting(self) -> int:
        """Octets of a message that isn't whole; a connection on which they stay for long is slow on purpose."""
        return len(self._buffer) + (0 if self._head is None else self._size)

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun that isn't whole: its head, or its body."""
        return bool(self._buffer) or self._head is not None

    def feed(self, octets: bytes) -> list[Item]:
        """The messages, faults and signals that these octets complete, in order. Octets behind :attr:`closed` are thrown away."""
        self._buffer += octets
        items: list[Item] = []
        while (item := self._next()) is not None:
            items.append(item)
        return items

    def ended(self) -> Fault | None:
        """The peer has closed its side: the fault of what it had begun, None when nothing is left."""
        self.closed = True
        left = bytes(self._buffer).strip(b"\r\n")
        self._buffer.clear()
        return Fault("cut-off", DROPPED) if left or self._head is not None else None

    def _next(self) -> Item | None:
        if self.closed:
            self._buffer.clear()
            return None
        if self._head is None:
            signal = self._signal()
            if signal is not None:
                return signal
            found = self._begin()
            if not isinstance(found, Head):
                return found
            self._head = found
        length = self._head.length or 0
        if len(self._buffer) < length:
            return None
        body, head, self._head = self._take(length), self._head, None
        return complete(head, body, self._limits)

    def _signal(self) -> Signal | None:
        """A ping, or a pong, before the next message. A single line end waits for what follows it, unless a message does."""
        buffer = self._buffer
        while buffer[:2] == b"\r\n":
            if buffer[:4] == PING:
                self._take(4)
                return Signal.PING
            if self._asks:
                self._take(2)
                return Signal.PONG
            if len(buffer) < 4 and PING.startswith(bytes(buffer)):
                return None
            self._take(2)
        return None

    def _begin(self) -> Head | Fault | None:
        """The head of the next message, once it is there whole."""
        buffer, limits = self._buffer, self._limits
        if not buffer or PING.startswith(bytes(buffer[:4])):
            return None
        end = buffer.find(END, self._searched, limits.head + len(END))
        if end < 0:
            # What was looked through once isn't again, or a head that comes octet by octet would cost its square.
            self._searched = max(0, min(len(buffer), limits.head) - len(END))
            return self._close(self._oversized()) if len(buffer) > limits.head else None
        head, self._size = read_head(self._take(end), limits), end
        self._take(len(END))
        if isinstance(head, Fault):
            return self._close(head)
        if head.length is None:
            return self._close(head.fault("no-content-length", 400, "Missing Content-Length"))
        return self._close(head.fault("body-too-large", 413)) if head.length > limits.body else head

    def _oversized(self) -> Fault:
        found = read_head(bytes(self._buffer[: self._limits.head]), self._limits, whole=False)
        return found if isinstance(found, Fault) else found.fault("head-too-large", 513)

    def _close(self, fault: Fault) -> Fault:
        self.closed = True
        return fault

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched = 0
        return taken
