"""Customers on PostgreSQL: the tree of resellers, limits, status by precedence, details, closing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, DeskCase


class TreeTests(DeskCase):
    """Who stands above whom."""

    async def test_new_below_a_reseller(self) -> None:
        """A reseller's customer is below it, in the environment's currency and zone; somebody else's reseller is not there."""
        by = self.reseller()
        new = await self.do("customer.add", {"class": None}, by=by, name="Acme", email="ops@acme.example")
        self.assertEqual((new["parent"], new["currency"], new["timezone"], new["email"]), ("Demo reseller", "CAD", "America/Vancouver", "ops@acme.example"))
        await self.do("customer.add", name="Other", type="reseller")
        for values in ({"parent": "Other"}, {"parent": "Demo retail USD"}):
            with self.assertRaises(OperationRefused):
                await self.do("customer.add", values, by=by, name="Stray")
        with self.assertRaises(NotThere):
            await self.do("customer.add", by=by, name="Stray", parent="null")
        self.assertEqual(self.one("select count(*) from customers where name = 'Stray'"), 0)

    async def test_deep(self) -> None:
        """Resellers below resellers, at any depth up to 16, never in a circle and never below a retail customer."""
        for number in range(2, 16):
            await self.do("customer.add", name=f"R{number}", type="reseller", parent="Demo reseller" if number == 2 else f"R{number - 1}")
        await self.do("customer.add", name="Leaf", parent="R15")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("customer.move", name="Demo reseller", parent="R15")
        self.assertIn("circle", str(caught.exception))
        with self.assertRaises(OperationRefused) as caught:
            await self.do("customer.add", name="Too deep", parent="Leaf")
        self.assertIn("retail", str(caught.exception))
        self.assertEqual((await self.do("customer.list", by=self.reseller(), begin="Leaf"))[0]["name"], "Leaf")

    async def test_move(self) -> None:
        """Below another reseller: the old one no longer sees it."""
        await self.do("customer.add", name="Second", type="reseller")
        await self.do("customer.move", name="Demo subcustomer", parent="Second")
        with self.assertRaises(NotThere):
            await self.do("customer.show", by=self.reseller(), name="Demo subcustomer")
        self.assertEqual((await self.do("customer.show", by=self.reseller("Second"), name="Demo subcustomer"))["parent"], "Second")


