"""Money by hand on PostgreSQL: charges and what is held, refunds, transfers, vouchers, payment transactions."""

from __future__ import annotations

from decimal import Decimal

from twisted.internet.defer import DeferredList

from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase

USER = "user1@demo.example"


class ChargeTests(ChargingCase):
    """A charge never takes what is held."""

    async def test_moves(self) -> None:
        """Each verb with its sign and action, on accounts and customers; a customer's balance moves with its credit accounts'."""
        for verb, amount in (("charge", "1.50"), ("credit", "0.25"), ("promo", "2")):
            for operation, key in ((f"account.{verb}", {"id": CARD}), (f"account.{verb}", {"id": LINE}), (f"customer.{verb}", {"name": "Demo retail"})):
                await self.do(operation, key, amount=amount, comment="by hand")
        await self.do("customer.pay", name="Demo retail", amount="10")
        self.assertEqual((self.money(CARD)[0], self.money(LINE)[0]), ("10.75", "-0.75"))
        self.assertEqual(self.one("select balance from customers where name = 'Demo retail'"), Decimal("-11.5"))
        listed = await self.do("payment.list", account=CARD)
        self.assertEqual([(row["action"], row["amount"]) for row in listed],
                         [("promotional_credit", Decimal(2)), ("manual_credit", Decimal("0.25")), ("manual_charge", Decimal("-1.50"))])  # fmt: skip
        self.assertEqual((await self.do("payment.show", number=str(listed[0]["number"])))["comment"], "by hand")
        await self.assert_books()

    async def test_held(self) -> None:
        """A call holds the card's money: nothing is left to charge, but for an administrator who forces it; real use is charged all the same."""
        await self.call(CARD, "h1")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("account.charge", id=CARD, amount="0.01")
        self.assertIn("held by open sessions", str(caught.exception))
        with self.assertRaises(NotPermitted):
            await self.do("account.charge", by=self.reseller(role=Role.ADMIN), id=CARD, amount="1", force="yes")
        with self.assertRaises(NotPermitted):
            await self.do("account.charge", by=Actor("test:finance", 1, role=Role.FINANCE), id=CARD, amount="1", force="yes")
        await self.do("account.charge", id=CARD, amount="9.99", force="yes")
        await self.hang_up(CARD, "h1", 71)
        self.assertEqual(self.money(CARD), ("-0.01367", "0"))
        await self.assert_books()

    async def test_limits(self) -> None:
        """Of a credit account the nearer of its own and its customer's limit counts, holds of other accounts taken off."""
        await self.do("account.charge", id=LINE, amount="50")
        for name, amount in ((LINE, "0.01"), (SUBLINE, "200.01")):
            with self.assertRaises(OperationRefused):
                await self.do("account.charge", id=name, amount=amount)
        await self.do("customer.charge", name="Demo subcustomer", amount="199")
        with self.assertRaises(OperationRefused):
            await self.do("account.charge", id=SUBLINE, amount="1.01")
        await self.do("account.charge", id=SUBLINE, amount="1")
        await self.assert_books()

    async def test_adjust(self) -> None:
        """A balance is set right by the difference, for both senses of a balance; only an administrator of the environment may."""
        await self.do("account.adjust", id=CARD, balance="12.34")
        await self.do("account.adjust", id=LINE, balance="7.5")
        await self.do("customer.adjust", name="Demo subcustomer", balance="-3")
        self.assertEqual([row["amount"] for row in await self.do("payment.list", action="adjustment")], [Decimal(3), Decimal("-7.5"), Decimal("2.34")])
        self.assertEqual(self.one("select balance from customers where name = 'Demo retail'"), Decimal("7.5"))
        with self.assertRaises(NotPermitted):
            await self.do("account.adjust", by=self.reseller(), id=CARD, balance="1000")
        await self.assert_books()


