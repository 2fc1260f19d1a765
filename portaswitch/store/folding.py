"""
Folding: charges of resellers and vendors become their balances, every second (DESIGN.md 3.7).

Exactly once: the rows are deleted and summed in one statement. Several processes may do it at once; each takes other rows.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.model.party import Funds
from portaswitch.store.pool import Pool

#: Rows of one statement.
PAGE = 2000
FOLD = f"""
with gone as (delete from pending_charges where ctid = any (array(select ctid from pending_charges limit {PAGE} for update skip locked))
          returning role, i_party, amount),
     due as (select role, i_party, sum(amount) amount from gone group by role, i_party),
     c as (update customers t set balance = t.balance + due.amount from due where due.role = 'c' and t.i_customer = due.i_party returning 1),
     v as (update vendors t set balance = t.balance + due.amount from due where due.role = 'v' and t.i_vendor = due.i_party returning 1)
select (select count(*) from c) + (select count(*) from v), (select count(*) from gone)
"""
RESELLERS = "select i_customer, balance, held from customers where i_customer_type = 2"


async def fold(pool: Pool, rest: Rest = at_once) -> int:
    """Fold what waits; gives the number of balances moved."""
    moved = 0
    while True:
        ((balances, rows),) = await pool.query(FOLD)
        moved += int(balances)
        if rows < PAGE or not await rest():
            return moved


def reseller_funds(pool: Pool) -> Deferred[dict[int, Funds]]:
    """The folded funds of all resellers, by i_customer."""
    return pool.query(RESELLERS).addCallback(lambda rows: {row[0]: Funds(row[1], row[2]) for row in rows})
