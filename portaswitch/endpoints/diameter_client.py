"""
The client side of Diameter, for tries: one connection, a CER, then one request after the other (RFC 6733 5.3, RFC 8506).

    connect > CER > 2001 > CCR > CCA ... > DPR > closed
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from portaswitch.wire.diameter.capabilities import CAPABILITIES, DISCONNECT, WATCHDOG, Local
from portaswitch.wire.diameter.codec import BASE, decode, encode, encode_answer
from portaswitch.wire.diameter.definitions import PROXIABLE, REQUEST
from portaswitch.wire.diameter.framing import Framer
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair

CREDIT_CONTROL = 272
#: Seconds that an answer may take.
WAIT = 10.0


class Ended(Exception):
    """The server closed the connection."""


class DiameterClient(Protocol):
    """A peer of the server. `local` is who it is; `clock` has `callLater`."""

    def __init__(self, local: Local, identifiers: Identifiers, clock: Any) -> None:
        self._local, self._identifiers, self._clock = local, identifiers, clock
        self._framer = Framer()
        self._waiting: dict[int, Deferred[Message]] = {}

    def dataReceived(self, data: bytes) -> None:
        """Answers go to who asked; a DWR is answered, what else is asked is not."""
        for item in self._framer.feed(data):
            if not isinstance(item, bytes):
                self._send_away()
                return
            message = decode(item, self._local.dictionary)
            if not message.is_request:
                waiting = self._waiting.pop(message.hop_by_hop, None)
                if waiting is not None:
                    waiting.callback(message)
            elif message.code == WATCHDOG:
                self._write(encode_answer(message, [("Result-Code", 2001), *self._local.origin], self._local.dictionary))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whoever waits, waits for nothing."""
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.errback(Ended("the server closed the connection"))

    def capabilities(self) -> Deferred[Message]:
        """Say who we are; fires with the CEA."""
        return self._ask(REQUEST, CAPABILITIES, BASE, self._local.capabilities())

    def credit(self, body: list[Pair]) -> Deferred[Message]:
        """Send a CCR; fires with the CCA, or fails with TimeoutError or Ended."""
        return self._ask(REQUEST | PROXIABLE, CREDIT_CONTROL, 4, body)

    def leave(self) -> Deferred[Message]:
        """Take leave; fires with the DPA."""
        return self._ask(REQUEST, DISCONNECT, BASE, [*self._local.origin, ("Disconnect-Cause", 0)])

    def close(self) -> None:
        """End the connection."""
        self._send_away()

    def _ask(self, flags: int, code: int, application: int, body: list[Pair]) -> Deferred[Message]:
        hop, end = self._identifiers.hop_by_hop(), self._identifiers.end_to_end()
        self._write(encode(flags, code, application, hop, end, body, self._local.dictionary))
        waiting: Deferred[Message] = Deferred()
        self._waiting[hop] = waiting
        return waiting.addTimeout(WAIT, self._clock)

    def _write(self, octets: bytes) -> None:
        transport: Any = self.transport
        transport.write(octets)

    def _send_away(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()
