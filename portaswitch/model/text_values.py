"""
Values as people write them: an amount, a date, a currency. One reading for catalogue files, the command line, uploads and the API.

    amount("10.00") == Decimal("10.00")        # ValueError("is not an amount: ...") for anything else

A reason continues a sentence whose subject is the text ('10,00' is not an amount: write ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import available_timezones

_AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+-][0-9]{2}:[0-9]{2}|Z)?)?")
#: Of a life, of a voucher, of a period of grace: a hundred years, in operations as in files.
MOST_DAYS: Final = 36500
_FLAGS: Final = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}


@dataclass(frozen=True, slots=True)
class TextKind:
    """A kind of value: how it is read from a text (ValueError with the reason), what help says of it, and how a value is shown where that is not as it is."""

    hint: str
    convert: Callable[[str], Any]
    words: Mapping[Any, str | None] = field(default_factory=dict)
    show: Callable[[Any], Any] | None = None

    def shown(self, value: Any) -> Any:
        """A value of the database as people write it."""
        if self.show is not None:
            return self.show(value)
        return self.words.get(value, value) if self.words else value


def amount(text: str) -> Decimal:
    """An amount of money or a price; digits, never a float."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError("is not an amount: write digits with a point, such as 10.00")
    return Decimal(text)


def positive_amount(text: str) -> Decimal:
    """An amount above zero."""
    found = amount(text)
    if found <= 0:
        raise ValueError("is not above zero")
    return found


def natural_amount(text: str) -> Decimal:
    """An amount of zero or more."""
    found = amount(text)
    if found < 0:
        raise ValueError("is negative: write 0 or more")
    return found


def currency(text: str) -> str:
    """A currency (ISO 4217)."""
    if not _CURRENCY.fullmatch(text):
        raise ValueError("is not a currency: write the three letters of ISO 4217, such as CAD")
    return text


def instant(text: str) -> datetime:
    """A date (its midnight) or a date and time (ISO 8601), in UTC unless it says otherwise; aware UTC afterwards."""
    if not _TIME.fullmatch(text):
        raise ValueError("is not a date: write 2026-01-31 or 2026-01-31T12:00:00Z")
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no day of the calendar, or no time of a day") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(text: str) -> str:
    """A time zone of the IANA database."""
    if text not in _zones():
        raise ValueError("is not a time zone: write a name of the IANA database, such as America/Vancouver")
    return text


def natural(text: str) -> int:
    """A whole number from 0."""
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        raise ValueError("is not a whole number from 0")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1."""
    found = natural(text)
    if not found:
        raise ValueError("is not a whole number from 1")
    return found


def days(text: str) -> int:
    """Days of a life: 1 to a hundred years, as in catalogue files; more would lead out of the calendar whoever counts them from a use."""
    found = positive(text)
    if found > MOST_DAYS:
        raise ValueError(f"is too long: write 1 to {MOST_DAYS} days, or null for none")
    return found


def flag(text: str) -> bool:
    """Yes or no."""
    found = _FLAGS.get(text.lower())
    if found is None:
        raise ValueError("is neither yes nor no")
    return found


def line(text: str) -> str:
    """A text of one line, at most 255 characters, none of them a control character."""
    if len(text) > 255 or not text.isprintable():
        raise ValueError("is too long, or holds a control character: write at most 255 printable characters")
    return text


def name(text: str) -> str:
    """A name: a line that is not empty and has no blank at its ends."""
    if not text or text != text.strip():
        raise ValueError("is no name: it is empty, or has a blank at an end")
    return line(text)


AMOUNT: Final = TextKind("amount", amount)
PRICE: Final = TextKind("amount from 0", natural_amount)
SUM: Final = TextKind("amount above 0", positive_amount)
CURRENCY: Final = TextKind("three letters of ISO 4217", currency)
INSTANT: Final = TextKind("date or time, UTC", instant)
ZONE: Final = TextKind("time zone", zone)
NATURAL: Final = TextKind("whole number from 0", natural)
POSITIVE: Final = TextKind("whole number from 1", positive)
DAYS: Final = TextKind(f"days, 1 to {MOST_DAYS}", days)
FLAG: Final = TextKind("yes or no", flag)
LINE: Final = TextKind("text", line)
NAME: Final = TextKind("name", name)


def choice(*words: str) -> TextKind:
    """One of some words, kept as it is."""
    return mapped({word: word for word in words})


def mapped(values: Mapping[str, Any], also: Mapping[str, Any] = MappingProxyType({})) -> TextKind:
    """One of some words, each standing for a value of the database; other systems' words for the same (`also`) are taken and never shown."""
    known = {**values, **also}

    def convert(text: str) -> Any:
        if text not in known:
            raise ValueError(f"is not one of {', '.join(values)}")
        return known[text]

    return TextKind(" or ".join(values), convert, {value: word for word, value in values.items()})


def pattern(expression: str, hint: str, reason: str) -> TextKind:
    """A text of a form; `reason` continues "'...' "."""
    compiled = re.compile(expression)

    def convert(text: str) -> str:
        if not (text.isascii() and compiled.fullmatch(text)):
            raise ValueError(reason)
        return text

    return TextKind(hint, convert)
