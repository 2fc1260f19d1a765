"""Rating: worked figures, and the laws of `rate` and of its inverse `longest` over all kinds of plans."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import rating
from portaswitch.billing.rating import longest, rate
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import CASH, Charge, Take, Usage
from portaswitch.model.money import Rounding
from tests.unit.builders import AT, money, plan

COUNT = settings(max_examples=150, deadline=None)
PRICES = st.decimals("0", "3", places=5)
PERS = st.sampled_from((1, 7, 60, 1024))
STEPS = st.sampled_from((1, 2, 6, 7, 20, 30, 60))


def plans(prices: st.SearchStrategy[Decimal] = PRICES, further: st.SearchStrategy[Decimal] = PRICES) -> st.SearchStrategy[RatePlan]:
    """Plans of every rounding, precision, interval, fee and unit of price."""
    return st.builds(
        plan, interval_first=STEPS, interval_n=STEPS, price_first=prices, price_n=further, price_per=PERS,
        connect_fee=st.sampled_from((Decimal(0), Decimal("0.05"), Decimal("0.33333"))), precision=st.integers(0, 5), rounding=st.sampled_from(Rounding),
    )  # fmt: skip


def charge(of: RatePlan, units: int) -> Charge:
    """The charge of so many units."""
    return rate(of, (), Usage(units), AT)


def most(of: RatePlan, funds: str | Decimal) -> int | None:
    """What funds allow."""
    return longest(of, (), Decimal(funds), AT)


def evaluated(history: str) -> Fraction:
    """The sum that a history's steps make, by exact fractions."""
    total = Fraction(0)
    for step in history.partition(" = ")[0].split(" + "):
        if "@" in step:
            times, _, price = step.partition("@")
            count, _, length = times.rpartition("*")
            amount, _, per = price.partition("/")
            total += Fraction(amount) * int(count or 1) * int(length) / int(per)
        elif step != "free":
            total += Fraction(step.split()[1])
    return total


class WorkedTests(SynchronousTestCase):
    """Figures that anyone can reckon by hand."""

    def check(self, of: RatePlan, units: int, quantity: int, figure: str, history: str) -> None:
        """One use: charged units, figure and history, and a take of the figure from money."""
        got = charge(of, units)
        self.assertEqual((got.quantity, got.figure, got.history), (quantity, money(figure), history))
        self.assertEqual(got.takes, (Take(CASH, money(figure)),) if money(figure) else ())

    def test_intervals(self) -> None:
        """60/6, 1/1 and 30/6 at 0.60 a minute: up to the first interval once, then by the next ones."""
        sixty = plan(interval_first=60, interval_n=6, price_first="0.6", price_n="0.6")
        self.check(sixty, 1, 60, "0.6", "60@0.6/60 = 0.6")
        self.check(sixty, 60, 60, "0.6", "60@0.6/60 = 0.6")
        self.check(sixty, 61, 66, "0.66", "60@0.6/60 + 6@0.6/60 = 0.66")
        self.check(sixty, 73, 78, "0.78", "60@0.6/60 + 3*6@0.6/60 = 0.78")
        self.check(plan(price_first="0.6", price_n="0.6"), 71, 71, "0.71", "1@0.6/60 + 70*1@0.6/60 = 0.71")
        self.check(plan(interval_first=30, interval_n=6, price_first="1.2", price_n="0.6"), 31, 36, "0.66", "30@1.2/60 + 6@0.6/60 = 0.66")

    def test_connect_fee(self) -> None:
        """Once a session, and not for a use of nothing."""
        fee = plan(connect_fee="0.05", interval_first=30, interval_n=6)
        self.check(fee, 72, 72, "0.074", "connect 0.05 + 30@0.02/60 + 7*6@0.02/60 = 0.074")
        self.check(fee, 0, 0, "0", "free = 0")
        self.assertEqual(charge(fee, -1).quantity, 0)

    def test_per_unit(self) -> None:
        """Pieces and kilobytes: prices per unit and per 1024."""
        self.check(plan(price_per=1, price_first="0.25", price_n="0.10"), 4, 4, "0.55", "1@0.25/1 + 3*1@0.1/1 = 0.55")
        self.check(plan(price_per=1024, interval_first=1024, interval_n=512, price_first="1", price_n="1"), 1025, 1536, "1.5", "1024@1/1024 + 512@1/1024 = 1.5")

    def test_thirds(self) -> None:
        """20 s at 0.10 a minute, three times, is 0.10 to the digit, not 0.10001."""
        thirds = plan(interval_first=20, interval_n=20, price_first="0.10", price_n="0.10")
        self.assertEqual([charge(thirds, units).figure for units in (20, 40, 60)], [money("0.03334"), money("0.06667"), money("0.1")])
        self.assertEqual(charge(thirds, 60).exact, money("0.1"))

    def test_rounding(self) -> None:
        """Away from zero, to the nearest, and to five cents; precision 0 too; the exact amount stays in the history."""
        figures = {
            (Rounding.AWAY, 5): "0.02367", (Rounding.AWAY, 2): "0.03", (Rounding.AWAY, 0): "1", (Rounding.HALF, 5): "0.02367", (Rounding.HALF, 2): "0.02",
            (Rounding.HALF, 0): "0", (Rounding.NICKEL, 5): "0", (Rounding.NICKEL, 0): "0",
        }  # fmt: skip
        for (method, precision), figure in figures.items():
            got = charge(plan(rounding=method, precision=precision), 71)
            self.assertEqual((got.figure, str(got.exact)[:10]), (money(figure), "0.02366666"), (method, precision))
        self.assertEqual(charge(plan(rounding=Rounding.NICKEL), 75).figure, money("0.05"))

    def test_payback(self) -> None:
        """A negative price pays; it is rounded away from zero as well."""
        self.check(plan(price_first="-0.03", price_n="-0.03", precision=3), 1, 1, "-0.001", "1@-0.03/60 = -0.0005")

    def test_a_year_is_arithmetic(self) -> None:
        """A use of many years has two segments and the figure of arithmetic."""
        got = charge(plan(), 3_000_000_000)
        self.assertEqual((len(got.segments), got.figure), (2, money("1000000")))

    def test_nothing_around_changes_a_figure(self) -> None:
        """Money does not depend on the decimal context that somebody else left behind."""
        expected = charge(plan(price_first="0.12345", price_n="1.23457"), 71)
        with localcontext(Context(prec=5)):
            got, limit = charge(plan(price_first="0.12345", price_n="1.23457"), 71), most(plan(), "10")
        self.assertEqual((got.figure, limit), (expected.figure, 30000))


