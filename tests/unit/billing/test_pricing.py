"""Rating beyond two intervals: the laws of `rate` and `longest` over levels of the day, formulas, free units, surcharges, bounds and added duration."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.local_time import local, zone_of
from portaswitch.billing.rating import announced, cut, highest, is_free, longest, rate
from portaswitch.billing.rules import add_duration, chance, levels
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Charge, Usage
from portaswitch.model.formula import parse, parse_portions
from portaswitch.model.money import Rounding
from portaswitch.model.period import parse as period
from portaswitch.model.pricing import Binding, Figures, FreeUnits, Mode, Portion, Pricing, Terms
from portaswitch.store.pricing import pricing_of, pricing_text
from tests.unit.billing.test_rating import evaluated
from tests.unit.builders import money, plan

COUNT = settings(max_examples=100, deadline=None)
#: Before a boundary of every period below, on an ordinary day and on both nights of daylight saving in Vancouver.
NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
SPRING = datetime(2026, 3, 8, 9, 58, tzinfo=UTC)
AUTUMN = datetime(2026, 11, 1, 8, 58, tzinfo=UTC)
TIMES = st.sampled_from((NOON, SPRING, AUTUMN, NOON + timedelta(microseconds=1))).flatmap(
    lambda at: st.integers(-400, 400).map(lambda seconds: at + timedelta(seconds=seconds))
)
PERIODS = st.sampled_from(("", "hr{1am-1am}", "hr{12pm-5pm}", "min{0-1}, min{3}", "min{2}", "sec{0-29}", "wd{sa-su}", "never", "always"))
PRICES = st.decimals("0", "3", places=4)
STEPS = st.sampled_from((1, 2, 6, 7, 20, 30, 60))
FIGURES = st.builds(Figures, STEPS, STEPS, PRICES, PRICES)
FORMULAS = (
    "", "60*1@1.80, 2*60@1.80, fee 0.50 random 25%, 7*60@1.80", "2*10@0.6, fee 10%, fee connect, 3*5@1, fee 0.01 tricky, unlimited*20@0.3",
    "fee 0.2 random 50%, 30@0, fee 25% random 50%, unlimited*6@0.12", "30*1@0.6, disconnect spread 20, unlimited*1@0.6",
    "60@1, disconnect random 50% spread 60",
)  # fmt: skip
PORTIONS = st.sampled_from(("", "300+20%, 300+10%, 600+5%", "7+33.3%, 20+0%, 5+100%", "1+1%"))
TERMS = st.builds(
    Terms, off_peak=PERIODS, second_off_peak=PERIODS, mode=st.sampled_from(Mode), free_units=st.sampled_from((0, 0, 1, 20, 61)),
    free_mode=st.sampled_from(FreeUnits), post_call=st.sampled_from((Decimal(0), Decimal("0.03"))),
    post_call_percent=st.sampled_from((Decimal(0), Decimal("7.5"))), minimum=st.sampled_from((None, None, Decimal("0.25"))),
    maximum=st.sampled_from((None, None, Decimal("2.5"))), portions=PORTIONS.map(parse_portions),
)  # fmt: skip
BOUND = st.builds(
    Binding, zone=st.sampled_from(("UTC", "America/Vancouver", "Asia/Kolkata")), seconds=st.sampled_from((1, 1, 60, 0)), seed=st.integers(0, 50),
    exchange=st.sampled_from((Decimal(1), Decimal(1), Decimal("0.73"))),
)  # fmt: skip


def plans(figures: st.SearchStrategy[Figures] = FIGURES) -> st.SearchStrategy[RatePlan]:
    """Plans of every kind."""
    pricing = st.builds(
        Pricing, TERMS, st.lists(figures, max_size=2).map(tuple), st.sampled_from(FORMULAS).map(lambda text: parse(text) if text else ()), BOUND
    )
    return st.builds(
        lambda peak, beyond, fee, per, precision, rounding: plan(
            interval_first=peak.interval_first, interval_n=peak.interval_n, price_first=peak.price_first, price_n=peak.price_n, connect_fee=fee, price_per=per,
            precision=precision, rounding=rounding, pricing=beyond,
        ),
        figures, pricing, st.sampled_from((Decimal(0), Decimal("0.05"))), st.sampled_from((1, 60, 7)), st.integers(0, 5), st.sampled_from(Rounding),
    )  # fmt: skip


def charge(of: RatePlan, units: int, at: datetime = NOON) -> Charge:
    """The charge of so many units from then on."""
    return rate(of, (), Usage(units), at)


def first_dear(of: RatePlan, funds: Decimal, at: datetime, most: int) -> int | None:
    """The first use, unit by unit, that the funds do not pay for; None up to `most`."""
    return next((units for units in range(1, most + 1) if charge(of, units, at).figure > funds), None)


def monotone(of: RatePlan) -> bool:
    """Whether more use can't cost less: not where the end of a use decides."""
    return of.pricing is None or of.pricing.terms.mode in (Mode.SPLIT, Mode.STARTS) or not of.pricing.has_levels or bool(of.pricing.formula)


