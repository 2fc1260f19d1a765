"""
What the database has of the things a catalogue file names: their ids, and the facts that a file must agree
with.

The catalogue is read whole, customers and accounts by name: there may be millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from portaswitch.model.loading import CatalogueFile, Known, Section, Stock
from portaswitch.store.arrays import array
from portaswitch.store.loading_inventory_stock import inventory_stock
from portaswitch.store.transaction import Cursor

QUERIES: Final[Mapping[Section, tuple[str, tuple[str, ...]]]] = {
    Section.SERVICES: (
        "select s.name, s.i_service, t.name, s.base "
        "from services s join service_types t using (i_service_type) where s.i_env = %s",
        ("type", "base"),
    ),
    Section.POLICIES: ("select name, i_service_policy from service_policies where i_env = %s", ()),
    Section.ACCESS_POLICIES: ("select name, i_access_policy from access_policies where i_env = %s", ()),
    Section.IP_POOLS: (
        "select p.name, p.i_ip_pool, (select string_agg((r ->> 'first') || '-' || (r ->> 'last'), ' ') from jsonb_array_elements(p.ranges) r) "
        "from ip_pools p where p.i_env = %s",
        ("ranges",),
    ),
    Section.DESTINATION_GROUPS: (
        "select s.name, s.i_dest_group_set, (select string_agg(g.name, chr(31)) from destination_groups g where g.i_dest_group_set = s.i_dest_group_set) "
        "from destination_group_sets s where s.i_env = %s",
        ("groups",),
    ),
    Section.TARIFFS: (
        "select t.name, t.i_tariff, t.currency, s.name, t.applied_to, coalesce(c.name, '') "
        "from tariffs t join services s using (i_service) left join customers c on c.i_customer = t.i_managed_by where t.i_env = %s",
        ("currency", "service", "applied_to", "managed_by"),
    ),
    Section.DISCOUNT_PLANS: (
        "select p.name, p.i_vd_plan, p.currency, s.name, c.name from vd_plans p left join destination_group_sets s using (i_dest_group_set) "
        "left join customers c on c.i_customer = p.i_managed_by where p.i_env = %s",
        ("currency", "destination_groups", "managed_by"),
    ),
    Section.PLAN_ITEMS: (
        "select concat_ws(chr(31), p.name, s.name, coalesce(g.name, ''), d.kind, "
        "coalesce((array['peak', 'off_peak', 'second_off_peak'])[d.peak_level + 1], '')), min(d.i_vd_dg), min(d.counted_in), min(d.reset), count(*)::text "
        "from vd_dgs d join vd_plans p using (i_vd_plan) join services s using (i_service) left join destination_groups g using (i_dest_group) "
        "where p.i_env = %s group by 1",
        ("counted_in", "reset", "count"),
    ),
    Section.EXCHANGE_RATES: ("select currency || '/' || into_currency, max(i_exchange_rate) from exchange_rates where i_env = %s group by 1", ()),
    Section.NODES: (
        "select n.name, n.i_node, host(n.nas_ip), n.nas_identifier, n.origin_host, n.origin_realm, host(n.coa_address), c.name "
        "from nodes n left join nodes c on c.i_node = n.i_accounting_copy where n.i_env = %s",
        ("nas_ip", "nas_identifier", "origin_host", "origin_realm", "coa_address", "accounting_copy"),
    ),
    Section.PRODUCTS: (
        "select p.name, i_product, p.currency, coalesce(c.name, ''), p.is_addon::text "
        "from products p left join customers c on c.i_customer = p.i_managed_by where p.i_env = %s",
        ("currency", "managed_by", "addon"),
    ),
    Section.VENDORS: ("select name, i_vendor, currency from vendors where i_env = %s", ("currency",)),
}
"""By section: a query of name, id and facts in one environment, and the facts' names (the file's keys)."""

ENVIRONMENTS: Final = "select i_env::text, i_env, name, currency from environments"
CLIENTS: Final = "select address::text, i_client, i_env::text from radius_clients"
ACCOUNTS: Final = """
    select a.id, a.i_account, c.name, p.name, a.billing_model::text, a.currency, m.id, y.id,
        (select t.value[1] from service_attribute_values t where t.i_account = a.i_account and t.i_attribute = 3)
    from accounts a join unnest(%s::text[]) v (id) using (id) join customers c using (i_customer)
    left join products p on p.i_product = a.i_product left join accounts m on m.i_account = a.i_master_account
    left join accounts y on y.i_account = a.i_payer
    where a.i_env = %s
"""
CUSTOMERS: Final = """
    select c.name, c.i_customer, c.i_customer_type::text, c.currency, p.name
    from customers c left join customers p on p.i_customer = c.i_parent
    where c.i_env = %s and (c.i_customer_type <> 1 or c.name = any (%s::text[]))
"""

SIM_CARDS: Final = """
    select s.imsi, s.i_sim_card, s.iccid, a.id, s.status
    from sim_cards s left join accounts a using (i_account)
    where s.i_env = %(i_env)s and (s.imsi = any (%(imsis)s::text[]) or s.iccid = any (%(iccids)s::text[]) or a.id = any (%(accounts)s::text[]))
