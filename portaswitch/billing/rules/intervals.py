"""
Step 2, the intervals: a use is lengthened to `interval_first` once and then to multiples of `interval_n`; prices are per `price_per` units.

By arithmetic, whatever the length: never one object per interval (DESIGN.md 3.2).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

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
    amount = EXACT.divide(price * (count * length), Decimal(plan.price_per))
    return Segment(amount, price, count, length, plan.price_per)


def affordable(plan: RatePlan, funds: Decimal) -> int | None:
    """
    About the most units whose intervals cost at most `funds` (exact amounts, >= 0); None where funds set no limit.

    The caller settles the last interval by rating it, since rounding of the figure is not this step's affair.
    """
    first = EXACT.divide(plan.price_first * plan.interval_first, Decimal(plan.price_per))
    if first > funds:
        return 0
    step = EXACT.divide(plan.price_n * plan.interval_n, Decimal(plan.price_per))
    if step <= ZERO:
        return None
    more = int(EXACT.divide(funds - first, step).to_integral_value(ROUND_FLOOR))
    return plan.interval_first + more * plan.interval_n
