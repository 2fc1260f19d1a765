"""
The client side of RADIUS: a NAS that sends requests to one port of a server, retransmits them, and checks the
answers.

    request (octets) >  2 s without an answer: the same octets again, three tries in all  > NoAnswer
                     <  the first answer whose authenticator and signature are right      > Answer

Answers that can't be ours are ignored; why is said when no right one comes (`asking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol

from portaswitch.endpoints.asking import Answer, Asking, NoAnswer, Schedule
from portaswitch.wire.radius.datatypes import Value

__all__ = ["TRIES", "WAIT", "Answer", "NasClient", "NoAnswer"]

#: How often a request is sent in all, and how many seconds an answer may take each time.
TRIES, WAIT = 3, 2.0

SILENCE = (
    "is the server running there? It is silent to a client that is not in its radius_clients, to a wrong "
    "secret, and while its database is down"
)


class NasClient(DatagramProtocol):
    """
    Speaks to one port of one server: `reactor.listenUDP(0, NasClient(...))`. `host` is an IP address.
    The socket is not connected: Twisted gives a connected one up for good at the first ICMP error.

    `wait` is the time before a retransmission in seconds, `tries` the number of sendings in all.
    """

    def __init__(
        self, clock: IReactorTime, host: str, port: int, secret: bytes, tries: int = TRIES, wait: float = WAIT
    ) -> None:
        self._place, self._secret = (host, port), secret
        self._asking = Asking(clock, self._place, self._write, Schedule(tries, lambda _: wait), SILENCE)

    def ask(self, code: int, attributes: Sequence[tuple[str, Value]]) -> Deferred[Answer]:
        """
        Send a request and fire with its answer; cancelling forgets it.

        Fails with NoAnswer after the last try; raises ValueError for attributes that can't be encoded.
        """
        return self._asking.ask(code, attributes, self._secret)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """The answer to one of the requests under way, or something to ignore."""
        if tuple(addr[:2]) == self._place:
            self._asking.received(datagram)

    def stopProtocol(self) -> None:
        """Give up what is still under way."""
        self._asking.stop()

    def _write(self, octets: bytes) -> None:
        transport: Any = self.transport
        transport.write(octets, self._place)
