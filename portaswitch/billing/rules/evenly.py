"""
Step 4 in short: of most uses every unit has the same taken off, as they are far from the next step of all that they draw on, by a plan of two intervals.

What comes out is what `billing.pricing` makes of such a use unit by unit, without its walk (docs/discounts.rst).
"""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Segment, Source, Take
from portaswitch.model.discount import ENDLESS, HUNDRED, Draw, Draws, Even, Measure
from portaswitch.model.money import EXACT, ZERO

ONE = Decimal(1)


def of(drawn: Draws, plan: RatePlan) -> Even | None:
    """What is taken off each unit; None where units may differ: by their price, by money that is counted, or as some were settled already."""
    if not drawn or drawn.past or plan.pricing is not None or plan.price_first <= ZERO or plan.price_n <= ZERO:
        return None
    if not drawn.known:
        drawn.known.append(_at_first(drawn.draws))
    return drawn.known[0]


def _at_first(draws: tuple[Draw, ...]) -> Even | None:
    """What the first unit has taken off, and up to where all that it draws on stay in their steps; None where it takes a closer look."""
    left, until, met = HUNDRED, ENDLESS, []
    for place, draw in enumerate(draws):
        first = draw.steps[0]
        if draw.measure is Measure.MONEY or first.forbidden or (draw.exclusive and draw.limits):
            return None
        if draw.level or (left <= ZERO and draw.key.source is Source.WALLET):
            continue
        met.append((place, ONE))
        if len(draw.steps) > 1 and draw.steps[1].threshold < until:
            until = draw.steps[1].threshold
        if first.percent:
            left = EXACT.divide(EXACT.multiply(left, EXACT.subtract(HUNDRED, first.percent)), HUNDRED)
            if draw.ends(first.percent):
                break
    return Even(EXACT.subtract(HUNDRED, left), tuple(met), until)


def holds(even: Even, units: int) -> bool:
    """Whether so many charged units all have the same taken off."""
    return units <= even.until


def segments(plan: RatePlan, even: Even, quantity: int) -> tuple[tuple[Segment, ...], Decimal]:
    """The first interval, and the next ones as one segment; and their cost as a numerator over `price_per`."""
    first, cost = _segment(plan, even, 1, plan.interval_first, plan.price_first)
    if quantity <= plan.interval_first:
        return (first,), cost
    more, beyond = _segment(plan, even, (quantity - plan.interval_first) // plan.interval_n, plan.interval_n, plan.price_n)
    return (first, more), EXACT.add(cost, beyond)


def _segment(plan: RatePlan, even: Even, count: int, length: int, price: Decimal) -> tuple[Segment, Decimal]:
    cost = EXACT.multiply(_lowered(EXACT.multiply(price, Decimal(length)), even), Decimal(count))
    return Segment(EXACT.divide(cost, Decimal(plan.price_per)), price, count, length, plan.price_per, "", even.percent, 0, even.draws), cost


def _lowered(whole: Decimal, even: Even) -> Decimal:
    return EXACT.divide(EXACT.multiply(whole, EXACT.subtract(HUNDRED, even.percent)), HUNDRED) if even.percent else whole


def takes(drawn: Draws, even: Even, quantity: int) -> tuple[Take, ...]:
    """What the units take from counters and wallets."""
    draws = drawn.draws if drawn else ()
    return tuple([Take(draws[place].key, ZERO, quantity * draws[place].size) for place, _ in even.draws])


def affordable(plan: RatePlan, even: Even, limit: Decimal, reached: bool) -> int | None:
    """As `intervals.affordable`, of a `limit` that is a numerator: what the units may cost beside the connect fee."""
    left = EXACT.subtract(limit, _lowered(EXACT.multiply(plan.price_first, Decimal(plan.interval_first)), even))
    if left < ZERO or (left == ZERO and not reached):
        return 0
    step = _lowered(EXACT.multiply(plan.price_n, Decimal(plan.interval_n)), even)
    if step <= ZERO:
        return None
    whole, rest = EXACT.divmod(left, step)
    more = int(whole) - (1 if not reached and rest == ZERO else 0)
    return plan.interval_first + more * plan.interval_n
