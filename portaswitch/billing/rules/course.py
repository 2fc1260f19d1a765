"""
The course of a use: what is charged in which order as it goes on, and how far along it some funds reach.

Amounts are numerators, prices times units, divided by price_per at the very end only; so what is affordable is compared exactly. By arithmetic, whatever the
length: one step for each run of equal intervals (DESIGN.md 3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, SUM, ZERO
from portaswitch.model.value import dataclass

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Run:
    """
    `count` intervals (None: without end) of `length` units at `price`, of which a discount takes `percent` off; `name` is the level of the day. `forbidden`: by
    a quota. `inside`: what an interval is made of in which a discount changes; `part` and `draws` as in `Segment`.
    """

    count: int | None
    length: int
    price: Decimal
    name: str = ""
    percent: Decimal = ZERO
    part: int = 0
    draws: tuple[tuple[int, Decimal], ...] = ()
    forbidden: bool = False
    inside: tuple[Run, ...] = ()

    @property
    def amount(self) -> Decimal:
        """What one interval costs, as a numerator."""
        if self.inside:
            return sum([part.amount for part in self.inside], ZERO)
        whole = EXACT.multiply(self.price, Decimal(self.length))
        return EXACT.divide(EXACT.multiply(whole, EXACT.subtract(HUNDRED, self.percent)), HUNDRED) if self.percent else whole


@dataclass(frozen=True, slots=True)
class Surcharge:
    """
    An amount beside the intervals, charged with the next unit: `amount`, or (`share`) as many percent of what was charged till then; nothing where chance has
    left it out (`counts`).
    """

    name: str
    amount: Decimal
    share: bool = False
    counts: bool = True
    tricky: bool = False


Step = Run | Surcharge


@dataclass(frozen=True, slots=True)
class Budget:
    """What a course may cost: `total` numerators, of which each of the course counts `scale`; the total itself only where it is `reached`."""

    total: Decimal
    scale: Decimal
    reached: bool

    def holds(self, sum_: Decimal) -> bool:
        """Whether a course that costs `sum_` is within it."""
        cost = EXACT.multiply(sum_, self.scale)
        return cost < self.total or (cost == self.total and self.reached)

    def times(self, sum_: Decimal, amount: Decimal) -> int:
        """How many times `amount` (above 0) fits beside `sum_`; below 0 where not even that fits."""
        left = EXACT.subtract(self.total, EXACT.multiply(sum_, self.scale))
        if left < ZERO:
            return -1
        whole, rest = EXACT.divmod(left, EXACT.multiply(amount, self.scale))
        return int(whole) - (1 if not self.reached and rest == ZERO else 0)


def priced(steps: Iterable[Step], units: int, price_per: int) -> tuple[Decimal, list[Segment]]:
    """The cost of so many units as a numerator, and the segments it is made of."""
    at, total, per = 0, ZERO, Decimal(price_per)
    segments: list[Segment] = []
    for step in steps if units > 0 else ():
        if isinstance(step, Run):
            count = -((at - units) // step.length)
            count = count if step.count is None else min(count, step.count)
            if count:
                segments += [_segment(part, count, price_per) for part in step.inside or (step,)]
                total = EXACT.add(total, EXACT.multiply(step.amount, Decimal(count)))
                at += count * step.length
                if at >= units:
                    break  # what comes behind is not even looked for
        else:
            amount = _surcharge(step, total, per)
            exact = EXACT.divide(amount, per)
            segments.append(Segment(exact, SUM.plus(exact), name=step.name))
            total = EXACT.add(total, amount)
    return total, segments


def _segment(step: Run, count: int, price_per: int) -> Segment:
    exact = EXACT.divide(EXACT.multiply(step.amount, Decimal(count)), Decimal(price_per))
    return Segment(exact, step.price, count, step.length, price_per, step.name, step.percent, step.part, step.draws)


def _surcharge(step: Surcharge, total: Decimal, per: Decimal) -> Decimal:
    if not step.counts:
        return ZERO
    return EXACT.divide(EXACT.multiply(total, step.amount), HUNDRED) if step.share else EXACT.multiply(step.amount, per)


def reach(steps: Iterable[Step], budget: Budget | None, price_per: int, start: int, most: int | None) -> int | None:
    """
    How many units fit: all figures from `start` to it, and not one more; `start` - 1 where not even `start` fits. None where nothing ends it, or nothing up
    to `most`. `budget` None: any amount fits, only a quota ends it.
    """
    at, total, per = 0, ZERO, Decimal(price_per)
    for step in steps if most is None or most > 0 else ():
        if isinstance(step, Surcharge):
            total = EXACT.add(total, _surcharge(step, total, per))
            continue
        if step.forbidden:
            return max(start, at + 1) - 1
        amount = step.amount
        if budget is not None and (step.count is None or at + step.count * step.length >= start):
            first = max(1, -((at - start) // step.length))
            if not budget.holds(EXACT.add(total, EXACT.multiply(amount, Decimal(first)))):
                return max(start, at + 1) - 1
            fitting = budget.times(total, amount) if amount > ZERO else step.count
            if fitting is not None and (step.count is None or fitting < step.count):
                return at + fitting * step.length
        if step.count is None:
            return None
        total = EXACT.add(total, EXACT.multiply(amount, Decimal(step.count)))
        at += step.count * step.length
        if most is not None and at >= most:
            return None
    return None
