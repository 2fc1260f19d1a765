"""
The queue that decides late: requests wait per account, and when a batch leaves, `decide` is folded over those that wait (DESIGN.md 4).

No timer: where none is on its way a batch leaves with what has come in this turn of the reactor, with up to `batch` members; beside others, of which there
are `flights` at most, only with company, as each batch costs by itself. While an account is in flight its next requests wait; no two members of one session fly
at once. What the ledger turns back (stale, short) is decided again on the fresh view. A decision without an effect is told only when it was made on a view that
was just read.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.billing import attempts
from portaswitch.billing.cache import Cache
from portaswitch.billing.explain import explain
from portaswitch.billing.flight import BATCHES, MEMBERS, ORPHANS, SUSPECTS, VERDICTS, WAITING, Aboard, Flight, Lane, Told, Waiting, only_reads
from portaswitch.billing.limits import LONG, MOST_TRIES, Limits
from portaswitch.billing.reused import USAGE, following, is_another
from portaswitch.billing.session import decide
from portaswitch.billing.transition import Outcome, session_key
from portaswitch.errors import DatabaseDown, LedgerFailed, Overloaded
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.interfaces.turn import Later, in_this_turn
from portaswitch.logs import background
from portaswitch.model.discount import NO_COUNTERS
from portaswitch.model.ledger import Applied, Change, Failed, Member, Repeated, Short, Stale, Verdict, View
from portaswitch.model.request import AAARequest, Decision, Kind
from portaswitch.model.session import Session
from portaswitch.trace.tracer import Tracer, silent


class Batcher:
    """Queues requests, folds decisions, sends batches and answers. `told` hears of each answer as it leaves; `seconds` is a monotonic clock."""

    _log = Logger()

    def __init__(
        self, ledger: ILedger, catalogue: ICatalogue, cache: Cache, limits: Limits, told: Told, seconds: Callable[[], float], tracer: Tracer | None = None,
        later: Later = in_this_turn,
    ) -> None:  # fmt: skip
        self._ledger, self._catalogue, self._cache, self._limits, self._told, self._seconds = ledger, catalogue, cache, limits, told, seconds
        self._tracer, self._later = tracer or silent(), later
        self._lanes: dict[Lane, deque[Waiting]] = {}
        self._ready: OrderedDict[Lane, None] = OrderedDict()
        self._flying: set[Lane] = set()
        self._busy: dict[str, Waiting] = {}
        self._parked: list[Lane] = []
        self._answers: deque[tuple[Waiting, Decision | Exception]] = deque()
        self._in_flight, self._count, self._left = 0, 0, seconds()
        self._idle: list[Deferred[None]] = []
        WAITING.read = lambda: self._count

    def submit(self, request: AAARequest) -> Deferred[Decision]:
        """Queue one request; the Deferred fires after the commit. Errors as in `IBilling.handle`."""
        done: Deferred[Decision] = Deferred(self._withdraw)
        if self._count >= self._limits.waiting:
            done.errback(Overloaded(f"{self._count} requests wait"))
            return done
        key = session_key(request)
        self._enqueue(Waiting(request, key, key or (request.key if request.kind is Kind.EVENT else ""), self._seconds(), done))
        self._leave_soon()
        return done

    def drained(self) -> Deferred[None]:
        """Fires when nothing waits and nothing flies."""
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._settled()
        return done

    def _withdraw(self, done: Deferred[Decision]) -> None:
        for queue in self._lanes.values():
            for waiting in queue:
                if waiting.done is done:
                    waiting.withdrawn = True

    def _enqueue(self, waiting: Waiting, first: bool = False) -> None:
        request = waiting.request
        lane: Lane = self._cache.account_number(request.origin.i_env, request.parties.user, waiting.session_key) or (request.origin.i_env, request.parties.user)
        queue = self._lanes.get(lane)
        if queue is None:
            queue = self._lanes[lane] = deque()
        (queue.appendleft if first else queue.append)(waiting)
        self._count += 1
        if lane not in self._flying:
            self._ready[lane] = None

    # -- leaving ----------------------------------------------------------------------------------------------------------------------------------

    def _leave_soon(self) -> None:
        """Leave with what is ready and what else comes in this turn; at once with a batch that is full."""
        if len(self._ready) >= self._limits.batch:
            self._leave()
        elif len(self._ready) == (self._limits.company if self._in_flight else 1) or self._overdue():
            self._later(self._leave)

    def _leave(self) -> None:
        self._depart()
        self._tell()
        self._settled()

    def _depart(self) -> None:
        while self._may_leave():
            flight = Flight()
            while self._ready and len(flight.members) < self._limits.batch:
                self._board(flight, self._ready.popitem(last=False)[0])
            if not flight.members:
                continue  # all that was ready has been dropped or parked, which may have made others ready
            self._in_flight += 1
            self._left = self._seconds()
            flight.departure = self._cache.departed()
            BATCHES.inc()
            background(maybeDeferred(self._send, flight).addBoth(self._land, flight), "landing a batch")

    def _may_leave(self) -> bool:
        if not self._ready or self._in_flight >= self._limits.flights:
            return False
        return not self._in_flight or len(self._ready) >= self._limits.company or self._overdue()

    def _overdue(self) -> bool:
        return self._in_flight > 0 and (self._seconds() - self._left) * 1000 > LONG

    def _send(self, flight: Flight) -> Deferred[list[Verdict]]:
        return self._ledger.exchange(flight.members)

    def _board(self, flight: Flight, lane: Lane) -> None:
        """Fold `decide` over what waits in one lane, as far as the batch has room; a session that is in flight in another lane holds its requests back."""
        queue = self._lanes[lane]
        held_back: deque[Waiting] = deque()
        boarded = len(flight.members)
        while queue and len(flight.members) < self._limits.batch:
            waiting = queue.popleft()
            if self._busy.get(waiting.alone, waiting) is not waiting:
                held_back.append(waiting)
                continue
            self._count -= 1
            if not self._dropped(waiting) and self._decide_late(flight, lane, waiting) and waiting.alone:
                self._busy[waiting.alone] = waiting
        queue.extendleft(reversed(held_back))
        if len(flight.members) > boarded:
            flight.lanes.append(lane)
            self._flying.add(lane)
        elif queue:
            self._parked.append(lane)  # until a landing: nothing of it may fly now
        else:
            del self._lanes[lane]

    def _dropped(self, waiting: Waiting) -> bool:
        if waiting.withdrawn:
            self._answer(waiting, CancelledError())
            return True
        if self._seconds() - waiting.since > self._limits.timeout:
            self._answer(waiting, Overloaded("waited longer than the decision timeout"))
            return True
        return False

    def _decide_late(self, flight: Flight, lane: Lane, waiting: Waiting) -> bool:
        """Decide on the remembered view and board; without one, or where nothing changes, board to read. False: a defect, answered."""
        request, key = waiting.request, waiting.session_key
        # A name may have gone to another account while its request waited in the lane of the old one.
        i_account = self._cache.account_number(request.origin.i_env, request.parties.user, key)
        i_account = i_account if i_account == lane else 0
        view = self._cache.view(i_account, key) if i_account else None
        change, waiting.note = waiting.note if view is not None else None, None
        if change is None and view is not None and not only_reads(request) and not is_another(view.session, request):
            outcome = self._decide(flight.overlaid(view), waiting)
            if outcome is None:
                return False
            change = outcome.change
            if change is not None and not waiting.tries and (outcome.doubtful or change.decision.refusal is not None):
                change = None  # a refusal that keeps what was used, or a hotline: the money that was not there must have been read
            if change is not None:
                flight.foresee(change, outcome.view)
        # A refusal for a counter must have been read: what is confirmed to a reader is the money alone.
        basis = None if change is not None or (view is not None and view.counters is not NO_COUNTERS and not only_reads(request)) else view
        flight.members.append(Member(request, key, i_account, change, basis))
        flight.aboard.append(Aboard(waiting, i_account, change))
        return True

    def _decide(self, view: View, waiting: Waiting) -> Outcome | None:
        """The pure decision; one that raises is a defect of ours that must harm nobody else."""
        try:
            outcome = decide(view, waiting.request, self._catalogue.current())
        except Exception:
            self._log.failure("a decision failed, request {request}", request=waiting.request.id)
            self._answer(waiting, LedgerFailed("a decision failed"))
            return None
        if self._tracer.watches:
            self._tracer.considered(waiting.request, lambda: explain(view, waiting.request, self._catalogue.current(), outcome))
        return outcome

    # -- landing ----------------------------------------------------------------------------------------------------------------------------------

    def _land(self, verdicts: list[Verdict] | Failure, flight: Flight) -> None:
        self._in_flight -= 1
        again: list[Waiting] = []
        if isinstance(verdicts, Failure):
            self._lost(flight, verdicts)
        else:
            told = iter(verdicts)
            again = [aboard.waiting for aboard in flight.aboard if self._arrived(aboard, next(told, Failed("no verdict")), flight.departure)]
        self._release(flight)
        for waiting in reversed(again):
            self._enqueue(waiting, first=True)
        self._go_on()

    def _tell(self) -> None:
        """Fire the answers that have come together; one that was withdrawn in the air has been failed already, and its effect stands."""
        while self._answers:
            waiting, answer = self._answers.popleft()
            if waiting.done.called:
                continue
            if isinstance(answer, Exception):
                waiting.done.errback(answer)
            else:
                self._told(waiting.request, answer, self._seconds() - waiting.since)
                waiting.done.callback(answer)

    def _release(self, flight: Flight) -> None:
        self._unpark()
        for lane in flight.lanes:
            self._flying.discard(lane)
            if self._lanes.get(lane):
                self._ready[lane] = None
            else:
                self._lanes.pop(lane, None)

    def _unpark(self) -> None:
        """Lanes that a busy session kept on the ground may try again."""
        self._ready.update(dict.fromkeys(self._parked))
        self._parked.clear()

    def _lost(self, flight: Flight, failure: Failure) -> None:
        """Nothing is known about the batch: drop what is remembered of it and let the clients repeat; their keys settle what happened."""
        for aboard in flight.aboard:
            self._cache.forget(aboard.i_account, aboard.waiting.session_key)
            self._answer(aboard.waiting, failure.value if isinstance(failure.value, Exception) else DatabaseDown(str(failure.value)))

    def _answer(self, waiting: Waiting, answer: Decision | Exception) -> None:
        if self._busy.get(waiting.alone) is waiting:
            del self._busy[waiting.alone]
            self._unpark()
        self._answers.append((waiting, answer))

    def _arrived(self, aboard: Aboard, verdict: Verdict, departure: int) -> bool:
        """One arrival; a defect in it must not keep the others of its flight in the air."""
        try:
            return self._arrive(aboard, verdict, departure)
        except Exception:
            self._log.failure("an arrival failed, request {request}", request=aboard.waiting.request.id)
            self._answer(aboard.waiting, LedgerFailed("an arrival failed"))
            return False

    def _arrive(self, aboard: Aboard, verdict: Verdict, departure: int) -> bool:
        """Answer one member, or return True: it has to fly again."""
        waiting, change = aboard.waiting, aboard.change
        MEMBERS.inc(VERDICTS[type(verdict)])
        if isinstance(verdict, Applied):
            if change is None:
                return self._confirmed(aboard, verdict)
            self._applied(waiting, change, verdict, departure)
            if change.places.locker:
                return self._let_in(aboard, change)
            self._answer(waiting, change.decision)
            return False
        if isinstance(verdict, Stale):
            return self._stale(aboard, verdict.view)
        if isinstance(verdict, Short) and change is not None:
            self._keep_funds(change, verdict)
            return self._may_retry(waiting)
        if isinstance(verdict, Repeated) and change is not None and change.attempt and change.session is None:
            self._answer(waiting, change.decision)  # the attempt was kept before
            return False
        self._cache.forget(change.i_account if change is not None else 0, waiting.session_key)
        if isinstance(verdict, Repeated) and change is not None and not change.relied and waiting.request.begun is not None:
            return self._may_retry(waiting)  # it knew of no session: perhaps that one is another, whose reports had the same keys
        if isinstance(verdict, Repeated):
            self._answer(waiting, verdict.decision)
        else:
            self._answer(waiting, LedgerFailed(verdict.reason if isinstance(verdict, Failed) else "no verdict"))
        return False

    def _applied(self, waiting: Waiting, change: Change, verdict: Applied, departure: int) -> None:
        self._keep_funds(change, verdict)
        if change.counters:
            self._cache.move_counters(change.i_account, change.i_customer, change.counters, departure)
        if self._tracer.watches:
            self._tracer.applied(waiting.request, change, verdict.funds)
        if change.session is not None:
            self._cache.keep_session(waiting.session_key, change.session)
        if change.aside:
            SUSPECTS.inc()
            request = waiting.request
            self._log.warn("usage of {user} set aside: {why}", user=request.parties.user, why=change.aside, session=request.session, request=request.id)

    def _keep_funds(self, change: Change, verdict: Applied | Short) -> None:
        moved = change.locks_customer
        self._cache.keep_funds(change.i_account, verdict.funds, change.i_customer, verdict.customer_funds if moved else None)

    def _let_in(self, aboard: Aboard, change: Change) -> bool:
        """A login that has got its lock is told of the money as it is behind that, and not as it was remembered."""
        waiting = aboard.waiting
        view = self._cache.view(change.i_account, waiting.session_key)
        if view is None:
            self._answer(waiting, change.decision)
        elif (outcome := self._decide(view, waiting)) is not None:
            self._answer(waiting, outcome.decision)
        return False

    def _confirmed(self, aboard: Aboard, verdict: Applied) -> bool:
        """The remembered view holds but for the money, which is here: decide at once."""
        waiting = aboard.waiting
        view = self._cache.view(aboard.i_account, waiting.session_key)
        if view is None or view.account is None or view.customer is None:
            return self._may_retry(waiting)
        self._cache.keep_funds(view.account.i_account, verdict.funds, view.customer.i_customer, verdict.customer_funds)
        fresh = View(view.account, view.customer, verdict.funds, verdict.customer_funds, view.session, view.resellers, view.counters)
        return self._decided(waiting, fresh)

    def _decided(self, waiting: Waiting, fresh: View) -> bool:
        """Decide on a view that was just read: what changes nothing is answered, the rest flies again, a refused attempt to be kept first."""
        if fresh.session is not None and is_another(fresh.session, waiting.request):
            return self._renamed(waiting, fresh.session)
        outcome = self._decide(fresh, waiting)
        if outcome is None:
            return False
        if outcome.change is None:
            waiting.note = attempts.failed(fresh, waiting.request, outcome.decision, self._catalogue.current())
        if outcome.change is None and waiting.note is None:
            self._answer(waiting, outcome.decision)
            return False
        return self._may_retry(waiting)

    def _stale(self, aboard: Aboard, view: View) -> bool:
        """A fresh view: decide at once, and if that changes nothing, answer; else fly again."""
        waiting, request = aboard.waiting, aboard.waiting.request
        by_name = not aboard.i_account
        self._cache.keep(view, request.origin.i_env, request.parties.user, waiting.session_key, by_name)
        if not by_name and view.session is None and view.account is not None and view.account.id != request.parties.user:
            return self._may_retry(waiting)  # an alias, or the id has gone to another account: by name, then
        if view.account is None and view.session is None and request.parties.others:
            first, *others = request.parties.others  # nobody has the first id of the user: perhaps the next
            waiting.request = replace(request, parties=replace(request.parties, user=first, others=tuple(others)))
            return self._may_retry(waiting)
        if view.account is None and request.kind in USAGE and request.units and request.number is None:
            self._orphan(waiting, aboard)
            return False
        return self._decided(waiting, view)

    def _may_retry(self, waiting: Waiting) -> bool:
        waiting.tries += 1
        if waiting.tries < MOST_TRIES:
            return True
        self._answer(waiting, LedgerFailed(f"turned back {waiting.tries} times"))
        return False

    def _orphan(self, waiting: Waiting, aboard: Aboard) -> None:
        """Usage of nobody's: answered when it is kept for an operator."""
        ORPHANS.inc()
        request = waiting.request
        self._log.warn("usage without an account: {user} in session {session}", user=request.parties.user, session=request.session, request=request.id)
        kept = maybeDeferred(self._ledger.record_orphan, Member(request, waiting.session_key, 0))
        background(kept.addCallbacks(lambda _: self._late(waiting, Decision()), lambda failure: self._late(waiting, failure.value)), "keeping an orphan")

    def _renamed(self, waiting: Waiting, elder: Session) -> bool:
        """The name of a session that is over is another's now, whose report flies again when the elder has left it. False: not before that."""
        self._log.info("session {session} is another one than that which ended {ended}", session=waiting.request.session, ended=elder.updated.isoformat())
        self._cache.keep_session(waiting.session_key, None)
        waiting.request = following(waiting.request, elder)
        left = maybeDeferred(self._ledger.release_name, elder)
        background(left.addCallbacks(lambda _: self._again(waiting), lambda failure: self._late(waiting, failure.value)), "freeing the name of a session")
        return False

    def _again(self, waiting: Waiting) -> None:
        if self._may_retry(waiting):
            self._enqueue(waiting, first=True)
        self._go_on()

    def _late(self, waiting: Waiting, answer: Decision | Exception) -> None:
        self._answer(waiting, answer)
        self._go_on()

    def _go_on(self) -> None:
        """Answers come last in all that lands: whoever gets one may submit the next request at once, and must find the queue in order."""
        self._tell()
        self._leave()

    def _settled(self) -> None:
        if self._idle and not self._in_flight and not self._count:
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)
