"""
Periods in a time zone: what is local and naive in `model.period` asked with aware UTC, daylight saving included.

Between two changes of the zone's offset local time runs evenly, so that the language's own search does; at a change of the offset it is asked anew.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portaswitch.model.period import DAY, HORIZON, Period

STRIDE: Final = timedelta(days=7)
"""How far apart the offset is looked at: no zone changes it twice in a week."""

SECOND: Final = timedelta(seconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; UTC where the system's database has none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """The local time, naive, of a moment (aware)."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def matches(period: Period, at: datetime, zone: ZoneInfo) -> bool:
    """Whether the moment `at` (aware UTC) is in the period."""
    return period.matches(local(at, zone))


def next_change(period: Period, at: datetime, zone: ZoneInfo, within: timedelta = HORIZON) -> datetime | None:
    """The first whole second after `at` (aware UTC) at which `matches` answers otherwise, or None: there is none `within` from `at`."""
    at, last = at.replace(microsecond=0), at + within
    inside = matches(period, at, zone)
    while at < last:
        begin = local(at, zone)
        offset = begin - at.replace(tzinfo=None)
        end, turns = _even(at, min(at + STRIDE, last), zone)
        found = period.next_change(begin, end - at)
        if found is not None:
            moment = (found - offset).replace(tzinfo=UTC)
            if moment < end or not turns:
                return moment
        if turns and matches(period, end, zone) != inside:
            return end
        at = end
    return None


def bounds(period: Period, begin: datetime, end: datetime, zone: ZoneInfo) -> list[int]:
    """
    The bounds of a period between two moments (aware UTC, whole seconds), as seconds of the epoch, ascending: from the first to the second it is inside, and so
    on. In one pass over the days, whatever the number of its parts.
    """
    found: list[int] = []
    while begin < end:
        until, _ = _even(begin, end, zone)
        offset = (begin.astimezone(zone).replace(tzinfo=UTC) - begin) // SECOND
        low, high = ((moment - EPOCH) // SECOND + offset for moment in (begin, until))
        for day in range(low // DAY, (high - 1) // DAY + 1):
            clock = period.bounds(EPOCH.date() + timedelta(days=day))
            for first, last in zip(clock[::2], clock[1::2], strict=True):
                first, last = max(low, day * DAY + first) - offset, min(high, day * DAY + last) - offset
                if first >= last:
                    continue
                if found and found[-1] == first:
                    found[-1] = last
                else:
                    found += (first, last)
        begin = until
    return found


def _even(at: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Until when the offset stays as it is at `at`, at most until `end`; True: it changes then."""
    offset = at.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return end, False
    low, high = at, end
    while high - low > SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        middle = middle if middle > low else low + SECOND
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high, True
