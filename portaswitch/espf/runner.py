"""
The runner of one handler instance (DESIGN.md 5.2): from claimed notifications to settled ones.

    a pass:   write what is settled > hold the handler > claim what is due, as much as there is room and stock for > snapshots and records of the page > begin
    an end:   verdict, delay, effects, record > begin the next of the stock            (written by the next pass, which it wakes)

Nothing is remembered that the database does not know: a process that dies leaves leases behind, which run out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import random
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.espf.catalogue import find
from portaswitch.espf.delivery import Delivery
from portaswitch.espf.neighbours import BUSY_NEIGHBOUR, Neighbours
from portaswitch.espf.reports import AttemptLog, Recipient, Redaction
from portaswitch.espf.stock import Claimed, Stock
from portaswitch.espf.stopping import stop
from portaswitch.espf.verdicts import HandlerStopped, Retries
from portaswitch.espf.wires import Wires
from portaswitch.handler import EventHandler, StateHandler, Subscriber
from portaswitch.interfaces.events import IEvents
from portaswitch.model.notification import HandlerRow, Notification, Settled, Verdict
from portaswitch.model.subscriber import NO_RECORD
from portaswitch.model.value import dataclass

#: Seconds of the lease by which a process runs a handler, and before whose end it is renewed.
HOLD, RENEW = 15.0, 5.0
#: Seconds of a notification's lease: longer than all its requests may take.
LEASE: Final = 600.0
#: Seconds that ends of deliveries are gathered before they are written together, while others are under way, and while there is a stock of further ones.
GATHER, GATHER_MORE = 0.005, 0.025
#: Notifications that one pass claims at most.
PAGE: Final = 200
#: Waiting events of an entity that one state at the vendor makes needless; those behind them are compared with it in their turn.
KNOWN: Final = 1000
#: What is written of an attempt that the end of the process or of the handler cut off.
GIVEN_BACK: Final = "given back by a process that stopped"


@dataclass(frozen=True, slots=True)
class Work:
    """A handler instance as its runner needs it: configured, with its wires; `parallel` notifications at once."""

    handler: EventHandler
    wires: Wires
    parallel: int
    retries: Retries
    redact: Redaction


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A delivery of a notification since `begun`, on the runner's clock."""

    i_notification: int
    begun: float
    running: Deferred[Any]


