"""Daily partitions come and go: made once, in UTC, late ones take their rows, two processes do no harm."""

from __future__ import annotations

import psycopg2
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from portaswitch.store.partitions import keep_partitions
from portaswitch.store.pool import Pool
from tests.server.test_schema import SchemaTestCase


class PartitionTests(SchemaTestCase):
    """Daily partitions of xdr, sessions_closed, event_history and audit_log."""

    def days(self, table: str) -> list[str]:
        """The names of a table's partitions but the default one."""
        rows = self.ask(
            "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass order by 1",
            [table],
        )
        return [name for (name,) in rows if not name.endswith("_default")]

    def audit(self, days_ago: int) -> str:
        """Writes an audit row of that day; the name of the partition it went to."""
        return str(
            self.one(
                "insert into audit_log (at, i_env, actor, operation, entity) "
                "values (now() - make_interval(days => %s), 1, 'cli:t', 'A.b', 'account:1') "
                "returning tableoid::regclass::text",
                [days_ago],
            )
        )

    def test_made_once(self) -> None:
        """What is there is not made again; every daily table gets the same days."""
        self.ask("select make_partitions(2, 3)")
        self.assertEqual(self.one("select make_partitions(2, 3)"), 0)
        self.assertIn(self.one("select make_partitions(2, 4)"), (3, 4))
        for table in ("xdr", "event_history", "audit_log"):
            self.assertGreaterEqual(len(self.days(table)), 7, table)
        self.assertIn(len(self.days("sessions_closed")), (2, 3))

    def test_closed_sessions(self) -> None:
        """Partitions of four days that meet without a gap; a session of any of these days has its place."""
        self.ask("select make_partitions(9, 9)")
        rows = self.ask(
            "select r[1]::timestamptz, r[2]::timestamptz from pg_class c, lateral"
            " regexp_match(pg_get_expr(relpartbound, oid), $$FROM \\('(.*)'\\) TO \\('(.*)'\\)$$) r"
            " where r is not null and oid in (select inhrelid from pg_inherits where inhparent = 'sessions_closed'::regclass) order by 1"
        )
        self.assertEqual([first for first, _ in rows[1:]], [last for _, last in rows[:-1]])
        self.assertEqual({(last - first).days for first, last in rows}, {4})
        self.assertIn(len(rows), (5, 6))

    async def test_job(self) -> None:
        """A pass of the job makes the days ahead and drops closed sessions that have had their week, and keys of operations; xDRs stay."""
        self.ask("select make_partitions(30, 0)")
        for age in (31, 29):
            self.ask("insert into operation_keys values (1, %s, 'account.topup', '', '{}', now() - make_interval(days => %s))", [str(age), age])
        xdrs = len(self.days("xdr"))
        pool = Pool(reactor, self.dsn, size=1, name="test")
        await pool.start()
        try:
            await keep_partitions(pool)
        finally:
            await pool.close()
        self.assertIn(len(self.days("sessions_closed")), (3, 4))
        self.assertEqual(len(self.days("xdr")), xdrs + 2)
        self.assertEqual(self.one("select string_agg(key, ' ') from operation_keys"), "29")

    def test_late_partition_takes_its_rows(self) -> None:
        """Rows that came before their partition move to it; no row is lost or doubled."""
        self.assertEqual(self.audit(20), "audit_log_default")
        self.ask("select make_partitions(21, 0)")
        self.assertEqual(self.one("select count(*) from only audit_log_default"), 0)
        self.assertEqual(self.one("select count(*) from audit_log"), 1)
        self.assertRegex(self.audit(20), r"^audit_log_\d{8}$")

    def test_day_is_utc(self) -> None:
        """Bounds do not follow the session's zone."""
        self.ask("set timezone = 'Pacific/Kiritimati'")
        self.ask("select make_partitions(1, 1)")
        self.ask("set timezone = 'UTC'")
        name = self.one("select 'xdr_' || to_char(now(), 'YYYYMMDD')")
        bound = self.one("select pg_get_expr(relpartbound, oid) from pg_class where relname = %s", [name])
        midnight = self.one("select date_trunc('day', now())::text")
        self.assertIn(f"FROM ('{midnight}')", bound)

    async def test_two_at_once(self) -> None:
        """Two processes that make the same days share the work: nothing fails, nothing is made twice."""

        def make() -> int:
            connection = psycopg2.connect(self.dsn)
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute("select make_partitions(12, 12)")
                    ((made,),) = cursor.fetchall()
                    return int(made)
            finally:
                connection.close()

        before = len(self.days("xdr"))
        made = await gatherResults([deferToThread(make), deferToThread(make)])
        self.assertEqual(len(self.days("xdr")), 25)
        self.assertEqual(min(made), 0)
        self.assertGreaterEqual(max(made), 3 * (25 - before))

    def test_old_days_go(self) -> None:
        """Whole days that end at or before the time given, and such rows without a partition; no other."""
        self.ask("select make_partitions(5, 0)")
        self.audit(0)
        self.audit(4)
        self.audit(30)
        left = self.days("audit_log")
        dropped = self.ask("select drop_partitions('audit_log', date_trunc('day', now()) - interval '1 day')")
        gone = [name for (name,) in dropped]
        self.assertGreaterEqual(len(gone), 4)
        self.assertEqual(self.days("audit_log"), [name for name in left if name not in gone])
        self.assertEqual(self.one("select count(*) from audit_log"), 1)

    def test_only_daily_tables(self) -> None:
        """Dropping from another table is refused, with the names of those it works for."""
        error = self.assertRaises(psycopg2.Error, self.ask, "select drop_partitions('accounts', now())")
        self.assertIn("one of: audit_log, event_history, sessions_closed, xdr", str(error))
