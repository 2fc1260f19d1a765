"""From the entries of a migration to rows of SIM cards and of discount and quota counters."""

from __future__ import annotations

from typing import Final

from portaswitch.model.loading import Section, item_name
from portaswitch.store.arrays import Element
from portaswitch.store.loading_merge import Row, Shape
from portaswitch.store.loading_parties import PartyBuilder

SECRETS: Final = ("ki", "opc", "pin", "puk", "puk2", "activation_code")
SIM_CARDS: Final = Shape("sim_cards", "i_sim_card", ("i_env", "imsi"), sealed=SECRETS)
COUNTERS: Final = Shape(
    "vd_counters", "i_vd_counter", ("i_customer", "i_account", "i_vd_dg", "peak_level"), kept="used", loose=("i_account",)
)


def sim_cards(builder: PartyBuilder) -> list[Row]:
    """Cards; one that is given to an account is in use, is that account's customer's, and has its id as MSISDN."""
    rows = []
    for entry in builder.file.of(Section.SIM_CARDS):
        row = builder.named(Section.SIM_CARDS, entry)
        account = entry.text("account")
        if account is None:
            rows.append(row)
            continue
        named: dict[str, Element] = {"msisdn": account, **row.named, "status": "in_use", "i_customer": customer_of(builder, account)}
        rows.append(Row(row.name, row.key, named, row.initial))
    return rows


def counters(builder: PartyBuilder) -> list[Row]:
    """Counters of accounts, and of customers with all their accounts; what one that exists has counted stays."""
    rows = []
    items = builder.stock.get(Section.DISCOUNT_ITEMS, {})
    for entry in builder.file.of(Section.COUNTERS):
        account = entry.text("account")
        customer = builder.ids.of(Section.CUSTOMERS, entry.text("customer")) if account is None else customer_of(builder, account)
        level = entry.values.get("peak_level")
        key = customer, builder.ids.of(Section.ACCOUNTS, account), items[item_name(entry)].id, level if isinstance(level, int) else 0
        initial = dict(builder.values_of(entry, "account", "customer", "plan", "service", "group", "kind", "peak_level"))
        rows.append(Row(account or entry.text("customer") or "", key, {}, {**initial, "i_env": builder.file.i_env}))
    return rows


def customer_of(builder: PartyBuilder, account: str) -> int | None:
    """The number of the customer whose an account is, by the database or else the file."""
    known = builder.stock.get(Section.ACCOUNTS, {}).get(account)
    name = known.facts["customer"] if known is not None else builder.account(account).text("customer")
    return builder.ids.of(Section.CUSTOMERS, name)
