"""
Periods of local time in the language of Perl's Time::Period (its CPAN documentation, version 1.25), compiled.

    period  = "" (always) | "none" | "never" | "always" | part ["," part ...]        a part is enough
    part    = scale "{" range [range ...] "}" [scale "{" ... "}" ...]                every scale of a part must fit
    range   = value | value "-" value                                                both ends belong to it, 6pm-5am wraps

    wd{mon-fri} hr{9am-4pm}     from Monday to Friday, 09:00:00 to 16:59:59

Scales: year yr, month mo, week wk (of the month, from Sunday), yday yd, mday md, wday wd (1 is Sunday), hour hr, minute min, second sec. Blanks and case
don't matter; of a month's name three letters count, of a weekday's two. A scale that stands twice in a part is the union of both.

Ours, where the documentation is silent: a week begins with each Sunday but the first day of the month (the Perl code counts otherwise in months that begin
with a Sunday, against its own comment); a two-digit year is of the century of the time that is asked about; "never" and "always" are words for "none" and "".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from portaswitch.model.value import dataclass

DAY: Final = 86400
HORIZON: Final = timedelta(days=14_610)
"""How far `next_change` looks unless it is told: forty years, so that 29 February on a given weekday is found."""

SCALES: Final = {
    "year": "yr", "month": "mo", "week": "wk", "yday": "yd", "mday": "md", "wday": "wd", "hour": "hr", "minute": "min", "second": "sec",
}  # fmt: skip
LIMITS: Final = {"mo": (1, 12), "wk": (1, 6), "yd": (1, 366), "md": (1, 31), "wd": (1, 7), "hr": (0, 23), "min": (0, 59), "sec": (0, 59)}
WORDS: Final = {
    "mo": {word: number for number, word in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)},
    "wd": {word: number for number, word in enumerate(("su", "mo", "tu", "we", "th", "fr", "sa"), 1)},
}
SIGNIFICANT: Final = {"mo": 3, "wd": 2}
NEVER: Final = frozenset(("none", "never"))

_SCALE = re.compile(r"\s*([a-z]+)\s*\{([^{}]*)\}\s*")
_RANGE = re.compile(r"(\w+)(?:\s*-\s*(\w+))?")
_CLOCK = re.compile(r"(\d{1,2})(am|pm|noon)")


class PeriodError(ValueError):
    """A text that is no period; `place` is the number of the character (from 1) where it goes wrong."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(f"character {place}: {reason}")
        self.place = place


@dataclass(frozen=True, slots=True)
class Part:
    """
    One sub-period: what days it is on, as bit masks (bit n is value n; all ones: any), and its stretches of a day as ascending pairs
    of seconds [begin, end). `years` are pairs of first and last, () for any.
    """

    years: tuple[tuple[int, int], ...]
    months: int
    weeks: int
    year_days: int
    month_days: int
    week_days: int
    clock: tuple[int, ...]

    def may_be_in(self, year: int, month: int) -> bool:
        """Whether any day of the month can belong to it."""
        return bool(self.months >> month & 1) and (not self.years or any(_within(year, *pair) for pair in self.years))

    def is_on(self, day: date) -> bool:
        """Whether the day belongs to it."""
        weekday = day.isoweekday() % 7 + 1
        return bool(
            self.week_days >> weekday & self.month_days >> day.day & 1
            and self.may_be_in(day.year, day.month)
            and self.weeks >> _week(day, weekday) & 1
            and self.year_days >> day.timetuple().tm_yday & 1
        )