class Runner:
    """One a handler instance and process. `clock` has seconds() and callLater; `now` is aware UTC."""

    _log = Logger()

    def __init__(self, row: HandlerRow, work: Work, events: IEvents, clock: Any, log: AttemptLog, alerts: Recipient, now: Callable[[], datetime]) -> None:
        self.row, self._work, self._events, self._clock, self._now = row, work, events, clock, now
        self._attempts, self._alerts = log, alerts
        self._settled: list[Settled] = []
        self._busy: dict[str, UnderWay] = {}
        self._stock = Stock(clock.seconds, PAGE)
        self._neighbours = Neighbours()
        self._held_until = 0.0
        self._passing: Deferred[None] | None = None
        self._again = False
        self._stopping = False
        self._kicked: Any = None

    @property
    def under_way(self) -> int:
        """Notifications that are being delivered."""
        return len(self._busy)

    @property
    def handler(self) -> EventHandler:
        """The handler that it runs."""
        return self._work.handler

    def swap(self, row: HandlerRow, work: Work) -> None:
        """Go on with another version or other settings: from the next notification on. What is in stock is claimed anew: it may need more of its snapshot."""
        if work.handler is not self._work.handler:
            self._give_back("given back: the handler has changed")
        self.row, self._work = row, work

    def wake(self) -> None:
        """Look for work now; hints that come together are one, and those that come while events are under way wait a moment for more."""
        if self._kicked is None and not self._stopping:
            wait = GATHER_MORE if self._stock.ample else GATHER if self._busy else 0
            self._kicked = self._clock.callLater(wait, self._kick)

    def _kick(self) -> None:
        self._kicked = None
        _ = self.run().addErrback(lambda failure: self._log.warn("{handler}: a pass failed: {error}", handler=self.row.name, error=failure.getErrorMessage()))

    def run(self) -> Deferred[None]:
        """One pass; while one is under way another one follows it. Errors of the database end it: what was to be written is written by a later one."""
        if self._passing is not None:
            self._again = True
            waiting: Deferred[None] = Deferred()

            def pass_on(result: Any) -> Any:
                waiting.callback(None)
                return result

            _ = self._passing.addBoth(pass_on)
            return waiting
        passing = self._passing = Deferred.fromCoroutine(self._pass())
        return passing.addBoth(self._passed)

    def _passed(self, result: Any) -> Any:
        self._passing = None
        if self._again and not isinstance(result, Failure):
            self.wake()
        self._again = False
        return result

    async def _pass(self) -> None:
        if self._stopping or self._work.wires.room is not None or self._stock.old:
            self._give_back("given back: its turn did not come")
        await self._write()
        if self._stopping or not await self._held():
            return
        wanted = self._wanted()
        while wanted > 0 and not self._stopping:
            self._stock.asked()
            page = await self._events.claim(self.row.i_handler, wanted, LEASE, KNOWN if isinstance(self._work.handler, StateHandler) else 0)
            await self._begin(page)
            if len(page) < wanted:
                return
            await self._write()
            wanted = self._wanted()

    def _wanted(self) -> int:
        """
        How many to claim: what there is room for, and the stock when half of it is gone. None in stock while the target is down, nor of a handler that brings
        entities to their state: what it takes from one for another must be written before, and must not wait for its turn.
        """
        room = self._room()
        if self._work.wires.room is not None or isinstance(self._work.handler, StateHandler):
            return min(room, PAGE)
        more = room + self._stock.lacks
        return min(more, PAGE) if more > 0 and not self._stock.ample else 0

    def _give_back(self, note: str) -> None:
        """What is in stock is due again, as if it had never been claimed."""
        self._settled += [Settled(claimed.notification, Verdict.RETRY, note, counted=False) for claimed in self._stock.clear()]

    async def stop(self) -> None:
        """Begin nothing more; what is under way is given back, and may be repeated by who runs the handler next."""
        self._stopping = True
        if self._kicked is not None:
            self._kicked.cancel()
            self._kicked = None
        if self._passing is not None:
            await self.run()
        for delivery in tuple(self._busy.values()):
            delivery.running.cancel()
        self._give_back(GIVEN_BACK)
        try:
            await self._write()
            await self._events.release(self.row.i_handler)
        except Exception as error:  # the leases run out by themselves
            self._log.warn("{handler}: what became of its events could not be written: {error}", handler=self.row.name, error=str(error).strip())

    async def _held(self) -> bool:
        """Whether this process runs the handler; asked again before the lease ends."""
        if self._held_until - self._clock.seconds() > HOLD - RENEW:
            return True
        begun = self._clock.seconds()
        held = await self._events.hold(self.row.i_handler, HOLD)
        self._held_until = begun + HOLD if held else 0.0
        return held

    def _room(self) -> int:
        room = self._work.wires.room
        most = self._work.parallel if room is None else min(room, self._work.parallel)
        return most - len(self._busy)

    async def _write(self) -> None:
        batch, self._settled = self._settled, []
        if not batch:
            return
        try:
            otherwise = await self._events.settle(batch)
        except BaseException:
            self._settled = batch + self._settled
            raise
        for entity in {settled.notification.event.entity for settled in batch} - set(self._busy):
            self._neighbours.leave(entity)
        for settled in otherwise:
            self._attempts.write(self.row.name, settled, 0, 0.0)
            self._alerts.parked(self.row.name, settled)

    # -- deliveries -------------------------------------------------------------------------------------------------------------------------------

    async def _begin(self, page: Sequence[Notification]) -> None:
        handler = self._work.handler
        accounts = sorted({one.event.i_account for one in page if one.event.i_account}) if handler.snapshot else []
        self._neighbours.reading()
        try:
            subscribers: Mapping[int, Subscriber] = await self._events.snapshots(accounts, handler.needs) if accounts else {}
            records = await self._events.records(self.row.i_handler, sorted({one.event.entity for one in page})) if page and handler.snapshot else {}
        except BaseException:
            self._settled += [Settled(one, Verdict.RETRY, "the snapshot could not be read", counted=False) for one in page]
            raise
        for one in page:
            self._stock.add(Claimed(one, subscribers.get(one.event.i_account), records.get(one.event.entity, NO_RECORD)))
        self._go_on()

    def _go_on(self) -> None:
        """Begin what there is room for, what users wait for first."""
        while self._stock.size and not self._stopping and self._room() > 0:
            self._deliver(self._stock.take())

    def _deliver(self, claimed: Claimed) -> None:
        one, work, begun = _ordered(claimed.notification), self._work, self._clock.seconds()
        entity = one.event.entity
        if self._neighbours.spoiled(entity):
            self._wait(one, "another entity took a key of it meanwhile: it is read anew")
            return
        before = self._busy.get(entity)
        if before is not None and before.i_notification != one.i_notification and begun - before.begun < LEASE:
            self._wait(one, "a later event of its entity, which was committed before it, is being told", BUSY_NEIGHBOUR)
            return
        if before is not None:  # our own lease ran out: the new attempt takes over
            before.running.cancel()
        delivery = Delivery(one, work.handler, work.wires, self._events, self.row.events, self._neighbours)
        running = Deferred.fromCoroutine(delivery.run(claimed.subscriber, claimed.record))
        self._busy[entity] = UnderWay(one.i_notification, begun, running)

        def over(result: Any) -> None:
            there = self._busy.get(entity)
            if there is not None and there.running is running:
                del self._busy[entity]
            settled = self._judged(one, result)
            if settled is not None:
                self._end(settled, delivery.asked, self._clock.seconds() - begun)
            self.wake()

        _ = running.addBoth(over).addErrback(lambda failure: self._log.failure("the end of a delivery failed", failure))
        if not running.called:  # one that ended at once is followed by the loop that began it
            _ = running.addCallback(lambda _: self._go_on())

    def _wait(self, one: Notification, why: str, seconds: float = 0) -> None:
        """Its turn has not come: it is due again then, as if it had not been claimed."""
        self._settled.append(Settled(one, Verdict.RETRY, why, timedelta(seconds=seconds), counted=False))
        self.wake()

    def _judged(self, one: Notification, result: Any) -> Settled | None:
        """What became of it; None: another attempt took over, or the handler was stopped, which is no end."""
        if isinstance(result, Settled) and not (self._stopping and result.verdict is Verdict.RETRY):
            return self._limited(result)
        if isinstance(result, Settled) or result.check(CancelledError):
            return Settled(one, Verdict.RETRY, GIVEN_BACK, counted=False)
        if result.check(HandlerStopped):
            self._stop_handler(result.getErrorMessage())
            return Settled(one, Verdict.RETRY, "the handler was stopped", counted=False)
        self._log.warn("{handler}: a delivery broke: {error}", handler=self.row.name, error=result.getErrorMessage())
        return self._limited(Settled(one, Verdict.RETRY, f"a delivery broke: {result.getErrorMessage()}"))

    def _limited(self, settled: Settled) -> Settled:
        """A retry with its time, or parked after the last one; the vendor's words without our secrets."""
        note, one = self._work.redact(settled.note), settled.notification
        if settled.verdict is not Verdict.RETRY:
            return replace(settled, note=note)
        if not settled.counted:
            return replace(settled, note=note)
        retries = self._work.retries
        if one.attempts >= retries.attempts:
            return replace(settled, verdict=Verdict.PARKED, note=f"{note} (attempt {one.attempts}, the last one)")
        delay = retries.delay(one.attempts, settled.delay.total_seconds(), random)
        return replace(settled, note=note, delay=timedelta(seconds=delay))

    def _end(self, settled: Settled, asked: int, took: float) -> None:
        self._settled.append(settled)
        self._stock.ended(settled.notification.lane)
        self._attempts.write(self.row.name, settled, asked, took)
        if settled.verdict is Verdict.PARKED:
            self._alerts.parked(self.row.name, settled)

    def _stop_handler(self, reason: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        stopping = stop(self.row, reason, self._work.redact, self._events, self._attempts, self._alerts)
        _ = stopping.addErrback(lambda failure: self._log.failure("{handler} could not be stopped", failure, handler=self.row.name))


def _ordered(one: Notification) -> Notification:
    """With the variables of its event in the catalogue's order, which a JSON object has not."""
    known = find(one.event.type)
    return one if known is None else replace(one, event=replace(one.event, variables=known.ordered(one.event.variables)))
