"""
Rating: `rate(plan, drawn, usage, at) -> Charge`, one pure function for quote, hold, debit and xDR (DESIGN.md 3.1).

The steps run in order: connect fee, intervals; then the exact amount is rounded once to the figure. A plan that says more (`RatePlan.pricing`), or a use that
draws on counters and wallets, has more steps (`billing.pricing`). `longest` is its inverse: the most units that given funds allow, found by arithmetic.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from portaswitch.billing import pricing
from portaswitch.billing.rules import connect_fee, discount, evenly, intervals
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import CASH, NOTHING, Charge, Part, Segment, Take, Usage
from portaswitch.model.discount import ENDLESS, NOT_DRAWN, Draws, Even
from portaswitch.model.money import EXACT, NICKEL, QUANTA, SUM, ZERO, Rounding, round_amount
from portaswitch.model.pricing import Pricing

HALF = Decimal("0.5")
STEPS = (connect_fee.segments, intervals.segments)
PLAIN = Pricing()


def rate(plan: RatePlan, drawn: Draws, usage: Usage, at: datetime) -> Charge:
    """
    Price `usage` (cumulative units of the service's base) by `plan`, drawing on the counters and wallets of `drawn` (() none), for a session that began
    at `at`, which picks the level of the day where the plan has several.
    """
    if usage.units <= 0:
        return NOTHING
    if plan.pricing is not None or drawn:
        return _evenly(plan, drawn, usage.units) or _rated(plan, plan.pricing or PLAIN, usage, at, drawn)
    segments: tuple[Segment, ...] = ()
    for step in STEPS:
        segments += step(plan, usage.units)
    total, quantity = ZERO, 0
    for segment in segments:
        total = EXACT.add(total, segment.amount)
        quantity += segment.count * segment.length
    exact = SUM.plus(total)
    figure = round_amount(exact, plan.precision, plan.rounding)
    return Charge(figure, exact, quantity, segments, (Take(CASH, figure),) if figure else ())


def _evenly(plan: RatePlan, drawn: Draws, units: int) -> Charge | None:
    """The charge of a use of which every unit has the same taken off; None where that may not be so."""
    even = evenly.of(drawn, plan)
    quantity = intervals.quantity(plan, units)
    if even is None or not quantity or not evenly.holds(even, quantity):
        return None
    segments, cost = evenly.segments(plan, even, quantity)
    per = Decimal(plan.price_per)
    if plan.connect_fee:
        segments, cost = (*connect_fee.segments(plan, units), *segments), EXACT.add(EXACT.multiply(plan.connect_fee, per), cost)
    exact = SUM.plus(EXACT.divide(cost, per))
    figure, taken = round_amount(exact, plan.precision, plan.rounding), evenly.takes(drawn, even, quantity)
    return Charge(figure, exact, quantity, segments, (Take(CASH, figure), *taken) if figure else taken)


def _rated(plan: RatePlan, beyond: Pricing, usage: Usage, at: datetime, drawn: Draws) -> Charge:
    exact, segments, level = pricing.charged(plan, beyond, usage.units, at, drawn)
    figure = round_amount(exact, plan.precision, plan.rounding)
    taken = ((Take(CASH, figure),) if figure else ()) + (discount.takes(drawn, segments) if drawn else ())
    quantity = sum([one.units for one in segments])
    return Charge(figure, exact, quantity, segments, taken, level, _parts(plan, beyond, figure, segments) if drawn else ())


def _parts(plan: RatePlan, beyond: Pricing, figure: Decimal, segments: tuple[Segment, ...]) -> tuple[Part, ...]:
    """The parts that a use is split into: what has no part of its own belongs to the one that it stands before, or to the last one."""
    if len({one.part for one in segments if one.count and one.part >= 0}) < 2:
        return ()
    groups: list[list[Segment]] = [[]]
    for segment in segments:
        parts = [one.part for one in groups[-1] if one.count and one.part >= 0]
        if segment.count and segment.part >= 0 and parts and parts[-1] != segment.part:
            groups.append([])
        groups[-1].append(segment)
    found: list[Part] = []
    reached, units = ZERO, 0
    for group in groups:
        reached = EXACT.add(reached, sum([one.amount for one in group], ZERO))
        units += sum([one.units for one in group])
        sofar = round_amount(SUM.plus(EXACT.multiply(reached, beyond.bound.exchange)), plan.precision, plan.rounding)
        found.append(Part(units, min(sofar, figure), tuple(group)))
    found[-1] = Part(units, figure, found[-1].segments)
    return tuple(found)


def longest(plan: RatePlan, drawn: Draws, funds: Decimal | None, at: datetime, most: int | None = None) -> int | None:
    """
    The most units that `funds` (None: without limit) pay for, whatever part of them is used: `rate(n).figure <= funds` for it and all fewer ones, and
    `funds < rate(n + 1).figure`; not more than a formula's disconnect or a quota lets it be. None where nothing sets a limit, or none up to `most`; 0 where
    nothing fits.

    By arithmetic in the numerators, so exact: amounts are compared before they are divided. Funds below nothing afford nothing, not even a free call.
    """
    if funds is not None and funds < ZERO:
        return 0
    if plan.pricing is not None or drawn:
        beyond, even = plan.pricing or PLAIN, evenly.of(drawn, plan)
        if even is not None and funds is not None and _ends_before(plan, even, most, found := _afforded_evenly(plan, even, funds)):
            return found
        return _sooner(_afforded(plan, beyond, funds, at, most, True, drawn), pricing.cut(beyond))
    if funds is None:
        return None
    dearest, reached = _dearest(plan, funds)
    return intervals.affordable(plan, EXACT.subtract(dearest, plan.connect_fee), reached)


def announced(plan: RatePlan, drawn: Draws, funds: Decimal | None, at: datetime, most: int | None = None) -> int | None:
    """What a caller is told: `longest` without the tricky surcharges, which count against the limit only (PORTABILLING.md b)."""
    if plan.pricing is None or (funds is not None and funds < ZERO):
        return longest(plan, drawn, funds, at, most)
    return _sooner(_afforded(plan, plan.pricing, funds, at, most, False, drawn), pricing.cut(plan.pricing))


def highest(plan: RatePlan, units: int, at: datetime, drawn: Draws = NOT_DRAWN) -> Decimal:
    """The highest figure of all uses up to `units`: what a grant of them has to hold. Where the end of a use decides its price, fewer units may cost more."""
    if plan.pricing is None:
        return rate(plan, drawn, Usage(units), at).figure
    return max(rate(plan, drawn, Usage(one), at).figure for one in pricing.ends(plan.pricing, at, units))


def is_free(plan: RatePlan) -> bool:
    """A use that costs nothing at any length: it may be made below any limit (PORTABILLING.md a.2, only free destinations work), and holds nothing."""
    if plan.pricing is not None:
        return pricing.is_free(plan, plan.pricing)
    return plan.connect_fee <= ZERO and plan.price_first <= ZERO and plan.price_n <= ZERO


def cut(plan: RatePlan) -> int | None:
    """The units after which the plan itself cuts the session, funds or not; None: it does not."""
    return None if plan.pricing is None else pricing.cut(plan.pricing)


def _sooner(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _afforded(plan: RatePlan, beyond: Pricing, funds: Decimal | None, at: datetime, most: int | None, tricky: bool, drawn: Draws) -> int | None:
    dearest, reached = (None, True) if funds is None else _dearest(plan, funds)
    return pricing.affordable(plan, beyond, dearest, reached, at, most, tricky, drawn)


def _afforded_evenly(plan: RatePlan, even: Even, funds: Decimal) -> int | None:
    """What the funds pay for, if every unit has the same taken off."""
    dearest, reached = _dearest(plan, funds)
    limit = EXACT.multiply(EXACT.subtract(dearest, plan.connect_fee), Decimal(plan.price_per))
    return evenly.affordable(plan, even, limit, reached)


def _ends_before(plan: RatePlan, even: Even, most: int | None, found: int | None) -> bool:
    """Whether a use of `found` units, and the interval that is too dear behind it (None: `most` units), are all within what has the same taken off."""
    if found is None:
        return even.until == ENDLESS or (most is not None and evenly.holds(even, most))
    return evenly.holds(even, found + plan.interval_n if found else plan.interval_first)


def _dearest(plan: RatePlan, funds: Decimal) -> tuple[Decimal, bool]:
    """The bound on exact amounts whose figure is at most `funds`, and whether the bound itself is such an amount."""
    if plan.rounding is Rounding.NICKEL:
        nickels = EXACT.divide_int(funds, NICKEL)
        return EXACT.multiply(EXACT.add(nickels, HALF), NICKEL), False
    floor = funds.quantize(QUANTA[plan.precision], ROUND_DOWN, EXACT)
    if plan.rounding is Rounding.AWAY:
        return floor, True
    return EXACT.add(floor, EXACT.multiply(QUANTA[plan.precision], HALF)), False
