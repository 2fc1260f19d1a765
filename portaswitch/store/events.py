"""
The event queue on PostgreSQL: who runs which handler, notifications claimed as leases, and what became of them (DESIGN.md 5.2 to 5.6).

One process runs a handler, by a lease in the handler's row, which holds whatever connection of the pool is used. The rows that it claims have leases of their
own, so that order is kept even while two processes believe that they run it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import psycopg2
from psycopg2 import errors
from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.errors import EffectRefused
from portaswitch.interfaces.events import IEvents
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.model.effect import AssignRemoteId, Emit, EndSessions, Note
from portaswitch.model.event import Event
from portaswitch.model.notification import HandlerRow, Instance, Notification, Settled, Verdict
from portaswitch.model.subscriber import Record, Subscriber
from portaswitch.store import events_sql as sql
from portaswitch.store import remote_records
from portaswitch.store.event_handlers import read_handlers, register
from portaswitch.store.events_effects import apply_effects
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.snapshots import read_snapshots
from portaswitch.store.transaction import Cursor

#: Days that delivered events stay in event_history.
HISTORY_KEPT: Final = 30
#: How often a transaction is tried that loses against a charge.
TRIES: Final = 4
#: Refusals of values, which a repetition would meet again: a handler's file may put anything into an effect, a number for a text or what no database has.
REFUSALS: Final = (EffectRefused, psycopg2.IntegrityError, psycopg2.DataError, psycopg2.ProgrammingError, ValueError, TypeError, AttributeError)
#: Effects that lock nothing that a charge may hold.
ROWS_MORE: Final = (Emit, EndSessions, Note, AssignRemoteId)


@implementer(IEvents)
class Events:
    """Implements `IEvents`. `worker` names this process among those that share the database."""

    def __init__(self, pool: Pool, sealer: Sealer, worker: str) -> None:
        self._pool, self._sealer, self._worker = pool, sealer, worker

    def register(self, instances: Sequence[Instance]) -> Deferred[None]:
        """See `IEvents.register`."""
        return register(self._pool, instances)

    def handlers(self) -> Deferred[list[HandlerRow]]:
        """See `IEvents.handlers`."""
        return read_handlers(self._pool)

    def hold(self, i_handler: int, seconds: float) -> Deferred[bool]:
        """See `IEvents.hold`."""
        return self._pool.query(sql.HOLD, {"handler": i_handler, "worker": self._worker, "seconds": seconds}).addCallback(bool)

    def release(self, i_handler: int) -> Deferred[None]:
        """See `IEvents.release`."""
        return self._pool.execute(sql.RELEASE, (i_handler, self._worker))

    def stop(self, i_handler: int, reason: str) -> Deferred[None]:
        """See `IEvents.stop`."""
        return self._pool.execute(sql.STOP, (_text(reason), i_handler))

    def claim(self, i_handler: int, limit: int, lease: float, known: int = 0) -> Deferred[list[Notification]]:
        """See `IEvents.claim`."""
        values = {"handler": i_handler, "worker": self._worker, "limit": limit, "lease": lease}

        async def body(cursor: Cursor) -> list[Notification]:
            taken = [row[0] for row in await cursor.query(f"{sql.HASTE}; {sql.PROMOTE}; {sql.CLAIM}", values)]
            return [_notification(row) for row in await cursor.query(sql.CLAIMED, {"notifications": taken, "known": known})] if taken else []

        return self._pool.transaction(body)

    def snapshots(self, accounts: Sequence[int], needs: frozenset[str]) -> Deferred[Mapping[int, Subscriber]]:
        """See `IEvents.snapshots`."""
        return Deferred.fromCoroutine(read_snapshots(self._pool, self._sealer.open, accounts, needs))

    def records(self, i_handler: int, entities: Sequence[str]) -> Deferred[Mapping[str, Record]]:
        """See `IEvents.records`."""
        return remote_records.read_records(self._pool, i_handler, entities)

    def holders(self, i_handler: int, entity: str, keys: Mapping[str, tuple[str, ...]]) -> Deferred[Mapping[str, Record]]:
        """See `IEvents.holders`."""
        return remote_records.key_holders(self._pool, i_handler, entity, keys)

    def keep(self, i_handler: int, i_env: int, entity: str, record: Record) -> Deferred[None]:
        """See `IEvents.keep`."""
        return remote_records.keep_record(self._pool, i_handler, i_env, entity, record)

    def doubted(self, notification: Notification, entity: str) -> Deferred[None]:
        """See `IEvents.doubted`."""
        return remote_records.doubt_record(self._pool, notification, entity)

    def settle(self, settled: Sequence[Settled]) -> Deferred[list[Settled]]:
        """See `IEvents.settle`."""
        return Deferred.fromCoroutine(self._settle(settled))

    async def _settle(self, settled: Sequence[Settled]) -> list[Settled]:
        """
        Those without effects together, and those whose effects are only rows more; the others each in a transaction of its own, since they lock accounts. Of
        several together one may be refused: then each goes by itself, so that it holds up no other.
        """
        kinds: tuple[list[Settled], list[Settled], list[Settled]] = [], [], []
        for one in settled:
            kinds[0 if not one.effects else 1 if all(isinstance(effect, ROWS_MORE) for effect in one.effects) else 2].append(one)
        plain, more, alone = kinds
        refused: list[Settled] = []
        for together in filter(None, (plain, more)):
            try:
                await self._transaction(together)
            except REFUSALS:
                refused += together
        return [parked for one in refused + alone if (parked := await self._alone(one)) is not None]

    async def _alone(self, one: Settled) -> Settled | None:
        """Settle one; as what it is parked when its effects are refused."""
        try:
            await self._transaction([one])
        except REFUSALS as error:
            parked = replace(one, verdict=Verdict.PARKED, effects=(), record=None, converged=False, note=_said(error))
            await self._transaction([parked])
            return parked
        return None

    async def _transaction(self, settled: Sequence[Settled]) -> None:
        async def body(cursor: Cursor) -> None:
            bearing = [one for one in settled if one.effects]
            there = {row[0] for row in await cursor.query(sql.STILL_THERE, _columns(bearing))} if bearing else set()
            # One that is not there was written before, and then the answer of the database was lost.
            left = [one for one in settled if not one.effects or one.notification.i_notification in there]
            going_on: list[Notification] = []
            for one in left:
                progress = await apply_effects(cursor, one.notification, one.effects) if one.effects else 0
                if progress:
                    going_on.append(one.notification)
                    await cursor.execute(sql.GOES_ON, {"progress": progress, "notification": one.notification.i_notification})
            await remote_records.write_records(cursor, left)
            await self._write(cursor, [one for one in left if one.notification not in going_on])

        for tries in reversed(range(TRIES)):
            try:
                return await self._pool.transaction(body)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                if not tries:
                    raise

    async def _write(self, cursor: Cursor, settled: Sequence[Settled]) -> None:
        again = [one for one in settled if one.verdict is Verdict.RETRY]
        parked = [one for one in settled if one.verdict is Verdict.PARKED]
        ended = [one for one in settled if one.verdict not in (Verdict.RETRY, Verdict.PARKED)]
        if again:
            values = _columns(again) | {"worker": self._worker, "counted": [one.counted for one in again]}
            values["delays"] = [one.delay.total_seconds() for one in again]
            await cursor.execute(sql.AGAIN, values)
        if parked:
            await cursor.execute(sql.PARK, _columns(parked))
        if ended:
            values = await _overtaken(cursor, ended)
            cursor.last(sql.FINISH, values)


def inherit(pool: Pool, instance: str, worker: str) -> Deferred[None]:
    """Take over from earlier processes of this instance: there is one at a time, so what they had leased is nobody's."""
    return pool.execute(sql.INHERIT, {"instance": instance, "worker": worker})


