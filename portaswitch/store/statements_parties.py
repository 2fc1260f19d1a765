"""Named statements about customers and accounts (`store.work_statements`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Customers with the resellers above them: depth 0 is the customer itself. The limit is the one in force.
_CHAIN = """
with recursive chain (root, depth, i_customer) as (
    select c.i_customer, 0, c.i_customer from customers c where c.i_env = %(i_env)s and c.i_customer = any (%(customers)s::bigint[])
    union all
    select chain.root, chain.depth + 1, c.i_parent from chain join customers c on c.i_customer = chain.i_customer
    where c.i_parent is not null and chain.depth < 17)
select chain.root, now(), c.i_customer, c.name, c.i_customer_type, c.bill_status, c.blocked, c.balance, c.held,
       case when c.temp_credit_until > now() then c.temp_credit_limit else c.credit_limit end,
       coalesce(d.suspension_delay_date >= current_date, false), coalesce(d.i_balance_control_type = 2, false)
from chain join customers c on c.i_customer = chain.i_customer left join customer_details d on d.i_customer = c.i_customer
order by chain.root, chain.depth
"""
#: Whoever opens something below a customer keeps it open until that is there: closing it waits, and then finds it.
_KEPT = "select 1 from customers c where c.i_env = %(i_env)s and c.i_customer = %(customer)s for share of c"
#: Customers are put below others one after the other: two moves at once could each see no circle, and close one together.
_MOVING = "select pg_advisory_xact_lock(hashtext('portaswitch customer move'), %(i_env)s)"
#: What hangs on an account and must be free when it is closed: one row a thing, in the order in which it is let go.
_RELEASE = """
with sims as (
    update sim_cards s set i_account = null, status = 'available', msisdn = null
    where s.i_account = %(account)s and s.i_env = %(i_env)s returning s.imsi),
ports as (
    delete from ua_links l using ua where l.i_account = %(account)s and ua.i_ua = l.i_ua and ua.i_env = %(i_env)s returning ua.name, l.port),
numbers as (
    update dids n set i_account = null where n.i_account in (
        select a.i_account from accounts a where a.i_account = %(account)s or a.i_master_account = %(account)s) and n.i_env = %(i_env)s returning n.number)
select 'sim_card', imsi from sims union all select 'device', name || ':' || port from ports union all select 'did', number from numbers
"""
_ALIASES_GONE = "delete from accounts a where a.i_master_account = %(account)s and a.i_env = %(i_env)s and a.billing_model = 2 returning a.id"
#: A disconnect for each open session whose node can be told (a Diameter client asks again, and is refused); the same wish twice is one task.
_DISCONNECT = """
insert into session_tasks (i_env, kind, i_node, session_key, i_account, lane)
select s.i_env, case when coalesce(n.origin_host, n.origin_realm) is null then 'pod' else 'rar' end, s.i_node, s.session_key, s.i_account, 0
from sessions s join nodes n using (i_node)
where s.i_account = any (%(accounts)s::bigint[]) and s.i_env = %(i_env)s and coalesce(host(n.coa_address), n.origin_host, n.origin_realm) is not null
on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar') do nothing returning session_key
"""
#: A Re-Auth for each session whose client was told that nothing follows what it has (schema/functions/reauthorize.sql). They are found by parties that were
#: found, and so are of the environment.
_REAUTHORIZE = "select relieve(%(customers)s::bigint[], %(accounts)s::bigint[], %(owing)s::boolean[]) where %(i_env)s is not null"
_REAUTHORIZE_PLANS = "select reauthorize_plans(%(i_env)s, %(plans)s::bigint[], %(products)s::bigint[])"
#: An account goes to another customer with what its open sessions hold and count (store/audit.py). The rows of all three are locked. A session's version
#: rises, so that whoever remembers it reads it again; a closed one may still get a late report.
_MOVE = """
with moved as (
    update accounts a set i_customer = %(target)s where a.i_account = %(account)s and a.i_env = %(i_env)s
    returning a.billing_model, a.held, a.open_outgoing, a.open_incoming),
