"""
The figures of another level of the day (`rates.off_peak`), in one line and in columns.

    parse("0.10")                       # both prices; the intervals are those of the rate
    parse("60/6@0.10/0.08")             # first and next interval, first and next price
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

LEVELS: Final = ("off_peak", "second_off_peak")
"""The levels of the day beside peak."""
FIGURES: Final = ("interval_first", "interval_n", "price_first", "price_n")
"""What a level says; amounts are kept as text."""

_AMOUNT: Final = r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?"
_LEVEL: Final = re.compile(rf"(?:([0-9]{{0,15}})/([0-9]{{0,15}})@)?({_AMOUNT})(?:/({_AMOUNT}))?")

Level = Mapping[str, str]
"""Figures by their names, only those that are given."""


def parse(text: str) -> dict[str, str]:
    """The figures of a text. Errors: ValueError, whose reason continues a sentence about the text."""
    found = _LEVEL.fullmatch(text.strip())
    if found is None or "0" in (found[1], found[2]):
        raise ValueError("is no price of a level: write 0.10, or 60/6@0.10/0.08 with first and next interval and price")
    first, further, price, next_price = found.groups()
    figures = {"interval_first": first, "interval_n": further, "price_first": price, "price_n": next_price or price}
    return {name: figure for name, figure in figures.items() if figure}


def shown(level: Level | None) -> str | None:
    """The figures in one line, as `parse` takes it."""
    if not level:
        return None
    price, next_price = level.get("price_first", ""), level.get("price_n", "")
    prices = price if price == next_price else f"{price}/{next_price}"
    intervals = level.get("interval_first", ""), level.get("interval_n", "")
    return f"{intervals[0]}/{intervals[1]}@{prices}" if any(intervals) else prices


def is_negative(level: Level) -> bool:
    """Whether it pays back."""
    return any(Decimal(level[price]) < 0 for price in ("price_first", "price_n") if price in level)
