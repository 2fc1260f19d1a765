"""
The clock's part in what sessions wait for (`billing.final_units`): a counter or budget began a new period, a wallet or add-on begins. No transaction does that:
decisions have it so from that moment on, and this job asks for the sessions that wait since before it.

It is the net too for what is freed where nobody could know of those who wait: by another session of the account that ended at another process, and had not used
all that it was granted.
The sessions that wait are gone through in the order of their index, some at a time, with a rest between: of very many that wait a pass takes minutes.
Nothing is remembered between passes: a session whose last answer, and whose last Re-Auth, are older than the moment has not been told.

Money of resellers is no part of what a commit relies on, and servers know it by the second: whoever was refused by what was, while a payment was
being committed or its news was on the way, is asked a second time, RELIEF seconds behind the commit.
"""

from __future__ import annotations

from typing import Final

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.metrics import Counter
from portaswitch.model.session_task import TaskKind, Wish
from portaswitch.store.pool import Pool
from portaswitch.store.session_tasks import wish

TURNED: Final = Counter(
    "portaswitch_waiting_sessions_total", "Sessions asked to ask again because a period, a wallet or an add-on began, or once more behind a reseller's payment"
)
RELIEF: Final = 10
PAGE: Final = 100
"""Sessions that one statement looks at; all of one account are together."""

#: The last moment that gave a session more: behind its last answer and not in the future. A beneficiary draws on its payer's (`purse`).
#: By the index of those that wait, whatever the statistics say: its order is asked for, and nothing is joined before. First of all where the page ends.
WAITING: Final = f"""
with waiting as materialized (
    select session_key, i_env, i_node, i_account, i_customer, updated from sessions
    where final and (i_customer, i_account) > (%(customer)s, %(account)s) order by i_customer, i_account fetch first {PAGE} rows with ties)
select null, null, null, i_account, i_customer from (select i_customer, i_account from waiting order by i_customer desc, i_account desc limit 1) l
union all
select s.session_key, s.i_env, s.i_node, s.i_account, null
from waiting s join nodes n using (i_node) join accounts o on o.i_account = s.i_account
cross join lateral (select coalesce(o.i_payer, o.i_account) as i_account) purse cross join lateral (
    select max(m.at) as at from (
        select unnest(array[v.period_start, v.period_end]) from vd_counters v where v.i_account = purse.i_account
        union all select unnest(array[v.period_start, v.period_end]) from vd_counters v where v.i_customer = s.i_customer and v.i_account is null
        union all select w.activated from service_wallets w where w.i_account = purse.i_account and w.balance > w.held and w.expires > now()
        union all select d.addon_effective_from from account_addons d
            where d.i_account in (s.i_account, purse.i_account) and (d.addon_effective_to is null or d.addon_effective_to > now())
        union all select c.updated from sessions_closed c where c.closed >= s.updated and c.i_account = any (array(
                select purse.i_account union all select b.i_account from accounts b where b.i_payer = purse.i_account))
            and exists (select from json_array_elements(c.state::json -> 'q') q where (q ->> 'g')::bigint > (q ->> 'u')::bigint)
    ) m (at) where m.at > s.updated and m.at <= now()) turn
where turn.at is not null and coalesce(n.origin_host, n.origin_realm) is not null
  and not exists (select from session_tasks t where t.session_key = s.session_key and t.session_key <> '' and t.kind = 'rar'
                  and (t.status = 'pending' or t.created >= turn.at))
"""
#: Rows of committed changes are marked, and used up by a later pass.
RELIEVED: Final = f"""
with told as (delete from relieved_customers where seen < now() - interval '{RELIEF} seconds' returning i_customer),
marked as (update relieved_customers set seen = now() where seen is null)
select reauthorize(array_agg(i_customer), array_agg(null::bigint), array_agg(false)) from told having count(*) > 0
"""


async def ask_turned(pool: Pool, rest: Rest = at_once) -> None:
    """One pass: ask for the sessions that wait since before something began."""
    customer, account = 0, 0
    while True:
        last, *rows = await pool.query(WAITING, {"customer": customer, "account": account}) or (None,)
        if rows:
            await wish(pool, [Wish(TaskKind.RAR, i_env, i_node, key, i_account) for key, i_env, i_node, i_account, _ in rows])
            TURNED.inc(by=len(rows))
        if last is None or not await rest():
            return
        account, customer = last[3:]


async def ask_relieved(pool: Pool) -> None:
    """Ask once more for those below resellers that something was better for."""
    for (asked,) in await pool.query(RELIEVED):
        TURNED.inc(by=asked)