aliases as (update accounts a set i_customer = %(target)s where a.i_master_account = %(account)s and a.i_env = %(i_env)s),
open as (update sessions s set i_customer = %(target)s, version = version + 1 where s.i_account = %(account)s),
closed as (update sessions_closed s set i_customer = %(target)s, version = version + 1 where s.i_account = %(account)s),
numbers as (update dids n set i_customer = %(target)s where n.i_account = %(account)s and n.i_env = %(i_env)s),
counters as (update vd_counters v set i_customer = %(target)s where v.i_account = %(account)s and v.i_env = %(i_env)s),
wallets as (update service_wallets w set i_customer = %(target)s where w.i_account = %(account)s and w.i_env = %(i_env)s),
sims as (update sim_cards s set i_customer = %(target)s where s.i_account = %(account)s and s.i_customer is not null and s.i_env = %(i_env)s)
update customers c set
    held = c.held + way.n * case when moved.billing_model in (-1, 0) then 0 else moved.held end,
    open_outgoing = c.open_outgoing + way.n * case when num_nonnulls(c.max_sessions, c.max_outgoing, c.max_incoming) > 0 then moved.open_outgoing else 0 end,
    open_incoming = c.open_incoming + way.n * case when num_nonnulls(c.max_sessions, c.max_outgoing, c.max_incoming) > 0 then moved.open_incoming else 0 end
from moved, (values (%(source)s::bigint, -1), (%(target)s::bigint, 1)) as way (i_customer, n)
where c.i_customer = way.i_customer and c.i_env = %(i_env)s
"""
#: An open session of an account that holds a part of a counter or budget which its customer's accounts share: it can't go along, since the other customer's
#: accounts share another one. The account is locked, so that it holds no more of it meanwhile.
_SHARING = """
select s.session_key from sessions s
where s.i_customer = %(customer)s and s.i_account = %(account)s and s.i_env = %(i_env)s and s.counted and exists (
    select from json_array_elements(s.state::json -> 'q') q, json_array_elements(q -> 'h') t where (t ->> 'sh')::boolean and (t ->> 'u')::numeric <> 0)
order by s.started limit 1
"""
#: The person behind an account goes with it to another customer, when nobody else has the same and it is of a customer at all.
_PERSON_MOVES = """
update subscribers s set i_customer = case when s.i_customer is null then null else %(target)s::bigint end
where s.i_subscriber = %(subscriber)s and s.i_env = %(i_env)s and (s.i_customer is null or not exists (
    select 1 from accounts a where a.i_subscriber = s.i_subscriber and a.i_account <> %(account)s)) returning s.i_subscriber
"""

STATEMENTS: Final[Mapping[str, str]] = {
    "environment.defaults": "select currency, timezone from environments where i_env = %(i_env)s",
    "customer.chain": _CHAIN,
    "customer.kept": _KEPT,
    "customer.moving": _MOVING,
    "customer.below": "select i_customer, name from customers where i_env = %(i_env)s and i_parent = %(customer)s and bill_status <> 'C' order by i_customer",
    "customer.accounts": "select i_account, id from accounts where i_env = %(i_env)s and i_customer = %(customer)s and billing_model <> 2 "
    "and bill_status <> 'C' order by i_payer is null, i_account",
    "account.payers": "select i_account, i_payer from accounts where i_env = %(i_env)s and i_account = any (%(accounts)s::bigint[]) and i_payer is not null",
    "account.beneficiaries": "select i_account, id, bill_status = 'C' from accounts where i_env = %(i_env)s and i_payer = %(account)s "
    "order by i_account",
    "account.aliases": "select id from accounts where i_env = %(i_env)s and i_master_account = %(account)s order by id",
    "account.release": _RELEASE,
    "account.aliases_gone": _ALIASES_GONE,
    "account.disconnect": _DISCONNECT,
    "session.reauthorize": _REAUTHORIZE,
    "session.reauthorize_plans": _REAUTHORIZE_PLANS,
    "account.move": _MOVE,
    "account.sharing": _SHARING,
    "account.devices": "select u.name from ua_links l join ua u using (i_ua) where l.i_account = %(account)s and l.i_env = %(i_env)s "
    "and u.i_customer <> %(target)s",
    "subscriber.move": _PERSON_MOVES,
    "addon.allowed": "select 1 from product_addons where i_product = %(product)s and i_addon_product = %(addon)s",
    "addon.rules": "select count(*) from product_addons where i_product = %(product)s",
}
"""By name 'entity.question'."""
