"""
Wallets by the clock: those that were used for the first time begin to last, expired ones are noticed, and which are due to be bought again.

Charges know nothing of this: a first use is seen by what is missing of the units that were bought, within a pass of the job, to the subscriber's advantage.
"""

from __future__ import annotations

from portaswitch.store.pool import Pool

PAGE = 1000
BEGIN = f"""
update service_wallets w set activated = now(), expires = now() + make_interval(secs => w.lasts), lasts = null,
    renewal_due = case when w.renew then now() + make_interval(secs => w.lasts) end
where w.i_service_wallet in (
    select s.i_service_wallet from service_wallets s join vd_topups o using (i_vd_topup)
    where s.lasts is not null and s.balance < o.topup_amount and s.activated <= now() limit {PAGE} for no key update of s skip locked)
"""
#: Of the last one with units the quota is exceeded.
END = f"""
update service_wallets w set ended = true, exceeded = not exists (
    select 1 from service_wallets o where o.i_account = w.i_account and o.i_vd_dg = w.i_vd_dg and o.i_service_wallet <> w.i_service_wallet
      and o.balance > 0 and o.expires > now() and o.activated <= now())
where w.i_service_wallet in (
    select i_service_wallet from service_wallets where not ended and expires <= now() order by expires limit {PAGE} for no key update skip locked)
"""
DUE = f"""
select w.i_env, a.id, w.i_service_wallet from service_wallets w join accounts a using (i_account)
where w.renew and w.renewal_due <= now() order by w.renewal_due limit {PAGE}
"""

#: Environment, account and number of a wallet.
Due = tuple[int, str, int]


async def move_wallets(pool: Pool) -> None:
    """Begin what was used for the first time, and end what has expired."""
    await pool.execute(BEGIN)
    await pool.execute(END)


async def due_wallets(pool: Pool) -> list[Due]:
    """The wallets that are to be bought again, the longest due first."""
    return [(i_env, account, wallet) for i_env, account, wallet in await pool.query(DUE)]
