"""Discounts in rating: percents by thresholds, quotas, wallets, and the laws that hold of all of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.rating import cut, longest, rate
from portaswitch.billing.rules import discount
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Charge, Source, SourceKey, Usage
from portaswitch.model.discount import HUNDRED, Draw, Drawn, Measure, Step, total
from portaswitch.model.money import ZERO
from portaswitch.model.pricing import Figures, FreeUnits, Mode, Pricing, Terms
from tests.unit.billing.test_pricing import PRICES, STEPS, plans
from tests.unit.builders import AT, plan

#: 0.10 a minute, minute by minute.
MINUTES = plan(price_first="0.10", price_n="0.10", interval_first=60, interval_n=60)


def counter(*steps: tuple[object, int], key: int = 1, **what: Any) -> Draw:
    """A counter with steps (threshold, percent), counted in units where nothing else is said."""
    made = tuple(Step(Decimal(str(threshold)), Decimal(percent)) for threshold, percent in steps)
    return replace(Draw(SourceKey(Source.COUNTER, key), Measure.UNITS, made), **what)


def wallet(units: int, key: int = 50) -> Draw:
    """A wallet with so many units."""
    return Draw(SourceKey(Source.WALLET, key), Measure.UNITS, (Step(ZERO, HUNDRED), Step(Decimal(units))), exclusive=True)


def quota(units: int, key: int = 3) -> Draw:
    """A quota without a discount."""
    return Draw(SourceKey(Source.COUNTER, key), Measure.UNITS, (Step(ZERO), Step(Decimal(units), ZERO, True)))


def charge(units: int, *draws: Draw, priced: RatePlan = MINUTES) -> Charge:
    """A use that draws on these."""
    return rate(priced, Drawn((), draws), Usage(units), AT)


class DiscountTests(SynchronousTestCase):
    """What comes out, to the cent."""

    def test_two_minutes_free(self) -> None:
        """8 minutes of which 2 are free: 0.00 and 0.60 in two parts (PORTABILLING.md b)."""
        told = charge(480, counter((0, 100), (120, 0)))
        self.assertEqual((told.figure, told.quantity), (Decimal("0.60"), 480))
        self.assertEqual([(part.units, part.figure) for part in told.parts], [(120, ZERO), (480, Decimal("0.60"))])
        self.assertEqual(total(told.takes), {SourceKey(Source.COUNTER, 1): 480})

    def test_aggregated(self) -> None:
        """Without splitting it is one charge, with the discount in its history."""
        told = charge(480, counter((0, 100), (120, 0), split=False))
        self.assertEqual((told.figure, told.parts), (Decimal("0.60"), ()))
        self.assertEqual(told.history, "60@0.1/60 -100% + 60@0.1/60 -100% + 6*60@0.1/60 = 0.6")

    def test_shared(self) -> None:
        """Own 200 free minutes, and 10 percent less behind 1000 minutes of all accounts: both counters move (mr15.volume-discounts)."""
        own, all_of_them = counter((0, 100), (60, 0)), counter((0, 0), (300, 10), key=2)
        told = charge(600, own, all_of_them)
        self.assertEqual(told.figure, Decimal("0.40") + Decimal("0.45"))
        self.assertEqual(total(told.takes), {SourceKey(Source.COUNTER, 1): 600, SourceKey(Source.COUNTER, 2): 600})

    def test_exclusive(self) -> None:
        """Exclusive: the second counter begins when the first one is used up."""
        told = charge(600, counter((0, 100), (120, 0), exclusive=True), counter((0, 100), (300, 0), key=2))
        self.assertEqual(told.figure, Decimal("0.30"))
        self.assertEqual(total(told.takes), {SourceKey(Source.COUNTER, 1): 600, SourceKey(Source.COUNTER, 2): 480})

    def test_percent_of_what_is_left(self) -> None:
        """Two discounts one behind the other: half, and a tenth of what is left; a plan that goes alone leaves nothing to the next."""
        half, tenth = counter((0, 50)), counter((0, 10), key=2)
        self.assertEqual(charge(60, half, tenth).figure, Decimal("0.045"))
        self.assertEqual(charge(60, replace(half, first=True), tenth).figure, Decimal("0.05"))

    def test_in_money(self) -> None:
        """A threshold of money is met by what arrives at the counter: the first dollar at the full price, then a fifth less."""
        told = charge(1200, counter((0, 0), ("1", 20), measure=Measure.MONEY))
        self.assertEqual((told.figure, total(told.takes)), (Decimal("1.80"), {SourceKey(Source.COUNTER, 1): Decimal("2.00")}))

    def test_within_an_interval(self) -> None:
        """An interval in which the free seconds end stays one interval, priced by the second."""
        told = charge(61, counter((0, 100), (90, 0)))
        self.assertEqual((told.figure, told.quantity), (Decimal("0.05"), 120))
        self.assertEqual(longest(MINUTES, Drawn((), (counter((0, 100), (90, 0)),)), Decimal("0.04"), AT), 60)

    def test_level(self) -> None:
        """A counter of one level of the day moves with that level alone."""
        off_peak = replace(MINUTES, pricing=Pricing(Terms(off_peak="hr{0-23}"), (Figures(60, 60, MINUTES.price_first, MINUTES.price_n),)))
        self.assertEqual(charge(60, counter((0, 100), level=0), priced=off_peak).figure, Decimal("0.10"))
        self.assertEqual(charge(60, counter((0, 100), level=1), priced=off_peak).figure, ZERO)

    def test_wallets(self) -> None:
        """The wallet named first is emptied first; what is free already leaves wallets alone."""
        told = charge(300, wallet(100), wallet(80, 51))
        self.assertEqual((told.figure, total(told.takes)), (Decimal("0.20"), {SourceKey(Source.WALLET, 50): 100, SourceKey(Source.WALLET, 51): 80}))
        told = charge(120, counter((0, 100), (60, 0)), wallet(100))
        self.assertEqual((told.figure, total(told.takes)[SourceKey(Source.WALLET, 50)]), (ZERO, 60))

    def test_quota(self) -> None:
        """A quota ends the longest use whatever the funds are, free ones too; real use beyond it is priced as its last step says."""
        drawn = Drawn((), (quota(150),))
        self.assertEqual((longest(MINUTES, drawn, None, AT), longest(MINUTES, drawn, Decimal("0.10"), AT)), (120, 60))
        self.assertEqual(longest(plan(price_first="0", price_n="0"), drawn, None, AT), 150)
        self.assertEqual(charge(240, quota(150)).figure, Decimal("0.40"))

    def test_quotas_in_turn(self) -> None:
        """Of exclusive quotas the second begins where the first is used up, and ends the use; beyond it the second one counts; others each end it."""
        first, second = replace(quota(120, 1), exclusive=True), quota(60, 2)
        own, more = SourceKey(Source.COUNTER, 1), SourceKey(Source.COUNTER, 2)
        for one, other, taken in ((first, second, {own: 120, more: 60}), (first, replace(second, exclusive=True), {own: 120, more: 60})):
            drawn = Drawn((), (one, other))
            self.assertEqual((longest(MINUTES, drawn, None, AT), total(charge(180, one, other).takes)), (180, taken))
            self.assertEqual(total(charge(240, one, other).takes), {own: 120, more: 120})
        used_up = replace(first, steps=(Step(ZERO, ZERO, True),))
        self.assertEqual(total(charge(60, used_up, second).takes), {more: 60})
        self.assertEqual(longest(MINUTES, Drawn((), (quota(120, 1), quota(60, 2))), None, AT), 60)

    def test_connect_fee(self) -> None:
        """Percents are of the price of the units, not of the connect fee."""
        self.assertEqual(charge(60, counter((0, 100)), priced=replace(MINUTES, connect_fee=Decimal("0.05"))).figure, Decimal("0.05"))


# -- laws -----------------------------------------------------------------------------------------------------------------------------------------

COUNT = settings(max_examples=150, deadline=None)
PERCENTS = st.sampled_from((0, 10, 25, 50, 100))


@st.composite
def counters(draw: st.DrawFn, key: int) -> Draw:
    """A counter of some kind with one to three steps."""
    measure = draw(st.sampled_from(Measure))
    most = 300 if measure is Measure.UNITS else 2
    bounds = sorted({draw(st.integers(1, most)) for _ in range(draw(st.integers(0, 2)))})
    steps = tuple(Step(Decimal(bound), Decimal(draw(PERCENTS))) for bound in (0, *bounds))
    if draw(st.integers(0, 4)) == 0:
        steps = (*steps, Step(Decimal(bounds[-1] + 50 if bounds else 50), ZERO, True))
    level, one, two, three = draw(st.sampled_from((None, None, 0, 1))), draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    return Draw(SourceKey(Source.COUNTER, key), measure, steps, 1, level, one, two, three)


SOME = st.builds(
    lambda places, purse: Drawn((), (*places[:1], *purse, *places[1:])),
    st.lists(st.integers(1, 3), max_size=3, unique=True).flatmap(lambda keys: st.tuples(*[counters(key) for key in keys])),
    st.lists(st.integers(1, 90), max_size=2).map(lambda sizes: tuple(wallet(size, 50 + place) for place, size in enumerate(sizes))),
)
PLANS = st.one_of(
    plans(), st.builds(plan, interval_first=STEPS, interval_n=STEPS, price_first=PRICES, price_n=PRICES, connect_fee=st.sampled_from(("0", "0.05")))
)


def behind(drawn: Drawn, told: Charge) -> Drawn:
    """What a use draws on when so much of it has been settled, and nobody else has moved anything."""
    gone = total(told.takes)
    draws = []
    for each in drawn.draws:
        taken = Decimal(gone.get(each.key, 0))
        kept = [step for step in each.steps if step.threshold > taken]
        first = [step for step in each.steps if step.threshold <= taken][-1]
        draws.append(replace(each, steps=(replace(first, threshold=ZERO), *[replace(step, threshold=step.threshold - taken) for step in kept])))
    return Drawn(discount.stretches(told.segments), tuple(draws))


class DiscountLawTests(SynchronousTestCase):
    """What holds for any plan and any counters."""

    @COUNT
    @given(PLANS, SOME, st.integers(1, 700), st.integers(0, 700))
    def test_pieces_add_up(self, priced: RatePlan, drawn: Drawn, first: int, more: int) -> None:
        """Settled in two pieces a use costs, and takes, what it does in one."""
        if priced.pricing is not None and priced.pricing.terms.mode in (Mode.FINISHES, Mode.BOTH):
            priced = replace(priced, pricing=replace(priced.pricing, terms=replace(priced.pricing.terms, mode=Mode.STARTS)))
        whole, before = rate(priced, drawn, Usage(first + more), AT), rate(priced, drawn, Usage(first), AT)
        free = priced.pricing.terms.free_units if priced.pricing is not None else 0
        if first <= free and priced.pricing is not None and priced.pricing.terms.free_mode is FreeUnits.SHORT:
            return  # what was free as a whole is so no more
        after = rate(priced, behind(drawn, before), Usage(first + more), AT)
        self.assertEqual((after.figure, after.quantity), (whole.figure, whole.quantity))
        one, two, both = total(before.takes), total(after.takes), total(whole.takes)
        for key in {*one, *two, *both}:
            self.assertAlmostEqual(one.get(key, ZERO) + two.get(key, ZERO), both.get(key, ZERO), 15)

    @COUNT
    @given(PLANS, SOME, st.one_of(st.none(), st.decimals("0", "4", places=2)))
    def test_longest_is_exact(self, priced: RatePlan, drawn: Drawn, funds: Decimal | None) -> None:
        """All uses up to the longest are within the funds and the quotas, and one unit more is not."""
        most = longest(priced, drawn, funds, AT, 2000)
        if most is None:
            self.assertTrue(self._fits(priced, drawn, funds, 2000))
            return
        for units in {1, most // 3, most // 2, most - 1, most} - {0, -1}:
            self.assertTrue(not most or self._fits(priced, drawn, funds, units), f"{units} of {most}")
        ends = cut(priced)
        self.assertTrue(most == ends or most >= 2000 or not self._fits(priced, drawn, funds, most + 1), f"{most} + 1")

    def _fits(self, priced: RatePlan, drawn: Drawn, funds: Decimal | None, units: int) -> bool:
        told = rate(priced, drawn, Usage(units), AT)
        return (funds is None or told.figure <= funds) and not any(self._forbidden(place, drawn, told) for place in range(len(drawn.draws)))

    def _forbidden(self, place: int, drawn: Drawn, told: Charge) -> bool:
        """Whether the last unit that a quota counted begins behind its forbidden step."""
        draw = drawn.draws[place]
        bounds = [step.threshold for step in draw.steps if step.forbidden]
        counted = [(amount, one.price_per) for one in told.segments for at, amount in one.draws if at == place]
        if not bounds or not counted:
            return False
        amount, per = counted[-1]
        last = amount if draw.measure is Measure.UNITS else amount / per
        return total(told.takes).get(draw.key, ZERO) - last > bounds[0] - Decimal("1e-20")

    @COUNT
    @given(PLANS, SOME, st.integers(0, 900))
    def test_conserved(self, priced: RatePlan, drawn: Drawn, units: int) -> None:
        """The first counter of all units moves by what is charged; no wallet gives more than it has; the parts add up to the figure."""
        told = rate(priced, drawn, Usage(units), AT)
        taken, counted = total(told.takes), sum(one.units for one in told.segments if one.part >= 0)
        first = drawn.draws[0] if drawn.draws else None
        in_turn = first is not None and first.exclusive and first.limits
        if first is not None and first.measure is Measure.UNITS and first.level is None and first.key.source is Source.COUNTER and not in_turn:
            self.assertEqual(taken.get(first.key, 0), counted)
        for each in drawn.draws:
            if each.key.source is Source.WALLET:
                self.assertLessEqual(taken.get(each.key, ZERO), each.steps[1].threshold)
        if told.parts:
            self.assertEqual((told.parts[-1].units, told.parts[-1].figure), (told.quantity, told.figure))
            self.assertEqual([part.units for part in told.parts], sorted({part.units for part in told.parts}))

    @COUNT
    @given(PLANS.filter(lambda priced: priced.pricing is None), SOME, st.integers(0, 700), st.decimals("0", "4", places=2))
    def test_evenly(self, priced: RatePlan, drawn: Drawn, units: int, funds: Decimal) -> None:
        """What is reckoned without a walk, where every unit has the same taken off, is what the walk makes of it: a plan with terms that say nothing walks."""
        walked = replace(priced, pricing=Pricing())
        self.assertEqual(rate(priced, drawn, Usage(units), AT), rate(walked, drawn, Usage(units), AT))
        self.assertEqual(longest(priced, drawn, funds, AT), longest(walked, drawn, funds, AT))
        most = longest(priced, drawn, funds, AT, 300)
        self.assertEqual(None if most is None else min(most, 300), None if (other := longest(walked, drawn, funds, AT, 300)) is None else min(other, 300))

    @COUNT
    @given(PLANS, st.integers(0, 900))
    def test_without(self, priced: RatePlan, units: int) -> None:
        """A counter that takes nothing off changes nothing but itself."""
        told, plain = charge(units, counter((0, 0)), priced=priced), rate(priced, (), Usage(units), AT)
        self.assertEqual((told.figure, told.quantity), (plain.figure, plain.quantity))
