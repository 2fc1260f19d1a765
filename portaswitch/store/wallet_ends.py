"""
Wallets by the clock: those that were used for the first time begin to last, expired ones are noticed, and which are due to be bought again.

Charges know nothing of this: a first use is seen by what is missing of the units that were bought, within a pass of the job, to the subscriber's advantage.
"""

from __future__ import annotations

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.store.pool import Pool

PAGE = 1000
#: Wallets that one statement writes, or looks at.
SOME = 200
#: Of the next ones that wait for their first use, behind `after`; gives where they end, null behind the last.
BEGIN = f"""
with part as materialized (
    select i_service_wallet from service_wallets where lasts is not null and i_service_wallet > %(after)s order by i_service_wallet limit {SOME}),
begun as (update service_wallets w set activated = now(), expires = now() + make_interval(secs => w.lasts), lasts = null,
    renewal_due = case when w.renew then now() + make_interval(secs => w.lasts) end
where w.i_service_wallet = any (array(
    select s.i_service_wallet from part join service_wallets s using (i_service_wallet) join vd_topups o using (i_vd_topup)
    where s.lasts is not null and s.balance < o.topup_amount and s.activated <= now() for no key update of s skip locked)))
select max(i_service_wallet) from part
"""
#: Of the last one with units the quota is exceeded.
END = f"""
with ended as (update service_wallets w set ended = true, exceeded = not exists (
    select 1 from service_wallets o where o.i_account = w.i_account and o.i_vd_dg = w.i_vd_dg and o.i_service_wallet <> w.i_service_wallet
      and o.balance > 0 and o.expires > now() and o.activated <= now())
where w.i_service_wallet = any (array(
    select i_service_wallet from service_wallets where not ended and expires <= now() order by expires limit {SOME} for no key update skip locked))
returning 1) select count(*) from ended
"""
DUE = f"""
select w.i_env, a.id, w.i_service_wallet from service_wallets w join accounts a using (i_account)
where w.renew and w.renewal_due <= now() order by w.renewal_due limit {PAGE}
"""

#: Environment, account and number of a wallet.
Due = tuple[int, str, int]


async def move_wallets(pool: Pool, rest: Rest = at_once) -> None:
    """Begin what was used for the first time, and end what has expired."""
    after: int | None = 0
    while after is not None:
        ((after,),) = await pool.query(BEGIN, {"after": after})
        if not await rest():
            return
    ended = SOME
    while ended == SOME and await rest():
        ((ended,),) = await pool.query(END)


async def due_wallets(pool: Pool) -> list[Due]:
    """The wallets that are to be bought again, the longest due first."""
    return [(i_env, account, wallet) for i_env, account, wallet in await pool.query(DUE)]
