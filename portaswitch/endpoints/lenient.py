"""
Numbers, amounts and instants as equipment writes them: what is none is None, never an error.

Readers that leave something out of a request count it in `IGNORED`, by the attribute it stood in: a peer that sends nonsense shows in the metrics, and is
served by what was understood.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from portaswitch.metrics import Counter

IGNORED = Counter("portaswitch_radius_ignored_total", "Attributes or parts of them that could not be understood and counted as absent", ("attribute",))

#: Digits of the largest number that is believed: 10^15 octets are a petabyte, 10^15 s are 30 million years.
MOST_DIGITS = 15
#: The first second behind the calendar: 10000-01-01.
CALENDAR_END = 253_402_300_800


def whole(text: str | None) -> int | None:
    """A number of ASCII digits, 0 included; None where it is none, negative or absurd."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def positive(text: str | None) -> int | None:
    """As `whole`, 0 excluded."""
    return whole(text) or None


def amount(text: str | None) -> Decimal | None:
    """A positive amount of money in digits with at most one dot; None where it is none. No signs, exponents or names of numbers."""
    if text is None:
        return None
    before, _, behind = text.partition(".")
    digits = before + behind
    if not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
        return None
    return Decimal(text) or None


def instant(text: str | None) -> datetime | None:
    """A UNIX time in whole seconds, behind 1970 and within the calendar."""
    seconds = positive(text)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and seconds < CALENDAR_END else None
