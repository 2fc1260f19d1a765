"""Named statements about discounts (`store.work_statements`): steps of items, counters and wallets of an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STEPS = """
select t.i_vd_dg, t.threshold, t.discount, t.forbidden from vd_thresholds t join vd_dgs d using (i_vd_dg) join vd_plans p using (i_vd_plan)
where p.i_env = %(i_env)s and t.i_vd_dg = any (%(items)s::bigint[]) order by t.i_vd_dg, t.threshold
"""
_CLEAR = """
delete from vd_thresholds t using vd_dgs d join vd_plans p using (i_vd_plan)
where d.i_vd_dg = t.i_vd_dg and p.i_env = %(i_env)s and t.i_vd_dg = %(item)s
"""
_WRITE = """
insert into vd_thresholds (i_vd_dg, threshold, discount, forbidden)
select d.i_vd_dg, s.* from vd_dgs d join vd_plans p using (i_vd_plan),
    unnest(%(begins)s::numeric[], %(percents)s::numeric[], %(barred)s::boolean[]) s
where p.i_env = %(i_env)s and d.i_vd_dg = %(item)s
"""
#: The services of an item: its own, then those of its pool.
SERVICES: Final = (
    "concat_ws(', ', {1}, (select string_agg(x.name, ', ' order by x.name) from vd_dg_services y join services x using (i_service) "
    "where y.i_vd_dg = {0}.i_vd_dg))"
)
_POOL = """
select y.i_vd_dg, x.i_service, x.name, x.base from vd_dg_services y join services x using (i_service)
where x.i_env = %(i_env)s and y.i_vd_dg = any (%(items)s::bigint[]) order by x.name
"""
_POOL_CLEAR = """
delete from vd_dg_services y using vd_dgs d join vd_plans p using (i_vd_plan)
where d.i_vd_dg = y.i_vd_dg and p.i_env = %(i_env)s and y.i_vd_dg = %(item)s
"""
_POOL_WRITE = """
insert into vd_dg_services (i_vd_dg, i_service) select d.i_vd_dg, s.i_service from vd_dgs d join vd_plans p using (i_vd_plan), services s
where p.i_env = %(i_env)s and d.i_vd_dg = %(item)s and s.i_env = %(i_env)s and s.i_service = any (%(services)s::bigint[])
"""
#: The counters of quotas whose state another limit changes; from the limit on a counter is exceeded, what was carried over moves it. One whose period is
#: over is left to the next one. They are locked in the order in which charges lock them.
LIMITED: Final = """
with turned as (
    select v.i_vd_counter from vd_counters v join (
        select t.i_vd_dg, min(t.threshold) as threshold from vd_thresholds t join vd_dgs d using (i_vd_dg)
        where d.kind = 'quota' and t.forbidden and t.i_vd_dg = any (%(items)s::bigint[]) group by 1) q using (i_vd_dg)
    where v.i_env = %(i_env)s and v.period_end > now() and v.exceeded <> (v.used >= q.threshold + v.carried)
    order by v.i_vd_counter for no key update of v)
update vd_counters v set exceeded = not v.exceeded from turned where v.i_vd_counter = turned.i_vd_counter
"""
#: The plans that count for an account now, in their order (PORTABILLING.md a.9): add-ons by priority, its product's, its own, its customer's; then those of its
#: beneficiaries' products and add-ons, whose use is counted in its counters.
_IN_FORCE = """
with party as (
    select a.i_account, a.i_customer, p.i_vd_plan as sold, a.i_vd_plan as own, c.i_vd_plan as shared
    from accounts a join customers c using (i_customer) left join products p on p.i_product = a.i_product
    where a.i_account = %(account)s and a.i_env = %(i_env)s),
plans as (
    select p.i_vd_plan, false as shared, row_number() over (order by p.addon_priority desc, p.i_product) as place
    from party join account_addons d using (i_account) join products p on p.i_product = d.i_product
    where p.i_vd_plan is not null and d.addon_effective_from <= now() and (d.addon_effective_to is null or now() < d.addon_effective_to)
    union all select sold, false, 1000000 from party where sold is not null
    union all select own, false, 1000001 from party where own is not null
    union all select p.i_vd_plan, false, 1000003 from party join accounts b on b.i_payer = party.i_account and b.bill_status <> 'C' join products p
        on p.i_product = b.i_product or exists (select from account_addons d where d.i_account = b.i_account and d.i_product = p.i_product
            and d.addon_effective_from <= now() and (d.addon_effective_to is null or now() < d.addon_effective_to))
    where p.i_vd_plan is not null
    union all select shared, true, 1000002 from party where shared is not null),
