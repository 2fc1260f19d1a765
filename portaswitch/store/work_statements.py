"""
What operations ask beside plain rows: statements by name. Each keeps to the environment of who asks (`%(i_env)s`); the rows that it is about were found, and so
reached, before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.store import (
    statements_discounts,
    statements_features,
    statements_fields,
    statements_money,
    statements_parties,
    statements_provisioning,
)

#: A payment and the balances that it moves: money left grows by it, what a credit account and its customer owe falls by it. The rows are locked.
#: Nobody is told: a balance in a cache is a hint, and no refusal is given on it (DESIGN.md 4). `+ 0`: without statistics the index by environment would be
#: taken, and all its rows read.
PAY: Final = """
with account as (
    update accounts a set balance = balance + case when a.billing_model in (-1, 0) then %(amount)s else -%(amount)s end
    where a.i_account = %(i_account)s and a.i_env + 0 = %(i_env)s returning a.i_account, a.i_customer, a.billing_model, a.currency, a.balance),
customer as (
    update customers c set balance = balance - %(amount)s
    where c.i_customer = %(i_customer)s and c.i_env + 0 = %(i_env)s
      and (%(i_account)s::bigint is null or exists (select 1 from account where billing_model not in (-1, 0))) returning c.i_customer, c.balance),
paid as (
    insert into payments (i_env, i_account, i_customer, amount, currency, action, visible_comment, internal_comment, paid_at, i_refunded_xdr,
                          i_payment_transaction)
    select c.i_env, %(i_account)s, c.i_customer, %(amount)s, coalesce((select currency from account), c.currency), %(action)s, %(visible)s, %(internal)s,
           coalesce(%(at)s, now()), %(refunds)s, %(i_payment_transaction)s
    from customers c
    where c.i_customer = %(i_customer)s and c.i_env + 0 = %(i_env)s and (%(i_account)s::bigint is null or exists (select 1 from account)) returning i_payment)
select i_payment, coalesce((select balance from account), (select balance from customer)) from paid
"""
#: The key of an operation is claimed by its row, which has its answer in the end.
CLAIM: Final = """
insert into operation_keys (i_env, key, operation, digest, answer) values (%(i_env)s, %(key)s, %(operation)s, %(digest)s, 'null')
on conflict (i_env, key) do nothing returning 1
"""
CLAIMED: Final = "select operation, digest, answer from operation_keys where i_env = %(i_env)s and key = %(key)s for update"
ANSWER: Final = "update operation_keys set answer = %(answer)s where i_env = %(i_env)s and key = %(key)s"
NOTES: Final = "insert into audit_log (i_env, i_user, actor, request_id, operation, entity, before, after) values {}"
NOTE: Final = "(%(i_env)s, %(user)s, %(actor)s, %(request)s, %(operation{0})s, %(entity{0})s, %(before{0})s, %(after{0})s)"

#: The audit as operators read it; every condition may be null.
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

STATEMENTS: Final[Mapping[str, str]] = {
    "audit.list": AUDIT,
    **statements_features.STATEMENTS,
    **statements_fields.STATEMENTS,
    **statements_parties.STATEMENTS,
    **statements_money.STATEMENTS,
    **statements_provisioning.STATEMENTS,
    **statements_discounts.STATEMENTS,
}
"""By name 'entity.question'."""
