"""
What operations ask beside plain rows: statements by name. Each keeps to the environment of who asks (`%(i_env)s`); the rows that it is about were found, and so
reached, before.
"""

from __future__ import annotations

from typing import Final

#: A payment and the balances that it moves: a debit account's money left grows by it, what a credit account and its customer owe falls by it. The rows are
#: locked. Caches are told of the balances after the commit (`store.wakeups`).
PAY: Final = """
with account as (
    update accounts a set balance = balance + case a.billing_model when -1 then %(amount)s else -%(amount)s end
    where a.i_account = %(i_account)s and a.i_env = %(i_env)s returning a.i_account, a.i_customer, a.billing_model, a.currency),
customer as (
    update customers c set balance = balance - %(amount)s
    where c.i_customer = %(i_customer)s and c.i_env = %(i_env)s
      and (%(i_account)s is null or exists (select 1 from account where billing_model <> -1)) returning c.i_customer),
paid as (
    insert into payments (i_env, i_account, i_customer, amount, currency, action, visible_comment, internal_comment, paid_at)
    select c.i_env, %(i_account)s, c.i_customer, %(amount)s, coalesce((select currency from account), c.currency), %(action)s, %(visible)s, %(internal)s,
           coalesce(%(at)s, now())
    from customers c
    where c.i_customer = %(i_customer)s and c.i_env = %(i_env)s and (%(i_account)s is null or exists (select 1 from account)) returning i_payment)
select i_payment, array(select 'a:' || i_account from account union all select 'c:' || i_customer from customer) from paid
"""

#: What was done under a key. Two statements of one journey: the second has to see what whoever held the lock has left.
RECALL: Final = """
select pg_advisory_xact_lock(hashtextextended(%(i_env)s || '/' || %(key)s, 8301));
select operation, digest, answer from operation_keys where i_env = %(i_env)s and key = %(key)s
"""

#: Lines of the audit of one environment, the newest first; a condition that is null is none.
AUDIT: Final = """
select i_audit, at, actor, operation, entity, before, after, request_id from audit_log
where i_env = %(i_env)s
  and (%(entity)s::text is null or entity = %(entity)s)
  and (%(kind)s::text is null or starts_with(entity, %(kind)s || ':'))
  and (%(by)s::text is null or actor = %(by)s or (strpos(actor, ':') > 0 and substr(actor, strpos(actor, ':') + 1) = %(by)s))
  and (%(operation)s::text is null or operation = %(operation)s or starts_with(operation, %(operation)s || '.'))
  and (%(since)s::timestamptz is null or at >= %(since)s)
order by at desc, i_audit desc limit %(last)s
"""

STATEMENTS: Final[dict[str, str]] = {"audit.list": AUDIT}
"""By name 'entity.question'."""
