"""
`portaswitch load FILE.yaml`: a catalogue with customers and accounts, brought into the database as the file
says it.

    read (config.catalogue) > compare with what the database has > all faults at once, or one transaction

The file says what shall be, not what to do: a second load changes nothing, a changed file changes what it
names, what it no longer names stays, and money of what exists is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from portaswitch.errors import ConfigError
from portaswitch.interfaces.loading import ILoading, Progress
from portaswitch.model.loading import CatalogueFile, Fault, Loaded, Stock
from portaswitch.operations import (
    address_rules,
    card_rules,
    catalogue_rules,
    collector_rules,
    discount_rules,
    inventory_rules,
    party_rules,
    rating_rules,
    references,
    voucher_rules,
)
from portaswitch.operations.world import World

Rule = Callable[[World], Iterable[Fault]]

RULES: tuple[Rule, ...] = (
    references.environment,
    references.unknown,
    references.needed,
    references.fixed,
    catalogue_rules.networks,
    collector_rules.collectors,
    catalogue_rules.prices,
    rating_rules.levels,
    rating_rules.formulas,
    rating_rules.bounds,
    rating_rules.exchange,
    rating_rules.managed_alike,
    catalogue_rules.items,
    catalogue_rules.repeated_rates,
    catalogue_rules.groups,
    catalogue_rules.products,
    catalogue_rules.connections,
    discount_rules.plans,
    discount_rules.items,
    discount_rules.holders,
    address_rules.pools,
    address_rules.static_addresses,
    party_rules.customers,
    party_rules.accounts,
    party_rules.beneficiaries,
    party_rules.openings,
    party_rules.aliases,
    party_rules.resellers,
    card_rules.sim_cards,
    inventory_rules.features,
    inventory_rules.addons,
    inventory_rules.custom_fields,
    inventory_rules.custom_values,
    inventory_rules.devices,
    inventory_rules.numbers,
    voucher_rules.batches,
    voucher_rules.vouchers,
)
"""Everything that is asked of a file beside its grammar; each rule says all it finds, in any order."""


def load(file: CatalogueFile, loading: ILoading, progress: Progress) -> Deferred[Loaded]:
    """
    Bring the database to what `file` says, in one transaction.

    Errors: ConfigError with all faults of the file, in its order, and then nothing was changed; and those of
    `ILoading.load`.
    """

    def check(stock: Stock) -> None:
        found = faults(file, stock)
        if found:
            raise ConfigError(found)

    return loading.load(file, check, progress)


def faults(file: CatalogueFile, stock: Stock, rules: Iterable[Rule] = RULES) -> list[str]:
    """
    All that is wrong with a file, as text and against what the database has: one line each, in the order of
    the file.
    """
    world = World(file, stock)
    found = {*file.faults, *(fault for rule in rules for fault in rule(world))}
    return [str(fault) for fault in sorted(found)]
