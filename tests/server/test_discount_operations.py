"""Discount plans, counters and wallets by operations: rights, steps, who has which plan, what is bought and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

from twisted.internet.defer import DeferredList

from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase

PLAN = "Vancouver minutes"
USER = "0101"
PRODUCT, CUSTOMER = "Office", "Demo retail"


class PlanCase(DeskCase):
    """The demo's plans, and one more for everything."""

    async def refuses(self, operation: str, told: str, given: Mapping[str, str] = MappingProxyType({}), by: Actor | None = None, **values: str) -> None:
        """The operation is refused, for that reason."""
        with self.assertRaises(OperationRefused) as caught:
            await self.put(operation, {**given, **values}, by)
        self.assertIn(told, str(caught.exception))

    async def plan(self, name: str = "All") -> None:
        """A new plan of the set World."""
        await self.do("discount-plan.add", name=name, currency="CAD", destinations="World")


class PlanTests(PlanCase):
    """Plans and their items."""

    async def test_life(self) -> None:
        """From its addition to its removal: items with steps, top-ups of wallets; each step of it in the audit."""
        await self.plan()
        item = await self.do("discount-plan.item.add", plan="All", service="Voice calls", kind="discount", group="Canada", thresholds="0: 100%, 12000: 12.5%")
        self.assertEqual((item["counted_in"], item["reset"], item["thresholds"], item["split"]), ("units", "billing_period", "0: 100%, 12000: 12.5%", True))
        place = {"plan": "All", "number": str(item["number"])}
        changed = await self.put("discount-plan.item.change", {**place, "thresholds": "0: 100%, 15000: 0%", "rollover": "yes", "notify_percent": "80"})
        self.assertEqual((changed["thresholds"], changed["rollover"], changed["notify_percent"]), ("0: 100%, 15000: 0%", True, 80))
        self.assertEqual(await self.put("discount-plan.item.show", place), changed)
        self.assertEqual(
            self.ask("select threshold, discount, forbidden from vd_thresholds where i_vd_dg = %s order by 1", (item["number"],)),
            [(Decimal(0), Decimal(100), False), (Decimal(15000), Decimal(0), False)],
        )
        wallet = await self.do("discount-plan.item.add", plan="All", service="Internet volume", kind="wallet")
        await self.do("discount-plan.topup.add", item=str(wallet["number"]), name="1 GB", units="1000000000", expires_after="86400", fee="5")
        self.assertEqual((await self.do("discount-plan.topup.list", item=str(wallet["number"])))[0]["units"], Decimal(1000000000))
        self.assertEqual([row["kind"] for row in await self.do("discount-plan.item.list", plan="All")], ["discount", "wallet"])
        await self.put("discount-plan.item.remove", place)
        await self.do("discount-plan.remove", name="All")
        self.assertEqual(self.one("select count(*) from vd_topups where i_vd_dg = %s", (wallet["number"],)), 0)
        lines = [line[1] for line in self.audited("discount-plan.item")]
        verbs = ("add", "thresholds", "change", "thresholds", "add", "remove")
        self.assertEqual(lines, [f"discount-plan.item.{verb}" for verb in verbs])

    async def test_pool(self) -> None:
        """An item counts further services: as a whole, noted, shown with its counters; in units only those that are counted in its own."""
        await self.plan()
        await self.do("service.add", name="Video calls", type="Voice", base="session-time")
        start = {"plan": "All", "service": "Voice calls", "kind": "quota", "thresholds": "60: forbidden"}
        await self.refuses("discount-plan.item.add", "not counted in the units of Voice calls", start, pool="Video calls, Internet volume")
        await self.refuses("discount-plan.item.add", "is the item's own service", start, pool="Voice calls")
        with self.assertRaises(NotThere):
            await self.put("discount-plan.item.add", {**start, "pool": "Fax"})
        item = await self.put("discount-plan.item.add", {**start, "pool": "Video calls"})
        place = {"plan": "All", "number": str(item["number"])}
        self.assertEqual([row["pool"] for row in await self.do("discount-plan.item.list", plan="All")], ["Video calls"])
        await self.do("account.change", id=LINE, discount_plan="All")
        self.assertEqual([row["service"] for row in await self.do("counter.list", account=LINE)], ["Voice calls, Video calls"])
        changed = await self.put("discount-plan.item.change", {**place, "pool": None})
        self.assertEqual((changed["pool"], self.one("select count(*) from vd_dg_services")), ("", 0))
        self.assertEqual([line[1] for line in self.audited("discount-plan.item") if "pool" in line[1]], ["discount-plan.item.pool"] * 2)

    async def test_refused(self) -> None:
        """What does not fit an item is refused with its reason, and nothing of it stays."""
        await self.plan()
        for values, told in (
            ({"kind": "quota", "thresholds": "0: 100%, 5: 0%"}, "is the last step of a quota"),
            ({"kind": "discount", "thresholds": "5: 1%, 5: 2%"}, "is not above the step before it"),
            ({"kind": "discount", "thresholds": "0: 1%; 5: 2%"}, "character 1: a step belongs here"),
            ({"kind": "discount"}, "needs thresholds"),
            ({"kind": "wallet", "counted_in": "money"}, "a wallet holds units"),
            ({"kind": "wallet", "rollover": "yes"}, "rollover: does not fit a wallet"),
            ({"kind": "quota", "reset": "once", "rollover": "yes", "thresholds": "5: forbidden"}, "means nothing when the counter is reset once"),
            ({"kind": "quota", "group": "Mars", "thresholds": "5: forbidden"}, "there is no group Mars in World"),
            ({"kind": "quota", "notify_percent": "101", "thresholds": "5: forbidden"}, "is not a percentage"),
        ):
            await self.refuses("discount-plan.item.add", told, values, plan="All", service="Voice calls")
        self.assertEqual(self.one("select count(*) from vd_dgs join vd_plans using (i_vd_plan) where name = 'All'"), 0)
        quota = await self.do("discount-plan.item.add", plan="All", service="Voice calls", kind="quota", thresholds="5: forbidden")
        await self.refuses("discount-plan.item.add", "has a quota of that service", plan="All", service="Voice calls", kind="quota", thresholds="6: forbidden")
        await self.refuses("discount-plan.item.change", "only a quota", plan=PLAN, number=str(self.items(PLAN)[0]), thresholds="5: forbidden")
        await self.refuses("discount-plan.topup.add", "only units of a wallet", item=str(quota["number"]), name="X", units="1")
        self.ask("insert into vd_counters (i_customer, i_env, i_vd_dg) select i_customer, 1, %s from customers limit 1", (quota["number"],))
        await self.refuses("discount-plan.item.remove", "in use", plan="All", number=str(quota["number"]))

    async def test_another_limit(self) -> None:
        """A quota that is raised is available again for those who had used it up, and exceeded for others when it is lowered; what was carried over counts."""
        await self.plan()
        quota = await self.do("discount-plan.item.add", plan="All", service="Voice calls", kind="quota", thresholds="100: forbidden")
        self.ask(
            "insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, used, carried, exceeded) "
            "select i_customer, i_account, 1, %s, used, carried, exceeded from accounts join "
            "(values (%s, 100, 0, true), (%s, 120, 30, false), (%s, 50, 0, false)) v (id, used, carried, exceeded) using (id)",
            (quota["number"], CARD, LINE, SUBLINE),
        )
        place = {"plan": "All", "number": str(quota["number"])}
        for limit, wanted in ((110, []), (60, [CARD, LINE]), (50, [CARD, LINE, SUBLINE]), (51, [CARD, LINE])):
            await self.put("discount-plan.item.change", {**place, "thresholds": f"{limit}: forbidden"})
            found = [name for (name,) in self.ask("select id from vd_counters join accounts using (i_account) where exceeded order by 1")]
            self.assertEqual(found, sorted(wanted), limit)

    def items(self, plan: str) -> list[int]:
        """The numbers of a plan's items."""
        return [number for (number,) in self.ask("select i_vd_dg from vd_dgs join vd_plans using (i_vd_plan) where name = %s order by 1", (plan,))]

    async def test_at_once(self) -> None:
        """Ten additions of the same item at once: one is made."""
        await self.plan()
        values = {"plan": "All", "service": "Voice calls", "kind": "quota", "thresholds": "5: forbidden"}
        done = await DeferredList([self.desk.operate(self.root, "discount-plan.item.add", values) for _ in range(10)], consumeErrors=True)
        self.assertEqual((sum(ok for ok, _ in done), len(self.items("All"))), (1, 1))

    async def test_who_has_it(self) -> None:
        """Products, add-ons, accounts and customers have plans in their currency and of their manager; a closed one is given to nobody."""
        reseller = self.reseller()
        await self.do("discount-plan.add", by=reseller, name="Mine", currency="CAD")
        self.assertEqual([row["name"] for row in await self.do("discount-plan.list", by=reseller)], ["Mine"])
        await self.do("account.change", by=reseller, id=SUBLINE, discount_plan="Mine")
        await self.do("customer.change", by=reseller, name="Demo subcustomer", discount_plan="Mine")
        await self.refuses("account.change", "no discount-plan Vancouver minutes", by=reseller, id=SUBLINE, discount_plan=PLAN)
        await self.refuses("account.change", "is managed by Demo reseller, which is not above it", id="0101", discount_plan="Mine")
        await self.refuses("product.change", "managed by Demo reseller, and the product by administrators only", name="Office", discount_plan="Mine")
        await self.refuses("product.change", "is in USD, and CAD is needed here", name="Office", discount_plan="Volumes to buy")
        for operation, key, name in (("product", "name", "Office"), ("product", "name", "More destinations"), ("account", "id", LINE)):
            row = await self.put(f"{operation}.change", {key: name, "discount_plan": PLAN})
            self.assertEqual(row["discount_plan"], PLAN)
        await self.do("discount-plan.close", name=PLAN)
        await self.refuses("account.change", "is closed", id=CARD, discount_plan=PLAN)
        await self.do("account.change", id=LINE, language="fr")
        await self.do("customer.add", name="Elsewhere")
        await self.refuses("account.move", "is not above it", id=SUBLINE, customer="Elsewhere")
        await self.put("account.change", {"id": LINE, "discount_plan": None})
        await self.do("discount-plan.open", name=PLAN)
        await self.do("account.change", id=CARD, discount_plan=PLAN)
        with self.assertRaises(NotPermitted):
            await self.put("account.change", {"id": LINE, "discount_plan": None}, self.account())
        with self.assertRaises(NotPermitted):
            await self.do("discount-plan.add", by=self.reseller(role=Role.HELPDESK), name="X", currency="CAD")


