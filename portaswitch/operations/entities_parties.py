"""Customers and accounts as operators see them (PORTABILLING.md a.2, a.3)."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import AMOUNT, CURRENCY, FLAG, INSTANT, NAME, NATURAL, POSITIVE, PRICE, ZONE, TextKind, line, mapped

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
FIXED: Final = frozenset({Mark.FIXED})
READ_ONLY: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})
SELF_CARE: Final = frozenset({Mark.DETAIL, Mark.SELF_CARE})
LIMIT: Final = frozenset({Mark.DETAIL, Mark.MONEY})

TYPES: Final = mapped({"retail": 1, "reseller": 2, "distributor": 3})
MODELS: Final = mapped({"debit": int(BillingModel.DEBIT), "credit": int(BillingModel.CREDIT)})
STATUSES: Final = mapped({"open": "O", "suspended": "S", "deactivated": "D", "exported": "E", "inactive": "I", "closed": "C"})
SECRET: Final = TextKind("secret text", line)

LIMITS: Final = (
    Field("max_sessions", "sessions open at once", NATURAL, DETAIL),
    Field("max_outgoing", "outgoing calls at once", NATURAL, DETAIL),
    Field("max_incoming", "incoming calls at once", NATURAL, DETAIL),
)

CUSTOMER: Final = Entity(
    "customer",
    "customers: who pays; resellers stand above retail customers",
    "customers",
    "i_customer",
    "name",
    Privilege.SELL,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("type", "retail, reseller or distributor", TYPES, FIXED, "i_customer_type"),
        Field("parent", "the reseller above", NAME, FIXED, "i_parent", "customer"),
        Field("currency", "currency of its balance", CURRENCY, FIXED),
        Field("balance", "money owed; below zero it is a deposit", AMOUNT, READ_ONLY),
        Field("held", "what its open sessions hold", AMOUNT, READ_ONLY | DETAIL),
        Field("credit_limit", "what it may owe; null: no limit", PRICE, frozenset({Mark.MONEY})),
        Field("temp_credit_limit", "replaces credit_limit until temp_credit_until", PRICE, LIMIT),
        Field("temp_credit_until", "the end of the temporary limit", INSTANT, LIMIT),
        Field("status", "bill status", STATUSES, READ_ONLY, "bill_status"),
        Field("blocked", "nobody of it may use anything", FLAG, READ_ONLY),
        Field("tariff", "what a reseller pays where an entry names nothing", NAME, DETAIL, "i_tariff", "tariff"),
        Field("timezone", "its time zone", ZONE, SELF_CARE),
        Field("language", "its language", NAME, SELF_CARE),
        *LIMITS,
    ),
    customer="i_customer",
)

ACCOUNT: Final = Entity(
    "account",
    "accounts: who uses services",
    "accounts",
    "i_account",
    "id",
    Privilege.SELL,
    (
        Field("id", "number, name@realm, address or number@msisdn; unique in the environment", NAME, PLACED),
        Field("customer", "whose it is", NAME, FIXED | {Mark.REQUIRED}, "i_customer", "customer"),
        Field("product", "what it may use, and by which tariffs", NAME, frozenset(), "i_product", "product"),
        Field("model", "debit or credit", MODELS, FIXED | {Mark.REQUIRED}, "billing_model"),
        Field("currency", "currency of its balance; its customer's by default", CURRENCY, FIXED),
        Field("balance", "debit: money left; credit: money owed", AMOUNT, READ_ONLY),
        Field("opening_balance", "money it begins with", AMOUNT, FIXED | {Mark.DETAIL, Mark.MONEY}),
        Field("held", "what its open sessions hold", AMOUNT, READ_ONLY | DETAIL),
        Field("credit_limit", "credit: what it may owe; null: only its customer's limit", PRICE, frozenset({Mark.MONEY})),
        Field("status", "bill status", STATUSES, READ_ONLY, "bill_status"),
        Field("blocked", "it may use nothing", FLAG, READ_ONLY),
        Field("password", "service password", SECRET, frozenset({Mark.SECRET, Mark.DETAIL, Mark.SELF_CARE}), "h323_password"),
        Field("activation_date", "not before it", INSTANT, DETAIL),
        Field("expiration_date", "not from it on", INSTANT, DETAIL),
        Field("life_time", "days after the first use", POSITIVE, DETAIL),
        Field("inactivity_days", "days after the last use", POSITIVE, DETAIL),
        Field("first_usage", "first use", INSTANT, READ_ONLY | DETAIL),
        Field("last_usage", "last use", INSTANT, READ_ONLY | DETAIL),
        Field("language", "language of announcements", NAME, SELF_CARE),
        *LIMITS,
    ),
    customer="i_customer",
    account="i_account",
)

ENTITIES: Final = (CUSTOMER, ACCOUNT)
