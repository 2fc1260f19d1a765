"""Rules about names: what a file refers to exists, what is new is whole, and what may not change does not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from portaswitch.model.loading import Entry, Fault, Section
from portaswitch.operations.world import World

REFERENCES: Final[Mapping[Section, Mapping[str, Section]]] = {
    Section.TARIFFS: {
        "service": Section.SERVICES,
        "managed_by": Section.CUSTOMERS,
        "destination_groups": Section.DESTINATION_GROUPS,
    },
    Section.NODES: {"service": Section.SERVICES, "ip_pool": Section.IP_POOLS, "accounting_copy": Section.NODES},
    Section.PRODUCTS: {"managed_by": Section.CUSTOMERS, "access_policy": Section.ACCESS_POLICIES, "discount_plan": Section.DISCOUNT_PLANS},
    Section.DISCOUNT_PLANS: {"managed_by": Section.CUSTOMERS, "destination_groups": Section.DESTINATION_GROUPS},
    Section.PLAN_ITEMS: {"service": Section.SERVICES},
    Section.ENTRIES: {
        "service": Section.SERVICES,
        "node": Section.NODES,
        "tariff": Section.TARIFFS,
        "reseller_tariff": Section.TARIFFS,
        "policy": Section.POLICIES,
    },
    Section.RADIUS_CLIENTS: {"node": Section.NODES},
    Section.CONNECTIONS: {"node": Section.NODES, "tariff": Section.TARIFFS},
    Section.CUSTOMERS: {
        "parent": Section.CUSTOMERS, "tariff": Section.TARIFFS, "class": Section.CUSTOMER_CLASSES,
        "discount_plan": Section.DISCOUNT_PLANS,
    },
    Section.ACCOUNTS: {
        "discount_plan": Section.DISCOUNT_PLANS,
        "customer": Section.CUSTOMERS,
        "product": Section.PRODUCTS,
        "access_policy": Section.ACCESS_POLICIES,
        "alias_of": Section.ACCOUNTS,
        "payer": Section.ACCOUNTS,
    },
    Section.SIM_CARDS: {"customer": Section.CUSTOMERS, "account": Section.ACCOUNTS, "managed_by": Section.CUSTOMERS},
    Section.CUSTOMER_CLASSES: {"managed_by": Section.CUSTOMERS},
    Section.CPE_PROFILES: {"managed_by": Section.CUSTOMERS},
    Section.CPES: {"cpe_profile": Section.CPE_PROFILES, "customer": Section.CUSTOMERS, "managed_by": Section.CUSTOMERS},
    Section.PORTS: {"account": Section.ACCOUNTS},
    Section.DID_VENDOR_BATCHES: {"vendor": Section.VENDORS},
    Section.DID_OWNER_BATCHES: {"customer": Section.CUSTOMERS},
    Section.DIDS: {
        "customer": Section.CUSTOMERS,
        "account": Section.ACCOUNTS,
        "vendor_batch": Section.DID_VENDOR_BATCHES,
        "owner_batch": Section.DID_OWNER_BATCHES,
        "group": Section.DID_GROUPS,
    },
    Section.VOUCHER_BATCHES: {"managed_by": Section.CUSTOMERS},
    Section.COUNTERS: {"customer": Section.CUSTOMERS, "account": Section.ACCOUNTS},
}
"""By section and key, the section whose name stands there."""

NEEDED: Final[Mapping[Section, tuple[str, ...]]] = {
    Section.ENVIRONMENTS: ("name",),
    Section.SERVICES: ("type",),
    Section.TARIFFS: ("service",),
    Section.IP_POOLS: ("ranges",),
    Section.RADIUS_CLIENTS: ("secret",),
    Section.ACCOUNTS: ("customer", "product", "model"),
    Section.CPE_PROFILES: ("model",),
    Section.CPES: ("model",),
    Section.DID_VENDOR_BATCHES: ("vendor",),
    Section.DID_OWNER_BATCHES: ("customer",),
}
"""What something new must say."""

PARTS_NEED: Final[tuple[tuple[Section, str, tuple[str, ...]], ...]] = (
    (Section.PRODUCTS, "entries", ("service", "tariff")),
    (Section.DISCOUNT_PLANS, "items", ("service", "kind")),
    (Section.ACCOUNTS, "addons", ("from",)),
    (Section.CPES, "port_accounts", ("account",)),
    (Section.EXCHANGE_RATES, "values", ("rate",)),
    (Section.ACCESS_POLICIES, "phases", ("period", "level")),
    (Section.ACCESS_POLICIES, "attributes", ("group", "name", "value")),
)
"""What a thing inside another always says, since it stands as a whole."""

FIXED: Final[Mapping[Section, tuple[str, ...]]] = {
    Section.SERVICES: ("type", "base"),
    Section.TARIFFS: ("currency", "service", "applied_to"),
    Section.PRODUCTS: ("currency",),
    Section.DISCOUNT_PLANS: ("currency", "destination_groups"),
    Section.VENDORS: ("currency",),
    Section.CUSTOMERS: ("currency", "type"),
    Section.ACCOUNTS: ("currency", "model", "customer", "payer"),
    Section.SIM_CARDS: ("account",),
    Section.DIDS: ("customer", "account"),
    Section.CUSTOM_FIELDS: ("type",),
}
"""What money that has moved depends on, so that a load never changes it; and who has a card or number, which is an operation of its own."""

INNER: Final = {
    Section.ENTRIES: (Section.PRODUCTS, "entries"),
    Section.PLAN_ITEMS: (Section.DISCOUNT_PLANS, "items"),
    Section.CONNECTIONS: (Section.VENDORS, "connections"),
    Section.PORTS: (Section.CPES, "port_accounts"),
}
"""Sections inside others that refer to something: where they stand."""

MOST_SUGGESTED: Final = 2000
"""Among more names than that no near one is looked for: with many faults it would take minutes."""


def environment(world: World) -> Iterator[Fault]:
    """The environment of the file exists; names of environments are given once."""
    if not world.exists(Section.ENVIRONMENTS, str(world.file.i_env)):
        i_env = world.file.i_env
        yield world.file.place.find("environment").fault(
            f"environment {i_env} is neither in the file nor in the database:"
            f" add environments: {{{i_env}: {{name: ...}}}}"
        )
    named = {
        known.facts["name"]: i_env
        for i_env, known in world.stock.get(Section.ENVIRONMENTS, {}).items()
        if i_env not in world.entries[Section.ENVIRONMENTS]
    }
    for entry in world.file.of(Section.ENVIRONMENTS):
        name = entry.text("name")
        if name is not None and named.setdefault(name, entry.name) != entry.name:
            yield entry.place.find("name").fault(f"environment {named[name]} has that name: choose another")


def unknown(world: World) -> Iterator[Fault]:
    """Every name that is referred to exists, in the file or in the database."""
    for section, keys in REFERENCES.items():
        for entry in _entries(world, section):
            for key, target in keys.items():
                name = entry.text(key)
                if name is not None and not world.exists(target, name):
                    yield entry.place.find(key).fault(missing(world, target, name))


def needed(world: World) -> Iterator[Fault]:
    """What is new says what it can't be without; what is known by no name of its own always does."""
    for section, keys in NEEDED.items():
        for entry in world.accounts() if section is Section.ACCOUNTS else world.file.of(section):
            if world.known(section, entry.name) is None:
                yield from _absent(entry, keys, "is new: it needs")
    for outer, key, keys in PARTS_NEED:
        for _, part in world.inner(outer, key):
            yield from _absent(part, keys, "needs")


