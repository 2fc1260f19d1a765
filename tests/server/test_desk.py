"""The desk on PostgreSQL: values, rights, one transaction, its audit and its key; money that moves once."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.actor import Actor, Realm, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase


class MoneyTests(DeskCase):
    """A top-up: payment, balances, audit, key."""

    async def test_top_up(self) -> None:
        """A debit account's money grows; a credit account and its customer owe less; the books agree."""
        self.assertEqual((await self.do("account.topup", id=CARD, amount="5.50"))["balance"], Decimal("15.50"))
        self.assertEqual((await self.do("account.topup", id=LINE, amount="2"))["balance"], Decimal(-2))
        self.assertEqual(self.one("select balance from customers where name = 'Demo retail'"), Decimal(-2))
        paid = self.ask("select action, amount, currency from payments order by 1, 2")
        self.assertEqual(paid, [("manual_payment", Decimal(2), "CAD"), ("manual_payment", Decimal("5.50"), "CAD")])
        await self.assert_books()

    async def test_key(self) -> None:
        """Under one key it happens once, and the second answer is the first; for another question the key is refused."""
        first = await self.do("account.topup", key="web-1", id=CARD, amount="5")
        again = await self.do("account.topup", key="web-1", id=CARD, amount="5")
        self.assertEqual((first["i_payment"], Decimal(again["balance"])), (again["i_payment"], Decimal(15)))
        self.assertEqual(self.one("select count(*) from payments"), 1)
        with self.assertRaises(OperationRefused):
            await self.do("account.topup", key="web-1", id=CARD, amount="6")
        self.assertEqual(self.one("select balance from accounts where id = %s", (CARD,)), Decimal(15))

    async def test_faults(self) -> None:
        """All faults at once, and nothing is changed."""
        with self.assertRaises(OperationRefused) as caught:
            await self.do("account.topup", id=CARD, amount="5,0", coment="x")
        self.assertEqual(len(caught.exception.faults), 2)
        self.assertIn("did you mean comment?", caught.exception.faults[0])
        self.assertEqual(self.audited("account"), [])


class RightsTests(DeskCase):
    """Realms, roles and environments."""

    async def test_trees(self) -> None:
        """Each realm sees its own: a reseller what is below it, a customer its accounts, an account itself, nobody another environment."""
        async def seen(by: Actor) -> set[str]:
            return {row["id"] for row in await self.do("account.list", by=by, limit="0")}

        everything = await seen(self.root)
        self.assertEqual(len(everything), 15)
        below = await seen(self.reseller())
        self.assertTrue({CARD, LINE, SUBLINE} < below < everything)
        self.assertEqual(await seen(self.customer()), {SUBLINE})
        self.assertEqual(await seen(self.account()), {LINE})
        self.assertEqual(await seen(Actor("test:other", 2)), set())

    async def test_out_of_reach(self) -> None:
        """What is not theirs is not there, for reading and for changing."""
        for by in (self.customer(), self.account(), Actor("test:other", 2)):
            for operation in ("account.show", "account.change"):
                with self.assertRaises(NotThere):
                    await self.do(operation, by=by, id=CARD)
        self.assertEqual(self.one("select blocked from accounts where id = %s", (CARD,)), False)

    async def test_roles(self) -> None:
        """A help desk blocks and moves no money; finance moves money, sets limits and blocks nobody; self-care changes its own fields only."""
        with self.assertRaises(NotPermitted):
            await self.do("account.topup", by=Actor("test:desk", 1, role=Role.HELPDESK), id=CARD, amount="1")
        with self.assertRaises(NotPermitted):
            await self.do("account.block", by=Actor("test:money", 1, role=Role.FINANCE), id=CARD)
        finance = Actor("test:money", 1, role=Role.FINANCE)
        for values in ({"language": "de"}, {"rename": "777"}, {"credit_limit": "9", "life_time": "9"}):
            with self.assertRaises(NotPermitted):
                await self.put("account.change", {"id": LINE, **values}, finance)
        await self.do("account.change", by=finance, id=LINE, credit_limit="80")
        await self.do("customer.change", by=finance, name="Demo retail", credit_limit="900")
        self.assertEqual(self.one("select credit_limit from accounts where id = %s", (LINE,)), 80)
        with self.assertRaises(NotPermitted):
            await self.do("account.change", by=self.account(), id=LINE, credit_limit="1000")
        await self.do("account.change", by=self.account(), id=LINE, language="fr")
        self.assertEqual(self.one("select language from accounts where id = %s", (LINE,)), "fr")

    async def test_realm_without_rows(self) -> None:
        """A customer's user sees no product of the operator's."""
        self.assertEqual(await self.do("product.list", by=self.customer()), [])
        self.assertEqual(self.reseller().realm, Realm.RESELLER)


class AuditTests(DeskCase):
    """What is changed is told: who, before, after; secrets are not."""

    async def test_change(self) -> None:
        """Only what differs; a password is 'changed' and nothing more, and sealed in its row."""
        await self.do("account.change", id=LINE, password="n3w-secret", credit_limit="75")
        ((actor, operation, before, after),) = self.audited("account")
        self.assertEqual((actor, operation), ("test:root", "account.change"))
        self.assertEqual((before["credit_limit"], after["credit_limit"], after["password"]), ("50.00", "75", "changed"))
        self.assertEqual(self.sealer.open(self.one("select h323_password from accounts where id = %s", (LINE,))), "n3w-secret")
        self.assertNotIn("n3w", str(self.audited("account")))

    async def test_add(self) -> None:
        """A new account begins with its opening balance in its customer's currency; a second of that id is refused."""
        new = await self.do("account.add", id="777", customer="Demo retail", product="PrepaidCard", model="debit", opening_balance="3")
        self.assertEqual((new["currency"], new["balance"], new["model"]), ("CAD", Decimal(3), "debit"))
        with self.assertRaises(OperationRefused):
            await self.do("account.add", id="777", customer="Demo retail", model="debit")
        with self.assertRaises(NotThere):
            await self.do("account.show", by=self.customer(), id="777")
        await self.assert_books()
