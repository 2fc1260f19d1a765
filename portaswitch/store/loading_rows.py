"""
From the entries of a catalogue file to rows of the catalogue's tables; names have become ids (`loading_ids`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from portaswitch.model.loading import CatalogueFile, Entry, Section, Stock
from portaswitch.store.arrays import Element
from portaswitch.store.loading_access import access_tables
from portaswitch.store.loading_discounts import discount_tables
from portaswitch.store.loading_features import flags_of
from portaswitch.store.loading_ids import IDENTITIES, Ids, prefixes
from portaswitch.store.loading_merge import Row, Shape

Tables = list[tuple[Section, Shape, list[Row]]]
"""
Rows by table, in the order in which they can be written; several tables may count for one section, or none.
"""

I_ENV: Final = ("i_env", "name")
ENVIRONMENTS: Final = Shape("environments", "i_env", ("i_env",))
SERVICES: Final = Shape("services", "i_service", I_ENV)
POLICIES: Final = Shape("service_policies", "i_service_policy", I_ENV)
DESTINATIONS: Final = Shape("destinations", "i_dest", ("i_env", "format", "prefix"))
GROUP_SETS: Final = Shape("destination_group_sets", "i_dest_group_set", I_ENV)
GROUPS: Final = Shape("destination_groups", "i_dest_group", ("i_dest_group_set", "name"))
MEMBERS: Final = Shape("destination_group_members", "", ("i_dest_group", "i_dest"))
TARIFFS: Final = Shape("tariffs", "i_tariff", I_ENV)
EXCHANGE: Final = Shape("exchange_rates", "i_exchange_rate", ("i_env", "currency", "into_currency", "effective_from"))
RATES: Final = Shape("rates", "i_rate", ("i_tariff", "i_dest", "effective_from"))
NODES: Final = Shape("nodes", "i_node", I_ENV)
PRODUCTS: Final = Shape("products", "i_product", I_ENV, overlaid=("service_flags",))
ENTRIES: Final = Shape(
    "accessibility", "i_accessibility", ("i_product", "i_service", "i_node", "access_code"), loose=("i_node",)
)
CLIENTS: Final = Shape("radius_clients", "i_client", ("address",), sealed=("secret",))
VENDORS: Final = Shape("vendors", "i_vendor", I_ENV, kept="opening_balance")
CONNECTIONS: Final = Shape("connections", "i_connection", ("i_vendor", "name"))

RATE: Final[Mapping[str, Element]] = {
    "interval_first": 1,
    "interval_n": 1,
    "price_first": 0,
    "price_n": 0,
    "connect_fee": None,
    "forbidden": False,
    "discontinued": False,
    "hidden": False,
    "off_peak": None,
    "formula": None,
}
"""
A rate is a line of a price list and stands as a whole: what it does not name is this, in an existing rate
too.
"""

LEVELS: Final = ("off_peak", "second_off_peak")
"""The levels of the day beside peak, as a rate names them."""

CONNECTION_TYPES: Final = {"SIP": 1, "PSTN": 2, "H323": 3, "SMPP": 4}
RENAMED: Final[Mapping[str, str]] = {
    "addon": "is_addon",
    "destination_groups": "i_dest_group_set",
    "managed_by": "i_managed_by",
}
REFERS: Final[Mapping[str, Section]] = {
    "service": Section.SERVICES,
    "managed_by": Section.CUSTOMERS,
    "destination_groups": Section.DESTINATION_GROUPS,
    "node": Section.NODES,
    "tariff": Section.TARIFFS,
    "reseller_tariff": Section.TARIFFS,
    "policy": Section.POLICIES,
    "parent": Section.CUSTOMERS,
    "customer": Section.CUSTOMERS,
    "product": Section.PRODUCTS,
    "account": Section.ACCOUNTS,
    "access_policy": Section.ACCESS_POLICIES,
    "ip_pool": Section.IP_POOLS,
    "accounting_copy": Section.NODES,
    "class": Section.CUSTOMER_CLASSES,
    "cpe_profile": Section.CPE_PROFILES,
    "vendor": Section.VENDORS,
    "vendor_batch": Section.DID_VENDOR_BATCHES,
    "owner_batch": Section.DID_OWNER_BATCHES,
    "group": Section.DID_GROUPS,
    "discount_plan": Section.DISCOUNT_PLANS,
}
"""Keys that hold names, and whose; their columns are i_KEY, but for those in `COLUMNS`."""

COLUMNS: Final[Mapping[str, str]] = {
    **RENAMED,
    "reseller_tariff": "i_tariff_reseller",
    "policy": "i_service_policy",
    "class": "i_customer_class",
    "cpe_profile": "i_ua_profile",
    "vendor_batch": "i_dv_batch",
    "owner_batch": "i_do_batch",
    "discount_plan": "i_vd_plan",
}


class Builder:
    """Makes the rows of one file."""

    def __init__(self, file: CatalogueFile, stock: Stock, ids: Ids) -> None:
        self.file, self.stock, self.ids = file, stock, ids
        own = [
            entry.text("currency") for entry in file.of(Section.ENVIRONMENTS) if entry.name == str(file.i_env)
        ]
        known = stock.get(Section.ENVIRONMENTS, {}).get(str(file.i_env))
        self.currency = next(filter(None, own), None) or (known.facts["currency"] if known else "USD")

    def catalogue(self) -> Tables:
        """All rows but those of customers and accounts."""
        return [
            (
                Section.ENVIRONMENTS,
                ENVIRONMENTS,
                [
                    Row(entry.name, (int(entry.name),), dict(self.values_of(entry)))
                    for entry in self._of(Section.ENVIRONMENTS)
                ],
            ),
            (Section.SERVICES, SERVICES, [self._service(entry) for entry in self._of(Section.SERVICES)]),
            (
                Section.POLICIES,
                POLICIES,
                [self.named(Section.POLICIES, entry) for entry in self._of(Section.POLICIES)],
            ),
            *access_tables(self),
            (Section.DESTINATIONS, DESTINATIONS, list(self._destinations())),
            (
                Section.DESTINATION_GROUPS,
                GROUP_SETS,
                [
                    self.named(Section.DESTINATION_GROUPS, entry, "groups")
                    for entry in self._of(Section.DESTINATION_GROUPS)
                ],
            ),
            (Section.DESTINATION_GROUPS, GROUPS, list(self._groups())),
            (Section.DESTINATION_GROUPS, MEMBERS, list(self._members())),
            (Section.EXCHANGE_RATES, EXCHANGE, list(self._exchange())),
            (
                Section.TARIFFS,
                TARIFFS,
                [self.priced(Section.TARIFFS, entry, "rates") for entry in self._of(Section.TARIFFS)],
            ),
            (Section.RATES, RATES, list(self._rates())),
            *discount_tables(self),
            (Section.NODES, NODES, [self._node(entry) for entry in self._of(Section.NODES)]),
            (
                Section.PRODUCTS,
                PRODUCTS,
                [self._product(entry) for entry in self._of(Section.PRODUCTS)],
            ),
            (Section.ENTRIES, ENTRIES, list(self._entries())),
            (
                Section.RADIUS_CLIENTS,
                CLIENTS,
                [self._client(entry) for entry in self._of(Section.RADIUS_CLIENTS)],
            ),
            (Section.VENDORS, VENDORS, [self._vendor(entry) for entry in self._of(Section.VENDORS)]),
            (Section.CONNECTIONS, CONNECTIONS, list(self._connections())),
        ]

    def _of(self, section: Section) -> Iterable[Entry]:
        return self.file.of(section)

    def values_of(self, entry: Entry, *without: str) -> Iterator[tuple[str, Element]]:
        """
        The columns and values of what an entry names, but for keys that are no columns of the same meaning.
        """
        for key, value in entry.values.items():
            if key in without or isinstance(value, tuple):
                continue
            if key in REFERS:
                yield COLUMNS.get(key, f"i_{key}"), self.ids.of(REFERS[key], entry.text(key))
            else:
                yield RENAMED.get(key, key), dict(value) if isinstance(value, Mapping) else value

    def identity(self, section: Section, name: str) -> dict[str, Element]:
        """The reserved id of something new, under its column."""
        return {IDENTITIES[section][1]: self.ids.of(section, name)}

    def named(self, section: Section, entry: Entry, *without: str) -> Row:
        """The row of something that has a name in its environment, without some of its keys."""
        return Row(
            entry.name,
            (self.file.i_env, entry.name),
            dict(self.values_of(entry, *without)),
            self.identity(section, entry.name),
        )

    def priced(self, section: Section, entry: Entry, *without: str) -> Row:
        """The same of something with a currency: a new one that names none has the environment's."""
        row = self.named(section, entry, *without)
        return (
            row
            if "currency" in row.named
            else Row(row.name, row.key, row.named, {**row.initial, "currency": self.currency})
        )

    def _product(self, entry: Entry) -> Row:
        row = self.priced(Section.PRODUCTS, entry, "entries")
        return Row(row.name, row.key, {**row.named, **flags_of(self, entry)}, row.initial)

    def _service(self, entry: Entry) -> Row:
        named = dict(self.values_of(entry, "type"))
        initial = self.identity(Section.SERVICES, entry.name)
        kind = entry.text("type")
        if kind is not None:
            named["i_service_type"], base = self.ids.types[kind]
            if "base" not in named:
                initial["base"] = base
        return Row(entry.name, (self.file.i_env, entry.name), named, initial)

    def _destinations(self) -> Iterator[Row]:
        written = {entry.name: entry for entry in self._of(Section.DESTINATIONS)}
        for prefix in prefixes(self.file):
            named = dict(self.values_of(written[prefix], "format")) if prefix in written else {}
            yield Row(
                prefix,
                (self.file.i_env, self.ids.format(prefix), prefix),
                named,
                {"i_dest": self.ids.destinations[prefix]},
            )

    def _groups(self) -> Iterator[Row]:
        for entry in self._of(Section.DESTINATION_GROUPS):
            for group in entry.parts("groups"):
                key = self.ids.of(Section.DESTINATION_GROUPS, entry.name), group.name
                yield Row(group.name, key, {}, {"i_dest_group": self.ids.groups[entry.name, group.name]})

    def _members(self) -> Iterator[Row]:
        for entry in self._of(Section.DESTINATION_GROUPS):
            for group in entry.parts("groups"):
                for member in group.parts("members"):
                    yield Row(
                        member.name,
                        (self.ids.groups[entry.name, group.name], self.ids.destinations[member.name]),
                        {},
                    )

    def _exchange(self) -> Iterator[Row]:
        for entry in self._of(Section.EXCHANGE_RATES):
            currency, _, into = entry.name.partition("/")
            for value in entry.parts("values"):
                named = dict(self.values_of(value))
                since = named.pop("effective_from", None)
                yield Row(entry.name, (self.file.i_env, currency, into, "-infinity" if since is None else since), named)

    def _rates(self) -> Iterator[Row]:
        for tariff in self._of(Section.TARIFFS):
            i_tariff = self.ids.of(Section.TARIFFS, tariff.name)
            for rate in tariff.parts("rates"):
                since = rate.values.get("effective_from")
                key = (
                    i_tariff,
                    self.ids.destinations[rate.name],
                    "-infinity" if since is None else dict(self.values_of(rate))["effective_from"],
                )
                named = dict(self.values_of(rate, "effective_from", "payback", "formula"))
                yield Row(rate.name, key, {**RATE, **named, "off_peak": _levels(rate), "formula": _formula(rate)})

    def _node(self, entry: Entry) -> Row:
        named = self.named(Section.NODES, entry, "dial_rules")
        row = Row(named.name, named.key, named.named, named.initial, 0 if entry.text("accounting_copy") is None else 1)  # behind its collector
        rules = entry.values.get("dial_rules")
        if not isinstance(rules, Mapping):
            return row
        listed: list[dict[str, str]] = [
            {"prefix": prefix, "replace": replace} for prefix, replace in rules.items()
        ]
        return Row(row.name, row.key, {**row.named, "dial_rules": listed}, row.initial, row.level)

    def _entries(self) -> Iterator[Row]:
        for product in self._of(Section.PRODUCTS):
            i_product = self.ids.of(Section.PRODUCTS, product.name)
            for entry in product.parts("entries"):
                service, node = (
                    self.ids.of(Section.SERVICES, entry.text("service")),
                    self.ids.of(Section.NODES, entry.text("node")),
                )
                key = i_product, service, node, entry.text("access_code") or ""
                yield Row(product.name, key, dict(self.values_of(entry, "service", "node", "access_code")))

    def _client(self, entry: Entry) -> Row:
        return Row(
            entry.name, (entry.name,), dict(self.values_of(entry, "weak_secret")), {"i_env": self.file.i_env}
        )

    def _vendor(self, entry: Entry) -> Row:
        row = self.priced(Section.VENDORS, entry, "opening_balance")
        return Row(row.name, row.key, row.named, {**row.initial, **opening(entry)})

    def _connections(self) -> Iterator[Row]:
        for vendor in self._of(Section.VENDORS):
            i_vendor = self.ids.of(Section.VENDORS, vendor.name)
            for entry in vendor.parts("connections"):
                named = dict(self.values_of(entry, "type"))
                kind = entry.text("type")
                if kind is not None:
                    named["i_connection_type"] = CONNECTION_TYPES[kind]
                yield Row(entry.name, (i_vendor, entry.name), named)


def _levels(rate: Entry) -> dict[str, dict[str, str]] | None:
    """The figures of a rate's other levels of the day, by level; amounts travel as text."""
    found: dict[str, dict[str, str]] = {}
    for level in LEVELS:
        for part in rate.parts(level):
            found[level] = {key: str(value) for key, value in part.values.items()}
    return found or None


def _formula(rate: Entry) -> dict[str, str] | None:
    text = rate.text("formula")
    return None if text is None else {"text": text}


def opening(entry: Entry) -> dict[str, Element]:
    """The money that something new begins with: the opening balance is its balance."""
    amount = entry.amount("opening_balance")
    return {} if amount is None else {"opening_balance": amount, "balance": amount}
