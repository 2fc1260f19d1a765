"""Vouchers through `load`: made once, used as any other, and never worth something else afterwards."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.actor import Actor
from portaswitch.model.loading import Count, Section
from portaswitch.model.operation import OperationRefused
from portaswitch.store.loading import Loading
from portaswitch.store.secrets import Sealer
from tests.server.desks import CARD, DeskCase

FILE = """\
voucher_batches:
  Kiosk:
    amount: 10.00
    currency: CAD
    expiration_date: 2100-01-01
    vouchers: {1: {number: "%s", days_added: 30}, 2: {number: "222233334444", amount: 5, status: inactive}}
  Theirs: {managed_by: Demo reseller, vouchers: {7: {number: "333344445555", amount: 1, currency: CAD}}}
"""
NUMBER = "111122223333"
WRONG = """\
voucher_batches:
  Kiosk:
    amount: 20.00
    managed_by: Demo reseller
    vouchers:
      1: {number: "999900001111", currency: USD}
      2: {amount: 6}
      3: {amount: 1}
      4: {number: "333344445555"}
      5: {number: "777788889999", amount: 0}
      6: {number: "777788889999"}
      8: {number: "123"}
  Retail: {managed_by: Demo retail, vouchers: {1: {number: "777788880000"}}}
  Nobody: {managed_by: None such}
"""
FAULTS = """\
voucher_batches.Kiosk.managed_by: is nobody in the database
voucher_batches.Kiosk.vouchers.1.currency: is CAD in the database
voucher_batches.Kiosk.vouchers.1.number: is another one in the database
voucher_batches.Kiosk.vouchers.2.amount: is 5 in the database
voucher_batches.Kiosk.vouchers.3: is new: it needs number
voucher_batches.Kiosk.vouchers.4.number: is that of voucher 7 of Theirs in the database
voucher_batches.Kiosk.vouchers.5.amount: a voucher is worth more than 0
voucher_batches.Kiosk.vouchers.6.number: is that of voucher 5 of Kiosk too
voucher_batches.Kiosk.vouchers.8.number: the value is not 12 to 20 digits
voucher_batches.Nobody.managed_by: None such is not among
voucher_batches.Retail.managed_by: Demo retail is a retail customer
voucher_batches.Retail.vouchers.1: is new: it needs amount
"""


class VoucherFileTests(DeskCase):
    """Two batches beside the demo."""

    async def prepare(self) -> None:
        """They are loaded."""
        await super().prepare()
        done = await self.text(FILE % NUMBER)
        self.assertEqual((done.counts[Section.VOUCHER_BATCHES], done.counts[Section.VOUCHERS]), (Count(created=2), Count(created=3)))

    async def test_used(self) -> None:
        """They recharge as others do; a second load changes nothing, a used voucher neither, and with the number left out too."""
        done = await self.do("account.topup", by=self.account(CARD), id=CARD, voucher="1111-2222-3333")
        self.assertEqual(done["amount"], Decimal(10))
        for number in ("222233334444", "333344445556"):
            with self.assertRaises(OperationRefused):
                await self.do("account.topup", id=CARD, voucher=number)
        await self.do("account.topup", by=self.account(CARD), id=CARD, voucher="333344445555")
        before = self.ask("select * from vouchers order by i_voucher")
        for text in (FILE % NUMBER, (FILE % NUMBER).replace(f'number: "{NUMBER}", ', "")):
            self.assertEqual((await self.text(text)).counts[Section.VOUCHERS], Count(same=3))
        self.assertEqual(self.ask("select * from vouchers order by i_voucher"), before)
        await self.assert_books()

    async def test_changed(self) -> None:
        """Their end may move, one that is used included; more vouchers join a batch, and are its manager's."""
        self.assertEqual((await self.text((FILE % NUMBER).replace("2100", "2101"))).counts[Section.VOUCHERS], Count(changed=2, same=1))
        await self.text('voucher_batches: {Theirs: {vouchers: {8: {number: "333344446666", amount: 2, currency: CAD}}}}')
        (made,) = await self.do("voucher.list", by=self.reseller(), begin="", status="active", amount="2")
        self.assertEqual((made["batch"], made["control_number"], made["managed_by"]), ("Theirs", 8, "Demo reseller"))

    async def test_faults(self) -> None:
        """Everything that is wrong at once; nothing is changed, and no fault quotes a number."""
        before = self.ask("select * from vouchers order by i_voucher")
        found = await self.refused(self.text(WRONG))
        self.assertEqual(len(found), len(FAULTS.splitlines()), found)
        for fault, wanted in zip(sorted(line.partition(": ")[2] for line in found), sorted(FAULTS.splitlines()), strict=True):
            self.assertTrue(fault.startswith(wanted), f"{fault}\n{wanted}")
            self.assertNotIn("7777", fault)
        self.assertEqual(self.ask("select * from vouchers order by i_voucher"), before)

    async def test_hashed(self) -> None:
        """Numbers are nowhere in the database; one that an older key hashed is the same number."""
        everything = "".join(str(self.ask(f"select * from {table}")) for table in ("vouchers", "batches", "audit_log"))
        self.assertNotIn(NUMBER, everything)
        (before,) = self.sealer.fingerprints(NUMBER)
        self.loading = Loading(self.pool, Sealer({1: b"k" * 32, 2: b"n" * 32}), Actor("test:root", 1), "test.yaml")
        self.assertEqual((await self.text(FILE % NUMBER)).counts[Section.VOUCHERS], Count(same=3))
        self.assertEqual(self.one("select count(*) from vouchers where id = %s", (before,)), 1)


class LookTests(DeskCase):
    """What an operator sees of one."""

    async def test_show(self) -> None:
        """Whether it recharges, and why not; nothing of a secret."""
        await self.text(FILE % NUMBER)
        numbers = {row["control_number"]: str(row["number"]) for row in await self.do("voucher.list", limit="0", batch="Kiosk")}

        async def recharges(control: int) -> str:
            shown = await self.do("voucher.show", number=numbers[control])
            self.assertNotIn("secret", shown)
            return str(shown["recharges"])

        self.assertEqual((await recharges(1), await recharges(2)), ("yes", "no: it is inactive"))
        self.ask("update vouchers set activation_date = now() + interval '1 day' where control_number = 1")
        self.assertEqual(await recharges(1), "no: it is not active yet")
        self.ask("update vouchers set activation_date = null, expiration_date = now() where control_number = 1")
        self.assertEqual(await recharges(1), "no: it is expired")

    async def test_repeated_answer(self) -> None:
        """The answer under a key has its fields in the order of the first one."""
        values = {"count": "2", "amount": "5", "batch": "Once", "currency": "CAD"}
        first = await self.do("voucher.generate", values, key="v")
        again = await self.do("voucher.generate", values, key="v")
        self.assertEqual([name for name in first if name != "vouchers"], list(again))
        topped = [list(await self.do("account.topup", key="t", id=CARD, amount="1")) for _ in range(2)]
        self.assertEqual(topped[0], topped[1])
