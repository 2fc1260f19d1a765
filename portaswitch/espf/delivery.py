"""
One notification on its way: from the claim to what became of it.

    event-based   steps > done, and so what no snapshot holds: reports of outside systems, events of customers, products and other owners
    state-based   hash compared > steps up to a request > keys taken from others > record "underway" > that request, further steps > record confirmed > done,
                  the other events of the entity superseded; where the steps ask for nothing the record stays as it was
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from portaswitch.espf.driver import Drive, guarded
from portaswitch.espf.neighbours import Neighbours
from portaswitch.espf.state import confirmed, digest, in_snapshot, shown, underway
from portaswitch.espf.verdicts import Ended
from portaswitch.espf.wires import Wires
from portaswitch.handler import AssignRemoteId, EventHandler, Record, State, StateHandler, Subscriber
from portaswitch.interfaces.events import IEvents
from portaswitch.model.notification import Notification, Settled, Verdict
from portaswitch.model.subscriber import NO_RECORD

Steps = Callable[[], Generator[Any, Any, Any]]


class Delivery:
    """Of one notification by `handler`, which enters among `neighbours` and does not leave; `subscribed` are the handler's events."""

    def __init__(
        self, notification: Notification, handler: EventHandler, wires: Wires, events: IEvents, subscribed: Collection[str], neighbours: Neighbours
    ) -> None:
        self._one, self._handler, self._wires, self._events = notification, handler, wires, events
        self._subscribed, self._neighbours = subscribed, neighbours
        self._drive = Drive(wires)
        self._record: Record | None = None

    @property
    def asked(self) -> int:
        """Requests so far."""
        return self._drive.asked

    async def run(self, subscriber: Subscriber | None, record: Record) -> Settled:
        """
        All of it. Errors: `HandlerStopped`; those of `IEvents`, after which nothing is known but what the record says.
        """
        subscriber = None if subscriber is None else shown(subscriber, self._subscribed)
        begin = partial(self._handler.steps, self._one.event, subscriber, record)
        try:
            if isinstance(self._handler, StateHandler) and in_snapshot(self._one.event):
                return await self._converge(self._handler, begin, subscriber, record)
            return await self._act(begin, record)
        except Ended as end:
            return self._ended(end, record)

    async def _act(self, begin: Steps, record: Record) -> Settled:
        """The steps, whatever was confirmed. What they leave the vendor in is unknown, so that the next event of the entity sends its state whole."""
        self._enter(record, None)
        await self._drive.run(begin, partial(self._note, record, Record(record.remote_id, record.keys, None)))
        remote_id = self._remote_id(record)
        changed = Record(remote_id, record.keys, None) if remote_id != record.remote_id else None
        return Settled(self._one, Verdict.DONE, effects=tuple(self._drive.effects), record=changed)

    async def _converge(self, handler: StateHandler, begin: Steps, subscriber: Subscriber | None, record: Record) -> Settled:
        wanted = None if subscriber is None else guarded(partial(handler.wanted, subscriber))
        if wanted is not None and not isinstance(wanted, State):
            raise Ended(Verdict.PARKED, f"the handler wants a {type(wanted).__name__}, which is no State")
        self._enter(record, wanted)
        if self._same(wanted, record):
            return Settled(self._one, Verdict.DONE, "the vendor has this state", converged=True)
        await self._drive.run(begin, partial(self._first, handler, wanted, record))
        return Settled(self._one, Verdict.DONE, effects=tuple(self._drive.effects), record=self._after(wanted, record), converged=True)

    async def _first(self, handler: StateHandler, wanted: State | None, record: Record) -> None:
        """Before the vendor is told the first thing of the entity."""
        if wanted is not None:
            await self._take_keys(handler, wanted)
        await self._note(record, underway(record, wanted))

    def _after(self, wanted: State | None, record: Record) -> Record | None:
        """The record after success, None where it is as it was: of an account that the handler passes over the vendor knows nothing."""
        remote_id = self._remote_id(record)
        if wanted is None or self._record is not None:
            return confirmed(wanted, remote_id)
        return replace(record, remote_id=remote_id) if remote_id != record.remote_id else None

    @staticmethod
    def _same(wanted: State | None, record: Record) -> bool:
        if wanted is None:
            return record == NO_RECORD
        return record.state is not None and record.state == guarded(partial(digest, wanted))

    def _enter(self, record: Record, wanted: State | None) -> None:
        if isinstance(self._handler, StateHandler):
            keys = (record.keys, wanted.keys if wanted else {})
            guarded(partial(self._neighbours.enter, self._one.event.entity, keys, self._handler.shared))

    async def _take_keys(self, handler: StateHandler, wanted: State) -> None:
        """An external key is one entity's: where the vendor still has it for another one, that one is removed first; an event of its own brings it back."""
        event = self._one.event
        own = {name: tuple(filter(None, values)) for name, values in wanted.keys.items() if name not in handler.shared}
        if not any(own.values()):
            return
        for entity, record in (await self._events.holders(self._one.i_handler, event.entity, own)).items():
            self._neighbours.enter(event.entity, (record.keys,), handler.shared)
            self._neighbours.takes(entity)
            await self._events.doubted(self._one, entity)
            await Drive(self._wires).run(partial(handler.remove, record))
            await self._events.keep(self._one.i_handler, event.i_env or 0, entity, NO_RECORD)
            self._neighbours.takes(entity)

    async def _note(self, record: Record, during: Record) -> None:
        if during != record and self._one.event.i_env is not None:
            await self._events.keep(self._one.i_handler, self._one.event.i_env, self._one.event.entity, during)
        self._record = during

    def _remote_id(self, record: Record) -> str:
        given = [effect.remote_id for effect in self._drive.effects if isinstance(effect, AssignRemoteId)]
        return given[-1] if given else record.remote_id

    def _ended(self, end: Ended, record: Record) -> Settled:
        """What was assigned before the end is lost, but for the vendor's own id: without it a repetition would make a second one there."""
        before = record if self._record is None else self._record
        remote_id = self._remote_id(record)
        after = Record(remote_id, before.keys, before.state) if remote_id != before.remote_id else None
        counted = end.asked or end.verdict is not Verdict.RETRY
        return Settled(self._one, end.verdict, end.note, timedelta(seconds=end.delay), counted, record=after)
