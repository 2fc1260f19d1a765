"""
The database as a whole: where it is (embedded or a connection string), its schema up to date, the pool for ordinary work, and the key that seals secrets.

The server opens it for itself; an administrator's command beside a running server shares the running one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from twisted.logger import Logger

from portaswitch.errors import StartError
from portaswitch.store.embedded import EmbeddedPostgres, attach
from portaswitch.store.hints import Hints
from portaswitch.store.migrate import migrate
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.secrets import Sealer

KEY_FILE = "secret.key"

#: Bitmaps stay: there is no other way through a BRIN index.
JOB_SETTINGS: Final[Mapping[str, str]] = {
    "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_material": "off", "jit": "off",
    "max_parallel_workers_per_gather": "0",
}  # fmt: skip
JOB_CONNECTIONS: Final = 2


class Database:
    """`dsn` None means the embedded PostgreSQL under `state_dir`. After `open`: `pool`, `hints`, `sealer` and `dsn` are there."""

    _log = Logger()
    pool: Pool
    sealer: Sealer
    hints: Hints

    def __init__(self, reactor: Any, state_dir: Path, dsn: str | None, size: int = 4) -> None:
        self._reactor, self._state_dir, self._size = reactor, state_dir, size
        self._embedded: EmbeddedPostgres | None = None
        self._pools: list[Pool] = []
        self._dsn = dsn

    @property
    def dsn(self) -> str:
        """The connection string; known once it is open."""
        if self._dsn is None:
            raise StartError("the database is not open")
        return self._dsn

    async def open(self, share: bool = False) -> None:
        """
        Start or find the database, bring its schema up to date, connect. `share`: use the embedded one that a running server has, if there is one.

        Errors: EmbeddedError, SchemaError, StartError, each with what to do.
        """
        await self.reach(share)
        await self.prepare()

    async def reach(self, share: bool = False) -> None:
        """The first half of `open`: start or find the database and connect `pool`, whatever it holds."""
        try:
            self._state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"{self._state_dir} can't be made ({error.strerror}): set state_dir to a folder that this user may write") from error
        if self._dsn is None:
            self._dsn = attach(self._state_dir) if share else None
        if self._dsn is None:
            self._embedded = EmbeddedPostgres(self._reactor, self._state_dir)
            self._dsn = await self._embedded.start()
        # Both are there before the first connection, which may be long in coming: a server may be stopped meanwhile.
        self.pool = Pool(self._reactor, self._dsn, size=self._size, name="work")
        self.hints = Hints(self._reactor, self.pool)
        await self._connect(self.pool)

    async def prepare(self) -> None:
        """The second half: the key, and the schema of this version."""
        self.sealer = Sealer.load(self._state_dir / KEY_FILE)
        steps = await migrate(self.pool)
        if steps:
            self._log.info("the schema was brought up to date in {count} steps", count=len(steps), steps=steps)

    async def connect(self, name: str, size: int, settings: Mapping[str, str] | None = None) -> Pool:
        """A further pool on the same database; `settings` are set on each of its connections."""
        return await self._connect(Pool(self._reactor, self.dsn, size=size, name=name, settings=settings))

    async def connect_jobs(self) -> Pool:
        """The pool of periodic jobs: plans that need no statistics (of a table that grew within minutes they are wrong), and one CPU at most."""
        return await self.connect("jobs", JOB_CONNECTIONS, JOB_SETTINGS)

    async def connect_hot(self, size: int, statement_timeout: float, name: str = "hot") -> Pool:
        """The pool of the money path, or another one as it is: fixed plans, and statements that give up after `statement_timeout` seconds."""
        settings = {**HOT_SETTINGS, "statement_timeout": str(int(statement_timeout * 1000))}
        return await self._connect(Pool(self._reactor, self.dsn, size=size, name=name, settings=settings))

    async def _connect(self, pool: Pool) -> Pool:
        self._pools.append(pool)
        await pool.start()
        return pool

    async def close(self) -> None:
        """Tell what was committed, close the pools, then stop the database if we started it."""
        if self._pools:
            await self.hints.close()
        for pool in reversed(self._pools):
            await pool.close()
        self._pools.clear()
        if self._embedded is not None:
            await self._embedded.stop()
            self._embedded = None