class CounterTests(PlanCase):
    """What is used and what is left."""

    async def prepare(self) -> None:
        """LINE has a plan of its own, its customer a shared one; USD items stand elsewhere."""
        await super().prepare()
        await self.do("account.change", id=LINE, discount_plan=PLAN)
        await self.plan("Family")
        await self.do("discount-plan.item.add", plan="Family", service="Voice calls", kind="discount", thresholds="0: 10%")
        await self.do("customer.change", name="Demo retail", discount_plan="Family")

    def count(self, used: str, held: str = "0", carried: str = "0") -> None:
        """What a charge would have counted of the first item."""
        self.ask(
            "insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, used, held, carried, period_end) "
            "select a.i_customer, a.i_account, 1, (select min(i_vd_dg) from vd_dgs join vd_plans using (i_vd_plan) where name = %s), %s, %s, %s, '2030-01-01' "
            "from accounts a where a.id = %s",
            (PLAN, used, held, carried, LINE),
        )

    async def test_list(self) -> None:
        """Unused items are 0, left counts what is held and carried over, a discount without an end has no left; the customer's counter is marked."""
        rows = await self.do("counter.list", account=LINE)
        self.assertEqual([(row["plan"], row["kind"], row["shared"], row["used"], row["left"], row["percent"]) for row in rows], [
            (PLAN, "discount", False, Decimal(0), Decimal(12000), Decimal(0)),
            (PLAN, "quota", False, Decimal(0), Decimal("20.00"), Decimal(0)),
            ("Family", "discount", True, Decimal(0), None, None),
        ])  # fmt: skip
        self.count("9000", "600", "1200")
        row = (await self.do("counter.list", account=LINE))[0]
        self.assertEqual((row["used"], row["held"], row["of"], row["left"], row["percent"]), tuple(map(Decimal, ("9000", "600", "13200", "3600", "68.2"))))
        shown = await self.do("counter.show", account=LINE, item=str(row["item"]), by=self.account())
        self.assertEqual((shown["thresholds"], shown["group"], shown["rollover"]), ("0: 100%, 12000: 0%", "Canada", True))
        await self.do("discount-plan.item.change", plan=PLAN, number=str(row["item"]), thresholds="0: 100%, 6000: 0%")
        row = (await self.do("counter.list", account=LINE))[0]
        self.assertEqual((row["left"], row["percent"]), (Decimal(0), Decimal("125.0")))

    async def test_left_over(self) -> None:
        """A counter stays to be seen when its plan is taken away; other accounts and realms see nothing of it."""
        self.count("100")
        await self.put("account.change", {"id": LINE, "discount_plan": None})
        rows = await self.do("counter.list", account=LINE)
        self.assertEqual([(row["plan"], row["in_force"]) for row in rows], [("Family", True), (PLAN, False)])
        self.assertEqual(len(await self.do("counter.list", account=CARD)), 1)
        for by in (self.customer(), self.account(SUBLINE), Actor("test:other", 2)):
            await self.refuses("counter.list", "there is no account", by=by, account=LINE)
        with self.assertRaises(NotThere):
            await self.do("counter.show", account=CARD, item=str(rows[1]["item"]))

    async def test_addons(self) -> None:
        """Add-ons come first, the higher priority at the top, only while they are in force; an alias has what its account has."""
        await self.plan("Extra")
        await self.do("discount-plan.item.add", plan="Extra", service="Voice calls", kind="quota", thresholds="60: forbidden")
        await self.do("product.add", name="Booster", currency="CAD", is_addon="yes", addon_priority="30", discount_plan="Extra")
        await self.do("product.change", name="More destinations", discount_plan=PLAN)
        for product in ("More destinations", "Booster"):
            await self.do("account.addon.add", id=LINE, product=product)
        await self.put("account.change", {"id": LINE, "discount_plan": None})
        await self.do("account.alias.add", id=LINE, alias="16045550190")
        names = [row["plan"] for row in await self.do("counter.list", account="16045550190")]
        self.assertEqual(names, ["Extra", PLAN, PLAN, "Family"])
        self.ask("update account_addons set addon_effective_to = now() from products p where p.i_product = account_addons.i_product and name = 'Booster'")
        self.assertEqual([row["plan"] for row in await self.do("counter.list", account=LINE)], [PLAN, PLAN, "Family"])

    async def test_moved(self) -> None:
        """An account that goes to another customer takes its counters and wallets along."""
        self.count("100")
        await self.do("account.move", id=LINE, customer="Demo subcustomer")
        self.assertEqual((await self.do("counter.list", account=LINE))[0]["used"], Decimal(100))


