"""
Rating again what an xDR says was used: the same pure function, the plan that its session kept, and the figure that it must give (DESIGN.md 3.1).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from portaswitch.billing.rating import rate
from portaswitch.model.catalogue import Product, RatePlan, RatingEntry, Tariff
from portaswitch.model.charge import Charge, Part, Usage
from portaswitch.model.discount import Drawn, Stretch
from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass

#: What a later piece of a session says of those before (`billing.closing`).
BEFORE = re.compile(r"; (-?[0-9.]+) charged before\Z")


@dataclass(frozen=True, slots=True)
class Again:
    """A use rated again: the charge of all of it, what the pieces before were charged, and what is left for this one."""

    charge: Charge
    before: Decimal
    figure: Decimal


def again(plan: RatePlan, used: int, unit: int, history: str, at: datetime, past: tuple[Stretch, ...] = ()) -> Again:
    """
    The price of `used` base units in whole `unit`s by `plan`, with what discounts took off its `past` units, less what the history of its xDR says was charged
    before. Of an xDR that is one part of the use, the part.
    """
    charge, before = rate(plan, Drawn(past) if past else (), Usage(-(-used // unit)), at), charged_before(history)
    part = next((part for part in charge.parts if history.startswith(f"{_steps(part)} = ")), None)
    if part is not None:
        charge = replace(charge, figure=part.figure, segments=part.segments, exact=sum([one.amount for one in part.segments], ZERO))
    return Again(charge, before, charge.figure - before)


def _steps(part: Part) -> str:
    return " + ".join([segment.text for segment in part.segments])


def charged_before(history: str) -> Decimal:
    """What the pieces of the session before this one were charged; 0 for the first."""
    found = BEFORE.search(history)
    return Decimal(found[1]) if found is not None else ZERO


def rate_of(tariff: Tariff | None, number: str, i_rate: int) -> RatePlan | None:
    """The plan of a rate as its tariff has it now, among those that a number leads to; None when it is gone."""
    if tariff is None:
        return None
    prefixes = [number[:length] for length in range(len(number), 0, -1)]
    plans = [version.plan for prefix in (*prefixes, "|") for version in tariff.rates.get(prefix, ())]
    return next((plan for plan in plans if plan is not None and plan.i_rate == i_rate), None)


def why_this_entry(entry: RatingEntry, product: Product, alike: frozenset[int]) -> list[tuple[RatingEntry, str]]:
    """The product's other rating entries for the same kind of service (`alike`: ids of such services), each with why it was not the one."""
    return [(other, _why_not(entry, other)) for other in product.entries if other is not entry and other.i_service in alike]


def _why_not(entry: RatingEntry, other: RatingEntry) -> str:
    if other.i_node not in (0, entry.i_node):
        return "is for another node"
    if other.access_code != entry.access_code:
        return "is for another access code" if other.access_code else "is for requests whose access code no entry names"
    return "is for any node, and the exact node goes first" if entry.i_node and not other.i_node else "stands behind it"


def bound_as(plan: RatePlan, kept: RatePlan | None) -> RatePlan:
    """Today's plan with what binds the session's own one: its zone, the seed of its chances, its exchange rate."""
    if plan.pricing is None or kept is None or kept.pricing is None:
        return plan
    return replace(plan, pricing=replace(plan.pricing, bound=kept.pricing.bound))
