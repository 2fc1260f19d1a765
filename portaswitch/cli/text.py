"""Values as people read them on a terminal, as programs read them in JSON, and as operators type them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

#: Money shows at least that many places.
PLACES = 2
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def shown(value: object) -> str:
    """
    A value for a table: times in UTC without a zone, money with two places or more, '-' for nothing.

    What comes from a wire may hold anything: control characters, which could steer a terminal, are written as
    escapes.
    """
    if value is None or value == "" or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, tuple | list):
        return ", ".join(shown(item) for item in value)
    return printable(str(value))


def money(amount: Decimal) -> str:
    """
    Digits without an exponent, with at least two places and no useless zeros behind them: '10.00', '0.02367'.
    """
    whole, _, places = format(amount, "f").partition(".")
    return f"{whole}.{places.rstrip('0').ljust(PLACES, '0')}"


def printable(text: str) -> str:
    """The text with everything that is no visible character written as an escape: '\\x1b'."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def cells(text: str) -> int:
    """
    How many columns of a terminal the text takes: East Asian wide characters take two, combining ones none.
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def cut(text: str, width: int, mark: str = "…") -> str:
    """The text in at most `width` columns; where something had to go the mark stands at its end."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - len(mark):
        text = text[:-1]
    return text + mark[:width]


def plain(value: object) -> Any:
    """
    A value for JSON: decimals as strings (a float would change them), times in ISO 8601 with their zone,
    values by their fields.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def moment(text: str, now: datetime) -> datetime:
    """
    A time as operators type it: `2026-01-31`, `2026-01-31T10:00` (UTC unless a zone is written), or how long
    ago: 90s, 15m, 2h, 7d, 4w.

    Raises ValueError for anything else.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(text.strip())
    except (OverflowError, ValueError):
        raise ValueError(
            f"{text!r} is no time: write 2026-01-31, 2026-01-31T10:00, or how long ago: 90s, 15m, 2h, 7d"
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
