"""Partitions by day: made ahead, and dropped where what they hold has had its time (schema/functions/partitions.sql)."""

from __future__ import annotations

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.store.pages import ranges
from portaswitch.store.pool import Pool

#: Days that partitions are made ahead; more would only be looked through in vain.
AHEAD = 2
#: Days for which a closed session takes late and repeated reports (DESIGN.md 3.5).
CLOSED_SESSIONS = 7
#: Days for which an operation may be repeated under its key.
OPERATION_KEYS = 30
OLD_KEYS = "delete from operation_keys where ctid >= %(low)s::tid and ctid < %(high)s::tid and at < now() - make_interval(days => %(days)s)"


async def keep_partitions(pool: Pool, rest: Rest = at_once) -> None:
    """One pass of the job: make what is missing, drop closed sessions and keys of operations that are past their days. xDRs stay."""
    await pool.query(f"select make_partitions(1, {AHEAD})")
    await pool.query(f"select drop_partitions('sessions_closed', now() - interval '{CLOSED_SESSIONS} days')")
    async for part in ranges(pool, "operation_keys", rest):
        await pool.execute(OLD_KEYS, {**part, "days": OPERATION_KEYS})
