"""
Times of h323-*-time attributes: `00:16:21.164 PST Fri Mar 9 2007` (the guide's "NTP style").

The zone is a name that only the node's operator can explain (PST, CEST ...): looked up in the node's zones, then as an IANA name; UTC and GMT are known. The
printed weekday is not relied on: the guide's own examples have it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
#: Zone abbreviations that mean one thing wherever voice equipment writes them; a node's own zones come first.
COMMON = {
    "UTC": "UTC", "GMT": "UTC", "Z": "UTC", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MST": "America/Denver", "MDT": "America/Denver",
    "EST": "America/New_York", "EDT": "America/New_York", "CET": "Europe/Paris", "CEST": "Europe/Paris", "EET": "Europe/Kiev", "EEST": "Europe/Kiev",
}  # fmt: skip

#: Years that a clock may show: those that RADIUS' own times can say.
YEARS = range(1970, 2107)


@lru_cache(256)
def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(512)
def _minute(hour: str, minute: str, zone_name: str, month: str, day: str, year: str) -> datetime | None:
    """The instant at which a minute of a zone's clock begins. Remembered, since the calls of a gateway begin and end in the same few minutes."""
    zone = _zone(zone_name)
    return None if zone is None or int(year) not in YEARS else datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), tzinfo=zone).astimezone(UTC)


def parse(text: str | None, zones: Mapping[str, str]) -> datetime | None:
    """The instant in UTC, or None where the text is absent or no such time; a leading '*' or '.' (an unsynchronized clock) is allowed."""
    if not text:
        return None
    try:
        clock, name, _, month, day, year = text.lstrip("*.").split()
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        begin = _minute(hour, minute, zones.get(name) or COMMON.get(name, name), month, day, year)
        seconds, micro = int(whole), int(fraction[:6].ljust(6, "0")) if fraction else 0
        return begin + timedelta(0, seconds, micro) if begin is not None and 0 <= seconds < 60 and micro >= 0 else None
    except (ValueError, KeyError, OverflowError):
        return None