def _absent(entry: Entry, keys: tuple[str, ...], how: str) -> Iterator[Fault]:
    absent = [key for key in keys if entry.silent(key)]
    if absent:
        yield entry.place.fault(f"{how} {' and '.join(absent)}")


def fixed(world: World) -> Iterator[Fault]:
    """
    What exists keeps its currency and what it is; ids that are aliases in the database have a rule of their
    own.
    """
    for section, keys in FIXED.items():
        for entry in world.file.of(section):
            known = world.known(section, entry.name)
            if known is None or known.facts.get("alias_of"):
                continue
            for key in keys:
                written, has = entry.text(key), known.facts.get(key)
                if written is not None and has and written != has:
                    yield entry.place.find(key).fault(
                        f"is {has} in the database, which a load does not change:"
                        f" write {has}, or take another name"
                    )


def _entries(world: World, section: Section) -> Iterable[Entry]:
    if section in INNER:
        return (part for _, part in world.inner(*INNER[section]))
    return world.file.of(section)


def missing(world: World, target: Section, name: str) -> str:
    """What is wrong with a name that is not there, with a near one that is."""
    names = world.names(target)
    near = difflib.get_close_matches(name[:64], names, 1) if len(names) <= MOST_SUGGESTED else []
    where = f"{name[:64]} is not among the {target.value} of the file or the database"
    return f"{where}: did you mean {near[0]}?" if near else f"{where}: add it, or correct the name"
