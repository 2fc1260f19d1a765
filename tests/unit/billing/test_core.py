"""The core: what it counts and logs, restarts of nodes, and whole requests against the ledger in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from portaswitch.billing.core import REQUESTS, SECONDS, Core
from portaswitch.billing.limits import Limits
from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.interfaces.billing import IBilling
from portaswitch.logs import BillingLog
from portaswitch.metrics import render
from portaswitch.model.ledger import SessionName
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Decision, Kind
from portaswitch.model.session import Status
from portaswitch.store.reference import ReferenceLedger
from tests.unit.billing.deck import Deck, Shelf
from tests.unit.builders import AT, CARD, account, alive, auth, catalogue, customer, event, money, plan, request, stop


def on(at: float) -> AAARequest:
    """An Accounting-On of node 7."""
    return request(Kind.ON_OFF, "", at)


class CoreTests(SynchronousTestCase):
    """A core over the deck."""

    def setUp(self) -> None:
        """With a log in a file and a clock."""
        self.clock, self.deck = Clock(), Deck()
        self.path = Path(self.mktemp())
        self.log = BillingLog(self.path)
        self.addCleanup(self.log.close)
        self.core = Core(self.deck, Shelf(catalogue()), self.log, Limits(waiting=10), self.clock.seconds)

    def lines(self) -> list[dict[str, Any]]:
        """The billing log so far."""
        self.log.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def test_interface(self) -> None:
        """It is an IBilling."""
        self.assertTrue(verifyObject(IBilling, self.core))

    def test_counted_and_logged(self) -> None:
        """Each decision is counted by kind and word, timed, and has one line; a failure has none."""
        ok, bad, observed = REQUESTS.get("auth", "ok"), REQUESTS.get("auth", "cld_blocked"), sum(SECONDS.counts)
        dones = [self.core.handle(auth()), self.core.handle(auth("s2", called="33"))]
        self.clock.advance(0.25)
        self.deck.land_all()
        self.assertEqual([self.successResultOf(done).accepted for done in dones], [True, False])
        self.assertEqual((REQUESTS.get("auth", "ok") - ok, REQUESTS.get("auth", "cld_blocked") - bad, sum(SECONDS.counts) - observed), (1, 1, 2))
        told = [(line["session"], line["result"], line["granted"], line["took"]) for line in self.lines()]
        self.assertEqual(sorted(told), [("s1", "ok", 30000, 0.25), ("s2", "cld_blocked", None, 0.25)])
        failed = self.core.handle(auth("s3"))
        self.deck.crash(DatabaseDown("gone"))
        self.failureResultOf(failed, DatabaseDown)
        self.assertEqual(len(self.lines()), 2)

    def test_cached_accounts(self) -> None:
        """The gauge reads the newest core."""
        done = self.core.handle(auth())
        self.deck.land_all()
        self.successResultOf(done)
        self.assertIn("\nportaswitch_cached_accounts 1\n", render())

    def test_restart(self) -> None:
        """Accounting-On asks for the node's sessions before it, closes each by a request of its own, and is answered when all are."""
        done = self.core.handle(auth())
        self.deck.land_all()
        self.successResultOf(done)
        self.deck.names = [SessionName(1, 7, "s1", CARD, 1)]
        restarted = self.core.handle(on(500))
        self.assertEqual((self.deck.asked, restarted.called), ([(7, AT + timedelta(seconds=500))], False))
        self.deck.land_all()
        self.assertEqual(self.successResultOf(restarted), Decision())
        session = self.deck.sessions["7/s1"]
        self.assertEqual((session.status, session.last_key, self.deck.views[101].funds), (Status.PROVISIONAL, "on_off/7/s1/1", Funds(money(10), money(0))))

    def test_restart_of_nothing(self) -> None:
        """No session: answered at once."""
        self.assertEqual(self.successResultOf(self.core.handle(on(1))), Decision())

    def test_restart_that_fails_in_part(self) -> None:
        """What cannot be closed now is left to the sweeper; the node is answered."""
        self.deck.names = [SessionName(1, 7, "s1", CARD, 1)]
        done = self.core.handle(on(1))
        self.deck.crash(DatabaseDown("gone"))
        self.assertEqual(self.successResultOf(done), Decision())

    def test_restart_of_a_big_node(self) -> None:
        """More sessions than may wait at once: all are closed all the same, and others are not kept out meanwhile."""
        self.deck.names = [SessionName(1, 7, f"n{number}", CARD, 1) for number in range(40)]
        done = self.core.handle(on(1))
        other = self.core.handle(auth("other"))
        self.deck.land_all()
        self.successResultOf(done)
        closed = {member.request.session for members in self.deck.landed for member in members if member.request.kind is Kind.ON_OFF}
        self.assertEqual(len(closed), 40)
        self.assertTrue(self.successResultOf(other).accepted)

    def test_drained_and_overloaded(self) -> None:
        """Draining waits for what flies; the limit is the configuration's."""
        dones = [self.core.handle(auth(f"s{number}")) for number in range(12)]
        self.failureResultOf(dones.pop(), Overloaded)
        drained = self.core.drained()
        self.assertNoResult(drained)
        self.deck.land_all()
        self.successResultOf(drained)
        self.assertTrue(all(done.called for done in dones))


class LedgerTests(SynchronousTestCase):
    """Whole requests on the ledger in memory."""

    def setUp(self) -> None:
        """One card of 0.30, messages at 0.10 each."""
        self.ledger = ReferenceLedger(lambda: AT)
        self.ledger.put_customer(customer())
        self.ledger.put_account(account(), Funds(money("0.3")))
        world = catalogue(message=plan(prefix="|", price_per=1, price_first="0.10", price_n="0.10"))
        self.core = Core(self.ledger, Shelf(world), BillingLog(None), seconds=Clock().seconds)

    def ask(self, asked: AAARequest) -> Decision:
        """The answer."""
        done: Deferred[Decision] = self.core.handle(asked)
        return self.successResultOf(done)

    def test_call(self) -> None:
        """Authorization, Alive, Stop, each twice: one charge, no hold."""
        for asked in (auth(), alive(30), stop(60)):
            first = self.ask(asked)
            self.assertEqual(self.ask(asked), first)
        self.assertEqual((self.ledger.books.funds[101], len(self.ledger.books.xdrs)), (Funds(money("0.28")), 1))

    def test_repeated_event(self) -> None:
        """An event that took the last money, repeated: it was charged, so it is told what it was told then, not that there is too little."""
        first = self.ask(event(3))
        again = self.ask(event(3))
        self.assertEqual((first.accepted, again, self.ledger.books.funds[101].balance), (True, first, money(0)))

    def test_repeated_event_of_a_blocked_account(self) -> None:
        """Repeated after the account was blocked: the same."""
        first = self.ask(event(1))
        self.ledger.change_account(101, blocked=True)
        self.core.cache.forget_all()
        self.assertEqual(self.ask(event(1)), first)

    def test_number_of_another(self) -> None:
        """An id that goes to another account is charged to that account from then on."""
        self.ask(stop(60))
        self.ledger.change_account(101, id="old")
        self.ledger.put_account(replace(account(), i_account=102), Funds(money(1)))
        self.core.cache.heard("a:101")
        self.core.cache.heard("a:102")
        self.ask(stop(60, "s2"))
        self.assertEqual([self.ledger.books.funds[number].balance for number in (101, 102)], [money("0.28"), money("0.98")])
