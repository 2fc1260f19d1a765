"""
Credit control requests on their way through the core and back (RFC 8506): what is not ours to answer, back-pressure, repetitions, the trace.

    CCR  >  3001 3002 3003 3005  >  3004 when too many wait  >  known already?  >  to_request  >  core  >  to_reply  >  CCA

Every request is answered once: by the core's decision, with the fault that it has, with 3004 when there is no decision now (the client may fail over, and the
key of the request makes a second try harmless), with 5012 after a defect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.endpoints.diameter_repeats import Key, Repeats, key_of
from portaswitch.endpoints.diameter_trace import described, title
from portaswitch.errors import PortaSwitchError
from portaswitch.interfaces.billing import IBilling
from portaswitch.metrics import Counter, Gauge
from portaswitch.model.request import AAARequest, Decision
from portaswitch.trace.tracer import Tracer
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.codec import encode_again, encode_error
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.message import Message
from portaswitch.wire.diameter.outputs import Deliver

ANSWERED = Counter("portaswitch_diameter_answered_total", "Credit control requests answered, by the Result-Code of the answer", ("result",))
REPEATED = Counter("portaswitch_diameter_repeated_total", "Credit control requests that came again: joined one in progress, or got its answer again", ("how",))
LENIENT = Counter("portaswitch_diameter_lenient_total", "AVPs that a node sent twice with one value, which was let pass", ("node",))
WAITING = Gauge("portaswitch_diameter_waiting_requests", "Credit control requests that wait for their decisions now")

CREDIT_CONTROL: Final = 272
BUSY: Final = Fault(Result.TOO_BUSY, "too many requests wait")
UNDECIDED: Final = Fault(Result.TOO_BUSY, "no decision in time")
DEFECT: Final = Fault(Result.UNABLE_TO_COMPLY, "a defect of this server")


class CreditControl(Protocol):
    """What turns messages into requests of the core and back: `endpoints.diameter_map`."""

    @property
    def Malformed(self) -> type[Exception]:
        """What `to_request` raises; has `result_code` and `failed_avp` (octets, empty for none)."""

    def to_request(self, ccr: Message, peer: DiameterPeer, at: datetime, request_id: str) -> AAARequest:
        """The question that a CCR asks."""

    def to_reply(self, ccr: Message, request: AAARequest, decision: Decision, peer: DiameterPeer, at: datetime) -> Message:
        """The whole CCA."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests that may wait for their decisions, of all peers and of one connection."""

    waiting: int = 4096
    waiting_per_peer: int = 512


DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose answer goes to one connection; `speaker` is the node that it speaks for."""

    delivered: Deliver
    speaker: DiameterPeer


class Requests:
    """
    All connections' requests. `send` writes an answer; `hold` is told of a peer too many of whose requests wait, `let_go` when that is over. `now` is the wall
    clock (aware UTC).
    """

    _log = Logger()

    def __init__(
        self, billing: IBilling, mapping: CreditControl, local: Local, realms: frozenset[str], now: Callable[[], datetime], prefix: str, tracer: Tracer,
        send: Callable[[Deliver, bytes], None], hold: Callable[[Deliver], None], let_go: Callable[[], None], limits: Limits = DEFAULT,
    ) -> None:  # fmt: skip
        self._billing, self._mapping, self._local, self._now, self._tracer = billing, mapping, local, now, tracer
        self._realms = realms | {local.realm.lower()}
        self._send, self._hold, self._let_go = send, hold, let_go
        self.limits = limits
        self._prefix, self._number = prefix, 0
        self._repeats: Repeats[_Asked, tuple[AAARequest, Decision]] = Repeats()
        self._waiting: dict[str, int] = {}
        self._total = 0
        WAITING.read = lambda: self._total

    def room(self, peer: str) -> bool:
        """Less than half of what may wait of this peer, and of all, waits."""
        return 2 * self._waiting.get(peer, 0) <= self.limits.waiting_per_peer and 2 * self._total <= self.limits.waiting

    def deliver(self, delivered: Deliver, speaker: DiameterPeer) -> None:
        """A sound request."""
        message = delivered.message
        fault = self._not_ours(message)
        if fault is None and self._full(delivered):
            fault = BUSY
            if self.limits.waiting:  # where nothing may wait, we drain: nothing would let it go again
                self._hold(delivered)
        if fault is not None:
            self._refuse(delivered, fault)
            return
        if message.repeated:
            LENIENT.inc(speaker.name, by=message.repeated)
        asked, key = _Asked(delivered, speaker), key_of(message)
        known = self._repeats.answer(key)
        if known is not None:
            REPEATED.inc("answered")
            self._reply(asked, *known)
            return
        self._begun(delivered)
        if self._repeats.join(key, asked):
            REPEATED.inc("in progress")
        else:
            self._ask(asked, key)

    def _not_ours(self, message: Message) -> Fault | None:
        """What a server that is no agent can't do (RFC 6733 6.1.4, 6.1.7)."""
        if message.code != CREDIT_CONTROL:
            return Fault(Result.COMMAND_UNSUPPORTED, f"command {message.code} is not one that we answer")
        host, realm = message.text("Destination-Host"), message.text("Destination-Realm")
        own = self._local.host.lower()
        if message.get("Route-Record") is not None and own in (str(record).lower() for record in message.all("Route-Record")):
            return Fault(Result.LOOP_DETECTED, "our own name is in a Route-Record")
        if realm is not None and realm.lower() not in self._realms:
            return Fault(Result.REALM_NOT_SERVED, "Destination-Realm is not one of ours")
        if host is not None and host.lower() != own:
            return Fault(Result.UNABLE_TO_DELIVER, "Destination-Host is not us, and we are no agent")
        return None

    def _full(self, delivered: Deliver) -> bool:
        return self._total >= self.limits.waiting or self._waiting.get(delivered.peer, 0) >= self.limits.waiting_per_peer

    def _ask(self, asked: _Asked, key: Key) -> None:
        """The first of its key: the core decides."""
        self._number += 1
        message = asked.delivered.message
        try:
            request = self._mapping.to_request(message, asked.speaker, self._now(), f"{self._prefix}{self._number}")
        except self._mapping.Malformed as error:
            unfit: Any = error
            self._failed(key, Fault(int(unfit.result_code), str(error), unfit.failed_avp))
            return
        except Exception:
            self._log.failure("a request of {node} met a defect of ours", node=asked.speaker.name)
            self._failed(key, DEFECT)
            return
        if self._tracer.watches:
            self._tracer.request(request, (asked.delivered.peer, 0), title(message), lambda: described(message.pairs, self._local.dictionary))
        _ = self._handle(request).addCallbacks(self._decided, self._undecided, callbackArgs=(request, key), errbackArgs=(request, key))

    def _handle(self, request: AAARequest) -> Deferred[Decision]:
        try:
            return self._billing.handle(request)
        except Exception:  # a defect of the core must not leave the request in progress for ever
            return fail()

    def _decided(self, decision: Decision, request: AAARequest, key: Key) -> None:
        for asked in self._repeats.settle(key, (request, decision)):
            self._over(asked.delivered)
            self._reply(asked, request, decision)

    def _undecided(self, failure: Failure, request: AAARequest, key: Key) -> None:
        fault = UNDECIDED
        if not failure.check(PortaSwitchError, CancelledError):
            self._log.failure("request {request} met a defect of ours", failure, request=request.id)
            fault = DEFECT
        if self._tracer.watches:
            self._tracer.unanswered(request, f"answered {fault.result}: {fault.text}")
        self._failed(key, fault)

    def _failed(self, key: Key, fault: Fault) -> None:
        for asked in self._repeats.settle(key, None):
            self._over(asked.delivered)
            self._refuse(asked.delivered, fault)

    def _reply(self, asked: _Asked, request: AAARequest, decision: Decision) -> None:
        try:
            reply = self._mapping.to_reply(asked.delivered.message, request, decision, asked.speaker, self._now())
            octets = encode_again(reply, self._local.dictionary)
        except Exception:
            self._log.failure("an answer could not be written, request {request}", request=request.id)
            self._refuse(asked.delivered, DEFECT)
            return
        if self._tracer.watches:
            self._tracer.reply(request, title(reply), lambda: described(reply.pairs, self._local.dictionary))
        self._answer(asked.delivered, reply.integer("Result-Code") or 0, octets)

    def _refuse(self, delivered: Deliver, fault: Fault) -> None:
        self._answer(delivered, fault.result, encode_error(delivered.message, fault, self._local.origin, self._local.dictionary))

    def _answer(self, delivered: Deliver, result: int, octets: bytes) -> None:
        ANSWERED.inc(str(result))
        self._send(delivered, octets)

    # -- how many wait ----------------------------------------------------------------------------------------------------------------------------

    def _begun(self, delivered: Deliver) -> None:
        self._total += 1
        self._waiting[delivered.peer] = self._waiting.get(delivered.peer, 0) + 1

    def _over(self, delivered: Deliver) -> None:
        self._total -= 1
        left = self._waiting[delivered.peer] - 1
        if left:
            self._waiting[delivered.peer] = left
        else:
            del self._waiting[delivered.peer]
        self._let_go()


def origin_of(message: Message) -> tuple[str, str]:
    """Origin-Host and Origin-Realm of a message, '' where it has none."""
    return message.text("Origin-Host") or "", message.text("Origin-Realm") or ""

