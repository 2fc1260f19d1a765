"""
The grammar of a catalogue file: which sections there are, and what may stand in each (docs/catalogue.rst).

    file = read_catalogue(path, environment)      # never fails: what is wrong with the text is in file.faults

Whether the file fits together and fits the database is not asked here (`portaswitch.operations.load`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portaswitch.config.catalogue_access import ACCESS_POLICY, IP_POOL, StaticAddress
from portaswitch.config.catalogue_discounts import DISCOUNT_PLAN, Quantity
from portaswitch.config.catalogue_inventory import (
    ADDONS,
    CPE,
    CPE_PROFILE,
    CUSTOM,
    CUSTOM_FIELDS,
    CUSTOMER_CLASS,
    CUSTOMER_DETAILS,
    DID,
    DID_GROUP,
    DID_OWNER_BATCH,
    DID_VENDOR_BATCH,
    FEATURES,
    IMSI,
    NUMBER,
    SIM_CARD,
    VOUCHER_BATCH,
)
from portaswitch.config.catalogue_kinds import GroupSet, Hidden, Rates, Section, Thing, Things, Words
from portaswitch.config.catalogue_rating import FormulaText, Level, PeriodOrNone, PortionsText
from portaswitch.config.catalogue_values import Currency, Instant, Money, Network, Prefix, Zone
from portaswitch.config.collector import without_collector
from portaswitch.config.fold import Told, unheard
from portaswitch.config.grammar import (
    Kind,
    MappingOf,
    OrNone,
    Reader,
    Tree,
    Unreadable,
    read_tree,
    unknown_key,
)
from portaswitch.config.kinds import children_of
from portaswitch.config.values import Address, Boolean, Choice, HostName, Integer, Text
from portaswitch.model.budget import SpendPeriod
from portaswitch.model.loading import CatalogueFile, Entry
from portaswitch.model.loading import Section as Named
from portaswitch.model.text_values import MOST_DAYS

NAME: Final = Text("a name of printable characters", r"[^\x00-\x1f\x7f]+", longest=128)
ID: Final = Text("an account id without blanks", r"[^\s\x00-\x1f\x7f]+", longest=128)
WORDS: Final = Text("text", r"[^\x00-\x1f\x7f]*", longest=1024)
TEMPLATE: Final = Text("text in lines without other control characters", r"[^\x00-\x08\x0b-\x1f\x7f]*", longest=16384)
MONEY: Final = Money()
UNITS: Final = Integer(1, 10**15, "base units of the service")
LANGUAGE: Final = Text("a language tag such as en or pt-BR", r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", longest=35)
STATUS: Final = Choice("open", "suspended", "deactivated", "exported", "inactive")
OBSERVE: Final = Choice("yes", "no", "auto")
TYPES: Final = (
    "Session",
    "Voice",
    "Data",
    "Netaccess",
    "Quantity",
    "Wifi",
    "Dialup",
    "Msg",
    "Conference",
    "Did",
)


ENVIRONMENT: Final = Thing({"name": NAME, "currency": Currency(), "timezone": Zone()})
SERVICE: Final = Thing(
    {"type": Choice(*TYPES), "base": Choice("session-time", "quantity", "octets"), "unit": UNITS}
)
POLICY: Final = Thing(
    {
        "protection": OrNone(Choice("none", "whole", "slice", "purchase")),
        "slice": UNITS,
        "minimum": UNITS,
        "max_units": UNITS,
        "idle_timeout": Integer(1, 30 * 86400, "seconds"),
        "charge_every": OrNone(Integer(0, 30 * 86400, "seconds")),
        "top_rate": OrNone(Integer(1, 10**15, "bits a second")),
    }
)
DESTINATION: Final = Thing(
    {
        "country": OrNone(Text("a country, two letters of ISO 3166", "[A-Z]{2}")),
        "description": WORDS,
        "format": Choice("E.164", "E.212"),
    }
)
RATE: Final = Thing(
    {
        "effective_from": Instant(),
        "first": UNITS,
        "interval_first": UNITS,
        "next": UNITS,
        "interval_n": UNITS,
        "price": MONEY,
        "price_first": MONEY,
        "price_n": MONEY,
        "connect_fee": OrNone(MONEY),
        "forbidden": Boolean(),
        "discontinued": Boolean(),
        "hidden": Boolean(),
        "payback": Boolean(),
        "off_peak": Level(),
        "second_off_peak": Level(),
        "formula": FormulaText(),
    }
)
TARIFF: Final = Thing(
    {
        "currency": Currency(),
        "service": NAME,
        "applied_to": Choice("customer", "reseller", "vendor"),
        "managed_by": OrNone(NAME),
        "destination_groups": OrNone(NAME),
        "precision": Integer(0, 5, "decimals"),
        "rounding": Choice("away", "half", "nickel"),
        "price_per": UNITS,
        "connect_fee": MONEY,
        "free_units": Integer(0, 10**15, "base units of the service"),
        "free_units_mode": Choice("short", "first"),
        "off_peak_period": PeriodOrNone(),
        "second_off_peak_period": PeriodOrNone(),
        "off_peak_mode": Choice("split", "starts", "finishes", "both"),
        "post_call_fee": MONEY,
        "post_call_percent": MONEY,
        "minimum_charge": OrNone(MONEY),
        "maximum_charge": OrNone(MONEY),
        "add_duration": PortionsText(),
        "rates": Rates(RATE, MONEY),
    }
)
EXCHANGE_RATE: Final = Thing({"values": Things(Thing({"effective_from": Instant(), "rate": MONEY}))})
NODE: Final = Thing(
    {
        "nas_ip": OrNone(Address()),
        "nas_identifier": OrNone(
            Text("an identifier of printable characters", r"[^\x00-\x1f\x7f]+", longest=253)
        ),
        "protocol": Choice("radius", "diameter", "sip"),
        "profile": Text("a profile name of small letters, digits, - and _", r"[a-z][a-z0-9_-]*", longest=32),
        "service": OrNone(NAME),
        "dial_rules": MappingOf(
            Text("leading digits", "[0-9*#+]+", longest=32), Text("digits", "[0-9*#+]*", longest=32)
        ),
        "zones": MappingOf(Text("a zone name as the node prints it", "[A-Za-z0-9+-]+", longest=32), Zone()),
        "coa_address": OrNone(Address()),
        "coa_port": OrNone(Integer(1, 65535, "(a UDP port)")),
        "response_template": TEMPLATE,
        "ip_pool": OrNone(NAME),
        "accounting_copy": OrNone(NAME),
        "origin_host": OrNone(HostName()),
        "origin_realm": OrNone(HostName()),
        "require_tls": Boolean(),
        "max_connections": Integer(1, 100_000, "connections"),
    }
)
BUDGET: Final = {"spend_limit": OrNone(Quantity()), "spend_period": Choice(*SpendPeriod)}
PRODUCT: Final = Thing(
    {
        "currency": Currency(),
        "description": WORDS,
        "managed_by": OrNone(NAME),
        "breakage": MONEY,
        "addon": Boolean(),
        "addon_priority": Integer(0, 32767, "(the higher one overrides)"),
        "access_policy": OrNone(NAME),
        "discount_plan": OrNone(NAME),
        **BUDGET,
        "features": FEATURES,
        "entries": Things(
            Thing(
                {
                    "service": NAME,
                    "node": OrNone(NAME),
                    "access_code": WORDS,
                    "tariff": NAME,
                    "reseller_tariff": OrNone(NAME),
                    "policy": OrNone(NAME),
                }
            )
        ),
    }
)
RADIUS_CLIENT: Final = Thing(
    {
        "secret": Hidden(),
        "weak_secret": Boolean(),
        "node": OrNone(NAME),
        "require_message_authenticator": OBSERVE,
        "limit_proxy_state": OBSERVE,
        "ignore_password": Boolean(),
    }
)
CONNECTION: Final = Thing(
    {
        "type": Choice("SIP", "PSTN", "H323", "SMPP"),
        "direction": Choice("to", "from"),
        "remote_ip": OrNone(Address()),
        "node": OrNone(NAME),
        "tariff": OrNone(NAME),
        "capacity": OrNone(Integer(1, 10**6, "sessions")),
        "active": Boolean(),
    }
)
VENDOR: Final = Thing(
    {
        "currency": Currency(),
        "opening_balance": MONEY,
        "internal": Boolean(),
        "timezone": Zone(),
        "connections": Section(NAME, CONNECTION),
    }
)
SESSIONS: Final = OrNone(Integer(0, 1_000_000, "sessions open at once"))
CUSTOMER: Final = Thing(
    {
        "type": Choice("retail", "reseller", "distributor"),
        "parent": OrNone(NAME),
        "currency": Currency(),
        "opening_balance": MONEY,
        "credit_limit": OrNone(MONEY),
        "max_sessions": SESSIONS,
        "max_outgoing": SESSIONS,
        "max_incoming": SESSIONS,
        "tariff": OrNone(NAME),
        "discount_plan": OrNone(NAME),
        **BUDGET,
        "status": STATUS,
        "blocked": Boolean(),
        "timezone": Zone(),
        "language": LANGUAGE,
        **CUSTOMER_DETAILS,
        "features": FEATURES,
        "custom": CUSTOM,
    }
)
ACCOUNT: Final = Thing(
    {
        "customer": NAME,
        "product": OrNone(NAME),
        "discount_plan": OrNone(NAME),
        **BUDGET,
        "model": Choice("debit", "credit", "beneficiary"),
        "payer": ID,
        "currency": Currency(),
        "opening_balance": MONEY,
        "credit_limit": OrNone(MONEY),
        "max_sessions": SESSIONS,
        "max_outgoing": SESSIONS,
        "max_incoming": SESSIONS,
        "password": OrNone(Hidden()),
        "status": STATUS,
        "blocked": Boolean(),
        "activation_date": OrNone(Instant()),
        "expiration_date": OrNone(Instant()),
        "life_time": OrNone(Integer(1, MOST_DAYS, "days after the first use")),
        "inactivity_days": OrNone(Integer(1, MOST_DAYS, "days after the last use")),
        "language": OrNone(LANGUAGE),
        "access_policy": OrNone(NAME),
        "static_ip": OrNone(StaticAddress()),
        "aliases": Words(ID),
        "alias_of": ID,
        "addons": ADDONS,
        "features": FEATURES,
        "custom": CUSTOM,
    }
)

SECTIONS: Final[Mapping[Named, Kind[tuple[Entry, ...]]]] = {
    Named.ENVIRONMENTS: Section(Text("the number of an environment (i_env)", "[1-9][0-9]{0,8}"), ENVIRONMENT),
    Named.SERVICES: Section(NAME, SERVICE),
    Named.POLICIES: Section(NAME, POLICY),
    Named.ACCESS_POLICIES: Section(NAME, ACCESS_POLICY),
    Named.IP_POOLS: Section(NAME, IP_POOL),
    Named.DESTINATIONS: Section(Prefix(), DESTINATION),
    Named.DESTINATION_GROUPS: Section(NAME, GroupSet(NAME)),
    Named.EXCHANGE_RATES: Section(Text("a pair of currencies such as EUR/USD", "[A-Z]{3}/[A-Z]{3}"), EXCHANGE_RATE),
    Named.TARIFFS: Section(NAME, TARIFF),
    Named.DISCOUNT_PLANS: Section(NAME, DISCOUNT_PLAN),
    Named.NODES: Section(NAME, NODE),
    Named.PRODUCTS: Section(NAME, PRODUCT),
    Named.RADIUS_CLIENTS: Section(Network(), RADIUS_CLIENT),
    Named.VENDORS: Section(NAME, VENDOR),
    Named.CUSTOMERS: Section(NAME, CUSTOMER),
    Named.ACCOUNTS: Section(ID, ACCOUNT),
    Named.CUSTOMER_CLASSES: Section(NAME, CUSTOMER_CLASS),
    Named.CUSTOM_FIELDS: CUSTOM_FIELDS,
    Named.SIM_CARDS: Section(IMSI, SIM_CARD),
    Named.CPE_PROFILES: Section(NAME, CPE_PROFILE),
    Named.CPES: Section(NAME, CPE),
    Named.DID_GROUPS: Section(NAME, DID_GROUP),
    Named.DID_VENDOR_BATCHES: Section(NAME, DID_VENDOR_BATCH),
    Named.DID_OWNER_BATCHES: Section(NAME, DID_OWNER_BATCH),
    Named.DIDS: Section(NUMBER, DID),
    Named.VOUCHER_BATCHES: Section(NAME, VOUCHER_BATCH),
}
"""The sections and the kind of each."""

KEYS: Final = tuple(section.value for section in SECTIONS)
I_ENV: Final = Integer(1, 999_999_999, "(an i_env)")


def read_catalogue(
    path: str | os.PathLike[str], environment: int, *, environ: Mapping[str, str] | None = None, told: Told = unheard
) -> CatalogueFile:
    """
    The file at `path`. `environment` is the i_env that its things belong to where the file names none;
    `environ` stands for the process's environment; `told` how far the reading is.
    """
    with without_collector():
        return catalogue(read_tree(path, told), environment, environ=environ)


def catalogue(tree: Tree, environment: int, *, environ: Mapping[str, str] | None = None) -> CatalogueFile:
    """The same for a tree that was read already."""
    folder = Path(tree.root.mark.file).parent
    reader = Reader(folder, os.environ if environ is None else environ, complete=tree.complete)
    reader.faults.extend(tree.faults)
    i_env, sections = environment, dict[Named, tuple[Entry, ...]]()
    try:
        children = dict(children_of(tree.root, reader))
    except Unreadable:
        children = {}
    for key, child in children.items():
        try:
            if key == "environment":
                i_env = I_ENV.read(child, reader)
            elif key in KEYS:
                sections[Named(key)] = SECTIONS[Named(key)].read(child, reader)
            else:
                reader.report(child, unknown_key(key, ("environment", *KEYS)))
        except Unreadable:
            continue
    return CatalogueFile(i_env, sections, tree.root, tuple(reader.faults))
