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

    def covers(self, other: Item) -> bool:
        """Whether it counts whatever the other one counts."""
        services, destinations = (other.i_service, *other.pool), not self.prefixes or set(other.prefixes) == set(self.prefixes)
        return all(map(self.counts, services)) and destinations and self.peak_level in (None, other.peak_level)

    def counts(self, i_service: int) -> bool:
        """Whether uses of the service are counted, as far as their destinations are."""
        return self.i_service == i_service or i_service in self.pool


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


class Met(NamedTuple):
    """
    An item as a use meets it: `shared` and the `key` of its counter, its `limit` (see `Item.limit`); `first`: plans behind it have no part in what it
    discounts. `tells`: of a quota, that the use is over with it; an exclusive one that another one stands behind is not the last.
    """

    item: Item
    shared: bool
    key: SourceKey
    limit: Decimal | None
    first: bool
    tells: bool


class Plans:
    """The plans that an account has, in their order: read out once for all who have the same ones, by service and by counter."""

    __slots__ = ("_by_service", "assigned", "by_key")

    def __init__(self, assigned: tuple[Assigned, ...] = ()) -> None:
        self.assigned = assigned
        self.by_key: dict[SourceKey, Met] = {}
        for plan, shared in assigned:
            for item in plan.items:
                key = SourceKey(Source.COUNTER, item.i_vd_dg, shared, item.peak_level or 0)
                self.by_key.setdefault(key, Met(item, shared, key, item.limit, plan.combine is Combine.FIRST, item.kind is ItemKind.QUOTA))
        for place, met in enumerate(found := list(self.by_key.values())):
            if met.item.exclusive and met.tells and any([other.tells and other.item.covers(met.item) for other in found[place + 1 :]]):
                self.by_key[met.key] = met._replace(tells=False)
        self._by_service: dict[int, tuple[Met, ...]] = {}

    def met(self, i_service: int, rated: str) -> list[Met]:
        """The items that count a use of the service that is rated by this number or special destination."""
        found = self._by_service.get(i_service)
        if found is None:
            found = self._by_service[i_service] = tuple([met for met in self.by_key.values() if met.item.counts(i_service)])
        return [met for met in found if not met.item.prefixes or rated.startswith(met.item.prefixes)]

    def __bool__(self) -> bool:
        return bool(self.assigned)


NO_PLANS = Plans()


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
    plans: Plans = field(default=NO_PLANS, compare=False)
    at: datetime | None = field(default=None, compare=False)
    beyond: bool = field(default=False, compare=False)
    budgets: tuple[Watched, ...] = field(default=(), compare=False)
    follows: bool = field(default=False, compare=False)

    def find(self, key: SourceKey) -> Counter | None:
        """The row of a counter or wallet."""
        return (self.shared if key.shared else self.own).get(key)

    def standing(self, own: Rows | None, shared: Rows | None) -> Counters:
        """The same with these rows of the account and of its customer (None: those it has)."""
        own, shared = self.own if own is None else own, self.shared if shared is None else shared
        if own is self.own and shared is self.shared:
            return self
        return Counters(own, shared, self.addons, self.billing_period, self.plans, self.at, self.beyond, self.budgets, self.follows)

    def put(self, *rows: Counter) -> Counters:
        """The same with these rows."""
        own = {**self.own, **{row.key: row for row in rows if not row.key.shared}}
        more = {row.key: row for row in rows if row.key.shared}
        shared = {**self.shared, **more} if more else self.shared
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

    @property
    def limits(self) -> bool:
        """Whether it ends a use: a quota."""
        return self.steps[-1].forbidden

    def ends(self, percent: Decimal) -> bool:
        """Whether those behind it have no part in units that it takes so much off."""
        return (self.exclusive and percent >= HUNDRED) or (self.first and percent > ZERO)


@dataclass(frozen=True, slots=True)
class Even:
    """What is taken off every unit of a use that is charged for at most `until` units; `draws` as in `Segment`."""

    percent: Decimal
    draws: tuple[tuple[int, Decimal], ...]
    until: Decimal


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a use draws on, in order; `past`: how its first units were settled already."""

    past: tuple[Stretch, ...] = ()
    draws: tuple[Draw, ...] = ()
    #: What `rules.evenly` has found of it, where it has looked; no part of the value.
    known: list[Even | None] = field(default_factory=list, init=False, compare=False, repr=False)


#: What a use draws on, or nothing: most uses do, and asking costs them nothing.
Draws = Drawn | tuple[()]
NOT_DRAWN: tuple[()] = ()


def total(takes: tuple[Take, ...]) -> dict[SourceKey, Decimal]:
    """What is taken from each counter and wallet together; money is left out."""
    sums: dict[SourceKey, Decimal] = {}
    for take in takes:
        key = take.key
        if key.source is not Source.MONEY:
            sums[key] = sums.get(key, ZERO) + take.units
    return sums