class WalletTests(PlanCase):
    """Units that are bought."""

    async def prepare(self) -> None:
        """USER may buy volumes."""
        await super().prepare()
        await self.do("account.change", id=USER, discount_plan="Volumes to buy")
        self.item = self.number("vd_dgs", "i_vd_dg", kind="wallet")
        self.funds = self.one("select balance from accounts where id = %s", (USER,))

    async def buy(self, key: str = "", by: Actor | None = None, option: str = "1 GB for a month") -> dict[str, object]:
        """A purchase."""
        found: dict[str, object] = await self.do("wallet.buy", account=USER, option=option, key=key, by=by)
        return found

    async def test_buy(self) -> None:
        """The fee is charged once under its key, the units are there until they expire, and the books agree."""
        (offered,) = await self.do("wallet.options", account=USER, by=self.account(USER))
        self.assertEqual((offered["option"], offered["units"], offered["fee"]), ("1 GB for a month", Decimal(1000000000), Decimal("5.00")))
        first, again = await self.buy("k1", self.account(USER)), await self.buy("k1", self.account(USER))
        self.assertEqual((first["wallet"], str(first["fee"])), (again["wallet"], again["fee"]))
        sign = self.one("select -billing_model from accounts where id = %s", (USER,))
        self.assertEqual(self.one("select balance from accounts where id = %s", (USER,)), self.funds - 5 * sign)
        self.assertEqual(self.ask("select balance, held, exceeded, expires - activated from service_wallets")[0][:3], (Decimal(1000000000), Decimal(0), False))
        self.assertEqual(self.one("select extract(epoch from expires - activated) from service_wallets"), 2592000)
        (wallet,) = await self.do("wallet.list", account=USER)
        self.assertEqual((wallet["state"], wallet["units"], wallet["option"]), ("open", Decimal(1000000000), "1 GB for a month"))
        (paid,) = await self.do("payment.list", account=USER, action="manual_charge")
        self.assertEqual((paid["amount"], paid["comment"]), (Decimal("-5.00"), "1 GB for a month (Internet volume)"))
        self.assertEqual([line[1] for line in self.audited("wallet")], ["wallet.buy"])
        await self.assert_books()

    async def test_refused(self) -> None:
        """Nothing is bought without funds, by another's account, or what is not sold; two options of one name are told apart."""
        await self.refuses("wallet.buy", "the account's plans sell no 2 GB: they sell 1 GB for a month", account=USER, option="2 GB")
        await self.refuses("wallet.buy", "they sell nothing", account=CARD, option="1 GB for a month")
        await self.refuses("wallet.buy", "there is no account", by=self.account(), account=USER, option="1 GB for a month")
        self.ask("update vd_topups set topup_fee = 100000")
        self.ask("update accounts set credit_limit = 1 where id = %s and billing_model = 1", (USER,))
        await self.refuses("wallet.buy", "to spend", account=USER, option="1 GB for a month")
        self.ask("update vd_topups set topup_fee = 0")
        self.ask("insert into vd_dgs (i_vd_plan, i_service, kind, counted_in, peak_level) select i_vd_plan, i_service, kind, counted_in, 1 from vd_dgs "
                 "where i_vd_dg = %s", (self.item,))  # fmt: skip
        self.ask("insert into vd_topups (i_vd_dg, name, topup_amount) select max(i_vd_dg), '1 GB for a month', 5 from vd_dgs")
        await self.refuses("wallet.buy", "several items sell", account=USER, option="1 GB for a month")
        bought = await self.do("wallet.buy", account=USER, option="1 GB for a month", item=str(self.item))
        self.assertNotIn("i_payment", bought)
        self.assertEqual(self.one("select balance from accounts where id = %s", (USER,)), self.funds)

    async def test_at_once(self) -> None:
        """Twenty purchases at once with money for three."""
        left = Decimal(17)
        self.ask("update accounts set balance = %s, opening_balance = %s, billing_model = -1, credit_limit = null where id = %s", (left, left, USER))
        values = {"account": USER, "option": "1 GB for a month"}
        done = await DeferredList([self.desk.operate(self.root, "wallet.buy", values) for _ in range(20)], consumeErrors=True)
        self.assertEqual((sum(ok for ok, _ in done), self.one("select count(*) from service_wallets")), (3, 3))
        self.assertEqual(self.one("select balance from accounts where id = %s", (USER,)), Decimal(2))

    async def test_available_again(self) -> None:
        """A purchase settles what was used up before, so that exactly one change says that there are units again."""
        await self.buy()
        self.ask("update service_wallets set balance = 0, exceeded = true")
        await self.buy()
        self.assertEqual(self.ask("select balance, exceeded from service_wallets order by 1"), [(Decimal(0), False), (Decimal(1000000000), False)])
        self.assertEqual([row["state"] for row in await self.do("wallet.list", account=USER)], ["empty", "open"])

    async def test_close(self) -> None:
        """What is left is lost; not while a session holds of it, not twice; the last one leaves the quota exceeded."""
        first, second = str((await self.buy())["wallet"]), str((await self.buy())["wallet"])
        self.ask("update service_wallets set held = 5 where i_service_wallet = %s", (first,))
        await self.refuses("wallet.close", "held by open sessions", account=USER, wallet=first)
        await self.refuses("wallet.close", "has no wallet", account=CARD, wallet=first)
        self.ask("update service_wallets set held = 0")
        self.assertEqual((await self.do("wallet.close", account=USER, wallet=first))["lost"], Decimal(1000000000))
        await self.refuses("wallet.close", "has ended already", account=USER, wallet=first)
        state = "select exceeded, expires <= now() from service_wallets order by i_service_wallet"
        self.assertEqual(self.ask(state), [(False, True), (False, False)])
        await self.do("wallet.close", account=USER, wallet=second)
        self.assertEqual(self.ask(state), [(False, True), (True, True)])
        with self.assertRaises(NotPermitted):
            await self.do("wallet.close", by=self.account(USER), account=USER, wallet=second)