class StatusTests(DeskCase):
    """Bill status and what follows from it."""

    async def word(self, name: str = "Demo subcustomer") -> str:
        """The effective status of a customer."""
        return str((await self.do("customer.show", name=name))["effective_status"])

    async def test_transitions(self) -> None:
        """Those that are legal, and no other; closed is the end."""
        for verb, status in (("suspend", "suspended"), ("unsuspend", "open")):
            self.assertEqual((await self.do(f"customer.{verb}", name="Demo subcustomer"))["status"], status)
        await self.do("customer.status", name="Demo subcustomer", to="exported")
        for values in ({"to": "suspended"}, {"to": "exported"}, {"to": "inactive"}):
            with self.assertRaises(OperationRefused):
                await self.do("customer.status", values, name="Demo subcustomer")
        await self.do("customer.close", name="Demo subcustomer")
        for operation in ("suspend", "unsuspend", "block", "close"):
            with self.assertRaises(OperationRefused):
                await self.do(f"customer.{operation}", name="Demo subcustomer")

    async def test_precedence(self) -> None:
        """The gravest counts; where a reseller is worse, it is because of the reseller."""
        self.assertEqual(await self.word(), "ok")
        self.ask("update customers set balance = 200 where name = 'Demo subcustomer'")
        self.assertEqual(await self.word(), "credit_exceed")
        self.ask("update customers set balance = 1000 where name = 'Demo reseller'")
        self.assertEqual(await self.word(), "credit_exceed")
        await self.do("customer.suspend", name="Demo reseller")
        self.assertEqual(await self.word(), "reseller_suspended")
        await self.do("customer.suspend", name="Demo subcustomer")
        self.assertEqual(await self.word(), "suspended")
        await self.do("customer.block", name="Demo reseller")
        self.assertEqual(await self.word(), "reseller_blocked")
        self.assertEqual((await self.do("account.show", id="16045550106"))["effective_status"], "reseller_blocked")
        await self.do("customer.unsuspend", name="Demo subcustomer", until=f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}")
        await self.do("customer.unblock", name="Demo reseller")
        await self.do("customer.unsuspend", name="Demo reseller")
        self.assertEqual(await self.word(), "suspension_delayed")

    async def test_temporary_limit(self) -> None:
        """Until its end it replaces the permanent one; it needs an end, and the privilege for money."""
        with self.assertRaises(OperationRefused):
            await self.do("customer.change", name="Demo subcustomer", temp_credit_limit="500")
        await self.do("customer.change", name="Demo subcustomer", temp_credit_limit="500", temp_credit_until="2100-01-01")
        self.assertEqual((await self.do("customer.show", name="Demo subcustomer"))["available"], Decimal(500))
        self.ask("update customers set temp_credit_until = now() - interval '1 second'")
        self.assertEqual((await self.do("customer.show", name="Demo subcustomer"))["available"], Decimal(200))
        with self.assertRaises(NotPermitted):
            await self.do("customer.change", by=self.customer(), name="Demo subcustomer", credit_limit="1000")

    async def test_details(self) -> None:
        """Two tables are one entity: details are made with the first value, audited, and the note is not for self-care."""
        await self.do("customer-class.add", name="Business", credit_limit="300")
        await self.do("customer.change", {"class": "Business"}, name="Demo subcustomer", firstname="Ann", billing_period="weekly", note="pays late")
        await self.do("customer.change", by=self.customer(), name="Demo subcustomer", city="Vancouver")
        seen = await self.do("customer.show", by=self.customer(), name="Demo subcustomer")
        told = tuple(seen[name] for name in ("firstname", "city", "class", "billing_period", "note"))
        self.assertEqual(told, ("Ann", "Vancouver", "Business", "weekly", None))
        self.assertEqual((await self.do("customer.show", name="Demo subcustomer"))["note"], "pays late")
        self.assertEqual(self.audited("customer")[-1][2:], ({"city": None}, {"city": "Vancouver"}))
        self.assertEqual((await self.do("customer.add", {"class": "Business"}, name="New"))["credit_limit"], Decimal(300))


class ClosingTests(ChargingCase):
    """Closing a customer."""

    async def test_with_its_accounts(self) -> None:
        """All its accounts are closed with it; a call that goes on is charged at its end, and the books agree."""
        await self.call(CARD, "c1")
        answer = await self.do("customer.close", name="Demo retail")
        self.assertEqual(len(answer["closed_accounts"]), 6)
        left = "select count(*) from accounts a join customers c using (i_customer) where c.name = 'Demo retail' and a.bill_status <> 'C'"
        self.assertEqual(self.one(left), 0)
        await self.hang_up(CARD, "c1", 71)
        self.assertEqual(self.money(CARD), ("9.97633", "0"))
        await self.assert_books()

    async def test_what_is_in_the_way(self) -> None:
        """A reseller with customers, and one who owes: told, and nothing is changed."""
        for name, told in (("Demo reseller", "2 customers below"), ("Demo retail", "owes 5")):
            self.ask("update customers set balance = 5, opening_balance = 5 where name = 'Demo retail'")
            with self.assertRaises(OperationRefused) as caught:
                await self.do("customer.close", name=name)
            self.assertIn(told, str(caught.exception))
        self.assertEqual(self.one("select count(*) from accounts where bill_status = 'C'"), 0)
        await self.do("customer.close", name="Demo retail", force="yes")
        self.assertEqual(self.one("select bill_status from accounts where id = %s", (LINE,)), "C")
