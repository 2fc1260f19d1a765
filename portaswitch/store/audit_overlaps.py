"""
Laws of the audit about rows that must not overlap: where two of them hold at once, which one counts is chance.

What a key of the database forbids needs no law. These are what a key can't say: prefixes of two formats, periods, addresses of several owners.
"""

from __future__ import annotations

#: A tariff is compiled by prefix, whatever the format of the destination: two rates of one prefix from one date are one too many.
_RATES = """
select format('tariff %s (%s), prefix %s', t.i_tariff, t.name, d.prefix), 'one rate from a date',
       format('rates %s from %s', string_agg(r.i_rate::text, ', ' order by r.i_rate), r.effective_from)
from rates r join destinations d using (i_dest) join tariffs t using (i_tariff)
group by t.i_tariff, t.name, d.prefix, r.effective_from having count(*) > 1
"""
#: Where phases overlap the lower sort_order holds: two of one order and one period have no lower one.
_PHASES = """
select format('access policy %s (%s)', p.i_access_policy, p.name), 'one phase of a period and an order',
       format('phases %s: %s, order %s', string_agg(f.i_access_policy_phase::text, ', ' order by f.i_access_policy_phase), f.period, f.sort_order)
from access_policy_phases f join access_policies p using (i_access_policy)
group by p.i_access_policy, p.name, f.period, f.sort_order having count(distinct f.level) > 1
"""
#: The same add-on twice at a time.
_ADDONS = """
select format('account %s (environment %s), add-on product %s', a.id, a.i_env, x.i_product), format('ends before add-on %s', y.i_account_addon),
       format('add-on %s goes on until %s', x.i_account_addon, coalesce(x.addon_effective_to::text, 'ever'))
from account_addons x
join account_addons y on y.i_account = x.i_account and y.i_product = x.i_product and y.i_account_addon <> x.i_account_addon
    and (y.addon_effective_from, y.i_account_addon) > (x.addon_effective_from, x.i_account_addon)
    and y.addon_effective_from < coalesce(x.addon_effective_to, 'infinity')
join accounts a on a.i_account = x.i_account
"""
#: An address that a session has and that is another account's own, and one that two pools have (a lease in force of the one is free in the other).
_LEASES = """
select format('address %s (environment %s)', host(l.address), l.i_env), format('of account %s alone, whose static address it is', v.i_account),
       format('leased to account %s by session %s', l.i_account, l.session_key)
from ip_leases l join service_attribute_values v on v.i_env = l.i_env and v.i_attribute = 3 and v.i_account is not null and v.value[1] = host(l.address)
where l.session_key is not null and l.until > now() and v.i_account <> l.i_account
union all
select format('pool %s (%s)', p.i_ip_pool, p.name), 'addresses of its own', format('%s to %s are in pool %s too', r ->> 'first', r ->> 'last', q.i_ip_pool)
from ip_pools p, jsonb_array_elements(p.ranges) r, ip_pools q, jsonb_array_elements(q.ranges) s
where q.i_env = p.i_env and q.i_ip_pool > p.i_ip_pool
  and (r ->> 'first')::inet <= (s ->> 'last')::inet and (s ->> 'first')::inet <= (r ->> 'last')::inet
"""
#: File n of an export begins where file n - 1 ends.
_EXPORTS = """
select format('export %s (environment %s)', e.name, e.i_env), 'files from 1 without gaps', format('%s files, the last is number %s', count(*), max(f.number))
from xdr_exports e join xdr_export_files f using (i_export) group by e.i_export, e.name, e.i_env having count(*) <> max(f.number)
"""

#: As `audit.LAWS`.
OVERLAPS = (
    ("rates of a tariff: one a prefix and date", "rates", _RATES),
    ("phases of an access policy: one a period and order", "access_policy_phases", _PHASES),
    ("add-ons of an account: none twice at a time", "account_addons", _ADDONS),
    ("addresses: one owner at a time", "ip_leases", _LEASES),
    ("files of exports: numbered without gaps", "xdr_exports", _EXPORTS),
)
