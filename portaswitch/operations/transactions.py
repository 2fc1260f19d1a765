"""
Payment transactions: the attempts of payment processors to take money, and how far each is.

    STARTED > AUTHORIZED > COMPLETED     the money is taken, and booked once
    STARTED, AUTHORIZED > CANCELED, FAILED;  AUTHORIZED > VOIDED
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.payment import Action, Comments, Payment
from portaswitch.operations.entities_money import TRANSACTION
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.funds import book
from portaswitch.operations.payers import purse
from portaswitch.operations.records import add, change, key_fields, record_operations, settable, the

STEPS: Final[Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    "authorize": ("AUTHORIZED", ("STARTED",), "the processor has the money set aside"),
    "complete": ("COMPLETED", ("STARTED", "AUTHORIZED"), "the processor has taken the money: it is booked"),
    "cancel": ("CANCELED", ("STARTED", "AUTHORIZED"), "the payer gave it up"),
    "fail": ("FAILED", ("STARTED", "AUTHORIZED"), "the processor refused"),
    "void": ("VOIDED", ("AUTHORIZED",), "what was set aside is given back"),
}
"""By verb: the status it leads to, those it may come from, and what it means."""

WORDS: Final = tuple(TRANSACTION.field(name) for name in ("result_code", "transaction_id", "authorization"))


async def _start(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account, customer = values.get("account"), values.get("customer")
    if (account is None) == (customer is None):
        raise OperationRefused(["account or customer: name one of them"])
    owner = await work.get(CUSTOMER, customer or 0) if account is None else await _purse(work, account)
    if owner is None or owner["status"] == "closed":
        raise OperationRefused(["who pays is closed, or gone"])
    whose = {"customer": customer} if account is None else {"account": owner["_id"], "customer": owner["_customer"]}
    return await add(work, TRANSACTION, (), {**values, "currency": owner["currency"], **whose})


async def _purse(work: IWork, account: int, lock: bool = False) -> Row | None:
    """Whose balance a payment for that account moves, as a top-up does: of an alias its account's, of a beneficiary its payer's."""
    row = await work.get(ACCOUNT, account)
    return None if row is None else await purse(work, row, lock)


def _step(verb: str, status: str, before: tuple[str, ...], text: str) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        row = await the(work, TRANSACTION, values, lock=True)
        if row["status"] not in before:
            raise OperationRefused([f"transaction {row['number']} is {row['status']}: {status} follows only {' or '.join(before)}"])
        told = {field.name: values[field.name] for field in WORDS if field.name in values}
        after = await change(work, TRANSACTION, (), row, {**told, "status": status, "updated": await work.now()}, verb)
        if status != "COMPLETED" or row["test_mode"]:
            return after
        return {**after, **await _booked(work, after)}

    return Operation(f"transaction.{verb}", f"{status}: {text}", Privilege.MONEY, run, (*key_fields(TRANSACTION), *WORDS), f"portaswitch transaction {verb} 17")


async def _booked(work: IWork, row: Mapping[str, Any]) -> dict[str, Any]:
    """Book what was taken: also for an account that was closed meanwhile, as its owner has paid."""
    if row["_account"] is not None:
        payer = await _purse(work, row["_account"], lock=True)
        if payer is None:
            raise NotThere(["the account is gone"])
        entity, owner = ACCOUNT, payer
        i_account, i_customer = owner["_id"], owner["_customer"]
    else:
        found = await work.get(CUSTOMER, row["_customer"], lock=True)
        entity, owner = CUSTOMER, found or {}
        i_account, i_customer = None, row["_customer"]
    payment = Payment(i_account, i_customer, row["amount"], Action.ECOMMERCE_PAYMENT, Comments(row["processor"] or ""), i_payment_transaction=row["_id"])
    answer = await book(work, entity, owner, payment, "transaction.complete")
    return {"i_payment": answer["i_payment"], "balance": answer["balance"]}


OPERATIONS: Final = (
    *record_operations(TRANSACTION, verbs=("list", "show")),
    Operation(
        "transaction.start", "STARTED: a payment processor is asked for money", Privilege.MONEY, _start, settable(TRANSACTION, change=False),
        "portaswitch transaction start --account 10086610975 --amount 10.00 --processor PayPal --key order-17",
    ),
    *(_step(verb, *step) for verb, step in STEPS.items()),
)  # fmt: skip
