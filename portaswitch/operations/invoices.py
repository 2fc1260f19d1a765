"""
Invoices that somebody else made: recorded here, so that payments settle them and outside systems hear of it.

The server makes none itself. What is due falls by payments and adjustments, each of which is a payment in the books with a row that says which invoice it
settles; the status follows the money, until an operator says something else of it (a review, do_not_pay).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.money import plain
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.payment import Action, Payment
from portaswitch.model.text_values import SUM
from portaswitch.operations.entities_money import INVOICE, REVIEWED
from portaswitch.operations.entities_parties import CUSTOMER
from portaswitch.operations.funds import COMMENTS, book, comments
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.records import change, key_fields, record_operations, the

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
NAMED: Final = key_fields(INVOICE)
HOW_MUCH: Final = Field("amount", "how much", SUM, PLACED)
UNPAID, PARTLY, PAID, NOTHING_DUE = 1, 2, 3, 6
"""Of invoices.i_invoice_status."""
TO: Final = Field("to", "its new status", REVIEWED, PLACED)


def left(invoice: Row) -> Decimal:
    """What is still to be paid."""
    due: Decimal = invoice["amount_due"] - invoice["adjustments"] - invoice["amount_paid"]
    return due


async def _new(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its currency is its customer's; what is due is all of it, where nobody says otherwise; nothing due is nothing to pay."""
    customer = await work.get(CUSTOMER, values["customer"])
    if customer is None:
        raise NotThere(["customer: it is gone"])
    if values["period_to"] <= values["period_from"]:
        raise OperationRefused(["period_to: is not after period_from"])
    due = values.get("amount_due")
    if due is None:
        due = values.get("previous_balance", Decimal(0)) + values["amount_net"] + values.get("taxes", Decimal(0))
    issued = values.get("issue_date") or await work.now()
    return {**values, "currency": customer["currency"], "amount_due": due, "issue_date": issued, "status": UNPAID if due > 0 else NOTHING_DUE}


async def _both(work: IWork, values: Mapping[str, Any]) -> tuple[Row, Row]:
    """The customer, locked first as charges do, and its invoice."""
    seen = await the(work, INVOICE, values)
    customer = await work.get(CUSTOMER, seen["_customer"], lock=True)
    if customer is None:
        raise NotThere(["the customer is gone"])
    refuse_closed(CUSTOMER, customer)
    return customer, await the(work, INVOICE, values, lock=True)


def _settling(verb: str, text: str, action: Action, column: str, example: str) -> Operation:
    """An operation that books money in favour of the customer and counts it on the invoice."""

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        customer, invoice = await _both(work, values)
        amount = values["amount"]
        if amount > left(invoice):
            due = plain(max(left(invoice), Decimal(0)))
            raise OperationRefused([f"amount: {due} of invoice {invoice['number']} are still due: book the rest with `customer pay`"])
        said = comments(values, f"{'payment' if verb == 'pay' else 'adjustment'} of invoice {invoice['number']}")
        answer = await book(work, CUSTOMER, customer, Payment(None, customer["_id"], amount, action, said), f"customer.{verb}")
        await work.ask("invoice.settle", {"payment": answer["i_payment"], "invoice": invoice["_id"], "amount": amount})
        settled = {column: invoice[column] + amount, **_status(invoice, verb, left(invoice) - amount)}
        after = await change(work, INVOICE, (), invoice, settled, verb)
        return {**answer, "number": after["number"], "status": after["status"], "left": left(after)}

    return Operation(f"invoice.{verb}", text, Privilege.MONEY, run, (*NAMED, HOW_MUCH, *COMMENTS), example)


def _status(invoice: Row, verb: str, due: Decimal) -> dict[str, int]:
    """The status that follows from what is due; one that is overdue, or that an operator gave, stays until all is paid."""
    if due <= 0:
        return {"status": PAID}
    return {"status": PARTLY} if verb == "pay" and invoice["status"] == "unpaid" else {}


async def _say(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """What an operator says of an invoice; paid and partially paid are said by payments."""
    invoice = await the(work, INVOICE, values, lock=True)
    return await change(work, INVOICE, (), invoice, {"status": values["to"]}, "status")


def _records() -> Iterator[Operation]:
    example = "portaswitch invoice add 2026-0017 --customer 'Demo retail' --period-from 2026-10-01 --period-to 2026-11-01 --amount-net 12.50 --taxes 1.50"
    for operation in record_operations(INVOICE, (), ("list", "show", "add"), _new):
        yield replace(operation, help="record an invoice", examples=example) if operation.words[1] == "add" else operation


OPERATIONS: Final = (
    *_records(),
    _settling(
        "pay", "book a customer's payment of an invoice", Action.MANUAL_PAYMENT, "amount_paid", "portaswitch invoice pay 2026-0017 14.00 --key bank-4711",
    ),
    _settling(
        "adjust", "give a customer a part of an invoice back: less of it is due", Action.ADJUSTMENT, "adjustments",
        "portaswitch invoice adjust 2026-0017 2.00 --comment 'Line was down'",
    ),
    Operation("invoice.status", "say what becomes of an invoice", Privilege.MONEY, _say, (*NAMED, TO), "portaswitch invoice status 2026-0017 approved"),
)  # fmt: skip
