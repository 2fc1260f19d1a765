"""
Step 3b, a rate formula instead of the two intervals: its elements in their order; behind the last one the last interval goes on.

A disconnect charges nothing: it says where the grant of the session ends. What is used beyond it all the same is charged like the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from portaswitch.billing.rules import chance
from portaswitch.billing.rules.course import Run, Step, Surcharge
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.money import plain
from portaswitch.model.pricing import Element, Kind, Pricing


def steps(plan: RatePlan, pricing: Pricing) -> Iterator[Step]:
    """The course of a use by the formula."""
    last = None
    for place, element in enumerate(pricing.formula):
        if element.kind is Kind.INTERVAL:
            last = element
            yield Run(element.count or None, element.units, element.amount)
        elif element.kind is not Kind.DISCONNECT:
            yield _surcharge(plan, element, pricing.bound.seed, place)
    if last is not None and last.count:
        yield Run(None, last.units, last.amount)


def _surcharge(plan: RatePlan, element: Element, seed: int, place: int) -> Surcharge:
    counts = chance.happens(element, seed, place)
    share = element.kind is Kind.SHARE
    amount = plan.connect_fee if element.kind is Kind.CONNECT else element.amount
    name = f"surcharge{f' {plain(amount)}%' if share else ''}{' tricky' if element.tricky else ''}{chance.told(element, seed, place)}"
    return Surcharge(name if counts else f"no {name}", amount, share, counts, element.tricky)


def cut(pricing: Pricing) -> int | None:
    """The units (lengthened) after which this session is cut; None: it is not."""
    at, seed = 0, pricing.bound.seed
    for place, element in enumerate(pricing.formula):
        if element.kind is Kind.INTERVAL:
            at += element.count * element.units
        elif element.kind is Kind.DISCONNECT and chance.happens(element, seed, place):
            return max(1, at + chance.spread(element, seed, place))
    return None
