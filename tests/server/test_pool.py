"""
The pool against a real PostgreSQL: what callers see in good and in bad times.

The bad times have a PostgreSQL of their own: a backend killed with SIGKILL takes down all connections of its
server.
"""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any

import psycopg2
from psycopg2.errors import DeadlockDetected, DivisionByZero, QueryCanceled
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.store import pool as pool_module
from portaswitch.store.embedded import EmbeddedPostgres
from portaswitch.store.listen import Listener
from portaswitch.store.pool import HOT_SETTINGS, ConnectionLost, Cursor, Pool
from tests.server.database import empty_database, seeded_state_dir

_reactor: Any = reactor


def pause(seconds: float) -> Deferred[None]:
    """Lets the reactor run."""
    return deferLater(_reactor, seconds)


class PoolTestCase(TestCase):
    """Makes pools that are closed at the end."""

    timeout = 30

    async def pool(self, dsn: str, **options: Any) -> Pool:
        """A connected pool of 2."""
        pool = Pool(_reactor, dsn, **{"size": 2, "name": "test", **options})
        self.addCleanup(pool.close)
        await pool.start()
        return pool

    def logged(self) -> list[str]:
        """From now on, the lines that the pool logs at level warn and above."""
        lines: list[str] = []

        @implementer(ILogObserver)
        def observer(event: Any) -> None:
            ours = event.get("log_namespace", "").startswith("portaswitch")
            if ours and event["log_level"] >= LogLevel.warn:
                lines.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return lines


