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
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.model.message import Notice, Occasion
from portaswitch.store.pool import Pool
from portaswitch.store.usage_dates import follow

READER: Final = "notices"
#: Rows that one statement looks at, and statements of one pass: what is left is looked at by the passes that follow, and then all over again.
PAGE: Final = 300
PAGES: Final = 10

# Each gives where the next page begins, null behind the last row.

QUOTA: Final = f"""
with part as materialized (
    select i_vd_counter, i_account, i_vd_dg, period_start, period_end from vd_counters
    where notified and i_vd_counter > coalesce(%(after)s::bigint, 0) order by i_vd_counter limit {PAGE}
), told as (
    insert into notices (kind, ref, period, i_env, account, told)
    select 'quota', v.i_vd_counter, v.period_start, a.i_env, a.id, jsonb_build_object('percent', g.notify_percent::text, 'plan', p.name)
    from part v join accounts a on a.i_account = v.i_account join vd_dgs g on g.i_vd_dg = v.i_vd_dg join vd_plans p on p.i_vd_plan = g.i_vd_plan
    where v.period_end > now()
        and (select n.i_notice from notices n where n.kind = 'quota' and n.ref = v.i_vd_counter and n.period = v.period_start) is null
    on conflict do nothing)
select max(i_vd_counter) from part having count(*) = {PAGE}
"""
#: By the time of payment, and of one time by number.
TOPUP: Final = f"""
with part as materialized (
    select i_payment, i_account, paid_at, amount, currency, action from payments
    where (paid_at, i_payment) > (greatest((%(after)s::text[])[1]::timestamptz, now() - interval '1 hour'), coalesce((%(after)s::text[])[2]::bigint, 0))
    order by paid_at, i_payment limit {PAGE}
), told as (
    insert into notices (kind, ref, i_env, account, told)
    select 'topup', p.i_payment, a.i_env, a.id,
        jsonb_build_object('amount', round(p.amount, 2)::text, 'currency', p.currency, 'balance', round(a.balance, 2)::text)
    from part p join accounts a on a.i_account = p.i_account
    where p.amount > 0 and p.action in ('manual_payment', 'ecommerce_payment', 'voucher')
        and (select n.i_notice from notices n where n.kind = 'topup' and n.ref = p.i_payment and n.period = 'epoch') is null
    on conflict do nothing)
select array[paid_at::text, i_payment::text] from part order by paid_at desc, i_payment desc limit (select (count(*) = {PAGE})::int from part)
"""
#: Whoever has enough again may be told again.
ENOUGH: Final = f"""
with part as materialized (
    select i_notice, kind, ref, sent from notices where i_notice > coalesce(%(after)s::bigint, 0) order by i_notice limit {PAGE}
), gone as (
    delete from notices n where n.i_notice = any (array(
        select p.i_notice from part p join accounts a on a.i_account = p.ref where p.kind = 'balance' and p.sent is not null and a.balance >= %(low)s)))
select max(i_notice) from part having count(*) = {PAGE}
"""
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
PURGE: Final = f"""
with part as materialized (
    select i_notice, kind, ref, period, sent from notices where i_notice > coalesce(%(after)s::bigint, 0) order by i_notice limit {PAGE}
), gone as (
    delete from notices n where n.i_notice = any (array(
        select p.i_notice from part p where p.sent < now() - interval '1 day' and (p.kind = 'topup' or (p.kind = 'quota' and (
            select v.i_vd_counter from vd_counters v where v.i_vd_counter = p.ref and v.period_start = p.period and v.notified) is null)))))
select max(i_notice) from part having count(*) = {PAGE}
"""


@implementer(INotices)
class NoticeTable:
    """The table `notices` with the connections of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._places: dict[str, Any] = {}

    def notice(self, occasions: Collection[Occasion], low: Decimal, rest: Rest = at_once) -> Deferred[None]:
        """See `INotices.notice`."""
        return Deferred.fromCoroutine(self._notice(occasions, low, rest))

    async def _notice(self, occasions: Collection[Occasion], low: Decimal, rest: Rest) -> None:
        if Occasion.QUOTA in occasions:
            await self._go_on(QUOTA, rest)
        if Occasion.TOPUP in occasions:
            await self._go_on(TOPUP, rest)
        if Occasion.BALANCE in occasions:
            await self._go_on(ENOUGH, rest, low=low)
            await self._pool.execute(BEGIN, (READER,))
            await follow(self._pool, rest, READER, BALANCE, least=low)

    async def _go_on(self, statement: str, rest: Rest, **values: object) -> None:
        """The next pages of a statement that goes round."""
        for _ in range(PAGES):
            rows = await self._pool.query(statement, {"after": self._places.get(statement), **values})
            self._places[statement] = rows[0][0] if rows else None
            if not rows or not await rest():
                return

    def unsent(self, limit: int) -> Deferred[list[Notice]]:
        """See `INotices.unsent`."""
        return self._pool.query(UNSENT, (limit,)).addCallback(_notices)

    def sent(self, notices: Sequence[Notice]) -> Deferred[None]:
        """See `INotices.sent`."""
        return self._pool.execute(SENT, ([notice.i_notice for notice in notices],))

    def purge(self, rest: Rest = at_once) -> Deferred[None]:
        """See `INotices.purge`."""
        return Deferred.fromCoroutine(self._go_on(PURGE, rest))


def _notices(rows: list[tuple[Any, ...]]) -> list[Notice]:
    return [Notice(number, Occasion(kind), i_env, account, told) for number, kind, i_env, account, told in rows]
