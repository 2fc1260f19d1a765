"""Customers and accounts as operators see them (PORTABILLING.md a.2, a.3)."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import SpendPeriod
from portaswitch.model.operation import Entity, Field, Mark, Place
from portaswitch.model.text_values import AMOUNT, CURRENCY, DAYS, FLAG, INSTANT, LINE, NAME, NATURAL, PRICE, ZONE, TextKind, choice, line, mapped, pattern

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
FIXED: Final = frozenset({Mark.FIXED})
READ_ONLY: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})
SELF_CARE: Final = frozenset({Mark.DETAIL, Mark.SELF_CARE})
INTERNAL: Final = frozenset({Mark.DETAIL, Mark.INTERNAL})
LIMIT: Final = frozenset({Mark.DETAIL, Mark.MONEY})

TYPES: Final = mapped({"retail": 1, "reseller": 2, "distributor": 3})
#: The numbers are those of the API and of xDRs; RADIUS' h323-billing-model, where 1 means debit, is nothing that an operator writes.
MODELS: Final = mapped({model.name.lower(): int(model) for model in BillingModel}, {str(int(model)): int(model) for model in BillingModel})
STATUSES: Final = mapped({"open": "O", "suspended": "S", "deactivated": "D", "exported": "E", "inactive": "I", "closed": "C"})
BALANCE_CONTROL: Final = mapped({"postpaid": 1, "prepaid": 2})
PERIODS: Final = mapped({"daily": 1, "weekly": 2, "semimonthly": 3, "monthly": 4})
ROLES: Final = mapped({"universal": 1, "line": 2, "attendant": 3, "card": 4, "pinless": 5, "ip": 6, "domain": 7, "mobile": 8, "voucher": 9})
SECRET: Final = TextKind("secret text", line)
_MAILBOX: Final = r"[^@\s,;<>]+@[^@\s,;<>]+"
EMAIL: Final = pattern(rf"{_MAILBOX}(, ?{_MAILBOX})*", "e-mail address", "is not an e-mail address: write name@domain, several with commas")

LIMITS: Final = (
    Field("max_sessions", "sessions open at once", NATURAL, DETAIL),
    Field("max_outgoing", "outgoing calls at once", NATURAL, DETAIL),
    Field("max_incoming", "incoming calls at once", NATURAL, DETAIL),
)

PERSON: Final = (
    ("companyname", "firm"), ("salutation", "Mr, Dr ..."), ("firstname", "first name"), ("midinit", "initials between"), ("lastname", "last name"),
    ("baddr1", "address, line 1"), ("baddr2", "address, line 2"), ("baddr3", "address, line 3"), ("baddr4", "address, line 4"), ("baddr5", "address, line 5"),
    ("city", "city"), ("state", "state or province"), ("zip", "postal code"), ("country", "country"), ("phone1", "telephone"), ("phone2", "another telephone"),
    ("faxnum", "fax"),
)  # fmt: skip


def _detail(name: str, text: str, kind: TextKind = LINE, marks: frozenset[Mark] = DETAIL, column: str = "", refers: str = "") -> Field:
    return Field(name, text, kind, marks, column, refers, Place.DETAILS)


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
        Field("currency", "currency of its balance; the environment's by default", CURRENCY, FIXED),
        Field("balance", "money owed; below zero it is a deposit", AMOUNT, READ_ONLY),
        Field("opening_balance", "what it owes at its beginning", AMOUNT, FIXED | LIMIT),
        Field("held", "what its open sessions hold", AMOUNT, READ_ONLY | DETAIL),
        Field("credit_limit", "what it may owe; null: no limit", PRICE, frozenset({Mark.MONEY})),
        Field("temp_credit_limit", "replaces credit_limit until temp_credit_until; null: no limit", PRICE, LIMIT),
        Field("temp_credit_until", "the end of the temporary limit", INSTANT, LIMIT),
        Field("status", "bill status", STATUSES, READ_ONLY, "bill_status"),
        Field("blocked", "nobody of it may use anything", FLAG, READ_ONLY),
        Field("tariff", "what a reseller pays where an entry names nothing", NAME, DETAIL, "i_tariff", "tariff"),
        Field("discount_plan", "discount plan that its accounts share", NAME, DETAIL, "i_vd_plan", "discount-plan"),
        Field("spend_limit", "its budget: what all its credit accounts may be charged for use in one spend_period; null: none", PRICE, LIMIT),
        Field("spend_period", "the period of the budget, by the calendar in its zone", choice(*SpendPeriod), LIMIT),
        Field("timezone", "its time zone", ZONE, SELF_CARE),
        Field("language", "its language", NAME, SELF_CARE),
        *LIMITS,
        _detail("class", "the customer class that it takes its rules from", NAME, column="i_customer_class", refers="customer-class"),
        _detail("balance_control", "postpaid or prepaid", BALANCE_CONTROL, column="i_balance_control_type"),
        _detail("billing_period", "how often it is billed", PERIODS, column="i_billing_period"),
        _detail("suspend_on_insufficient_funds", "suspended when it can't pay a subscription", FLAG, column="suspend_on_insuff_funds"),
        _detail("suspension_delayed_until", "its suspension was lifted until that day", INSTANT, READ_ONLY | DETAIL, "suspension_delay_date"),
        *(_detail(name, text, LINE, SELF_CARE) for name, text in PERSON),
        _detail("email", "e-mail", EMAIL, SELF_CARE),
        _detail("bcc", "blind copies of its mail", EMAIL),
        _detail("note", "what operators should know", LINE, INTERNAL),
    ),
    customer="i_customer",
    details="customer_details",
)

CUSTOMER_CLASS: Final = Entity(
    "customer-class",
    "customer classes: the rules that customers have in common",
    "customer_classes",
    "i_customer_class",
    "name",
    Privilege.SELL,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("managed_by", "the reseller whose class it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("credit_limit", "of a new customer; null: no limit", PRICE, frozenset({Mark.MONEY})),
        Field("grace_period", "days from an invoice to its due date", NATURAL),
        Field("suspension_time", "days overdue until the customer is suspended; null: never", NATURAL),
        Field("termination_time", "days overdue until it is closed; null: never", NATURAL),
    ),
    customer="i_managed_by",
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
        Field("discount_plan", "its own discount plan, which counts beside the product's", NAME, DETAIL, "i_vd_plan", "discount-plan"),
        Field("model", "debit: money left; credit: money owed; or voucher, internal, beneficiary", MODELS, FIXED | {Mark.REQUIRED}, "billing_model"),
        Field("master", "of an alias: the account that it is another id of", NAME, READ_ONLY | DETAIL, "i_master_account", "account"),
        Field("payer", "of a beneficiary: the account of its customer whose money, counters and wallets it uses", NAME, FIXED | DETAIL, "i_payer", "account"),
        Field("currency", "currency of its balance; its customer's by default", CURRENCY, FIXED),
        Field("balance", "debit: money left; credit: money owed", AMOUNT, READ_ONLY),
        Field("opening_balance", "money it begins with", AMOUNT, FIXED | {Mark.DETAIL, Mark.MONEY}),
        Field("held", "what its open sessions hold", AMOUNT, READ_ONLY | DETAIL),
        Field("credit_limit", "credit: what it may owe; null: only its customer's limit", PRICE, frozenset({Mark.MONEY})),
        Field("spend_limit", "its budget: what it may be charged for use in one spend_period; null: the product's", PRICE, LIMIT),
        Field("spend_period", "the period of the budget, by the calendar in its customer's zone", choice(*SpendPeriod), LIMIT),
        Field("status", "bill status", STATUSES, READ_ONLY, "bill_status"),
        Field("blocked", "it may use nothing", FLAG, READ_ONLY),
        Field("password", "service password", SECRET, frozenset({Mark.SECRET, Mark.DETAIL, Mark.SELF_CARE}), "h323_password"),
        Field("web_password", "self-care password", SECRET, frozenset({Mark.SECRET, Mark.DETAIL, Mark.SELF_CARE}), "password"),
        Field("subscriber", "the person behind it (`subscriber list`)", NAME, DETAIL, "i_subscriber", "subscriber"),
        Field("activation_date", "not before it", INSTANT, DETAIL),
        Field("expiration_date", "not from it on", INSTANT, DETAIL),
        Field("life_time", "days after the first use", DAYS, DETAIL),
        Field("inactivity_days", "days after the last use", DAYS, DETAIL),
        Field("first_usage", "first use", INSTANT, READ_ONLY | DETAIL),
        Field("last_usage", "last use", INSTANT, READ_ONLY | DETAIL),
        Field("open_outgoing", "sessions that it has open and opened", NATURAL, READ_ONLY | DETAIL),
        Field("open_incoming", "sessions that came in and are open", NATURAL, READ_ONLY | DETAIL),
        Field("language", "language of announcements", NAME, SELF_CARE),
        Field("site", "the site of its customer that it is at", NAME, READ_ONLY | DETAIL, "i_customer_site", "site"),
        *LIMITS,
        _detail("role", "what the id is", ROLES, column="i_account_role"),
        _detail("timezone", "its time zone; null: its customer's", ZONE, SELF_CARE),
        _detail("email", "e-mail", EMAIL, SELF_CARE),
        _detail("redirect_number", "where its calls go when it can't be reached", LINE, SELF_CARE),
        _detail("note", "what operators should know", LINE, INTERNAL),
    ),
    customer="i_customer",
    account="i_account",
    details="account_details",
)

SITE: Final = Entity(
    "site",
    "sites (branches) of customers: their accounts may have service features in common",
    "customer_sites",
    "i_customer_site",
    "name",
    Privilege.SELL,
    (
        Field("customer", "whose site it is", NAME, PLACED | FIXED, "i_customer", "customer"),
        Field("name", "name, unique with its customer", NAME, PLACED),
    ),
    customer="i_customer",
    parent="customer",
)

ADDON: Final = Entity(
    "account.addon",
    "add-on products of accounts",
    "account_addons",
    "i_account_addon",
    "product",
    Privilege.SELL,
    (
        Field("account", "the account", NAME, FIXED, "i_account", "account"),
        Field("product", "the add-on product", NAME, FIXED, "i_product", "product"),
        Field("from", "in force from then on", INSTANT, frozenset(), "addon_effective_from"),
        Field("to", "until then; null: open end", INSTANT, frozenset(), "addon_effective_to"),
    ),
    parent="account",
    order="t.addon_effective_from, t.i_account_addon",
)

ENTITIES: Final = (CUSTOMER, CUSTOMER_CLASS, ACCOUNT, SITE, ADDON)