def steps_of(got: Charge) -> Fraction:
    """The sum of what the history shows, notes and level names left out."""
    plain = [text.split()[-1] if "@" in text else f"x {text.split()[-1]}" for text in (one.text for one in got.segments if one.count or one.price)]
    return evaluated(" + ".join(plain) or "free")


class LawTests(SynchronousTestCase):
    """What holds for every plan, at every time."""

    @COUNT
    @given(plans(), TIMES, st.integers(0, 400), st.integers(0, 100))
    def test_monotone(self, of: RatePlan, at: datetime, units: int, more: int) -> None:
        """Using more never costs less, as long as no price is negative and its end does not decide on a use."""
        assume(monotone(of))
        less, greater = charge(of, units, at), charge(of, units + more, at)
        self.assertLessEqual(less.figure, greater.figure)
        self.assertLessEqual(less.exact, greater.exact)
        self.assertLessEqual(less.quantity, greater.quantity)
        self.assertGreaterEqual(less.quantity, units)

    @COUNT
    @given(plans(), TIMES, st.decimals("0", "6", places=3))
    @example(plan(pricing=Pricing(Terms("min{0-1}", mode=Mode.FINISHES), (Figures(1, 1, money("3"), money("3")),))), NOON - timedelta(seconds=30), money("0.5"))
    def test_longest_is_exact(self, of: RatePlan, at: datetime, funds: Decimal) -> None:
        """All uses up to it are paid, and one more unit would not have fitted: found unit by unit, it is the same."""
        found, dear, ends = longest(of, (), funds, at), first_dear(of, funds, at, 700), cut(of)
        affords = None if dear is None else dear - 1
        if ends is not None and (affords is None or ends < affords):
            affords = ends
        if affords is None or affords > 699:
            self.assertTrue(found is None or found >= 699, found)
        else:
            self.assertEqual(found, affords)
        if found is not None and found < 10**9 and found != ends:
            self.assertLessEqual(charge(of, found, at).figure, funds)
            self.assertGreater(charge(of, found + 1, at).figure, funds)

    @COUNT
    @given(plans(st.builds(Figures, STEPS, STEPS, st.decimals("-1", "2", places=3), st.decimals("-1", "2", places=3))), TIMES, st.decimals("0", "2", places=3))
    def test_longest_with_payback(self, of: RatePlan, at: datetime, funds: Decimal) -> None:
        """The same where some prices pay back: the first use that is too dear ends it."""
        assume(of.pricing is not None and of.pricing.terms.minimum is None)
        dear, ends, found = first_dear(of, funds, at, 300), cut(of), longest(of, (), funds, at)
        known = [one for one in (None if dear is None else dear - 1, ends) if one is not None]
        if not known or min(known) >= 300:
            self.assertTrue(found is None or found >= 300, found)
        else:
            self.assertEqual(found, min(known))

    @COUNT
    @given(plans(), TIMES, st.decimals("0", "6", places=3), st.integers(1, 400))
    def test_longest_up_to_a_bound(self, of: RatePlan, at: datetime, funds: Decimal, most: int) -> None:
        """With a bound nobody looks farther: the same figure below it, or None or more."""
        free, bounded = longest(of, (), funds, at), longest(of, (), funds, at, most)
        self.assertEqual(most if free is None else min(free, most), most if bounded is None else min(bounded, most))

    @COUNT
    @given(plans(), TIMES, st.lists(st.integers(0, 300), min_size=1, max_size=8))
    def test_pieces_add_up(self, of: RatePlan, at: datetime, reports: list[int]) -> None:
        """Whatever the reports between, the pieces add up to the whole, to the digit; and rating again draws and rounds the same."""
        charged = used = Decimal(0)
        for report in reports:
            used += report
            charged += charge(of, int(used), at).figure - charged
        self.assertEqual(charged, charge(of, sum(reports), at).figure)
        self.assertEqual(charge(of, sum(reports), at), charge(of, sum(reports), at))

    @COUNT
    @given(plans(), TIMES, st.integers(0, 2000))
    def test_history_is_the_sum(self, of: RatePlan, at: datetime, units: int) -> None:
        """The steps that the history shows add up to the exact amount; the figure is that, rounded once."""
        got = charge(of, units, at)
        self.assertLess(abs(steps_of(got) - Fraction(got.exact)), Fraction(1, 10**20))
        self.assertEqual(Decimal(got.history.rpartition(" = ")[2]), got.exact)
        unit = Fraction(1, 20) if of.rounding is Rounding.NICKEL else Fraction(1, 10**of.precision)
        self.assertLess(abs(Fraction(got.figure) - Fraction(got.exact)), unit)

    @COUNT
    @given(plans(), TIMES, st.integers(1, 2000))
    def test_boundaries_conserve_units(self, of: RatePlan, at: datetime, units: int) -> None:
        """With the same figures at all times a boundary changes nothing: not the units, not the amount."""
        assert of.pricing is not None
        peak = Figures(of.interval_first, of.interval_n, of.price_first, of.price_n)
        same = replace(of, pricing=replace(of.pricing, levels=(peak, peak)))
        without = replace(of, pricing=replace(of.pricing, levels=()))
        got, plain = charge(same, units, at), charge(without, units, at)
        self.assertEqual((got.quantity, got.exact, got.figure), (plain.quantity, plain.exact, plain.figure))

    @COUNT
    @given(plans(), TIMES, st.integers(1, 400))
    def test_highest(self, of: RatePlan, at: datetime, units: int) -> None:
        """What a grant holds covers whatever part of it is used."""
        self.assertEqual(highest(of, units, at), max(charge(of, one, at).figure for one in range(1, units + 1)))

    @COUNT
    @given(plans(), TIMES, st.integers(1, 10_000))
    def test_free_is_free(self, of: RatePlan, at: datetime, units: int) -> None:
        """What counts as free costs nothing; and what is kept in a session's row comes back the same."""
        if is_free(of):
            self.assertEqual(charge(of, units, at).figure, 0)
        assert of.pricing is not None
        self.assertEqual(pricing_of(json.loads(pricing_text(of.pricing))), of.pricing)

    @COUNT
    @given(plans(), st.integers(0, 2000))
    def test_plain_is_plain(self, of: RatePlan, units: int) -> None:
        """Pricing that says nothing changes nothing: both ways of rating agree."""
        bare, empty = replace(of, pricing=None), replace(of, pricing=Pricing())
        self.assertEqual(charge(bare, units), charge(empty, units))
        self.assertEqual(longest(bare, (), Decimal(units) / 100, NOON), longest(empty, (), Decimal(units) / 100, NOON))


