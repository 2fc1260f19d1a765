"""Accounts on PostgreSQL: opening, status, add-ons, aliases, passwords, moves while calls go on, closing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase


class OpeningTests(DeskCase):
    """`account add` and `account change`."""

    async def test_models(self) -> None:
        """Words and the numbers of the API mean the same; RADIUS' numbers are not taken for them."""
        for name, model, kept in (("701", "debit", -1), ("702", "-1", -1), ("703", "credit", 1), ("704", "1", 1), ("705", "voucher", 0)):
            await self.do("account.add", id=name, customer="Demo retail", model=model, opening_balance="5")
            self.assertEqual(self.one("select billing_model from accounts where id = %s", (name,)), kept)
        await self.do("account.add", id="706", customer="Demo retail", model="4", payer="701")
        shown = await self.do("account.show", id="706")
        self.assertEqual((self.one("select billing_model from accounts where id = '706'"), shown["model"], shown["payer"]), (4, "beneficiary", "701"))
        await self.assert_opening_balances()

    async def assert_opening_balances(self) -> None:
        """What accounts began with is in no payment, and the books agree but for the customer, whose accounts owe."""
        self.assertEqual(self.one("select count(*) from payments"), 0)
        await self.assert_books()

    async def test_faults(self) -> None:
        """What does not fit is told, all at once, and nothing is kept."""
        for values, told in (
            ({"customer": "Demo reseller", "model": "debit"}, "accounts belong to retail customers"),
            ({"customer": "Demo retail", "model": "debit", "product": "Music Account"}, "is in USD"),
            ({"customer": "Demo retail", "model": "debit", "credit_limit": "5"}, "has none"),
            ({"customer": "Demo retail", "model": "alias"}, "account alias add"),
            ({"customer": "Demo retail", "model": "3.5"}, "is not one of"),
            ({"customer": "Demo retail", "model": "debit", "activation_date": "2030-02-01", "expiration_date": "2030-01-01"}, "not after"),
            ({"customer": "Demo retail", "model": "debit", "password": "abc"}, "easy to guess"),
        ):
            with self.assertRaises(OperationRefused) as caught:
                await self.do("account.add", values, id="799")
            self.assertIn(told, str(caught.exception))
        self.assertEqual(self.one("select count(*) from accounts where id = '799'"), 0)

    async def test_status_and_life(self) -> None:
        """Own block and life first, then the customer, then the money."""
        async def word(name: str = CARD) -> str:
            return str((await self.do("account.show", id=name))["effective_status"])

        self.assertEqual([await word(name) for name in (CARD, "16045550103", "16045550104", "16045550105")], ["ok", "blocked", "expired", "suspended"])
        self.ask("update accounts set first_usage = now() - interval '3 days', life_time = 2 where id = %s", (CARD,))
        self.assertEqual(await word(), "expired")
        self.ask("update accounts set life_time = null, balance = 0 where id = %s", (CARD,))
        for name in ("life_time", "inactivity_days"):  # no calendar reaches so far: whoever read the account would fail
            with self.assertRaises(OperationRefused):
                await self.put("account.change", {"id": CARD, name: "3000000"})
        self.assertEqual(await word(), "zero_balance")
        self.ask("update accounts set balance = 60 where id = %s", (LINE,))
        self.assertEqual(await word(LINE), "credit_exceeded")
        await self.do("account.change", id=CARD, activation_date=f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}")
        self.assertEqual(await word(), "not_yet_active")
        for verb in ("block", "suspend"):
            await self.do(f"account.{verb}", id=CARD)
        self.assertEqual(await word(), "blocked")
        listed = await self.do("account.list", begin="1604555010")
        self.assertEqual([row["effective_status"] for row in listed][:3], ["credit_exceeded", "ok", "blocked"])

    async def test_block_is_the_operators(self) -> None:
        """In self-care nobody lifts his own block, changes his product or his money."""
        await self.do("account.block", id=LINE)
        for operation, values in (("account.unblock", {}), ("account.product", {"product": "Office"}), ("account.credit", {"amount": "1"})):
            with self.assertRaises(NotPermitted):
                await self.do(operation, values, by=self.account(), id=LINE)
        self.assertEqual(self.one("select blocked from accounts where id = %s", (LINE,)), True)


