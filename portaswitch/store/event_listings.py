"""What operators see and do of provisioning events (`evctl event`, `evctl stats`): always within one environment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from portaswitch.model.actor import Actor
from portaswitch.model.notification import HandlerRow
from portaswitch.model.value import dataclass
from portaswitch.store.audit_trail import note
from portaswitch.store.event_handlers import count_handlers
from portaswitch.store.event_replay import Which
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

_COLUMNS: Final = "{0}.i_event, h.name, {0}.event_type, {0}.entity, {1}.status, {1}.attempts, {1}.last_error, {0}.created"
_WANTED: Final = (
    "({0}.i_env = %(i_env)s or {0}.i_env is null) and (%(handler)s = '' or h.name = %(handler)s) and (%(entity)s = '' or {0}.entity = %(entity)s) "
    "and (%(type)s = '' or lower({0}.event_type) = lower(%(type)s)) and (%(number)s = 0 or {0}.i_event = %(number)s)"
)
#: What waits, the oldest first; what is past, the newest first.
WAITING: Final = f"""
select {_COLUMNS.format("q", "n")}, case when n.locked_until > now() then 'under way' else '' end, n.next_try
from event_queue q join event_notifications n using (i_event) join event_handlers h using (i_handler)
where {_WANTED.format("q")} and (%(status)s = '' or n.status = %(status)s) order by q.i_event, h.name limit nullif(%(limit)s, 0)
"""
PAST: Final = f"""
select {_COLUMNS.format("e", "e")}, '', e.finished from event_history e join event_handlers h using (i_handler)
where {_WANTED.format("e")} and (%(status)s = '' or e.status = %(status)s) order by e.i_event desc, h.name limit nullif(%(limit)s, 0)
"""
VARIABLES: Final = """
select variables from event_queue where i_event = %(number)s and (i_env = %(i_env)s or i_env is null)
union all select variables from event_history where i_event = %(number)s and (i_env = %(i_env)s or i_env is null) limit 1
"""
RETRY: Final = """
update event_notifications n set status = 'pending', next_try = now(), attempts = 0
from event_queue q, event_handlers h
where q.i_event = n.i_event and h.i_handler = n.i_handler and (q.i_env = %(i_env)s or q.i_env is null) and n.locked_until is null
  and (n.status = 'parked' or n.status = 'pending') and (%(handler)s = '' or h.name = %(handler)s)
  and (cardinality(%(numbers)s::bigint[]) > 0 and n.i_event = any (%(numbers)s) or cardinality(%(numbers)s::bigint[]) = 0 and n.status = 'parked')
  and (%(entity)s = '' or q.entity = %(entity)s)
  and (%(since)s::timestamptz is null or q.created >= %(since)s) and (%(until)s::timestamptz is null or q.created < %(until)s)
"""
OFF: Final = "insert into events_off (event_type) select unnest(%s::text[]) on conflict do nothing"
ON: Final = "delete from events_off where event_type = any (%s)"
TYPES: Final = """
select event_type, array_agg(h.name order by h.name) from event_subscriptions s join event_handlers h using (i_handler)
where h.enabled and (h.i_env = %s or h.i_env is null) group by event_type
"""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event on its way to one handler. `doing`: 'under way' while a process works on it; `at`: its next attempt, or when it ended."""

    i_event: int
    handler: str
    type: str
    entity: str
    status: str
    attempts: int
    note: str | None
    created: datetime
    doing: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: '' and 0 mean any. `limit` 0: all."""

    i_env: int
    handler: str = ""
    status: str = ""
    entity: str = ""
    type: str = ""
    number: int = 0
    limit: int = 0


async def events(pool: Pool, query: EventQuery) -> list[EventLine]:
    """What waits, then what is past, at most `limit` of each."""
    values = {
        "i_env": query.i_env, "handler": query.handler, "status": query.status, "entity": query.entity, "type": query.type, "number": query.number,
        "limit": query.limit,
    }  # fmt: skip
    found = [EventLine(*row) for row in await pool.query(WAITING, values)]
    if query.status not in ("pending", "parked"):
        found += [EventLine(*row) for row in await pool.query(PAST, values)]
    return found


async def variables(pool: Pool, i_env: int, number: int) -> dict[str, Any] | None:
    """The variables of an event; None where there is none of that number."""
    rows = await pool.query(VARIABLES, {"i_env": i_env, "number": number})
    return dict(rows[0][0]) if rows else None


async def retry(pool: Pool, actor: Actor, which: Which, handler: str = "") -> int:
    """
    Let events be tried again now, with all their attempts before them: these, or of all that are parked where no number is named. Gives how many notifications.
    Audited, where there were any.
    """

    async def body(cursor: Cursor) -> int:
        await cursor.execute(RETRY, {"i_env": actor.i_env, "handler": handler, **which.values()})
        count = cursor.rowcount
        if count:
            await note(cursor, actor, "event.retry", f"handler:{handler or '*'}", None, {"count": count, **which.named()})
        cursor.last("notify provisioning")
        return count

    return await pool.transaction(body)


async def switch(cursor: Cursor, types: Sequence[str], on: bool) -> None:
    """Events that are off raise nothing, whoever subscribes to them."""
    await cursor.execute(ON if on else OFF, (list(types),))


async def switched_off(pool: Pool) -> set[str]:
    """Event types that are off."""
    return {row[0] for row in await pool.query("select event_type from events_off")}


async def subscribers(pool: Pool, i_env: int) -> dict[str, list[str]]:
    """The enabled handlers of each event type."""
    return {type: list(names) for type, names in await pool.query(TYPES, (i_env,))}


async def handlers(pool: Pool, i_env: int) -> list[HandlerRow]:
    """The handler instances of an environment and the internal ones, with the counts of what waits for them."""
    return [row for row in await count_handlers(pool) if row.i_env in (None, i_env)]
