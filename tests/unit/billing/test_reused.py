"""Names of sessions that are used again by a NAS that has restarted: another session is charged as one, and no report is charged twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.core import Core
from portaswitch.errors import DatabaseDown
from portaswitch.logs import BillingLog
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Decision, Kind
from portaswitch.model.session import Session
from portaswitch.store.reference import ReferenceLedger
from tests.unit.billing.deck import BatchCase, Shelf
from tests.unit.builders import AT, CARD, account, after, alive, auth, catalogue, customer, expire, kept, money, request, start, stop

MINUTE, HOUR, DAY = 60, 3600, 86400
OTHER = "102"


def told(asked: AAARequest, begun: float | None) -> AAARequest:
    """A report by a node whose clock said when its session began, in seconds of the test's time."""
    return replace(asked, begun=None if begun is None else after(begun))


def call(used: int, ended: float, **what: Any) -> AAARequest:
    """The Stop of a call, of node 7's session s1."""
    return told(stop(used, at=ended, **what), ended - used)


class ReusedCase(SynchronousTestCase):
    """Two cards of 10.00 at 0.02 a minute, by the second."""

    def setUp(self) -> None:
        """A core on the ledger in memory."""
        self.begin()

    def begin(self) -> None:
        """Begin again."""
        self.ledger = ReferenceLedger(lambda: AT)
        self.ledger.put_customer(customer())
        for number, name in (101, CARD), (102, OTHER):
            self.ledger.put_account(account(i_account=number, id=name), Funds(money(10)))
        self.restart()

    def restart(self) -> None:
        """A process that remembers nothing."""
        self.core = Core(self.ledger, Shelf(catalogue()), BillingLog(None), seconds=Clock().seconds)

    def ask(self, *asked: AAARequest) -> None:
        """What accounting asks, which is never refused."""
        for one in asked:
            self.assertEqual(self.successResultOf(self.core.handle(one)), Decision())

    @property
    def charges(self) -> list[tuple[int, int, Decimal]]:
        """Account, use and amount of what was charged."""
        return [(row.i_account, row.used_quantity, row.charged_amount) for row in self.ledger.books.xdrs if row.charged_amount]


class AnotherTests(ReusedCase):
    """A call of 71 s that ended, and hours later another call under its name."""

    def setUp(self) -> None:
        """The first call is over."""
        super().setUp()
        self.ask(call(71, 71))

    def test_charged(self) -> None:
        """By its Stop alone, whatever it has used; however often it comes, and the first one's with it."""
        for used in (30, 71, 600):
            self.begin()
            self.ask(call(71, 71))
            second = call(used, 2 * HOUR)
            for asked in (second, second, call(71, 71), second, call(71, 71)):
                self.ask(asked)
                self.restart()
            self.assertEqual([charged[:2] for charged in self.charges], [(101, 71), (101, used)])

    def test_whole_session(self) -> None:
        """Start, Alive and Stop are one session, which the first one's reports do not touch."""
        late = [told(start(), 0), told(alive(60), 0), call(71, 71)]
        self.ask(told(start(at=HOUR), HOUR), *late)
        self.assertEqual([one.quotas[0].used for one in self.ledger.books.sessions.values()], [0])
        self.ask(told(alive(60, at=HOUR + 60), HOUR), *late, told(alive(30, at=HOUR + 61), HOUR + 2), call(90, HOUR + 91), *late)
        self.assertEqual([charged[:2] for charged in self.charges], [(101, 71), (101, 90)])
        self.assertEqual(self.ledger.books.sessions, {})
        self.assertEqual(self.ledger.books.funds[101].held, Decimal(0))

    def test_another_user(self) -> None:
        """It is whose name the report has, and not who had the session's name before."""
        self.ask(told(start(at=HOUR, user=OTHER), HOUR), call(60, HOUR + 60, user=OTHER))
        self.assertEqual(self.charges, [(101, 71, money("0.02367")), (102, 60, money("0.02"))])

    def test_third(self) -> None:
        """A name may be used any number of times."""
        for ended in (HOUR, 2 * HOUR, 3 * HOUR):
            self.ask(call(60, ended), call(60, ended))
        self.assertEqual([charged[1] for charged in self.charges], [71, 60, 60, 60])
        self.assertEqual(len(self.ledger.books.closed), 4)

    def test_forgotten(self) -> None:
        """A process that remembers the user alone: the keys of both Stops are the same, and what became of the first is no answer to the second."""
        for asked in call(60, HOUR), call(71, 71):
            self.restart()
            self.ask(told(start("s2"), None), asked)
        self.assertEqual([charged[1] for charged in self.charges], [71, 60])

    def test_long(self) -> None:
        """A session goes on under its name when the first one has been forgotten."""
        self.ask(told(start(at=HOUR), HOUR))
        self.ledger.books.closed.clear()
        self.restart()
        self.ask(told(alive(DAY, at=HOUR + DAY), HOUR), told(stop(2 * DAY, at=HOUR + 2 * DAY), HOUR - 9))
        self.assertEqual([charged[1] for charged in self.charges], [71, 2 * DAY])


