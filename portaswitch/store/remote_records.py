"""What vendors' systems were last told and confirmed, entity by entity (DESIGN.md 5.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred

from portaswitch.model.notification import Notification, Settled
from portaswitch.model.subscriber import Record
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

READ: Final = "select entity, coalesce(remote_id, ''), keys, state_hash from remote_records where i_handler = %s and entity = any (%s)"
#: `keys` @> any of {"imsi": ["..."]}: the index finds them.
HOLDERS: Final = """
select entity, coalesce(remote_id, ''), keys, state_hash from remote_records
where i_handler = %s and entity <> %s and keys @> any (%s::jsonb[])
"""
WRITE: Final = """
insert into remote_records (i_handler, entity, i_env, remote_id, keys, state_hash, i_event)
select g.i_handler, g.entity, g.i_env, nullif(g.remote_id, ''), g.keys, g.state_hash, nullif(g.i_event, 0)
from unnest(%s::int[], %s::text[], %s::int[], %s::text[], %s::jsonb[], %s::bytea[], %s::bigint[])
    g (i_handler, entity, i_env, remote_id, keys, state_hash, i_event)
on conflict (i_handler, entity) do update
set remote_id = excluded.remote_id, keys = excluded.keys, state_hash = excluded.state_hash, i_event = coalesce(excluded.i_event, remote_records.i_event),
    confirmed = now()
"""
#: An event without variables, which the handler takes for what it is: the snapshot says all.
DOUBT: Final = """
with doubted as (
    update remote_records set state_hash = null where i_handler = %(handler)s and entity = %(entity)s
), queued as (
    insert into event_queue (i_env, event_type, entity, variables) select %(env)s, %(type)s, %(entity)s, '{}'
    where not exists (select from event_notifications n where n.i_handler = %(handler)s and n.entity = %(entity)s and n.status = 'pending')
    returning i_event
)
insert into event_notifications (i_event, i_handler, entity, lane) select i_event, %(handler)s, %(entity)s, %(lane)s from queued
"""


def read_records(pool: Pool, i_handler: int, entities: Sequence[str]) -> Deferred[Mapping[str, Record]]:
    """See `IEvents.records`."""
    return pool.query(READ, (i_handler, list(entities))).addCallback(_records)


def key_holders(pool: Pool, i_handler: int, entity: str, keys: Mapping[str, tuple[str, ...]]) -> Deferred[Mapping[str, Record]]:
    """See `IEvents.holders`."""
    wanted = [json.dumps({name: [value]}) for name, values in keys.items() for value in values]
    return pool.query(HOLDERS, (i_handler, entity, wanted)).addCallback(_records)


def keep_record(pool: Pool, i_handler: int, i_env: int, entity: str, record: Record) -> Deferred[None]:
    """See `IEvents.keep`."""
    return pool.execute(WRITE, _columns([(i_handler, i_env, entity, record, 0)]))


def doubt_record(pool: Pool, notification: Notification, entity: str) -> Deferred[None]:
    """See `IEvents.doubted`."""
    event = notification.event
    values = {"handler": notification.i_handler, "entity": entity, "env": event.i_env, "type": event.type, "lane": notification.lane}
    return pool.execute(DOUBT, values)


async def write_records(cursor: Cursor, settled: Sequence[Settled]) -> None:
    """Write the records of what was settled, in its transaction. Entities without environment have none."""
    given = [(one.notification, one.record) for one in settled if one.record is not None and one.notification.event.i_env is not None]
    if not given:
        return
    rows = [(n.i_handler, n.event.i_env, n.event.entity, record, max((n.event.i_event, *n.known))) for n, record in given]
    await cursor.execute(WRITE, _columns(rows))


def _columns(rows: Sequence[tuple[int, int | None, str, Record, int]]) -> list[list[Any]]:
    records = [row[3] for row in rows]
    return [
        [row[0] for row in rows], [row[2] for row in rows], [row[1] for row in rows], [record.remote_id for record in records],
        [json.dumps(_plain(record)) for record in records], [record.state for record in records], [row[4] for row in rows],
    ]  # fmt: skip


def _plain(record: Record) -> dict[str, list[str]]:
    return {name: list(values) for name, values in record.keys.items()}


def _records(rows: list[tuple[Any, ...]]) -> Mapping[str, Record]:
    return {
        entity: Record(remote_id, {name: tuple(values) for name, values in keys.items()}, None if state is None else bytes(state))
        for entity, remote_id, keys, state in rows
    }
