"""Discount plans through `load`: plans with items, steps and top-ups, who has them, and what a second or changed load does."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.loading import Count, Section
from tests.server.loads import LoadTestCase

TEXT = """\
environments: {1: {name: One, currency: CAD}}
services: {Calls: {type: Voice}, Volume: {type: Netaccess, base: octets}}
destination_groups: {World: {Canada: ["1604"]}}
discount_plans:
  Minutes:
    destination_groups: World
    combine: first
    items:
      - {service: Calls, group: Canada, kind: discount, exclusive: true, split: false, prorate_first: true, rollover: true, notify_percent: 80,
         thresholds: [{from: 0, discount: 100}, {from: 12000, discount: 12.5}]}
      - {service: Calls, kind: discount, peak_level: off_peak, counted_in: money, reset: daily, thresholds: [{from: 0, discount: 10}]}
      - {service: Volume, kind: quota, thresholds: [{from: 5000000000, forbidden: true}]}
      - {service: Volume, kind: wallet, topups: {1 GB: {units: 1000000000, expires_after: 2592000, fee: 5.00}, Gift: {units: 1000}}}
  Family: {managed_by: Seller, items: [{service: Calls, kind: discount, thresholds: [{from: 60000, discount: 10}]}]}
tariffs: {Retail: {service: Calls, rates: {"1604": 0.05}}}
products:
  Card: {discount_plan: Minutes, entries: [{service: Calls, tariff: Retail}]}
  More: {addon: true, discount_plan: Minutes}
customers:
  Seller: {type: reseller}
  Shop: {parent: Seller, discount_plan: Family}
accounts:
  "100": {customer: Shop, product: Card, model: debit, discount_plan: Minutes}
