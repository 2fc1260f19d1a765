"""The tracer of a process: what it writes of watched requests, when it ends, and that nothing it meets harms a request."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.core import Core
from portaswitch.logs import BillingLog, LineFile
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Facts, Parties
from portaswitch.store.reference import ReferenceLedger
from portaswitch.trace import tracer as module
from portaswitch.trace.tracer import FAULTS, OMITTED, Tracer, silent
from portaswitch.trace.watch import Watch, Watched, same
from tests.unit.billing.deck import Shelf
from tests.unit.builders import AT, CARD, auth, catalogue, customer, expire, money, start, stop
from tests.unit.builders import account as card

PEER = ("192.0.2.1", 40000)


def account(seconds: float = 600, name: str = CARD) -> Watch:
    """A watch of the card."""
    return Watch(1, 1, "account", name, seconds, (name,))


class WatchedTests(SynchronousTestCase):
    """Whom a watch means."""

    def test_means(self) -> None:
        """By account, number (with a prefix before it), node and address; in its environment only."""
        call = auth(called="01182623634515")
        for watch, meant in (
            (account(), True),
            (account(name="999"), False),
            (Watch(1, 2, "account", CARD, 9, (CARD,)), False),
            (Watch(1, 1, "number", "82623634515", 9, ("82623634515",)), True),
            (Watch(1, 1, "number", "6045550193", 9, ("6045550193",)), True),
            (Watch(1, 1, "number", "515", 9, ("515",)), False),
            (Watch(1, 1, "nas", "gw", 9, (), 7), True),
            (Watch(1, 1, "nas", "gw2", 9, (), 8), False),
            (Watch(1, 1, "peer", "192.0.2.1", 9, addresses=("192.0.2.1",)), True),
        ):
            self.assertEqual(Watched([watch], 0).means(call, PEER[0]), meant, watch)
        self.assertTrue(same("+4420", "+4420"))

    def test_session(self) -> None:
        """A session that was meant stays so, whoever its accounting names; at another node it is another one."""
        watched = Watched([account()], 0)
        nameless = replace(stop(5), parties=Parties(""))
        self.assertFalse(watched.means(nameless))
        self.assertTrue(watched.means(auth()))
        self.assertTrue(watched.means(nameless))
        self.assertFalse(watched.means(replace(nameless, origin=replace(nameless.origin, i_node=8))))

    def test_later(self) -> None:
        """Each ends at its own time; the sessions stay known to those that are left."""
        watched = Watched([account(10), Watch(2, 1, "nas", "gw", 20, (), 7)], 100)
        self.assertEqual((watched.until, len(watched.watches)), (110, 2))
        left = watched.later(110)
        self.assertEqual(([watch.kind for watch in left.watches], left.until), (["nas"], 120))
        self.assertEqual(left.later(120).watches, ())


class TracerCase(SynchronousTestCase):
    """A tracer on a file, a clock and no database."""

    def setUp(self) -> None:
        """With a core on the ledger in memory."""
        self.clock, self.path = Clock(), Path(self.mktemp())
        self.file = LineFile(self.path, 1_000_000, 3, 1000)
        self.addCleanup(self.file.close)
        self.tracer = Tracer(self.file, self.clock.seconds, lambda: AT)
        ledger = ReferenceLedger(lambda: AT)
        ledger.put_customer(customer())
        ledger.put_account(card(), Funds(money("10")))
        self.core = Core(ledger, Shelf(catalogue()), BillingLog(None), seconds=self.clock.seconds, tracer=self.tracer)

    def handle(self, request: AAARequest, secret_user: bool = False) -> Decision:
        """A request as an endpoint tells of it."""
        self.tracer.request(request, PEER, "Access-Request", lambda: (("User-Name", request.parties.user),), secret_user)
        decision = self.successResultOf(self.core.handle(request))
        self.tracer.reply(request, "Access-Accept", lambda: (("h323-return-code", "0"),))
        return decision

    def lines(self) -> list[dict[str, Any]]:
        """What was written so far."""
        self.file.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


class TracerTests(TracerCase):
    """Lines of requests."""

    def test_call(self) -> None:
        """Packet, decision with its steps, hold, reply; of a stop what it charged. All under the request's id and session."""
        self.tracer.watch([account()])
        self.handle(auth())
        self.handle(replace(stop(71), id="r2"))
        told = self.lines()
        self.assertEqual([line["kind"] for line in told], ["packet", "decision", "hold", "reply"] * 2)
        self.assertEqual([line["id"] for line in told], ["r1"] * 4 + ["r2"] * 4)
        self.assertEqual({line["session"] for line in told}, {"s1"})
        steps = dict(told[1]["facts"])
        self.assertEqual(told[1]["text"], "auth accepted: 30000 (session-time) granted")
        self.assertEqual(steps["funds"], "balance 10 CAD, held 0; available 10, grantable to this session 10")
        self.assertEqual(steps["plan"], "82623634515 is 82 of tariff PrepaidCard: 0.02 CAD per 60, by 1/1")
        self.assertTrue(told[2]["text"].startswith("10 more held, until "), told[2]["text"])
        self.assertEqual(told[6]["text"], "10 of the hold freed, 0.02367 charged; now balance 9.97633, held 0")

    def test_refused(self) -> None:
        """The rule that refused."""
        self.tracer.watch([account()])
        self.assertIs(self.handle(auth(called="9999")).refusal, Refusal.CLD_BLOCKED)
        decision = self.lines()[1]
        self.assertEqual(decision["text"], "auth refused: cld_blocked (return code 9, Called number blocked)")
        self.assertEqual(dict(decision["facts"])["rule"], "cld_blocked: tariff PrepaidCard has no rate for 9999")

    def test_not_watched(self) -> None:
        """Nothing of others; nothing at all of a tracer that is never switched on, which has nothing to test but an empty tuple."""
        self.tracer.watch([account(name="999")])
        self.handle(auth())
        self.assertEqual((self.lines(), silent().watches), ([], ()))

    def test_sweeper(self) -> None:
        """What no endpoint asked is traced too: decision and money."""
        self.tracer.watch([account()])
        self.handle(start())
        self.file.flush()
        before = len(self.lines())
        self.successResultOf(self.core.handle(expire()))
        self.assertEqual([line["kind"] for line in self.lines()[before:]], ["decision", "hold"])
        self.assertEqual(self.tracer._trails, {})

    def test_ends(self) -> None:
        """At its time, by this process' clock alone: the test of the hot path is free again."""
        self.tracer.watch([account(10)])
        self.clock.advance(9.9)
        self.tracer.expire()
        self.assertEqual(len(self.tracer.watches), 1)
        self.clock.advance(0.2)
        self.handle(auth())
        self.assertEqual((self.tracer.watches, self.lines()), ((), []))

    def test_secret_card(self) -> None:
        """A card number that is typed is in no line."""
        self.tracer.watch([account()])
        self.handle(auth(), secret_user=True)
        self.assertNotIn(CARD, self.path.read_text() if self.lines() else CARD)
        self.assertEqual({line["user"] for line in self.lines()}, {"***0975"})

    def test_packets(self) -> None:
        """Drops are known by the address of the peer only."""
        self.tracer.watch([account(), Watch(2, 1, "peer", PEER[0], 60, addresses=(PEER[0],))])
        self.tracer.packet(PEER, "RADIUS auth packet dropped: length")
        self.tracer.packet(("192.0.2.99", 1), "RADIUS auth packet dropped: length")
        (line,) = self.lines()
        self.assertEqual((line["kind"], line["peer"]), ("drop", "192.0.2.1:40000"))

    def test_unanswered(self) -> None:
        """A request without an answer says why, and is over."""
        self.tracer.watch([account()])
        self.tracer.request(auth(), PEER, "Access-Request", tuple)
        self.tracer.unanswered(auth(), "not answered: database")
        self.tracer.reply(auth(), "Access-Accept", tuple)
        self.assertEqual([line["kind"] for line in self.lines()], ["packet", "drop"])


