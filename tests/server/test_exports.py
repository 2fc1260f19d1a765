"""Exports of xDRs against a real database: nothing lost, nothing twice, whatever commits late or is killed."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from portaswitch.administration.exports import Wish, Written, export
from portaswitch.errors import StartError
from portaswitch.model.actor import Actor
from portaswitch.store import exports
from portaswitch.store.audit import audit
from portaswitch.store.database import Database
from portaswitch.store.exports import NOTHING, Bounds, Export, File
from tests.rules.event_columns import SPEC
from tests.server.database import fresh_database, new_state_dir
from tests.server.harness import WORLD
from tests.server.test_cli import Command
from tests.server.test_schema import SchemaTestCase

DAY = datetime(2026, 3, 9, tzinfo=UTC)
#: An xDR of the card; what is named replaces its value.
ROW = {
    "i_env": "1", "storage": "'a'", "failed": "false", "h323_conf_id": "'s'", "cli": "'+16045550193'", "cld": "'=1+1'", "connect_time": "now()",
    "disconnect_time": "now()", "bill_time": "now()", "used_quantity": "71", "charged_quantity": "71", "charged_amount": "0.02367", "history": "'x'",
    "i_account": "101", "i_customer": "101", "i_tariff": "101", "i_service": "103", "i_node": "101",
}  # fmt: skip


def row(**what: str) -> str:
    """An insert of one xDR as SQL."""
    values = ROW | what
    return f"insert into xdr ({', '.join(values)}) values ({', '.join(values.values())});"


def quiet(done: int, total: int, what: str) -> None:
    """Progress that nobody watches."""


class ExportCase(TestCase):
    """A database with the world's rows, a second connection that is used synchronously, and a folder."""

    timeout = 180

    def setUp(self) -> Any:
        """Make them."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.folder = new_state_dir()
        self.dsn = await fresh_database()
        self.database = Database(reactor, self.folder, self.dsn)
        await self.database.open()
        self.other = psycopg2.connect(self.dsn)
        self.sql(WORLD)

    def tearDown(self) -> Any:
        """Close and remove them."""
        self.other.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return Deferred.fromCoroutine(self.database.close())

    def sql(self, statements: str, commit: bool = True) -> None:
        """Run statements on the second connection."""
        with self.other.cursor() as cursor:
            cursor.execute(statements)
        if commit:
            self.other.commit()

    def run_export(self, name: str = "x", told: Callable[[int, int, str], None] = quiet, **what: Any) -> Deferred[list[Written]]:
        """One run."""
        wish = Wish(name, self.folder / "out", **what)
        return Deferred.fromCoroutine(export(reactor, self.database, Actor("test:root", 1), wish, told))

    async def refused(self, *words: str, **what: Any) -> None:
        """A run that must fail with an error that has these words."""
        error = await self.assertFailure(self.run_export(**what), StartError)
        for word in words:
            self.assertIn(word, str(error))

    def ids(self, name: str = "x") -> list[list[int]]:
        """The ids in the files of an export, file by file, as a reader finds them."""
        found = []
        for number, path in enumerate(sorted((self.folder / "out").glob(f"{name}-*.csv")), 1):
            self.assertEqual(path.name, f"{name}-{number:06}.csv")
            with path.open(newline="", encoding="utf-8") as text:
                found.append([int(one["id"]) for one in csv.DictReader(text)])
        return found


class ExportTests(ExportCase):
    """Files, one after the other."""

    async def test_files(self) -> None:
        """The 34 fields in their order, the control file, no file for nothing, numbers without gaps."""
        self.sql(row() + row(charged_amount="1.5") + row(storage="'v'", i_vendor="101", i_tariff="102"))
        (first,) = await self.run_export()
        self.assertEqual(await self.run_export(), [])
        self.sql(row(failed="true") + row(history="'=evil'"))
        (second,) = await self.run_export()
        self.assertEqual(([first.number, second.number], self.ids()), ([1, 2], [[1, 2], [5]]))
        head, *lines = (self.folder / "out" / "x-000001.csv").read_text(encoding="utf-8").splitlines()
        self.assertEqual(head.split(","), [field["name"] for field in yaml.safe_load((SPEC / "xdr.yaml").read_text())["fields"]])
        self.assertTrue(lines[0].startswith("1,1,s,,+16045550193,'=1+1,,20"), lines[0])
        control = json.loads((self.folder / "out" / "x-000001.control.json").read_text())
        told = (control["rows"], control["sums"], control["first_xdr"], control["last_xdr"], control["file"])
        self.assertEqual(told, (2, {"CAD": "1.52367"}, 1, 2, "x-000001.csv"))
        self.assertEqual(control["sha256"], hashlib.sha256((self.folder / "out" / "x-000001.csv").read_bytes()).hexdigest())
        self.assertEqual(control["sha256"], first.sha256)
        self.assertEqual([finding.law for finding in (await audit(self.database.pool)).findings if "exports" in finding.law and finding.differ], [])

    async def test_late(self) -> None:
        """A charge that has its id and is not committed is waited for, and nobody waits for the export; an old one that comes later is in the next file."""
        self.sql(row())
        self.sql(row(), commit=False)
        await self.database.pool.execute(row())
        waits = list[str]()

        def told(done: int, total: int, what: str) -> None:
            if what.startswith("waiting") and not waits:
                waits.append(what)
                self.other.commit()

        await self.run_export(told=told)
        self.assertEqual((waits, self.ids()), (["waiting for 1 writers"], [[1, 2, 3]]))
        self.sql(row(bill_time="'2020-01-01'"))
        await self.run_export()
        self.assertEqual(self.ids(), [[1, 2, 3], [4]])

    async def test_rolled_back(self) -> None:
        """Ids of charges that were rolled back are gaps in the ids, not in the files."""
        self.sql(row(), commit=False)
        self.other.rollback()
        self.sql(row())
        await self.run_export()
        self.assertEqual(self.ids(), [[2]])

    async def test_until(self) -> None:
        """By period: what is late for an exported day comes with the next one, and nothing comes twice."""
        for hours in (1, 30, 50):
            self.sql(row(bill_time=f"'{DAY + timedelta(hours=hours)}'"))
        await self.run_export(until=DAY + timedelta(days=1))
        self.sql(row(bill_time=f"'{DAY}'"))
        await self.run_export(until=DAY + timedelta(days=2))
        await self.run_export()
        self.assertEqual(self.ids(), [[1], [2, 4], [3]])
        await self.refused("--until", "file 3", until=DAY)

    async def test_filters(self) -> None:
        """Each filter by name; an export keeps the one that it began with."""
        self.sql(row() + row(i_account="102") + row(i_customer="7") + row(i_node="9") + row(i_service="9") + row(storage="'c'") + row(failed="true"))
        self.sql(row(bill_time="'2020-01-01'") + row(i_env="2"))
        for name, wanted, what in (
            ("account", [1, 3, 4, 5, 8], {"account": "10086610975"}),
            ("customer", [1, 2, 4, 5, 8], {"customer": "Retail"}),
            ("node", [1, 2, 3, 5, 8], {"node": "gw"}),
            ("service", [1, 2, 3, 4, 8], {"service": "voice CALLS"}),
            ("owner", [6], {"storage": "c"}),
            ("failed", [7], {"failed": True}),
            ("since", [1, 2, 3, 4, 5], {"since": DAY}),
        ):
            await self.run_export(name, **what)
            self.assertEqual((name, self.ids(name)), (name, [wanted]))
        self.assertEqual(await self.run_export("account"), [])
        await self.refused("began with no i_customer", name="account", customer="Retail")
        await self.refused("--node nowhere", name="new", node="nowhere")
        await self.refused("--name", name="../x")

    async def test_again(self) -> None:
        """A lost file is written again as it was; not when it would be another one."""
        self.sql(row())
        (first,) = await self.run_export()
        self.sql(row())
        await self.run_export()
        path = self.folder / "out" / "x-000001.csv"
        octets = path.read_bytes()
        path.unlink()
        self.assertEqual(await self.run_export(again=1), [first])
        self.assertEqual((path.read_bytes(), len(self.ids())), (octets, 2))
        self.sql("delete from xdr where id = 1")
        await self.refused("would not be what it was", again=1)
        self.assertEqual(path.read_bytes(), octets)
        await self.refused("no finished file 9", again=9)
        await self.refused("there is no export typo", again=1, name="typo")
        self.assertEqual(await self.database.pool.query("select name from xdr_exports"), [("x",)])  # a name that was misspelt begins none

    async def test_two_at_once(self) -> None:
        """Two runs at the same time: each xDR in one file."""
        self.sql("".join(row() for _ in range(50)))
        await gatherResults([self.run_export(), self.run_export()])
        self.assertEqual(self.ids(), [list(range(1, 51))])

    async def test_unwritable(self) -> None:
        """A folder that can't be written: one line; the next run, to another folder, loses nothing."""
        self.sql(row())
        (self.folder / "out").write_text("")
        await self.refused("can't be written", str(self.folder))
        (self.folder / "out").unlink()
        await self.run_export()
        self.assertEqual(self.ids(), [[1]])