class DoubtTests(ReusedCase):
    """Reports of which nobody can say that they are of another session."""

    def test_no_clock(self) -> None:
        """A node that tells no time of its own: a receipt is that of a repetition, too."""
        self.ask(call(71, 71), told(stop(71, at=HOUR), None), told(stop(900, at=DAY), None), told(start(at=DAY), None))
        self.assertEqual([charged[1] for charged in self.charges], [71])

    def test_margin(self) -> None:
        """By a clock that is some minutes wrong; behind them it is another."""
        self.ask(call(71, 71), told(stop(60, at=DAY), 71 + 5 * MINUTE))
        self.assertEqual([charged[1] for charged in self.charges], [71])
        self.ask(told(stop(60, at=DAY), 72 + 5 * MINUTE))
        self.assertEqual([charged[1] for charged in self.charges], [71, 60])

    def test_wrong_zone(self) -> None:
        """A connect time that is wrong by its zone is so in each repetition, however late that comes."""
        first = stop(71, connected=after(3 * HOUR), begun=None)
        again = told(stop(71, at=4 * HOUR, connected=after(3 * HOUR)), 3 * HOUR)
        self.ask(first, again)
        self.restart()
        self.ask(again)
        self.assertEqual([charged[1] for charged in self.charges], [71])
        self.begin()
        self.assertTrue(self.successResultOf(self.core.handle(auth())).accepted)
        self.ask(first, again)
        self.assertEqual([charged[1] for charged in self.charges], [71])

    def test_open(self) -> None:
        """A session that lives keeps its name."""
        self.ask(told(start(), 0), told(alive(30), HOUR), told(stop(60), HOUR))
        self.assertEqual([charged[1] for charged in self.charges], [60])

    def test_authorization(self) -> None:
        """Of a session that is over none is given: it tells no beginning."""
        self.ask(call(71, 71))
        self.assertFalse(self.successResultOf(self.core.handle(auth(at=DAY))).accepted)


class ProvisionalTests(ReusedCase):
    """The node restarted, and its session was closed with what it had reported."""

    def setUp(self) -> None:
        """60 s were reported of a session that began at 0."""
        super().setUp()
        self.ask(told(start(), 0), told(alive(60), 0))
        self.ask(request(Kind.ON_OFF, "", 100))
        self.assertEqual([charged[1] for charged in self.charges], [60])

    def test_first_behind_restart(self) -> None:
        """Those that begin behind the restart are others, some seconds behind it already."""
        self.ask(told(start(at=131, user=OTHER), 131), call(90, 221, user=OTHER))
        self.assertEqual([charged[:2] for charged in self.charges], [(101, 60), (102, 90)])

    def test_late_stop(self) -> None:
        """Its own Stop charges the difference, by whatever clock, and once."""
        late = call(90, 90)
        self.ask(replace(late, received=after(DAY)), replace(late, received=after(DAY)), told(replace(late, at=after(DAY)), None))
        self.assertEqual(sum((charged[2] for charged in self.charges), Decimal(0)), money("0.03"))

    def test_tried_again(self) -> None:
        """Behind a failed attempt the user may be a while at trying again, in the same session."""
        self.begin()
        failed = told(stop(0, at=10, key="7/s1/failed", kept=kept(failed="yes")), 0)
        self.ask(told(start(), 0), failed, told(stop(60, at=200), 140))
        self.assertEqual((len(self.ledger.books.closed), [charged[1] for charged in self.charges]), (1, [60]))

    def test_swept(self) -> None:
        """The same of one that its node forgot to end."""
        self.begin()
        self.ask(told(start(), 0), expire(at=DAY))
        self.ask(told(alive(2 * DAY, at=2 * DAY), 0))
        self.ask(call(60, 3 * DAY))
        self.assertEqual([charged[1] for charged in self.charges], [2 * DAY, 60])


