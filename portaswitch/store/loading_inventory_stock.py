"""What the database has of inventories, custom fields, add-ons and service features, as far as a catalogue file needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.model.loading import CatalogueFile, Known, Section
from portaswitch.store.arrays import array
from portaswitch.store.transaction import Cursor

QUERIES: Final[Mapping[Section, tuple[str, tuple[str, ...]]]] = {
    Section.CUSTOMER_CLASSES: ("select name, i_customer_class from customer_classes where i_env = %(i_env)s", ()),
    Section.CUSTOM_FIELDS: (
        "select applies_to || '.' || name, i_custom_field, type, array_to_string(choices, chr(31)), mandatory::text from custom_fields where i_env = %(i_env)s",
        ("type", "choices", "mandatory"),
    ),
    Section.CPE_PROFILES: ("select name, i_ua_profile from ua_profiles where i_env = %(i_env)s", ()),
    Section.CPES: (
        "select name, i_ua, mac::text, inventory_id, ports::text from ua where i_env = %(i_env)s "
        "and (name = any (%(cpes)s::text[]) or mac::text = any (%(macs)s::text[]) or inventory_id = any (%(inventory)s::text[]))",
        ("mac", "inventory_id", "ports"),
    ),
    Section.DID_GROUPS: ("select name, i_group from did_groups where i_env = %(i_env)s", ()),
    Section.DID_VENDOR_BATCHES: ("select name, i_dv_batch from did_vendor_batches where i_env = %(i_env)s", ()),
    Section.DID_OWNER_BATCHES: ("select name, i_do_batch from did_owner_batches where i_env = %(i_env)s", ()),
    Section.DIDS: (
        "select d.number, d.i_did_number, c.name, a.id from dids d left join customers c on c.i_customer = d.i_customer "
        "left join accounts a on a.i_account = d.i_account where d.i_env = %(i_env)s and d.number = any (%(dids)s::text[])",
        ("customer", "account"),
    ),
    Section.ADDONS: (
        "select a.id || chr(31) || p.name, 0, string_agg(concat_ws('/', to_char(d.addon_effective_from at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.USZ'), "
        "to_char(d.addon_effective_to at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.USZ')), ' ') "
        "from account_addons d join accounts a using (i_account) join products p on p.i_product = d.i_product "
        "where a.i_env = %(i_env)s and a.id = any (%(with_addons)s::text[]) group by 1",
        ("periods",),
    ),
    Section.FEATURES: (
        "select f.name, f.i_service_feature, f.position::text, t.name from service_features f left join service_types t using (i_service_type)",
        ("position", "service"),
    ),
    Section.FEATURE_VALUES: (
        "select f.name || '.' || a.name, a.i_attribute, a.multiple::text from service_attributes a join service_features f using (i_service_feature)",
        ("multiple",),
    ),
}
"""By section: a query of name, id and facts, and the facts' names. Devices and numbers are read by name, as there may be millions of them."""


async def inventory_stock(cursor: Cursor, file: CatalogueFile) -> dict[Section, Mapping[str, Known]]:
    """The stock of these sections."""
    devices = file.of(Section.CPES)
    wanted = {
        "i_env": file.i_env,
        "cpes": array(device.name for device in devices),
        "macs": array(mac for device in devices if (mac := device.text("mac")) is not None),
        "inventory": array(name for device in devices if (name := device.text("inventory_id")) is not None),
        "dids": array(number.name for number in file.of(Section.DIDS)),
        "with_addons": array(account.name for account in file.of(Section.ACCOUNTS) if account.parts("addons")),
    }
    found: dict[Section, Mapping[str, Known]] = {}
    for section, (sql, names) in QUERIES.items():
        rows = await cursor.query(sql, wanted)
        found[section] = {row[0]: Known(row[1], {name: value or "" for name, value in zip(names, row[2:], strict=True)}) for row in rows}
    return found
