"""Event handlers as the configuration has them, for the server and for an administrator's command; and what operators do with them (`evctl`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from portaswitch import plugins
from portaswitch.administration.opening import asked
from portaswitch.config.settings import Settings
from portaswitch.errors import ConfigError, StartError
from portaswitch.espf.catalogue import EVENTS, find
from portaswitch.espf.internal.dispatchers import SERVICE_ATTRIBUTES
from portaswitch.espf.registry import Configured, Registry
from portaswitch.model.actor import Actor
from portaswitch.model.notification import HandlerRow
from portaswitch.store import event_listings, event_replay
from portaswitch.store.audit_trail import note
from portaswitch.store.database import Database
from portaswitch.store.event_handlers import enable, register, set_filter, subscribe, unsubscribe
from portaswitch.store.event_listings import EventLine, EventQuery
from portaswitch.store.event_replay import Which
from portaswitch.store.transaction import Cursor

#: The handler that has filters.
FILTERED: Final = SERVICE_ATTRIBUTES.name


def registry(settings: Settings) -> Registry:
    """The registry of a configuration: the shipped handlers, the operator's folders, and the configured instances. Nothing is loaded yet."""
    folders = [*(Path(path) for path in plugins.shipped_handlers()), *settings.espf.handler_path]
    configured = []
    for name, one in settings.espf.handlers.items():
        places = {option: place for option in one.options if (place := one.options.place(option))}
        configured.append(Configured(name, one.class_name, one.environment, one.options, places, one.options.public))
    return Registry(folders, configured)


def loaded(settings: Settings) -> Registry:
    """The registry with what the folders hold now."""
    found = registry(settings)
    found.loader.scan()
    return found


def check_handlers(settings: Settings) -> None:
    """Look for the classes of the configured instances and read their options. Raises ConfigError with all faults."""
    faults = loaded(settings).faults()
    if faults:
        raise ConfigError(faults)


@dataclass(frozen=True, slots=True)
class HandlerLine:
    """
    A handler as a list shows it: an instance of the database (`id`), a class of a folder that nobody has configured, or a broken file. `state` says what it is
    doing: 'running', 'stopped: ...', 'broken: ...', '' else.
    """

    id: int | None
    handler: str
    enabled: bool
    description: str
    class_name: str
    tier: str
    environment: int | None
    state: str
    waiting: int = 0
    parked: int = 0
    oldest: datetime | None = None