class LongestTests(SynchronousTestCase):
    """The most units that funds allow: worked ones."""

    def test_worked(self) -> None:
        """Example 03: 10.00 at 0.02 a minute are 30000 s; fees and first intervals count."""
        self.assertEqual(most(plan(), "10"), 30000)
        self.assertEqual(most(plan(connect_fee="0.05"), "0.04999"), 0)
        self.assertEqual(most(plan(connect_fee="0.05"), "0.05"), 0)
        self.assertEqual(most(plan(connect_fee="0.05"), "0.07"), 60)
        sixty = plan(interval_first=60, interval_n=6, price_first="0.6", price_n="0.6")
        self.assertEqual([most(sixty, funds) for funds in ("0.59999", "0.6", "0.65", "0.66")], [0, 60, 60, 66])

    def test_no_limit(self) -> None:
        """Nothing costs, later intervals cost nothing, or they pay back: None, unless the first is too dear."""
        self.assertIsNone(most(plan(price_first="0", price_n="0"), "0"))
        self.assertIsNone(most(plan(price_first="0.6", price_n="0"), "0.01"))
        self.assertEqual(most(plan(price_first="0.6", price_n="0"), "0.00999"), 0)
        self.assertIsNone(most(plan(price_n="-0.02"), "1"))
        self.assertEqual(most(plan(price_n="-0.02", interval_first=60), "0.01"), 0)

    def test_negative_funds(self) -> None:
        """Below nothing nothing fits."""
        self.assertEqual(most(plan(), "-0.00001"), 0)

    def test_first_interval_rounded_up_is_too_dear(self) -> None:
        """A first interval whose figure rounds up above the funds is not free of limit because the rest is free."""
        self.assertEqual(most(plan(price_first="0.6", price_n="0", price_per=1, precision=0, rounding=Rounding.HALF), "0"), 0)
        self.assertEqual(most(plan(price_first="0.03", price_n="0", price_per=1, rounding=Rounding.NICKEL), "0.04"), 0)

    def test_two_thirds(self) -> None:
        """A step whose price has no end in digits: three of them at 0.20 a minute are 0.20, and 0.20 buys three."""
        thirds = plan(interval_first=20, interval_n=20, price_first="0.20", price_n="0.20")
        self.assertEqual(charge(thirds, 60).figure, money("0.2"))
        self.assertEqual(most(thirds, "0.2"), 60)

    def test_coarse_rounding_is_no_loop(self) -> None:
        """Cheap units under a coarse rounding are found by arithmetic, not unit by unit: half an amount that rounds away buys 50 MiB here."""
        calls = []

        def counted(*what: Any) -> Charge:
            calls.append(what)
            return rate(*what)

        self.patch(rating, "rate", counted)
        self.assertEqual(most(plan(price_first="0.01", price_n="0.01", price_per=1024, precision=0, rounding=Rounding.HALF), "0"), 51_199)
        self.assertLess(len(calls), 10)


