"""Fees that come by the calendar: with products and add-ons, once for each period, as long as there is money, and on the bill."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
from twisted.internet import reactor
from twisted.internet.defer import DeferredList

from portaswitch.jobs import fees
from portaswitch.model.operation import NotPermitted, OperationRefused
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.pool import Pool
from portaswitch.store.statements_fees import due_fees
from portaswitch.store.work import Books
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase
from tests.server.pools import until

FEES = "select visible_comment, amount from payments where action = 'manual_charge' order by i_payment"
OF_ONE = "select visible_comment, amount from payments where action = 'manual_charge' and i_account = %s order by i_payment"
AGO = """
update account_subscriptions
set start_date = start_date - %s, billed_to = billed_to - %s, next_due = next_due - make_interval(days => %s)
"""
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
RETAIL, ADDON = "Demo retail", "More destinations"


class FeeCase(DeskCase):
    """The demo, whose products get fees."""

    async def fee(self, product: str, name: str = "Basic", **values: str) -> None:
        """A product gets a subscription of one a day, in advance."""
        await self.put("subscription.add", {"name": name, "currency": "CAD", "charge_model": "advance", **values})
        await self.do("subscription.price", name=name, fee="1.00", period="day")
        await self.do("product.change", name=product, subscription=name)

    async def charge(self) -> list[tuple[str, Decimal]]:
        """A pass of the job; all fees so far."""
        await fees(self.desk, lambda: due_fees(self.pool))()
        return self.ask(FEES)

    def ago(self, days: int) -> None:
        """As if all of it had been so many days ago."""
        self.ask(AGO, (days, days, days))

    @property
    def today(self) -> date:
        """The day at the demo's customers."""
        found: date = self.one("select (now() at time zone coalesce(timezone, 'UTC'))::date from customers where name = %s", (RETAIL,))
        return found


class ChargeTests(FeeCase):
    """What is charged, and when."""

    async def test_days(self) -> None:
        """The activation and the first day at once, each further day when it comes, nothing twice; whoever asks hears up to when all is charged."""
        await self.fee("PrepaidCard", activation_fee="2.50")
        i_account = self.number("accounts", "i_account", id=CARD)
        day = (f"Basic: {self.today} to {self.today}", Decimal("-1.00"))
        for days, further in ((0, [("Basic: activation", Decimal("-2.50")), day]), (0, []), (2, [day, day])):
            self.ago(days)
            before = self.ask(OF_ONE, (i_account,))
            await self.charge()
            added = self.ask(OF_ONE, (i_account,))[len(before):]
            self.assertEqual([amount for _, amount in added], [amount for _, amount in further])
        self.assertEqual(added[-1], day)
        (row,) = await self.do("account.subscriptions", id=CARD)
        self.assertEqual((row["subscription"], row["fee"], row["period"], row["charged_to"], row["state"]), ("Basic", 1, "day", self.today, "active"))
        await self.assert_books()

    async def test_at_once(self) -> None:
        """Two who charge one account at the same moment charge it once: the second one sees what the first did."""
        await self.fee("Office")
        held = psycopg2.connect(self.dsn)
        self.addCleanup(held.close)
        held.cursor().execute("select from accounts where id = %s for update", (LINE,))
        pool = Pool(reactor, self.dsn, size=2, name="two", wait=30)
        self.addCleanup(pool.close)
        await pool.start()
        desk = Desk(Books(pool, self.sealer, ENTITIES))
        both = [desk.operate(self.root, "subscription.charge", {"id": LINE}) for _ in range(2)]
        await until(lambda: self.one(WAITING) == 2, "both wait for the account")
        held.commit()
        results: Any = await DeferredList(both, consumeErrors=True)
        self.assertEqual((sorted(len(told) for _, told in results), len(self.ask(FEES))), ([0, 1], 1))

    async def test_no_funds(self) -> None:
        """What prepaid money does not reach for is not charged, and tried again an hour later; then it is."""
        await self.fee("PrepaidCard")
        await self.do("subscription.price", name="Basic", fee="1000.00", period="day")
        self.assertEqual(await self.charge(), [])
        (row,) = await self.do("account.subscriptions", id=CARD)
        self.assertEqual((row["unpaid"], row["charged_to"]), (True, None))
        await self.do("account.topup", id=CARD, amount="1000")
        self.assertEqual(await self.charge(), [])
        self.ask("update account_subscriptions set next_due = next_due - interval '1 hour'")
        self.assertEqual([amount for _, amount in await self.charge()], [Decimal("-1000.00")])
        self.assertFalse((await self.do("account.subscriptions", id=CARD))[0]["unpaid"])

    async def test_owed(self) -> None:
        """Who owes is charged whatever the limit says."""
        await self.do("account.change", id=LINE, credit_limit="0.10")
        await self.fee("Office")
        await self.do("subscription.charge", id=LINE)
        self.assertEqual(self.one("select balance from accounts where id = %s", (LINE,)), 1)


