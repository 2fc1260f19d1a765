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
    statements_fees,
    statements_fields,
    statements_money,
    statements_parties,
    statements_provisioning,
)

#: Payments and the balances that they move: money left grows by them, what a credit account and its customer owe falls by them. The rows are locked.
#: Nobody is told: a balance in a cache is a hint, and no refusal is given on it (DESIGN.md 4). `+ 0`: without statistics the index by environment would be
#: taken, and all its rows read. A balance is told as it is after each payment of an account (`was`: the row before this statement), of a customer after all.
PAY: Final = """
with line as materialized (
    select v.*, nextval(pg_get_serial_sequence('payments', 'i_payment')) as i_payment
    from unnest(%(accounts)s::bigint[], %(customers)s::bigint[], %(amounts)s::numeric[], %(actions)s::text[], %(ats)s::timestamptz[], %(visibles)s::text[],
                %(internals)s::text[], %(refunds)s::bigint[], %(transactions)s::bigint[])
         with ordinality v (i_account, i_customer, amount, action, at, visible, internal, refunds, i_payment_transaction, place)),
account as (
    update accounts a set balance = balance + case when a.billing_model in (-1, 0) then s.amount else -s.amount end
    from (select i_account, sum(amount) as amount from line where i_account is not null group by i_account) s
    where a.i_account = s.i_account and a.i_env + 0 = %(i_env)s
    returning a.i_account, a.currency, case when a.billing_model in (-1, 0) then 1 else -1 end as sense),
customer as (
    update customers c set balance = balance - s.amount
    from (select l.i_customer, sum(l.amount) as amount from line l left join account a using (i_account) where l.i_account is null or a.sense < 0
          group by l.i_customer) s
    where c.i_customer = s.i_customer and c.i_env + 0 = %(i_env)s returning c.i_customer, c.balance),
paid as (
    insert into payments (i_payment, i_env, i_account, i_customer, amount, currency, action, visible_comment, internal_comment, paid_at, i_refunded_xdr,
                          i_payment_transaction)
    select l.i_payment, c.i_env, l.i_account, c.i_customer, l.amount, coalesce(a.currency, c.currency), l.action, l.visible, l.internal, coalesce(l.at, now()),
           l.refunds, l.i_payment_transaction
    from line l join customers c on c.i_customer = l.i_customer and c.i_env + 0 = %(i_env)s left join account a using (i_account)
    where l.i_account is null or a.i_account is not null returning i_payment)
select l.i_payment, coalesce(was.balance + a.sense * sum(l.amount) over (partition by l.i_account order by l.place), c.balance)
from paid join line l using (i_payment) left join account a using (i_account) left join accounts was on was.i_account = a.i_account
     left join customer c on c.i_customer = l.i_customer
order by l.place
"""
#: The keys of operations are claimed by their rows, which have their answers in the end. In their order, so that two who claim several wait in no circle.
CLAIM: Final = """
insert into operation_keys (i_env, key, operation, digest, answer)
select %(i_env)s, v.key, v.operation, v.digest, 'null' from unnest(%(keys)s::text[], %(operations)s::text[], %(digests)s::text[]) v (key, operation, digest)
order by v.key on conflict (i_env, key) do nothing returning key
"""
CLAIMED: Final = """
select key, operation, digest, answer from operation_keys where i_env = %(i_env)s and key = any (%(keys)s::text[]) order by key for update
"""
FREE: Final = "delete from operation_keys where i_env = %(i_env)s and key = any (%(keys)s::text[])"
ANSWERS: Final = """
update operation_keys k set answer = v.answer from unnest(%(keys)s::text[], %(answers)s::json[]) v (key, answer) where k.i_env = %(i_env)s and k.key = v.key
"""
NOTES: Final = """
insert into audit_log (i_env, i_user, actor, request_id, operation, entity, before, after)
select %(i_env)s, %(user)s, %(actor)s, v.*
from unnest(%(requests)s::text[], %(noted)s::text[], %(entities)s::text[], %(befores)s::jsonb[], %(afters)s::jsonb[]) v
"""

#: The audit as operators read it; every condition may be null.
AUDIT: Final = """
select i_audit, at, actor, operation, entity, before, after, request_id from audit_log
where i_env = %(i_env)s
  and (%(entity)s::text is null or entity = %(entity)s)
  and (%(kind)s::text is null or starts_with(entity, %(kind)s || ':'))
  and (%(by)s::text is null or %(by)s in (actor, split_part(actor, ' as ', 1))
       or (strpos(actor, ':') > 0 and %(by)s in (substr(actor, strpos(actor, ':') + 1), split_part(substr(actor, strpos(actor, ':') + 1), ' as ', 1))))
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
    **statements_fees.STATEMENTS,
}
"""By name 'entity.question'."""