class LawTests(SynchronousTestCase):
    """What holds for every plan."""

    @COUNT
    @given(plans(), st.integers(0, 5000), st.integers(0, 500))
    def test_monotone(self, of: RatePlan, units: int, more: int) -> None:
        """Using more never costs less, as long as no price is negative."""
        less, greater = charge(of, units), charge(of, units + more)
        self.assertLessEqual(less.figure, greater.figure)
        self.assertLessEqual(less.exact, greater.exact)
        self.assertGreaterEqual(less.quantity, units)

    @COUNT
    @given(plans(), st.decimals("0", "50", places=5))
    @example(plan(interval_first=20, interval_n=20, price_first="0.20", price_n="0.20"), money("0.2"))
    @example(plan(interval_first=7, interval_n=7, price_first="1", price_n="2", price_per=7), money("3"))
    def test_longest_is_exact(self, of: RatePlan, funds: Decimal) -> None:
        """rate(n) is paid and rate(n + 1) is not; 0 means that one unit is too dear; None that nothing is ever too dear."""
        units = longest(of, (), funds, AT)
        if units is None:
            self.assertFalse(of.price_n)
            self.assertLessEqual(charge(of, 10_000_000).figure, funds)
            return
        self.assertLessEqual(charge(of, units).figure, funds)
        self.assertGreater(charge(of, units + 1).figure, funds)

    @COUNT
    @given(plans(st.decimals("-1", "1", places=4), st.decimals("-1", "0", places=4)), st.decimals("0", "5", places=5))
    def test_longest_with_payback(self, of: RatePlan, funds: Decimal) -> None:
        """Where later intervals cost nothing or pay, only the first can be too dear."""
        first = charge(of, 1).figure
        self.assertEqual(longest(of, (), funds, AT), 0 if first > funds else None)

    @COUNT
    @given(plans(st.decimals("-1", "3", places=4), st.decimals("-1", "3", places=4)), st.lists(st.integers(0, 900), min_size=1, max_size=12))
    def test_pieces_add_up(self, of: RatePlan, reports: list[int]) -> None:
        """Whatever the intermediate reports, charging round(cumulative) minus what was charged adds up to the whole, to the digit."""
        charged = used = Decimal(0)
        for report in reports:
            used += report
            charged += charge(of, int(used)).figure - charged
        self.assertEqual(charged, charge(of, sum(reports)).figure)

    @COUNT
    @given(plans(st.decimals("-1", "3", places=5), st.decimals("-1", "3", places=5)), st.integers(0, 100_000))
    def test_history_is_the_sum(self, of: RatePlan, units: int) -> None:
        """The history's steps, evaluated, are the exact amount (30 digits), which it ends with; the figure is that rounded."""
        got = charge(of, units)
        self.assertEqual(Decimal(got.history.partition(" = ")[2]), got.exact)
        self.assertLess(abs(evaluated(got.history) - Fraction(got.exact)), Fraction(1, 10**22))
        unit = Fraction(1, 20) if of.rounding is Rounding.NICKEL else Fraction(1, 10**of.precision)
        self.assertLess(abs(Fraction(got.figure) - Fraction(got.exact)), unit)
        if of.rounding is Rounding.AWAY:
            self.assertGreaterEqual(abs(got.figure), abs(got.exact))
        else:
            self.assertLessEqual(abs(Fraction(got.figure) - Fraction(got.exact)), unit / 2)
        self.assertFalse(Fraction(got.figure) % unit)