items as (
    select d.i_vd_dg, l.shared, min(l.place) as place from plans l join vd_dgs d using (i_vd_plan) group by 1, 2)
"""
_NAMES = "p.name, d.i_vd_dg, " + SERVICES.format("d", "s.name") + ", g.name, d.kind, d.counted_in, d.peak_level, p.currency"
_JOINED = """join vd_plans p on p.i_vd_plan = d.i_vd_plan join services s on s.i_service = d.i_service
left join destination_groups g on g.i_dest_group = d.i_dest_group"""

#: What is counted for an account: all items of its plans, used or not, and counters that its plans of before have left.
_COUNTERS = f"""{_IN_FORCE},
counted as (
    select v.*, v.i_account is null as shared from vd_counters v join party on v.i_customer = party.i_customer
    where v.i_account = party.i_account or v.i_account is null)
select {_NAMES}, coalesce(v.shared, i.shared), i.i_vd_dg is not null, coalesce(v.used, 0), coalesce(v.held, 0), coalesce(v.carried, 0), v.period_start,
       nullif(v.period_end, 'infinity'), coalesce(v.exceeded, false), d.reset, d.rollover, d.notify_percent
from items i full join counted v on v.i_vd_dg = i.i_vd_dg and v.shared = i.shared
join vd_dgs d on d.i_vd_dg = coalesce(i.i_vd_dg, v.i_vd_dg) {_JOINED}
where d.kind <> 'wallet' and (%(item)s::bigint is null or d.i_vd_dg = %(item)s)
order by i.place nulls last, d.sort_order, d.i_vd_dg, v.peak_level
"""
#: What an account can buy, of all plans that count for it.
_OPTIONS = f"""{_IN_FORCE}
select {_NAMES}, o.i_vd_topup, o.name, o.topup_amount, o.topup_expiry_time, o.topup_fee
from items i join vd_dgs d on d.i_vd_dg = i.i_vd_dg {_JOINED} join vd_topups o on o.i_vd_dg = d.i_vd_dg
where d.kind = 'wallet' order by i.place, d.sort_order, o.topup_amount, o.i_vd_topup
"""
_WALLETS = f"""
select {_NAMES}, w.i_service_wallet, o.name, w.balance, w.held, w.activated, nullif(w.expires, 'infinity'), w.renewal_due,
       case when w.expires <= now() then 'expired' when w.activated > now() then 'later' when w.balance <= 0 then 'empty'
       when w.lasts is not null then 'first use' else 'open' end
from service_wallets w join accounts a using (i_account) join vd_dgs d on d.i_vd_dg = w.i_vd_dg {_JOINED} left join vd_topups o on o.i_vd_topup = w.i_vd_topup
where w.i_account = %(account)s and a.i_env = %(i_env)s order by w.expires, w.i_service_wallet
"""
#: A purchase, from a time on, or lasting from the first use on. What is used up or expired of the same item is settled, so that its units are told to be
#: available again (Account/Service/QuotaAvailable).
_BUY = """
with available as (
    update service_wallets set exceeded = false where i_account = %(account)s and i_vd_dg = %(item)s and exceeded and i_env = %(i_env)s),
times as (
    select coalesce(%(begins)s::timestamptz, now()) as begins,
        case when %(first_use)s then 'infinity' else coalesce(coalesce(%(begins)s::timestamptz, now()) + make_interval(secs => %(seconds)s), 'infinity') end
        as ends)
insert into service_wallets (i_customer, i_account, i_env, i_vd_dg, balance, activated, expires, lasts, renew, renewal_due, i_vd_topup)
select a.i_customer, a.i_account, a.i_env, %(item)s, %(units)s, t.begins, t.ends, case when %(first_use)s then %(seconds)s::int end, %(renew)s,
       case when %(renew)s then t.ends end, %(option)s
