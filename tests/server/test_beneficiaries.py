"""Beneficiaries on PostgreSQL: opening, their payer's money under calls and operations, moves, closing."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from portaswitch.model.operation import NotPermitted, OperationRefused
from tests.server.charging import CANADA, ChargingCase
from tests.server.desks import CARD, LINE

CHILD, SISTER = "380501112233", "380501112234"


class BeneficiaryCase(ChargingCase):
    """CHILD is paid for by the prepaid CARD (10 USD are left), SISTER by the LINE that owes; both have their payers' products."""

    async def prepare(self) -> None:
        """See the class."""
        await super().prepare()
        for name, payer in (CHILD, CARD), (SISTER, LINE):
            row = await self.do("account.show", id=payer)
            await self.do("account.add", id=name, customer=row["customer"], product=row["product"], model="beneficiary", payer=payer)

    async def why_not(self, operation: str, **values: str) -> str:
        """What a refused operation says."""
        with self.assertRaises(OperationRefused) as caught:
            await self.put(operation, values)
        return str(caught.exception)


class OpeningTests(BeneficiaryCase):
    """`account add --model beneficiary --payer ...`."""

    async def test_faults(self) -> None:
        """A payer is an open account of the same customer that pays for itself, and only beneficiaries have one; nothing of money may be said of them."""
        await self.do("account.add", id="closed", customer="Demo retail", model="credit")
        await self.do("account.close", id="closed")
        await self.do("account.alias.add", id=LINE, alias="1604-alias")
        await self.do("account.add", id="card", customer="Demo retail", model="voucher", opening_balance="5")
        new = {"id": "new", "customer": "Demo retail", "model": "beneficiary"}
        for values, told in (
            ({}, "needs the account that pays for it"),
            ({"payer": SISTER}, f"name its payer, {LINE}"),
            ({"payer": "1604-alias"}, f"is an alias of {LINE}"),
            ({"payer": "card"}, "is a voucher"),
            ({"payer": "closed"}, "closed is closed"),
            ({"payer": LINE, "customer": "Demo subcustomer"}, "both must be of one customer"),
            ({"payer": LINE, "model": "credit"}, "others pay for themselves"),
            ({"payer": LINE, "opening_balance": "5"}, "has no money"),
            ({"payer": LINE, "credit_limit": "5"}, "credit_limit: a beneficiary has none"),
            ({"payer": LINE, "spend_limit": "5"}, "spend_limit: a beneficiary has none"),
        ):
            self.assertIn(told, await self.why_not("account.add", **{**new, **values}))
        self.assertIn("spend_limit: a beneficiary has none", await self.why_not("account.change", id=SISTER, spend_limit="5"))
        self.assertEqual(self.one("select count(*) from accounts where id = 'new'"), 0)

    async def test_shown(self) -> None:
        """What it may spend is its payer's, and its status too when that may pay no more; the payer names whom it pays for."""
        shown = await self.do("account.show", id=CHILD)
        self.assertEqual((shown["payer"], shown["balance"], shown["available"], shown["free"], shown["effective_status"]), (CARD, 0, 10, 10, "ok"))
        self.assertEqual((await self.do("account.show", id=CARD))["beneficiaries"], [CHILD])
        self.assertEqual([row["id"] for row in await self.do("account.list", payer=CARD)], [CHILD])
        await self.do("account.block", id=CARD)
        self.assertEqual((await self.do("account.show", id=CHILD))["effective_status"], "payer_blocked")
        await self.do("account.unblock", id=CARD)
        await self.do("account.adjust", id=CARD, balance="0")
        (row,) = await self.do("account.list", payer=CARD)
        self.assertEqual((row["available"], row["effective_status"]), (0, "zero_balance"))


