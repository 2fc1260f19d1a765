"""
Dynamic authorization (RFC 5176): CoA-Request and Disconnect-Request to network access servers.

    ask(place, kind, attributes, secret)  >  the packet, again after 2, 4, 8, 8 s while nothing comes  >  Silent
                                          <  the first right answer from that address and port         >  Acked | Refused

The sockets are those of `outgoing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import uniform
from time import time
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.endpoints.asking import Answer, NoAnswer, Schedule
from portaswitch.endpoints.outgoing import JITTER, Outgoing, Place, Timing
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
SILENCE: Final = (
    "is dynamic authorization (RFC 5176) on at the node, for this server's address, and with the secret that radius_clients has for the node's coa_address?"
)


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


class DynamicAuthorization:
    """
    The client. `reactor` opens its sockets (listenUDP) and is its clock; `interface` is the IPv4 or IPv6 address that requests leave from, for places
    of the other family any address. `now` gives seconds since 1970 for Event-Timestamp, `vary` a random number between two.
    """

    def __init__(
        self, reactor: Any, timing: Timing, interface: str = "0.0.0.0", now: Callable[[], float] = time, vary: Callable[[float, float], float] = uniform
    ) -> None:
        self.timing, self._now, self._vary = timing, now, vary
        self._outgoing = Outgoing(reactor, Schedule(timing.tries, self._wait), interface, SILENCE, IGNORED.inc)
        UNDER_WAY.read = self.under_way

    def under_way(self) -> int:
        """How many requests wait for their answers."""
        return self._outgoing.under_way()

    def ask(self, place: Place, kind: TaskKind, attributes: Sequence[tuple[str, Value]], secret: bytes) -> Deferred[Result]:
        """
        Send a request to this address and port; fires with what became of it, in `timing.total` seconds at most. Cancelling forgets it.

        Event-Timestamp (RFC 5176 6.3) and Message-Authenticator are added. Raises ValueError for attributes that can't be encoded.
        """
        asked = self._outgoing.ask(place, CODES[kind], [*attributes, ("Event-Timestamp", int(self._now()))], secret)
        result: Deferred[Result] = asked.addCallbacks(_answered, _silent)
        return result.addCallback(lambda result: self._settled(kind, result))

    def stop(self) -> Deferred[Any]:
        """Close all sockets; what is under way ends as Silent."""
        return self._outgoing.stop()

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