class LevelTests(SynchronousTestCase):
    """The level of the day."""

    @COUNT
    @given(PERIODS, PERIODS, st.sampled_from(("America/Vancouver", "UTC", "Asia/Kolkata", "Australia/Lord_Howe")), TIMES, st.integers(1, 700))
    def test_every_second(self, first: str, second: str, zone: str, at: datetime, seconds: int) -> None:
        """Each second has the level that the periods give its local time: on ordinary days and when the clocks change."""
        found: list[int] = []
        for level, until in levels.stretches(Terms(first, second), Binding(zone), at):
            found += [level] * ((seconds if until is None else min(until, seconds)) - len(found))
            if until is None or until >= seconds:
                break
        place = zone_of(zone)
        times = [local(at + timedelta(seconds=one), place) for one in range(seconds)]
        wanted = [2 if period(second or "none").matches(time) else int(period(first or "none").matches(time)) for time in times]
        self.assertEqual(found, wanted)

    def test_many_rules_cost_no_more(self) -> None:
        """A year of rules, a part for each day, is compiled once a day: a charge only looks it up."""
        year = ", ".join(f"yd{{{day}}} hr{{{day % 24}}}" for day in range(1, 367))
        of = plan(pricing=Pricing(Terms(year), (Figures(1, 1, money("0.01"), money("0.01")),)))
        charge(of, 3600)
        before = levels._day.cache_info()
        for units in range(1, 3600, 100):
            charge(of, units)
        after = levels._day.cache_info()
        self.assertEqual(before.misses, after.misses)

    def test_a_year_long_use(self) -> None:
        """A use of a year, and funds for centuries, are walked by boundaries, and both agree."""
        of = plan(pricing=Pricing(Terms("hr{7pm-6am}"), (Figures(60, 60, money("0.01"), money("0.01")),)))
        self.assertLess(len(charge(of, 365 * 86400).segments), 740)
        found = longest(of, (), money("1000000"), NOON)
        assert found is not None
        self.assertLessEqual(charge(of, found).figure, money("1000000"))
        self.assertGreater(charge(of, found + 1).figure, money("1000000"))


