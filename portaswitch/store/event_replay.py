"""
Events once more for a handler: those of the history that it was told, or that it would have been told had it been subscribed then (`evctl event replay`).

They come with their old numbers, so that a receiver knows them, in the bulk lane, and in the order of their entity. What moves between entities (a SIM card)
keeps no order with others here: the history does not know its external key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from portaswitch.model.actor import Actor
from portaswitch.model.value import dataclass
from portaswitch.store.audit_trail import note
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

#: `finished` is never before `created`: it picks the days of the history.
FOUND: Final = """
select distinct e.i_event from event_history e join event_handlers h on h.name = %(handler)s
where (e.i_env = %(i_env)s or e.i_env is null) and (h.i_env is null or h.i_env = e.i_env)
  and (e.i_handler = h.i_handler or exists (select from event_subscriptions s where s.i_handler = h.i_handler and s.event_type = e.event_type))
  and (cardinality(%(numbers)s::bigint[]) = 0 or e.i_event = any (%(numbers)s)) and (%(entity)s = '' or e.entity = %(entity)s)
  and (%(since)s::timestamptz is null or (e.created >= %(since)s and e.finished >= %(since)s)) and (%(until)s::timestamptz is null or e.created < %(until)s)
  and not exists (select from event_notifications n where n.i_event = e.i_event and n.i_handler = h.i_handler)
order by e.i_event
"""
#: Who settles the last notification of an event takes the event with it, and holds its row meanwhile (store/events_sql.py): an event that is still there stays.
HELD: Final = "select i_event from event_queue where i_event = any (%(events)s::bigint[]) order by i_event for update"
QUEUED: Final = """
insert into event_queue (i_event, i_env, event_type, entity, variables, created)
overriding system value
select distinct on (e.i_event) e.i_event, e.i_env, e.event_type, e.entity, e.variables, e.created from event_history e
where e.i_event = any (%(events)s::bigint[]) order by e.i_event, e.finished on conflict (i_event) do nothing
"""
#: One attempt counts as made: so a balance in it is not renewed by the next charge, since receivers have it under that number. The external key is the event's,
#: whichever handler's history has it.
NOTIFIED: Final = """
insert into event_notifications (i_event, i_handler, entity, external_key, lane, attempts)
select q.i_event, h.i_handler, q.entity, (select max(e.external_key) from event_history e where e.i_event = q.i_event), 1, 1
from event_queue q, event_handlers h where q.i_event = any (%(events)s::bigint[]) and h.name = %(handler)s
on conflict (i_event, i_handler) do nothing
"""
ENTITY: Final = "select 'account:' || coalesce(i_master_account, i_account) from accounts where i_env = %s and id = %s"


@dataclass(frozen=True, slots=True)
class Which:
    """Which events: '' and () mean any; `since` and `until` are of the time when they happened, `until` not among them."""

    numbers: Sequence[int] = ()
    entity: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def some(self) -> bool:
        """Whether it narrows anything."""
        return bool(self.numbers or self.entity or self.since or self.until)

    def named(self) -> dict[str, Any]:
        """What narrows it."""
        return {name: value for name, value in self.values().items() if value}

    def values(self) -> dict[str, Any]:
        """As parameters."""
        return {"numbers": list(self.numbers), "entity": self.entity, "since": self.since, "until": self.until}


async def entity_of(pool: Pool, i_env: int, account: str) -> str | None:
    """The entity of an account's events, by its id or an alias; None where there is none of that id."""
    rows = await pool.query(ENTITY, (i_env, account))
    return str(rows[0][0]) if rows else None


async def replay(pool: Pool, actor: Actor, handler: str, which: Which) -> int:
    """
    Let past events be delivered to that handler again. Gives how many; those that are on their way to it already are not among them. Audited, where there were
    any.
    """

    async def body(cursor: Cursor) -> int:
        events = [row[0] for row in await cursor.query(FOUND, {"i_env": actor.i_env, "handler": handler, **which.values()})]
        await cursor.query(HELD, {"events": events})
        await cursor.execute(QUEUED, {"events": events})
        await cursor.execute(NOTIFIED, {"events": events, "handler": handler})
        count = cursor.rowcount
        if count:
            await note(cursor, actor, "event.replay", f"handler:{handler}", None, {"count": count, **which.named()})
        cursor.last("notify provisioning")
        return count

    return await pool.transaction(body)
