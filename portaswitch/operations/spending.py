"""Spending budgets: what an account, or a customer with all its credit accounts, has spent in the running period (docs/discounts.rst)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from portaswitch.billing import budgets
from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.budget import SpendPeriod
from portaswitch.model.operation import Operation, Outcome
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.payers import purse
from portaswitch.operations.records import key_fields, the

NOTHING: Final = Decimal(0)


async def _of_account(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The account's own budget, else its product's; of an alias its account's, of a beneficiary its payer's."""
    number = (await purse(work, await the(work, ACCOUNT, values)))["_id"]
    ((name, currency, limit, period, *rest),) = await work.ask("account.budget", {"account": number})
    since, spent = await _spent(work, period, *rest)
    if spent is None:
        ((spent,),) = await work.ask("account.spent", {"account": number, "since": since})
    return {"id": name, **_told(limit, period, since, spent, currency)}


async def _of_customer(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The customer's budget; what is spent is counted from the first use after it was set."""
    row = await the(work, CUSTOMER, values)
    ((name, currency, limit, period, *rest),) = await work.ask("customer.budget", {"customer": row["_id"]})
    since, spent = await _spent(work, period, *rest)
    return {"name": name, **_told(limit, period, since, spent or NOTHING, currency)}


async def _spent(
    work: IWork, period: str, zone: str, billing_period: int, used: Decimal | None, start: datetime | None, end: datetime | None
) -> tuple[datetime, Decimal | None]:
    """When the running period began, and what its counter says; None: there is none of it."""
    now = await work.now()
    first, last = budgets.bounds(SpendPeriod(period), billing_period, now, zone)
    if start is not None and budgets.runs(start, end, now, last - first):
        return start, used
    return first, None


def _told(limit: Decimal | None, period: str, since: datetime, spent: Decimal, currency: str) -> dict[str, Any]:
    left = None if limit is None else max(limit - spent, NOTHING)
    return {"spend_period": period, "since": since, "spend_limit": limit, "spent": spent, "left": left, "currency": currency}


OPERATIONS: Final = (
    Operation(
        "account.spending", "show what an account spent of its budget, or of its product's, in the running period", Privilege.READ, _of_account,
        key_fields(ACCOUNT), "portaswitch account spending 16045550101",
    ),
    Operation(
        "customer.spending", "show what the credit accounts of a customer spent of its budget in the running period", Privilege.READ, _of_customer,
        key_fields(CUSTOMER), "portaswitch customer spending 'Demo retail'",
    ),
)  # fmt: skip