@dataclass(frozen=True, slots=True)
class Period:
    """A compiled period; `text` is what it was made of. Times are local and naive (a zone is not looked at)."""

    text: str
    parts: tuple[Part, ...] = field(repr=False)

    def matches(self, local: datetime) -> bool:
        """Whether the local time is in it."""
        second = local.hour * 3600 + local.minute * 60 + local.second
        return any(bisect_right(part.clock, second) % 2 == 1 and part.is_on(local.date()) for part in self.parts)

    def next_change(self, local: datetime, within: timedelta = HORIZON) -> datetime | None:
        """
        The first time after `local`, and not later than `within` from it, at which `matches` answers otherwise; None where there is none.

        A walk over days, and over whole months where nothing can match; within a day by a search among its bounds.
        """
        local = local.replace(tzinfo=None, fold=0)
        inside, last = self.matches(local), local + within
        if self.is_always:
            return None
        for day in self._days(local.date(), last.date(), inside):
            bounds = self.bounds(day)
            # What is asked of the first day lies behind the present second; later days are looked at from their beginning.
            first = day == local.date()
            second = local.hour * 3600 + local.minute * 60 + local.second if first else 0
            place = bisect_right(bounds, second)
            if not first and (bool(bounds) and bounds[0] == 0) != inside:
                found = 0
            elif place < len(bounds) and bounds[place] < DAY:
                found = bounds[place]
            else:
                continue
            moment = datetime.combine(day, time()) + timedelta(seconds=found)
            return moment if moment <= last else None
        return None

    @property
    def is_always(self) -> bool:
        """Whether one of its parts is all the time there is."""
        return ALWAYS in self.parts

    def bounds(self, day: date) -> tuple[int, ...]:
        """The bounds of the period on one day: from the first to the second it is inside, and so on."""
        return _union(tuple([part.clock for part in self.parts if part.is_on(day)]))

    def _days(self, day: date, last: date, inside: bool) -> Iterator[date]:
        """The days that may bring a change; from outside, months that no part touches are left out."""
        while day <= last:
            if not inside and not any(part.may_be_in(day.year, day.month) for part in self.parts):
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
                continue
            yield day
            day += timedelta(days=1)


def _within(year: int, first: int, last: int) -> bool:
    """Years don't wrap; two digits are of the century of `year`, and the smaller one comes first."""
    century = year // 100 * 100
    first, last = first + (century if first < 100 else 0), last + (century if last < 100 else 0)
    return min(first, last) <= year <= max(first, last)


def _week(day: date, weekday: int) -> int:
    """The week of the month: one more with each Sunday behind its first day. `weekday`: 1 is Sunday."""
    return 1 + (day.day - 1 + (weekday - day.day) % 7) // 7


# -- compiling ------------------------------------------------------------------------------------------------------------------------------------


@lru_cache(1024)
def parse(text: str) -> Period:
    """Compile a period. Errors: `PeriodError`, which says at which character and what may stand there."""
    lowered = text.lower()
    word = lowered.strip()
    if word in NEVER:
        return Period(text, ())
    if word in ("", "always"):
        return Period(text, (ALWAYS,))
    parts, place = [], 0
    for piece in lowered.split(","):
        parts.append(_part(_scales(piece, place)))
        place += len(piece) + 1
    return Period(text, tuple(parts))


def _scales(piece: str, place: int) -> dict[str, list[tuple[int, int]]]:
    """The ranges of each scale of a sub-period, which begins at `place` of the text."""
    found: dict[str, list[tuple[int, int]]] = {}
    at = 0
    while at < len(piece):
        match = _SCALE.match(piece, at)
        if match is None:
            raise PeriodError(place + at + 1 + len(piece[at:]) - len(piece[at:].lstrip()), "a scale belongs here, such as wd{mon-fri} or hr{9am-4pm}")
        code = SCALES.get(match[1], match[1])
        if code not in SCALES.values():
            raise PeriodError(place + match.start(1) + 1, f"{match[1]} is no scale: yr, mo, wk, yd, md, wd, hr, min and sec are")
        found.setdefault(code, []).extend(_ranges(code, match[2], place + match.start(2)))
        at = match.end()
    if not found:
        raise PeriodError(place + 1, "there is nothing between two commas, or behind the last one")
    return found