class MoneyTests(BeneficiaryCase):
    """Whose money moves."""

    async def test_call(self) -> None:
        """A call of the beneficiary holds and takes its payer's money; session and xDR are the beneficiary's, and the books agree all the time."""
        decision = await self.call(CHILD, "s1", minimum=10)
        self.assertIsNone(decision.refusal)
        ((held, name),) = self.ask("select s.held, a.id from sessions s join accounts a using (i_account)")
        self.assertEqual((self.money(CHILD), self.money(CARD), name), (("0", "0"), ("10", format(held.normalize(), "f")), CHILD))
        self.assertGreater(held, 0)
        await self.assert_books()
        await self.hang_up(CHILD, "s1", 120)
        ((account, amount, model),) = self.ask("select account_id, charged_amount, billing_model from xdr where storage = 'a'")
        self.assertEqual((account, model), (CHILD, -1))
        self.assertEqual((self.money(CARD), self.money(CHILD)), ((format((10 - amount).normalize(), "f"), "0"), ("0", "0")))
        await self.assert_books()

    async def test_credit_call(self) -> None:
        """The beneficiary of an account that owes makes that and its customer owe."""
        before = self.one("select c.balance from customers c join accounts a using (i_customer) where a.id = %s", (LINE,))
        await self.call(SISTER, "s1", minimum=10)
        await self.assert_books()
        await self.hang_up(SISTER, "s1", 120)
        amount = self.one("select charged_amount from xdr where storage = 'a' and account_id = %s", (SISTER,))
        self.assertGreater(amount, 0)
        after = self.one("select c.balance from customers c join accounts a using (i_customer) where a.id = %s", (LINE,))
        self.assertEqual((after - before, self.one("select balance from accounts where id = %s", (LINE,))), (amount, amount))
        await self.assert_books()

    async def test_states(self) -> None:
        """It is refused for its own block, and for its payer's, suspension or end; the payer is not refused for the beneficiary's."""
        calls = count()

        async def word(user: str) -> str:
            refusal = (await self.call(user, f"w{next(calls)}", minimum=10)).refusal
            return "ok" if refusal is None else refusal.word

        self.assertEqual([await word(CHILD), await word(CARD)], ["ok", "ok"])
        await self.do("account.block", id=CHILD)
        self.assertEqual([await word(CHILD), await word(CARD)], ["user_denied", "ok"])
        await self.do("account.unblock", id=CHILD)
        for verb, told in ("suspend", "user_suspended"), ("unsuspend", "ok"), ("block", "user_denied"), ("unblock", "ok"):
            await self.do(f"account.{verb}", id=CARD)
            self.assertEqual(await word(CHILD), told, verb)
        self.ask("update accounts set expiration_date = now() - interval '1 day' where id = %s", (CARD,))
        self.assertEqual(await word(CHILD), "user_denied")

    async def test_operations(self) -> None:
        """Top-ups, charges, credits and refunds that name it are its payer's, alone and many at once, by an alias too."""
        await self.do("account.alias.add", id=CHILD, alias="child")
        await self.do("account.topup", id=CHILD, amount="5")
        await self.do("account.charge", id="child", amount="1")
        self.assertEqual((self.money(CARD), self.money(CHILD)), (("14", "0"), ("0", "0")))
        works = [self.do("account.topup", id=name, amount="0.5", key=f"k{name}") for name in (CHILD, "child", CARD)]
        answers: Any = await gatherResults([Deferred.fromCoroutine(work) for work in works])
        self.assertEqual([answer["id"] for answer in answers], [CARD] * 3)
        self.assertEqual(self.money(CARD), ("15.5", "0"))
        self.assertIn("is the same account", await self.why_not("account.transfer", id=CARD, to=CHILD, amount="1"))
        await self.call(CHILD, "s1")
        await self.hang_up(CHILD, "s1", 60)
        number, amount = self.ask("select id::text, charged_amount from xdr where storage = 'a'")[0]
        balance = self.one("select balance from accounts where id = %s", (CARD,))
        for name in (CHILD, CARD):
            answer = await self.do("account.refund", id=name, xdr=number, amount="0.00001")
            self.assertEqual(answer["id"], CARD)
        self.assertEqual(self.one("select balance from accounts where id = %s", (CARD,)), balance + Decimal("0.00002"))
        self.assertIn("were refunded", await self.why_not("account.refund", id=CHILD, xdr=number, amount=str(amount)))
        await self.assert_books()

    async def test_not_its_own(self) -> None:
        """Who logs in as the beneficiary does not reach its payer's money, nor see it."""
        child = self.account(CHILD)
        with self.assertRaises(NotPermitted):
            await self.do("account.topup", id=CHILD, voucher="12345678901", by=child)
        shown = await self.do("account.show", id=CHILD, by=child)
        self.assertEqual((shown["available"], shown["free"], shown["effective_status"]), (None, None, "ok"))

    async def test_one_purse(self) -> None:
        """However payer and beneficiary call at once, through two processes, they get no more than the money that there is, and each call its hold."""
        self.ask("update accounts set balance = 1, opening_balance = 1 where id = %s", (CARD,))
        first = self.core
        await self.load_core(self.hot)
        cores = first, self.core

        async def talk(number: int) -> None:
            self.core = cores[number % 2]
            await self.call((CARD, CHILD)[number // 2 % 2], f"t{number}", minimum=60)

        await gatherResults([Deferred.fromCoroutine(talk(number)) for number in range(60)])
        held = self.one("select held from accounts where id = %s", (CARD,))
        sessions = self.ask("select a.id, sum(s.held) from sessions s join accounts a using (i_account) group by 1")
        self.assertEqual({name for name, _ in sessions}, {CARD, CHILD})
        self.assertTrue(0 < held <= 1, held)
        self.assertEqual(sum(each for _, each in sessions), held)
        await self.assert_books()
        for number in range(60):
            await self.hang_up((CARD, CHILD)[number // 2 % 2], f"t{number}", 0)
        self.assertEqual(self.money(CARD), ("1", "0"))


class LifeTests(BeneficiaryCase):
    """Moves and ends."""

    async def test_moves(self) -> None:
        """A payer goes to another customer with its beneficiaries and what their open calls hold; a beneficiary does not go alone."""
        self.assertIn("both must be of one customer", await self.why_not("account.move", id=CHILD, customer="Demo subcustomer"))
        await self.call(SISTER, "s1", CANADA, minimum=10)
        await self.call(CHILD, "s2", minimum=10)
        moved = await self.do("account.move", id=LINE, customer="Demo subcustomer")
        self.assertEqual(moved["beneficiaries"], [SISTER])
        self.assertEqual((await self.do("account.show", id=SISTER))["customer"], "Demo subcustomer")
        await self.assert_books()
        await self.hang_up(SISTER, "s1", 120, CANADA)
        await self.hang_up(CHILD, "s2", 120)
        await self.assert_books()

    async def test_closed(self) -> None:
        """A payer stays open while it pays for others; a beneficiary closes as any account does. With their customer all close."""
        self.assertIn(f"pays for 1 that are not closed: {CHILD}", await self.why_not("account.close", id=CARD))
        await self.do("account.close", id=CHILD)
        await self.do("account.close", id=CARD)
        customer = (await self.do("account.show", id=LINE))["customer"]
        closed = await self.do("customer.close", name=customer, force="yes")
        self.assertLessEqual({SISTER, LINE}, set(closed["closed_accounts"]))
        await self.assert_books()
