"""
Step 3, the intervals: a use is lengthened to `interval_first` once and then to multiples of `interval_n`; prices are per `price_per` units.

By arithmetic, whatever the length: never one object per interval (DESIGN.md 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from portaswitch.billing.rules import add_duration, levels
from portaswitch.billing.rules.course import Run, Step
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, ZERO
from portaswitch.model.pricing import Figures, Pricing


def quantity(plan: RatePlan, units: int) -> int:
    """The units charged for `units` used: rounded up to the intervals; 0 for no use."""
    if units <= 0:
        return 0
    if units <= plan.interval_first:
        return plan.interval_first
    return plan.interval_first - (plan.interval_first - units) // plan.interval_n * plan.interval_n


def segments(plan: RatePlan, units: int) -> tuple[Segment, ...]:
    """The first interval, and the next ones as one segment."""
    charged = quantity(plan, units)
    if not charged:
        return ()
    first = plan.interval_first
    steps = [_segment(plan, 1, first, plan.price_first)]
    if charged > first:
        steps.append(_segment(plan, (charged - first) // plan.interval_n, plan.interval_n, plan.price_n))
    return tuple(steps)


def _segment(plan: RatePlan, count: int, length: int, price: Decimal) -> Segment:
    # Multiplied before divided: the only division of the step, so that 20 s at 0.10 a minute, three times, is 0.10 to the digit.
    amount = EXACT.divide(EXACT.multiply(price, Decimal(count * length)), Decimal(plan.price_per))
    return Segment(amount, price, count, length, plan.price_per)


def affordable(plan: RatePlan, dearest: Decimal, reached: bool) -> int | None:
    """
    The most units whose intervals cost less than `dearest` (exact), or as much where that is `reached`; 0 for none, None where nothing limits.

    Numerators are compared (prices times units against dearest times price_per), since quotients may have no end.
    """
    limit = EXACT.multiply(dearest, Decimal(plan.price_per))
    left = EXACT.subtract(limit, EXACT.multiply(plan.price_first, Decimal(plan.interval_first)))
    if left < ZERO or (left == ZERO and not reached):
        return 0
    step = EXACT.multiply(plan.price_n, Decimal(plan.interval_n))
    if step <= ZERO:
        return None
    whole, rest = EXACT.divmod(left, step)
    more = int(whole) - (1 if not reached and rest == ZERO else 0)
    return plan.interval_first + more * plan.interval_n


def steps(figures: Figures, name: str) -> Iterator[Step]:
    """The course of a use that has one level of the day, named."""
    yield Run(1, figures.interval_first, figures.price_first, name)
    yield Run(None, figures.interval_n, figures.price_n, name)


def split(plan: RatePlan, pricing: Pricing, at: datetime, begun: int) -> Iterator[Step]:
    """
    The course where every interval has the level that it begins in, `begun` units along already. Intervals stay whole at a boundary, so that as many units are
    charged as without it.
    """
    place, first = begun, True
    for level, until in levels.stretches(pricing.terms, pricing.bound, at):
        end = None if until is None else add_duration.lengthened(pricing.terms.portions, until)
        if end is not None and end <= place:
            continue
        figures, name = figures_of(plan, pricing, level), levels.NAMES[level]
        if first:
            yield Run(1, figures.interval_first, figures.price_first, name)
            place, first = place + figures.interval_first, False
        if end is None:
            yield Run(None, figures.interval_n, figures.price_n, name)
        elif end > place:
            count = -((place - end) // figures.interval_n)
            yield Run(count, figures.interval_n, figures.price_n, name)
            place += count * figures.interval_n


def figures_of(plan: RatePlan, pricing: Pricing, level: int) -> Figures:
    """The figures of a level; a second off-peak without its own has those of off-peak."""
    if not level or not pricing.levels:
        return Figures(plan.interval_first, plan.interval_n, plan.price_first, plan.price_n)
    return pricing.levels[min(level, len(pricing.levels)) - 1]
