"""Handler instances in the database: which there are, whether they run, what they get (DESIGN.md 6: `evctl`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred

from portaswitch.errors import StartError
from portaswitch.model.notification import HandlerRow, Instance
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

ENVIRONMENTS: Final = "select i_env from environments"
WRITE: Final = """
insert into event_handlers (name, class, i_env, description, tier, api_version, internal, enabled)
values (%(name)s, %(class)s, %(i_env)s, %(description)s, %(tier)s, %(api)s, %(internal)s, %(enabled)s)
on conflict (name) do update set class = excluded.class, i_env = excluded.i_env, description = excluded.description, tier = excluded.tier,
    api_version = excluded.api_version, internal = excluded.internal
where (event_handlers.class, event_handlers.i_env, event_handlers.description, event_handlers.tier, event_handlers.api_version, event_handlers.internal)
    is distinct from (excluded.class, excluded.i_env, excluded.description, excluded.tier, excluded.api_version, excluded.internal)
returning i_handler, xmax = 0
"""
SUBSCRIBE: Final = "insert into event_subscriptions (i_handler, event_type) select %s, unnest(%s::text[]) on conflict do nothing"
UNSUBSCRIBE: Final = "delete from event_subscriptions where i_handler = %s and event_type = any (%s)"
ENABLE: Final = "update event_handlers set enabled = %(on)s, stopped = null where i_handler = %(handler)s"
FILTER: Final = "insert into event_filters (i_handler, name) values (%s, %s) on conflict do nothing"
NO_FILTERS: Final = "delete from event_filters where i_handler = %s"
LIST: Final = """
select h.i_handler, h.i_env, h.name, h.class, h.description, h.enabled, h.tier, h.internal, coalesce(h.stopped, ''),
       case when h.leased_until > now() then coalesce(h.worker, '') else '' end,
       array(select event_type from event_subscriptions s where s.i_handler = h.i_handler order by 1),
       array(select name from event_filters f where f.i_handler = h.i_handler order by 1)
from event_handlers h order by h.i_handler
"""
COUNTS: Final = """
select i_handler, count(*) filter (where status = 'pending'), count(*) filter (where status = 'parked'), min(created) filter (where status = 'pending')
from event_notifications where status in ('pending', 'parked') group by i_handler
"""


def register(pool: Pool, instances: Sequence[Instance]) -> Deferred[None]:
    """
    See `IEvents.register`. In one order, so that processes that start together do not wait for each other in a circle; ours have the first numbers.

    Errors: StartError for instances of environments that there are not.
    """

    async def body(cursor: Cursor) -> None:
        known = {row[0] for row in await cursor.query(ENVIRONMENTS)}
        lost = [f"{one.name}: there is no environment {one.i_env} (`portaswitch load` makes it)" for one in instances if one.i_env not in (None, *known)]
        if lost:
            raise StartError("event handlers: " + "\n".join(lost))
        for one in sorted(instances, key=lambda instance: (not instance.internal, instance.name.lower())):
            values = {
                "name": one.name, "class": one.class_name, "i_env": one.i_env, "description": one.description, "tier": one.tier, "api": one.api,
                "internal": one.internal, "enabled": one.enabled,
            }  # fmt: skip
            for i_handler, is_new in await cursor.query(WRITE, values):
                if is_new and one.subscribed:
                    await cursor.execute(SUBSCRIBE, (i_handler, list(one.subscribed)))

    return pool.transaction(body)


def read_handlers(pool: Pool) -> Deferred[list[HandlerRow]]:
    """See `IEvents.handlers`."""
    return pool.query(LIST).addCallback(lambda rows: [_row(row) for row in rows])


async def count_handlers(pool: Pool) -> list[HandlerRow]:
    """All handler instances with the counts of what waits for them: a look at every notification."""
    counts = {row[0]: row[1:] for row in await pool.query(COUNTS)}
    return [_row(row, *counts.get(row[0], (0, 0, None))) for row in await pool.query(LIST)]


def _row(row: tuple[Any, ...], waiting: int = 0, parked: int = 0, oldest: Any = None) -> HandlerRow:
    number, i_env, name, class_name, description, enabled, tier, internal, stopped, worker, events, filters = row
    return HandlerRow(
        number, i_env, name, class_name, description, enabled, tier, internal, stopped, worker, tuple(events), tuple(filters), waiting, parked, oldest,
    )  # fmt: skip


async def subscribe(cursor: Cursor, i_handler: int, types: Sequence[str]) -> None:
    """The handler gets these events from now on."""
    await cursor.execute(SUBSCRIBE, (i_handler, list(types)))


async def unsubscribe(cursor: Cursor, i_handler: int, types: Sequence[str]) -> None:
    """The handler gets these events no longer; what waits for it already still reaches it."""
    await cursor.execute(UNSUBSCRIBE, (i_handler, list(types)))


async def enable(cursor: Cursor, i_handler: int, on: bool) -> None:
    """Let it run, or not. What waits for it stays."""
    await cursor.execute(ENABLE, {"on": on, "handler": i_handler})


async def set_filter(cursor: Cursor, i_handler: int, name: str) -> None:
    """The one filter of a handler; 'none' takes it away."""
    await cursor.execute(NO_FILTERS, (i_handler,))
    if name != "none":
        await cursor.execute(FILTER, (i_handler, name))
