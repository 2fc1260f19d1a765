"""
Sessions in their final state (`billing.final_units`) are asked to ask again by what adds funds to them, or lifts a block, in the same transaction.

    money of a prepaid account        its own sessions
    money, or a higher limit, of a    those of all accounts that owe with it
    credit account or customer
    money of a reseller; a block or   those of all accounts below
    suspension of a customer lifted
    a longer life, another plan       the account's own; of a customer all of its accounts
    other steps of a discount plan,   those of all who have it
    a product's plan or budget
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from portaswitch.billing.improved import Served, served
from portaswitch.interfaces.work import IWork
from portaswitch.model.operation import Entity, Row
from portaswitch.model.value import dataclass
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.standing import FULL

PRODUCT: Final = "product"
SOLD: Final = ("_discount_plan", "spend_limit", "spend_period", "breakage")
"""What of a product may leave its accounts more."""


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
    """Whom a change of an account or customer serves (`billing.improved`); None: nobody."""
    if entity.name not in (ACCOUNT.name, CUSTOMER.name):
        return None
    whom = served(*[{**row, "open": row["status"] == "open"} for row in (before, after)])
    if whom is Served.NOBODY:
        return None
    if entity.name == ACCOUNT.name:
        return Reached(after["_customer"], after["_id"])
    return Reached(after["_id"]) if whom is Served.ALL else by_money(entity, after)


async def tell_change(work: IWork, entity: Entity, before: Row, after: Row) -> None:
    """Ask the clients whom a change of a row serves: of an account or customer, or of a product with its plan and budget."""
    reached = by_change(entity, before, after)
    if reached is not None:
        await reauthorize(work, [reached])
    elif entity.name == PRODUCT and any([before[name] != after[name] for name in SOLD]):
        await reauthorize_plans(work, products=[after["_id"]])


async def reauthorize_plans(work: IWork, plans: Iterable[int] = (), products: Iterable[int] = ()) -> None:
    """The same for those who have these discount plans or products, which give more than before; in some seconds, when all servers have read them."""
    await work.ask("session.reauthorize_plans", {"plans": sorted(plans), "products": sorted(products)})


async def reauthorize(work: IWork, reached: Iterable[Reached]) -> None:
    """Ask the clients of these sessions, as far as they are in their final state, to ask again."""
    told = list(dict.fromkeys(reached))
    if told:
        columns = {"customers": [one.i_customer for one in told], "accounts": [one.i_account for one in told], "owing": [one.owing for one in told]}
        await work.ask("session.reauthorize", columns)
