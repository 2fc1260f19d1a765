"""Recurring work: it never dies, never overlaps, and stops when its pass is over; the sweeper."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import DatabaseDown, LedgerFailed
from portaswitch.interfaces.rest import Rest
from portaswitch.jobs import PASSES, REST, SWEEP_PAGE, SWEPT, Paged, Periodic, renewals, sweeper
from portaswitch.model.actor import Actor
from portaswitch.model.ledger import SessionName
from portaswitch.model.operation import OperationRefused
from portaswitch.model.request import AAARequest, Decision, Kind
from tests.unit.billing.deck import Deck
from tests.unit.builders import AT


class PeriodicTests(SynchronousTestCase):
    """A job every 5 s."""

    def setUp(self) -> None:
        """A clock, and what the passes do."""
        self.clock = Clock()
        self.results: list[Any] = []
        self.passes = 0
        self.job = Periodic(self.clock, 5.0, self.work, "test job")
        self.addCleanup(self.job.stopService)

    def work(self) -> Any:
        """One pass: raises or gives the next result."""
        self.passes += 1
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result

    def test_every_five_seconds(self) -> None:
        """The first pass comes after the first interval."""
        self.job.startService()
        self.assertEqual(self.passes, 0)
        for number in range(1, 4):
            self.clock.advance(5)
            self.assertEqual(self.passes, number)

    def test_never_dies(self) -> None:
        """An exception, a failed Deferred, a coroutine that raises: counted, and the next pass comes."""
        async def broken() -> None:
            raise ValueError("third")

        self.results = [ValueError("first"), fail(ValueError("second")), broken(), succeed(None)]
        failed, ok = PASSES.get("test job", "failed"), PASSES.get("test job", "ok")
        self.job.startService()
        self.clock.pump([5] * 5)
        self.assertEqual((self.passes, PASSES.get("test job", "failed") - failed, PASSES.get("test job", "ok") - ok), (5, 3, 2))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_never_twice_at_once(self) -> None:
        """A pass that takes longer than the interval delays the next."""
        slow: Deferred[None] = Deferred()
        self.results = [slow]
        self.job.startService()
        self.clock.pump([5] * 4)
        self.assertEqual(self.passes, 1)
        slow.callback(None)
        self.clock.advance(5)
        self.assertEqual(self.passes, 2)

    def test_stop(self) -> None:
        """Idle: at once; in a pass: when it is over, also when it fails; no pass follows."""
        for end in ("callback", "errback"):
            slow: Deferred[None] = Deferred()
            self.results = [slow]
            self.job.startService()
            self.clock.advance(5)
            stopped = self.job.stopService()
            assert stopped is not None
            self.assertNoResult(stopped)
            slow.callback(None) if end == "callback" else slow.errback(ValueError("late"))
            self.successResultOf(stopped)
            self.assertIsNone(self.job.stopService())
            passes = self.passes
            self.clock.pump([5] * 3)
            self.assertEqual((self.passes, self.clock.getDelayedCalls()), (passes, []))


class PagedTests(SynchronousTestCase):
    """A job that goes through pages, each of which takes a second."""

    def setUp(self) -> None:
        """A clock, and the pages that were done."""
        self.clock = Clock()
        self.pages: list[float] = []
        self.slow: Deferred[None] = Deferred()
        self.job = Paged(self.clock, 5.0, self.work, "paged job")
        self.addCleanup(self.job.stopService)
        self.job.startService()
        self.clock.advance(5)

    async def work(self, rest: Rest) -> None:
        """One pass of three pages."""
        for _ in range(3):
            await self.slow
            self.pages.append(self.clock.seconds())
            if not await rest():
                return

    def end_page(self) -> None:
        """The page at hand has taken a second."""
        self.clock.advance(1)
        slow, self.slow = self.slow, Deferred()
        slow.callback(None)

    def test_rest(self) -> None:
        """Several times as long as the page took, which the rest before it is no part of."""
        self.end_page()
        self.assertEqual(self.pages, [6])
        self.slow = succeed(None)
        self.clock.advance(REST - 0.1)
        self.assertEqual(self.pages, [6])
        self.clock.advance(0.2)
        self.assertEqual(len(self.pages), 3, "pages that take no time are followed by no rest")

    def test_stop(self) -> None:
        """At once in a rest; in a page when that is over. No further page is begun."""
        for resting in (True, False):
            if resting:
                self.end_page()
            stopped = self.job.stopService()
            assert stopped is not None
            if not resting:
                self.assertNoResult(stopped)
                self.end_page()
            self.successResultOf(stopped)
            self.assertEqual((len(self.pages), self.clock.getDelayedCalls()), (1, []))
            self.pages.clear()
            self.job.startService()
            self.clock.advance(5)


class Core:
    """A core that fails for some sessions."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors, self.asked = errors, list[AAARequest]()

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`."""
        self.asked.append(request)
        error = self.errors.get(request.session)
        return succeed(Decision()) if error is None else fail(error)


class SweeperTests(SynchronousTestCase):
    """Dead sessions are closed by ordinary requests."""

    def sweep(self, *names: str, **errors: Exception) -> tuple[Core, Deferred[None]]:
        """One pass over sessions of these names."""
        deck, core = Deck(), Core(errors)
        deck.names = [SessionName(2, 7, name, f"user of {name}", 3) for name in names]
        work: Any = sweeper(deck, core, lambda: AT)  # type: ignore[arg-type]
        return core, Deferred.fromCoroutine(work())

    def test_requests(self) -> None:
        """Of kind EXPIRE, in the session's environment and node, keyed by the version that was seen."""
        swept = SWEPT.get()
        core, done = self.sweep("a", "b")
        self.successResultOf(done)
        first = core.asked[0]
        self.assertEqual((first.kind, first.session, first.origin.i_node, first.origin.i_env, first.parties.user), (Kind.EXPIRE, "a", 7, 2, "user of a"))
        self.assertEqual((first.key, first.at, first.received, first.units), ("expire/7/a/3", AT, AT, ()))
        self.assertEqual((len(core.asked), SWEPT.get() - swept), (2, 2))

    def test_one_that_fails(self) -> None:
        """A session that cannot be closed must not keep the others from it: it would be the first of each pass again."""
        core, done = self.sweep("bad", "good", bad=LedgerFailed("no such row"))
        _ = done.addErrback(lambda _: None)
        self.assertEqual([request.session for request in core.asked], ["bad", "good"])

    def test_database_down(self) -> None:
        """Without a database the pass ends, as failed."""
        _, done = self.sweep("a", a=DatabaseDown("gone"))
        self.failureResultOf(done, DatabaseDown)

    def test_page(self) -> None:
        """A pass has a bound."""
        core, done = self.sweep(*(f"s{number}" for number in range(SWEEP_PAGE + 10)))
        self.successResultOf(done)
        self.assertEqual(len(core.asked), SWEEP_PAGE)


class RenewalTests(SynchronousTestCase):
    """Wallets that are due."""

    def test_refused(self) -> None:
        """One that is refused keeps the next from nothing; each is asked for in its own environment."""
        asked: list[tuple[int, str]] = []

        class Operations:
            def operate(self, actor: Actor, operation: str, values: Any) -> Deferred[Any]:
                asked.append((actor.i_env, f"{operation} {values['account']} {values['wallet']}"))
                return fail(OperationRefused(["no funds"])) if len(asked) == 1 else succeed({})

        async def due() -> list[tuple[int, str, int]]:
            return [(1, "0101", 7), (2, "0102", 8)]

        operations: Any = Operations()
        self.successResultOf(Deferred.fromCoroutine(renewals(operations, due)()))
        self.assertEqual(asked, [(1, "wallet.renew 0101 7"), (2, "wallet.renew 0102 8")])
