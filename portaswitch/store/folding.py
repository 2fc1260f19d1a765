"""
Folding: charges of resellers and vendors become their balances, every second (DESIGN.md 3.7).

Exactly once: the rows are deleted and summed in one statement. Several processes may do it at once; each takes other rows.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from portaswitch.model.party import Funds
from portaswitch.store.pool import Pool

FOLD = """
with taken as (select ctid from pending_charges for update skip locked),
     gone as (delete from pending_charges where ctid in (select ctid from taken) returning role, i_party, amount),
     due as (select role, i_party, sum(amount) amount from gone group by role, i_party),
     c as (update customers t set balance = t.balance + due.amount from due where due.role = 'c' and t.i_customer = due.i_party returning 1),
     v as (update vendors t set balance = t.balance + due.amount from due where due.role = 'v' and t.i_vendor = due.i_party returning 1)
select (select count(*) from c) + (select count(*) from v)
"""
RESELLERS = "select i_customer, balance, held from customers where i_customer_type = 2"


def fold(pool: Pool) -> Deferred[int]:
    """Fold what waits; fires with the number of balances moved."""
    return pool.query(FOLD).addCallback(lambda rows: int(rows[0][0]))


def reseller_funds(pool: Pool) -> Deferred[dict[int, Funds]]:
    """The folded funds of all resellers, by i_customer."""
    return pool.query(RESELLERS).addCallback(lambda rows: {row[0]: Funds(row[1], row[2]) for row in rows})
