"""
First and last use of accounts, from their xDRs: a job follows the ids, so that no charge pays for it.

An xDR may be committed after one of a higher id. So a pass goes up to the newest id that was given out when the pass before ended, and to no later one: whoever
had an id then has ended since, as a charge has two seconds. The last use is written when it is an hour newer than what is there: it is right to the hour, and
a busy account costs one update an hour. Where the life of the account depends on it the revision rises too, so that no server decides on the dates before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.metrics import Counter
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

DATED = Counter("portaswitch_accounts_dated_total", "First and last uses of accounts that were written")

READER: Final = "usage"
PAGE: Final = 300
"""Ids of one transaction: the rows of accounts that it locks are locked for some milliseconds."""
PAGES: Final = 3000
"""Pages of one pass: what is left waits for the next one."""

#: Several processes may want to; one does it.
BOUNDS: Final = "select last_id, safe_id from xdr_readers where name = %s and safe_at < now() - interval '10 seconds' for update skip locked"
#: Accounts are locked in their order, as charges do (DESIGN.md 3.7).
DATE: Final = """
with used as (
    select i_account, min(connect_time) as first, max(disconnect_time) as last from xdr
    where id > %(low)s and id <= %(high)s and storage = 'a' and not failed and i_account is not null group by i_account),
due as (
    select a.i_account, u.first, u.last from accounts a join used u using (i_account)
    where a.first_usage is null or u.first < a.first_usage or a.last_usage is null or u.last >= a.last_usage + interval '1 hour'
    order by a.i_account for no key update of a)
update accounts t set first_usage = least(t.first_usage, due.first), last_usage = greatest(t.last_usage, due.last),
    revision = t.revision + (t.life_time is not null or t.inactivity_days is not null)::int
from due where t.i_account = due.i_account
"""
MOVE: Final = "update xdr_readers set last_id = %(high)s where name = %(name)s"
#: What is given out now will be over when the next pass begins. By the condition another process, which may be at it, is not overtaken.
END: Final = """
update xdr_readers set safe_id = (select case when is_called then last_value else 0 end from xdr_id), safe_at = now()
where name = %s and last_id >= safe_id and safe_at < now() - interval '10 seconds'
"""


async def date_accounts(pool: Pool, rest: Rest = at_once) -> int:
    """One pass; gives how many accounts it wrote."""
    written = await follow(pool, rest, READER, DATE)
    DATED.inc(by=written)
    return written


async def follow(pool: Pool, rest: Rest, reader: str, statement: str, **values: object) -> int:
    """One pass of a reader: `statement` for the next ids, `low` (without) to `high`; gives how many rows it wrote."""
    written = 0
    for _ in range(PAGES):
        found = await pool.transaction(lambda cursor: _page(cursor, reader, statement, values))
        if found is None:
            break
        written += found
        if not await rest():
            return written
    else:
        return written
    await pool.query(END, (reader,))
    return written


async def _page(cursor: Cursor, reader: str, statement: str, values: Mapping[str, object]) -> int | None:
    """The next ids; None where there are none, or another process is at it."""
    bounds = await cursor.query(BOUNDS, (reader,))
    if not bounds or bounds[0][0] >= bounds[0][1]:
        return None
    last, safe = bounds[0]
    places = {**values, "low": last, "high": min(last + PAGE, safe), "name": reader}
    await cursor.execute(statement, places)
    written = cursor.rowcount
    await cursor.execute(MOVE, places)
    return written
