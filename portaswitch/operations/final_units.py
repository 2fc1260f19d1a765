"""
Sessions in their final state (`billing.final_units`) are asked to ask again by what adds funds to them, or lifts a block, in the same transaction.

    money of a prepaid account        its own sessions
    money, or a higher limit, of a    those of all accounts that owe with it
    credit account or customer
    money of a reseller; a block or   those of all accounts below
    suspension of a customer lifted
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from portaswitch.interfaces.work import IWork
from portaswitch.model.operation import Entity, Row
from portaswitch.model.value import dataclass
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.standing import FULL


@dataclass(frozen=True, slots=True)
class Reached:
    """Sessions that something is better for: of an account, or (None) of a customer and those below it; `owing`: of accounts that owe with it."""

    i_customer: int
    i_account: int | None = None
    owing: bool = False


def by_money(entity: Entity, row: Row) -> Reached:
    """Whom the money of an account or customer serves."""
    if entity.name == CUSTOMER.name:
        return Reached(row["_id"], owing=row["type"] == "retail")
    return Reached(row["_customer"], row["_id"]) if row["model"] in FULL else Reached(row["_customer"], owing=True)


def by_change(entity: Entity, before: Row, after: Row) -> Reached | None:
    """Whom a change of an account or customer serves: a limit that is higher, or a block or suspension that is over; None: nobody."""
    if entity.name not in (ACCOUNT.name, CUSTOMER.name):
        return None
    if (before["blocked"] and not after["blocked"]) or (before["status"] != "open" and after["status"] == "open"):
        return Reached(after["_id"]) if entity.name == CUSTOMER.name else Reached(after["_customer"], after["_id"])
    if not any(_higher(was, now) for was, now in zip(_ceilings(before), _ceilings(after), strict=True)):
        return None
    return by_money(entity, after) if entity.name == CUSTOMER.name else Reached(after["_customer"], after["_id"])


def _ceilings(row: Row) -> tuple[Decimal | None, ...]:
    """What it may owe, for good and for a time, and what it may spend; None: without limit."""
    for_a_time = row["temp_credit_limit"] if row.get("temp_credit_until") is not None else row["credit_limit"]
    return row["credit_limit"], for_a_time, row.get("spend_limit")


def _higher(before: Decimal | None, after: Decimal | None) -> bool:
    return before is not None and (after is None or after > before)


async def reauthorize(work: IWork, reached: Iterable[Reached]) -> None:
    """Ask the clients of these sessions, as far as they are in their final state, to ask again."""
    told = list(dict.fromkeys(reached))
    if told:
        columns = {"customers": [one.i_customer for one in told], "accounts": [one.i_account for one in told], "owing": [one.owing for one in told]}
        await work.ask("session.reauthorize", columns)
