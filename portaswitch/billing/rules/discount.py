"""
Step 4, discounts: counters and wallets take their percent off the intervals, unit by unit in the order of use (docs/discounts.rst).

A unit has the step of a counter that it begins in, as units are what is used. Behind each other the plans take their percent of what is left, until one takes
the unit for itself. By arithmetic: one run a stretch that has the same steps, whatever its length; an interval in which a step changes stays one interval.
Surcharges are left alone. Units that a free allowance of the tariff covers are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from portaswitch.billing.rules import levels
from portaswitch.billing.rules.course import Run, Step, Surcharge
from portaswitch.model import discount
from portaswitch.model.charge import Segment, Source, Take
from portaswitch.model.discount import HUNDRED, Draw, Drawn, Measure, Stretch
from portaswitch.model.money import EXACT, SUM, ZERO
from portaswitch.model.value import dataclass

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Now:
    """What holds for the next units: `until` how many of them (None: all)."""

    percent: Decimal
    part: int
    draws: tuple[tuple[int, Decimal], ...]
    forbidden: bool
    until: int | None


def discounted(steps: Iterable[Step], drawn: Drawn, worth: Decimal, price_per: int) -> Iterator[Step]:
    """The course of a use with what is taken off; `worth`: of one unit of the tariff's currency in that of who is charged."""
    walk = _Walk(drawn, worth, Decimal(price_per))
    for step in steps:
        if isinstance(step, Surcharge):
            yield step
        else:
            yield from walk.through(step)


