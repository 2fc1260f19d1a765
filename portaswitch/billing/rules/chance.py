"""
Random parts of a formula: drawn from the session and the place of the element, so that quote, charge and every explanation draw the same.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

from portaswitch.model.money import EXACT
from portaswitch.model.pricing import Element

PERCENT = Decimal("0.01")


def seed_of(session: str) -> int:
    """The seed of a session's draws."""
    return int.from_bytes(blake2b(session.encode("utf-8", "surrogateescape"), digest_size=6).digest())


@lru_cache(4096)
def _draw(seed: int, place: int, sides: int, what: str) -> int:
    return int.from_bytes(blake2b(f"{seed} {place} {what}".encode(), digest_size=16).digest()) % sides


def percent(seed: int, place: int) -> Decimal:
    """What the element at `place` drew: 0.00 to 99.99, in percent."""
    return EXACT.multiply(Decimal(_draw(seed, place, 10_000, "chance")), PERCENT)


def happens(element: Element, seed: int, place: int) -> bool:
    """Whether the element at `place` counts in this session."""
    return element.chance >= 100 or percent(seed, place) < element.chance


def spread(element: Element, seed: int, place: int) -> int:
    """By how many units a disconnect comes sooner (below 0) or later."""
    return _draw(seed, place, 2 * element.units + 1, "spread") - element.units if element.units else 0


def told(element: Element, seed: int, place: int) -> str:
    """The draw, for the history: ' (random 25%, drew 61.20%)'; '' for what is not random."""
    return "" if element.chance >= 100 else f" (random {element.chance}%, drew {percent(seed, place)}%)"
