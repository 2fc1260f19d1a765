"""
Laws of the rows beside the balances (`store.audit`): payments, vouchers, payment transactions, refunds, what accounts have, the walls between environments.
"""

from __future__ import annotations

from typing import Final

_PAYMENTS: Final = """
select format('payment %s', p.i_payment), format('%s, environment %s', coalesce(a.currency, c.currency), coalesce(a.i_env, c.i_env)),
       format('%s, environment %s', p.currency, p.i_env)
from payments p join customers c on c.i_customer = p.i_customer left join accounts a on a.i_account = p.i_account
where (p.currency, p.i_env) <> (coalesce(a.currency, c.currency), coalesce(a.i_env, c.i_env))
"""
#: A refund is of a charge that there is, as long as its partition is kept; together they give back no more than it, and than its session charged: what the
#: session's client gave back is among the xDRs.
_REFUNDS: Final = """
with refunded as (select i_refunded_xdr id, sum(amount) amount from payments where i_refunded_xdr is not null group by 1),
     named as (select distinct x.i_node, x.i_account, x.h323_conf_id from refunded r join xdr x using (id) where x.h323_conf_id <> ''),
     session as (
        select h323_conf_id, sum(x.charged_amount) charged, sum(r.amount) amount
        from named join xdr x using (i_node, i_account, h323_conf_id) left join refunded r using (id) where x.storage = 'a'
        group by i_node, i_account, h323_conf_id)
select format('refunds of xDR %s', r.id), format('at most %s', x.charged_amount), r.amount::text
from refunded r join xdr x on x.id = r.id where r.amount > x.charged_amount
union all
select format('refunds of session %s', h323_conf_id), format('at most %s', charged), amount::text from session where amount > charged
"""
_VOUCHERS: Final = """
select format('voucher %s', v.i_voucher), format('%s %s to account %s', v.amount, v.currency, v.i_account),
       coalesce(format('%s %s to account %s', p.amount, p.currency, p.i_account), 'no payment')
from vouchers v left join payments p on p.i_payment = v.i_payment and p.action = 'voucher'
where v.status = 'used' and (v.amount, v.currency, v.i_account) is distinct from (p.amount, p.currency, p.i_account)
union all
select format('voucher %s', v.i_voucher), format('%s, and without account and payment', v.status), format('account %s, payment %s', v.i_account, v.i_payment)
from vouchers v where v.status <> 'used' and num_nonnulls(v.i_account, v.i_payment) > 0
union all
select format('voucher %s', v.i_voucher), 'environment and manager of its batch', format('environment %s, manager %s', v.i_env, v.i_managed_by)
from vouchers v join batches b using (i_batch) where (v.i_env, v.i_managed_by) is distinct from (b.i_env, b.i_managed_by)
union all
select format('payment %s', p.i_payment), 'one voucher', count(v)::text
from payments p left join vouchers v on v.i_payment = p.i_payment and v.status = 'used' where p.action = 'voucher' group by p.i_payment having count(v) <> 1
"""
_TRANSACTIONS: Final = """
with paid as (select i_payment_transaction, sum(amount) amount from payments where i_payment_transaction is not null and amount > 0 group by 1),
     due as (
        select t.i_payment_transaction number, t.status, case when t.status = 'COMPLETED' and not t.test_mode then t.amount end amount, p.amount paid
        from payment_transactions t left join paid p using (i_payment_transaction))
select format('payment transaction %s (%s)', number, status), coalesce(amount::text, 'no payment'), coalesce(paid::text, 'no payment')
from due where amount is distinct from paid
"""
#: Answers of operations that book (`account.topup` ...) name their payment; a key stands for one of them.
_KEYS: Final = """
with told as (
    select i_env, key, (answer ->> 'i_payment')::bigint number from operation_keys
    where json_typeof(answer) = 'object' and answer ->> 'i_payment' is not null)
select format('key %s (environment %s)', t.key, t.i_env), format('payment %s of environment %s', t.number, t.i_env),
       coalesce(format('environment %s', p.i_env), 'no such payment')
from told t left join payments p on p.i_payment = t.number where p.i_env is distinct from t.i_env
union all
select format('payment %s', number), 'one key', string_agg(key, ', ') from told group by number having count(*) > 1
"""
_ALLOCATIONS: Final = """
with settled as (select i_payment, sum(amount) amount from payment_allocations group by 1)
select format('payment %s', s.i_payment), format('at most %s', greatest(p.amount, 0)), s.amount::text
from settled s join payments p using (i_payment) where s.amount > greatest(p.amount, 0)
union all
select format('invoice %s settled by payment %s', a.i_invoice, a.i_payment), format('customer %s', p.i_customer), format('customer %s', i.i_customer)
from payment_allocations a join payments p using (i_payment) join invoices i using (i_invoice) where p.i_customer <> i.i_customer
"""
#: A charge that is of nobody would be folded into no balance.
_PENDING: Final = """
select format('charge of %s %s', case p.role when 'c' then 'customer' else 'vendor' end, p.i_party), 'a party that there is', 'none'
from pending_charges p left join customers c on p.role = 'c' and c.i_customer = p.i_party left join vendors v on p.role = 'v' and v.i_vendor = p.i_party
where num_nonnulls(c.i_customer, v.i_vendor) = 0
"""
_ORPHANS: Final = """
select format('report %s', o.i_orphan), format('environment %s', n.i_env), format('environment %s', o.i_env)
from orphans o join nodes n using (i_node) where o.i_env <> n.i_env
"""
#: Closing releases everything in its own transaction (DESIGN.md 5.1).
_CLOSED: Final = """
select format('account %s (environment %s)', a.id, a.i_env), 'closed, and has nothing', o.what
from accounts a, lateral (
    select format('SIM %s', s.imsi) what from sim_cards s where s.i_account = a.i_account
    union all select format('number %s', d.number) from dids d where d.i_account = a.i_account
    union all select format('port %s', u.port) from ua_links u where u.i_account = a.i_account
    union all select format('alias %s', m.id) from accounts m where m.i_master_account = a.i_account) o
where a.bill_status = 'C'
"""
_WALLS: Final = """
select format('account %s', a.id), format('environment %s', c.i_env), format('environment %s', a.i_env)
from accounts a join customers c using (i_customer) where a.i_env <> c.i_env
union all
select format('account %s', a.id), format('a product of environment %s', a.i_env), format('environment %s', p.i_env)
from accounts a join products p using (i_product) where a.i_env <> p.i_env
union all
select format('customer %s', c.name), format('a reseller of environment %s', c.i_env), format('environment %s', r.i_env)
from customers c join customers r on r.i_customer = c.i_parent where c.i_env <> r.i_env
union all
select format('session %s', s.session_key), format('environment %s', a.i_env), format('environment %s', s.i_env)
from sessions s join accounts a using (i_account) where s.i_env <> a.i_env
"""

