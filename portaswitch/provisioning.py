"""The role espf of a server: the engine of event handlers with what it needs, built from settings (part of the service tree)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from os import getpid
from typing import Any, Final

from portaswitch import jobs
from portaswitch.administration.handlers import registry
from portaswitch.config.settings import Settings
from portaswitch.espf.engine import Engine, Outside
from portaswitch.espf.mail import Mailer
from portaswitch.espf.reports import AttemptLog, Digest
from portaswitch.logs import LineFile
from portaswitch.store.database import Database
from portaswitch.store.events import Events, inherit
from portaswitch.store.pool import Pool
from portaswitch.transports import transport

#: Connections of its own, so that a backlog of events takes none from operations and queries.
CONNECTIONS: Final = 3
#: The queue is empty when its statistics are taken and long when they count: its plans go by the indexes whatever they say.
PLANS: Final = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_bitmapscan": "off", "jit": "off"}
#: Seconds between two digests, and lines of provisioning.log that are gathered between two writings.
DIGEST, GATHER = 300.0, 20_000


class Provisioning:
    """Started after the schema is there, stopped before the pools are closed."""

    def __init__(self, reactor: Any, settings: Settings, database: Database, now: Callable[[], datetime]) -> None:
        self._reactor, self._settings, self._database, self._now = reactor, settings, database, now
        self._jobs: list[jobs.Periodic] = []
        self._engine: Engine | None = None
        self._log = LineFile(None, 0, 0, 0)

    async def start(self) -> None:
        """Begin. Errors: StartError where a configured handler is missing or has wrong options."""
        settings = self._settings
        pool: Pool = await self._database.connect("espf", CONNECTIONS, PLANS)
        self._log = LineFile(settings.logging.directory / "provisioning.log", settings.logging.rotate_size, settings.logging.keep, GATHER)
        worker = f"{settings.instance}/{getpid()}"
        await inherit(pool, settings.instance, worker)
        events = Events(pool, self._database.sealer, worker)
        alerts = self._digest()
        outside = Outside(
            self._reactor, self._now, self._every, lambda name, target, values: transport(self._reactor, name, target, values),
            AttemptLog(self._log, self._now), alerts,
        )  # fmt: skip
        self._engine = Engine(registry(settings), events, outside)
        self._jobs.append(self._every(0.5, self._log.flush, "provisioning-log"))
        self._jobs.append(self._every(DIGEST, alerts.mail, "alert-mail"))
        await self._engine.start()
        self._database.hints.told.append(self.wake)

    def _digest(self) -> Digest:
        espf = self._settings.espf
        mailer = None if espf.alert_recipient is None else Mailer(self._reactor, espf.mail_server, espf.mail_port)
        return Digest(espf.alert_sender, espf.alert_recipient or "", mailer, self._now)

    def _every(self, seconds: float, work: Callable[[], Any], name: str) -> jobs.Periodic:
        job = jobs.Periodic(self._reactor, seconds, work, name)
        job.startService()
        return job

    def wake(self) -> None:
        """Somebody committed: there may be events."""
        if self._engine is not None:
            self._engine.wake()

    def reopen_logs(self) -> None:
        """Close provisioning.log; the next line opens it again."""
        self._log.close()

    async def stop(self) -> None:
        """Give back what is under way, mail what was gathered no more, write the log."""
        if self._engine is not None:
            await self._engine.stop()
        for job in self._jobs:
            stopped = job.stopService()
            if stopped is not None:
                await stopped
        self._log.close()
