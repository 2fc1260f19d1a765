"""
Work that recurs: guarded looping calls, and the jobs of the core.

A job that fails is logged, counted and run again at its next time; a looping call that an exception would stop for ever is never used bare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.errors import LedgerFailed
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.ledger import ILedger
from portaswitch.interfaces.rest import Rest
from portaswitch.interfaces.work import IOperations
from portaswitch.logs import background
from portaswitch.metrics import Counter
from portaswitch.model.actor import Actor
from portaswitch.model.ledger import SessionName
from portaswitch.model.operation import OperationRefused
from portaswitch.model.request import AAARequest, Kind, Origin, Parties

_log = Logger("portaswitch.jobs")
PASSES = Counter("portaswitch_job_passes_total", "Passes of recurring jobs", ("job", "result"))
SWEPT = Counter("portaswitch_sessions_swept_total", "Sessions that nobody spoke for in time")
SWEEP_PAGE = 500
#: Sessions that are closed at once: enough for a batch, too few to crowd out the living.
ABREAST = 16
#: For how many times the time of a page nothing is done after it: a fifth of the time is theirs.
REST = 4.0


class Periodic(Service):
    """Runs `work` every `seconds`, never twice at once; stopping waits for the pass in progress."""

    _log = Logger()

    def __init__(self, clock: Any, seconds: float, work: Callable[[], Any], name: str) -> None:
        self.name = name
        self._seconds, self._work, self._label = seconds, work, name
        self._loop = LoopingCall(self._pass)
        self._loop.clock = clock
        self._running: Deferred[Any] | None = None

    def startService(self) -> None:
        """Begin; the first pass comes after `seconds`."""
        Service.startService(self)
        background(self._loop.start(self._seconds, now=False), f"job {self._label}")

    def stopService(self) -> Deferred[None] | None:
        """Stop; the Deferred fires when the pass in progress is over."""
        Service.stopService(self)
        if self._loop.running:
            self._loop.stop()
        if self._running is None:
            return None
        over: Deferred[None] = Deferred()
        _ = self._running.addBoth(lambda _: over.callback(None))
        return over

    def _pass(self) -> Deferred[Any]:
        self._running = maybeDeferred(self._once)
        return self._running.addBoth(self._passed)

    def _once(self) -> Any:
        result = self._work()
        return Deferred.fromCoroutine(result) if hasattr(result, "__await__") and not isinstance(result, Deferred) else result

    def _passed(self, result: Any) -> None:
        self._running = None
        PASSES.inc(self._label, "failed" if isinstance(result, Failure) else "ok")
        if isinstance(result, Failure):
            self._log.warn("job {job} failed, it runs again in {seconds} s: {error}", job=self._label, seconds=self._seconds, error=result.getErrorMessage())


class Paged(Periodic):
    """A job whose passes go through something large: `work` is given `rest`, and ends when that says so. Stopping waits for the page in progress only."""

    def __init__(self, clock: Any, seconds: float, work: Callable[[Rest], Any], name: str) -> None:
        super().__init__(clock, seconds, lambda: work(self.rest), name)
        self._clock = clock
        self._since = 0.0
        self._resting: Deferred[None] | None = None

    def stopService(self) -> Deferred[None] | None:
        """Stop; see the class."""
        stopped = super().stopService()
        if self._resting is not None:
            self._resting.cancel()
        return stopped

    def _once(self) -> Any:
        self._since = self._clock.seconds()
        return super()._once()

    async def rest(self) -> bool:
        """Between two pages: REST times as long as the last one took. False when the job has to end."""
        if not self.running:
            return False
        self._resting = deferLater(self._clock, REST * (self._clock.seconds() - self._since))
        with suppress(CancelledError):
            await self._resting
        self._resting = None
        self._since = self._clock.seconds()
        return bool(self.running)


def renewals(operations: IOperations, due: Callable[[], Awaitable[list[tuple[int, str, int]]]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """
    Buys wallets again that are due (environment, account, number). Each is a transaction of its own that looks whether it is due still, so a crash, or two
    processes at once, neither lose a renewal nor charge it twice.
    """

    async def renew() -> None:
        for i_env, account, wallet in await due():
            try:
                await operations.operate(Actor("job:wallets", i_env), "wallet.renew", {"account": account, "wallet": str(wallet)})
            except OperationRefused as refused:
                _log.warn("wallet {wallet} of account {account} is not bought again: {reason}", wallet=wallet, account=account, reason=str(refused))

    return renew


def fees(operations: IOperations, due: Callable[[], Awaitable[list[tuple[int, str]]]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Charges the periodic fees of accounts (environment, id) of which something is due, as `renewals` does: each in a transaction that looks itself."""

    async def charge() -> None:
        for i_env, account in await due():
            try:
                await operations.operate(Actor("job:fees", i_env), "subscription.charge", {"id": account})
            except OperationRefused as refused:
                _log.warn("fees of account {account} are not charged: {reason}", account=account, reason=str(refused))

    return charge


def sweeper(ledger: ILedger, billing: IBilling, now: Callable[[], datetime]) -> Callable[[], Awaitable[None]]:
    """
    The sweeper: sessions whose expiry has passed are closed by an ordinary request of kind EXPIRE (DESIGN.md 3.3).

    Their expiry is compared with the database's clock, so a wrong wall clock here can't close a session.
    """

    async def close(name: SessionName) -> None:
        at = now()
        key = f"expire/{name.node}/{name.session}/{name.version}"
        origin, parties = Origin(name.node, name.i_env, "sweeper"), Parties(name.account_id)
        try:
            await billing.handle(AAARequest(Kind.EXPIRE, f"x{name.version}", origin, name.session, key, parties, at, at))
        except LedgerFailed as error:  # one that can't be closed is the first of every pass: it must not keep the others from it
            _log.error("session {session} could not be swept: {error}", session=name.session, error=str(error))
        else:
            SWEPT.inc()

    async def sweep() -> None:
        names = await ledger.dead_sessions(SWEEP_PAGE)
        for first in range(0, len(names), ABREAST):
            closing = [Deferred.fromCoroutine(close(name)) for name in names[first : first + ABREAST]]
            results: list[tuple[bool, Any]] = await DeferredList(closing, consumeErrors=True)
            for done, result in results:
                if not done:
                    result.raiseException()  # the database is down: the next pass tries again

    return sweep
