"""The queue in trouble: overload, timeouts, cancelling, answers that ask again, and defects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred

from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.model.ledger import Applied, Member
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Decision, Kind
from tests.unit.billing.deck import BatchCase
from tests.unit.builders import CARD, auth, money, request, stop


class LimitTests(BatchCase):
    """Overload, timeouts, cancelling, draining."""

    def test_overload(self) -> None:
        """More than the limit that wait: refused at once, and room comes back."""
        self.know(CARD)
        self.ask(auth("s0"))
        waiting = self.ask(*(auth(f"w{number}") for number in range(8)))
        self.failureResultOf(self.batcher.submit(auth("one too many")), Overloaded)
        self.deck.land_all()
        self.assertEqual({self.word(done) for done in waiting}, {"ok", "funds_locked"})
        self.assertEqual(self.word(self.ask(auth("s0", at=1))[0]), "waits")

    def test_timeout(self) -> None:
        """What waited longer than the decision timeout does not leave any more: its client has given up."""
        self.know(CARD)
        flies, late = self.ask(auth(), auth("s2"))
        self.clock.advance(1.5)
        (fresh,) = self.ask(auth("s3"))
        self.clock.advance(0.6)
        self.deck.land()
        self.failureResultOf(late, Overloaded)
        self.assertEqual((self.sessions(), self.word(flies)), (["7/s3"], "ok"))
        self.deck.land()
        self.assertEqual(self.word(fresh), "ok")

    def test_cancel_in_the_queue(self) -> None:
        """Withdrawn before it left: it never flies."""
        self.know(CARD)
        flies, waits = self.ask(auth(), auth("s2"))
        waits.cancel()
        self.failureResultOf(waits, CancelledError)
        self.deck.land_all()
        self.assertEqual((self.word(flies), list(self.deck.sessions)), ("ok", ["7/s1"]))
        self.successResultOf(self.batcher.drained())

    def test_cancel_in_the_air(self) -> None:
        """Too late: the effect stands, and its decision waits for the retransmission, which changes nothing."""
        self.know(CARD)
        (done,) = self.ask(auth())
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.deck.land()
        (again,) = self.ask(auth())
        self.deck.land_all()
        self.assertEqual((self.word(again), self.deck.views[101].funds.held), ("ok", money("0.01")))

    def test_drained(self) -> None:
        """Fires when nothing waits and nothing flies; at once when idle."""
        self.successResultOf(self.batcher.drained())
        self.ask(auth(), auth("s2"))
        done = self.batcher.drained()
        self.deck.land()
        self.assertNoResult(done)
        self.deck.land_all()
        self.successResultOf(done)


class ReentrancyTests(BatchCase):
    """Whoever gets an answer may ask at once."""

    def then(self, done: Deferred[Decision], *asked: AAARequest) -> list[Deferred[Decision]]:
        """Ask these when `done` fires, however it does."""
        dones: list[Deferred[Decision]] = []

        def again(result: Any) -> None:
            dones.extend(self.ask(*asked))

        _ = done.addBoth(again)
        return dones

    def test_from_an_answer(self) -> None:
        """The next request of the same session and account, out of the answer's callback."""
        self.know(CARD)
        first, second = self.ask(auth(), auth("s2"))
        dones = self.then(first, stop(30), auth("s3"))
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in (second, *dones)], ["ok"] * 3)
        self.assertEqual(self.deck.views[101].funds, Funds(money("0.02"), money("0.02"), 2))

    def test_from_a_failure(self) -> None:
        """Out of a lost batch."""
        self.know(CARD)
        (first,) = self.ask(auth())
        dones = self.then(first, auth("s2"))
        self.deck.crash(DatabaseDown("gone"))
        self.deck.land_all()
        self.assertEqual([self.word(done) for done in dones], ["ok"])

    def test_from_a_timeout(self) -> None:
        """Out of the refusal of one that waited too long: the account still flies alone."""
        self.know(CARD)
        _, late, last = self.ask(auth(), auth("s2"), auth("s3"))
        dones = self.then(late, auth("s4"), auth("s5"))
        self.clock.advance(3)
        (fresh,) = self.ask(auth("s6"))
        self.deck.land()
        accounts = [member.i_account for members, _ in self.deck.flights for member in members]
        self.assertEqual(len(self.deck.flights), 1, accounts)
        self.deck.land_all()
        self.failureResultOf(last, Overloaded)
        self.assertNotIn("waits", [self.word(done) for done in (fresh, *dones)])
        self.successResultOf(self.batcher.drained())


class DefectTests(BatchCase):
    """A defect of ours hits its request only."""

    def setUp(self) -> None:
        """Logged failures are the point here: take them away."""
        super().setUp()
        self.addCleanup(self.flushLoggedErrors)

    def broken(self, session: str, user: str = CARD) -> AAARequest:
        """A request of a kind that `decide` does not know."""
        return replace(auth(session, user=user), kind=cast(Kind, "bogus"))

    def test_decision_that_raises(self) -> None:
        """Decided at once, from memory: it fails, the others of its batch are answered."""
        self.know(CARD)
        dones = self.ask(auth("s0"))
        dones += [self.batcher.submit(one) for one in (auth("s1"), self.broken("s2"), auth("s3"))]
        self.deck.land_all()
        self.failureResultOf(dones.pop(2))
        self.assertEqual([self.word(done) for done in dones], ["ok"] * 3)
        self.successResultOf(self.batcher.drained())

    def test_decision_that_raises_on_landing(self) -> None:
        """Decided on a view just read: the same."""
        bad, good = self.ask(self.broken("s1"), auth("s2", user="102"))
        self.deck.land_all()
        self.failureResultOf(bad)
        self.assertEqual(self.word(good), "ok")
        (after,) = self.ask(auth("s1", at=1))
        self.deck.land_all()
        self.assertEqual(self.word(after), "ok")

    def test_ledger_that_raises(self) -> None:
        """A ledger that raises instead of failing its Deferred: the members fail, and the next batch leaves."""
        def exchange(members: list[Member]) -> Any:
            raise RuntimeError("a defect")

        self.know(CARD)
        self.patch(self.deck, "exchange", exchange)
        dones = [self.batcher.submit(auth(f"s{number}")) for number in range(4)]
        for done in dones:
            self.failureResultOf(done)
        self.successResultOf(self.batcher.drained())

    def test_orphan_that_raises(self) -> None:
        """A ledger that cannot even write an orphan: that one fails, the others of the batch are answered, and the queue goes on."""
        def record_orphan(member: Member) -> Any:
            raise RuntimeError("a defect")

        self.patch(self.deck, "record_orphan", record_orphan)
        self.begin_flight()
        bad, good = self.ask(stop(60, "s1", user="nobody"), auth("s2", user="102"))
        self.deck.land_all()
        self.failureResultOf(bad)
        self.assertEqual(self.word(good), "ok")
        self.successResultOf(self.batcher.drained())

    def begin_flight(self) -> None:
        """Fill both flights, so that what is asked next leaves together when they land."""
        self.ask(request(Kind.AUTH, "", called=""), request(Kind.AUTH, "", called="", user="x"))

    def test_verdict_missing(self) -> None:
        """A ledger that answers too little: nobody waits for ever."""
        self.know(CARD)
        self.ask(auth("s0"))
        dones = self.ask(auth("s1"), auth("s2"))
        self.deck.land()
        self.deck.land(Applied(Funds(), Funds()))
        self.assertEqual([done.called for done in dones], [True, True])
        self.failureResultOf(dones[1])
