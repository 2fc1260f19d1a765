"""What is done with accounts: block, top up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Operation, OperationRefused, Outcome, audited
from portaswitch.model.text_values import LINE, SUM
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER, PLACED
from portaswitch.operations.records import change, key_fields, record_operations, the

ID: Final = key_fields(ACCOUNT)


def _blocking(verb: str, blocked: bool, help_text: str) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        before = await the(work, ACCOUNT, values, lock=True)
        return await change(work, ACCOUNT, (), before, {"blocked": blocked}, verb)

    return Operation(f"account.{verb}", help_text, Privilege.SERVICE, run, ID)


async def _top_up(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Money in favour of an account; what a credit account owes falls with its customer's."""
    before = await the(work, ACCOUNT, values, lock=True)
    if before["status"] == "closed":
        raise OperationRefused([f"account {before['id']} is closed"])
    if before["model"] != "debit":  # the money of a debit account is its own
        await work.get(CUSTOMER, before["_customer"], lock=True)
    comments = values.get("comment") or "", values.get("internal_comment") or ""
    payment = await work.pay(before["_id"], before["_customer"], values["amount"], "manual_payment", comments, None)
    after = await the(work, ACCOUNT, values)
    await work.note("account.topup", f"account:{before['_id']}", audited(ACCOUNT, before), audited(ACCOUNT, after))
    return {"id": after["id"], "i_payment": payment, "amount": values["amount"], "currency": after["currency"], "balance": after["balance"]}


top_up: Final = Operation(
    "account.topup",
    "book a payment in favour of an account",
    Privilege.MONEY,
    _top_up,
    (*ID, Field("amount", "how much", SUM, PLACED), Field("comment", "shown to the subscriber", LINE), Field("internal_comment", "for operators", LINE)),
)

async def _new(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """An account begins in its customer's currency, with its opening balance."""
    customer = await work.get(CUSTOMER, values["customer"])
    if customer is None:
        return values
    opening = values.get("opening_balance") or Decimal(0)
    return {"currency": customer["currency"], **values, "opening_balance": opening, "balance": opening}


OPERATIONS: Final = (
    *record_operations(ACCOUNT, verbs=("list", "show", "add", "change"), prepare=_new),
    _blocking("block", True, "block an account: it may use nothing"),
    _blocking("unblock", False, "lift the block of an account"),
    top_up,
)
