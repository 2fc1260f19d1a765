"""What is to be done to a database, decided without one."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import SchemaError
from portaswitch.store.migrate import Schema, Script, Upgrade


def upgrade(number: int, text: str = "select 1") -> Upgrade:
    """One upgrade."""
    return Upgrade(number, Script(f"upgrades/{number:04}_step.sql", text))


class SchemaTests(SynchronousTestCase):
    """Schema's decisions."""

    def schema(self, *numbers: int) -> Schema:
        """A schema with these upgrades."""
        return Schema((), (Script("functions/f.sql", "one"),), tuple(upgrade(number) for number in numbers))

    def test_version(self) -> None:
        """The last upgrade's number."""
        self.assertEqual((self.schema().version, self.schema(1, 2, 5).version), (0, 5))

    def test_pending(self) -> None:
        """Those that were not applied, in order."""
        numbers = [step.number for step in self.schema(1, 2, 3).pending({0: "", 1: ""}, 0)]
        self.assertEqual(numbers, [2, 3])

    def test_newer_database(self) -> None:
        """Refused with both versions."""
        error = self.assertRaises(SchemaError, self.schema(1).pending, {0: "", 1: "", 2: ""}, 2)
        self.assertIn("schema version 2, this server knows 1", str(error))

    def test_rolling_upgrade(self) -> None:
        """A newer database is left as it is where its upgrades let this version go on; their first line says so."""
        self.assertEqual(self.schema(1).pending({0: "", 1: "", 2: ""}, 1), ())
        told = "-- rolling from 3: a column more\nalter table t add c int"
        self.assertEqual([upgrade(7, told).oldest, upgrade(7).oldest, upgrade(7, "select 1 " + told).oldest], [3, 7, 7])

    def test_forgotten_upgrade(self) -> None:
        """An upgrade with too low a number would run after its successors."""
        error = self.assertRaises(SchemaError, self.schema(1, 2, 3).pending, {0: "", 1: "", 3: ""}, 0)
        self.assertIn("0002_step.sql", str(error))

    def test_edited(self) -> None:
        """By digest, only for those that were applied."""
        schema = self.schema(1, 2, 3)
        applied = {0: "", 1: upgrade(1).script.digest, 2: "another"}
        self.assertEqual(schema.edited(applied), ("upgrades/0002_step.sql",))

    def test_changed(self) -> None:
        """New and changed functions are run, others not."""
        schema = self.schema()
        (script,) = schema.repeated
        self.assertEqual(schema.changed({}), (script,))
        self.assertEqual(schema.changed({script.path: "another"}), (script,))
        self.assertEqual(schema.changed({script.path: script.digest}), ())

    def test_digest_of_line_ends(self) -> None:
        """A checkout with other line ends is no change."""
        self.assertEqual(Script("x", "a\r\nb").digest, Script("x", "a\nb").digest)


class ReadTests(SynchronousTestCase):
    """Reading schema folders."""

    def folder(self, *names: str) -> Path:
        """A schema folder with these files."""
        root = Path(self.mktemp())
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        return root

    def test_order(self) -> None:
        """Sorted names; functions before triggers; only .sql files; a folder may be missing."""
        root = self.folder(
            "tables/20.sql", "tables/10.sql", "tables/x.txt", "triggers/a.sql", "functions/z.sql"
        )
        schema = Schema.read(root)
        self.assertEqual([script.path for script in schema.tables], ["tables/10.sql", "tables/20.sql"])
        self.assertEqual([script.path for script in schema.repeated], ["functions/z.sql", "triggers/a.sql"])
        self.assertEqual((schema.upgrades, schema.tables[0].text), ((), "tables/10.sql"))

    def test_upgrades(self) -> None:
        """The number comes from the name."""
        schema = Schema.read(self.folder("upgrades/0002_b.sql", "upgrades/0001_a.sql"))
        self.assertEqual([step.number for step in schema.upgrades], [1, 2])

    def test_bad_names(self) -> None:
        """An upgrade that would be overlooked is an error."""
        for name in ("1_a.sql", "0000_a.sql", "0001.sql", "0001-a.sql"):
            error = self.assertRaises(SchemaError, Schema.read, self.folder(f"upgrades/{name}"))
            self.assertIn(name, str(error))

    def test_the_package(self) -> None:
        """The schema that is shipped can be read, and nothing in it analyzes or needs an extension."""
        schema = Schema.read()
        self.assertGreater(len(schema.tables), 0)
        text = "\n".join(script.text for script in (*schema.tables, *schema.repeated)).lower()
        self.assertNotRegex(text, r"(?m)^\s*analy[sz]e\b")
        self.assertNotIn("create extension", text)
