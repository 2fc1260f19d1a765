"""
The SIP endpoint (RFC 3261, 3428): transactions between the sockets and who answers requests.

    octets > parse > Switch.received > transaction > Handler (a coroutine a request) > Reply > answer > the place it came from
    ask(request, place) > transaction > octets ... the final response, or None

A request is answered once; its retransmissions get the same octets, but for what is answered in `Passing`. No exception leaves `received`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.endpoints.sip_ports import Datagrams, Place
from portaswitch.endpoints.sip_throttle import Throttle
from portaswitch.errand import run
from portaswitch.errors import DatabaseDown, Overloaded, PortaSwitchError
from portaswitch.metrics import Counter, Gauge
from portaswitch.wire.sip.admission import Abilities, admit, expected
from portaswitch.wire.sip.build import answer, refusal
from portaswitch.wire.sip.fault import DROPPED as SILENT
from portaswitch.wire.sip.fault import PHRASES, Fault
from portaswitch.wire.sip.framing import Item, Signal
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.transaction import Deliver, Output, Send, Transaction
from portaswitch.wire.sip.transactions import Transactions
from portaswitch.wire.sip.wheel import NEVER

RECEIVED = Counter("portaswitch_sip_received_total", "SIP messages received", ("transport", "method"))
ANSWERED = Counter("portaswitch_sip_answered_total", "SIP responses sent, without repetitions", ("method", "status"))
DROPPED = Counter("portaswitch_sip_dropped_total", "SIP messages dropped without an answer", ("reason",))
REFUSED = Counter("portaswitch_sip_refused_total", "SIP messages answered before anyone looked at what they want", ("reason",))
RUNNING = Gauge("portaswitch_sip_transactions", "SIP transactions running now")

METHODS = ("MESSAGE", "OPTIONS", "REGISTER")
ABILITIES = Abilities(METHODS, ("text/plain", "message/cpim"), ("sip", "sips", "tel"))
#: Methods as metrics know them: what others write is not to grow them.
KNOWN = frozenset((*METHODS, "ACK", "BYE", "CANCEL", "INFO", "INVITE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "SUBSCRIBE", "UPDATE"))


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: a status, headers beyond the copied ones, a phrase where it is not the usual one. Status 0: no answer at all."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    phrase: str | None = None


@dataclass(frozen=True, slots=True)
class Passing(Reply):
    """
    The answer to who has proven nothing, before anything was done: nothing is kept of the request, and its retransmission is answered anew (RFC 3261 8.2.7),
    lest a flood of them fills the table of transactions. To an INVITE it is not sent again by ourselves.
    """


@dataclass(frozen=True, slots=True)
class PassedOn:
    """
    The refusal of another server, of which nothing is kept here, as of `Passing`: who has proven nothing to it has not to us. The request again is asked again.
    """

    response: Response


def refusing(fault: Fault) -> Passing:
    """The answer that a fault wants."""
    return Passing(fault.status, fault.more, fault.phrase)


TRACELESS = (Passing, PassedOn)
#: A response of another server is passed on as it is.
Told = Reply | Response | PassedOn
Handler = Callable[[Request, Place], Coroutine[Any, Any, Told]]
#: The fault of a response that another server is to get.
BELOW = "response-of-another"
#: Milliseconds that a timer may be late.
GRAIN = 20
AGAIN = ("Retry-After", "5")
BUSY = Reply(503, (AGAIN,))


class Stage(Enum):
    """The life of the endpoint."""

    TAKING = "taking"
    DRAINING = "draining"  # what was taken is answered, nothing new is taken
    STOPPED = "stopped"


class SipServer:
    """
    One a process; its sockets are `sip_ports`. `handlers` answer the requests of their methods, `ours` is what our Vias say (host, port), `proxies` whether
    responses for others come to us, `on_closed` hears of connections that are gone.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, throttle: Throttle) -> None:
        self._reactor, self._throttle = reactor, throttle
        self.handlers: dict[str, Handler] = {"OPTIONS": _options}
        self.on_closed: Callable[[Place], None] = lambda place: None
        self.ours: set[tuple[str, int]] = set()
        self.proxies = False
        self.transactions = Transactions(tick=GRAIN)
        self._waiting: dict[Transaction, Deferred[Response | None]] = {}
        self._timer: Any = None
        #: When it fires, by `_now`.
        self._wound = NEVER
        self._stage = Stage.TAKING
        self._answering = 0
        self._idle: list[Deferred[None]] = []
        RUNNING.read = lambda: len(self.transactions)

    # -- in ---------------------------------------------------------------------------------------------------------------------------------------

    def received(self, item: Item, place: Place, octets: int) -> None:
        """See `Switch.received`."""
        try:
            self._received(item, place)
        except Exception:
            DROPPED.inc("defect")
            self._log.failure("a message from {host} met a defect of ours", host=place.host)

    def closed(self, place: Place) -> None:
        """See `Switch.closed`."""
        self._do(self.transactions.broken(place, self._now()))
        self.on_closed(place)

    def _received(self, item: Item, place: Place) -> None:
        if isinstance(item, Signal):
            return
        if isinstance(item, Response):
            RECEIVED.inc(place.transport, "response")
            fault = expected(item, self.ours)
            if fault is not None and not (self.proxies and fault.reason == BELOW):
                DROPPED.inc(fault.reason)
                return
            self._arrived(item, place)
            return
        if not self._throttle.passes(place.host):
            DROPPED.inc("source-rate")
            return
        if isinstance(item, Fault):
            self._fault(item, place)
            return
        RECEIVED.inc(place.transport, item.method if item.method in KNOWN else "other")
        request = item.stamped(place.host, place.number)
        if self._stage is not Stage.TAKING and not self.transactions.runs(request):
            self._turned_away(request, place)
        else:
            self._arrived(request, _answers(request, place))

    def _arrived(self, message: Request | Response, place: Place) -> None:
        outputs = self.transactions.received(message, place, place.transport != "UDP", self._now())
        if isinstance(outputs, Fault):
            self._fault(outputs, place)
        else:
            self._do(outputs)

    def _turned_away(self, request: Request, place: Place) -> None:
        """We stop: a datagram is sent again, to the process behind us; by a connection nothing is."""
        told = SILENT if place.transport == "UDP" or request.method == "ACK" else 503
        self._fault(Fault("stopping", told, PHRASES[503], (AGAIN,), request.headers), place)

    def _fault(self, fault: Fault, place: Place) -> None:
        """Answer what isn't served, without a transaction (RFC 3261 8.2.7), or drop it."""
        if fault.status == SILENT:
            DROPPED.inc(fault.reason)
            return
        octets = refusal(fault)
        REFUSED.inc(fault.reason)
        if octets is not None:
            self._write(place, octets)

    # -- transactions ----------------------------------------------------------------------------------------------------------------------------

    def ask(self, request: Request, place: Place) -> Deferred[Response | None]:
        """Send a request of ours; fires with its final response, None when there is none in time or no way. It does not fail."""
        result: Deferred[Response | None] = Deferred()
        if self._stage is Stage.STOPPED:
            result.callback(None)
            return result
        try:
            outputs = self.transactions.asked(request, place, place.transport != "UDP", self._now())
        except ValueError:
            self._log.failure("a request of ours could not be sent")
            outputs = []
        if isinstance(outputs, Fault) or not outputs:
            result.callback(None)
            return result
        self._waiting[outputs[0].transaction] = result
        self._do(outputs)
        return result

    def _do(self, outputs: list[Output]) -> None:
        for output in outputs:
            transaction = output.transaction
            if isinstance(output, Send):
                self._send(transaction, output.octets)
            elif isinstance(output, Deliver):
                self._deliver(transaction, output.message)
            else:
                self._settle(transaction, None)
        self._wind()

    def _send(self, transaction: Transaction, octets: bytes) -> None:
        place: Any = transaction.place
        if not self._write(place, octets) and transaction in self._waiting:
            self._settle(transaction, None)

    def _write(self, place: Place, octets: bytes) -> bool:
        written = place.write(octets)
        if not written:
            DROPPED.inc("unsendable")
        return written

    def _deliver(self, transaction: Transaction, message: Any) -> None:
        if isinstance(message, Response):
            if message.final:
                self._settle(transaction, message)
        elif message.method != "ACK":
            handler = self.handlers.get(message.method)
            place: Any = transaction.place
            if handler is None:
                self._replied(_unserved(message, transaction.reliable), transaction)
            else:
                self._answering += 1
                run(handler(message, place), self._ended, self._failed, transaction)

    def _settle(self, transaction: Transaction, response: Response | None) -> None:
        waiting = self._waiting.pop(transaction, None)
        if waiting is not None:
            waiting.callback(response)

    def _ended(self, reply: Told, transaction: Transaction) -> None:
        try:
            self._replied(reply, transaction)
        finally:
            self._answering -= 1
            if self._idle and not self._answering:
                idle, self._idle = self._idle, []
                for waits in idle:
                    waits.callback(None)

    def _replied(self, reply: Told, transaction: Transaction) -> None:
        request = transaction.request
        if isinstance(reply, Reply) and not reply.status:
            DROPPED.inc("unanswered")
            return
        response = self._written(reply, request)
        ANSWERED.inc(request.method if request.method in KNOWN else "other", str(response.status))
        answered = self.transactions.dismissed if isinstance(reply, TRACELESS) else self.transactions.answered
        self._do(answered(transaction, response, self._now()))

    def _written(self, reply: Told, request: Request) -> Response:
        if isinstance(reply, PassedOn):
            return reply.response
        if isinstance(reply, Response):
            return reply
        try:
            return answer(request, reply.status, reply.headers, reason=reply.phrase)
        except ValueError:
            self._log.failure("an answer could not be written")
            return answer(request, 500)

    def _failed(self, failure: Failure, transaction: Transaction) -> None:
        """No decision: busy, and the client may ask again."""
        if failure.check(Overloaded, DatabaseDown):
            self._ended(BUSY, transaction)
            return
        if not failure.check(PortaSwitchError):
            self._log.failure("a request met a defect of ours", failure)
        self._ended(Reply(500), transaction)

    # -- time -------------------------------------------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._reactor.seconds() * 1000)

    def _wind(self) -> None:
        """Have the next timer of the transactions looked at in its time, or up to GRAIN behind it: those of many are so looked at together."""
        due = self.transactions.soonest
        if due >= self._wound or self._stage is Stage.STOPPED:
            return
        if self._timer is not None:
            self._timer.cancel()
        pause = max(due - self._now(), GRAIN)
        self._wound = self._now() + pause
        self._timer = self._reactor.callLater(pause / 1000, self._fire)

    def _fire(self) -> None:
        self._timer, self._wound = None, NEVER
        self._do(self.transactions.advance(self._now()))

    async def drained(self) -> None:
        """Take no request any more but repetitions; until all that were taken are answered."""
        if self._stage is Stage.TAKING:
            self._stage = Stage.DRAINING
        while self._answering:
            waits: Deferred[None] = Deferred()
            self._idle.append(waits)
            await waits

    def stop(self) -> None:
        """No timer and no request of ours any more; whoever waits for a response hears that there is none."""
        self._stage = Stage.STOPPED
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for waiting in list(self._waiting):
            self._settle(waiting, None)


def _answers(request: Request, place: Place) -> Place:
    """Where answers go: of datagrams as the topmost Via says (RFC 3261 18.2.2, RFC 3581 4), of connections the connection."""
    if not isinstance(place, Datagrams):
        return place
    host, number = request.via.reply_to()
    return place if host == place.host and number == place.number else Datagrams(place.port, host, number)


def _unserved(request: Request, reliable: bool) -> Reply:
    """The answer to a method that nobody here handles."""
    fault = admit(request, ABILITIES, reliable) or Fault("method", 405, "Method Not Allowed", (ABILITIES.allow,))
    REFUSED.inc(fault.reason)
    return refusing(fault)


async def _options(request: Request, place: Place) -> Reply:
    """What we are able to (RFC 3261 11)."""
    fault = admit(request, ABILITIES, place.transport != "UDP")
    if fault is not None:
        return refusing(fault)
    return Passing(200, (ABILITIES.allow, ("Accept", ", ".join(ABILITIES.types))))
