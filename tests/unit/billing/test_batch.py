"""The queue: who flies with whom, what is folded, and that each request is answered once whatever the ledger says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import CancelledError

from portaswitch.billing.limits import LONG, MOST_TRIES
from portaswitch.errors import DatabaseDown, LedgerFailed
from portaswitch.model.ledger import Applied, Failed, Repeated, Short, Stale
from portaswitch.model.party import Funds
from portaswitch.model.request import Decision, Grant, Kind
from tests.unit.billing.deck import OTHER, BatchCase
from tests.unit.builders import CARD, alive, auth, event, money, postpaid, prepaid, request, start, stop


class LeavingTests(BatchCase):
    """What leaves when."""

    def test_stranger(self) -> None:
        """An account that is not remembered is read first, decided when it is back, and answered after the commit only."""
        (done,) = self.ask(auth())
        (member,) = self.deck.land()
        self.assertEqual((member.change, member.i_account, self.word(done)), (None, 0, "waits"))
        (member,) = self.deck.flights[0][0]
        assert member.change is not None
        self.assertEqual((member.i_account, member.change.hold, self.word(done)), (101, money("0.01"), "waits"))
        self.deck.land()
        self.assertEqual((self.word(done), self.deck.views[101].funds.held), ("ok", money("0.01")))

    def test_late_fold(self) -> None:
        """While an account flies its next requests wait; then they leave together, each decided behind the one before."""
        self.know(CARD)
        dones = self.ask(*(auth(f"s{number}") for number in range(5)))
        self.assertEqual([len(members) for members, _ in self.deck.flights], [1])
        self.deck.land()
        self.assertEqual((self.sessions(), [self.word(done) for done in dones]), (["7/s1", "7/s2", "7/s3"], ["ok"] + ["waits"] * 4))
        changes = [member.change and member.change.hold for member in self.deck.flights[0][0]]
        self.assertEqual(changes, [money("0.01"), money("0.01"), None])
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in dones], ["ok"] * 3 + ["funds_locked"] * 2)
        self.assertEqual(self.deck.views[101].funds.held, money("0.03"))

    def test_flights(self) -> None:
        """At most two batches fly; a third account leaves with the first landing."""
        self.begin(prepaid(), OTHER, prepaid(i_account=103, id="103"))
        self.know(CARD, "102", "103")
        self.ask(auth(), auth("s2", user="102"), auth("s3", user="103"))
        self.assertEqual([self.sessions(0), self.sessions(1), len(self.deck.flights)], [["7/s1"], ["7/s2"], 2])
        self.deck.land(place=1)
        self.assertEqual([self.sessions(0), self.sessions(1)], [["7/s1"], ["7/s3"]])

    def test_one_session(self) -> None:
        """Two requests of one session never fly together, nor under two names of the account at once; their order stays."""
        self.know(CARD, "102")
        dones = self.ask(auth("s0"), start(), alive(30), stop(60), auth("s2"))
        self.deck.land()
        self.assertEqual(self.sessions(), ["7/s1", "7/s2"])
        self.deck.land()
        self.assertEqual([member.request.kind for member in self.deck.land()], [Kind.UPDATE])
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in dones], ["ok"] * 5)
        self.assertEqual(self.deck.views[101].funds.balance, money("0.01"))

    def test_session_in_another_lane(self) -> None:
        """A session that flies under one name holds back its request under another name; the rest of that lane leaves."""
        self.ask(auth())
        dones = self.ask(stop(30, user="102"), auth("s2", user="102"))
        self.assertEqual((self.sessions(0), self.sessions(1)), (["7/s1"], ["7/s2"]))
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in dones], ["ok", "ok"])
        self.assertEqual(self.deck.views[101].funds.balance, money("0.02"))

    def test_parked(self) -> None:
        """A lane of which nothing may fly waits for a landing, and then leaves."""
        self.ask(auth())
        (done,) = self.ask(stop(30, user="102"))
        self.assertEqual(len(self.deck.flights), 1)
        self.deck.land_all()
        self.assertEqual(self.word(done), "ok")

    def test_one_key(self) -> None:
        """A one-shot repeated at once never flies with itself; it is charged once, and both get its answer."""
        self.begin(prepaid("1"))
        self.know(CARD)
        dones = self.ask(request(Kind.AUTH, "", called=""), event(1), event(1))
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in dones], ["ok"] * 3)
        self.assertEqual((len(self.deck.keys), self.deck.views[101].funds.balance), (1, money("0.98")))

    def test_shared_customer(self) -> None:
        """Two accounts of one customer in one batch: the second is decided on what the first leaves of the customer's money."""
        both = [postpaid(None, "0.01", i_account=number, id=str(number)) for number in (102, 103)]
        self.begin(prepaid(i_customer=9), *both)
        self.know("102", "103")
        self.ask(request(Kind.AUTH, "", called=""), request(Kind.AUTH, "", called="", user="x"))
        self.ask(auth("s1", user="102"), auth("s2", user="103"))
        self.deck.land(place=1)
        changes = [member.change for member in self.deck.flights[1][0]]
        self.assertEqual([change and change.hold for change in changes], [money("0.01"), None])


