"""
The audit of the books: laws that hold at any moment, each asked of the whole database by one set-based
statement (DESIGN.md 3.1, 3.3).

All statements run in one read-only snapshot (repeatable read): they lock no row and wait for nobody, so charging goes
on meanwhile; what they cost is reading, and dead rows that vacuum keeps until the end. They read every xDR that the
database keeps: an amount whose xDR was dropped with an old partition must have been moved into the opening
balance before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.store.audit_counters import COUNTERS
from portaswitch.store.audit_overlaps import OVERLAPS
from portaswitch.store.audit_records import RECORDS
from portaswitch.store.pool import Cursor, Pool

#: Differing rows that are told of one law; the count is of all.
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """
    A row that breaks a law: what it is, what the law wants, and what the row holds (as text: amounts, or a
    word).
    """

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One law: its name, how many rows it was asked of and how many break it, and some of those."""

    law: str
    rows: int
    differ: int
    examples: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """
    All laws, and what an operator should know that breaks none: uses without an account, uses that can't be true,
    charges that are not folded yet.
    """

    findings: tuple[Finding, ...]
    orphans: int
    suspects: int
    unfolded: int

    @property
    def differ(self) -> int:
        """Rows that break a law, all laws together; 0 when all is well."""
        return sum(finding.differ for finding in self.findings)


#: Payments in favour of their owner; what an account was opened with is its opening_balance, whatever row
#: shows it.
_PAID = "select i_account, i_customer, amount from payments where action <> 'opening'"

_ACCOUNTS = f"""
with charged as (
        select coalesce(a.i_payer, a.i_account) i_account, sum(x.charged_amount) amount
        from xdr x join accounts a using (i_account) where x.storage = 'a' group by 1),
     paid as (select i_account, sum(amount) amount from ({_PAID}) p where i_account is not null group by 1),
     due as (
        select a.i_env, a.id, a.balance, a.opening_balance
               + case when a.billing_model in (-1, 0) then -1 else 1 end
               * (coalesce(x.amount, 0) - coalesce(p.amount, 0)) expected
        from accounts a left join charged x using (i_account) left join paid p using (i_account))
select format('account %s (environment %s)', id, i_env), expected, balance from due where balance <> expected
"""
#: A credit account's charges and payments move its customer's balance too; a reseller's own xDRs are folded
#: into its balance a second later.
_CUSTOMERS = f"""
with charged as (
        select i_customer, sum(charged_amount) amount from xdr
        where storage = 'c' or (storage = 'a' and billing_model = 1) group by 1),
     paid as (
        select p.i_customer, sum(p.amount) amount from ({_PAID}) p left join accounts a using (i_account)
        where p.i_account is null or a.billing_model not in (-1, 0) group by 1),
     waiting as (
        select i_party i_customer, sum(amount) amount from pending_charges where role = 'c' group by 1),
     due as (
        select c.i_env, c.name, c.balance + coalesce(w.amount, 0) found,
               c.opening_balance + coalesce(x.amount, 0) - coalesce(p.amount, 0) expected
        from customers c left join charged x using (i_customer) left join paid p using (i_customer)
        left join waiting w using (i_customer))
select format('customer %s (environment %s)', name, i_env), expected, found from due where found <> expected
"""
_VENDORS = """
with charged as (select i_vendor, sum(charged_amount) amount from xdr where storage = 'v' group by 1),
     waiting as (
        select i_party i_vendor, sum(amount) amount from pending_charges where role = 'v' group by 1),
     due as (
        select v.i_env, v.name, v.balance + coalesce(w.amount, 0) found,
               v.opening_balance + coalesce(x.amount, 0) expected
        from vendors v left join charged x using (i_vendor) left join waiting w using (i_vendor))
select format('vendor %s (environment %s)', name, i_env), expected, found from due where found <> expected
"""
#: What a beneficiary's sessions hold is its payer's money.
_ACCOUNTS_HELD = """
with held as (
    select coalesce(a.i_payer, a.i_account) i_account, sum(s.held) amount
    from sessions s join accounts a using (i_account) group by 1)
select format('account %s (environment %s)', a.id, a.i_env), coalesce(h.amount, 0), a.held
from accounts a left join held h using (i_account) where a.held <> coalesce(h.amount, 0)
"""
_CUSTOMERS_HELD = """
with held as (
    select s.i_customer, sum(s.held) amount from sessions s join accounts u using (i_account)
    join accounts a on a.i_account = coalesce(u.i_payer, u.i_account)
    where a.billing_model <> -1 group by 1)
select format('customer %s (environment %s)', c.name, c.i_env), coalesce(h.amount, 0), c.held
from customers c left join held h using (i_customer) where c.held <> coalesce(h.amount, 0)
"""
_SESSIONS_HELD = """
with held as (select session_key, sum(held) amount from holds group by 1)
select format('session %s', s.session_key), coalesce(h.amount, 0), s.held
from sessions s left join held h using (session_key) where s.held <> coalesce(h.amount, 0)
"""
#: Open sessions are counted always with their account, with a customer only while it has a limit.
_ACCOUNTS_OPEN = """
with open as (
    select i_account, count(*) filter (where not incoming) o, count(*) filter (where incoming) i
    from sessions group by 1)
select format('account %s (environment %s)', a.id, a.i_env),
       format('%s outgoing, %s incoming', coalesce(s.o, 0), coalesce(s.i, 0)),
       format('%s outgoing, %s incoming', a.open_outgoing, a.open_incoming)
from accounts a left join open s using (i_account)
where (a.open_outgoing, a.open_incoming) <> (coalesce(s.o, 0), coalesce(s.i, 0))
"""
_CUSTOMERS_OPEN = """
with open as (
    select i_customer, count(*) filter (where not incoming) o, count(*) filter (where incoming) i
    from sessions group by 1),
     due as (
    select c.*, num_nonnulls(max_sessions, max_outgoing, max_incoming) > 0 limited,
           coalesce(s.o, 0) o, coalesce(s.i, 0) i
    from customers c left join open s using (i_customer))
select format('customer %s (environment %s)', name, i_env),
       case when limited then format('%s outgoing, %s incoming', o, i) else 'not counted without a limit' end,
       format('%s outgoing, %s incoming', open_outgoing, open_incoming)
from due where (open_outgoing, open_incoming) <> (case when limited then o else 0 end, case when limited then i else 0 end)
"""
#: Real use is always debited, below zero too, and that part is marked in the xDR as overrun (DESIGN.md 3.3); an
#: administrator can force a charge. More than both is a fault. One that was moved here overdrawn began below zero.
_NEGATIVE = """
with below as (
        select i_account, i_env, id, balance - least(opening_balance, 0) balance from accounts
        where billing_model = -1 and balance < least(opening_balance, 0)),
     marked as (
        select b.i_account, sum(x.overrun) amount
        from xdr x join accounts a using (i_account) join below b on b.i_account = coalesce(a.i_payer, a.i_account)
        where x.storage = 'a' group by 1),
     forced as (
        select p.i_account, -sum(p.amount) amount from payments p join below using (i_account)
        where p.amount < 0 and p.action in ('manual_charge', 'adjustment') group by 1)
select format('balance of the debit account %s (environment %s)', id, i_env),
       format('not below %s, its overrun and what was charged by hand', -coalesce(m.amount, 0) - coalesce(f.amount, 0)),
       balance::text
from below left join marked m using (i_account) left join forced f using (i_account)
where -balance > coalesce(m.amount, 0) + coalesce(f.amount, 0)
union all
select format('hold of account %s (environment %s)', id, i_env), '0 or more', held::text
from accounts where held < 0
union all
select format('hold of customer %s (environment %s)', name, i_env), '0 or more', held::text
from customers where held < 0
union all
select format('hold of session %s', session_key), '0 or more', held::text from sessions where held < 0
union all
select format('quantity of xDR %s', id), '0 or more', least(used_quantity, charged_quantity)::text
from xdr where used_quantity < 0 or charged_quantity < 0
"""
_TWICE = """
select format('session %s', s.session_key), 'live or closed', format('live, and closed at %s', max(z.closed))
from sessions s join sessions_closed z using (session_key) group by 1, s.session_key
"""

