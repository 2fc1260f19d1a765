"""Usage that waits is charged or dropped by an operator, once, and the audit keeps what it was."""

from __future__ import annotations

from decimal import Decimal

from twisted.internet.defer import DeferredList

from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.charging import ChargingCase
from tests.server.desks import CARD


class OrphanTests(ChargingCase):
    """A call of somebody that nobody knows."""

    async def prepare(self) -> None:
        """Two calls, 90 seconds each."""
        await super().prepare()
        for session in ("o1", "o2"):
            await self.hang_up("stranger", session, 90)
        self.first, self.second = (str(number) for (number,) in self.ask("select i_orphan from orphans order by 1"))

    async def test_charged(self) -> None:
        """The account pays, below zero too; the usage waits no more; the same key pays once; the audit has the report."""
        values = {"number": self.first, "account": CARD, "amount": "10.25"}
        answer = await self.do("orphan.charge", values, key="case-1")
        again = await self.do("orphan.charge", values, key="case-1")
        self.assertEqual((answer["balance"], again["i_payment"]), (Decimal("-0.25"), answer["i_payment"]))
        ((amount, action, comment),) = self.ask("select amount, action, visible_comment from payments")
        self.assertEqual((amount, action), (Decimal("-10.25"), "manual_charge"))
        self.assertRegex(comment, "^use of 20.* UTC to 8226")
        self.assertEqual(self.ask("select i_orphan::text from orphans"), [(self.second,)])
        ((_, operation, before, after),) = self.audited("orphan")
        self.assertEqual((operation, before["request"]["user"], after["account"]), ("orphan.charge", "stranger", CARD))
        self.assertEqual(before["request"]["units"][0]["used"], 90)
        with self.assertRaises(NotThere):
            await self.do("orphan.charge", values)
        await self.assert_books()

    async def test_dropped(self) -> None:
        """Nobody pays, with a reason; many who decide at once decide once."""
        with self.assertRaises(OperationRefused):
            await self.do("orphan.drop", number=self.first)
        work = [self.desk.operate(self.root, "orphan.drop", {"number": self.first, "why": "test"}) for _ in range(5)]
        work += [self.desk.operate(self.root, "orphan.charge", {"number": self.first, "account": CARD, "amount": "1"}) for _ in range(5)]
        self.assertEqual(sum(done for done, _ in await DeferredList(work, consumeErrors=True)), 1)
        self.assertEqual(len(self.audited("orphan")), 1)
        await self.do("orphan.drop", number=self.second, why="a test of the gateway")
        self.assertEqual(self.audited("orphan")[-1][3]["why"], "a test of the gateway")
        await self.assert_books()

    async def test_rights(self) -> None:
        """It takes the privilege for money, and the environment: to a reseller such usage does not exist."""
        for by in (Actor("test:x", 1, role=Role.HELPDESK), self.customer(), self.account(CARD)):
            with self.assertRaises(NotPermitted):
                await self.do("orphan.drop", by=by, number=self.first, why="x")
        for by in (self.reseller(), Actor("test:other", 2)):
            with self.assertRaises(NotThere):
                await self.do("orphan.drop", by=by, number=self.first, why="x")
        self.assertEqual(self.one("select count(*) from orphans"), 2)
