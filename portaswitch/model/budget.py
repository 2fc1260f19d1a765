"""A spending budget: the most that may be charged for use in one period of the calendar, in the currency of who has it (docs/discounts.rst)."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.value import dataclass


class SpendPeriod(StrEnum):
    """When a budget begins anew, in the customer's zone."""

    DAILY = "daily"
    WEEKLY = "weekly"  # from Monday
    MONTHLY = "monthly"
    BILLING_PERIOD = "billing_period"  # the customer's


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` None: what is spent is counted and limits nothing."""

    limit: Decimal | None
    period: SpendPeriod


class Watched(NamedTuple):
    """A budget that an account's use counts for; `shared`: its customer's, with all its credit accounts."""

    budget: Budget
    shared: bool

    @property
    def key(self) -> SourceKey:
        """Its counter."""
        return key_of(self.shared)


#: What a counter of money without an item (`SourceKey.i_source`) counts.
NO_ITEM: Final = 0


OWN, SHARED = SourceKey(Source.COUNTER, NO_ITEM), SourceKey(Source.COUNTER, NO_ITEM, True)


def key_of(shared: bool) -> SourceKey:
    """The counter of an account's budget, or of its customer's."""
    return SHARED if shared else OWN
