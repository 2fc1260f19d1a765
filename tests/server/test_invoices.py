"""Invoices that somebody else made: recorded, paid, given back; the books agree, and whose they are sees them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import DeskCase

SUB = "Demo subcustomer"
PERIOD = {"period_from": "2026-10-01", "period_to": "2026-11-01"}


class InvoiceTests(DeskCase):
    """The demo's subcustomer is billed."""

    timeout = 120

    async def record(self, number: str = "I-1", **values: str) -> Any:
        """An invoice of 14.00."""
        return await self.do("invoice.add", {"customer": SUB, **PERIOD, "amount_net": "12.50", "taxes": "1.50", **values}, number=number)

    async def test_due(self) -> None:
        """What is due is the sum of the three where nobody says it; nothing due is nothing to pay; a period goes forward, a number comes once."""
        row = await self.record(previous_balance="1")
        self.assertEqual((row["amount_due"], row["status"], row["type"], row["currency"]), (Decimal(15), "unpaid", "regular", "CAD"))
        self.assertEqual((await self.record("I-2", amount_due="0"))["status"], "no_payment_required")
        for values, reason in (({"number": "I-3", "period_to": "2026-09-01"}, "period_to"), ({"number": "I-1"}, "exists already")):
            with self.assertRaisesRegex(OperationRefused, reason):
                await self.record(**values)

    async def test_settled(self) -> None:
        """Payments and what is given back are booked, and settle it by parts; never more than what is due."""
        await self.record()
        paid = await self.do("invoice.pay", number="I-1", amount="4")
        self.assertEqual((paid["status"], paid["left"], paid["balance"]), ("partially_paid", Decimal(10), Decimal(-4)))
        self.assertEqual((await self.do("invoice.adjust", number="I-1", amount="2"))["left"], Decimal(8))
        with self.assertRaisesRegex(OperationRefused, "8 of invoice I-1 are still due"):
            await self.do("invoice.pay", number="I-1", amount="8.01")
        done = [await self.do("invoice.pay", number="I-1", amount="8", key="bank-1") for _ in range(2)]
        self.assertEqual([one["status"] for one in done], ["paid", "paid"])
        self.assertEqual(self.ask("select action, amount from payments where i_account is null order by i_payment"),
                         [("manual_payment", Decimal(4)), ("adjustment", Decimal(2)), ("manual_payment", Decimal(8))])  # fmt: skip
        self.assertEqual(self.one("select sum(amount) from payment_allocations"), Decimal(14))
        self.assertEqual([line[1] for line in self.audited("invoice")], ["invoice.add", "invoice.pay", "invoice.adjust", "invoice.pay"])
        await self.assert_books()

    async def test_said(self) -> None:
        """Operators say what becomes of one; an overdue one that is paid in part stays overdue, and all of it is paid."""
        await self.record()
        with self.assertRaisesRegex(OperationRefused, "is not one of"):
            await self.do("invoice.status", number="I-1", to="paid")
        await self.do("invoice.status", number="I-1", to="overdue")
        self.assertEqual((await self.do("invoice.pay", number="I-1", amount="1"))["status"], "overdue")
        self.assertEqual((await self.do("invoice.pay", number="I-1", amount="13"))["status"], "paid")

    async def test_rights(self) -> None:
        """Who is billed sees its own and books nothing; a reseller records those of customers below it."""
        await self.record(number="I-1")
        self.assertEqual([row["number"] for row in await self.do("invoice.list", by=self.customer())], ["I-1"])
        self.assertEqual(await self.do("invoice.list", by=self.customer("Demo retail")), [])
        with self.assertRaises(NotPermitted):
            await self.do("invoice.pay", by=self.customer(), number="I-1", amount="1")
        await self.do("invoice.pay", by=self.reseller(), number="I-1", amount="1")
        await self.do("invoice.add", {"customer": "Demo retail USD", **PERIOD, "amount_net": "1"}, number="U-1")
        with self.assertRaises(NotThere):
            await self.do("invoice.pay", by=self.reseller(), number="U-1", amount="1")