class _Walk:
    """One way through a use: how far along each counter it is. Money is kept as a numerator, so that steps are met exactly."""

    def __init__(self, drawn: Drawn, worth: Decimal, price_per: Decimal) -> None:
        self._past = [(stretch.units, stretch) for stretch in drawn.past]
        self._draws, self._worth, self._per = drawn.draws, worth, price_per
        self._along = [ZERO] * len(drawn.draws)
        self._part = drawn.past[-1].part if drawn.past else -1
        self._split: tuple[Decimal, ...] | None = None
        self._last: tuple[Decimal, str, _Now] | None = None
        quotas = [place for place, draw in enumerate(drawn.draws) if draw.limits]
        self._quotas = quotas if len(quotas) > 1 and any([drawn.draws[place].exclusive for place in quotas]) else []

    def through(self, run: Run) -> Iterator[Run]:
        """The run as runs with one percent each, whole intervals together."""
        left = run.count
        while left is None or left > 0:
            now = self._now(run)
            whole = left if now.until is None else _least(left, now.until // run.length)
            if whole is None:
                yield self._run(run, now, None, run.length)
                return
            if whole:
                yield self._run(run, now, whole, run.length)
                self._go(now, whole * run.length)
            else:
                yield self._mixed(run)
                whole = 1
            left = None if left is None else left - whole

    def _mixed(self, run: Run) -> Run:
        """One interval in which something changes."""
        parts: list[Run] = []
        need = run.length
        while need:
            now = self._now(run)
            units = need if now.until is None else min(need, now.until)
            parts.append(self._run(run, now, 1, units))
            self._go(now, units)
            need -= units
        return replace(parts[0], length=run.length, forbidden=any(part.forbidden for part in parts), inside=tuple(parts))

    def _run(self, run: Run, now: _Now, count: int | None, length: int) -> Run:
        return Run(count, length, run.price, run.name, now.percent, now.part, now.draws, now.forbidden)

    def _go(self, now: _Now, units: int) -> None:
        if self._past:
            left, stretch = self._past[0]
            self._past[:1] = [(left - units, stretch)] if left > units else []
        for place, each in now.draws:
            self._along[place] = EXACT.add(self._along[place], EXACT.multiply(each, Decimal(units)))
        if self._last is not None:  # the next units of this price and level go on in the same steps
            price, name, last = self._last
            more = None if last.until is None else last.until - units
            self._last = None if more == 0 else (price, name, _Now(last.percent, last.part, last.draws, last.forbidden, more))

    def _now(self, run: Run) -> _Now:
        if self._past:
            units, stretch = self._past[0]
            return _Now(stretch.percent, stretch.part, (), False, units)
        if self._last is not None and self._last[:2] == (run.price, run.name):
            return self._last[2]
        left, until, forbidden, level = HUNDRED, None, False, levels.NAMES.index(run.name)
        draws: list[tuple[int, Decimal]] = []
        split: list[Decimal] = []
        aside = self._aside(level) if self._quotas else ()
        for place, draw in enumerate(self._draws):
            if (draw.level is not None and draw.level != level) or place in aside:
                continue
            step, end = self._step(place, draw)
            if draw.key.source is Source.WALLET and (end is None or left <= ZERO or run.price <= ZERO):
                continue
            each = ONE if draw.measure is Measure.UNITS else self._money(run.price, left)
            draws.append((place, each))
            if end is not None:
                until = _sooner(until, _units(end, self._along[place], each))
            forbidden = forbidden or step.forbidden
            if step.percent:
                left = EXACT.divide(EXACT.multiply(left, EXACT.subtract(HUNDRED, step.percent)), HUNDRED)
            split += [step.percent] if draw.split else []
            if draw.ends(step.percent):
                break
        if self._split != tuple(split):
            self._split, self._part = tuple(split), self._part + 1
        now = _Now(EXACT.subtract(HUNDRED, left), self._part, tuple(draws), forbidden, until)
        self._last = run.price, run.name, now
        return now

    def _aside(self, level: int) -> set[int]:
        """Quotas that have no part in the next units: exclusive ones that are used up while others stand behind, and those behind one that is not."""
        found: set[int] = set()
        chain = [place for place in self._quotas if self._draws[place].level in (None, level)]
        for order, place in enumerate(chain):
            if self._draws[place].exclusive and not self._step(place, self._draws[place])[0].forbidden:
                return found.union(chain[order + 1 :])
            if self._draws[place].exclusive and place != chain[-1]:
                found.add(place)
        return found

    def _step(self, place: int, draw: Draw) -> tuple[discount.Step, Decimal | None]:
        """The step that the use is in, and where the next one begins (in units, or a numerator of money)."""
        along, money = self._along[place], draw.measure is Measure.MONEY
        found = draw.steps[0]
        for step in draw.steps[1:]:
            bound = EXACT.multiply(step.threshold, self._per) if money else step.threshold
            if along < bound:
                return found, bound
            found = step
        return found, None

    def _money(self, price: Decimal, left: Decimal) -> Decimal:
        """What one unit moves a counter of money by."""
        return EXACT.divide(EXACT.multiply(EXACT.multiply(price, self._worth), left), HUNDRED)


def _units(end: Decimal, along: Decimal, each: Decimal) -> int | None:
    """The units of which each begins before `end`."""
    if each is ONE:
        left = end - along
        whole_units = int(left)
        return whole_units + (left > whole_units)
    if each <= ZERO:
        return None
    whole, rest = EXACT.divmod(EXACT.subtract(end, along), each)
    return int(whole) + (rest > ZERO)


def _least(left: int | None, intervals: int) -> int:
    return intervals if left is None else min(left, intervals)


def _sooner(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


# -- what a priced use leaves ---------------------------------------------------------------------------------------------------------------------


def takes(drawn: Drawn, segments: Iterable[Segment]) -> tuple[Take, ...]:
    """What the segments take from counters and wallets, in the measure of each."""
    sums: dict[int, Decimal] = {}
    for segment in segments:
        for place, each in segment.draws:
            amount = EXACT.multiply(each, Decimal(segment.units))
            money = drawn.draws[place].measure is Measure.MONEY
            sums[place] = EXACT.add(sums.get(place, ZERO), EXACT.divide(amount, Decimal(segment.price_per)) if money else amount)
    found: list[Take] = []
    for place, amount in sums.items():
        draw = drawn.draws[place]
        units = SUM.plus(amount) if draw.measure is Measure.MONEY else int(amount) * draw.size
        if units:
            found.append(Take(draw.key, ZERO, units))
    return tuple(found)


def stretches(segments: Iterable[Segment]) -> tuple[Stretch, ...]:
    """The charged units of a use by what was taken off; free units of the tariff are left out, as they are not met again."""
    found: list[Stretch] = []
    for segment in segments:
        if not segment.count or segment.part < 0:
            continue
        last = found[-1] if found else None
        if last is not None and (last.percent, last.part) == (segment.percent, segment.part):
            found[-1] = Stretch(last.units + segment.units, last.percent, last.part)
        else:
            found.append(Stretch(segment.units, segment.percent, segment.part))
    return tuple(found)
