"""
Step 2, the intervals: a use is lengthened to `interval_first` once and then to multiples of `interval_n`; prices are per `price_per` units.

By arithmetic, whatever the length: never one object per interval (DESIGN.md 3.2).
"""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, ZERO


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