async def keep_events(pool: Pool, rest: Rest = at_once) -> None:
    """The job: forget old history, and events whose handlers are gone."""
    await pool.query(f"select drop_partitions('event_history', now() - interval '{HISTORY_KEPT} days')")
    after: int | None = 0
    while after is not None:
        ((after,),) = await pool.query(sql.LEFT_OVER, {"after": after})
        if not await rest():
            return


def _columns(settled: Sequence[Settled]) -> dict[str, Any]:
    return {
        "notifications": [one.notification.i_notification for one in settled], "statuses": [one.verdict.value for one in settled],
        "notes": [_text(one.note) for one in settled], "attempts": [one.notification.attempts for one in settled],
    }  # fmt: skip


async def _overtaken(cursor: Cursor, ended: Sequence[Settled]) -> dict[str, Any]:
    """The columns of those that ended, and of what ends with them."""
    values = _columns(ended) | {"events": [one.notification.event.i_event for one in ended]}
    known = [(one.notification.i_handler, number) for one in ended if one.converged for number in one.notification.known]
    if known:
        values |= {"handlers": [i_handler for i_handler, _ in known], "known": [number for _, number in known]}
        for i_notification, i_event, entity in await cursor.query(sql.OVERTAKEN, values):
            values["notifications"].append(i_notification)
            values["events"].append(i_event)
            values["statuses"].append(Verdict.SUPERSEDED.value)
            values["notes"].append(f"by a newer event of {entity}")
    return values


def _text(note: str) -> str:
    """A text that the database takes: a vendor may answer anything."""
    return note.replace("\0", "")[:4000].encode(errors="replace").decode()


def _said(error: BaseException) -> str:
    """Why the database refuses; its own words may hold values, so only the first line. Of other errors their kind too, which says more than some texts."""
    if isinstance(error, EffectRefused):
        return str(error)
    kind = "" if isinstance(error, psycopg2.Error) else f"{type(error).__name__}: "
    return f"the answer can't be kept: {kind}{next(iter(str(error).splitlines()), '')}"


def _notification(row: tuple[Any, ...]) -> Notification:
    i_notification, i_handler, attempts, lane, key, progress, known, i_event, type, entity, variables, created, i_env = row
    told = {name: _value(value) for name, value in variables.items()}
    return Notification(i_notification, i_handler, Event(i_event, type, entity, told, created, i_env), attempts, lane, key, tuple(known), progress)


def _value(value: Any) -> str | None:
    """A variable as text: JSON's numbers, true and lists have a form of their own."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
