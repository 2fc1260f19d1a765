"""
The engine of a process with the role espf: it keeps the handlers current and runs those that are enabled (DESIGN.md 5.2, 5.9).

    a look, each second:  files changed? > load, check, tell the database > rows read > runners begun, swapped, stopped
    a wake-up:            every runner looks for work now: a hint, polling is the truth
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from traceback import format_exception
from typing import Any, Final, Protocol

from twisted.internet.defer import DeferredList
from twisted.logger import Logger

from portaswitch.errors import StartError
from portaswitch.espf.registry import Ready, Registry
from portaswitch.espf.reports import AttemptLog, Recipient, Redaction
from portaswitch.espf.runner import Runner, Work
from portaswitch.espf.stopping import stop
from portaswitch.espf.wires import Wires
from portaswitch.handler import Target
from portaswitch.interfaces.events import IEvents
from portaswitch.interfaces.transport import ITransport
from portaswitch.metrics import Gauge
from portaswitch.model.notification import HandlerRow
from portaswitch.model.value import dataclass

RUNNERS: Final = Gauge("portaswitch_event_handlers_running", "Handler instances that this process runs or would run if another one did not")
UNDER_WAY: Final = Gauge("portaswitch_events_under_way", "Events that are being delivered by this process")
BREAKERS: Final = Gauge("portaswitch_event_targets_down", "Targets of event handlers that count as down: their circuit breakers are open")

#: Builds the transport of a target: its name, the target, the values of the instance's options.
MakeTransport = Callable[[str, Target, Mapping[str, Any]], ITransport]


class Service(Protocol):
    """What a looping call is to the engine."""

    def stopService(self) -> Any:
        """Stop it; a Deferred of the pass under way."""


#: Begins a guarded looping call: seconds, work, name.
Every = Callable[[float, Callable[[], Any], str], Service]


@dataclass(frozen=True, slots=True)
class Outside:
    """What the engine gets from its surroundings. `clock` has seconds() and callLater; `now` is aware UTC."""

    clock: Any
    now: Callable[[], datetime]
    every: Every
    transport: MakeTransport
    log: AttemptLog
    alerts: Recipient
    poll: float = 1.0


class Engine:
    """One a process. `start` fails where a configured handler is missing or has wrong options."""

    _log = Logger()

    def __init__(self, registry: Registry, events: IEvents, outside: Outside) -> None:
        self._registry, self._events, self._outside = registry, events, outside
        self._runners: dict[str, Runner] = {}
        self._loops: dict[str, Service] = {}
        self._work: dict[str, tuple[Ready, Work]] = {}
        self._ready: dict[str, Ready] = {}
        self._registered = False
        self._replaced: list[tuple[Any, Wires]] = []
        RUNNERS.read = lambda: len(self._runners)
        UNDER_WAY.read = lambda: sum(runner.under_way for runner in self._runners.values())
        BREAKERS.read = lambda: sum(breaker.open for _, work in self._work.values() for breaker in work.wires.breakers.values())

    async def start(self) -> None:
        """Load the handlers and begin. Errors: StartError with all that is wrong with the configured ones."""
        self._registry.loader.scan()
        self._tell_problems()
        faults = self._registry.faults()
        if faults:
            raise StartError("event handlers: " + "\n".join(faults))
        self._ready = self._registry.ready()
        await self.look()
        self._loops[""] = self._outside.every(self._outside.poll, self.look, "event-handlers")

    def wake(self) -> None:
        """Somebody committed: there may be work."""
        for runner in self._runners.values():
            runner.wake()

    async def look(self) -> None:
        """Take over what changed in the folders and in the database."""
        if self._registry.loader.scan():
            self._tell_problems()
            for fault in self._registry.faults():
                self._log.error("event handlers: {fault}; what ran goes on as it was", fault=fault)
            # One that is no longer right goes on as it was loaded.
            self._ready = {**self._ready, **self._registry.ready()}
            self._registered = False
        if not self._registered:
            await self._events.register([ready.instance for ready in self._ready.values()])
            self._registered = True
        rows = {row.name: row for row in await self._events.handlers()}
        await self._run({name: row for name, row in rows.items() if row.enabled and not row.stopped and name in self._ready})

    def _tell_problems(self) -> None:
        for path, problem in self._registry.loader.problems():
            self._log.error("the handler file {path}: {problem}", path=path, problem=problem)

    async def _run(self, wanted: Mapping[str, HandlerRow]) -> None:
        for name in [name for name in self._runners if name not in wanted]:
            await self._end(name)
        for name, row in wanted.items():
            try:
                runner, work = self._runners.get(name), self._work_of(row)
            except Exception as error:  # of its file, or of what its options name: nobody else waits for it
                await self._stop_handler(row, error)
                continue
            if runner is None:
                runner = self._runners[name] = Runner(
                    row, work, self._events, self._outside.clock, self._outside.log, self._outside.alerts, self._outside.now,
                )  # fmt: skip
                self._loops[name] = self._outside.every(self._outside.poll, runner.run, f"event handler {name}")
                runner.wake()
            else:
                runner.swap(row, work)

    async def _stop_handler(self, row: HandlerRow, error: Exception) -> None:
        """What its file says of the values of its options may hold secrets, in the trace too."""
        redact, outside = Redaction(self._ready[row.name].reading.secrets), self._outside
        self._log.error("the event handler {name} can't be set up: {trace}", name=row.name, trace=redact("".join(format_exception(error))))
        await stop(row, f"it can't be set up: {type(error).__name__}: {error}", redact, self._events, outside.log, outside.alerts)

    def _work_of(self, row: HandlerRow) -> Work:
        """What the instance works with: the same as long as its handler is; an internal one knows its filters."""
        ready = self._ready[row.name]
        known = self._work.get(row.name)
        if known is not None and (known[0] is ready or known[0].handler is ready.handler or _alike(known[0], ready)):
            return known[1]
        values = ready.reading.values
        transports = {
            target: self._outside.transport(f"{row.name}/{target}" if target else row.name, what, values) for target, what in ready.handler.reach().items()
        }
        wires = Wires(ready.handler, transports, self._outside.now, self._outside.clock.seconds)
        work = Work(ready.handler, wires, ready.parallel, ready.reading.retries, Redaction(ready.reading.secrets))
        if known is not None:
            self._close(known[1].wires)
        self._work[row.name] = ready, work
        return work

    def _close(self, wires: Wires) -> None:
        """Those of a version that was replaced, once what is under way has had its time."""
        call = self._outside.clock.callLater(wires.longest, lambda: self._closed(wires))
        self._replaced.append((call, wires))

    def _closed(self, wires: Wires) -> None:
        self._replaced = [(call, other) for call, other in self._replaced if other is not wires]
        _ = DeferredList(wires.close(), consumeErrors=True)

    async def _end(self, name: str) -> None:
        runner, loop = self._runners.pop(name), self._loops.pop(name)
        stopped = loop.stopService()
        if stopped is not None:
            await stopped
        await runner.stop()
        _, work = self._work.pop(name)
        await DeferredList(work.wires.close(), consumeErrors=True)

    async def stop(self) -> None:
        """Begin nothing more and give back what is under way."""
        look = self._loops.pop("", None)
        stopped = None if look is None else look.stopService()
        if stopped is not None:
            await stopped
        for name in tuple(self._runners):
            await self._end(name)
        for call, wires in tuple(self._replaced):
            call.cancel()
            self._closed(wires)


def _alike(one: Ready, other: Ready) -> bool:
    """Whether two are the same class of the same file with the same values: nothing has changed for them."""
    return type(one.handler) is type(other.handler) and one.reading.values == other.reading.values
