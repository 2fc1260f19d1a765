"""Payments and the attempts to take them, as operators see them (57_payments.sql)."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.payment import Action
from portaswitch.model.text_values import AMOUNT, CURRENCY, FLAG, INSTANT, LINE, NAME, POSITIVE, SUM, choice, mapped

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED, Mark.READ_ONLY})
READ_ONLY: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})
SEALED: Final = frozenset({Mark.READ_ONLY, Mark.DETAIL, Mark.SECRET})
FIXED: Final = frozenset({Mark.FIXED})
NEEDED: Final = frozenset({Mark.FIXED, Mark.REQUIRED})
STATES: Final = choice("active", "inactive", "used", "blocked")

PAYMENT: Final = Entity(
    "payment",
    "payments: money that came in or went out beside usage",
    "payments",
    "i_payment",
    "number",
    Privilege.MONEY,
    (
        Field("number", "its number", POSITIVE, PLACED, "i_payment"),
        Field("paid_at", "when", INSTANT, READ_ONLY),
        Field("account", "of an account", NAME, READ_ONLY, "i_account", "account"),
        Field("customer", "of a customer", NAME, READ_ONLY, "i_customer", "customer"),
        Field("action", "why it moved", choice(*Action, "opening"), READ_ONLY),
        Field("amount", "above 0 in favour of the account or customer", AMOUNT, READ_ONLY),
        Field("currency", "its currency", CURRENCY, READ_ONLY),
        Field("xdr", "of a refund: the xDR whose charge it gives back", POSITIVE, READ_ONLY | DETAIL, "i_refunded_xdr"),
        Field("transaction", "the payment transaction that took it", POSITIVE, READ_ONLY | DETAIL, "i_payment_transaction"),
        Field("comment", "shown to the subscriber", LINE, READ_ONLY, "visible_comment"),
        Field("internal_comment", "for operators", LINE, READ_ONLY | DETAIL | {Mark.INTERNAL}),
    ),
    customer="i_customer",
    account="i_account",
    order="t.i_payment desc",
)

TRANSACTION: Final = Entity(
    "transaction",
    "payment transactions: attempts to take money, successful or not",
    "payment_transactions",
    "i_payment_transaction",
    "number",
    Privilege.MONEY,
    (
        Field("number", "its number", POSITIVE, PLACED, "i_payment_transaction"),
        Field("created", "when it was started", INSTANT, READ_ONLY),
        Field("customer", "who pays", NAME, frozenset(), "i_customer", "customer"),
        Field("account", "the account that is paid for", NAME, frozenset(), "i_account", "account"),
        Field("status", "how far it is", choice("STARTED", "AUTHORIZED", "COMPLETED", "CANCELED", "FAILED", "VOIDED"), READ_ONLY),
        Field("amount", "how much", SUM, frozenset({Mark.REQUIRED})),
        Field("currency", "its currency", CURRENCY, READ_ONLY, "iso_4217"),
        Field("processor", "who takes the money", NAME),
        Field("test_mode", "a try: nothing is booked", FLAG),
        Field("result_code", "the processor's word", LINE, DETAIL),
        Field("transaction_id", "the processor's number", LINE, DETAIL),
        Field("authorization", "the processor's approval code", LINE, DETAIL),
        Field("updated", "when its status changed last", INSTANT, READ_ONLY | DETAIL),
    ),
    customer="i_customer",
    account="i_account",
    order="t.i_payment_transaction desc",
)

TYPES: Final = mapped({"regular": 1, "out_of_turn": 2, "midterm": 3, "correction": 4, "credit_note": 5})
_SAID: Final = {"overdue": 4, "do_not_pay": 5, "no_payment_required": 6, "previous_balance_remaining": 7, "under_review": 8, "approved": 9, "rejected": 10}
REVIEWED: Final = mapped({"unpaid": 1, **_SAID})
"""What operators say of an invoice; paid and partially paid follow from payments."""
STATUSES: Final = mapped({"unpaid": 1, "partially_paid": 2, "paid": 3, **_SAID})

INVOICE: Final = Entity(
    "invoice",
    "invoices that were made elsewhere and are recorded here, with what was paid of them",
    "invoices",
    "i_invoice",
    "number",
    Privilege.MONEY,
    (
        Field("number", "its number, unique in the environment", NAME, frozenset({Mark.PLACE, Mark.REQUIRED}), "invoice_number"),
        Field("customer", "who pays it", NAME, NEEDED, "i_customer", "customer"),
        Field("type", "what it is", TYPES, FIXED, "i_invoice_type"),
        Field("status", "how far it is", STATUSES, READ_ONLY, "i_invoice_status"),
        Field("period_from", "its period begins", INSTANT, NEEDED),
        Field("period_to", "the end of the period, not itself in it", INSTANT, NEEDED),
        Field("issue_date", "its date; today by default", INSTANT, FIXED | DETAIL),
        Field("due_date", "until when it is to be paid", INSTANT, FIXED),
        Field("currency", "its customer's", CURRENCY, READ_ONLY | DETAIL),
        Field("previous_balance", "what was owed before", AMOUNT, FIXED | DETAIL),
        Field("amount_net", "charges of the period, before taxes", AMOUNT, NEEDED),
        Field("taxes", "taxes on them", AMOUNT, FIXED | DETAIL),
        Field("amount_due", "what is to be paid; by default the sum of the three", AMOUNT, FIXED),
        Field("amount_paid", "what was paid of it", AMOUNT, READ_ONLY),
        Field("adjustments", "what was given back of it", AMOUNT, READ_ONLY | DETAIL),
    ),
    customer="i_customer",
    order="t.issue_date desc, t.i_invoice desc",
)

BATCH: Final = Entity(
    "batch",
    "batches: vouchers made in one go",
    "batches",
    "i_batch",
    "name",
    Privilege.MONEY,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("managed_by", "the reseller whose it is; null: of the environment", NAME, READ_ONLY, "i_managed_by", "customer"),
        Field("created", "when it was made", INSTANT, READ_ONLY),
    ),
    customer="i_managed_by",
    order="t.i_batch desc",
)

VOUCHER: Final = Entity(
    "voucher",
    "vouchers: money that recharges one account, once (their numbers are told when they are made, and never again)",
    "vouchers",
    "i_voucher",
    "number",
    Privilege.MONEY,
    (
        Field("number", "its number in this list; not what recharges", POSITIVE, PLACED, "i_voucher"),
        Field("batch", "the batch it was made in", NAME, READ_ONLY, "i_batch", "batch"),
        Field("control_number", "printed on it, safe to tell a help desk", POSITIVE, READ_ONLY),
        Field("secret", "what recharges", LINE, SEALED, "id"),
        Field("amount", "money", SUM, READ_ONLY),
        Field("currency", "its currency", CURRENCY, READ_ONLY),
        Field("status", "active recharges", STATES, READ_ONLY),
        Field("activation_date", "not before it", INSTANT, READ_ONLY | DETAIL),
        Field("expiration_date", "not from it on", INSTANT, READ_ONLY),
        Field("days_added", "days added to the end of the account", POSITIVE, READ_ONLY | DETAIL),
        Field("managed_by", "the reseller whose it is: for accounts below it only", NAME, READ_ONLY | DETAIL, "i_managed_by", "customer"),
        Field("used_at", "when it was used", INSTANT, READ_ONLY),
        Field("account", "the account that it recharged", NAME, READ_ONLY, "i_account", "account"),
        Field("payment", "the payment", POSITIVE, READ_ONLY | DETAIL, "i_payment"),
    ),
    customer="i_managed_by",
    order="t.i_voucher desc",
)

ORPHAN: Final = Entity(
    "orphan",
    "usage that nobody was charged for, and that waits for a decision",
    "orphans",
    "i_orphan",
    "number",
    Privilege.MONEY,
    (
        Field("number", "its number (`orphan list`)", POSITIVE, PLACED, "i_orphan"),
        Field("received", "when it was reported", INSTANT, READ_ONLY),
        Field("reason", "no account, or impossible", LINE, READ_ONLY),
        Field("request", "what was reported", LINE, READ_ONLY | DETAIL),
    ),
    order="t.i_orphan desc",
)

ENTITIES: Final = (PAYMENT, TRANSACTION, INVOICE, BATCH, VOUCHER, ORPHAN)
