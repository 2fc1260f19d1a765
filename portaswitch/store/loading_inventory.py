"""From the entries of a catalogue file to rows of what customers and accounts have: details, add-ons, devices, numbers, custom fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.model.custom_field import kept
from portaswitch.model.loading import CUSTOMER_DETAILS, Entry, Section, custom_field
from portaswitch.store.arrays import Element, array
from portaswitch.store.loading_cards import customer_of
from portaswitch.store.loading_features import feature_values
from portaswitch.store.loading_merge import Row, Shape
from portaswitch.store.loading_parties import PartyBuilder
from portaswitch.store.loading_rows import Tables

NAMED: Final = ("i_env", "name")
CLASSES: Final = Shape("customer_classes", "i_customer_class", NAMED)
DETAILS: Final = Shape("customer_details", "i_customer", ("i_customer",))
ADDONS: Final = Shape("account_addons", "i_account_addon", ("i_account", "i_product", "addon_effective_from"))
FIELDS: Final = Shape("custom_fields", "i_custom_field", ("i_env", "applies_to", "name"))
PROFILES: Final = Shape("ua_profiles", "i_ua_profile", NAMED)
CPES: Final = Shape("ua", "i_ua", NAMED)
PORTS: Final = Shape("ua_links", "i_ua_link", ("i_ua", "port"))
GROUPS: Final = Shape("did_groups", "i_group", NAMED)
VENDOR_BATCHES: Final = Shape("did_vendor_batches", "i_dv_batch", NAMED)
OWNER_BATCHES: Final = Shape("did_owner_batches", "i_do_batch", NAMED)
DIDS: Final = Shape("dids", "i_did_number", ("i_env", "number"))
CUSTOM: Final = {Section.CUSTOMERS: ("customer", "i_customer"), Section.ACCOUNTS: ("account", "i_account"), Section.SIM_CARDS: ("sim_card", "i_sim_card")}
"""What custom fields apply to, by section, and the column of the owner of a value."""


def before_cards(builder: PartyBuilder) -> Tables:
    """What needs nothing but the catalogue, customers and accounts, in the order in which it can be written."""
    plain = (
        (Section.CPE_PROFILES, PROFILES), (Section.CPES, CPES), (Section.DID_GROUPS, GROUPS), (Section.DID_VENDOR_BATCHES, VENDOR_BATCHES),
        (Section.DID_OWNER_BATCHES, OWNER_BATCHES),
    )  # fmt: skip
    file = builder.file
    return [
        (Section.CUSTOMER_CLASSES, CLASSES, [builder.named(Section.CUSTOMER_CLASSES, entry) for entry in file.of(Section.CUSTOMER_CLASSES)]),
        (Section.CUSTOMER_DETAILS, DETAILS, list(_details(builder))),
        (Section.ADDONS, ADDONS, list(_addons(builder))),
        *feature_values(builder),
        (Section.CUSTOM_FIELDS, FIELDS, [_field(builder, entry) for entry in file.of(Section.CUSTOM_FIELDS)]),
        *((section, shape, [builder.named(section, entry) for entry in file.of(section)]) for section, shape in plain),
        (Section.PORTS, PORTS, list(_ports(builder))),
        (Section.DIDS, DIDS, [_did(builder, entry) for entry in file.of(Section.DIDS)]),
    ]


def after_cards(builder: PartyBuilder) -> Tables:
    """Values of custom fields, which SIM cards have too."""
    return [
        (Section.CUSTOM_VALUES, Shape("custom_field_values", "i_custom_field_value", (column, "i_custom_field")), list(_custom(builder, section, owner)))
        for section, (owner, column) in CUSTOM.items()
    ]


def _details(builder: PartyBuilder) -> Iterator[Row]:
    for entry in builder.file.of(Section.CUSTOMERS):
        others = [key for key in entry.values if key not in CUSTOMER_DETAILS]
        named = dict(builder.values_of(entry, *others))
        if named:
            yield Row(entry.name, (builder.ids.of(Section.CUSTOMERS, entry.name),), named, {"i_env": builder.file.i_env})


def _addons(builder: PartyBuilder) -> Iterator[Row]:
    for account in builder.file.of(Section.ACCOUNTS):
        for addon in account.parts("addons"):
            values = dict(builder.values_of(addon))
            key = builder.ids.of(Section.ACCOUNTS, account.name), builder.ids.of(Section.PRODUCTS, addon.name), values["from"]
            named = {"addon_effective_to": values["to"]} if "to" in values else {}
            yield Row(account.name, key, named, {"i_env": builder.file.i_env})


def _field(builder: PartyBuilder, entry: Entry) -> Row:
    named = dict(builder.values_of(entry, "applies_to", "name", "default"))
    if "default" in entry.values:
        named["default_value"] = entry.text("default")
    if "choices" in entry.values:
        named["choices"] = array(entry.names("choices"))
    key = builder.file.i_env, entry.text("applies_to"), entry.text("name")
    return Row(entry.name, key, named, builder.identity(Section.CUSTOM_FIELDS, entry.name))


def _ports(builder: PartyBuilder) -> Iterator[Row]:
    for device in builder.file.of(Section.CPES):
        for port in device.parts("port_accounts"):
            named: dict[str, Element] = {"i_account": builder.ids.of(Section.ACCOUNTS, port.text("account"))}
            if "settings" in port.values:
                named["config"] = port.text("settings")
            yield Row(device.name, (builder.ids.of(Section.CPES, device.name), int(port.name)), named, {"i_env": builder.file.i_env})


def _did(builder: PartyBuilder, entry: Entry) -> Row:
    """A number; one that is given to somebody is not frozen, and one on an account is of that account's customer."""
    row = builder.named(Section.DIDS, entry, "country")
    named = dict(row.named)
    if "country" in entry.values:
        named["country_iso"] = entry.text("country")
    account = entry.text("account")
    if account is not None:
        named["i_customer"] = customer_of(builder, account)
    if "i_customer" in named:
        named = {"frozen": False, **named}
    return Row(row.name, row.key, named, row.initial)


def _custom(builder: PartyBuilder, section: Section, owner: str) -> Iterator[Row]:
    for entry in builder.file.of(section):
        for part in entry.parts("custom"):
            name = f"{owner}.{part.name}"
            kind, choices = custom_field(builder.file, builder.stock, name)
            value: Element = next((kept(kind, choices, text) for text in part.names("values")), None)
            key = builder.ids.of(section, entry.name), builder.ids.of(Section.CUSTOM_FIELDS, name)
            yield Row(entry.name, key, {"db_value": value}, {"i_env": builder.file.i_env})
