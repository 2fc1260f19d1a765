"""
Pricing beyond a plain rate, made of what a price list says: columns of a tariff, and two documents of a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from portaswitch.model import formula, period
from portaswitch.model.pricing import NO_TERMS, Figures, FreeUnits, Mode, Pricing, Terms

WRONG = (ValueError, TypeError, AttributeError, ArithmeticError)
"""What texts and documents that nobody checked may raise."""


def terms_of(row: Sequence[Any]) -> Terms:
    """The terms of a tariff, from its columns `TERMS`; the very same `NO_TERMS` of a plain one. Errors: `WRONG`, of texts that nobody checked."""
    off_peak, second, mode, free, free_mode, fee, percent, least, most, portions = row
    for text in (off_peak, second):
        period.parse(text)
    found = Terms(off_peak, second, Mode(mode), free, FreeUnits(free_mode), fee, percent, least, most, formula.parse_portions(portions))
    plain = Terms(mode=found.mode, free_mode=found.free_mode)
    return NO_TERMS if found == plain else found


def priced(terms: Terms, off_peak: Mapping[str, Mapping[str, str]] | None, formula_of: Mapping[str, str] | None, peak: Figures) -> Pricing | None:
    """
    What a rate of a tariff has beyond its two intervals, or None. `off_peak`: figures by level (`off_peak`, `second_off_peak`); what a level leaves out is as
    at peak. Periods matter only to rates with such figures.
    """
    elements = () if formula_of is None else formula.parse(str(formula_of.get("text", "")))
    levels = () if elements or not (terms.off_peak or terms.second_off_peak) else _levels(off_peak or {}, peak)
    bare = terms if levels else _without_levels(terms)
    if not levels and not elements and bare is NO_TERMS:
        return None
    return Pricing(bare, levels, elements)


@lru_cache(256)
def _without_levels(terms: Terms) -> Terms:
    rest = Terms("", "", Mode.SPLIT, terms.free_units, terms.free_mode, terms.post_call, terms.post_call_percent, terms.minimum, terms.maximum, terms.portions)
    return NO_TERMS if rest == Terms(free_mode=terms.free_mode) else rest


def _levels(levels: Mapping[str, Mapping[str, str]], peak: Figures) -> tuple[Figures, ...]:
    first, second = levels.get("off_peak"), levels.get("second_off_peak")
    if first is None and second is None:
        return ()
    found = (peak if first is None else _figures(first, peak),)
    return found if second is None else (*found, _figures(second, peak))


def _figures(level: Mapping[str, str], peak: Figures) -> Figures:
    return Figures(
        int(level.get("interval_first", peak.interval_first)), int(level.get("interval_n", peak.interval_n)),
        Decimal(level.get("price_first", peak.price_first)), Decimal(level.get("price_n", peak.price_n)),
    )  # fmt: skip
