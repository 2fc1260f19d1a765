"""
Work on tables of any size, some pages at a time: no statement has a CPU for long, and between two of them the database is left to the requests.

    a page > rest > the next page > ... > the end of the table, or of the server

A page of a table is a range of its blocks (`ctid`), which needs no index, so that no charge has to keep one for a job; or as many rows of an index as are asked
for, behind the last row of the page before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from twisted.internet.task import deferLater

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Row

#: Blocks of a range: some thousand sessions, some milliseconds.
BLOCKS: Final = 200
#: Rows that one statement removes.
GONE: Final = 1000
#: How many blocks there are; PostgreSQL gives it from the file's length.
SIZE: Final = "select pg_relation_size(%s::regclass) / current_setting('block_size')::int"


def paced(clock: Any) -> Rest:
    """Rests for work that is no job: four times as long as the page before took, from this call on."""
    since = clock.seconds()

    async def rest() -> bool:
        nonlocal since
        await deferLater(clock, 4 * (clock.seconds() - since))
        since = clock.seconds()
        return True

    return rest


async def ranges(pool: Pool, table: str, rest: Rest = at_once, blocks: int = BLOCKS) -> AsyncIterator[Mapping[str, Any]]:
    """The table in ranges: `low` (with) and `high` (without) for `ctid >= %(low)s::tid and ctid < %(high)s::tid`. What is added meanwhile is not in them."""
    ((size,),) = await pool.query(SIZE, (table,))
    for first in range(0, size, blocks):
        if first and not await rest():
            return
        yield span(first, blocks)


def span(first: int, blocks: int) -> Mapping[str, Any]:
    """The range from that block on."""
    return {"low": f"({first},0)", "high": f"({first + blocks},0)"}


async def found(
    pool: Pool, table: str, statement: str, values: Mapping[str, object], rest: Rest = at_once, blocks: int = BLOCKS
) -> AsyncIterator[list[Row]]:
    """What a statement finds in each range of a table (`ranges`)."""
    async for part in ranges(pool, table, rest, blocks):
        yield await pool.query(statement, {**values, **part})


async def remove(pool: Pool, statement: str, values: tuple[object, ...] = (), rest: Rest = at_once) -> int:
    """Remove by a statement as `removal` makes it until nothing is left for it; gives how many rows."""
    gone = 0
    while True:
        ((count,),) = await pool.query(statement, values)
        gone += int(count)
        if count < GONE or not await rest():
            return gone


def removal(table: str, condition: str, order: str) -> str:
    """A statement that removes a page of such rows of `table` (t), found in that order, which an index has, and gives how many there were."""
    return (
        f"with gone as (delete from {table} where ctid = any (array(select t.ctid from {table} t where {condition} order by {order} limit {GONE} "
        "for update skip locked)) returning 1) select count(*) from gone"
    )
