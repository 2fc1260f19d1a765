"""
Step 3a, the level of the day: peak 0, off-peak 1, second off-peak 2, by the tariff's periods in the zone of who is charged (PORTABILLING.md b).

The periods are compiled to the changes of one day each (in UTC), once a day and zone and kept: what a charge pays for is a look-up, whatever the rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from portaswitch.billing.local_time import EPOCH, SECOND, bounds, zone_of
from portaswitch.model.period import DAY, parse
from portaswitch.model.pricing import Binding, Mode, Pricing, Terms

HORIZON = 366
"""Days from its beginning after which a session keeps the level that it has: no use is believed to be longer (`billing.plausible`)."""

MICROSECOND = timedelta(microseconds=1)
NAMES = ("", "off-peak", "second off-peak")

#: A stretch of one level: the level, and the unit behind its last one (None: for ever).
Stretch = tuple[int, int | None]


def level_at(terms: Terms, zone: str, at: datetime) -> int:
    """The level at a moment (aware UTC)."""
    seconds = (at - EPOCH) // SECOND
    level = 0
    for moment, found in _day(terms.off_peak, terms.second_off_peak, zone, seconds // DAY):
        if moment > seconds:
            break
        level = found
    return level


@lru_cache(16384)
def _day(first: str, second: str, zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """The changes of one day since 1970: second of the epoch and the level from then on; the first one is the day's beginning."""
    begin, place = EPOCH + timedelta(days=day), zone_of(zone)
    inner, outer = [bounds(parse(text or "none"), begin, begin + timedelta(days=1), place) for text in (second, first)]
    found: list[tuple[int, int]] = []
    for moment in sorted({day * DAY, *inner, *outer}):
        level = 2 if bisect_right(inner, moment) % 2 else bisect_right(outer, moment) % 2
        if moment < (day + 1) * DAY and (not found or level != found[-1][1]):
            found.append((moment, level))
    return tuple(found)


def stretches(terms: Terms, bound: Binding, at: datetime) -> Iterator[Stretch]:
    """The stretches of a use that begins at `at`: each unit has the level of the second in which it begins. Of units that are no time all have the first."""
    level = level_at(terms, bound.zone, at)
    if not bound.seconds:
        yield level, None
        return
    start = (at - EPOCH) // MICROSECOND
    length = bound.seconds * 1_000_000
    first = start // (DAY * 1_000_000)
    for day in range(first, first + HORIZON):
        for moment, found in _day(terms.off_peak, terms.second_off_peak, bound.zone, day):
            until = moment * 1_000_000 - start
            if until > 0 and found != level:
                yield level, -(-until // length)
                level = found
    yield level, None


def whole(pricing: Pricing, at: datetime, units: int) -> int | None:
    """The one level of a use of so many units; None where each interval has its own."""
    terms, bound = pricing.terms, pricing.bound
    if not pricing.has_levels:
        return 0
    if terms.mode is Mode.SPLIT:
        return None
    begins = level_at(terms, bound.zone, at)
    if terms.mode is Mode.STARTS:
        return begins
    return _of_end(terms.mode, begins, level_at(terms, bound.zone, at + timedelta(seconds=bound.seconds * units)))


def _of_end(mode: Mode, begins: int, ends: int) -> int:
    return ends if mode is Mode.FINISHES or begins == ends else 0


def by_end(pricing: Pricing, at: datetime) -> Iterator[Stretch]:
    """Where the end of a use decides: the level of all of it, as long as it has fewer units than the second figure (None: whatever it has)."""
    begins = level_at(pricing.terms, pricing.bound.zone, at)
    for level, until in stretches(pricing.terms, pricing.bound, at):
        yield _of_end(pricing.terms.mode, begins, level), until
