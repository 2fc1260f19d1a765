"""
Counters that nobody meets begin their next period by a job, so that what was exceeded is available again and told so (`vd_counters.exceeded`).

Only those that told something are looked for; all others begin anew in the decision that meets them (`billing.periods`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portaswitch.billing import periods
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import Counter, Item
from portaswitch.store.pool import Pool

PAGE = 1000
ENDED = f"""
select v.i_vd_counter, v.i_account, v.i_vd_dg, v.peak_level, v.used, v.held, v.carried, v.period_start, v.period_end, c.timezone,
    coalesce(d.i_billing_period, 4)
from vd_counters v join customers c using (i_customer) left join customer_details d using (i_customer)
where (v.exceeded or v.notified) and v.period_end <= %s order by v.period_end limit {PAGE}
"""
#: A charge may have begun the next period meanwhile.
BEGIN = """
with begun as (
    update vd_counters set used = 0, carried = %s, period_start = %s, period_end = coalesce(%s, 'infinity'), exceeded = false, notified = false
    where i_vd_counter = %s and period_start = %s returning i_account, i_customer)
select notify_subscriber(case when i_account is null then 'c:' || i_customer else 'a:' || i_account end) from begun
"""


async def begin_periods(pool: Pool, catalogue: Catalogue, now: datetime) -> None:
    """Begin the next period of counters that told something in one that is over at `now`."""
    items = {item.i_vd_dg: item for plan in catalogue.discount_plans.values() for item in plan.items}
    for row in await pool.query(ENDED, (now,)):
        item = items.get(row[2])
        if item is not None:
            await pool.query(BEGIN, _begun(item, row, now))


def _begun(item: Item, row: tuple[Any, ...], now: datetime) -> tuple[Any, ...]:
    number, i_account, i_vd_dg, level, used, held, carried, start, end, zone, billing_period = row
    key = SourceKey(Source.COUNTER, i_vd_dg, i_account is None, level)
    fresh = periods.current(item, key, Counter(key, used, held, carried, start, end, start), billing_period, now, zone, None)
    return fresh.carried, fresh.start, fresh.end, number, start