from accounts a, times t where a.i_account = %(account)s and a.i_env = %(i_env)s returning i_service_wallet, activated, nullif(expires, 'infinity')
"""
#: When one that is due to be bought again begins: where the old one ended, or now if even the next one would be over.
_DUE = """
select w.i_vd_topup, case when w.expires + make_interval(secs => o.topup_expiry_time) > now() then w.expires else now() end
from service_wallets w join vd_topups o using (i_vd_topup)
where w.i_service_wallet = %(wallet)s and w.i_account = %(account)s and w.i_env = %(i_env)s and w.renew and w.renewal_due <= now() for no key update of w
"""
#: Whether it is bought again when it ends, or when that is tried again.
_RENEWS = """
update service_wallets set renew = %(renew)s, renewal_due = case when %(renew)s then expires end
where i_service_wallet = %(wallet)s and i_account = %(account)s and i_env = %(i_env)s
"""
_RETRY = """
update service_wallets set renewal_due = now() + make_interval(secs => %(seconds)s)
where i_service_wallet = %(wallet)s and i_account = %(account)s and i_env = %(i_env)s
"""
_WALLET = """
select i_vd_dg, balance, held, expires <= now(), i_vd_topup is not null and (lasts is not null or expires < 'infinity') from service_wallets
where i_service_wallet = %(wallet)s and i_account = %(account)s and i_env = %(i_env)s for no key update
"""
#: The end of a wallet; of the last one of its item the quota is exceeded.
_END = """
update service_wallets w set expires = now(), renew = false, renewal_due = null, ended = true, exceeded = not exists (
    select 1 from service_wallets o where o.i_account = w.i_account and o.i_vd_dg = w.i_vd_dg and o.i_service_wallet <> w.i_service_wallet
      and o.balance > 0 and o.expires > now())
where w.i_service_wallet = %(wallet)s and w.i_account = %(account)s and w.i_env = %(i_env)s
"""
#: What an account was charged since a time, for its beneficiaries too, by what it is asked in.
_SPENT = """
select coalesce(sum(charged_amount), 0) from xdr
where i_account = any (array(select %(account)s::bigint union all select b.i_account from accounts b where b.i_payer = %(account)s))
    and bill_time >= %(since)s and i_env = %(i_env)s and storage = 'a'
"""
#: A budget with the product's beside it, the zone and billing period it is measured by, and its counter.
_BUDGET = """
select a.id, a.currency, coalesce(a.spend_limit, p.spend_limit), case when a.spend_limit is null and p.spend_limit is not null then p.spend_period
       else a.spend_period end, c.timezone, coalesce(d.i_billing_period, 4), v.used, v.period_start, v.period_end
from accounts a join customers c using (i_customer) left join customer_details d using (i_customer) left join products p using (i_product)
left join vd_counters v on v.i_account = a.i_account and v.i_vd_dg is null where a.i_account = %(account)s and a.i_env = %(i_env)s
"""
_CUSTOMER_BUDGET = """
select c.name, c.currency, c.spend_limit, c.spend_period, c.timezone, coalesce(d.i_billing_period, 4), v.used, v.period_start, v.period_end
from customers c left join customer_details d using (i_customer)
left join vd_counters v on v.i_customer = c.i_customer and v.i_account is null and v.i_vd_dg is null
where c.i_customer = %(customer)s and c.i_env = %(i_env)s
"""

STATEMENTS: Final[Mapping[str, str]] = {
    "plan.steps": _STEPS,
    "plan.steps.clear": _CLEAR,
    "plan.steps.write": _WRITE,
    "plan.pool": _POOL,
    "plan.pool.clear": _POOL_CLEAR,
    "plan.pool.write": _POOL_WRITE,
    "counter.limited": LIMITED,
    "counter.list": _COUNTERS,
    "wallet.options": _OPTIONS,
    "wallet.list": _WALLETS,
    "wallet.buy": _BUY,
    "wallet.lock": _WALLET,
    "wallet.due": _DUE,
    "wallet.renews": _RENEWS,
    "wallet.retry": _RETRY,
    "wallet.end": _END,
    "account.spent": _SPENT,
    "account.budget": _BUDGET,
    "customer.budget": _CUSTOMER_BUDGET,
}
"""By name 'entity.question'."""
