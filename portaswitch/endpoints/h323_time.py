"""
Times of h323-*-time attributes: `00:16:21.164 PST Fri Mar 9 2007` (the guide's "NTP style").

The zone is a name that only the node's operator can explain (PST, CEST ...): looked up in the node's zones, then among the abbreviations that mean one thing
everywhere, then as an IANA name. The printed weekday is not relied on: the guide's own examples have it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
#: Hours from UTC of abbreviations that mean one thing wherever voice equipment writes them. Offsets and no zones: an abbreviation says itself whether it is
#: summer time, so that a gateway without any (EST in July) and the hour that comes twice in autumn (01:30 PDT, then 01:30 PST) are read as they are meant.
COMMON = {
    "UTC": 0, "GMT": 0, "Z": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "EST": -5, "EDT": -4, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
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


def _common(name: str) -> tzinfo | None:
    hours = COMMON.get(name)
    return _zone(name) if hours is None else timezone(timedelta(hours=hours))


@lru_cache(512)
def _minute(hour: str, minute: str, name: str, explained: str, month: str, day: str, year: str) -> datetime | None:
    """
    The instant at which a minute of a zone's clock begins; `explained` is what the node's zones say of its name. Remembered, since the calls of a gateway
    begin and end in the same few minutes.
    """
    zone = _zone(explained) if explained else _common(name)
    if zone is None or int(year) not in YEARS:
        return None
    local = datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), tzinfo=zone)
    again = local.replace(fold=1)
    # Where the clock was put back an hour comes twice: the printed name says which of the two it is.
    return (again if again.tzname() == name != local.tzname() else local).astimezone(UTC)


def parse(text: str | None, zones: Mapping[str, str]) -> datetime | None:
    """The instant in UTC, or None where the text is absent or no such time; a leading '*' or '.' (an unsynchronized clock) is allowed."""
    if not text:
        return None
    try:
        clock, name, _, month, day, year = text.lstrip("*.").split()
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        begin = _minute(hour, minute, name, zones.get(name, ""), month, day, year)
        seconds, micro = int(whole), int(fraction[:6].ljust(6, "0")) if fraction else 0
        return begin + timedelta(0, seconds, micro) if begin is not None and 0 <= seconds < 60 and micro >= 0 else None
    except (ValueError, KeyError, OverflowError):
        return None


def elapsed(begin: datetime | str | None, end: str | None, zones: Mapping[str, str]) -> timedelta | None:
    """
    From one time (as `parse` gives it, or its text) to another; None where either is absent or no time. Two times of one zone that nobody has explained are
    wrong by the same: how long a call lasted must not depend on whether its zone's name is known.
    """
    since, until = begin if isinstance(begin, datetime) else parse(begin, zones), parse(end, zones)
    if since is None and until is None and isinstance(begin, str) and end and (name := _zone_name(begin)) == _zone_name(end):
        since, until = parse(begin, {name: "UTC"}), parse(end, {name: "UTC"})
    return None if since is None or until is None else until - since


def _zone_name(text: str) -> str:
    words = text.split(maxsplit=2)
    return words[1] if len(words) > 1 else ""