#: A beneficiary has no money, and a payer of its own customer, currency and environment that pays for itself.
_BENEFICIARIES: Final = """
select format('beneficiary %s (environment %s)', a.id, a.i_env), 'nothing of its own', format('balance %s, held %s', a.balance, a.held)
from accounts a where a.i_payer is not null and (a.balance <> 0 or a.held <> 0)
union all
select format('beneficiary %s (environment %s)', a.id, a.i_env), format('a payer of customer %s in %s', a.i_customer, a.currency),
       format('account %s of customer %s in %s, model %s', y.id, y.i_customer, y.currency, y.billing_model)
from accounts a join accounts y on y.i_account = a.i_payer
where (a.i_env, a.currency, a.i_customer) <> (y.i_env, y.currency, y.i_customer) or y.billing_model not in (-1, 1, 3)
   or (y.bill_status = 'C' and a.bill_status <> 'C')
"""

RECORDS: Final = (
    ("payments are in the currency and environment of their owner", "payments", _PAYMENTS),
    ("refunds give back no more than was charged", "payments", _REFUNDS),
    ("each used voucher has its payment, and no other", "vouchers", _VOUCHERS),
    ("each completed payment transaction is booked, and no other", "payment_transactions", _TRANSACTIONS),
    ("what was answered under a key is booked, once", "operation_keys", _KEYS),
    ("payments settle no more than they are, of their own customer", "payment_allocations", _ALLOCATIONS),
    ("charges that wait are of parties that there are", "pending_charges", _PENDING),
    ("usage that waits is of the environment of its node", "orphans", _ORPHANS),
    ("closed accounts have nothing", "accounts", _CLOSED),
    ("beneficiaries have no money, and a payer of their own customer", "accounts", _BENEFICIARIES),
    ("nothing crosses the walls of an environment", "environments", _WALLS),
)
"""As `store.audit.LAWS`."""
