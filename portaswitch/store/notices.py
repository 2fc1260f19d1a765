"""
`INotices` on PostgreSQL: what subscribers are to be told of is found in the rows that charges and payments leave, so that no charge pays for it.

    quota    counters that have passed notify_percent in their period (vd_counters.notified); those that a customer shares are nobody's
    balance  debit accounts below the low balance, of those that new xDRs are of (as `usage_dates`); again when they have been above it
    topup    payments in favour of an account, of the last hour at most

An occasion is a row, unique by what it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.messages import INotices
from portaswitch.model.message import Notice, Occasion
from portaswitch.store.pool import Pool
from portaswitch.store.usage_dates import follow

READER: Final = "notices"
#: Occasions that one statement writes.
PAGE: Final = 500

QUOTA: Final = f"""
insert into notices (kind, ref, period, i_env, account, told)
select 'quota', v.i_vd_counter, v.period_start, a.i_env, a.id, jsonb_build_object('percent', g.notify_percent::text, 'plan', p.name)
from vd_counters v join accounts a on a.i_account = v.i_account join vd_dgs g on g.i_vd_dg = v.i_vd_dg join vd_plans p on p.i_vd_plan = g.i_vd_plan
where (v.exceeded or v.notified) and v.notified and v.period_end > now()
    and not exists (select from notices n where n.kind = 'quota' and n.ref = v.i_vd_counter and n.period = v.period_start)
limit {PAGE} on conflict do nothing
"""
TOPUP: Final = f"""
insert into notices (kind, ref, i_env, account, told)
select 'topup', p.i_payment, a.i_env, a.id,
    jsonb_build_object('amount', round(p.amount, 2)::text, 'currency', p.currency, 'balance', round(a.balance, 2)::text)
from payments p join accounts a on a.i_account = p.i_account
where p.paid_at > now() - interval '1 hour' and p.amount > 0 and p.action in ('manual_payment', 'ecommerce_payment', 'voucher')
    and not exists (select from notices n where n.kind = 'topup' and n.ref = p.i_payment and n.period = 'epoch')
limit {PAGE} on conflict do nothing
"""
#: Whoever has enough again may be told again.
ENOUGH: Final = "delete from notices n using accounts a where n.kind = 'balance' and n.sent is not null and a.i_account = n.ref and a.balance >= %s"
#: Of the time before the first pass nobody is told.
BEGIN: Final = """
insert into xdr_readers (name, last_id, safe_id) select %s, n, n from (select case when is_called then last_value else 0 end as n from xdr_id) s
on conflict do nothing
"""
BALANCE: Final = """
insert into notices (kind, ref, i_env, account, told)
select 'balance', a.i_account, a.i_env, a.id, jsonb_build_object('balance', round(a.balance, 2)::text, 'currency', a.currency)
from (select distinct x.i_account from xdr x where x.id > %(low)s and x.id <= %(high)s and x.storage = 'a' and x.charged_amount > 0) u
    join accounts b on b.i_account = u.i_account join accounts a on a.i_account = coalesce(b.i_payer, b.i_account)
where a.billing_model = -1 and a.balance < %(least)s
on conflict do nothing
"""
UNSENT: Final = "select i_notice, kind, i_env, account, told from notices where sent is null order by i_notice limit %s"
SENT: Final = "update notices set sent = now() where i_notice = any(%s)"
#: A payment is not looked at for longer than an hour; a counter's period is over when it is not marked any more, or in another period.
PURGE: Final = """
delete from notices n where n.sent < now() - interval '1 day' and (n.kind = 'topup' or (n.kind = 'quota' and not exists (
    select from vd_counters v where v.i_vd_counter = n.ref and v.period_start = n.period and v.notified)))
"""


@implementer(INotices)
class NoticeTable:
    """The table `notices` with the connections of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def notice(self, occasions: Collection[Occasion], low: Decimal) -> Deferred[None]:
        """See `INotices.notice`."""
        return Deferred.fromCoroutine(self._notice(occasions, low))

    async def _notice(self, occasions: Collection[Occasion], low: Decimal) -> None:
        if Occasion.QUOTA in occasions:
            await self._pool.execute(QUOTA)
        if Occasion.TOPUP in occasions:
            await self._pool.execute(TOPUP)
        if Occasion.BALANCE in occasions:
            await self._pool.execute(ENOUGH, (low,))
            await self._pool.execute(BEGIN, (READER,))
            await follow(self._pool, READER, BALANCE, least=low)

    def unsent(self, limit: int) -> Deferred[list[Notice]]:
        """See `INotices.unsent`."""
        return self._pool.query(UNSENT, (limit,)).addCallback(_notices)

    def sent(self, notices: Sequence[Notice]) -> Deferred[None]:
        """See `INotices.sent`."""
        return self._pool.execute(SENT, ([notice.i_notice for notice in notices],))

    def purge(self) -> Deferred[None]:
        """See `INotices.purge`."""
        return self._pool.execute(PURGE)


def _notices(rows: list[tuple[Any, ...]]) -> list[Notice]:
    return [Notice(number, Occasion(kind), i_env, account, told) for number, kind, i_env, account, told in rows]
