"""
Rating of plans that say more than two intervals and a connect fee: the steps of `billing.rules` in their order (docs/rating.rst).

    added duration > free units > connect fee > intervals by the level of the day, or the formula > discounts > post-call > minimum, maximum > exchange
    > rounding

`charged` goes forward through them. `affordable` takes what the funds are back through all that only bounds or stretches a total, to a budget for the course
itself, and asks how far the course gets with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import chain

from portaswitch.billing.rules import add_duration, bounds, course, discount, exchange, formula, free_units, intervals, levels, post_call
from portaswitch.billing.rules.course import Budget, Run, Step, Surcharge
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Segment
from portaswitch.model.discount import NOT_DRAWN, Draws
from portaswitch.model.money import EXACT, SUM, ZERO
from portaswitch.model.pricing import Kind, Mode, Pricing

HUNDRED = Decimal(100)
#: What a charge says before it is rounded: its exact amount, its segments, the level of the day.
Exact = tuple[Decimal, tuple[Segment, ...], int]


def charged(plan: RatePlan, pricing: Pricing, units: int, at: datetime, drawn: Draws = NOT_DRAWN) -> Exact:
    """The exact amount of `units` used from `at` on, less what counters and wallets take off."""
    if units <= 0:
        return ZERO, (), 0
    terms, per = pricing.terms, Decimal(plan.price_per)
    counted = add_duration.lengthened(terms.portions, units)
    level = levels.whole(pricing, at, units)
    steps = chain(free_units.before(terms, counted), _discounted(_course(plan, pricing, at, level), plan, pricing, drawn))
    total, segments = course.priced(steps, counted, plan.price_per)
    if counted > free_units.counted(terms):
        for rule in (post_call.charged, bounds.bounded):
            total, more = rule(terms, total, per)
            segments += more
    exact, more = exchange.exchanged(pricing.bound, EXACT.divide(total, per), plan.currency)
    begins = levels.level_at(terms, pricing.bound.zone, at) if level is None else level
    return SUM.plus(exact), (*add_duration.segments(units, counted), *segments, *more), begins


def _course(plan: RatePlan, pricing: Pricing, at: datetime, level: int | None) -> Iterator[Step]:
    """The course behind the free units; `level` None: each interval has its own."""
    if pricing.formula:
        yield from formula.steps(plan, pricing)
        return
    if plan.connect_fee:
        yield Surcharge("connect", plan.connect_fee)
    if level is None:
        yield from intervals.split(plan, pricing, at, _first_free(pricing))
    else:
        yield from intervals.steps(intervals.figures_of(plan, pricing, level), levels.NAMES[level])


def _discounted(steps: Iterable[Step], plan: RatePlan, pricing: Pricing, drawn: Draws) -> Iterable[Step]:
    return discount.discounted(steps, drawn, pricing.bound.exchange, plan.price_per) if drawn else steps


# -- the inverse ----------------------------------------------------------------------------------------------------------------------------------


def affordable(
    plan: RatePlan, pricing: Pricing, dearest: Decimal | None, reached: bool, at: datetime, most: int | None, tricky: bool, drawn: Draws = NOT_DRAWN
) -> int | None:
    """
    The most units of which all, and all fewer ones, cost less than `dearest` (or as much, where that is `reached`; None: any amount) and no quota
    forbids. None: nothing limits, or nothing up to `most`. `tricky` surcharges may be left out.
    """
    budget = None if dearest is None else _budget(plan, pricing, dearest, reached)
    if budget is None and not drawn:
        return None
    portions, free = pricing.terms.portions, free_units.counted(pricing.terms)
    if dearest is not None and not _holds_minimum(plan, pricing, dearest, reached):
        return pricing.terms.free_units
    top = None if most is None else add_duration.lengthened(portions, most)
    if pricing.has_levels and pricing.terms.mode in (Mode.FINISHES, Mode.BOTH) and not pricing.formula:
        return _by_end(plan, pricing, budget, at, most, drawn)
    steps = _told(_whole(plan, pricing, at, levels.whole(pricing, at, 1), drawn), tricky)
    found = course.reach(steps, budget, plan.price_per, free + 1, top)
    return None if found is None else add_duration.real(portions, found)


def _whole(plan: RatePlan, pricing: Pricing, at: datetime, level: int | None, drawn: Draws) -> Iterable[Step]:
    return chain(free_units.before(pricing.terms), _discounted(_course(plan, pricing, at, level), plan, pricing, drawn))


def _told(steps: Iterable[Step], tricky: bool) -> Iterable[Step]:
    return steps if tricky else (step for step in steps if isinstance(step, Run) or not step.tricky)


def _by_end(plan: RatePlan, pricing: Pricing, budget: Budget | None, at: datetime, most: int | None, drawn: Draws) -> int | None:
    """Where the end of a use decides on all of it: stretch by stretch of ends with one level, the first figure too dear ends it."""
    portions, free = pricing.terms.portions, free_units.counted(pricing.terms)
    begin = 1
    for level, until in levels.by_end(pricing, at):
        if most is not None and begin > most:
            return None
        start, last = max(free + 1, add_duration.lengthened(portions, begin)), None if until is None else add_duration.lengthened(portions, until - 1)
        if last is None or last >= start:
            found = course.reach(_whole(plan, pricing, at, level, drawn), budget, plan.price_per, start, last)
            if found is not None and (last is None or found < last):
                return add_duration.real(portions, found)
        begin = begin if until is None else max(begin, until)
    return None


def _budget(plan: RatePlan, pricing: Pricing, dearest: Decimal, reached: bool) -> Budget | None:
    """What the course may cost (see `Budget`); None where the maximum charge is within the funds."""
    terms, per, worth = pricing.terms, Decimal(plan.price_per), pricing.bound.exchange
    if terms.maximum is not None and Budget(dearest, worth, reached).holds(terms.maximum):
        return None
    left = EXACT.subtract(dearest, EXACT.multiply(terms.post_call, worth))
    return Budget(EXACT.multiply(EXACT.multiply(left, HUNDRED), per), EXACT.multiply(EXACT.add(HUNDRED, terms.post_call_percent), worth), reached)


def _holds_minimum(plan: RatePlan, pricing: Pricing, dearest: Decimal, reached: bool) -> bool:
    least = pricing.terms.minimum
    return least is None or Budget(dearest, pricing.bound.exchange, reached).holds(least)


# -- what else is asked of such a plan ------------------------------------------------------------------------------------------------------------


def cut(pricing: Pricing) -> int | None:
    """The units after which a formula cuts this session; None: none."""
    if not pricing.formula:
        return None
    found = formula.cut(pricing)
    return None if found is None else max(1, add_duration.real(pricing.terms.portions, _first_free(pricing) + found))


def _first_free(pricing: Pricing) -> int:
    """Units before the course begins."""
    return sum(run.length * (run.count or 0) for run in free_units.before(pricing.terms))


def ends(pricing: Pricing, at: datetime, units: int) -> Iterator[int]:
    """The uses of at most `units` that may be the dearest of them: that itself, and where its end decides, the last one of each level."""
    if pricing.has_levels and pricing.terms.mode in (Mode.FINISHES, Mode.BOTH):
        for _, until in levels.by_end(pricing, at):
            if until is None or until > units:
                break
            if until > 1:
                yield until - 1
    yield units


def is_free(plan: RatePlan, pricing: Pricing) -> bool:
    """Whether a use costs nothing at any length and at any time."""
    terms = pricing.terms
    if terms.post_call > ZERO or (terms.minimum or ZERO) > ZERO:
        return False
    if pricing.formula:
        return not any(element.amount > ZERO or element.kind in (Kind.DISCONNECT, Kind.CONNECT) for element in pricing.formula)
    figures = (intervals.figures_of(plan, pricing, level) for level in range(len(levels.NAMES)))
    return plan.connect_fee <= ZERO and all(one.price_first <= ZERO and one.price_n <= ZERO for one in figures)
