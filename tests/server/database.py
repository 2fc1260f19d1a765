"""
Databases for tests of the whole server: every test has its own, cloned from one migrated template.

PostgreSQL is the one that PORTASWITCH_TEST_DATABASE names (the libpq string of a database from which others
may be created), else an embedded one in a temporary folder, started once per test run and stopped with the
reactor.  What a killed run left behind is cleaned by the next one.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from psycopg2.errors import ObjectInUse
from psycopg2.extensions import make_dsn, parse_dsn
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from portaswitch.store import placement, postmaster
from portaswitch.store.embedded import EmbeddedError, EmbeddedPostgres, StateLock
from portaswitch.store.migrate import migrate
from portaswitch.store.pool import Pool
from portaswitch.store.processes import run

VARIABLE = "PORTASWITCH_TEST_DATABASE"
"""The environment variable that names a PostgreSQL to use instead of an embedded one."""

PREFIX = "portaswitch-test-"
"""How the temporary state folders are called."""

MEMORY = Path("/dev/shm")
"""A file system in memory: making the thousand files of a clone takes 0.05 s there and 0.5 s on a disk."""

MEMORY_NEEDED = 2 << 30
"""Octets that must be free there, else the ordinary temporary folder is used."""

KEPT = 20
"""Databases that stay; older ones that nobody is connected to are dropped, as each takes about 13 MB."""

_reactor: Any = reactor
_numbers = itertools.count(1)


def temporary() -> Path:
    """The folder for temporary state folders: in memory when there is room and TMPDIR says nothing else."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK):
        facts = os.statvfs(MEMORY)
        if facts.f_bavail * facts.f_frsize > MEMORY_NEEDED:
            return MEMORY
    return Path(tempfile.gettempdir())


def new_state_dir() -> Path:
    """A new temporary state folder that the ordinary user who runs PostgreSQL for root can enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=temporary()))
    folder.chmod(0o711)
    return folder


def sweep() -> None:
    """Stop and remove what killed test runs left: the run is gone, their lock is free and their folder is not brand-new."""
    for folder in temporary().glob(f"{PREFIX}*"):
        facts = folder.stat()
        if facts.st_uid != os.geteuid() or time.time() - facts.st_mtime < 60 or _lives(folder.name.removeprefix(PREFIX).partition("-")[0]):
            continue
        try:
            lock = StateLock(folder)
        except EmbeddedError:
            continue
        home = placement.recorded(folder)
        left = None if home is None else postmaster.running(home.data)
        if left is not None:
            os.kill(left.pid, signal.SIGQUIT)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: str) -> bool:
    """Whether there is such a process: a run beside this one, whose folders need hold no lock."""
    return pid.isdecimal() and Path("/proc", pid).exists()


class _Run:
    """The PostgreSQL of this test run and the databases made in it."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._embedded: EmbeddedPostgres | None = None
        self.maintenance = ""
        self.template = ""

    async def prepare(self) -> None:
        """Find or start PostgreSQL, and make the template."""
        _reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(self._end()))
        self.maintenance = os.environ.get(VARIABLE, "")
        if not self.maintenance:
            sweep()
            folder = new_state_dir()
            self._embedded = EmbeddedPostgres(_reactor, folder)
            _reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, folder, ignore_errors=True)
            self.maintenance = make_dsn(await self._embedded.start(), dbname="postgres")
        template = await self.create()
        pool = Pool(_reactor, template, size=1, name="template")
        await pool.start()
        try:
            await migrate(pool)
        finally:
            await pool.close()
        self.template = self._made[-1]

    async def create(self, template: str = "template0") -> str:
        """A new database, a clone of `template`."""
        name = f"portaswitch_test_{os.getpid()}_{next(_numbers)}"
        await self._maintain(f"create database {name} template {template}")
        self._made.append(name)
        for old in [made for made in self._made[:-KEPT] if made != self.template]:
            await self._drop_unused(old)
        return make_dsn(self.maintenance, dbname=name)

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        await self._maintain(f"drop database if exists {name} with (force)")
        if name in self._made:
            self._made.remove(name)

    async def _drop_unused(self, name: str) -> None:
        try:
            await self._maintain(f"drop database if exists {name}")
        except ObjectInUse:
            return
        self._made.remove(name)

    async def _maintain(self, statement: str) -> None:
        # A connection each time: one that stays would make the reactor unclean between tests.
        pool = Pool(_reactor, self.maintenance, size=1, name="maintenance", wait=30)
        await pool.start()
        try:
            await pool.execute(statement)
        finally:
            await pool.close()

    async def _end(self) -> None:
        if self._embedded is not None:
            await self._embedded.stop()
            return
        for name in reversed(tuple(self._made)):
            await self.drop(name)


_seed: Path | None = None
#: Kept locked to the end of the process, so that no other test run sweeps it.
_seed_lock: StateLock | None = None


async def seeded_state_dir() -> Path:
    """
    A new state folder whose PostgreSQL was initialised and stopped in order: a copy, as initdb takes 0.5 s.

    The caller removes it.
    """
    global _seed, _seed_lock
    if _seed is None:
        _seed = new_state_dir()
        _reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, _seed, ignore_errors=True)
        server = EmbeddedPostgres(_reactor, _seed)
        await server.start()
        await server.stop()
        _seed_lock = StateLock(_seed)
    folder = new_state_dir()
    code, said = await run(_reactor, ["/bin/cp", "-a", str(_seed / "postgres"), str(folder)])
    if code:
        raise RuntimeError(said)
    return folder


_run: _Run | None = None
_prepared: Deferred[None] = succeed(None)


def _ready() -> Deferred[_Run]:
    """The run, prepared once; its failure, if it has one, is everybody's."""
    global _run, _prepared
    if _run is None:
        _run = _Run()
        _prepared = Deferred.fromCoroutine(_run.prepare())
    run, answer = _run, Deferred[_Run]()

    def passed(result: Any) -> Any:
        answer.callback(run if result is None else result)
        return result

    _ = _prepared.addBoth(passed)
    return answer


def fresh_database() -> Deferred[str]:
    """A migrated, empty database of its own; fires with its libpq connection string."""

    async def make() -> str:
        run = await _ready()
        return await run.create(run.template)

    return Deferred.fromCoroutine(make())


def empty_database() -> Deferred[str]:
    """A database without a schema; fires with its libpq connection string."""

    async def make() -> str:
        return await (await _ready()).create()

    return Deferred.fromCoroutine(make())


def drop(dsn: str) -> Deferred[None]:
    """Drop a database that `fresh_database` gave; the end of the run drops those that are left."""

    async def make() -> None:
        await (await _ready()).drop(parse_dsn(dsn)["dbname"])

    return Deferred.fromCoroutine(make())