class CompanyTests(BatchCase):
    """When a batch leaves beside one that is on its way."""

    company = 2

    def setUp(self) -> None:
        """Three accounts that are remembered, and the request of the first on its way."""
        self.begin(prepaid(), OTHER, prepaid(i_account=103, id="103"))
        self.know(CARD, "102", "103")
        self.ask(auth())

    def test_alone(self) -> None:
        """One account waits for the landing, which it leaves with."""
        (done,) = self.ask(auth("s2", user="102"))
        self.assertEqual(len(self.deck.flights), 1)
        self.deck.land()
        self.assertEqual((self.sessions(), self.word(done)), (["7/s2"], "waits"))

    def test_together(self) -> None:
        """Two are worth a batch of their own."""
        self.ask(auth("s2", user="102"), auth("s3", user="103"))
        self.assertEqual([self.sessions(0), self.sessions(1)], [["7/s1"], ["7/s2", "7/s3"]])

    def test_long(self) -> None:
        """What is on its way for long may wait for a lock: nobody waits for it."""
        self.ask(auth("s2", user="102"))
        self.clock.advance((LONG + 1) / 1000)
        self.ask(auth("s4", user="102"))
        self.assertEqual([self.sessions(0), self.sessions(1)], [["7/s1"], ["7/s2", "7/s4"]])


class TurnTests(BatchCase):
    """What comes in one turn of the reactor leaves together."""

    def later(self, work: Callable[[], None]) -> None:
        """Until the clock's next turn."""
        self.clock.callLater(0, work)

    def setUp(self) -> None:
        """Five accounts, of which two are asked about."""
        self.begin(*[prepaid(i_account=number, id=str(number)) for number in range(101, 106)])
        self.dones = self.ask(auth("s1", user="101"), auth("s2", user="102"))

    def test_together(self) -> None:
        """Nothing leaves before the turn is over; then both do."""
        self.assertEqual(self.deck.flights, [])
        self.clock.advance(0)
        self.assertEqual([self.sessions()], [["7/s1", "7/s2"]])

    def test_full(self) -> None:
        """A full batch does not wait; nor is the end of the turn a reason for a second one without company."""
        self.ask(auth("s3", user="103"))
        self.assertEqual([self.sessions()], [["7/s1", "7/s2", "7/s3"]])
        self.clock.advance(0)
        self.assertEqual(len(self.deck.flights), 1)

    def test_second(self) -> None:
        """Beside one that is on its way the others of a turn leave together too, and a landing waits for no turn."""
        self.clock.advance(0)
        self.ask(auth("s3", user="103"), auth("s4", user="104"))
        self.assertEqual(len(self.deck.flights), 1)
        self.clock.advance(0)
        self.assertEqual(self.sessions(1), ["7/s3", "7/s4"])
        self.ask(auth("s5", user="105"))
        self.deck.land()
        self.assertEqual(len(self.deck.flights), 2)

    def test_withdrawn(self) -> None:
        """Who is tired of waiting before the turn is over keeps nobody waiting for a stopping process."""
        for done in self.dones:
            done.cancel()
        drained = self.batcher.drained()
        self.clock.advance(0)
        self.successResultOf(drained)
        for done in self.dones:
            self.failureResultOf(done, CancelledError)


