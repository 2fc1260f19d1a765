"""The pool against a real PostgreSQL in good health: what callers see."""

from __future__ import annotations

from typing import Any

import psycopg2
from psycopg2.errors import DeadlockDetected, DivisionByZero, QueryCanceled, UndefinedFunction
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError, gatherResults

from portaswitch.errors import DatabaseDown
from portaswitch.store.pool import HOT_SETTINGS, ConnectionLost, Cursor
from portaswitch.store.prepared import Prepared
from tests.server.database import empty_database
from tests.server.pools import PoolTestCase, pause, until

_reactor: Any = reactor


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

    async def test_prepared(self) -> None:
        """A prepared statement is told once to each connection, and again to the one that comes in its place; one that can't be is an error each time."""
        double, wrong = Prepared("double", ("int",), "select 2 * $1"), Prepared("wrong", ("int",), "select nothing_like($1)")
        self.assertEqual([await self.db.query(double, (number,)) for number in range(4)], [[(0,)], [(2,)], [(4,)], [(6,)]])
        for _ in range(3):
            await self.assertFailure(self.db.query(wrong, (1,)), UndefinedFunction)
        self.assertEqual(await self.db.query("select count(*) from pg_prepared_statements"), [(1,)])
        await self.assertFailure(self.db.query("select pg_terminate_backend(pg_backend_pid())"), ConnectionLost)
        await until(lambda: self.db.live == 2)
        self.assertEqual([await self.db.query(double, (number,)) for number in range(4)], [[(0,)], [(2,)], [(4,)], [(6,)]])

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

        locked: set[int] = set()

        async def crossing(cursor: Cursor, first: int) -> None:
            await cursor.execute("set local deadlock_timeout = 50")
            for number in (first, 3 - first):
                await cursor.execute("select 1 from rows where n = %s for update", (number,))
                locked.add(number)
                await until(lambda: len(locked) == 2)

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