class Evctl:
    """What `portaswitch evctl` does on an open database, audited as the actor's. Names of handlers are instances'; numbers of the list stand for them."""

    def __init__(self, database: Database, settings: Settings, actor: Actor) -> None:
        self._pool, self._hints, self._actor, self.i_env = database.pool, database.hints, actor, actor.i_env
        self._registry = loaded(settings)

    async def listing(self, enabled_only: bool) -> list[HandlerLine]:
        """All handlers: instances first, then classes that are not configured, then broken files."""
        rows = await self._rows()
        found = [_line(row) for row in rows if row.enabled or not enabled_only]
        if enabled_only:
            return found
        used = {row.class_name for row in rows}
        for name, handler in sorted(self._registry.classes().items()):
            if name not in used:
                found.append(HandlerLine(None, name, False, handler.description, name, handler.tier, None, ""))
        for path, error in self._registry.loader.problems():
            found.append(HandlerLine(None, Path(path).name, False, f"BROKEN: {error}", "", "", None, f"broken: {path}"))
        return found

    async def _rows(self) -> list[HandlerRow]:
        """Those of the database, and those of the configuration that no server has told it of yet."""
        await asked(register(self._pool, [ready.instance for ready in self._registry.ready().values()]))
        return await asked(event_listings.handlers(self._pool, self.i_env))

    async def find(self, name: str) -> HandlerRow:
        """The instance of that name, in any case, or number. Errors: StartError."""
        rows = await self._rows()
        for row in rows:
            if name in (row.name, str(row.i_handler)):
                return row
        alike = [row for row in rows if row.name.lower() == name.lower()]
        if alike:
            return alike[0]
        configure = f"; {name} is a class: configure an instance of it (espf.handlers)" if name in self._registry.classes() else ""
        raise StartError(f"there is no handler {name} in environment {self.i_env}: there are {', '.join(row.name for row in rows)}{configure}")

    def supported(self, row: HandlerRow) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The events that a handler supports, and those that it takes beside them."""
        ready = self._registry.ready().get(row.name)
        return (ready.handler.events, ready.handler.extra_events) if ready is not None else (row.events, ())

    async def subscribe(self, row: HandlerRow, types: Sequence[str], on: bool) -> tuple[str, ...]:
        """
        Let a handler get these events, or no longer; none named: all that it supports, or all that it gets. Gives them in the catalogue's names.

        Errors: StartError with all that it can't get.
        """
        usual, extra = self.supported(row)
        by_name = {name.lower(): name for name in (*usual, *extra, *row.events)}
        wrong = [name for name in types if name.lower() not in by_name]
        if wrong:
            raise StartError(f"{row.name} does not support {', '.join(wrong)}: it supports {', '.join((*usual, *extra))}")
        chosen = tuple(by_name[name.lower()] for name in types) or (usual if on else row.events)
        change = subscribe if on else unsubscribe
        told = ("handler.subscribe" if on else "handler.unsubscribe", f"handler:{row.name}", {"events": list(chosen)})
        await self._changed(lambda cursor: change(cursor, row.i_handler, chosen), told)
        return chosen

    async def enable(self, row: HandlerRow, on: bool) -> None:
        """Let a handler run, or not."""
        told = ("handler.enable" if on else "handler.disable", f"handler:{row.name}", {"enabled": on})
        await self._changed(lambda cursor: enable(cursor, row.i_handler, on), told)
        self._hints.committed()

    async def filter(self, row: HandlerRow, name: str) -> None:
        """Set the filter of a handler. Errors: StartError where it has none."""
        if row.class_name != FILTERED:
            raise StartError(f"{row.name} has no filters: {FILTERED} has")
        await self._changed(lambda cursor: set_filter(cursor, row.i_handler, name), ("handler.filter", f"handler:{row.name}", {"filter": name}))

    async def events(self, query: EventQuery) -> list[EventLine]:
        """Events on their way, and past ones."""
        return await asked(event_listings.events(self._pool, query))

    async def event(self, number: int) -> tuple[Mapping[str, Any], list[EventLine]]:
        """The variables of an event, in the catalogue's order, and where it is on its way. Errors: StartError."""
        lines = await self.events(EventQuery(self.i_env, number=number))
        found = await asked(event_listings.variables(self._pool, self.i_env, number))
        if found is None or not lines:
            raise StartError(f"there is no event {number} in environment {self.i_env}: see `portaswitch evctl event list`")
        known = find(lines[0].type)
        return (found if known is None else known.ordered(found)), lines

    async def which(self, numbers: Sequence[int], account: str, entity: str, since: datetime | None, until: datetime | None) -> Which:
        """Events by number, entity or time of an operator's words. Errors: StartError when there is no such account."""
        if account:
            found = await asked(event_replay.entity_of(self._pool, self.i_env, account))
            if found is None:
                raise StartError(f"there is no account {account} in environment {self.i_env}")
            if entity not in ("", found):
                raise StartError(f"account {account} is {found}: name it or {entity}")
            entity = found
        return Which(tuple(numbers), entity, since, until)

    async def retry(self, which: Which, handler: str) -> int:
        """Let events be tried again now: these, or of those that are parked."""
        return await asked(event_listings.retry(self._pool, self._actor, which, handler))

    async def replay(self, row: HandlerRow, which: Which) -> int:
        """Let past events be delivered to a handler again. Errors: StartError when nothing says which."""
        if not which.some:
            raise StartError("which events? Name numbers, --account, --entity, --since or --until")
        return await asked(event_replay.replay(self._pool, self._actor, row.name, which))

    async def switch(self, names: Sequence[str], on: bool) -> tuple[str, ...]:
        """Switch events on or off for everybody. Errors: StartError with all that are none."""
        known = {name: find(name) for name in names}
        wrong = [name for name, event in known.items() if event is None]
        if wrong:
            raise StartError(f"there is no event {', '.join(wrong)}: see `portaswitch evctl event types`")
        types = tuple(event.name for event in known.values() if event is not None)
        told = [("event.enable" if on else "event.disable", f"event:{name}", {"enabled": on}) for name in types]
        await self._changed(lambda cursor: event_listings.switch(cursor, types, on), *told)
        return types

    async def _changed(self, change: Callable[[Cursor], Awaitable[None]], *told: tuple[str, str, Mapping[str, Any]]) -> None:
        """A change with its lines of the audit (operation, entity, what is so now), in one transaction."""

        async def body(cursor: Cursor) -> None:
            await change(cursor)
            for operation, entity, after in told:
                await note(cursor, self._actor, operation, entity, None, after)

        await asked(self._pool.transaction(body))

    async def types(self) -> list[dict[str, Any]]:
        """The catalogue: each event, whether it is on, and the enabled handlers that get it."""
        off, told = await asked(event_listings.switched_off(self._pool)), await asked(event_listings.subscribers(self._pool, self.i_env))
        return [
            {"event": event.name, "enabled": event.name not in off, "handlers": ", ".join(told.get(event.name, ())), "summary": event.summary}
            for event in EVENTS.values()
        ]


def query(i_env: int, handler: str, status: str, entity: str, type: str, limit: int) -> EventQuery:
    """Which events; '' and 0 mean any."""
    return EventQuery(i_env, handler, status, entity, type, 0, limit)


def _line(row: HandlerRow) -> HandlerLine:
    state = f"stopped: {row.stopped}" if row.stopped else f"running on {row.worker}" if row.worker else ""
    name = " ".join((row.name, *row.filters))
    return HandlerLine(
        row.i_handler, name, row.enabled, row.description, row.class_name, row.tier, row.i_env, state, row.waiting, row.parked, row.oldest,
    )  # fmt: skip
