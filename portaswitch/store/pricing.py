"""Pricing beyond a plain rate as JSON in the legs of a session."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from portaswitch.model.pricing import Binding, Element, Figures, FreeUnits, Kind, Mode, Portion, Pricing, Terms


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