class LifeTests(FeeCase):
    """Fees come and go with products."""

    async def test_addon(self) -> None:
        """An add-on's fee comes beside the product's, and is over with it; what is gone is charged no more."""
        await self.fee("Office")
        await self.fee(ADDON, "More")
        await self.do("account.addon.add", id=LINE, product=ADDON)
        await self.do("subscription.charge", id=LINE)
        self.assertEqual(sorted(said.partition(":")[0] for said, _ in self.ask(FEES)), ["Basic", "More"])
        self.ask("update account_addons set addon_effective_from = now() - interval '2 days', addon_effective_to = now() - interval '1 day'")
        self.ago(1)
        await self.do("subscription.charge", id=LINE)
        self.assertEqual(sorted(said.partition(":")[0] for said, _ in self.ask(FEES)), ["Basic", "Basic", "More"])
        states = {row["subscription"]: row["state"] for row in await self.do("account.subscriptions", id=LINE)}
        self.assertEqual(states, {"Basic": "active", "More": "closed"})

    async def test_another_product(self) -> None:
        """At the end of a period: a product that goes has its last days charged, up to yesterday."""
        await self.fee("Office", charge_model="end")
        await self.do("subscription.price", name="Basic", fee="30.00", period="month")
        await self.charge()
        self.ask("update account_subscriptions set start_date = %s", (self.today - timedelta(days=3),))
        await self.do("account.product", id=LINE, product="PrepaidCard")
        told = await self.do("subscription.charge", id=LINE)
        self.assertTrue(told and told[-1]["for"].endswith(f" to {self.today - timedelta(days=1)}"))
        self.assertEqual(await self.do("subscription.charge", id=LINE), [])

    async def test_closed(self) -> None:
        """Nothing is charged of a closed account, and it is looked at no more."""
        await self.fee("Office")
        await self.do("subscription.charge", id=LINE)
        self.ago(1)
        await self.do("account.close", id=LINE)
        await self.charge()
        i_account = self.number("accounts", "i_account", id=LINE)
        self.assertEqual(self.one("select count(*) from payments where i_account = %s and action = 'manual_charge'", (i_account,)), 1)
        self.assertNotIn((1, LINE), await due_fees(self.pool))

    async def test_reseller(self) -> None:
        """What the environment's subscriptions cost is not a reseller's to say; nor does it charge fees of a product that it does not see, and so would end."""
        await self.fee((await self.do("account.show", id=SUBLINE))["product"], activation_fee="5.00")
        charged = await self.charge()
        for operation, values in (("price", {"name": "Basic", "fee": "0.01", "period": "month"}), ("charge", {"id": SUBLINE})):
            with self.assertRaises(NotPermitted):
                await self.put(f"subscription.{operation}", values, self.reseller())
        (row,) = await self.do("account.subscriptions", id=SUBLINE)
        self.assertEqual((row["fee"], row["period"], row["state"]), (1, "day", "active"))
        self.assertEqual(await self.charge(), charged)

    async def test_currency(self) -> None:
        """A product has fees in its currency."""
        await self.do("subscription.add", name="Foreign", currency="USD")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("product.change", name="Office", subscription="Foreign")
        self.assertIn("Foreign is in USD, and the product in CAD", str(caught.exception))

    async def test_bill(self) -> None:
        """Uses by service, then fees; what is outside of the time is not on it."""
        await self.fee("Office")
        await self.do("subscription.charge", id=LINE)
        times = {"name": RETAIL, "from": f"{date.today() - timedelta(days=2)}", "to": f"{date.today() + timedelta(days=2)}"}
        rows = await self.put("customer.bill", times)
        self.assertEqual([(row["kind"], row["count"], row["amount"]) for row in rows], [("charge", 1, 1)])
        self.assertEqual(rows[0]["what"], f"Basic: {self.today} to {self.today}")
        self.assertEqual(await self.put("customer.bill", {**times, "to": f"{date.today() - timedelta(days=1)}"}), [])
