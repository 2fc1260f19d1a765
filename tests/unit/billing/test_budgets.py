"""Spending budgets in decisions: what is granted within them, what is refused, what sessions hold of them, and their periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.budgets import bounds
from portaswitch.model.budget import Budget, SpendPeriod, key_of
from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.discount import Combine, Counter, Counters, DiscountPlan, ItemKind
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from tests.unit.billing.test_discounts import item
from tests.unit.builders import AT, Book, after, alive, auth, catalogue, event, expire, plan, postpaid, prepaid, stop, unlock

SLICES = ServicePolicy(1, Protection.SLICE, 60, 1, 7200)
CHECKED = replace(SLICES, protection=Protection.NONE)
DAY = 86400


def daily(limit: str) -> Budget:
    """So much a day."""
    return Budget(Decimal(limit), SpendPeriod.DAILY)


def monthly(view: View) -> View:
    """The same with the budgets of account and customer by the month."""
    account, customer = view.account, view.customer
    assert account is not None and account.budget is not None and customer is not None and customer.budget is not None
    account = replace(account, budget=replace(account.budget, period=SpendPeriod.MONTHLY))
    return replace(view, account=account, customer=replace(customer, budget=replace(customer.budget, period=SpendPeriod.MONTHLY)))


def book(view: View | None = None, own: str | None = None, all_of: str | None = None, policy: ServicePolicy = SLICES, product: str | None = None) -> Book:
    """An account with a budget, of a customer and a product with others; 0.10 a minute by the minute."""
    seen, known = view or prepaid("10"), catalogue(policy, retail=plan(price_first="0.10", price_n="0.10", interval_first=60, interval_n=60, precision=2))
    assert seen.account is not None and seen.customer is not None
    account = replace(seen.account, budget=None if own is None else daily(own))
    customer = replace(seen.customer, budget=None if all_of is None else daily(all_of))
    if product is not None:
        sold = known.products[account.i_product]
        known = replace(known, products={**known.products, account.i_product: replace(sold, budget=daily(product))})
    return Book(replace(seen, account=account, customer=customer), known)


def standing(of: Book, shared: bool = False) -> tuple[Decimal, Decimal]:
    """Spent and held of a budget."""
    row = of.view.counters.find(key_of(shared))
    return (ZERO, ZERO) if row is None else (row.used, row.held)


def told(of: Book, *asked: Any) -> list[Any]:
    """The units that each is granted, or why it is refused."""
    return [found.refusal or found.grants[0].units for found in map(of.ask, asked)]


class LimitTests(SynchronousTestCase):
    """What is left of a budget limits what is granted."""

    def test_slices(self) -> None:
        """Grants hold the budget as they hold money; the last one is what is left, and then 116 refuses, until the next day."""
        of = book(own="0.20")
        self.assertEqual(told(of, auth(minimum=60), auth("s2", minimum=60), auth("s3", minimum=60)), [60, 60, Refusal.FUNDS_LOCKED])
        self.assertEqual(standing(of), (ZERO, Decimal("0.20")))
        of.ask(stop(60))
        of.ask(stop(60, "s2"))
        self.assertEqual((standing(of), of.held), ((Decimal("0.20"), ZERO), ZERO))
        self.assertEqual(told(of, auth("s4", minimum=60), auth("s5", minimum=60, at=DAY)), [Refusal.SPEND_LIMIT, 60])

    def test_given_back(self) -> None:
        """What a session does not use is there for the next one: after its Stop, its sweeper, its unlock."""
        for last in (stop(0), expire(), unlock()):
            of = book(own="0.10")
            self.assertEqual(told(of, auth(minimum=60), auth("s2", minimum=60)), [60, Refusal.FUNDS_LOCKED])
            of.ask(last)
            self.assertEqual((standing(of), told(of, auth("s3", minimum=60))), ((ZERO, ZERO), [60]))

    def test_checked_only(self) -> None:
        """Of a credit account that holds nothing the budget is checked, and is a condition of the grant."""
        of = book(postpaid(None), own="0.20", policy=CHECKED)
        self.assertEqual(told(of, auth(requested=None)), [120])
        self.assertEqual([move.most for move in of.changes[-1].counters], [Decimal("0.10")])
        of.ask(stop(180))
        self.assertEqual((standing(of), told(of, auth("s2"))), ((Decimal("0.30"), ZERO), [Refusal.SPEND_LIMIT]))

    def test_whole(self) -> None:
        """A session that is held whole holds what is left of the budget, not all the money."""
        of = book(own="0.50", policy=replace(SLICES, protection=Protection.WHOLE))
        self.assertEqual((told(of, auth()), of.held, standing(of)), ([300], Decimal("0.50"), (ZERO, Decimal("0.50"))))

    def test_reports(self) -> None:
        """Charged at its reports a session moves from held to spent, and its use beyond the grant is spent too."""
        of = book(own="1.00", policy=replace(SLICES, charge_every=1))
        self.assertEqual(told(of, auth(minimum=60)), [60])
        of.ask(alive(60))
        self.assertEqual(standing(of), (Decimal("0.10"), ZERO))
        of.ask(alive(130))
        self.assertEqual((standing(of), of.balance), ((Decimal("0.30"), ZERO), Decimal("9.70")))
        of.ask(stop(1200))
        self.assertEqual((standing(of), of.balance), ((Decimal("2.00"), ZERO), Decimal("8.00")))

    def test_events(self) -> None:
        """One-shots count, and are refused."""
        of = book(own="0.05")
        self.assertEqual([of.ask(event(1, f"e{number}")).refusal for number in range(3)], [None, None, Refusal.SPEND_LIMIT])

    def test_purchase(self) -> None:
        """Access that is sold at once is sold as far as the budget goes."""
        of = book(own="0.50", policy=replace(SLICES, protection=Protection.PURCHASE))
        self.assertEqual((told(of, auth()), of.balance, standing(of)), ([300], Decimal("9.50"), (Decimal("0.50"), ZERO)))

    def test_money_first(self) -> None:
        """Without money it is the money that is told."""
        self.assertEqual(told(book(prepaid("0"), own="0.00"), auth()), [Refusal.ZERO_BALANCE])

    def test_free(self) -> None:
        """What a discount makes free may be used when the budget is used up."""
        of = book(own="0.00")
        free = DiscountPlan(1, "free", "CAD", Combine.ORDERED, (item(1, (0, 100), (120, 0)),))
        of.catalogue = replace(of.catalogue, discount_plans={1: free})
        assert of.view.account is not None
        of.view = replace(of.view, account=replace(of.view.account, i_vd_plan=1))
        self.assertEqual(told(of, auth(minimum=60), auth(minimum=60, at=60, used=60), auth(minimum=60, at=120, used=120)), [60, 60, Refusal.SPEND_LIMIT])
        of.ask(stop(180))
        self.assertEqual(standing(of), (Decimal("0.10"), ZERO))

    def test_quota_is_told(self) -> None:
        """A quota that is used up is told as such."""
        of = book(own="0.00")
        barred = DiscountPlan(1, "barred", "CAD", Combine.ORDERED, (item(1, (0, -1), kind=ItemKind.QUOTA),))
        of.catalogue = replace(of.catalogue, discount_plans={1: barred})
        assert of.view.account is not None
        of.view = replace(of.view, account=replace(of.view.account, i_vd_plan=1))
        self.assertEqual(told(of, auth()), [Refusal.QUOTA_EXCEEDED])


class WhoseTests(SynchronousTestCase):
    """Budgets of accounts, products and customers."""

    def test_product(self) -> None:
        """The product's holds for accounts without one of their own."""
        self.assertEqual(told(book(product="0.10"), auth(requested=600)), [60])
        self.assertEqual(told(book(own="0.20", product="0.10"), auth(requested=600)), [120])

    def test_customer(self) -> None:
        """The customer's is that of its credit accounts, and limits beside their own."""
        for own, granted in (("0.10", 60), ("9.00", 180)):
            of = book(postpaid(None), own=own, all_of="0.30")
            self.assertEqual(told(of, auth(requested=600)), [granted])
            of.ask(stop(60))
            self.assertEqual((standing(of)[0], standing(of, True)[0]), (Decimal("0.10"), Decimal("0.10")))
        of = book(all_of="0.30")
        self.assertEqual((told(of, auth(requested=600, minimum=60)), standing(of, True)), ([600], (ZERO, ZERO)))

    def test_taken_away(self) -> None:
        """A budget that is taken away goes on counting, and one that is set again knows it; a session of before gives back no more than it held."""
        of = book(own="0.30")
        of.ask(auth(minimum=60))
        assert of.view.account is not None
        known = of.view.account
        of.view = replace(of.view, account=replace(known, budget=None))
        self.assertEqual(told(of, auth("s2", requested=1200, minimum=60)), [1200])
        of.ask(stop(60))
        of.ask(stop(60, "s2"))
        of.view = replace(of.view, account=known)
        self.assertEqual((standing(of), told(of, auth("s3", requested=600))), ((Decimal("0.20"), ZERO), [60]))

    def test_given_meanwhile(self) -> None:
        """A session that began before the budget holds nothing of it until it reports."""
        of = book()
        of.ask(auth(minimum=60))
        assert of.view.account is not None
        of.view = replace(of.view, account=replace(of.view.account, budget=daily("1.00")))
        of.ask(auth(minimum=60, at=60, used=60))
        self.assertEqual(standing(of), (ZERO, Decimal("0.20")))
        of.ask(stop(60))
        self.assertEqual(standing(of), (Decimal("0.10"), ZERO))