#: Whoever notes that a file is written waits for an advisory lock of the test's.
HELD_UP = """
create function held_up() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(42); return new; end $$;
create trigger held_up before update on xdr_export_files for each row execute function held_up();
"""


class KilledTests(ExportCase):
    """The command, killed with SIGKILL."""

    def begin_command(self) -> Command:
        """Start `xdr export`."""
        config = self.folder / "portaswitch.yaml"
        config.write_text(f"state_dir: {self.folder}\ndatabase: '{self.dsn}'\n", encoding="utf-8")
        return Command("--config", str(config), "xdr", "export", "--name", "x", "--to", str(self.folder / "out"))

    async def until_true(self, sql: str) -> None:
        """Ask until the answer is true."""
        while not (await self.database.pool.query(sql))[0][0]:
            pass

    async def kill(self, command: Command) -> None:
        """End it as a power cut does."""
        command.process.signalProcess(signal.SIGKILL)
        await command.ended

    async def finished(self, rows: int) -> str:
        """The next run: what it printed; all rows are in the files once, and none is left half."""
        status, out, err = await self.begin_command().ended
        self.assertEqual((status, err), (0, ""))
        found = [number for file in self.ids() for number in file]
        self.assertEqual(found, list(range(1, rows + 1)))
        self.assertEqual(list((self.folder / "out").glob(".*")), [])
        return out

    async def test_in_the_middle(self) -> None:
        """Killed while rows are written: the next run writes the same file from its beginning, and then what came since."""
        self.sql(row() + "insert into xdr select (jsonb_populate_record(x, jsonb_build_object('id', n))).* from xdr x, generate_series(2, 60000) n;")
        self.sql("select setval('xdr_id', 60000)")
        command = self.begin_command()
        await self.until_true("select count(*) = 1 from xdr_export_files")
        await self.kill(command)
        self.assertEqual(await self.database.pool.query("select number, written from xdr_export_files"), [(1, None)])
        self.assertEqual(list((self.folder / "out").glob("*.csv")) if (self.folder / "out").exists() else [], [])
        self.sql(row())
        out = await self.finished(60001)
        self.assertEqual([len(file) for file in self.ids()], [60000, 1])
        self.assertIn(f"total: 60001 xDRs, {Decimal('0.02367') * 60001} CAD", out)

    async def test_before_it_is_noted(self) -> None:
        """Killed when the file is there and the database does not know it yet: the same file, not another one."""
        self.sql("".join(row() for _ in range(5)) + HELD_UP)
        blocked = psycopg2.connect(self.dsn)
        self.addCleanup(blocked.close)
        blocked.cursor().execute("select pg_advisory_lock(42)")
        command = self.begin_command()
        await self.until_true("select count(*) > 0 from pg_locks where not granted and locktype = 'advisory'")
        octets = (self.folder / "out" / "x-000001.csv").read_bytes()
        await self.kill(command)
        blocked.close()
        await self.until_true("select count(*) = 0 from pg_locks where locktype = 'advisory' and objid = 42")
        self.sql("drop function held_up cascade; update xdr_export_files set written = null")
        await self.finished(5)
        self.assertEqual((self.folder / "out" / "x-000001.csv").read_bytes(), octets)


