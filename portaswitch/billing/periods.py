"""
Periods of counters, in the customer's zone: when one begins anew, what is carried over into it, and what a first period gives (docs/discounts.rst).

The decision that meets a counter behind the end of its period begins the next one (`current`); a job does it for counters that nobody meets.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

from portaswitch.billing.local_time import EPOCH, zone_of
from portaswitch.model.charge import SourceKey
from portaswitch.model.discount import Counter, Item, Measure, Reset, Step
from portaswitch.model.money import QUANTA, ZERO

DAY = timedelta(days=1)
#: Billing periods by their number (customer_details.i_billing_period).
DAILY, WEEKLY, HALF_MONTHLY, MONTHLY = 1, 2, 3, 4
MIDDLE = 16


def dates(reset: Reset, billing_period: int, day: date) -> tuple[date, date] | None:
    """The first day of the period that `day` is in, and of the next one; None: it never ends."""
    if reset in (Reset.ONCE, Reset.NEVER):
        return None
    if reset is Reset.DAILY or billing_period == DAILY:
        return day, day + DAY
    if billing_period == WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    if billing_period == HALF_MONTHLY:
        middle = first.replace(day=MIDDLE)
        return (first, middle) if day < middle else (middle, after)
    return first, after


@lru_cache(4096)  # one decision asks for each of its counters, several times
def bounds(reset: Reset, billing_period: int, at: datetime, zone: str) -> tuple[datetime, datetime | None]:
    """The period that `at` is in (aware UTC); the end is no part of it, None: it never ends."""
    place = zone_of(zone)
    found = dates(reset, billing_period, at.astimezone(place).date())
    if found is None:
        return EPOCH, None
    begin, end = (datetime.combine(day, time(), place).astimezone(UTC) for day in found)
    return begin, end


def current(item: Item, key: SourceKey, row: Counter | None, billing_period: int, at: datetime, zone: str, activated: datetime | None) -> Counter:
    """The counter as it is at `at`: as its row has it (None: there is none), or at the beginning of a new period."""
    if row is None:
        start, end = bounds(item.reset, billing_period, at, zone)
        return Counter(key, carried=_missing(item, start, end, activated, zone), start=start, end=end, relied=start, fresh=True)
    until = row.end
    if until is None and row.start is not None:  # a row that was loaded does not say when its period ends
        until = bounds(item.reset, billing_period, row.start, zone)[1]
    if until is None or at < until:
        return row
    start, end = bounds(item.reset, billing_period, at, zone)
    return replace(row, used=ZERO, carried=_carried(item, row, whole=until < start), start=start, end=end)


def _carried(item: Item, row: Counter, whole: bool) -> Decimal:
    """What the next period gets beside its own: the unused part of the one before, not what that was carried over itself; `whole`: nobody used that at all."""
    limit = item.limit
    if not item.rollover or limit is None:
        return ZERO
    return limit if whole else max(ZERO, min(limit, limit + row.carried - row.used))


def _missing(item: Item, start: datetime, end: datetime | None, activated: datetime | None, zone: str) -> Decimal:
    """What a first period gives less (at most nothing) as the account began within it: by days, the first one counts."""
    if not item.prorate or item.limit is None or end is None or activated is None or not start < activated < end:
        return ZERO
    place = zone_of(zone)
    first, began, behind = (moment.astimezone(place).date() for moment in (start, activated, end))
    share = item.limit * (behind - began).days / (behind - first).days
    quantum = QUANTA[0] if item.measure is Measure.UNITS else QUANTA[2]
    return share.quantize(quantum, ROUND_CEILING) - item.limit


def steps_of(item: Item, row: Counter) -> tuple[Step, ...]:
    """The steps of a counter in its running period: what is carried moves all but the first."""
    if not row.carried:
        return item.steps
    first, *more = item.steps
    return (first, *[replace(step, threshold=max(ZERO, step.threshold + row.carried)) for step in more])


