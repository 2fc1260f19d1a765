"""
Pricing beyond a plain rate as the catalogue's rows have it, and as JSON in the legs of a session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from portaswitch.model import formula, period
from portaswitch.model.pricing import NO_TERMS, Binding, Element, Figures, FreeUnits, Kind, Mode, Portion, Pricing, Terms

WRONG = (formula.FormulaError, period.PeriodError)
TERMS = (
    "off_peak_period, second_off_peak_period, off_peak_mode, free_units, free_units_mode, post_call_fee, post_call_percent, minimum_charge, maximum_charge, "
    "add_duration"
)
"""The columns of a tariff that its `Terms` are made of, in their order."""


def terms_of(row: Sequence[Any]) -> Terms:
    """The terms of a tariff, from its columns `TERMS`; the very same `NO_TERMS` of a plain one. Errors: `WRONG`, of texts that nobody checked."""
    off_peak, second, mode, free, free_mode, fee, percent, least, most, portions = row
    for text in (off_peak, second):
        period.parse(text)
    found = Terms(off_peak, second, Mode(mode), free, FreeUnits(free_mode), fee, percent, least, most, formula.parse_portions(portions))
    plain = Terms(mode=found.mode, free_mode=found.free_mode)
    return NO_TERMS if found == plain else found


def priced(terms: Terms, off_peak: Mapping[str, Mapping[str, str]] | None, text: str | None, peak: Figures) -> Pricing | None:
    """
    What a rate of a tariff has beyond its two intervals, or None. `off_peak`: figures by level (`off_peak`, `second_off_peak`); what a level leaves out is as
    at peak. Periods matter only to rates with such figures.
    """
    elements = () if text is None else formula.parse(text)
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


# -- in the legs of a session ---------------------------------------------------------------------------------------------------------------------


def pricing_text(pricing: Pricing) -> str:
    """Pricing as JSON."""
    terms, bound = pricing.terms, pricing.bound
    return json.dumps(
        [
            [
                terms.off_peak, terms.second_off_peak, terms.mode, terms.free_units, terms.free_mode, str(terms.post_call), str(terms.post_call_percent),
                _text(terms.minimum), _text(terms.maximum), [[portion.units, str(portion.percent)] for portion in terms.portions],
            ],
            [[one.interval_first, one.interval_n, str(one.price_first), str(one.price_n)] for one in pricing.levels],
            [[one.kind, str(one.amount), one.count, one.units, str(one.chance), one.tricky] for one in pricing.formula],
            [bound.zone, bound.seconds, bound.seed, str(bound.exchange)],
        ],
        separators=(",", ":"),
    )  # fmt: skip


def pricing_of(document: list[Any]) -> Pricing:
    """The pricing that `pricing_text` wrote."""
    (off_peak, second, mode, free, free_mode, fee, percent, least, most, portions), levels, elements, (zone, seconds, seed, exchange) = document
    return Pricing(
        Terms(
            off_peak, second, Mode(mode), free, FreeUnits(free_mode), Decimal(fee), Decimal(percent), _amount(least), _amount(most),
            tuple(Portion(units, Decimal(share)) for units, share in portions),
        ),
        tuple(Figures(first, further, Decimal(price_first), Decimal(price_n)) for first, further, price_first, price_n in levels),
        tuple(Element(Kind(kind), Decimal(amount), count, units, Decimal(chance), tricky) for kind, amount, count, units, chance, tricky in elements),
        Binding(zone, seconds, seed, Decimal(exchange)),
    )  # fmt: skip


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