def _ranges(code: str, text: str, place: int) -> Iterator[tuple[int, int]]:
    at, end = 0, len(text)
    while at < end and (at := at + len(text[at:]) - len(text[at:].lstrip())) < end:
        match = _RANGE.match(text, at)
        if match is None:
            raise PeriodError(place + at + 1, "a value or a range of two belongs here, such as 9 or 9-17")
        first = _value(code, match[1], place + match.start(1))
        yield first, first if match[2] is None else _value(code, match[2], place + match.start(2))
        at = match.end()
    if not text.strip():
        raise PeriodError(place + 1, "the braces are empty: write a value")


def _value(code: str, word: str, place: int) -> int:
    number = _number(code, word)
    low, high = LIMITS.get(code, (0, 9999))
    if number is None or not low <= number <= high or (code == "yr" and 100 <= number < 1970):
        raise PeriodError(place + 1, f"{word} is no value of {code}: {_allowed(code)}")
    return number


def _number(code: str, word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) <= 4:
        return int(word)
    if code in WORDS:
        return WORDS[code].get(word[: SIGNIFICANT[code]]) if word.isalpha() else None
    clock = _CLOCK.fullmatch(word) if code == "hr" else None
    if clock is None or not 1 <= int(clock[1]) <= 12 or (clock[2] == "noon" and clock[1] != "12"):
        return None
    return int(clock[1]) % 12 + (0 if clock[2] == "am" else 12)


def _allowed(code: str) -> str:
    if code == "yr":
        return "0 to 99, or 1970 and later"
    low, high = LIMITS[code]
    more = {"mo": ", or jan to dec", "wd": " (1 is Sunday), or su to sa", "hr": ", or 12am, 1am to 11am, 12noon, 12pm, 1pm to 11pm"}
    return f"{low} to {high}{more.get(code, '')}"


def _part(scales: dict[str, list[tuple[int, int]]]) -> Part:
    masks = {code: _mask(code, scales.get(code)) for code in LIMITS}
    return Part(
        tuple(scales.get("yr", ())), masks["mo"], masks["wk"], masks["yd"], masks["md"], masks["wd"], _clock(masks["hr"], masks["min"], masks["sec"])
    )  # fmt: skip


def _mask(code: str, ranges: list[tuple[int, int]] | None) -> int:
    """The values as bits; a range whose end is below its beginning goes over the top."""
    low, high = LIMITS[code]
    whole = (1 << high + 1) - (1 << low)
    mask = 0
    for first, last in ranges if ranges is not None else ((low, high),):
        stretch = ((1 << last + 1) - 1) ^ ((1 << first) - 1)
        mask |= stretch if first <= last else whole & ~(((1 << first) - 1) ^ ((1 << last + 1) - 1))
    return mask


@lru_cache(256)
def _clock(hours: int, minutes: int, seconds: int) -> tuple[int, ...]:
    """The stretches of a day as bounds; whole minutes and hours are taken as one."""
    inner = _stretches(seconds, 60, 1, ((0, 1),))
    hour = _stretches(minutes, 60, 60, inner)
    return tuple(bound for stretch in _stretches(hours, 24, 3600, hour) for bound in stretch)


def _stretches(mask: int, count: int, length: int, inner: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """`inner` repeated for each value of the mask, `length` apart; what touches is joined."""
    joined: list[tuple[int, int]] = []
    for value in range(count):
        for begin, end in inner if mask >> value & 1 else ():
            begin, end = begin + value * length, end + value * length
            if joined and joined[-1][1] == begin:
                begin = joined.pop()[0]
            joined.append((begin, end))
    return tuple(joined)


ALWAYS: Final = _part({})


@lru_cache(4096)
def _union(clocks: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """The bounds of several parts together."""
    if len(clocks) <= 1:
        return clocks[0] if clocks else ()
    joined: list[list[int]] = []
    for begin, end in sorted(stretch for clock in clocks for stretch in list(pairwise(clock))[::2]):
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    return tuple(bound for stretch in joined for bound in stretch)


