"""
Beneficiaries: accounts of their own whose use another account pays for (docs/beneficiaries.rst).

A beneficiary has its own id, aliases, SIM cards, passwords, product, features, status and limits of sessions. Money, counters, wallets, discount plans and
budget are its payer's, an account of the same customer that is no beneficiary itself. It keeps its payer for good: xDRs say who used something, and whose money
that was follows from the account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused, Row
from portaswitch.operations.entities_parties import ACCOUNT

PAYING: Final = frozenset({"debit", "credit", "internal"})
"""Models of accounts that can pay for others."""

OF_THE_PAYER: Final = ("credit_limit", "spend_limit", "discount_plan")
"""What a beneficiary has none of: its payer's counts."""


async def purse(work: IWork, row: Row, lock: bool = False) -> Row:
    """
    The account whose money a row stands for: of an alias its account's, of a beneficiary its payer's, else its own. With `lock` that one is locked, and read
    again; none of the others, which a charge would lock in another order.
    """
    while (above := row["_master"] or row["_payer"]) is not None:
        found = await work.get(ACCOUNT, above)
        if found is None:
            raise NotPermitted([f"account {row['id']} is paid for by another account, which is not yours"])
        row = found
    if not lock:
        return row
    now = await work.get(ACCOUNT, row["_id"], lock=True)
    if now is None:
        raise NotThere(["the account is gone"])
    return now


async def purses(work: IWork, rows: Iterable[Row]) -> dict[int, Row]:
    """The payers of some accounts, as far as they have any that the actor sees, by their own numbers."""
    wanted = {row["_payer"] for row in rows if row["_payer"] is not None}
    found = {number: await work.get(ACCOUNT, number) for number in sorted(wanted)}
    return {number: row for number, row in found.items() if row is not None}


async def payer_fits(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A beneficiary has a payer that can pay for it, and no money of its own; nobody else has one."""
    if after["model"] != "beneficiary":
        return  # the table keeps it without a payer
    if after["_payer"] is None:
        if before is None:
            yield "payer: a beneficiary needs the account that pays for it"
        return
    for name in OF_THE_PAYER:
        if after[name] is not None:
            yield f"{name}: a beneficiary has none: its payer's counts"
    if before is None and after["opening_balance"] != 0:
        yield "opening_balance: a beneficiary has no money: its payer's is used"
    payer = await work.get(ACCOUNT, after["_payer"])
    if payer is None:
        yield "payer: is gone"
        return
    if payer["_customer"] != after["_customer"]:
        yield f"payer: {payer['id']} is of {payer['customer']}: both must be of one customer"
    if payer["currency"] != after["currency"]:
        yield f"payer: {payer['id']} is in {payer['currency']} and the account in {after['currency']}: they must agree"
    if before is None:
        for fault in _unfit(payer):
            yield fault


def _unfit(payer: Row) -> list[str]:
    """Why an account can't pay for others."""
    if payer["model"] == "alias":
        return [f"payer: {payer['id']} is an alias of {payer['master']}: name that account"]
    if payer["model"] == "beneficiary":
        return [f"payer: {payer['id']} is a beneficiary itself: name its payer, {payer['payer']}"]
    if payer["model"] not in PAYING:
        return [f"payer: {payer['id']} is a {payer['model']}: a debit, credit or internal account pays for others"]
    return [f"payer: {payer['id']} is closed"] if payer["status"] == "closed" else []


async def hold_payer(work: IWork, values: Mapping[str, Any]) -> None:
    """
    Lock the payer that a new account names, so that nobody closes or moves it meanwhile. Before its customer, as charges lock them (DESIGN.md 3.7). Errors:
    OperationRefused where the account is no beneficiary.
    """
    if values.get("payer") is None:
        return
    if values["model"] != BillingModel.BENEFICIARY:
        raise OperationRefused(["payer: is for accounts of the model beneficiary; others pay for themselves"])
    await work.get(ACCOUNT, values["payer"], lock=True)


async def beneficiaries(work: IWork, payer: int, closed: bool = False) -> dict[int, str]:
    """The accounts that one pays for, ids by number; those that are closed with `closed` only."""
    return {number: name for number, name, over in await work.ask("account.beneficiaries", {"account": payer}) if closed or not over}


async def refuse_paying(work: IWork, row: Row) -> None:
    """OperationRefused for closing an account while it pays for others."""
    others = list((await beneficiaries(work, row["_id"])).values())
    if others:
        names = ", ".join(others[:5]) + (" ..." if len(others) > 5 else "")
        raise OperationRefused([f"account {row['id']} pays for {len(others)} that are not closed: {names}"])