class RefundTests(ChargingCase):
    """A refund gives back what an xDR charged."""

    async def test_parts(self) -> None:
        """In parts, never more than was charged; of the account's own xDRs only; explained in its answer and its payment."""
        await self.call(CARD, "r1")
        await self.hang_up(CARD, "r1", 600)
        ((xdr, charged),) = self.ask("select id, charged_amount from xdr where storage = 'a'")
        first = await self.do("account.refund", id=CARD, xdr=str(xdr), amount="0.05", comment="Bad line")
        self.assertEqual((first["charged"], first["left"], first["to"]), (charged, charged - Decimal("0.05"), "82262363451"))
        with self.assertRaises(OperationRefused):
            await self.do("account.refund", id=CARD, xdr=str(xdr), amount=str(charged))
        rest = await self.do("account.refund", id=CARD, xdr=str(xdr))
        self.assertEqual((rest["left"], self.money(CARD)[0]), (Decimal(0), "10"))
        with self.assertRaises(OperationRefused):
            await self.do("account.refund", id=CARD, xdr=str(xdr))
        with self.assertRaises(NotThere):
            await self.do("account.refund", id=LINE, xdr=str(xdr))
        shown = await self.do("payment.show", number=str(first["i_payment"]))
        self.assertEqual((shown["xdr"], shown["action"], shown["comment"]), (xdr, "refund", "Bad line"))
        await self.assert_books()

    async def test_at_once(self) -> None:
        """Twenty refunds of the whole at once: one is done."""
        await self.call(CARD, "r1")
        await self.hang_up(CARD, "r1", 600)
        xdr = str(self.one("select id from xdr where storage = 'a'"))
        asked = await DeferredList([self.desk.operate(self.root, "account.refund", {"id": CARD, "xdr": xdr}) for _ in range(20)], consumeErrors=True)
        self.assertEqual((sum(done for done, _ in asked), self.money(CARD)[0]), (1, "10"))
        await self.assert_books()


class TransferTests(ChargingCase):
    """Money from one account to another."""

    async def test_both_ways(self) -> None:
        """Between models and customers of one tree; never what is held, never between currencies or strangers."""
        await self.do("account.transfer", id=CARD, to=USER, amount="2.50")
        await self.do("account.transfer", id=LINE, to=CARD, amount="1")
        await self.do("account.transfer", id=CARD, to=SUBLINE, amount="0.5")
        self.assertEqual([self.money(name)[0] for name in (CARD, USER, LINE, SUBLINE)], ["8", "22.5", "1", "-0.5"])
        await self.do("customer.add", name="Stranger")
        await self.do("account.add", id="900", customer="Stranger", model="debit")
        for to, told in (("0101", "they must agree"), (CARD, "the same account"), ("900", "no reseller in common")):
            with self.assertRaises(OperationRefused) as caught:
                await self.do("account.transfer", id=CARD, to=to, amount="1")
            self.assertIn(told, str(caught.exception))
        await self.call(CARD, "t1")
        with self.assertRaises(OperationRefused):
            await self.do("account.transfer", id=CARD, to=USER, amount="0.01")
        await self.assert_books()

    async def test_in_a_circle(self) -> None:
        """Transfers both ways between two accounts at once: no deadlock loses one, and no money comes or goes."""
        pairs = [(CARD, USER), (USER, CARD)] * 20
        asked = await DeferredList(
            [self.desk.operate(self.root, "account.transfer", {"id": one, "to": other, "amount": "0.1"}) for one, other in pairs], consumeErrors=True
        )
        self.assertEqual([failure for done, failure in asked if not done], [])
        self.assertEqual((self.money(CARD)[0], self.money(USER)[0]), ("10", "20"))
        await self.assert_books()


