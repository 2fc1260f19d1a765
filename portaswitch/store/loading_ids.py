"""
Ids of everything that a catalogue file refers to: those of the database, and reserved ones for what is new.

With all ids known beforehand every row can be made before any is written, whatever the order of the file and
however things refer to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from portaswitch.model.loading import CatalogueFile, Section, Stock, plan_item
from portaswitch.store.arrays import array
from portaswitch.store.transaction import Cursor

IDENTITIES: Final[Mapping[Section, tuple[str, str]]] = {
    Section.SERVICES: ("services", "i_service"),
    Section.POLICIES: ("service_policies", "i_service_policy"),
    Section.ACCESS_POLICIES: ("access_policies", "i_access_policy"),
    Section.IP_POOLS: ("ip_pools", "i_ip_pool"),
    Section.DESTINATION_GROUPS: ("destination_group_sets", "i_dest_group_set"),
    Section.TARIFFS: ("tariffs", "i_tariff"),
    Section.DISCOUNT_PLANS: ("vd_plans", "i_vd_plan"),
    Section.PLAN_ITEMS: ("vd_dgs", "i_vd_dg"),
    Section.NODES: ("nodes", "i_node"),
    Section.PRODUCTS: ("products", "i_product"),
    Section.VENDORS: ("vendors", "i_vendor"),
    Section.CUSTOMERS: ("customers", "i_customer"),
    Section.ACCOUNTS: ("accounts", "i_account"),
    Section.SIM_CARDS: ("sim_cards", "i_sim_card"),
    Section.CUSTOMER_CLASSES: ("customer_classes", "i_customer_class"),
    Section.CUSTOM_FIELDS: ("custom_fields", "i_custom_field"),
    Section.CPE_PROFILES: ("ua_profiles", "i_ua_profile"),
    Section.CPES: ("ua", "i_ua"),
    Section.DID_GROUPS: ("did_groups", "i_group"),
    Section.DID_VENDOR_BATCHES: ("did_vendor_batches", "i_dv_batch"),
    Section.DID_OWNER_BATCHES: ("did_owner_batches", "i_do_batch"),
    Section.DIDS: ("dids", "i_did_number"),
    Section.VOUCHER_BATCHES: ("batches", "i_batch"),
}
"""Table and identity column of what has a name."""

RESERVE: Final = "select nextval(pg_get_serial_sequence(%s, %s)) from generate_series(1, %s)"
DESTINATIONS: Final = """
    select d.format, d.prefix, d.i_dest
    from destinations d join unnest(%s::text[], %s::text[]) v (format, prefix) using (format, prefix)
    where d.i_env = %s
"""
GROUPS: Final = """
    select s.name, g.name, g.i_dest_group
    from destination_groups g join destination_group_sets s using (i_dest_group_set)
    where s.i_env = %s
"""
TYPES: Final = "select name, i_service_type, base from service_types"


@dataclass(frozen=True, slots=True)
class Ids:
    """
    Ids by section and name, of groups by set and name, of destinations by prefix (`formats` says which of
    them are not E.164); service types by name, with their base.
    """

    named: Mapping[Section, Mapping[str, int]]
    groups: Mapping[tuple[str, str], int]
    destinations: Mapping[str, int]
    formats: Mapping[str, str]
    types: Mapping[str, tuple[int, str]]

    def of(self, section: Section, name: str | None) -> int | None:
        """The id of what has that name; None of no name."""
        return None if name is None else self.named[section][name]

    def format(self, prefix: str) -> str:
        """The format that a prefix is of: what the file says of the destination, else E.164."""
        return self.formats.get(prefix, "E.164")


async def find_ids(cursor: Cursor, file: CatalogueFile, stock: Stock) -> Ids:
    """
    All ids for `file`. Reserved ones come out of the tables' sequences; if the load fails they are lost,
    which sequences allow for.
    """
    named: dict[Section, Mapping[str, int]] = {}
    for section, (table, column) in IDENTITIES.items():
        has = {name: known.id for name, known in stock.get(section, {}).items()}
        missing = [name for name in _names(file, section) if name not in has]
        named[section] = has | await _reserve(cursor, table, column, missing)
    groups = {(row[0], row[1]): row[2] for row in await cursor.query(GROUPS, (file.i_env,))}
    wanted = [
        (entry.name, group.name)
        for entry in file.of(Section.DESTINATION_GROUPS)
        for group in entry.parts("groups")
    ]
    fresh = [key for key in wanted if key not in groups]
    numbers = await _reserve(
        cursor, "destination_groups", "i_dest_group", [str(at) for at in range(len(fresh))]
    )
    groups |= {key: numbers[str(at)] for at, key in enumerate(fresh)}
    formats = {
        entry.name: written
        for entry in file.of(Section.DESTINATIONS)
        if (written := entry.text("format")) is not None
    }
    types = {row[0]: (row[1], row[2]) for row in await cursor.query(TYPES)}
    return Ids(named, groups, await _destinations(cursor, file, formats), formats, types)


def prefixes(file: CatalogueFile) -> list[str]:
    """
    Every prefix that the file names, each once: a rate's or a group's prefix need not be among the
    destinations.
    """
    found = {entry.name: None for entry in file.of(Section.DESTINATIONS)}
    found |= {rate.name: None for tariff in file.of(Section.TARIFFS) for rate in tariff.parts("rates")}
    members = (
        group.parts("members")
        for entry in file.of(Section.DESTINATION_GROUPS)
        for group in entry.parts("groups")
    )
    return list(found | {member.name: None for group in members for member in group})


async def _destinations(cursor: Cursor, file: CatalogueFile, formats: Mapping[str, str]) -> dict[str, int]:
    wanted = prefixes(file)
    if not wanted:
        return {}
    parameters = array(formats.get(prefix, "E.164") for prefix in wanted), array(wanted), file.i_env
    has = {row[1]: row[2] for row in await cursor.query(DESTINATIONS, parameters)}
    return has | await _reserve(
        cursor, "destinations", "i_dest", [prefix for prefix in wanted if prefix not in has]
    )


async def _reserve(cursor: Cursor, table: str, column: str, names: Iterable[str]) -> dict[str, int]:
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    rows = await cursor.query(RESERVE, (table, column, len(wanted)))
    return {name: row[0] for name, row in zip(wanted, rows, strict=True)}


def _names(file: CatalogueFile, section: Section) -> list[str]:
    if section is Section.PLAN_ITEMS:
        return [plan_item(plan.name, item) for plan in file.of(Section.DISCOUNT_PLANS) for item in plan.parts("items")]
    names = [entry.name for entry in file.of(section)]
    if section is Section.ACCOUNTS:
        names += [alias.name for entry in file.of(section) for alias in entry.parts("aliases")]
    return names