class BoundsTests(SchemaTestCase):
    """The law of the files, of any xDRs and any bounds that only grow."""

    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(st.integers(0, 9), max_size=20),
        st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10)), min_size=1, max_size=5),
        st.booleans(),
    )
    def test_once(self, hours: list[int], bounds: list[tuple[int, int]], whole: bool) -> None:
        """Every xDR within the last bounds is in exactly one file."""
        self.ask("begin")
        for number, hour in enumerate(hours, 1):
            self.ask(row(id=str(number), bill_time=f"'{DAY + timedelta(hours=hour)}'"))
        found: list[int] = []
        low, last, until = NOTHING, 0, 0
        for place, (more, hour) in enumerate(bounds):
            last, until = max(last, more), max(until, hour)
            high = Bounds(last, None if whole and place == len(bounds) - 1 else DAY + timedelta(hours=until))
            sql, values = exports.statement(Export(1, 1, "x", {}), File(place + 1, low, high))
            with self.database.cursor() as cursor:
                cursor.execute(sql, values)
                found += [one[0] for one in cursor.fetchall()]
            low = high
        self.ask("rollback")
        end = low.until
        wanted = [number for number, hour in enumerate(hours, 1) if number <= low.last_id and (end is None or DAY + timedelta(hours=hour) < end)]
        self.assertEqual(sorted(found), wanted)

    def test_fields(self) -> None:
        """The names of an export are those of the guide."""
        self.assertEqual(list(exports.FIELDS), [field["name"] for field in yaml.safe_load((Path(SPEC) / "xdr.yaml").read_text())["fields"]])
