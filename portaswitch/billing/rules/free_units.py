"""
Step 2, free units: a use that is not longer costs nothing, connect fee and minimum included; a longer one costs as if there were none (`short`), or has its
first units for nothing (`first`).
"""

from __future__ import annotations

from portaswitch.billing.rules import add_duration
from portaswitch.billing.rules.course import Run
from portaswitch.model.money import ZERO
from portaswitch.model.pricing import FreeUnits, Terms

NAME = "free"


def counted(terms: Terms) -> int:
    """How many units (lengthened) are free."""
    return add_duration.lengthened(terms.portions, terms.free_units) if terms.free_units else 0


def before(terms: Terms, units: int | None = None) -> tuple[Run, ...]:
    """What comes before everything else in the course of a use of so many units (None: of any that is not free as a whole)."""
    free = counted(terms)
    if not free or (terms.free_mode is FreeUnits.SHORT and (units is None or units > free)):
        return ()
    return (Run(free, 1, ZERO, NAME, part=-1),)  # of no part: discounts don't meet it
