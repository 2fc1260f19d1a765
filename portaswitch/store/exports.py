"""
Exports of xDRs: which ones file n of an export holds, and their rows as a stream.

A file takes xDRs by two bounds, the greatest id and the end of the bill time, less what the bounds of the file before took. Ids are given before the commit, so
an id is a bound only when whoever may have taken one up to it is over (`settled_id`): what commits later has a greater id and comes with the next file,
whatever its bill time is. Nothing is lost and nothing comes twice; and since an xDR never changes, a file that was begun is made again by its bounds.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portaswitch.model.actor import Actor
from portaswitch.store.audit_trail import note, record
from portaswitch.store.pool import Cursor, Pool
from portaswitch.store.transaction import Row

#: The xDR's fields in the order of Appendix D of the guide (tests/spec/xdr.yaml), under their printed names.
FIELDS = (
    "id", "i_env", "h323_conf_id", "call_id", "CLI", "CLD", "setup_time", "connect_time", "disconnect_time", "bill_time", "disconnect_cause", "voice_quality",
    "used_quantity", "account_id", "i_account", "i_dest", "i_dest_group", "i_tariff", "i_rate", "charged_quantity", "charged_amount", "history", "peak_level",
    "i_vendor", "i_service", "i_accessibility", "i_customer", "h323_incoming_conf_id", "rating_pattern", "subscriber_ip", "split_order", "billing_model",
    "i_invoice", "revenue",
)  # fmt: skip
TIMES = frozenset(("connect_time", "disconnect_time", "bill_time"))
SECONDS = "YYYY-MM-DD HH24:MI:SS"
#: Conditions that a filter may set, by column.
CONDITIONS = ("i_account", "i_customer", "i_service", "i_node", "failed")
#: Rows fetched at once.
PAGE = 2000
#: The class of the advisory locks of exports: "xdr".
LOCK = 0x786472
#: What may have taken an id of an xDR and not yet committed holds this lock on the table, or on one of its partitions, from before it takes one.
WRITERS = """
select virtualtransaction from pg_locks
where locktype = 'relation' and mode = 'RowExclusiveLock' and pid is distinct from pg_backend_pid()
  and database = (select oid from pg_database where datname = current_database()) and relation in (select relid from pg_partition_tree('xdr'))
