"""
UDP ports of ours that requests leave from: CoA and Disconnect (`dynamic`), copies of accounting (`accounting_copies`).

A port has 256 Identifiers for each place; when they are all in use another one is opened. Whatever else comes in is ignored and counted: answers from
elsewhere, of a wrong secret, code or Identifier, and those that come twice. What is kept is bounded by the requests under way and the places asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, fail, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from portaswitch.endpoints.asking import IDENTIFIERS, Answer, Asking, NoAnswer, Schedule
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.datatypes import Value

#: Ports of one address family at most: 4,096 requests under way to one place.
MOST_SOCKETS: Final = 16
#: A wait is lengthened or shortened by up to this part of it, so that what was sent together is not repeated together (RFC 5080 2.2.1).
JITTER: Final = 0.1

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Timing:
    """How often a request is sent in all, seconds before the first retransmission, and the most seconds between two (each wait is twice the last)."""

    tries: int = 5
    first: float = 2.0
    longest: float = 8.0

    def wait(self, sending: int) -> float:
        """Seconds to wait after the n-th sending (from 1), without jitter."""
        return min(self.first * 2.0 ** (sending - 1), max(self.longest, self.first))

    @property
    def total(self) -> float:
        """The most seconds until a request is given up, jitter and all."""
        return sum(self.wait(sending) for sending in range(1, self.tries + 1)) * (1 + JITTER)


class _Socket(DatagramProtocol):
    """One port of ours, with the requests under way to each place."""

    def __init__(self, make: Callable[[Place, Callable[[bytes], None]], Asking], ignored: Callable[[str], None]) -> None:
        self._make, self._ignored = make, ignored
        self.places: dict[Place, Asking] = {}

    def to(self, place: Place) -> Asking:
        """The requests to this place."""
        asking = self.places.get(place)
        if asking is None:
            asking = self.places[place] = self._make(place, lambda octets: self._write(octets, place))
        return asking

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """An answer, or something to count."""
        asking = self.places.get(tuple(addr[:2]))
        reason = "address" if asking is None else asking.received(datagram)
        if reason:
            self._ignored(reason)

    def stopProtocol(self) -> None:
        """Give up what is under way."""
        for asking in self.places.values():
            asking.stop()

    def _write(self, octets: bytes, place: Place) -> None:
        transport: Any = self.transport
        transport.write(octets, place)


class Outgoing:
    """
    The ports. `reactor` opens them (listenUDP) and is their clock; `interface` is the IPv4 or IPv6 address that requests leave from, for places of the other
    family any address. `silence` is what a request without any answer is told, `ignored` is called with the reason for each datagram that is no answer.
    """

    def __init__(self, reactor: Any, schedule: Schedule, interface: str, silence: str, ignored: Callable[[str], None]) -> None:
        self._reactor, self._schedule, self._interface, self._silence, self._ignored = reactor, schedule, interface, silence, ignored
        self._sockets: dict[bool, list[tuple[_Socket, Any]]] = {False: [], True: []}

    def under_way(self) -> int:
        """How many requests wait for their answers."""
        return sum(asking.under_way for sockets in self._sockets.values() for socket, _ in sockets for asking in socket.places.values())

    def ask(self, place: Place, code: int, attributes: Sequence[tuple[str, Value]], secret: bytes) -> Deferred[Answer]:
        """
        Send a request to this address and port, and fire with its answer; cancelling forgets it.

        Fails with NoAnswer: none came, or nothing could be sent. Raises ValueError for attributes that can't be encoded.
        """
        try:
            socket = self._socket(place)
        except CannotListenError as error:
            return fail(NoAnswer(f"no UDP port of ours can be opened ({error.socketError})"))
        if socket is None:
            return fail(NoAnswer(f"{MOST_SOCKETS * IDENTIFIERS} requests wait for this node already"))
        return socket.to(place).ask(code, attributes, secret)

    def stop(self) -> Deferred[Any]:
        """Close all ports; what is under way fails with NoAnswer."""
        opened = [port for sockets in self._sockets.values() for _, port in sockets]
        self._sockets = {False: [], True: []}
        return DeferredList([maybeDeferred(port.stopListening) for port in opened])

    def _socket(self, place: Place) -> _Socket | None:
        """The first port that has an Identifier left for the place; a new one when none has; None when there are too many."""
        is_v6 = ":" in place[0]
        sockets = self._sockets[is_v6]
        for socket, _ in sockets:
            if place not in socket.places or socket.places[place].under_way < IDENTIFIERS:
                return socket
        if len(sockets) == MOST_SOCKETS:
            return None
        socket = _Socket(self._asking, self._ignored)
        interface = self._interface if (":" in self._interface) is is_v6 else ("::" if is_v6 else "0.0.0.0")
        sockets.append((socket, self._reactor.listenUDP(0, socket, interface=interface)))
        return socket

    def _asking(self, place: Place, send: Callable[[bytes], None]) -> Asking:
        return Asking(self._reactor, place, send, self._schedule, self._silence)