class ChanceTests(SynchronousTestCase):
    """Random elements."""

    def test_as_often_as_said(self) -> None:
        """Of many sessions about as many percent; always the same for one."""
        (fee, *_) = parse("fee 0.5 random 25%, 60@1")
        hits = [chance.happens(fee, chance.seed_of(f"session {number}"), 0) for number in range(2000)]
        self.assertTrue(430 < sum(hits) < 570, sum(hits))
        self.assertEqual(chance.seed_of("session 1"), chance.seed_of("session 1"))

    def test_explained(self) -> None:
        """The history tells the draw, of what was left out too."""
        texts = {charge(plan(pricing=Pricing(formula=parse("fee 0.5 random 50%, 60@1"), bound=Binding(seed=seed))), 5).history for seed in range(20)}
        self.assertTrue(any(text.startswith("no surcharge (random 50%, drew ") for text in texts), texts)
        self.assertTrue(any(text.startswith("surcharge (random 50%, drew ") and "%) 0.5 + 60@1/60" in text for text in texts), texts)

    def test_spread(self) -> None:
        """A disconnect comes within its spread, on both sides of its place."""
        ends = [cut(plan(pricing=Pricing(formula=parse("600@1, disconnect spread 30"), bound=Binding(seed=seed)))) for seed in range(200)]
        told = [end for end in ends if end is not None]
        self.assertEqual(len(told), len(ends))
        self.assertTrue(570 <= min(told) < 580 and 620 < max(told) <= 630, (min(told), max(told)))

    def test_announced(self) -> None:
        """A tricky surcharge counts against the limit, and is not told."""
        of = plan(pricing=Pricing(formula=parse("fee 0.50 tricky, unlimited*1@0.60")))
        self.assertEqual((longest(of, (), money("1"), NOON), announced(of, (), money("1"), NOON)), (50, 100))


class PortionTests(SynchronousTestCase):
    """Added duration."""

    @COUNT
    @given(PORTIONS.map(parse_portions), st.integers(0, 5000))
    def test_inverse(self, portions: tuple[Portion, ...], units: int) -> None:
        """The most units that count as so many, and one more would count as more."""
        real = add_duration.real(portions, units)
        self.assertLessEqual(add_duration.lengthened(portions, real), units)
        self.assertGreater(add_duration.lengthened(portions, real + 1), units)