class LawTests(ReusedCase):
    """Calls under one name, one behind the other, whose reports come in any order, late and more than once."""

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 500), st.booleans()), min_size=1, max_size=4), st.randoms(use_true_random=False))
    def test_each_once(self, calls: list[tuple[int, bool]], chance: Any) -> None:
        """Whatever was reported of the calls before: each is charged for what it used, once."""
        self.begin()
        sent: list[AAARequest] = []
        for number, (used, starts) in enumerate(calls):
            begun = number * HOUR
            reports = [told(start(at=begun), begun)] if starts else []
            reports += [told(alive(used // 2, at=begun + used), begun + chance.choice((-1, 0, 2))), call(used, begun + used)]
            chance.shuffle(reports)
            for asked in reports:
                sent.append(asked)
                self.ask(asked, replace(chance.choice(sent), received=asked.received))
                if chance.random() < 0.3:
                    self.restart()
        self.assertEqual(self.total(), self.due(calls))
        self.assertEqual((self.ledger.books.funds[101].held, self.ledger.books.sessions), (Decimal(0), {}))

    def total(self) -> Decimal:
        """What was charged in all."""
        return sum((charged[2] for charged in self.charges), Decimal(0))

    def due(self, calls: list[tuple[int, bool]]) -> Decimal:
        """What they cost, each reckoned alone."""
        costs = []
        for used, _ in calls:
            alone = ReusedCase("setUp")
            alone.begin()
            alone.ask(stop(used))
            costs.append(10 - alone.ledger.books.funds[101].balance)
        return sum(costs, Decimal(0))


class QueueTests(BatchCase):
    """The queue, while the elder leaves its name."""

    def over(self) -> Session:
        """A session that is over, of a remembered card."""
        self.know(CARD)
        self.ask(call(20, 20))
        self.deck.land_all()
        return self.deck.sessions["7/s1"]

    def release(self) -> None:
        """The name is free."""
        elder, done = self.deck.released.pop()
        self.deck.sessions[f"{elder.key}~"] = self.deck.sessions.pop(elder.key)
        done.callback(None)

    def test_one_behind_the_other(self) -> None:
        """Nothing is decided on what is remembered of the elder; what comes meanwhile waits, and is of the new one."""
        elder = self.over()
        begins, ends = self.ask(told(start(at=HOUR), HOUR), call(30, HOUR + 30))
        self.assertEqual([member.change for member in self.deck.land()], [None])
        self.deck.land_all()
        self.assertEqual(([one for one, _ in self.deck.released], self.word(begins), self.word(ends)), ([elder], "waits", "waits"))
        self.release()
        self.deck.land_all()
        self.assertEqual((self.word(begins), self.word(ends), self.deck.released), ("ok", "ok", []))
        self.assertEqual((self.deck.sessions["7/s1"].quotas[0].used, self.deck.sessions["7/s1~"]), (30, elder))
        self.successResultOf(self.batcher.drained())

    def test_database_away(self) -> None:
        """The report fails, and its repetition finds all as it was."""
        self.over()
        (done,) = self.ask(call(30, HOUR + 30))
        self.deck.land_all()
        self.deck.released.pop()[1].errback(DatabaseDown("gone"))
        self.failureResultOf(done, DatabaseDown)
        (again,) = self.ask(call(30, HOUR + 30))
        self.deck.land_all()
        self.release()
        self.deck.land_all()
        self.assertEqual((self.word(again), self.deck.sessions["7/s1"].quotas[0].used), ("ok", 30))