class CallTests(PoolTestCase):
    """Calls on a database in good health."""

    def setUp(self) -> Any:
        """One empty database a test."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        self.dsn = await empty_database()
        self.db = await self.pool(self.dsn)
        await self.db.execute("create table rows (n int primary key)")

    async def pids(self) -> list[int]:
        """The backends of both connections."""
        found = await gatherResults(
            [self.db.query("select pg_backend_pid(), pg_sleep(0.02)") for _ in range(2)]
        )
        return sorted(rows[0][0] for rows in found)

    async def test_query_and_execute(self) -> None:
        """Rows come as tuples, a statement without rows gives none, a % needs no care without values."""
        await self.db.execute("insert into rows values (%s), (%s)", (1, 2))
        self.assertEqual(await self.db.query("select n from rows where n > %(low)s", {"low": 1}), [(2,)])
        self.assertEqual(await self.db.query("delete from rows"), [])
        self.assertEqual(await self.db.query("select '%', 7 % 4"), [("%", 3)])

    async def test_settings(self) -> None:
        """Every connection is set up, and times are in UTC."""
        hot = await self.pool(self.dsn, name="hot", settings=HOT_SETTINGS)
        names = (
            "plan_cache_mode",
            "enable_seqscan",
            "jit",
            "statement_timeout",
            "timezone",
            "application_name",
        )
        rows = await hot.query("select " + ", ".join(f"current_setting('{name}')" for name in names))
        self.assertEqual(rows, [("force_generic_plan", "off", "off", "1500ms", "UTC", "portaswitch hot")])

    async def test_transaction_commits(self) -> None:
        """What an async def does is committed after it has returned, with its value."""

        async def body(cursor: Cursor) -> int:
            await cursor.execute("insert into rows select generate_series(1, 3)")
            self.assertEqual(cursor.rowcount, 3)
            self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])
            return 5

        self.assertEqual(await self.db.transaction(body), 5)
        self.assertEqual(await self.db.query("select count(*) from rows"), [(3,)])

    async def test_transaction_rolls_back(self) -> None:
        """An error inside leaves nothing, comes out as it is, and the connection serves on."""

        async def body(cursor: Cursor) -> None:
            await cursor.execute("insert into rows values (1)")
            raise KeyError("ours")

        before = await self.pids()
        await self.assertFailure(self.db.transaction(body), KeyError)
        self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])
        self.assertEqual(await self.pids(), before)

    async def test_ignored_error_is_no_commit(self) -> None:
        """
        PostgreSQL answers COMMIT after a failed statement with ROLLBACK and no error: it must not pass as
        done.
        """

        async def body(cursor: Cursor) -> None:
            await cursor.execute("insert into rows values (1)")
            try:
                await cursor.execute("select 1/0")
            except DivisionByZero:
                return

        await self.assertFailure(self.db.transaction(body), psycopg2.InternalError)
        self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])

    async def test_cursor_ends_with_its_transaction(self) -> None:
        """A cursor that escaped is of no use."""
        kept: list[Cursor] = []

        async def body(cursor: Cursor) -> None:
            kept.append(cursor)

        await self.db.transaction(body)
        self.assertRaises(RuntimeError, kept[0].execute, "select 1")

    async def test_errors_keep_the_connection(self) -> None:
        """A statement timeout and a deadlock are OperationalErrors, and no reason to reconnect."""
        before = await self.pids()
        await self.db.execute("insert into rows values (1), (2)")

        async def slow(cursor: Cursor) -> None:
            await cursor.execute("set local statement_timeout = 20")
            await cursor.execute("select pg_sleep(5)")

        async def crossing(cursor: Cursor, first: int) -> None:
            await cursor.execute("set local deadlock_timeout = 50")
            for number in (first, 3 - first):
                await cursor.execute("select 1 from rows where n = %s for update", (number,))
                await pause(0.05)

        await self.assertFailure(self.db.transaction(slow), QueryCanceled)
        ends: list[tuple[bool, Any]] = await DeferredList(
            [self.db.transaction(lambda c: crossing(c, 1)), self.db.transaction(lambda c: crossing(c, 2))],
            consumeErrors=True,
        )
        self.assertEqual([end.type for done, end in ends if not done], [DeadlockDetected])
        self.assertEqual(await self.pids(), before)

    async def test_queue(self) -> None:
        """
        More calls than connections wait in order; too long a wait is DatabaseDown and the call was never
        sent.
        """
        self.db._wait = 0.2
        order: list[int] = []
        calls = [self.db.query("select %s::int, pg_sleep(0.01)", (n,)) for n in range(10)]
        for call in calls:
            _ = call.addCallback(lambda rows: order.append(rows[0][0]))
        self.assertEqual((self.db.idle, self.db.waiting), (0, 8))
        await gatherResults(calls)
        self.assertEqual(sorted(order), list(range(10)))
        self.assertLess(order.index(0), order.index(9))
        busy = [self.db.query("select pg_sleep(0.5)") for _ in range(2)]
        late: Deferred[Any] = self.db.execute("insert into rows values (9)")
        refusal = await self.assertFailure(late, DatabaseDown)
        self.assertIn("all 2 connections are busy", str(refusal))
        await gatherResults(busy)
        self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])

    async def test_on_free(self) -> None:
        """It is called when a connection is free and nothing waits, after the answer was delivered."""
        happened: list[str] = []
        self.db.on_free = lambda: happened.append(f"free {self.db.idle}")
        calls = [self.db.query("select pg_sleep(0.01)") for _ in range(3)]
        for call in calls:
            _ = call.addCallback(lambda rows: happened.append("answer"))
        await gatherResults(calls)
        await pause(0)
        self.assertEqual(happened, ["answer", "answer", "free 1", "answer", "free 2"])

    async def test_cancel_waiting(self) -> None:
        """A cancelled call that waits is forgotten."""
        busy = [self.db.query("select pg_sleep(0.05)") for _ in range(2)]
        waiting = self.db.execute("insert into rows values (1)")
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        await gatherResults(busy)
        self.assertEqual((await self.db.query("select count(*) from rows"), self.db.waiting), ([(0,)], 0))

    async def test_timeout_of_a_running_call(self) -> None:
        """The caller is told at once, the server stops the statement, and the next ones are not hit by it."""
        before = await self.pids()
        for _ in range(3):
            call = self.db.query("select pg_sleep(5)").addTimeout(0.02, _reactor)
            await self.assertFailure(call, TimeoutError)
        answers = await gatherResults([self.db.query("select 1") for _ in range(20)])
        self.assertEqual(answers, [[(1,)]] * 20)
        self.assertEqual(await self.pids(), before)

    async def test_cancelled_transaction_rolls_back(self) -> None:
        """In a statement or between two, cancelling undoes everything."""

        async def in_a_statement(cursor: Cursor) -> None:
            await cursor.execute("insert into rows values (1)")
            await cursor.execute("select pg_sleep(5)")

        async def between_two(cursor: Cursor) -> None:
            await cursor.execute("insert into rows values (1)")
            await pause(5)

        before = await self.pids()
        for body in (in_a_statement, between_two):
            running = self.db.transaction(body)
            await pause(0.05)
            running.cancel()
            await self.assertFailure(running, CancelledError)
        self.assertEqual(await self.pids(), before)
        self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])

    async def test_bad_parameters(self) -> None:
        """A statement that can't be formatted fails alone, a thousand of them too."""
        calls = [self.db.query("select %s, %s", (1,)) for _ in range(1000)]
        for call in calls:
            await self.assertFailure(call, IndexError)
        self.assertEqual(await self.db.query("select 1"), [(1,)])

    async def test_close(self) -> None:
        """Work in flight ends, what waits is refused, what comes later too."""
        flight = [self.db.query("select pg_sleep(0.05), 1") for _ in range(2)]
        waiting = self.db.query("select 1")
        closed = self.db.close()
        await self.assertFailure(waiting, DatabaseDown)
        self.assertEqual([rows[0][1] for rows in await gatherResults(flight)], [1, 1])
        await closed
        await self.assertFailure(self.db.query("select 1"), DatabaseDown)


class BadTimesTests(PoolTestCase):
    """Connections that die; one PostgreSQL a test."""

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
        await pause(0.3)
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
            for _ in range(100):
                if payload in heard:
                    return
                await pause(0.01)
            self.fail(f"{payload} was not heard")

        await arrives("one")
        self.assertEqual(again, [])
        await self.server.stop()
        await self.server.start()
        while not listener.live:
            await pause(0.01)
        await arrives("two")
        self.assertEqual((heard, again), (["one", "two"], ["read anew"]))
        self.assertEqual(self.flushLoggedErrors(), [])