class PeriodTests(SynchronousTestCase):
    """By the calendar of the customer's zone."""

    def test_bounds(self) -> None:
        """The day, the week from Monday, the month, what the customer is billed by; where the clocks change the offset is that of the beginning."""
        sunday = datetime(2026, 3, 9, 3, 30, tzinfo=UTC)  # 8 March 20:30 in Vancouver, the day that the clocks change
        began = [bounds(period, 3, sunday, "America/Vancouver")[0] for period in SpendPeriod]
        self.assertEqual(began, [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (8, 2, 1, 1)])
        self.assertEqual(bounds(SpendPeriod.BILLING_PERIOD, 3, sunday, "America/Vancouver")[1], datetime(2026, 3, 16, 7, tzinfo=UTC))

    def test_over_the_end(self) -> None:
        """What a session held in the period before it gives back, what it is charged counts where it is charged."""
        of = book(own="0.30")
        of.ask(auth(minimum=60, at=0))
        of.ask(stop(60, at=DAY))
        self.assertEqual((standing(of), told(of, auth("s2", requested=600, at=DAY))), ((Decimal("0.10"), ZERO), [120]))

    def test_other_kind(self) -> None:
        """Another spend_period begins anew; the customer's zone may change within one."""
        of = book(own="0.30")
        account, customer = of.view.account, of.view.customer
        assert account is not None and customer is not None
        of.ask(stop(180))
        of.view = replace(of.view, customer=replace(customer, timezone="America/Halifax"))
        self.assertEqual(told(of, auth("s2")), [Refusal.SPEND_LIMIT])
        of.view = replace(of.view, account=replace(account, budget=Budget(Decimal("0.20"), SpendPeriod.MONTHLY)))
        self.assertEqual(told(of, auth("s3", requested=600)), [120])