class ThingsTests(DeskCase):
    """Passwords, aliases, add-ons."""

    async def test_password(self) -> None:
        """A generated one is told once, sealed in its row, and nowhere else: not in the audit, not under the key."""
        told = (await self.do("account.password", key="p1", id=LINE))["password"]
        self.assertEqual(len(told), 16)
        self.assertEqual(self.sealer.open(self.one("select h323_password from accounts where id = %s", (LINE,))), told)
        again = await self.do("account.password", key="p1", id=LINE)
        self.assertEqual((again, told in str(self.audited("account"))), ({"id": LINE}, False))
        with self.assertRaises(OperationRefused):
            await self.do("account.password", id=LINE, password=LINE[:5])
        self.assertEqual(await self.do("account.password", by=self.account(), id=LINE, password="of my own"), {"id": LINE})

    async def test_aliases(self) -> None:
        """A further id is the account's money; it can't be opened twice, and is not an account by itself."""
        await self.do("account.alias.add", id=LINE, alias="16045550177")
        shown = await self.do("account.show", id=LINE)
        self.assertEqual(shown["aliases"], ["16045550102", "16045550177"])
        self.assertEqual((await self.do("account.topup", id="16045550177", amount="3"))["id"], LINE)
        self.assertEqual((await self.do("account.show", id="16045550177"))["master"], LINE)
        for operation, values in (("account.alias.add", {"id": LINE, "alias": CARD}), ("account.block", {"id": "16045550177"})):
            with self.assertRaises(OperationRefused):
                await self.do(operation, values)
        await self.do("account.alias.remove", id=LINE, alias="16045550177")
        with self.assertRaises(NotThere):
            await self.do("account.show", id="16045550177")
        await self.assert_books()

    async def test_addons(self) -> None:
        """From, to and priority; once in force the beginning stays; ended ones stay in the list."""
        for name, priority in (("Minutes", "20"), ("Roaming", "30")):
            await self.do("product.add", name=name, currency="CAD", is_addon="yes", addon_priority=priority)
            await self.do("account.addon.add", id=LINE, product=name)
        self.assertEqual((await self.do("account.show", id=LINE))["addons"], ["Roaming", "Minutes"])
        for operation, values in (
            ("account.addon.add", {"product": "Minutes"}),
            ("account.addon.add", {"product": "Office"}),
            ("account.addon.change", {"product": "Minutes", "from": "2030-01-01"}),
            ("account.addon.change", {"product": "Minutes", "to": "2020-01-01"}),
        ):
            with self.assertRaises(OperationRefused):
                await self.do(operation, values, id=LINE)
        await self.do("account.addon.change", id=LINE, product="Minutes", to="2100-01-01")
        await self.do("account.addon.add", {"from": "2100-01-01"}, id=LINE, product="Minutes")
        await self.do("account.addon.remove", id=LINE, product="Minutes")
        await self.do("account.addon.change", {"from": "2101-01-01"}, id=LINE, product="Minutes")
        found = [(row["product"], row["priority"], row["to"] is None) for row in await self.do("account.addon.list", id=LINE)]
        self.assertEqual(found, [("Minutes", 20, False), ("Roaming", 30, True), ("Minutes", 20, True)])
        self.assertEqual((await self.do("account.show", id=LINE))["addons"], ["Roaming"])
        self.assertEqual(len(await self.do("account.addon.list", by=self.reseller(), id=LINE)), 3)
        with self.assertRaises(NotThere):
            await self.do("account.addon.list", by=self.customer(), id=LINE)


class MoveTests(ChargingCase):
    """An account goes to another customer while calls go on."""

    async def test_with_open_calls(self) -> None:
        """What is held and counted goes with it; the call ends with its new customer, whoever remembered the old one, and the books agree."""
        self.ask("update customers set max_sessions = 5 where name in ('Demo retail', 'Demo subcustomer')")
        await self.call(LINE, "m1", minimum=10)
        await self.call(CARD, "m2")
        for name in (LINE, CARD):
            await self.do("account.move", id=name, customer="Demo subcustomer")
            await self.assert_books()
        self.assertEqual(self.ask("select open_outgoing from customers where name in ('Demo retail', 'Demo subcustomer') order by name"), [(0,), (2,)])
        await self.hang_up(LINE, "m1", 60)
        await self.hang_up(CARD, "m2", 71)
        self.assertEqual(self.money(CARD), ("9.97633", "0"))
        below = "select count(*) from xdr x join customers c using (i_customer) where c.name = 'Demo subcustomer' and x.storage = 'a'"
        self.assertEqual(self.one(below), 2)
        await self.assert_books()

    async def test_late_report(self) -> None:
        """A call that was closed provisionally before the move is charged the rest with the new customer."""
        await self.call(LINE, "m1", minimum=10)
        await self.sweep()
        self.assertEqual(self.one("select count(*) from sessions_closed where status = 'p'"), 1)
        await self.do("account.move", id=LINE, customer="Demo subcustomer")
        await self.hang_up(LINE, "m1", 60)
        self.assertEqual((self.money(LINE), self.one("select balance from customers where name = 'Demo subcustomer'")), (("0.05", "0"), Decimal("0.05")))
        await self.assert_books()

    async def test_shared_budget(self) -> None:
        """While a session of it, or of its beneficiary, holds a part of the budget of its customer's accounts, an account stays; then it goes."""
        product = (await self.do("account.show", id=LINE))["product"]
        await self.do("account.add", id="16045550177", customer="Demo retail", product=product, model="beneficiary", payer=LINE)
        await self.do("customer.change", name="Demo retail", spend_limit="100", spend_period="monthly")
        held = "select held from vd_counters where i_account is null and i_vd_dg is null"
        for name in (LINE, "16045550177"):
            await self.call(name, f"m-{name}", minimum=10)
            self.assertGreater(self.one(held), 0)
            with self.assertRaises(OperationRefused) as caught:
                await self.do("account.move", id=LINE, customer="Demo subcustomer")
            self.assertIn(f"(`portaswitch session disconnect {self.node}/m-{name}`)", str(caught.exception))
            await self.hang_up(name, f"m-{name}", 60)
            await self.do("account.adjust", id=LINE, balance="0")
        await self.do("account.move", id=LINE, customer="Demo subcustomer")
        self.assertEqual(self.one(held), 0)
        await self.call(LINE, "m3", minimum=10)
        await self.hang_up(LINE, "m3", 60)
        await self.assert_books()

    async def test_refused(self) -> None:
        """Other currencies, a credit account that owes, aliases, closed ones."""
        await self.do("account.charge", id=LINE, amount="4")
        for name, customer, told in (
            (CARD, "Demo retail USD", "they must agree"),
            (LINE, "Demo subcustomer", "settle it there first"),
            ("16045550102", "Demo subcustomer", "is an alias"),
            (CARD, "Demo retail", "already"),
            (CARD, "Demo reseller", "retail customers"),
        ):
            with self.assertRaises(OperationRefused) as caught:
                await self.do("account.move", id=name, customer=customer)
            self.assertIn(told, str(caught.exception))
        await self.assert_books()