"""
DISCOUNT_ITEMS: Final = """
    select concat_ws(chr(31), p.name, s.name, coalesce(g.name, ''), d.kind), min(d.i_vd_dg), count(*)::text
    from vd_dgs d join vd_plans p using (i_vd_plan) join services s using (i_service) left join destination_groups g using (i_dest_group)
    where p.i_env = %s group by 1
"""
"""Items of discount plans by plan, service, destination group and kind; how many there are of that name."""

MODELS: Final = {
    "-1": "debit",
    "1": "credit",
    "2": "alias",
    "0": "voucher",
    "3": "internal",
    "4": "beneficiary",
}
"""billing_model in the file's words; aliases are made by `aliases`, vouchers and internal accounts by other operations."""

CUSTOMER_TYPES: Final = {"1": "retail", "2": "reseller", "3": "distributor"}


async def read_stock(cursor: Cursor, file: CatalogueFile) -> Stock:
    """The stock that `file` is compared with."""
    stock: dict[Section, Mapping[str, Known]] = {}
    for section, (sql, names) in QUERIES.items():
        stock[section] = {
            row[0]: _known(row[1], names, row[2:]) for row in await cursor.query(sql, (file.i_env,))
        }
    stock[Section.ENVIRONMENTS] = {
        row[0]: _known(row[1], ("name", "currency"), row[2:]) for row in await cursor.query(ENVIRONMENTS)
    }
    stock[Section.RADIUS_CLIENTS] = {
        row[0]: _known(row[1], ("environment",), row[2:]) for row in await cursor.query(CLIENTS)
    }
    if file.of(Section.COUNTERS):
        rows = await cursor.query(DISCOUNT_ITEMS, (file.i_env,))
        stock[Section.DISCOUNT_ITEMS] = {row[0]: _known(row[1], ("count",), row[2:]) for row in rows}
    stock |= await inventory_stock(cursor, file)
    stock[Section.SIM_CARDS] = await _sim_cards(cursor, file)
    stock[Section.ACCOUNTS] = await _accounts(cursor, file)
    named = {known.facts["customer"] for known in stock[Section.ACCOUNTS].values()}
    stock[Section.CUSTOMERS] = await _customers(cursor, file, named)
    return stock


async def _sim_cards(cursor: Cursor, file: CatalogueFile) -> dict[str, Known]:
    """The cards of the file, and those that have an ICCID or an account of one."""
    cards = file.of(Section.SIM_CARDS)
    if not cards:
        return {}
    named = {key: array(sorted({name for card in cards if (name := card.text(key)) is not None})) for key in ("iccid", "account")}
    wanted = {"i_env": file.i_env, "imsis": array(card.name for card in cards), "iccids": named["iccid"], "accounts": named["account"]}
    return {row[0]: _known(row[1], ("iccid", "account", "status"), row[2:]) for row in await cursor.query(SIM_CARDS, wanted)}


async def _accounts(cursor: Cursor, file: CatalogueFile) -> dict[str, Known]:
    ids = {entry.name for entry in file.of(Section.ACCOUNTS)}
    ids |= {other for entry in file.of(Section.ACCOUNTS) for key in ("alias_of", "payer") if (other := entry.text(key)) is not None}
    ids |= {alias.name for entry in file.of(Section.ACCOUNTS) for alias in entry.parts("aliases")}
    ports = (port for device in file.of(Section.CPES) for port in device.parts("port_accounts"))
    owned = (*file.of(Section.SIM_CARDS), *file.of(Section.COUNTERS), *file.of(Section.DIDS), *ports)
    ids |= {name for entry in owned if (name := entry.text("account")) is not None}
    if not ids:
        return {}
    names = ("customer", "product", "model", "currency", "alias_of", "payer", "static_ip")
    rows = await cursor.query(ACCOUNTS, (array(sorted(ids)), file.i_env))
    return {row[0]: _known(row[1], names, (row[2], row[3], MODELS[row[4]], *row[5:])) for row in rows}


async def _customers(cursor: Cursor, file: CatalogueFile, named: Iterable[str]) -> dict[str, Known]:
    names = {*named, *(entry.name for entry in file.of(Section.CUSTOMERS))}
    for section, key in (
        (Section.ACCOUNTS, "customer"),
        (Section.SIM_CARDS, "customer"),
        (Section.COUNTERS, "customer"),
        (Section.CUSTOMERS, "parent"),
        (Section.TARIFFS, "managed_by"),
        (Section.PRODUCTS, "managed_by"),
        (Section.DISCOUNT_PLANS, "managed_by"),
        (Section.SIM_CARDS, "managed_by"),
        (Section.CUSTOMER_CLASSES, "managed_by"),
        (Section.CPE_PROFILES, "managed_by"),
        (Section.CPES, "managed_by"),
        (Section.CPES, "customer"),
        (Section.DID_OWNER_BATCHES, "customer"),
        (Section.DIDS, "customer"),
        (Section.VOUCHER_BATCHES, "managed_by"),
    ):
        names |= {name for entry in file.of(section) if (name := entry.text(key)) is not None}
    rows = await cursor.query(CUSTOMERS, (file.i_env, array(sorted(names))))
    return {
        row[0]: _known(row[1], ("type", "currency", "parent"), (CUSTOMER_TYPES[row[2]], *row[3:]))
        for row in rows
    }


def _known(identity: int, names: Iterable[str], values: Iterable[str | None]) -> Known:
    return Known(identity, {name: value or "" for name, value in zip(names, values, strict=True)})