class BudgetTests(PlanCase):
    """Spending budgets."""

    async def test_budget(self) -> None:
        """A limit and its period are set with the privilege for money, and what was spent in the period is told."""
        await self.do("account.change", id=LINE, spend_limit="20", spend_period="daily")
        with self.assertRaises(NotPermitted):
            await self.do("account.change", by=Actor("test:help", 1, role=Role.HELPDESK), id=LINE, spend_limit="30")
        self.ask(
            "insert into xdr (i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, charged_quantity, charged_amount, "
            "history, i_account) select 1, s.storage, 'x', now(), now(), now() - s.days * interval '1 day', 1, 1, 1.25, '', i_account "
            "from accounts, (values ('a'::\"char\", 0), ('c', 0), ('a', 2)) s (storage, days) where id = %s",
            (LINE,),
        )
        told = await self.do("account.spending", id=LINE)
        self.assertEqual((told["spent"], told["left"], told["spend_period"]), (Decimal("1.25"), Decimal("18.75"), "daily"))
        self.assertEqual(told["since"].astimezone(ZoneInfo("America/Vancouver")).hour, 0)
        self.assertIsNone((await self.do("account.spending", id=CARD))["left"])

    async def test_of_product_and_customer(self) -> None:
        """An account without a budget has its product's; what the counter of the running period says is what is spent; a customer's begins with nothing."""
        await self.do("product.change", name=PRODUCT, spend_limit="7", spend_period="weekly")
        told = await self.do("account.spending", id=LINE)
        self.assertEqual((told["spend_limit"], told["spend_period"], told["spent"]), (Decimal(7), "weekly", Decimal(0)))
        self.ask(
            "insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, used, period_start, period_end) "
            "select i_customer, i_account, 1, null, 3, %s, %s::timestamptz + interval '7 days' from accounts where id = %s",
            (told["since"], told["since"], LINE),
        )
        self.assertEqual((await self.do("account.spending", id=LINE))["left"], Decimal(4))
        await self.do("customer.change", name=CUSTOMER, spend_limit="9", spend_period="billing_period")
        told = await self.do("customer.spending", name=CUSTOMER)
        self.assertEqual((told["spent"], told["left"], told["spend_period"]), (Decimal(0), Decimal(9), "billing_period"))
