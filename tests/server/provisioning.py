"""Rows of provisioning for tests: handlers, events and notifications as the triggers write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portaswitch.store.pool import Pool

HANDLER = """
insert into event_handlers (i_handler, i_env, name, class, enabled, internal) overriding system value values (%s, %s, %s, %s, true, %s)
on conflict (i_handler) do nothing
"""
EVENT = """
with e as (insert into event_queue (i_env, event_type, entity, variables) values (1, %(type)s, %(entity)s, %(variables)s) returning i_event, entity)
insert into event_notifications (i_event, i_handler, entity, external_key, lane)
select e.i_event, h, e.entity, %(key)s, %(lane)s from e, unnest(%(handlers)s::int[]) h returning i_event
"""


async def handler(pool: Pool, number: int, name: str = "", class_name: str = "Demo", i_env: int | None = 1) -> None:
    """A handler instance that is enabled."""
    await pool.execute(HANDLER, (number, i_env, name or f"handler{number}", class_name, i_env is None))
    await pool.query("select setval(pg_get_serial_sequence('event_handlers', 'i_handler'), 1000)")


async def event(pool: Pool, type: str, entity: str, *handlers: int, key: str | None = None, lane: int = 1, variables: Mapping[str, Any] | None = None) -> int:
    """An event for some handlers; its i_event."""
    values = {"type": type, "entity": entity, "key": key, "lane": lane, "handlers": list(handlers), "variables": json.dumps(variables or {})}
    rows = await pool.query(EVENT, values)
    return int(rows[0][0])


async def statuses(pool: Pool) -> dict[tuple[int, int], str]:
    """Status by event and handler: of the queue, else of the history."""
    rows = await pool.query("select i_event, i_handler, status from event_history union all select i_event, i_handler, status from event_notifications")
    return {(row[0], row[1]): row[2] for row in rows}
