"""
Whether a change of what is said of an account or customer leaves its waiting sessions (`billing.final_units`) more than before: a block that is over, a higher
limit or budget, a longer life, other plans.

The terms are by the names that operations know them by; who owes and who waits is for the caller to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final

Terms = Mapping[str, Any]
"""`open`, `blocked`, limits, dates; `_product` and `_discount_plan` as numbers of rows. A customer has no life and no product."""


class Served(Enum):
    """Which accounts a change of a customer serves; of an account it is that one in either case."""

    NOBODY = auto()
    OWING = auto()
    ALL = auto()


LIFE: Final = ("expiration_date", "life_time", "inactivity_days")
"""None: without end."""


def served(before: Terms, after: Terms) -> Served:
    """Whom a change serves."""
    lifted = (before["blocked"] and not after["blocked"]) or (not before["open"] and after["open"])
    if lifted or _plans(before, after) or any([_higher(before.get(name), after.get(name)) for name in LIFE]):
        return Served.ALL
    ceilings = zip(_ceilings(before), _ceilings(after), strict=True)
    budget = before["spend_period"] != after["spend_period"] and after["spend_limit"] is not None
    return Served.OWING if budget or any([_higher(was, now) for was, now in ceilings]) or _longer(before, after) else Served.NOBODY


def _plans(before: Terms, after: Terms) -> bool:
    """Another product or discount plan; one that is taken away gives nobody more."""
    names = ("_discount_plan", "_product")
    return any([after.get(name) is not None and before.get(name) != after.get(name) for name in names])


def _ceilings(row: Terms) -> tuple[Decimal | None, ...]:
    """What it may owe, for good and for a time, and what it may spend; None: without limit."""
    for_a_time = row["temp_credit_limit"] if row.get("temp_credit_until") is not None else row["credit_limit"]
    return row["credit_limit"], for_a_time, row["spend_limit"]


def _higher(before: Decimal | datetime | int | None, after: Any) -> bool:
    return before is not None and (after is None or bool(after > before))


def _longer(before: Terms, after: Terms) -> bool:
    """Whether a temporary limit goes on for longer."""
    was, now = before.get("temp_credit_until"), after.get("temp_credit_until")
    return was is not None and now is not None and bool(now > was)
