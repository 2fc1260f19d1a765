"""Vouchers from the batch to the account: told once, kept as hashes, used once."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredList

from portaswitch.cli import vouchers as command
from portaswitch.errors import StartError
from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import CARD, LINE, DeskCase


class VoucherTests(DeskCase):
    """Batches on the demo's accounts."""

    async def prepare(self) -> None:
        """`demos` is the demo's own batch."""
        await super().prepare()
        self.demos = self.one("select max(i_batch) from batches")

    async def made(self, batch: str = "Spring", count: int = 3, by: Actor | None = None, **more: str) -> Any:
        """A batch of ten dollars each."""
        return await self.do("voucher.generate", {"count": str(count), "amount": "10.00", "batch": batch, "currency": "CAD", **more}, by=by)

    async def test_used(self) -> None:
        """The numbers are in the answer alone; each recharges once; list and batch say what became of them."""
        made = await self.made(days_added="30")
        numbers = [row["voucher"] for row in made["vouchers"]]
        self.assertEqual((made["count"], made["total"], len(set(numbers)), {len(number) for number in numbers}), (3, Decimal("30.00"), 3, {16}))
        await self.do("account.topup", by=self.account(CARD), id=CARD, voucher=numbers[1])
        with self.assertRaises(OperationRefused):
            await self.do("account.topup", by=self.account(LINE), id=LINE, voucher=numbers[1])
        listed = await self.do("voucher.list", batch="Spring")
        self.assertEqual([(row["control_number"], row["status"], row["account"]) for row in listed],
                         [(3, "active", None), (2, "used", CARD), (1, "active", None)])  # fmt: skip
        shown = await self.do("batch.show", name="Spring")
        self.assertEqual((shown["active CAD"], shown["used CAD"]), ("2 (20.00)", "1 (10.00)"))
        everything = "".join(str(self.ask(f"select * from {table}")) for table in ("vouchers", "audit_log", "operation_keys", "payments", "batches"))
        for number in numbers:
            self.assertNotIn(number, everything + str(listed) + str(await self.do("voucher.show", number=str(listed[0]["number"]))))
        self.assertEqual([row["operation"] for row in await self.put("audit.list", {"operation": "voucher"})], ["voucher.generate"])
        await self.assert_books()

    async def test_key(self) -> None:
        """Under its key a batch is made once, and told once; its name is taken."""
        values = {"count": "2", "amount": "5", "batch": "Once", "currency": "CAD"}
        first = await self.do("voucher.generate", values, key="b1")
        again = await self.do("voucher.generate", values, key="b1")
        self.assertEqual((len(first["vouchers"]), "vouchers" in again, again["count"]), (2, False, 2))
        with self.assertRaises(OperationRefused) as caught:
            await self.do("voucher.generate", values)
        self.assertIn("exists already", str(caught.exception))
        self.assertEqual(self.one("select count(*) from vouchers where i_batch > %s", (self.demos,)), 2)

    async def test_life(self) -> None:
        """Inactive ones wait; closed ones recharge nothing; a used one stays used, and a batch that is closed while it is used loses no money."""
        numbers = [row["voucher"] for row in (await self.made(count=6, status="inactive"))["vouchers"]]
        with self.assertRaises(OperationRefused):
            await self.do("account.topup", id=CARD, voucher=numbers[0])
        self.assertEqual((await self.do("voucher.activate", batch="Spring"))["count"], 6)
        asked = [self.desk.operate(self.root, "account.topup", {"id": CARD, "voucher": number}) for number in numbers[:4]]
        closed = self.desk.operate(self.root, "voucher.close", {"batch": "Spring"})
        results = await DeferredList([*asked, closed], consumeErrors=True)
        used = sum(done for done, _ in results[:-1])
        found = self.ask("select status, count(*) from vouchers where i_batch > %s group by 1 order by 1", (self.demos,))
        self.assertEqual(found, [("blocked", 6 - used), *([("used", used)] if used else [])])
        self.assertEqual(self.one("select balance from accounts where id = %s", (CARD,)), 10 + 10 * used)
        (row, *_) = await self.do("voucher.list", batch="Spring", status="blocked")
        for verb in ("close", "activate"):
            with self.assertRaises(OperationRefused):
                await self.do(f"voucher.{verb}", number=str(row["number"]))
        await self.assert_books()

    async def test_refused(self) -> None:
        """All faults at once; an end in the past; neither a number nor a batch; both."""
        with self.assertRaises(OperationRefused) as caught:
            await self.do("voucher.generate", count="100001", amount="0", batch="B", currency="dollars", digits="6")
        self.assertEqual(len(caught.exception.faults), 4)
        for more in ({"expiration_date": "2000-01-01"}, {"managed_by": "Demo retail"}):
            with self.assertRaises(OperationRefused):
                await self.do("voucher.generate", {"count": "3", "amount": "10", "batch": "B", "currency": "CAD", **more})
        for values in ({}, {"number": "1", "batch": "Spring"}):
            with self.assertRaises(OperationRefused):
                await self.do("voucher.close", values)
        self.assertEqual(self.ask("select count(*) from batches where i_batch > %s", (self.demos,)), [(0,)])

    async def test_rights(self) -> None:
        """It takes the privilege for money; a reseller's vouchers recharge accounts below it, and others neither see nor close them."""
        for role in (Role.HELPDESK, Role.PROVISIONING, Role.READ):
            with self.assertRaises(NotPermitted):
                await self.made(by=Actor("test:x", 1, role=role))
        await self.do("customer.add", name="Other reseller", type="reseller", currency="CAD")
        other = self.reseller("Other reseller")
        number = (await self.made("Theirs", by=other))["vouchers"][0]["voucher"]
        self.assertEqual({row["managed_by"] for row in await self.do("voucher.list", batch="Theirs")}, {"Other reseller"})
        with self.assertRaises(OperationRefused) as caught:
            await self.do("account.topup", id=CARD, voucher=number)
        self.assertIn("none of that number", str(caught.exception))
        self.assertEqual(await self.do("voucher.list", by=self.reseller()), [])
        with self.assertRaises(OperationRefused):
            await self.do("voucher.close", by=self.reseller(), batch="Theirs")
        with self.assertRaises(NotThere):
            await self.do("batch.show", by=self.customer(), name="Theirs")
        self.assertEqual((await self.do("voucher.close", by=other, batch="Theirs"))["count"], 3)


class FileTests(DeskCase):
    """What the printer gets."""

    async def test_file(self) -> None:
        """A line for each, in a new file for its owner alone; none is overwritten, and none is left where nothing was made."""
        path = Path(self.mktemp())
        made = await self.do("voucher.generate", count="2", amount="5", batch="P", currency="CAD", expiration_date="2100-01-01")
        with command._opened(str(path)) as stream:
            command._write(stream, made)
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        self.assertEqual([row["voucher"] for row in rows], [row["voucher"] for row in made["vouchers"]])
        self.assertEqual((rows[0]["amount"], rows[0]["expiration_date"], path.stat().st_mode & 0o777), ("5", "2100-01-01T00:00:00+00:00", 0o600))
        with self.assertRaises(StartError), command._opened(str(path)):
            self.fail("it was opened")
        gone = Path(self.mktemp())
        with self.assertRaises(OperationRefused), command._opened(str(gone)):
            await self.do("voucher.generate", count="2", amount="5", batch="P", currency="CAD")
        self.assertFalse(gone.exists())