class HarmlessTests(TracerCase):
    """What a tracer meets is no request's business."""

    def test_busy(self) -> None:
        """So many requests a second and no more: requests whole, the rest counted."""
        self.patch(module, "MOST", 2)
        self.tracer.watch([account()])
        before = OMITTED.get()
        for number in range(5):
            self.handle(replace(auth(f"s{number}"), id=f"r{number}"))
        self.assertEqual([line["id"] for line in self.lines() if line["kind"] == "packet"], ["r0", "r1"])
        self.assertGreaterEqual(OMITTED.get() - before, 3)
        self.clock.advance(1)
        self.handle(replace(auth("s9"), id="r9"))
        self.assertEqual([line["id"] for line in self.lines() if line["kind"] == "packet"], ["r0", "r1", "r9"])

    def test_full_disk(self) -> None:
        """Lines are lost and counted; requests are answered."""
        self.path.mkdir()
        self.tracer.watch([account()])
        self.assertIsNone(self.handle(auth()).refusal)
        self.file.flush()
        self.assertEqual(self.file.lost, 4)

    def test_gathered(self) -> None:
        """Between two writings only so many are kept."""
        self.file._gather = 3
        self.tracer.watch([account()])
        self.handle(auth())
        self.assertEqual((len(self.lines()), self.file.lost), (3, 1))

    def test_defect(self) -> None:
        """One of ours is counted, logged once, and harms nobody."""
        self.tracer.watch([account()])
        before = FAULTS.get()

        def broken() -> Any:
            raise ValueError("a defect")

        self.tracer.request(auth(), PEER, "Access-Request", broken)
        self.tracer.considered(auth(), broken)
        self.tracer.told(auth(), Decision(facts=Facts(CARD, 101)))
        self.assertEqual(FAULTS.get() - before, 2)
        self.flushLoggedErrors(ValueError)

    def test_bounded(self) -> None:
        """Requests that are never told do not pile up."""
        self.patch(module, "KEPT", 3)
        self.tracer.watch([account()])
        for number in range(9):
            self.tracer.request(auth(f"s{number}"), PEER, "Access-Request", tuple)
        self.assertEqual(len(self.tracer._trails), 3)
