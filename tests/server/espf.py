"""A server with the role espf, an HTTP vendor that the test plays, and the operations that cause events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

from portaswitch.administration.handlers import Evctl
from portaswitch.config.settings import Settings, load_text
from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.service import Server
from portaswitch.store.database import Database
from portaswitch.store.hints import Hints
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.server.database import fresh_database
from tests.server.harness import WORLD
from tests.server.pools import PoolTestCase, until

_reactor: Any = reactor


class Vendor(Resource):
    """Answers every request by `status`; `asked` are method, path and body (JSON read)."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Any]] = []
        self.status = 200

    def render(self, request: Any) -> bytes:
        """Any method."""
        body = request.content.read()
        self.asked.append((request.method.decode(), request.uri.decode(), json.loads(body) if body else None))
        request.setResponseCode(self.status)
        return b"{}"


class EspfCase(PoolTestCase):
    """
    A server with its own database and the handlers of `config`, whose `{port}` is the vendor's and `{folder}` the operator's folder of handlers.

    `await self.begin(...)` in the test; everything ends with it.
    """

    timeout = 180

    async def begin(self, handlers: str = "", more: str = "", sql: str = "") -> None:
        """Start it all. `handlers` is YAML of `espf.handlers`, `more` further keys of `espf`."""
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "handlers").mkdir(parents=True)
        self.dsn = await fresh_database()
        self.db: Pool = await self.pool(self.dsn)
        await self.db.execute(WORLD + sql)
        self.vendor = Vendor()
        port = _reactor.listenTCP(0, Site(self.vendor), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port
        self.settings = self.configured(handlers, more)
        sealer = Sealer.load(self.folder / "secret.key")
        hints = Hints(_reactor, self.db)
        self.desk = Desk(Books(self.db, sealer, ENTITIES, hints.committed))
        self.addCleanup(hints.close)
        await self.start()
        self.addCleanup(lambda: self.server.stopService())
        database = Database(_reactor, self.folder, self.dsn)
        database.pool, database.hints, database.sealer = self.db, hints, sealer
        self.database = database

    def configured(self, handlers: str, more: str = "") -> Settings:
        """The settings."""
        text = f"""
state_dir: {self.folder}
database: '{self.dsn}'
roles: [espf, jobs]
logging: {{directory: {self.folder}/log}}
espf:
  handler_path: [{self.folder}/handlers]
  {more}
  handlers: {{{handlers.format(port=self.port, folder=self.folder)}}}
"""
        return load_text(text)

    async def start(self) -> None:
        """Start the server (again)."""
        self.server = Server(_reactor, self.settings)
        self.server.startService()
        await self.server.ready

    @property
    def evctl(self) -> Evctl:
        """What an operator does, on what the folders hold now."""
        return Evctl(self.database, self.settings, Actor("test:root", 1))

    async def enable(self, name: str, *events: str) -> None:
        """Subscribe an instance (to all that it supports) and let it run; returns when it does."""
        evctl = self.evctl
        row = await evctl.find(name)
        if events:
            await evctl.subscribe(row, row.events, False)
        await evctl.subscribe(row, events, True)
        await evctl.enable(row, True)

        async def runs() -> bool:
            return bool((await self.evctl.find(name)).worker)

        await until(runs, f"the run of {name}")

    async def operate(self, operation: str, **values: str | None) -> Any:
        """An operation of an administrator."""
        return await self.desk.operate(Actor("test", 1), operation, values)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait for something; `holds` may be a coroutine function."""
        await until(holds)

    async def quiet(self) -> None:
        """Wait until nothing is on its way."""

        async def none() -> bool:
            return not await self.db.query("select 1 from event_notifications where status = 'pending' limit 1")

        await self.until(none)

    def write(self, name: str, text: str) -> Path:
        """A file in the operator's folder."""
        path = self.folder / "handlers" / name
        path.write_text(text)
        return path


