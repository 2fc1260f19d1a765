"""
`portaswitch migrate FOLDER`: customers, accounts, aliases, SIMs and counters of another installation, brought in once.

    read (config.migration) > the rules of a load, and those of cards > one transaction > control totals compared with the files

It is a load of other files: what exists already is compared and its money never touched, so that a second run, after a kill at any moment, does nothing twice.
What an account had is its opening balance here: balance = opening + payments - xDRs holds from the first moment on.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from twisted.internet.defer import Deferred

from portaswitch.errors import ConfigError
from portaswitch.interfaces.loading import Check, ILoading, Progress
from portaswitch.model.loading import CatalogueFile, Loaded, Section, Stock, Total
from portaswitch.operations import card_rules, party_rules
from portaswitch.operations.load import RULES, faults
from portaswitch.operations.world import World

MIGRATION_RULES: Final = (*(rule for rule in RULES if rule is not party_rules.openings), card_rules.counters)
"""Those of a load, but that an account that is moved may be overdrawn."""

MOST_FAULTS: Final = 50
"""Faults that are told; their number is told in full."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control total: what the files say and what the database holds (None: nothing was written)."""

    wanted: Total
    found: Total | None

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return self.found == self.wanted


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did, or would do, and its control totals."""

    loaded: Loaded
    controls: tuple[Control, ...]


def migrate(file: CatalogueFile, loading: ILoading, progress: Progress) -> Deferred[Migrated]:
    """Move everything in one transaction. Errors: ConfigError with the first faults and their number, and nothing was changed; those of `ILoading.load`."""
    wanted: list[Total] = []
    return loading.migrate(file, _checked(file, wanted), progress).addCallback(_compared, wanted)


def rehearse(file: CatalogueFile, loading: ILoading, progress: Progress) -> Deferred[Migrated]:
    """Say what `migrate` would do. Errors as there."""
    wanted: list[Total] = []
    return loading.rehearse(file, _checked(file, wanted), progress).addCallback(_foreseen, wanted)


def _checked(file: CatalogueFile, wanted: list[Total]) -> Check:
    """The check of a load; in passing it counts what the files ask for, which needs what the database knows (an account's currency is its customer's)."""

    def check(stock: Stock) -> None:
        found = faults(file, stock, MIGRATION_RULES)
        if len(found) > MOST_FAULTS:
            raise ConfigError([*found[:MOST_FAULTS], f"and {len(found) - MOST_FAULTS} more: {len(found)} faults in all"])
        if found:
            raise ConfigError(found)
        wanted[:] = totals(World(file, stock))

    return check


def _compared(loaded: Loaded, wanted: list[Total]) -> Migrated:
    found = {(total.section, total.kind, total.currency): total for total in loaded.totals}
    asked = {(total.section, total.kind, total.currency): total for total in wanted}
    nothing = {key: Total(*key, 0, Decimal(0)) for key in sorted({*found, *asked})}
    return Migrated(loaded, tuple(Control(asked.get(key, none), found.get(key, none)) for key, none in nothing.items()))


def _foreseen(loaded: Loaded, wanted: list[Total]) -> Migrated:
    return Migrated(loaded, tuple(Control(total, None) for total in wanted))


def totals(world: World) -> list[Total]:
    """The control totals of a file: things and money by kind and currency."""
    summed: dict[tuple[Section, str, str], tuple[int, Decimal]] = {}

    def add(section: Section, kind: str | None, currency: str | None, amount: Decimal | None) -> None:
        key = section, kind or "", currency or ""
        number, before = summed.get(key, (0, Decimal(0)))
        summed[key] = number + 1, before + (amount or 0)

    for customer in world.file.of(Section.CUSTOMERS):
        kind, currency = (world.fact(Section.CUSTOMERS, customer.name, key) for key in ("type", "currency"))
        add(Section.CUSTOMERS, kind, currency, customer.amount("opening_balance"))
    for account in world.file.of(Section.ACCOUNTS):
        master = account.text("alias_of")
        if master is not None:
            add(Section.ALIASES, "alias", world.fact(Section.ACCOUNTS, master, "currency"), None)
            continue
        model, currency = (world.fact(Section.ACCOUNTS, account.name, key) for key in ("model", "currency"))
        add(Section.ACCOUNTS, model, currency, account.amount("opening_balance"))
    for _ in world.file.of(Section.SIM_CARDS):
        add(Section.SIM_CARDS, None, None, None)
    for counter in world.file.of(Section.COUNTERS):
        add(Section.COUNTERS, None, None, counter.amount("used"))
    return sorted(Total(*key, *values) for key, values in summed.items())
