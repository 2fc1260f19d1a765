"""
Whose money moves, and whether there is enough: what all operations on money have in common.

A charge never takes what is held: balance - held of money left, limit - balance - held of every level that owes (DESIGN.md 3.6). Only an administrator can
force it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Realm, Role
from portaswitch.model.operation import Entity, Field, NotPermitted, NotThere, OperationRefused, Row
from portaswitch.model.payment import Comments, Paid, Payment
from portaswitch.model.text_values import FLAG, LINE
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.final_units import by_money, reauthorize
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.payers import purse
from portaswitch.operations.records import the
from portaswitch.operations.standing import FULL, chains, free

COMMENTS: Final = (Field("comment", "shown to the subscriber", LINE), Field("internal_comment", "for operators", LINE))
FORCE: Final = Field("force", "administrators: take it even where it is held, or beyond the limit", FLAG)


async def paying(work: IWork, values: Mapping[str, Any]) -> Row:
    """
    The account that the arguments name, of an alias its master, of a beneficiary its payer, locked and not closed. A customer's lock is left to who charges it.
    """
    row = await purse(work, await the(work, ACCOUNT, values), lock=True)
    refuse_closed(ACCOUNT, row)
    return row


async def locked(work: IWork, account: int) -> Row:
    """The account of that number, locked."""
    row = await work.get(ACCOUNT, account, lock=True)
    if row is None:
        raise NotThere(["the account is gone"])
    return row


async def refuse_short(work: IWork, actor: Actor, account: Row, amount: Decimal, force: bool) -> None:
    """
    OperationRefused when an account's free funds don't cover a charge; `force` asks for it all the same. A credit account's customer is locked with it.
    """
    if force:
        refuse_force(actor)
        return
    if account["model"] not in FULL:
        await work.get(CUSTOMER, account["_customer"], lock=True)
    chain = (await chains(work, [account["_customer"]]))[account["_customer"]]
    left = free(account, chain)
    if left is not None and left < amount:
        raise OperationRefused([_short(f"account {account['id']}", left, account)])


async def refuse_short_customer(work: IWork, actor: Actor, customer: Row, amount: Decimal, force: bool) -> None:
    """The same of a customer, which is locked."""
    if force:
        refuse_force(actor)
        return
    left = (await chains(work, [customer["_id"]]))[customer["_id"]][0].free
    if left is not None and left < amount:
        raise OperationRefused([_short(f"customer {customer['name']}", left, customer)])


def _short(what: str, left: Decimal, row: Row) -> str:
    held = f", {row['held']} are held by open sessions" if row["held"] else ""
    return f"{what} has {max(left, Decimal(0))} {row['currency']} to spend{held}: take no more, or force it"


def refuse_force(actor: Actor) -> None:
    """NotPermitted for whoever may not charge what is not there."""
    if actor.realm is not Realm.ADMIN or actor.role not in (Role.ROOT, Role.ADMIN):
        raise NotPermitted(["force: only an administrator of the environment may do that"])


async def book(work: IWork, entity: Entity, row: Row, payment: Payment, operation: str) -> dict[str, Any]:
    """Book a payment of a locked account or customer, and note it; sessions that waited for money ask again. Gives what an operation on money answers."""
    paid = await work.pay(payment)
    if payment.amount > 0:
        await reauthorize(work, [by_money(entity, row)])
    return await booked(work, entity, row, payment, paid, operation)


async def booked(
    work: IWork, entity: Entity, row: Row, payment: Payment, paid: Paid, operation: str, before: Decimal | None = None, request: str | None = None
) -> dict[str, Any]:
    """Note a payment that was booked; `before`: the balance that it moved, where it is not the row's."""
    was = {"balance": row["balance"] if before is None else before}
    document = {"i_payment": paid.i_payment, "amount": payment.amount, "action": payment.action.value}
    await work.note(operation, f"{entity.name}:{row['_id']}", was, {"balance": paid.balance, **document}, request)
    return {entity.key: row[entity.key], **document, "currency": row["currency"], "balance": paid.balance}


def comments(values: Mapping[str, Any], visible: str = "") -> Comments:
    """The comments of a payment; `visible` where the operator says nothing."""
    return Comments(values.get("comment") or visible, values.get("internal_comment") or "")