#: Every law: its name, the table whose rows it speaks of, and the statement that gives the rows that break
#: it: what, expected, found.
LAWS = (
    ("balance of accounts = opening balance, xDRs and payments", "accounts", _ACCOUNTS),
    ("balance of customers = opening balance, xDRs and payments", "customers", _CUSTOMERS),
    ("balance of vendors = opening balance and xDRs", "vendors", _VENDORS),
    ("held of accounts = holds of their sessions", "accounts", _ACCOUNTS_HELD),
    ("held of customers = holds of their credit accounts' sessions", "customers", _CUSTOMERS_HELD),
    ("held of sessions = holds of their quota keys", "sessions", _SESSIONS_HELD),
    ("open sessions of accounts = their rows", "accounts", _ACCOUNTS_OPEN),
    ("open sessions of customers with a limit = their rows", "customers", _CUSTOMERS_OPEN),
    ("nothing is negative that can't be", "accounts", _NEGATIVE),
    ("no session is both live and closed", "sessions", _TWICE),
    *COUNTERS,
    *OVERLAPS,
    *RECORDS,
)
#: The tables of `LAWS`, in the order of their counts.
_TABLES = tuple(dict.fromkeys(table for _, table, _ in LAWS))
_COUNTS = f"""
select {", ".join(f"(select count(*) from {table})" for table in _TABLES)},
       (select count(*) filter (where reason <> 'impossible') from orphans),
       (select count(*) filter (where reason = 'impossible') from orphans), (select count(*) from pending_charges)
"""

Told = Callable[[int, int, str], None]
"""Called with how many laws were asked, of how many, and the one that is asked next."""


def audit(pool: Pool, told: Told = lambda done, total, law: None) -> Deferred[Audit]:
    """Ask all laws of one snapshot; takes as long as two or three readings of all xDRs."""
    return pool.transaction(lambda cursor: _audit(cursor, told))


async def _audit(cursor: Cursor, told: Told) -> Audit:
    await cursor.execute("set transaction isolation level repeatable read, read only")
    await cursor.execute("set local statement_timeout = 0")
    told(0, len(LAWS) + 1, "counting rows")
    ((*counts, orphans, suspects, unfolded),) = await cursor.query(_COUNTS)
    rows = dict(zip(_TABLES, counts, strict=True))
    findings = []
    for done, (law, table, statement) in enumerate(LAWS, 1):
        told(done, len(LAWS) + 1, law)
        found = await cursor.query(
            f"select f.*, count(*) over () from ({statement}) f (what, expected, found)"
            f" order by 1 limit {EXAMPLES}"
        )
        findings.append(
            Finding(law, rows[table], found[0][3] if found else 0, tuple(_difference(row) for row in found))
        )
    return Audit(tuple(findings), orphans, suspects, unfolded)


def _difference(row: tuple[Any, ...]) -> Difference:
    what, expected, found, _ = row
    return Difference(what, str(expected), str(found))
