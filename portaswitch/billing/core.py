"""The billing core behind `IBilling`: every request of every wire passes `Core.handle`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

from twisted.internet.defer import Deferred, DeferredList, succeed
from zope.interface import implementer

from portaswitch.billing.batch import Batcher
from portaswitch.billing.cache import Cache
from portaswitch.billing.limits import DEFAULTS, Limits
from portaswitch.billing.tries import TOO_MANY, Tries
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.interfaces.turn import Later, in_this_turn
from portaswitch.logs import BillingLog
from portaswitch.metrics import Counter, Gauge, Histogram
from portaswitch.model.ledger import SessionName
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, Origin, Parties
from portaswitch.trace.tracer import Tracer, silent

REQUESTS = Counter("portaswitch_requests_total", "Requests decided by the core", ("kind", "result"))
SECONDS = Histogram("portaswitch_decision_seconds", "From a request's entry into the core to its commit")
CACHED = Gauge("portaswitch_cached_accounts", "Accounts remembered in memory")

#: The step of a request that was not decided at all.
TRIED = (("rule", f"{Refusal.RETRIES_EXCEEDED.word}: too many wrong passwords from this source (limits.password_tries)"),)


def decided() -> int:
    """Requests that were decided so far, but for those that end sessions of nodes that have restarted."""
    return sum(count for (kind, _), count in REQUESTS.values.items() if kind != Kind.ON_OFF.value)


@implementer(IBilling)
class Core:
    """One a process. `seconds` is a monotonic clock; `log` takes one billing line a request, `tracer` the steps of watched ones; `later` is for the queue."""

    def __init__(
        self,
        ledger: ILedger,
        catalogue: ICatalogue,
        log: BillingLog,
        limits: Limits = DEFAULTS,
        seconds: Callable[[], float] = perf_counter,
        tracer: Tracer | None = None,
        later: Later = in_this_turn,
    ) -> None:
        self.cache = Cache(limits.cache_accounts, limits.cache_sessions)
        self._ledger = ledger
        self._log = log
        self._tracer = tracer or silent()
        self._seconds = seconds
        # A restarted node's sessions are closed some at a time, so that they don't crowd out the living.
        self._closing = max(1, min(limits.batch, limits.waiting // 4))
        self._tries = Tries(limits.password_tries, limits.password_window, seconds)
        self._batcher = Batcher(ledger, catalogue, self.cache, limits, self._told, seconds, self._tracer, later)
        CACHED.read = lambda: self.cache.sizes()[0]

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`."""
        if request.kind is Kind.ON_OFF and not request.session:
            return Deferred.fromCoroutine(self._restarted(request))
        if self._tries.exceeded(request):
            if self._tracer.watches:
                self._tracer.considered(request, lambda: TRIED)
            self._told(request, TOO_MANY, 0)
            return succeed(TOO_MANY)
        return self._batcher.submit(request)

    def drained(self) -> Deferred[None]:
        """Fires when nothing waits and nothing flies: a stopping process waits for it."""
        return self._batcher.drained()

    def _told(self, request: AAARequest, decision: Decision, took: float) -> None:
        """Count and note a decision that is told now."""
        REQUESTS.inc(request.kind._value_, "ok" if decision.refusal is None else decision.refusal.word)
        SECONDS.observe(took)
        self._tries.told(request, decision)
        self._log.line(request, decision, took)
        if self._tracer.watches:
            self._tracer.told(request, decision)

    async def _restarted(self, request: AAARequest) -> Decision:
        """Accounting-On or -Off: every open session of the node that began before is closed provisionally (DESIGN.md 3.5)."""
        since, decision = self._seconds(), Decision()
        await self.close_all(await self._ledger.node_sessions(request.origin.i_node, request.at), request, Kind.ON_OFF)
        self._told(request, decision, self._seconds() - since)
        return decision

    async def close_all(self, names: Sequence[SessionName], request: AAARequest, kind: Kind) -> None:
        """Close the named sessions as `kind` (EXPIRE or ON_OFF) says; those that fail are left to the next sweep."""
        for first in range(0, len(names), self._closing):
            waits = []
            for name in names[first : first + self._closing]:
                key = f"{kind.value}/{name.node}/{name.session}/{name.version}"
                origin, parties = Origin(name.node, name.i_env), Parties(name.account_id)
                waits.append(self._batcher.submit(replace(request, kind=kind, session=name.session, key=key, origin=origin, parties=parties, units=())))
            await DeferredList(waits, consumeErrors=True)