class VerdictTests(BatchCase):
    """What each verdict leads to."""

    def test_stale(self) -> None:
        """A stale decision is made again on the fresh view; what then changes nothing is answered at once."""
        self.know(CARD)
        (done,) = self.ask(auth())
        self.deck.views[101] = replace(prepaid(blocked=True, revision=2))
        self.deck.land()
        self.assertEqual(self.attempts(), ["s1"])
        self.deck.land()
        self.assertEqual((self.word(done), self.deck.flights), ("user_denied", []))

    def test_refusal_only_when_fresh(self) -> None:
        """What memory would refuse is read first: money may have come."""
        self.begin(prepaid("0"))
        self.know(CARD)
        self.deck.views[101] = prepaid("1")
        (done,) = self.ask(auth())
        self.assertIsNone(self.deck.flights[0][0][0].change)
        self.deck.land_all()
        self.assertEqual(self.word(done), "ok")

    def test_reader_confirmed(self) -> None:
        """A reader whose basis holds gets the money alone, and is decided with it."""
        self.begin(prepaid("0"))
        self.know(CARD)
        first, second = self.ask(auth(), auth("s2"))
        self.assertEqual(self.deck.flights[0][0][0].basis, prepaid("0"))
        self.deck.land(Applied(Funds(money("0")), Funds()))
        self.assertEqual((self.word(first), self.attempts()), ("waits", ["s1"]))
        self.deck.views[101] = prepaid("1")
        self.deck.land(Applied(Funds(money("0")), Funds()), Applied(Funds(money("1")), Funds()))
        self.assertEqual(self.word(first), "zero_balance")
        self.deck.land_all()
        self.assertEqual(self.word(second), "ok")

    def test_short(self) -> None:
        """Money that went meanwhile: decided again with what is left, and refused only when that was read."""
        self.know(CARD)
        (done,) = self.ask(auth())
        self.deck.views[101] = prepaid("0")
        self.deck.land()
        self.assertEqual(self.word(done), "waits")
        self.deck.land_all()
        self.assertEqual((self.word(done), self.deck.sessions), ("zero_balance", {}))

    def test_short_of_the_remembered(self) -> None:
        """After Short the funds told are those decided on, whatever memory had."""
        self.know(CARD)
        self.ask(auth())
        self.deck.land(Short(Funds(money("0.005")), Funds()))
        (member,) = self.deck.flights[0][0]
        assert member.change is not None
        self.assertEqual(member.change.hold, money("0.005"))

    def test_repeated(self) -> None:
        """The stored answer counts, not what was decided now; what was remembered of the account is in doubt."""
        self.know(CARD)
        (done,) = self.ask(auth())
        stored = Decision(grants=(Grant(auth().units[0].key, auth().units[0].base, 7),))
        self.deck.land(Repeated(stored))
        self.assertEqual((self.successResultOf(done), self.cache.view(101, "")), (stored, None))

    def test_failed(self) -> None:
        """A member that nobody can apply fails alone."""
        self.know(CARD)
        self.ask(auth("s0"))
        bad, good = self.ask(auth("s1"), auth("s2"))
        self.deck.land()
        self.deck.land(Failed("no such row"), Applied(Funds(money("0.03"), money("0.02")), Funds()))
        self.failureResultOf(bad, LedgerFailed)
        self.assertEqual((self.word(good), self.cache.view(101, "7/s1")), ("ok", None))

    def test_for_ever_stale(self) -> None:
        """Turned back again and again meets a defect: it ends."""
        self.know(CARD)
        (done,) = self.ask(auth())
        for _ in range(MOST_TRIES):
            self.assertFalse(done.called)
            self.deck.land(Stale(prepaid()))
        self.failureResultOf(done, LedgerFailed)
        self.assertEqual(self.deck.flights, [])

    def test_again_before_the_next(self) -> None:
        """Members that fly again keep their order, before those that came later."""
        self.know(CARD)
        self.ask(auth("s0"))
        self.ask(auth("s1"), auth("s2"), auth("s3"))
        self.deck.land()
        self.deck.land(Stale(prepaid()), Stale(prepaid()), Applied(Funds(), Funds()))
        self.assertEqual((self.sessions(), self.attempts()), (["7/s1", "7/s2", "7/s3"], ["s3"]))

    def test_database_down(self) -> None:
        """Nothing is known: all members fail so, memory forgets them, and the next request reads again."""
        self.know(CARD)
        dones = self.ask(auth(), auth("s2"))
        self.deck.crash(DatabaseDown("gone"))
        self.failureResultOf(dones[0], DatabaseDown)
        self.assertIsNone(self.deck.flights[0][0][0].change)
        self.deck.land_all()
        self.assertEqual(self.word(dones[1]), "ok")


class OrphanTests(BatchCase):
    """Usage of nobody's."""

    def test_kept_then_answered(self) -> None:
        """It is answered when it is kept; not being able to keep it is no answer."""
        dones = self.ask(stop(60, user="nobody"), stop(60, "s2", user="nobody2"))
        self.deck.land()
        self.deck.land()
        self.assertEqual([member.request.parties.user for member, _ in self.deck.orphans], ["nobody", "nobody2"])
        self.assertEqual([done.called for done in dones], [False, False])
        self.deck.orphans[0][1].callback(None)
        self.assertEqual(self.successResultOf(dones[0]), Decision())
        self.deck.orphans[1][1].errback(DatabaseDown("gone"))
        self.failureResultOf(dones[1], DatabaseDown)

    def test_next_of_its_session(self) -> None:
        """The next report of the session leaves when the first is kept, though nothing else lands."""
        first, second = self.ask(start(user="nobody"), stop(60, user="nobody"))
        self.deck.land()
        self.deck.orphans[0][1].callback(None)
        self.deck.land_all()
        self.assertEqual((self.word(first), len(self.deck.orphans)), ("ok", 2))
        self.deck.orphans[1][1].callback(None)
        self.assertEqual(self.word(second), "ok")
        self.successResultOf(self.batcher.drained())

    def test_no_usage(self) -> None:
        """What is no usage is simply answered."""
        dones = self.ask(auth(user="nobody"), request(Kind.STOP, "s2", user="nobody"), request(Kind.EXPIRE, "s3", user="nobody"))
        self.deck.land_all()
        self.assertEqual(([self.word(done) for done in dones], self.deck.orphans), (["invalid_account", "ok", "ok"], []))
