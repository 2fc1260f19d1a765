"""
Times of h323-*-time attributes: `00:16:21.164 PST Fri Mar 9 2007` (the guide's "NTP style").

The zone is a name that only the node's operator can explain (PST, CEST ...): looked up in the node's zones, then as an IANA name; UTC and GMT are known. The
printed weekday is not relied on: the guide's own examples have it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

#: Years that a call can be of; others would leave the calendar once a duration is added, and come from no clock.
YEARS = range(1970, 2107)
MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
#: Zone abbreviations that mean one thing wherever voice equipment writes them; a node's own zones come first.
COMMON = {
    "UTC": "UTC", "GMT": "UTC", "Z": "UTC", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MST": "America/Denver", "MDT": "America/Denver",
    "EST": "America/New_York", "EDT": "America/New_York", "CET": "Europe/Paris", "CEST": "Europe/Paris", "EET": "Europe/Kiev", "EEST": "Europe/Kiev",
}  # fmt: skip


@lru_cache(256)
def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def parse(text: str | None, zones: Mapping[str, str]) -> datetime | None:
    """The instant in UTC, or None where the text is absent or no such time; a leading '*' or '.' (an unsynchronized clock) is allowed."""
    if not text:
        return None
    try:
        clock, name, _, month, day, year = text.lstrip("*.").split()
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        zone = _zone(zones.get(name) or COMMON.get(name, name))
        if zone is None or int(year) not in YEARS:
            return None
        micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
        return datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), int(whole), micro, zone).astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None