"""
#: The part of the ids that old partitions hold is known to their indexes; ranges of pages that nobody has summed up yet are read whole.
SUMMARIZE = """
select brin_summarize_new_values(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
where m.amname = 'brin' and c.relkind = 'i' and i.indrelid in (select relid from pg_partition_tree('xdr'))
"""
NAMED = "select i_export, filter from xdr_exports where i_env = %s and name = %s"
PLAN = "insert into xdr_export_files (i_export, number, last_id, until) values (%s, %s, %s, coalesce(%s, 'infinity'::timestamptz))"
FINISH = """
update xdr_export_files set written = now(), row_count = %s, first_xdr = %s, last_xdr = %s, sums = %s, sha256 = %s where i_export = %s and number = %s
"""
FILES = """
select number, last_id, nullif(until, 'infinity'), written, row_count, first_xdr, last_xdr, sums, sha256
from xdr_export_files where i_export = %s and number = any (%s)
"""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Export:
    """An export by its name: `filter` holds columns of `CONDITIONS`, `storage` (letters), `since` (text of a time) and `raw`, where they are not as usual."""

    i_export: int
    i_env: int
    name: str
    filter: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """xDRs up to `last_id` with a bill time before `until` (None: any)."""

    last_id: int
    until: datetime | None


NOTHING = Bounds(0, None)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: rows, the least and greatest id, sums by currency (digits), and the SHA-256 of its octets in hexadecimal."""

    rows: int
    first_xdr: int
    last_xdr: int
    sums: Mapping[str, str]
    sha256: str


@dataclass(frozen=True, slots=True)
class File:
    """File `number` of an export: the bounds of the one before and its own; `content` None: it is not finished."""

    number: int
    low: Bounds
    high: Bounds
    content: Content | None = None


# -- what there is ---------------------------------------------------------------------------------------------------------------------------------


async def named(pool: Pool, i_env: int, name: str, given: Mapping[str, Any]) -> Export:
    """The export of that name; a new one has the filter `given`."""
    await pool.execute("insert into xdr_exports (i_env, name, filter) values (%s, %s, %s) on conflict do nothing", (i_env, name, json.dumps(given)))
    ((i_export, kept),) = await pool.query(NAMED, (i_env, name))
    return Export(i_export, i_env, name, kept)


async def exists(pool: Pool, i_env: int, name: str) -> bool:
    """Whether there is an export of that name."""
    return bool(await pool.query(NAMED, (i_env, name)))


async def alone(cursor: Cursor, export: Export) -> bool:
    """Keep others from this export to the end of the transaction; False while another one runs."""
    ((mine,),) = await cursor.query("select pg_try_advisory_xact_lock(%s, %s::int)", (LOCK, export.i_export))
    return bool(mine)


async def last_number(pool: Pool, export: Export) -> int:
    """The number of the last file, finished or not; 0: none."""
    ((number,),) = await pool.query("select coalesce(max(number), 0) from xdr_export_files where i_export = %s", (export.i_export,))
    return int(number)


async def file(pool: Pool, export: Export, number: int) -> File | None:
    """One file by its number."""
    rows = {row[0]: row for row in await pool.query(FILES, (export.i_export, [number - 1, number]))}
    if number not in rows:
        return None
    _, last_id, until, written, *content = rows[number]
    return File(number, _bounds(rows.get(number - 1)), Bounds(last_id, until), Content(*content) if written is not None else None)


def _bounds(row: Row | None) -> Bounds:
    return NOTHING if row is None else Bounds(row[1], row[2])


async def settled_id(pool: Pool, sleep: Sleep, tell: Callable[[int], None]) -> int:
    """
    The last id that was given, when all who may have taken it or one before it are over; `tell` is called with how many are waited for.

    Only who writes xDRs at this moment is waited for, and nobody is kept from writing.
    """
    ((last,),) = await pool.query("select last_value - (not is_called)::int from xdr_id")
    waited = {name for (name,) in await pool.query(WRITERS)}
    while waited:
        tell(len(waited))
        await sleep(0.05)
        waited &= {name for (name,) in await pool.query(WRITERS)}
    return int(last)


async def plan(pool: Pool, export: Export, number: int, high: Bounds) -> None:
    """Note the bounds of a new file, before anything is written."""
    values = (export.i_export, number, high.last_id, high.until)
    await pool.execute(PLAN, values)


async def finish(pool: Pool, actor: Actor, export: Export, number: int, content: Content) -> None:
    """Note that a file is written, in the audit too; one without rows is forgotten, and its number free."""
    if not content.rows:
        await pool.execute("delete from xdr_export_files where i_export = %s and number = %s", (export.i_export, number))
        return
    values = (content.rows, content.first_xdr, content.last_xdr, json.dumps(dict(content.sums)), content.sha256, export.i_export, number)

    async def body(cursor: Cursor) -> None:
        await cursor.execute(FINISH, values)
        await note(cursor, actor, "xdr.export", f"export:{export.name}", None, _told(number, content))

    await pool.transaction(body)


async def repeated(pool: Pool, actor: Actor, export: Export, number: int, content: Content) -> None:
    """Note in the audit that a file was written once more."""
    await record(pool, actor, "xdr.export", f"export:{export.name}", {**_told(number, content), "again": True})


def _told(number: int, content: Content) -> dict[str, Any]:
    return {"file": number, "rows": content.rows, "sums": dict(content.sums), "sha256": content.sha256}


async def currencies(pool: Pool) -> dict[int | None, str]:
    """The currency of each tariff: the one of every party that it charges."""
    return dict(await pool.query("select i_tariff, currency from tariffs"))


# -- the rows --------------------------------------------------------------------------------------------------------------------------------------


async def rows(cursor: Cursor, export: Export, of: File) -> AsyncIterator[list[Row]]:
    """The rows of a file by id, in pages: the fields of `FIELDS`, times as text in UTC. The database keeps the rest (a cursor)."""
    sql, values = statement(export, of)
    # The sort may take what it needs: it is of one file; and all rows are wanted, not the first ones soon.
    await cursor.execute("set local statement_timeout = 0; set local cursor_tuple_fraction = 1")
    await cursor.execute(f"declare exported no scroll cursor for {sql}", values)
    while page := await cursor.query(f"fetch {PAGE} from exported"):
        yield page
    await cursor.execute("close exported")


def statement(export: Export, of: File) -> tuple[str, dict[str, Any]]:
    """The query of a file and its parameters: in the bounds, and not in those before; two parts, each of which an index or the partitions lead to."""
    wanted, values = _conditions(export)
    values |= {"low": of.low.last_id, "high": of.high.last_id, "before": of.low.until, "until": of.high.until}
    fields = ", ".join(f"to_char({name} at time zone 'UTC', '{SECONDS}') {name}" if name in TIMES else name for name in FIELDS)
    head = f"select {fields} from xdr where {wanted} and id <= %(high)s"
    until = "" if of.high.until is None else " and bill_time < %(until)s"
    if of.low.until is None or of.low.until == of.high.until:
        return f"{head} and id > %(low)s{until} order by id", values
    late, later = f"{head} and id > %(low)s and bill_time < %(before)s", f"{head} and bill_time >= %(before)s{until}"
    return f"{late} union all {later} order by id", values


def _conditions(export: Export) -> tuple[str, dict[str, Any]]:
    kept = export.filter
    values: dict[str, Any] = {"i_env": export.i_env, "storage": list(kept.get("storage", "a")), "failed": False}
    conditions = ['i_env = %(i_env)s and storage = any (%(storage)s::"char"[]) and failed = %(failed)s']
    for name in CONDITIONS:
        if name in kept:
            values[name] = kept[name]
            conditions += [] if name == "failed" else [f"{name} = %({name})s"]
    if "since" in kept:
        values["since"] = kept["since"]
        conditions.append("bill_time >= %(since)s::timestamptz")
    return " and ".join(conditions), values
