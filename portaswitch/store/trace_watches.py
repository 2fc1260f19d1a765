"""The table of watches: whom detail is traced for. Few rows, read whole by every process at a notice (channel `trace`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
from twisted.logger import Logger

from portaswitch.store.pool import Pool
from portaswitch.trace.tracer import Tracer
from portaswitch.trace.watch import Watch

CHANNEL = "trace"
#: The seconds left are reckoned where the time is from: a process' wall clock may be another.
LIVE = """
select i_watch, i_env, kind, name, extract(epoch from until - clock_timestamp())::float8, names, coalesce(i_node, 0),
       array(select host(a) from unnest(addresses) a)
from trace_watches where until > clock_timestamp() order by i_watch
"""
LIST = """
select i_watch, kind, name, until, created_by, created from trace_watches where i_env = %s and until > now() order by until, i_watch
"""
PUT = """
insert into trace_watches (i_env, kind, name, names, i_node, addresses, until, created_by)
values (%(i_env)s, %(kind)s, %(name)s, %(names)s, %(i_node)s, %(addresses)s::inet[], now() + make_interval(secs => %(seconds)s), %(by)s)
on conflict (i_env, kind, name) do update
set names = excluded.names, i_node = excluded.i_node, addresses = excluded.addresses, until = excluded.until, created_by = excluded.created_by, created = now()
returning until
"""
OFF = """
delete from trace_watches where i_env = %(i_env)s and (%(kind)s = '' or (kind = %(kind)s and name = %(name)s)) and until > now()
returning kind, name
"""
SPENT = "delete from trace_watches where until < now()"

_log = Logger()


@dataclass(frozen=True, slots=True)
class WatchLine:
    """A watch as a list shows it."""

    i_watch: int
    kind: str
    name: str
    until: datetime
    created_by: str
    created: datetime


async def read_watches(pool: Pool, tracer: Tracer) -> None:
    """Let `tracer` watch what the table says. Without a database it goes on with what it has, which ends by itself."""
    try:
        rows = await pool.query(LIVE)
    except psycopg2.Error as error:
        _log.warn("the watches of the trace could not be read: {error}", error=str(error).strip())
        return
    tracer.watch([_watch(row) for row in rows])


def _watch(row: tuple[Any, ...]) -> Watch:
    i_watch, i_env, kind, name, seconds, names, i_node, addresses = row
    return Watch(i_watch, i_env, kind, name, float(seconds), tuple(names), i_node, tuple(addresses))


async def watches(pool: Pool, i_env: int) -> list[WatchLine]:
    """The watches of an environment that last, the first to end first."""
    return [WatchLine(*row) for row in await pool.query(LIST, (i_env,))]


async def put_watch(pool: Pool, i_env: int, watch: Watch, by: str) -> datetime:
    """Switch a watch on, or give one that is on another end; gives the end. Those that are over are forgotten."""
    await pool.execute(SPENT)
    values = {
        "i_env": i_env, "kind": watch.kind, "name": watch.name, "names": list(watch.names), "i_node": watch.i_node or None,
        "addresses": list(watch.addresses), "seconds": watch.seconds, "by": by,
    }  # fmt: skip
    ((until,),) = await pool.query(PUT, values)
    assert isinstance(until, datetime)
    return until


async def end_watch(pool: Pool, i_env: int, kind: str = "", name: str = "") -> list[tuple[str, str]]:
    """End a watch, or without a kind all of the environment; gives kind and name of those that ended."""
    return list(await pool.query(OFF, {"i_env": i_env, "kind": kind, "name": name}))