"""
ITEMS = (
    "select s.name, g.name, kind, counted_in, reset, peak_level, exclusive, split_xdr, prorate_first, rollover, notify_percent from vd_dgs d "
    "join services s using (i_service) left join destination_groups g using (i_dest_group) join vd_plans p using (i_vd_plan) "
    "where p.name = 'Minutes' order by i_vd_dg"
)
STEPS = "select threshold, discount, forbidden from vd_thresholds join vd_dgs using (i_vd_dg) where kind = %s and reset <> 'daily' order by i_vd_dg, threshold"


class DiscountTests(LoadTestCase):
    """A file of plans."""

    async def test_rows(self) -> None:
        """Every key is in its column, and products, add-ons, customers and accounts have their plans, though new customers are made before them."""
        done = await self.text(TEXT)
        counts = {section: done.counts[section] for section in (Section.DISCOUNT_PLANS, Section.PLAN_ITEMS, Section.THRESHOLDS, Section.TOPUPS)}
        self.assertEqual(
            counts, {Section.DISCOUNT_PLANS: Count(2), Section.PLAN_ITEMS: Count(5), Section.THRESHOLDS: Count(5), Section.TOPUPS: Count(2)}
        )
        self.assertEqual(
            self.ask("select p.name, p.currency, s.name, c.name, p.combine, p.closed from vd_plans p "
                     "left join destination_group_sets s using (i_dest_group_set) left join customers c on c.i_customer = p.i_managed_by order by 1"),
            [("Family", "CAD", None, "Seller", "ordered", False), ("Minutes", "CAD", "World", None, "first", False)],
        )  # fmt: skip
        self.assertEqual(
            self.ask(ITEMS),
            [("Calls", "Canada", "discount", "units", "billing_period", None, True, False, True, True, 80),
             ("Calls", None, "discount", "money", "daily", 1, False, True, False, False, None),
             ("Volume", None, "quota", "units", "billing_period", None, False, True, False, False, None),
             ("Volume", None, "wallet", "units", "billing_period", None, False, True, False, False, None)],
        )  # fmt: skip
        self.assertEqual(self.ask(STEPS, ("quota",)), [(Decimal(5000000000), Decimal(0), True)])
        self.assertEqual(
            self.ask("select name, topup_amount, topup_expiry_time, topup_fee from vd_topups order by 1"),
            [("1 GB", Decimal(1000000000), 2592000, Decimal("5.00")), ("Gift", Decimal(1000), None, Decimal(0))],
        )
        held = "select h.name, p.name from {} h join vd_plans p using (i_vd_plan) order by 1"
        self.assertEqual(self.ask(held.format("products")), [("Card", "Minutes"), ("More", "Minutes")])
        self.assertEqual(self.ask(held.format("customers")), [("Shop", "Family")])
        self.assertEqual(self.one("select p.name from accounts a join vd_plans p using (i_vd_plan)"), "Minutes")

    async def test_quotas_turn(self) -> None:
        """Steps that a load writes decide at once who has used up his quota; a counter whose period is over is left alone."""
        await self.text(TEXT + '  "200": {customer: Shop, product: Card, model: debit}\n')
        self.ask(
            "insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, used, period_end, exceeded) "
            "select i_customer, i_account, 1, (select i_vd_dg from vd_dgs where kind = 'quota'), 5000, "
            "case id when '100' then 'infinity' else now() end, false from accounts"
        )
        told = []
        for limit in 5001, 5000, 4000, 6000:
            steps = f"[{{from: {limit}, forbidden: true}}]"
            await self.text(f"discount_plans: {{Minutes: {{items: [{{service: Volume, kind: quota, thresholds: {steps}}}]}}}}")
            told.append([row[0] for row in self.ask("select exceeded from vd_counters join accounts using (i_account) order by id")])
        self.assertEqual(told, [[False, False], [True, False], [True, False], [False, False]])

    async def test_pool(self) -> None:
        """Further services of an item stand as a whole; they exist, are not its own, and are counted in its units."""
        await self.text(TEXT.replace("{Calls: {type: Voice}", "{Calls: {type: Voice}, Texts: {type: Msg}, Video: {type: Voice}"))
        item = "{service: Calls, kind: quota, counted_in: %s, pool: [%s], thresholds: [{from: 1, forbidden: true}]}"
        pool = "select s.name from vd_dg_services join services s using (i_service) order by 1"
        for services, left in ("Texts, Video", ["Texts", "Video"]), ("Texts", ["Texts"]):
            await self.text("discount_plans: {Minutes: {items: [%s]}}" % (item % ("money", services)))
            self.assertEqual([name for (name,) in self.ask(pool)], left)
        for counted_in, services, told in (
            ("units", "Texts", "is not counted in the units of Calls"), ("money", "Calls", "is the item's own service"),
            ("money", "Txts", "did you mean Texts?"), ("money", "", "names no service"),
        ):  # fmt: skip
            (fault,) = await self.refused(self.text("discount_plans: {Other: {currency: CAD, items: [%s]}}" % (item % (counted_in, services))))
            self.assertIn(told, fault)

    async def test_again(self) -> None:
        """A second load writes nothing, by the file's order and by another one."""
        await self.text(TEXT)
        before = self.everything()
        await self.text(TEXT)
        self.assertEqual(self.everything(), before)

    async def test_changes(self) -> None:
        """Steps stand as a whole, items and top-ups stay, a key that is not named keeps its value."""
        await self.text(TEXT)
        text = (
            "discount_plans: {Minutes: {items: [{service: Calls, group: Canada, kind: discount, split: true, "
            "thresholds: [{from: 0, discount: 100}, {from: 15000, discount: 50}, {from: 90000, discount: 0}]}]}}"
        )
        done = await self.text(text)
        self.assertEqual(dict(done.counts), {
            Section.DISCOUNT_PLANS: Count(0, 0, 1), Section.PLAN_ITEMS: Count(0, 1, 0), Section.THRESHOLDS: Count(2, 1, 1),
        })  # fmt: skip
        steps = [(Decimal(0), Decimal(100), False), (Decimal(15000), Decimal(50), False), (Decimal(90000), Decimal(0), False)]
        self.assertEqual(self.ask(STEPS, ("discount",)), [*steps, (Decimal(60000), Decimal(10), False)])
        self.assertEqual(self.ask(ITEMS)[0][6:], (True, True, True, True, 80))
        self.assertEqual(self.one("select count(*) from vd_dgs"), 5)
        before = self.everything()
        await self.text(text)
        self.assertEqual(self.everything(), before)
        await self.text('accounts: {"100": {discount_plan: null}}')
        self.assertIsNone(self.one("select i_vd_plan from accounts"))

    async def test_refused(self) -> None:
        """What the database has counts too: the currency and the set of a plan stay, a group is one of its set, a plan fits its holder."""
        await self.text(TEXT)
        faults = await self.refused(self.text(
            "discount_plans: {Minutes: {currency: USD, items: [{service: Calls, group: Mars, kind: quota, thresholds: [{from: 1, forbidden: true}]}]}}\n"
            "products: {More: {discount_plan: Family}}\ncustomers: {Other: {}}\n"
            'accounts: {"100": {discount_plan: Family}, "101": {customer: Other, product: Card, model: debit, discount_plan: Family}}'
        ))  # fmt: skip
        self.assertEqual([fault.split(": ", 1)[1] for fault in faults], [
            "discount_plans.Minutes.currency: is CAD in the database, which a load does not change: write CAD, or take another name",
            "discount_plans.Minutes.items[0].group: Mars is no group of World: add it there, or correct the name",
            "products.More.discount_plan: Family is managed by Seller and the product by administrators only: they must agree",
            "accounts.101.discount_plan: Family is managed by Seller, which is not above Other",
        ])  # fmt: skip
