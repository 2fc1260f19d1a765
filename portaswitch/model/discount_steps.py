"""
The steps of a discount or quota: from so many used units (or so much used money) on, so many percent are taken off, or nothing more may be used.

    parse("0: 100%, 12000: 0%, 18000: forbidden")       # steps as an operator writes them in one line
    faults("quota", "units", steps)                     # what is wrong with them together: (place, reason)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from portaswitch.model.value import dataclass

MOST: Final = 100
"""Steps of one item."""
LEVELS: Final = {"peak": 0, "off_peak": 1, "second_off_peak": 2}
"""The levels of the day that an item may count alone (vd_dgs.peak_level), by their words."""
UNFIT: Final = {"wallet": frozenset(("thresholds", "reset", "exclusive", "prorate_first", "rollover", "notify_percent"))}
"""What does not fit a kind of item: a wallet's units are bought and expire, so that it has no counter that is reset."""
PERIODIC: Final = {"prorate_first": frozenset(("billing_period",)), "rollover": frozenset(("daily", "billing_period"))}
"""What means something only of counters that are reset so."""

_STEP: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,10})?)\s*:\s*(?:([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%|(forbidden))\s*")


@dataclass(frozen=True, slots=True)
class Step:
    """From `begin` (base units of the service, or money) on `discount` percent are taken off (100: free), or use is `forbidden`."""

    begin: Decimal
    discount: Decimal = Decimal(0)
    forbidden: bool = False


def parse(text: str) -> tuple[Step, ...]:
    """
    The steps of a text: `BEGIN: PERCENT%` or `BEGIN: forbidden`, with commas between them.

    Errors: ValueError with the character and what belongs there.
    """
    steps: list[Step] = []
    place = 0
    for part in text.split(","):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ValueError(f"character {place + 1}: a step belongs here: write 12000: 50%, or 12000: forbidden")
        steps.append(Step(Decimal(found[1]), Decimal(found[2] or 0), bool(found[3])))
        place += len(part) + 1
    if len(steps) > MOST:
        raise ValueError(f"has more than {MOST} steps")
    return tuple(steps)


def shown(steps: Sequence[Step]) -> str:
    """The steps as one line, as `parse` takes it."""
    return ", ".join(f"{_plain(step.begin)}: {'forbidden' if step.forbidden else f'{_plain(step.discount)}%'}" for step in steps)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def faults(kind: str, counted_in: str, steps: Sequence[Step]) -> Iterator[tuple[int, str]]:
    """What is wrong with the steps of an item of that kind: the place of the step (from 0) and the reason."""
    if not steps:
        yield 0, "needs thresholds: write from where on which discount holds"
    before: Step | None = None
    for place, step in enumerate(steps):
        if counted_in == "units" and step.begin != step.begin.to_integral_value():
            yield place, f"{step.begin} is no whole number of units"
        if step.discount > 100:
            yield place, f"{step.discount} is more than 100 percent"
        if before is not None and step.begin <= before.begin:
            yield place, f"{_plain(step.begin)} is not above the step before it, {_plain(before.begin)}: steps rise"
        if step.forbidden and kind != "quota":
            yield place, "forbids use, which only a quota does: write kind: quota, or a discount"
        elif step.forbidden and place < len(steps) - 1:
            yield place, "forbids use, so nothing comes after it: it is the last step"
        before = step
    if steps and kind == "quota" and not steps[-1].forbidden:
        yield len(steps) - 1, "is the last step of a quota, which forbids use: write forbidden"


def end_of(steps: Sequence[Step]) -> Decimal | None:
    """Where what the steps give is used up: the forbidden one, of a discount the first one that takes off less; None: nowhere."""
    first = steps[0].discount if steps and not steps[0].begin else Decimal(0)
    return next((step.begin for step in steps if step.forbidden or step.discount < first), None)