class ClosingTests(ChargingCase):
    """`account close`."""

    async def test_everything_is_free(self) -> None:
        """SIM card, port, number and aliases go before the status, the node is asked to end the call, and what it used is charged."""
        self.ask("update nodes set coa_address = '192.0.2.9' where name = 'Card gateway'")
        i_account, i_customer = self.ask("select i_account, i_customer from accounts where id = %s", (LINE,))[0]
        self.ask("insert into sim_cards (i_env, imsi, status, i_account, i_customer) values (1, '310150123456789', 'in_use', %s, %s)", (i_account, i_customer))
        self.ask("insert into ua (i_env, name, model) values (1, 'ONT 1', 'x'); insert into ua_links (i_ua, port, i_account, i_env) "
                 "select i_ua, 1, %s, 1 from ua where name = 'ONT 1'", (i_account,))  # fmt: skip
        self.ask("insert into dids (i_env, number, i_customer, i_account) values (1, '16045550190', %s, %s)", (i_customer, i_account))
        await self.call(LINE, "k1", minimum=10)
        answer = await self.do("account.close", id=LINE)
        self.assertEqual(answer["released"], ["sim_card 310150123456789", "device ONT 1:1", "did 16045550190", "alias 16045550102"])
        self.assertEqual(answer["disconnected"], [f"{self.node}/k1"])
        self.assertEqual(self.ask("select status, i_account from sim_cards where imsi = '310150123456789'"), [("available", None)])
        left = "select (select count(*) from ua_links where i_account = %s) + (select count(*) from dids where i_account = %s)"
        self.assertEqual(self.one(left, (i_account, i_account)), 0)
        self.assertEqual([row[1] for row in self.audited("account")][-1], "account.close")
        await self.hang_up(LINE, "k1", 60)
        self.assertEqual(self.money(LINE), ("0.05", "0"))
        with self.assertRaises(OperationRefused):
            await self.do("account.close", id=LINE)
        self.assertEqual(self.money(SUBLINE), ("0", "0"))
        await self.assert_books()

    async def test_nothing_halfway(self) -> None:
        """When the end fails, what was let go before is as it was."""
        self.ask("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '23514'; end $$")
        self.ask("create trigger refuse before update of bill_status on accounts for each row execute function refuse()")
        before = self.everything()
        with self.assertRaises(OperationRefused):
            await self.do("account.close", id=LINE)
        self.assertEqual(self.everything(), before)


class ProductTests(ChargingCase):
    """`account product`."""

    async def test_change(self) -> None:
        """A call that goes on keeps its prices; the next one has the new product's."""
        await self.call(CARD, "p1")
        await self.do("account.product", id=CARD, product="Office")
        await self.hang_up(CARD, "p1", 71)
        self.assertEqual(self.money(CARD), ("9.97633", "0"))
        await self.call(CARD, "p2", minimum=10)
        await self.hang_up(CARD, "p2", 60)
        self.assertEqual(Decimal(self.money(CARD)[0]), Decimal("9.92633"))
        await self.assert_books()