class VoucherTests(DeskCase):
    """Top-ups by voucher."""

    async def prepare(self) -> None:
        """Vouchers of several states; the number of the good one is 12345678901."""
        await super().prepare()
        for number, status, currency, more in (
            ("12345678901", "active", "CAD", "null"), ("22345678901", "inactive", "CAD", "null"), ("32345678901", "active", "USD", "null"),
            ("42345678901", "active", "CAD", "now() - interval '1 day'"),
        ):  # fmt: skip
            self.ask(
                f"insert into vouchers (i_env, id, amount, currency, status, expiration_date, days_added) values (1, %s, 25, %s, %s, {more}, 30)",
                (self.sealer.fingerprints(number)[0], currency, status),
            )

    async def test_once(self) -> None:
        """By its own user, with blanks and dashes; it is used then; days are added to an account that has an end."""
        self.ask("update accounts set expiration_date = '2100-01-01' where id = %s", (CARD,))
        answer = await self.do("account.topup", by=self.account(CARD), id=CARD, voucher="123-4567 8901", key="v1")
        self.assertEqual((answer["balance"], answer["expiration_date"].date().isoformat()), (Decimal(35), "2100-01-31"))
        self.assertEqual(Decimal((await self.do("account.topup", by=self.account(CARD), id=CARD, voucher="123-4567 8901", key="v1"))["balance"]), Decimal(35))
        with self.assertRaises(OperationRefused):
            await self.do("account.topup", id=LINE, voucher="12345678901")
        self.assertEqual(self.ask("select status, i_payment is not null from vouchers where amount = 25 and status = 'used'"), [("used", True)])
        self.assertNotIn("12345678901", str(self.audited("account")) + str(self.ask("select * from operation_keys")))
        self.ask("update vouchers set status = 'active' where id = %s", (self.sealer.fingerprints("22345678901")[0],))
        await self.do("account.change", id=USER, expiration_date="9999-12-31")
        endless = await self.do("account.topup", id=USER, voucher="22345678901")  # there is no day to add
        self.assertEqual((endless["balance"], endless["expiration_date"].date().isoformat()), (Decimal(45), "9999-12-31"))
        await self.assert_books()

    async def test_at_once(self) -> None:
        """One voucher on four accounts at once, five times each: one is recharged."""
        asked = [self.desk.operate(self.root, "account.topup", {"id": name, "voucher": "12345678901"}) for name in (CARD, LINE, SUBLINE, USER) * 5]
        self.assertEqual(sum(done for done, _ in await DeferredList(asked, consumeErrors=True)), 1)
        self.assertEqual(self.one("select sum(amount) from payments"), Decimal(25))
        await self.assert_books()

    async def test_tries(self) -> None:
        """Five wrong ones in an hour: then not even the right one; another account is not punished, nor this one an hour later."""
        wrong = (("1", "none"), ("2", "none"), ("22345678901", "inactive"), ("32345678901", "USD"), ("42345678901", "expired"))
        for number, told in (*wrong, ("12345678901", "wait")):
            with self.assertRaises(OperationRefused) as caught:
                await self.do("account.topup", id=CARD, voucher=number)
            self.assertIn(told, str(caught.exception))
        self.assertEqual(len(self.audited("account")), 5)
        self.ask("update voucher_tries set since = since - interval '61 minutes'")
        await self.do("account.topup", id=CARD, voucher="12345678901")
        await self.assert_books()


class TransactionTests(DeskCase):
    """Payment transactions."""

    async def start(self, **values: str) -> str:
        """A started one; its number."""
        given = {"account": CARD, "amount": "7", "processor": "Pay", **values}
        return str((await self.do("transaction.start", given))["number"])

    async def test_flow(self) -> None:
        """Completed books once; what is over stays; a try books nothing."""
        number = await self.start()
        await self.do("transaction.authorize", number=number, transaction_id="x-1")
        self.assertEqual(self.money(), Decimal(10))
        done = await self.do("transaction.complete", number=number, result_code="00")
        self.assertEqual((done["status"], done["balance"], self.money()), ("COMPLETED", Decimal(17), Decimal(17)))
        for verb in ("complete", "void", "cancel"):
            with self.assertRaises(OperationRefused):
                await self.do(f"transaction.{verb}", number=number)
        await self.do("transaction.complete", number=await self.start(test_mode="yes"))
        for verb in ("cancel", "fail"):
            await self.do(f"transaction.{verb}", number=await self.start())
        with self.assertRaises(OperationRefused):
            await self.do("transaction.void", number=await self.start())
        self.assertEqual((self.money(), self.one("select count(*) from payments")), (Decimal(17), 1))
        self.assertEqual((await self.do("payment.list"))[0]["comment"], "Pay")
        await self.assert_books()

    def money(self) -> Decimal:
        """The card's balance."""
        return Decimal(self.one("select balance from accounts where id = %s", (CARD,)))

    async def test_at_once(self) -> None:
        """Ten say that it is completed: it is booked once, on a customer too."""
        number = str((await self.do("transaction.start", customer="Demo retail", amount="7"))["number"])
        asked = [self.desk.operate(self.root, "transaction.complete", {"number": number}) for _ in range(10)]
        self.assertEqual(sum(done for done, _ in await DeferredList(asked, consumeErrors=True)), 1)
        self.assertEqual(self.one("select balance from customers where name = 'Demo retail'"), Decimal(-7))
        await self.assert_books()

    async def test_further_ids(self) -> None:
        """A payment for an alias is its account's, one for a beneficiary its payer's, whose balance moves; both can be closed behind it."""
        await self.do("account.alias.add", id=CARD, alias="1604-alias")
        row = await self.do("account.show", id=CARD)
        await self.do("account.add", id="1604-child", customer=row["customer"], model="beneficiary", payer=CARD)
        for number, name in enumerate(("1604-alias", "1604-child"), 1):
            done = await self.do("transaction.complete", number=await self.start(account=name))
            self.assertEqual((done["account"], done["balance"], self.money()), (CARD, 10 + 7 * number, 10 + 7 * number))
        self.assertEqual(self.ask("select balance from accounts where id like '1604-%%'"), [(0,), (0,)])
        await self.assert_books()
        await self.do("account.close", id="1604-child")
        await self.do("account.close", id=CARD)