class PropertyTests(SynchronousTestCase):
    """No order of sessions gets more than the budget."""

    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("asx"), st.integers(0, 400)), max_size=30), st.booleans())
    def test_never_more(self, steps: list[tuple[int, str, int]], credit: bool) -> None:
        """Where sessions use no more than they are granted, spent and held together stay within the budget, and end as the xDRs say."""
        of = book(postpaid(None) if credit else prepaid("10"), own="1.00", all_of="0.80")
        of.view = monthly(of.view)
        granted: dict[str, int] = {}
        for at, (number, what, units) in enumerate(steps):
            name, used = f"s{number}", min(units, granted.get(f"s{number}", 0))
            if what == "a":
                decision = of.ask(auth(name, minimum=60, at=at, used=used))
                if decision.refusal is None:
                    granted[name] = used + (decision.grants[0].units or 0)
            else:
                of.ask(stop(used, name, at=at) if what == "s" else expire(name, at=at + 1e6))
            for shared, limit in ((False, "1.00"), (True, "0.80" if credit else "0")):
                self.assertLessEqual(sum(standing(of, shared)), Decimal(limit))
        self.assertEqual(standing(of)[0], sum([row.charged_amount for row in of.xdrs], ZERO))
        self.assertEqual(standing(of)[1], of.held)


class RowTests(SynchronousTestCase):
    """What is in the rows."""

    def test_another_period(self) -> None:
        """A row of a period that is over counts for nothing, but for what is held."""
        start = AT.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
        of = book(own="0.30")
        row = Counter(key_of(False), Decimal(5), start=start, end=start + timedelta(days=1), relied=start)
        of.view = replace(of.view, counters=Counters().put(row))
        self.assertEqual(told(of, auth("s2", requested=600)), [180])
        self.assertLess(start + timedelta(days=1), after(0))
