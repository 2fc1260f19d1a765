"""
The only builder of the tree: from settings to a running server, and back.

    start:  http > database > schema > (load FILE) > catalogue > core > ports > jobs > "ready"
    stop:   ports > core drained > jobs > pools > embedded database > http

The status pages (http) are there from the first to the last moment, so that an orchestrator can tell a server that waits or drains from a dead one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg2
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from portaswitch import jobs, process_metrics
from portaswitch.administration import load_file
from portaswitch.api.espf import Espf
from portaswitch.api.purchases import Purchases
from portaswitch.api.status import pages, site
from portaswitch.billing.core import Core, decided
from portaswitch.billing.limits import Limits
from portaswitch.config.settings import Settings
from portaswitch.endpoints import listen
from portaswitch.endpoints.radius import RadiusProtocol
from portaswitch.errors import PortaSwitchError, StartError
from portaswitch.logs import BillingLog, LineFile, RotatingFile, background, log_to_file
from portaswitch.memory import YOUNG, Collector
from portaswitch.metrics import Gauge
from portaswitch.model.actor import Actor
from portaswitch.model.catalogue import EMPTY, Catalogue
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.provisioning import Provisioning
from portaswitch.service_diameter import DiameterRole
from portaswitch.service_jobs import database_jobs
from portaswitch.service_radius import RadiusRole
from portaswitch.service_sip import NONCES, SipService, worker_of
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.database import Database
from portaswitch.store.folding import reseller_funds
from portaswitch.store.hints import CHANNEL as HINTS
from portaswitch.store.ledger import Ledger
from portaswitch.store.listen import Listener
from portaswitch.store.partitions import keep_partitions
from portaswitch.store.pool import Pool
from portaswitch.store.trace_watches import CHANNEL, read_watches
from portaswitch.store.users import Users
from portaswitch.store.work import Books
from portaswitch.trace.tracer import WATCHES, Tracer, silent

#: Work between the schema and the catalogue (`--load`).
Prepare = Callable[[Database], Awaitable[None]]

#: Octets of trace.log before it turns, old ones that are kept, and lines that are gathered between two writings.
TRACE_LOG = 20_000_000, 5, 5000

TURN = Gauge("portaswitch_longest_turn_seconds", "The longest time the reactor was kept from its next turn since the last reading")


class Stage(StrEnum):
    """Where a server is between start and end; the text says why it serves nobody, '' when it does."""

    STARTING = "starting: the database, its schema or the catalogue is not there yet"
    SERVING = ""
    STOPPING = "stopping: what was asked is finished, nothing new is taken"


class Server(Service):
    """The whole server as one service. `ready` fires with the lines that say where it listens, or fails with what is in the way."""

    _log = Logger()
    name = "portaswitch"

    def __init__(self, reactor: Any, settings: Settings, prepare: Prepare | None = None) -> None:
        self._reactor, self._settings, self._prepare = reactor, settings, prepare
        self.ready: Deferred[list[str]] = Deferred()
        self._starting: Deferred[list[str]] | None = None
        self._pages = pages(self._why_not_ready)
        self._database = Database(reactor, settings.state_dir, settings.database.dsn, settings.limits.work_connections)
        process_metrics.expose()
        self._stage = Stage.STARTING
        self._ports: list[listen.ListeningPort] = []
        self._http: list[listen.ListeningPort] = []
        self._log_file: RotatingFile | None = None
        self._jobs: list[jobs.Periodic] = []
        self._listener: Listener | None = None
        self._hot: Pool | None = None
        self.catalogue = EMPTY
        self.radius = RadiusRole(reactor, settings, _now, lambda: self._database.pool)
        self._billing_log = BillingLog(None)
        self._trace_log, self.tracer = LineFile(None, *TRACE_LOG), silent()
        self.provisioning: Provisioning | None = None
        self.sip: SipService | None = None
        self.core: Core | None = None
        self.diameter = DiameterRole(reactor, settings, _now) if "diameter" in settings.roles else None

    @property
    def protocols(self) -> Mapping[str, RadiusProtocol]:
        """The protocols of the RADIUS ports, by name."""
        return self.radius.protocols

    def startService(self) -> None:
        """Begin to start; see `ready`."""
        Service.startService(self)
        self._starting = Deferred.fromCoroutine(self._start())
        background(self._starting.addCallbacks(self.ready.callback, self._failed), "starting")

    def stopService(self) -> Deferred[None]:
        """Stop in the order above; the Deferred fires when nothing of us is left."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    # -- start ------------------------------------------------------------------------------------------------------------------------------------

    async def _start(self) -> list[str]:
        settings = self._settings
        self.radius.load_profiles()  # a fault there stops the start before anything is open
        if self.diameter is not None:
            self.diameter.load_profiles()
        http = [self._open_http(address) for address in settings.http.listen] if "http" in settings.roles else []
        await self._database.open()
        self._open_api()
        if self._prepare is not None:
            await self._prepare(self._database)
        self._hot = await self._database.connect_hot(settings.limits.hot_connections, settings.limits.statement_timeout)
        catalogue = CatalogueStore(self._database.pool, self._reactor, self._database.sealer.open, settings.limits.reseller_slack)
        catalogue.on_swap.append(self._swapped)
        ledger = Ledger(self._hot, self._database.sealer.open, self._database.hints.committed, worker_of(settings))
        self._open_logs()
        later = partial(self._reactor.callLater, 0)
        self.core = Core(ledger, catalogue, self._billing_log, _limits(settings), tracer=self.tracer, later=later)
        await self._listen_to_changes(catalogue, self.core)
        await catalogue.reload()
        if "jobs" in settings.roles:
            await self._first_partitions()
        if "espf" in settings.roles:
            self.provisioning = Provisioning(self._reactor, settings, self._database, _now)
            await self.provisioning.start()
        lines = self._open_ports(self.core)
        if "sip" in settings.roles:
            pool = await self._database.connect_hot(settings.limits.hot_connections, settings.limits.statement_timeout, "sip")
            self.sip = SipService(self._reactor, settings, self.core, pool, lambda: self.catalogue, _now, self.tracer, self._database.sealer.derived(NONCES))
            lines += await self.sip.open()
        await self._start_jobs(ledger, self.core)
        self._stage = Stage.SERVING
        return lines + http

    def _open_logs(self) -> None:
        logging = self._settings.logging
        self._log_file = log_to_file(_log_file(logging.directory, "portaswitch.log"), logging.level, logging.rotate_size, logging.keep)
        self._billing_log = BillingLog(_log_file(logging.directory, "billing.log"), logging.rotate_size, logging.keep)
        self._trace_log = LineFile(_log_file(logging.directory, "trace.log"), *TRACE_LOG)
        self.tracer = Tracer(self._trace_log, self._reactor.seconds, _now)
        WATCHES.read = lambda: len(self.tracer.watches)

    def reopen_logs(self) -> None:
        """Close the log files; the next line of each opens it under its name (SIGHUP, after somebody moved them)."""
        self._billing_log.close()
        self._trace_log.close()
        if self._log_file is not None:
            self._log_file.close()
        if self.provisioning is not None:
            self.provisioning.reopen_logs()

    async def _first_partitions(self) -> None:
        """Those of today, before anything is written: rows that move into a partition later are missed by who looks for them in that moment."""
        try:
            await keep_partitions(self._database.pool)
        except psycopg2.Error as error:
            self._log.warn("partitions could not be made, the job tries again: {error}", error=str(error).strip())

    async def _listen_to_changes(self, catalogue: CatalogueStore, core: Core) -> None:
        """Configuration changes come by NOTIFY; after a lost connection everything remembered is dropped, since changes may have been missed."""

        def lost() -> None:
            core.cache.forget_all()
            told("", "")
            background(catalogue.reload(), "reloading the catalogue")
            background(self._read_watches(), "reading the watches of the trace")

        def told(channel: str, payload: str) -> None:
            if channel == "subscribers":
                core.cache.heard(payload)
            if self.sip is not None:
                self.sip.heard(channel, payload)

        channels: Mapping[str, Callable[[str], object]] = {
            "catalogue": lambda _: catalogue.reload(), "subscribers": partial(told, "subscribers"), CHANNEL: lambda _: self._read_watches(),
            HINTS: self._database.hints.heard, "contacts": partial(told, "contacts"),
        }  # fmt: skip
        self._listener = Listener(self._reactor, self._database.dsn, channels, lost)
        await self._listener.start()
        await self._read_watches()

    def _read_watches(self) -> Deferred[None]:
        return Deferred.fromCoroutine(read_watches(self._database.pool, self.tracer))

    def _swapped(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.radius.swapped(catalogue)
        if self.diameter is not None:
            self.diameter.swapped(catalogue)

    def _open_ports(self, core: Core) -> list[str]:
        lines = []
        for name, opened in self.radius.open(core, self.tracer) if "radius" in self._settings.roles else ():
            self._ports.append(opened)
            lines.append(f"{name} on {_place('udp', opened)}")
        return lines + (self.diameter.open(core, self.tracer, self._database.pool, decided) if self.diameter is not None else [])

    def _open_http(self, address: Any) -> str:
        opened = listen.listen_stream(self._reactor, address, site(self._pages), self._settings.reuse_port, "HTTP")
        self._http.append(opened)
        return f"HTTP (/metrics, /healthz, /readyz) on {_place(address.transport, opened)}"

    def _open_api(self) -> None:
        """What the http ports serve beside the status pages takes a database."""
        pool, desk = self._database.pool, self._desk(self._database.pool)
        self._pages.putChild(b"espf", Espf(Users(pool), desk, Purchases(lambda: self.core, lambda: self.catalogue, desk)))

    def _why_not_ready(self) -> str | None:
        if self._stage is not Stage.SERVING:
            return self._stage.value
        return "no live connection to the database" if self._hot is None or self._hot.live == 0 else None

    async def _start_jobs(self, ledger: Ledger, core: Core) -> None:
        pool = self._database.pool
        self._every(0.5, self._billing_log.flush, "billing-log")
        self._every(0.5, self._trace_log.flush, "trace-log")
        self._every(1.0, self.tracer.expire, "trace-watches")
        self._every(5.0, self.radius.sweep, "duplicates")
        self._every(1.0, self._read_resellers(pool, core), "resellers")
        self._watch_turns()
        for seconds, work, name in self.radius.jobs() if "radius" in self._settings.roles else ():
            self._every(seconds, work, name)
        for every in self.diameter.jobs(pool) if self.diameter is not None else ():
            self._every(every.seconds, every.run, every.name)
        for seconds, work, name in self.sip.jobs() if self.sip is not None else ():
            self._every(seconds, work, name)
        if "jobs" in self._settings.roles:
            self._every(5.0, jobs.sweeper(ledger, core, _now), "sweeper")
            theirs = await self._database.connect_jobs()
            for job in database_jobs(self._reactor, theirs, self._desk(pool), lambda: self.catalogue, _now):
                self._begin(job)
            for seconds, paged, name in self.sip.paged_jobs() if self.sip is not None else ():
                self._begin(jobs.Paged(self._reactor, seconds, paged, name))

    def _desk(self, pool: Pool) -> Desk:
        return Desk(Books(pool, self._database.sealer, ENTITIES, self._database.hints.committed))

    def _every(self, seconds: float, work: Callable[[], Any], name: str) -> None:
        self._begin(jobs.Periodic(self._reactor, seconds, work, name))

    def _begin(self, job: jobs.Periodic) -> None:
        self._jobs.append(job)
        job.startService()

    @staticmethod
    def _read_resellers(pool: Pool, core: Core) -> Callable[[], Awaitable[None]]:
        async def read() -> None:
            core.cache.keep_resellers(await reseller_funds(pool))

        return read

    def _watch_turns(self) -> None:
        """Keep the longest reactor turn for the gauge: a looping call that is late tells how long others kept the reactor."""
        last, worst = perf_counter(), 0.0

        def tick() -> None:
            nonlocal last, worst
            now = perf_counter()
            worst, last = max(worst, now - last - 0.1), now

        def read() -> float:
            nonlocal worst
            told, worst = worst, 0.0
            return round(told, 4)

        TURN.read = read
        self._every(0.1, tick, "turns")

    def calm_collector(self) -> None:
        """Take the cycle collector over (see `memory`); for a process that is this server and nothing else."""
        collector = Collector()
        self._every(YOUNG, collector.young, "collector")
        self._every(60.0, collector.grown, "full-collector")

    def watched(self, seconds: float, tell: Callable[[], None]) -> None:
        """Tell a supervisor every so often that the reactor turns."""
        self._every(seconds, tell, "watchdog")

    def _failed(self, failure: Any) -> None:
        if not self.ready.called:
            self.ready.errback(failure)

    # -- stop -------------------------------------------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._stage = Stage.STOPPING
        if self._starting is not None and not self._starting.called:
            self._starting.cancel()
        await listen.closed(self._ports)
        if self.diameter is not None:
            await self.diameter.drain()
        if self.sip is not None:
            await self.sip.close()
        if self.core is not None:
            await self.core.drained().addTimeout(self._settings.limits.decision_timeout + 1, self._reactor, lambda *_: None)
        if self.diameter is not None:
            await self.diameter.stop()
        if self.provisioning is not None:
            await self.provisioning.stop()
        for job in self._jobs:
            stopped = job.stopService()
            if stopped is not None:
                await stopped
        await self.radius.stop()
        self._billing_log.close()
        self._trace_log.close()
        if self._listener is not None:
            self._listener.close()
        await self._database.close()
        await listen.closed(self._http)


def explain(error: BaseException) -> str:
    """One clear line for an error that stops the start."""
    if isinstance(error, PortaSwitchError):
        return str(error)
    return f"{type(error).__name__}: {str(error).strip()}"


def loading(path: str, settings: Settings) -> Prepare:
    """What `--load` does: the catalogue file at `path` into the database, all or nothing, told in one log line."""

    async def load(database: Database) -> None:
        loaded = await load_file(database, path, Actor("server:load", settings.environment), _unseen)
        made = sum(count.created for count in loaded.counts.values())
        changed = sum(count.changed for count in loaded.counts.values())
        Server._log.info("loaded {path}: {made} created, {changed} changed", path=path, made=made, changed=changed)

    return load


def _unseen(done: int, total: int, what: str) -> None:
    """Progress of a load at the start is not shown."""


def _limits(settings: Settings) -> Limits:
    limits = settings.limits
    return Limits(
        limits.batch, limits.flights, settings.radius.max_waiting, limits.decision_timeout, limits.cache_accounts, limits.cache_sessions,
        limits.password_tries, limits.password_window,
    )  # fmt: skip


def _log_file(directory: Path, name: str) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{directory} can't be made ({error.strerror}): set logging.directory to a folder that this user may write") from error
    return directory / name


def _place(transport: str, port: listen.ListeningPort) -> str:
    host = port.getHost()
    return f"{transport} {host.host}:{host.port}"


def _now() -> datetime:
    return datetime.now(UTC)
