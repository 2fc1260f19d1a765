"""
The pool and the listener when backends, the postmaster or the whole server die.

Every test has a PostgreSQL of its own: a backend killed with SIGKILL takes all connections of its server
along.
"""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any

import psycopg2
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from portaswitch.errors import DatabaseDown
from portaswitch.store import pool as pool_module
from portaswitch.store.embedded import EmbeddedPostgres
from portaswitch.store.listen import Listener
from portaswitch.store.pool import ConnectionLost, Cursor, Pool
from tests.server.database import seeded_state_dir
from tests.server.pools import PoolTestCase, pause, until

_reactor: Any = reactor


class OutageTests(PoolTestCase):
    """Connections that die."""

    def setUp(self) -> Any:
        """A private PostgreSQL."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        folder = await seeded_state_dir()
        self.addCleanup(shutil.rmtree, folder)
        self.server = EmbeddedPostgres(_reactor, folder)
        self.addCleanup(self.server.stop)
        self.dsn = await self.server.start()

    async def under_load(self, db: Pool, harm: Any) -> list[object]:
        """Runs queries while harm is done; the failures must be of the promised kinds, and must stop."""
        ends: list[object] = []

        async def client(until: float) -> None:
            while _reactor.seconds() < until:
                try:
                    ends.append(await db.query("select 1"))
                except (DatabaseDown, psycopg2.OperationalError) as error:
                    ends.append(error)
                    await pause(0.01)

        clients = [Deferred.fromCoroutine(client(_reactor.seconds() + 0.6)) for _ in range(8)]
        await pause(0.1)
        await harm()
        await gatherResults(clients)
        await pause(0.2)
        answers = await gatherResults([db.query("select 1") for _ in range(200)])
        self.assertEqual(answers, [[(1,)]] * 200)
        return [end for end in ends if not isinstance(end, list)]

    async def killed(self, db: Pool, number: signal.Signals, count: int) -> None:
        """Sends a signal to some of the pool's backends."""
        rows = await db.query("select pid from pg_stat_activity where application_name = 'portaswitch test'")
        for (pid,) in rows[:count]:
            os.kill(pid, number)

    async def test_backend_killed(self) -> None:
        """SIGKILL of one backend: PostgreSQL ends all of them and recovers."""
        db, lines = await self.pool(self.dsn, size=4, wait=5), self.logged()
        failures = await self.under_load(db, lambda: self.killed(db, signal.SIGKILL, 1))
        self.assertGreater(len(failures), 0)
        self.assertEqual({type(failure) for failure in failures}, {ConnectionLost})
        lost = [line for line in lines if "connection lost" in line]
        self.assertTrue(4 <= len(lost) <= 8, lost)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_one_backend_terminated(self) -> None:
        """One of four dies: at most its own call fails, and it is not handed out again until it is back."""
        db, lines = await self.pool(self.dsn, size=4), self.logged()
        failures = await self.under_load(db, lambda: self.killed(db, signal.SIGTERM, 1))
        self.assertLessEqual(len(failures), 1)
        self.assertEqual(len([line for line in lines if "connection lost" in line]), 1)
        self.assertEqual((db.live, db.idle), (4, 4))

    async def test_all_backends_terminated(self) -> None:
        """All die at once."""
        db = await self.pool(self.dsn, size=4)
        failures = await self.under_load(db, lambda: self.killed(db, signal.SIGTERM, 4))
        self.assertLessEqual(len(failures), 4)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_idle_connections_die(self) -> None:
        """Nobody uses them: one line each, no traceback, and they are back for the next call."""
        db, lines = await self.pool(self.dsn, size=3), self.logged()
        await self.killed(db, signal.SIGTERM, 3)
        while len([line for line in lines if "connection lost" in line]) < 3 or db.idle < 3:
            await pause(0.05)  # the test's time limits it
        self.assertEqual(len([line for line in lines if "connection lost" in line]), 3)
        self.assertEqual((db.live, db.idle), (3, 3))
        self.assertEqual(await db.query("select 1"), [(1,)])

    async def test_postmaster_killed(self) -> None:
        """SIGKILL of the postmaster under load: it is started again, and the pool comes back by itself."""
        db, lines = await self.pool(self.dsn, size=4, wait=10), self.logged()
        await db.execute("create table kept as select 7 as n")
        first = self.server.pid

        async def harm() -> None:
            assert first is not None
            os.kill(first, signal.SIGKILL)

        await self.under_load(db, harm)
        self.assertNotEqual(self.server.pid, first)
        self.assertEqual(await db.query("select n from kept"), [(7,)])
        self.assertEqual(len([line for line in lines if "ended: killed by SIGKILL" in line]), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_transaction_does_not_go_on_elsewhere(self) -> None:
        """
        A connection that dies between two statements is back before the second: which must not run on it.
        """
        db = await self.pool(self.dsn, size=1)
        await db.execute("create table rows (n int)")

        async def body(cursor: Cursor) -> None:
            await cursor.execute("insert into rows values (1)")
            ((pid,),) = await cursor.query("select pg_backend_pid()")
            os.kill(pid, signal.SIGTERM)
            while db._links[0].epoch == 1:
                await pause(0.01)
            await cursor.execute("insert into rows values (2)")

        await self.assertFailure(db.transaction(body), ConnectionLost)
        self.assertEqual(await db.query("select n from rows"), [])

    async def test_without_a_database(self) -> None:
        """Starting waits and says so; calls fail with DatabaseDown; later everything comes up."""
        self.patch(pool_module, "TELL", 0.1)
        await self.server.stop()
        lines = self.logged()
        db = Pool(_reactor, self.dsn, size=2, name="early", wait=0.1)
        self.addCleanup(db.close)
        started = db.start()
        down = await self.assertFailure(db.query("select 1"), DatabaseDown)
        self.assertIn("2 of 2 connections are down", str(down))
        await pause(0.25)
        self.assertTrue(2 <= len(lines) <= 4, lines)
        self.assertIn("waiting for the database", lines[0])
        self.assertFalse(started.called)
        await self.server.start()
        await started
        self.assertEqual(await db.query("select 1"), [(1,)])

    async def test_listen_survives_a_restart(self) -> None:
        """Payloads arrive; after a restart they do again, and the owner of caches is told to read anew."""
        heard: list[str] = []
        again: list[str] = []
        channels = {'Odd "name"': heard.append}
        listener = Listener(_reactor, self.dsn, channels, lambda: again.append("read anew"))
        self.addCleanup(listener.close)
        await listener.start()
        db = await self.pool(self.dsn, size=1, wait=10)

        async def arrives(payload: str) -> None:
            await db.execute("select pg_notify(%s, %s)", ('Odd "name"', payload))
            await until(lambda: payload in heard, payload)

        await arrives("one")
        self.assertEqual(again, [])
        await self.server.stop()
        await self.server.start()
        while not listener.live:
            await pause(0.01)
        await arrives("two")
        self.assertEqual((heard, again), (["one", "two"], ["read anew"]))
        self.assertEqual(self.flushLoggedErrors(), [])
