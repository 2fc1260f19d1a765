"""
Dynamic authorization (RFC 5176): CoA-Request and Disconnect-Request to network access servers.

    ask(place, kind, attributes, secret)  >  the packet, again after 2, 4, 8, 8 s while nothing comes  >  Silent
                                          <  the first right answer from that address and port         >  Acked | Refused

A socket has 256 Identifiers for each place; when they are all in use another socket is opened. Whatever else comes in is ignored and counted: answers
from elsewhere, of a wrong secret, code or Identifier, and those that come twice. What is kept is bounded by the requests under way and the nodes asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import uniform
from time import time
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from portaswitch.endpoints.asking import IDENTIFIERS, Answer, Asking, NoAnswer, Schedule
from portaswitch.metrics import Counter, Gauge, Histogram
from portaswitch.model.session_task import TaskKind
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code

REQUESTS = Counter("portaswitch_coa_requests_total", "CoA and Disconnect requests that are settled", ("kind", "result"))
IGNORED = Counter("portaswitch_coa_ignored_total", "Datagrams at the ports of CoA and Disconnect requests that were no answer", ("reason",))
SECONDS = Histogram("portaswitch_coa_seconds", "From the first sending of a CoA or Disconnect request to its answer")
UNDER_WAY = Gauge("portaswitch_coa_waiting_requests", "CoA and Disconnect requests that wait for their answers now")

CODES: Final = {TaskKind.COA: int(Code.COA_REQUEST), TaskKind.POD: int(Code.DISCONNECT_REQUEST)}
ACKS: Final = frozenset((int(Code.COA_ACK), int(Code.DISCONNECT_ACK)))
#: A wait is lengthened or shortened by up to this part of it, so that what was sent together is not repeated together (RFC 5080 2.2.1).
JITTER: Final = 0.1
#: Sockets of one address family at most: 4,096 requests under way to one place.
MOST_SOCKETS: Final = 16
SILENCE: Final = (
    "is dynamic authorization (RFC 5176) on at the node, for this server's address, and with the secret that radius_clients has for the node's coa_address?"
)

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Acked:
    """The node did it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The node did not; `cause` is its Error-Cause (None: it gave none), `word` the cause's name in the dictionary, its digits or ''."""

    cause: int | None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Silent:
    """No right answer in time; `reason` says what may be the matter."""

    reason: str


Result = Acked | Refused | Silent


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

    def __init__(self, make: Callable[[Place, Callable[[bytes], None]], Asking]) -> None:
        self._make = make
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
            IGNORED.inc(reason)

    def stopProtocol(self) -> None:
        """Give up what is under way."""
        for asking in self.places.values():
            asking.stop()

    def _write(self, octets: bytes, place: Place) -> None:
        transport: Any = self.transport
        transport.write(octets, place)


class DynamicAuthorization:
    """
    The client. `reactor` opens its sockets (listenUDP) and is its clock; `interface` is the IPv4 or IPv6 address that requests leave from, for places
    of the other family any address. `now` gives seconds since 1970 for Event-Timestamp, `vary` a random number between two.
    """

    def __init__(
        self, reactor: Any, timing: Timing, interface: str = "0.0.0.0", now: Callable[[], float] = time, vary: Callable[[float, float], float] = uniform
    ) -> None:
        self._reactor, self.timing, self._interface, self._now, self._vary = reactor, timing, interface, now, vary
        self._sockets: dict[bool, list[tuple[_Socket, Any]]] = {False: [], True: []}
        UNDER_WAY.read = self.under_way

    def under_way(self) -> int:
        """How many requests wait for their answers."""
        return sum(asking.under_way for sockets in self._sockets.values() for socket, _ in sockets for asking in socket.places.values())

    def ask(self, place: Place, kind: TaskKind, attributes: Sequence[tuple[str, Value]], secret: bytes) -> Deferred[Result]:
        """
        Send a request to this address and port; fires with what became of it, in `timing.total` seconds at most. Cancelling forgets it.

        Event-Timestamp (RFC 5176 6.3) and Message-Authenticator are added. Raises ValueError for attributes that can't be encoded.
        """
        try:
            socket = self._socket(place)
        except CannotListenError as error:
            return succeed(self._settled(kind, Silent(f"no UDP port of ours can be opened ({error.socketError})")))
        if socket is None:
            return succeed(self._settled(kind, Silent(f"{MOST_SOCKETS * IDENTIFIERS} requests wait for this node already")))
        asked = socket.to(place).ask(CODES[kind], [*attributes, ("Event-Timestamp", int(self._now()))], secret)
        result: Deferred[Result] = asked.addCallbacks(_answered, _silent)
        return result.addCallback(lambda result: self._settled(kind, result))

    def stop(self) -> Deferred[Any]:
        """Close all sockets; what is under way ends as Silent."""
        opened = [port for sockets in self._sockets.values() for _, port in sockets]
        self._sockets = {False: [], True: []}
        return DeferredList([maybeDeferred(port.stopListening) for port in opened])

    def _socket(self, place: Place) -> _Socket | None:
        """The first socket that has an Identifier left for the place; a new one when none has; None when there are too many."""
        is_v6 = ":" in place[0]
        sockets = self._sockets[is_v6]
        for socket, _ in sockets:
            if place not in socket.places or socket.places[place].under_way < IDENTIFIERS:
                return socket
        if len(sockets) == MOST_SOCKETS:
            return None
        socket = _Socket(self._asking)
        interface = self._interface if (":" in self._interface) is is_v6 else ("::" if is_v6 else "0.0.0.0")
        sockets.append((socket, self._reactor.listenUDP(0, socket, interface=interface)))
        return socket

    def _asking(self, place: Place, send: Callable[[bytes], None]) -> Asking:
        return Asking(self._reactor, place, send, Schedule(self.timing.tries, self._wait), SILENCE)

    def _wait(self, sending: int) -> float:
        return self.timing.wait(sending) * (1 + self._vary(-JITTER, JITTER))

    @staticmethod
    def _settled(kind: TaskKind, result: Result) -> Result:
        REQUESTS.inc(kind.value, type(result).__name__.lower())
        return result


def _answered(answer: Answer) -> Result:
    SECONDS.observe(answer.seconds)
    if answer.packet.code in ACKS:
        return Acked()
    cause = answer.packet.integer("Error-Cause")
    return Refused(cause, answer.packet.named("Error-Cause") or "")


def _silent(failure: Failure) -> Result:
    failure.trap(NoAnswer)
    return Silent(str(failure.value))
