"""
Discounts: what a plan says (catalogue), where a counter or wallet stands (hot rows), and what a use meets of both (`Drawn`).

A wallet is a counter as well: what it has used is its balance below zero, and it is used up at zero. So one arithmetic serves both (docs/discounts.rst).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portaswitch.model.budget import Watched
from portaswitch.model.charge import Source, SourceKey, Take
from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass

HUNDRED = Decimal(100)
ENDLESS = Decimal("Infinity")


class ItemKind(StrEnum):
    """What an item is: percents by thresholds, a limit of use, units bought beforehand."""

    DISCOUNT = "discount"
    QUOTA = "quota"
    WALLET = "wallet"


class Measure(StrEnum):
    """What a counter counts."""

    MONEY = "money"
    UNITS = "units"


class Reset(StrEnum):
    """When a counter begins anew, in the customer's zone; `once` and `never` do not."""

    DAILY = "daily"
    BILLING_PERIOD = "billing_period"
    ONCE = "once"
    NEVER = "never"


class Combine(StrEnum):
    """How a plan goes with those behind it: each takes its percent of what is left, or they have no part in what this one discounts."""

    ORDERED = "ordered"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Step:
    """From `threshold` on (in the item's measure) `percent` is taken off, or the use is `forbidden`."""

    threshold: Decimal
    percent: Decimal = ZERO
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """
    An item of a plan (vd_dgs). `prefixes`: of the destinations of its group, () all; `peak_level` None: all levels of the day. `notify`: percent of the
    limit at which the subscriber is told, None never. `steps` rise, the first one at 0. `pool`: further services that are counted with its own.
    """

    i_vd_dg: int
    i_service: int
    kind: ItemKind
    measure: Measure
    reset: Reset
    steps: tuple[Step, ...]
    prefixes: tuple[str, ...] = ()
    peak_level: int | None = None
    exclusive: bool = False
    split: bool = True
    prorate: bool = False
    rollover: bool = False
    notify: int | None = None
    pool: tuple[int, ...] = ()

    @property
    def limit(self) -> Decimal | None:
        """Where what it gives is used up: the forbidden step of a quota, of a discount the first step that takes off less; None: nowhere."""
        first = self.steps[0].percent
        return next((step.threshold for step in self.steps if step.forbidden or (step.percent < first and self.kind is ItemKind.DISCOUNT)), None)

    def meets(self, i_service: int, rated: str) -> bool:
        """Whether a use of the service that is rated by this number or special destination is counted."""
        return (self.i_service == i_service or i_service in self.pool) and (not self.prefixes or rated.startswith(self.prefixes))


@dataclass(frozen=True, slots=True)
class DiscountPlan:
    """A plan (vd_plans) with its items in their order."""

    i_vd_plan: int
    name: str
    currency: str
    combine: Combine
    items: tuple[Item, ...]


class Assigned(NamedTuple):
    """A plan that an account has; `shared`: by its customer, with all its accounts."""

    plan: DiscountPlan
    shared: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """
    A row of vd_counters, or of service_wallets with the balance below zero as `used` and the expiry as `end` (`start`: when it will begin, None: it has).
    `carried` moves all thresholds. `relied`: the
    beginning of the period as the row had it when it was read; `fresh`: there is no row yet. `i_vd_dg`: the item of a wallet.
    """

    key: SourceKey
    used: Decimal = ZERO
    held: Decimal = ZERO
    carried: Decimal = ZERO
    start: datetime | None = None
    end: datetime | None = None
    relied: datetime | None = None
    fresh: bool = False
    i_vd_dg: int = 0

    def moved(self, used: Decimal, held: Decimal) -> Counter:
        """The same, with more used and held."""
        return Counter(self.key, self.used + used, self.held + held, self.carried, self.start, self.end, self.relied, self.fresh, self.i_vd_dg)


Rows = Mapping[SourceKey, Counter]


@dataclass(frozen=True, slots=True)
class Counters:
    """
    Where an account stands: its `own` counters and wallets, those `shared` by its customer, its add-on products by priority. `billing_period`: 1 day, 2 week,
    3 half month, 4 month. A decision looks up the `plans` and spending `budgets` and says as of when (`at`) periods are meant, and that a used up quota does
    not end the use (`beyond`; `follows`: it will not, when it is used up; see `billing.internet`); these are no part of the value.
    """

    own: Rows = field(default_factory=dict)
    shared: Rows = field(default_factory=dict)
    addons: tuple[int, ...] = ()
    billing_period: int = 4
    plans: tuple[Assigned, ...] = field(default=(), compare=False)
    at: datetime | None = field(default=None, compare=False)
    beyond: bool = field(default=False, compare=False)
    budgets: tuple[Watched, ...] = field(default=(), compare=False)
    follows: bool = field(default=False, compare=False)

    def find(self, key: SourceKey) -> Counter | None:
        """The row of a counter or wallet."""
        return (self.shared if key.shared else self.own).get(key)

    def put(self, *rows: Counter) -> Counters:
        """The same with these rows."""
        own, shared = dict(self.own), dict(self.shared)
        for row in rows:
            (shared if row.key.shared else own)[row.key] = row
        return Counters(own, shared, self.addons, self.billing_period, self.plans, self.at, self.beyond, self.budgets, self.follows)


#: Compared by identity: most accounts have no plan, and theirs costs nothing.
NO_COUNTERS = Counters()


# -- what a use meets -----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stretch:
    """Units of a use (charged ones) that were settled at one percent; `part`: which of the parts of the use they belong to."""

    units: int
    percent: Decimal
    part: int = 0


@dataclass(frozen=True, slots=True)
class Draw:
    """
    A counter or wallet as one use meets it. `steps` begin at the first unit that is not settled; `measure` units: units of rating. `size`: units of the counter
    in one unit of rating. `level`: the level of the day that it counts, None all. `first`: plans behind it have no part in what it discounts.
    `others`: other sessions that are open on it.
    """

    key: SourceKey
    measure: Measure
    steps: tuple[Step, ...]
    size: int = 1
    level: int | None = None
    exclusive: bool = False
    first: bool = False
    split: bool = True
    others: int = 0

    def ends(self, percent: Decimal) -> bool:
        """Whether those behind it have no part in units that it takes so much off."""
        return (self.exclusive and percent >= HUNDRED) or (self.first and percent > ZERO)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a use draws on, in order; `past`: how its first units were settled already."""

    past: tuple[Stretch, ...] = ()
    draws: tuple[Draw, ...] = ()


#: What a use draws on, or nothing: most uses do, and asking costs them nothing.
Draws = Drawn | tuple[()]
NOT_DRAWN: tuple[()] = ()


def total(takes: tuple[Take, ...]) -> dict[SourceKey, Decimal]:
    """What is taken from each counter and wallet together; money is left out."""
    sums: dict[SourceKey, Decimal] = {}
    for take in takes:
        if take.source is not Source.MONEY:
            key = take.key
            sums[key] = sums.get(key, ZERO) + take.units
    return sums
