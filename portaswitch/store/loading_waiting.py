"""
Sessions that wait for more (`billing.final_units`), and what a load gives their accounts: they are asked to ask again in the transaction of the load.

What customers and accounts were and are now is compared (`billing.improved`); whoever has a plan or product that the file changed is asked as well, since
nobody compares what a plan gave with what it gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from portaswitch.billing.improved import Served, served
from portaswitch.model.loading import Section
from portaswitch.store.loading_merge import Plan
from portaswitch.store.transaction import Cursor

NAMES: Final = (
    "i_customer", "i_account", "owes", "blocked", "open", "credit_limit", "temp_credit_limit", "temp_credit_until", "spend_limit", "spend_period",
    "expiration_date", "life_time", "inactivity_days", "_discount_plan", "_product",
)  # fmt: skip
ACCOUNTS: Final = """
select i_account, i_customer, i_account, false, blocked, bill_status = 'O', credit_limit, null, null, spend_limit, spend_period, expiration_date, life_time,
       inactivity_days, i_vd_plan, i_product from accounts where i_account = any (%s::bigint[])
"""
CUSTOMERS: Final = """
select i_customer, i_customer, null, i_customer_type = 1, blocked, bill_status = 'O', credit_limit, temp_credit_limit, temp_credit_until, spend_limit,
       spend_period, null, null, null, i_vd_plan, null from customers where i_customer = any (%s::bigint[])
"""
#: The customer of accounts that got an add-on.
ADDED: Final = "select i_customer, i_account from accounts where i_account = any (%s::bigint[])"
#: The plans of items whose steps were written.
PLANS: Final = "select distinct i_vd_plan from vd_dgs where i_vd_dg = any (%s::bigint[])"
ASK: Final = "select relieve(%s::bigint[], %s::bigint[], %s::boolean[])"
ASK_PLANS: Final = "select reauthorize_plans(%s, %s::bigint[], %s::bigint[])"

Terms = Mapping[int, Mapping[str, Any]]
#: A customer, an account of it (None: all of them), whether only those count that owe with it.
Reached = tuple[int, int | None, bool]


async def terms(cursor: Cursor, customers: Plan, accounts: Plan) -> tuple[Terms, Terms]:
    """What is said now of the customers and accounts that the load changes."""
    found = []
    for sql, planned in ((CUSTOMERS, customers), (ACCOUNTS, accounts)):
        rows = await cursor.query(sql, (sorted(planned.changed),)) if planned.changed else []
        found.append({row[0]: dict(zip(NAMES, row[1:], strict=True)) for row in rows})
    return found[0], found[1]


def improved(before: tuple[Terms, Terms], after: tuple[Terms, Terms]) -> list[Reached]:
    """Whom the load left more for."""
    reached: list[Reached] = []
    for was, now in zip(before, after, strict=True):
        for number, row in now.items():
            whom = served(was[number], row)
            if whom is not Served.NOBODY:
                reached.append((row["i_customer"], row["i_account"], bool(row["owes"]) and whom is Served.OWING))
    return reached


async def reauthorize(cursor: Cursor, i_env: int, reached: list[Reached], written: Iterable[tuple[Section, Plan]]) -> None:
    """Ask for them, for accounts with new add-ons, and for those whose plan or product was written."""
    plans: set[int] = set()
    products: set[int] = set()
    for section, planned in written:
        if section is Section.ADDONS and (planned.new or planned.changed):
            keys = sorted({row.key[0] for row in (*planned.new, *planned.changed.values()) if isinstance(row.key[0], int)})
            reached += [(i_customer, i_account, False) for i_customer, i_account in await cursor.query(ADDED, (keys,))]
        elif section is Section.THRESHOLDS and planned.new:
            plans |= {plan for (plan,) in await cursor.query(PLANS, (sorted({row.key[0] for row in planned.new if isinstance(row.key[0], int)}),))}
        elif section is Section.PRODUCTS:
            products |= set(planned.changed)
    if reached:
        await cursor.execute(ASK, ([one[0] for one in reached], [one[1] for one in reached], [one[2] for one in reached]))
    if plans or products:
        await cursor.execute(ASK_PLANS, (i_env, sorted(plans), sorted(products)))
