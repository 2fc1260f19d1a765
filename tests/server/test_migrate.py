"""Migration of real databases: from nothing, from older schemas, twice, and by two at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from portaswitch.errors import SchemaError
from portaswitch.store import migrate as module
from portaswitch.store.migrate import Schema, Script, Upgrade, migrate
from portaswitch.store.pool import Pool
from tests.server.database import empty_database

_reactor: Any = reactor

FUNCTION = "create or replace function answer() returns int language sql as 'select 1'"
TRIGGER = (
    "create or replace trigger fires before update on rows for each row"
    " execute function suppress_redundant_updates_trigger()"
)

FIRST = Schema(
    tables=(Script("tables/1.sql", "create table rows (n int); create table more (m int)"),),
    repeated=(Script("functions/answer.sql", FUNCTION),),
    upgrades=(),
)
"""A schema without upgrades."""

WIDER = Upgrade(
    1, Script("upgrades/0001_wider.sql", "alter table rows add wide int; insert into rows values (1, 1)")
)
SECOND = Upgrade(2, Script("upgrades/0002_second.sql", "insert into rows values (2, 2)"))


class MigrateTests(TestCase):
    """Small schemas; the real one is what tests.server.test_schema looks at."""

    timeout = 180

    def setUp(self) -> Any:
        """An empty database and a pool of two."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        self.dsn = await empty_database()
        self.db = await self.pool()

    async def pool(self) -> Pool:
        """A pool on the database; its statement timeout is that of the money path."""
        pool = Pool(_reactor, self.dsn, size=2, name="migrate", settings={"statement_timeout": "300"})
        self.addCleanup(pool.close)
        await pool.start()
        return pool

    async def versions(self) -> list[Any]:
        """What the database says was applied."""
        return [
            version for (version,) in await self.db.query("select version from schema_version order by 1")
        ]

    async def fails(self, schema: Schema, *words: str) -> None:
        """The migration fails with a SchemaError that holds these words."""
        error = await self.assertFailure(migrate(self.db, schema), SchemaError)
        for word in words:
            self.assertIn(word, str(error))

    async def test_empty_database(self) -> None:
        """Tables, then functions; at the second time nothing; all upgrades count as done."""
        schema = replace(FIRST, upgrades=(WIDER, SECOND))
        self.assertEqual(await migrate(self.db, schema), ["tables/1.sql", "functions/answer.sql"])
        self.assertEqual(await migrate(self.db, schema), [])
        self.assertEqual(await self.versions(), [0, 1, 2])
        self.assertEqual(await self.db.query("select count(*) from rows"), [(0,)])
        self.assertEqual(await self.db.query("select answer()"), [(1,)])

    async def test_upgrades(self) -> None:
        """Each once and in order, then the functions that changed."""
        await migrate(self.db, FIRST)
        newer = Script("functions/answer.sql", FUNCTION.replace("select 1", "select 2"))
        schema = replace(FIRST, upgrades=(WIDER, SECOND), repeated=(newer, Script("triggers/t.sql", TRIGGER)))
        done = await migrate(self.db, schema)
        self.assertEqual(done, [WIDER.script.path, SECOND.script.path, newer.path, "triggers/t.sql"])
        self.assertEqual(await migrate(self.db, schema), [])
        self.assertEqual(await self.db.query("select n, wide from rows order by n"), [(1, 1), (2, 2)])
        self.assertEqual(await self.db.query("select answer()"), [(2,)])
        self.assertEqual(await self.versions(), [0, 1, 2])

    async def test_two_at_once(self) -> None:
        """Two processes upgrade the same database: everything is done once, by one or the other."""
        slow = Upgrade(
            1, Script("upgrades/0001_slow.sql", "select pg_sleep(0.4); insert into rows values (1)")
        )
        other = await self.pool()
        for schema in (FIRST, replace(FIRST, upgrades=(slow,))):
            both = await gatherResults([migrate(self.db, schema), migrate(other, schema)])
            wanted = ["tables/1.sql", "functions/answer.sql"] if schema is FIRST else [slow.script.path]
            self.assertEqual(sorted(sum(both, [])), sorted(wanted))
        self.assertEqual(await self.db.query("select count(*) from rows"), [(1,)])

    async def test_failing_upgrade(self) -> None:
        """It leaves nothing of itself, keeps the ones before, and names its file and line."""
        await migrate(self.db, FIRST)
        broken = Upgrade(
            2, Script("upgrades/0002_broken.sql", "insert into rows values (9);\n\nselect nothing")
        )
        await self.fails(
            replace(FIRST, upgrades=(WIDER, broken)), "upgrades/0002_broken.sql, line 3", '"nothing"'
        )
        self.assertEqual(await self.versions(), [0, 1])
        self.assertEqual(await self.db.query("select n from rows"), [(1,)])
        self.assertEqual(
            await migrate(self.db, replace(FIRST, upgrades=(WIDER, SECOND))), [SECOND.script.path]
        )

    async def test_failing_tables(self) -> None:
        """An empty database stays empty."""
        bad = Script("tables/2.sql", "create table rows (n int)")
        await self.fails(replace(FIRST, tables=(*FIRST.tables, bad)), "tables/2.sql", "already exists")
        self.assertEqual(await migrate(self.db, FIRST), ["tables/1.sql", "functions/answer.sql"])

    async def test_newer_database(self) -> None:
        """A server that is older than the database refuses it."""
        await migrate(self.db, replace(FIRST, upgrades=(WIDER,)))
        await self.fails(FIRST, "schema version 1", "knows 0")

    async def test_rolling_upgrade(self) -> None:
        """An older server goes on beside a newer one whose upgrade lets it, and leaves the newer functions alone."""
        rolling = Upgrade(1, Script(WIDER.script.path, "-- rolling from 0: a column more\n" + WIDER.script.text))
        newer = Script("functions/answer.sql", FUNCTION.replace("select 1", "select 2"))
        await migrate(self.db, FIRST)
        await migrate(self.db, replace(FIRST, upgrades=(rolling,), repeated=(newer,)))
        self.assertEqual(await migrate(self.db, FIRST), [])
        self.assertEqual(await self.db.query("select answer()"), [(2,)])
        await migrate(self.db, replace(FIRST, upgrades=(rolling, SECOND)))
        await self.fails(FIRST, "schema version 2", "knows 0")

    async def test_before_rolling_upgrades(self) -> None:
        """A database made before upgrades said who may go on: none but their own version may."""
        await migrate(self.db, FIRST)
        await migrate(self.db, replace(FIRST, upgrades=(WIDER,)))
        await self.db.execute("alter table schema_version drop column oldest")
        await self.fails(FIRST, "schema version 1", "knows 0")
        self.assertEqual(await migrate(self.db, replace(FIRST, upgrades=(WIDER, SECOND))), [SECOND.script.path])
        self.assertEqual(await self.db.query("select version, oldest from schema_version order by 1"), [(0, 0), (1, 1), (2, 2)])

    async def test_foreign_database(self) -> None:
        """A database with someone else's tables is left alone."""
        await self.db.execute("create table guests (name text)")
        await self.fails(FIRST, "guests", "one of its own")

    async def test_edited_upgrade(self) -> None:
        """It is reported, by name, and the server goes on."""
        await migrate(self.db, replace(FIRST, upgrades=(WIDER,)))
        edited = Upgrade(1, Script(WIDER.script.path, WIDER.script.text + " -- edited"))
        logged: list[Any] = []
        self.patch(module._log, "error", lambda text, **facts: logged.append(facts))
        self.assertEqual(await migrate(self.db, replace(FIRST, upgrades=(edited,))), [])
        self.assertEqual(logged, [{"path": WIDER.script.path}])

    async def test_old_postgresql(self) -> None:
        """PostgreSQL before 15 is refused by name."""
        self.patch(module, "OLDEST", 999999)
        await self.fails(FIRST, "PostgreSQL 15 or newer is needed", "this is PostgreSQL")

    async def test_nothing_is_analyzed(self) -> None:
        """Empty tables have no statistics: they would give the money path bad plans."""
        await migrate(self.db)
        rows = await self.db.query("select count(*) from pg_stat_user_tables where last_analyze is not null")
        self.assertEqual(rows, [(0,)])
        self.assertEqual(await migrate(self.db), [])
