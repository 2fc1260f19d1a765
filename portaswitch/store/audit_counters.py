"""Laws of the audit about counters and wallets: what is held of them is held by sessions (DESIGN.md 3.3)."""

from __future__ import annotations

#: What sessions hold: by customer, account whose it is (0: the customer's own counter), source, number and level of the day.
_HOLDS = """
    select s.i_customer, case when (t ->> 'sh')::boolean then 0 else coalesce(a.i_payer, a.i_account) end i_account, t ->> 's' source,
           (t ->> 'i')::bigint number, coalesce((t ->> 'lv')::int, 0) peak_level, sum((t ->> 'u')::numeric) amount
    from sessions s join accounts a using (i_account), json_array_elements(s.state::json -> 'q') q, json_array_elements(q -> 'h') t
    where t ->> 's' <> 'money' group by 1, 2, 3, 4, 5
"""
_COUNTERS_HELD = f"""
with held as ({_HOLDS})
select format('counter %s', v.i_vd_counter), coalesce(h.amount, 0)::text, v.held::text
from vd_counters v left join held h on h.source = 'counter' and h.i_customer = v.i_customer and h.i_account = coalesce(v.i_account, 0)
    and h.number = coalesce(v.i_vd_dg, 0) and h.peak_level = v.peak_level
where v.held <> coalesce(h.amount, 0)
"""
_WALLETS_HELD = f"""
with held as ({_HOLDS})
select format('wallet %s', w.i_service_wallet), coalesce(h.amount, 0)::text, w.held::text
from service_wallets w left join held h on h.source = 'wallet' and h.number = w.i_service_wallet where w.held <> coalesce(h.amount, 0)
union all
select format('balance of wallet %s', i_service_wallet), '0 or more', balance::text from service_wallets where balance < 0
"""

#: As `audit.LAWS`.
COUNTERS = (
    ("held of counters = holds of sessions", "vd_counters", _COUNTERS_HELD),
    ("held of wallets = holds of sessions, and none is overdrawn", "service_wallets", _WALLETS_HELD),
)
