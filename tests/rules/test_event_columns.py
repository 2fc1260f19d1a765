"""
Every provisioning event of the guide has its table and every variable its column; so has every xDR field.

Reads the text of the schema only; tests/server/test_schema.py runs the same sources in a migrated database.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.catalogue import EVENTS, OWN
from portaswitch.store.event_sources import EventSource, read_sources
from portaswitch.store.event_triggers import files
from tests.rules.event_columns import SPEC, TABLES, columns, rows_read, schema_columns, unknown_columns, well_formed

SOURCES = read_sources()
COMMAND = "python -m portaswitch.store.event_triggers"


def spec_events() -> dict[str, dict[str, Any]]:
    """The events of tests/spec/events.yaml by name."""
    return {event["name"]: event for event in yaml.safe_load((SPEC / "events.yaml").read_text())["events"]}


def faults(source: EventSource, known: dict[str, frozenset[str]]) -> list[str]:
    """What is wrong with one event's sources, as readable lines."""
    found: list[str] = []
    for table in source.tables:
        if table not in known:
            found.append(f"{source.name}: no table {table}")
            continue
        for variable, text in source.variables.items():
            missing = unknown_columns(text, table, known)
            found += [f"{source.name}: {variable}: no column {column}" for column in missing]
        found += [f"{source.name}: {fault}" for names in (source.entity, source.key) if names for fault in name_faults(names, table, known)]
        missing = unknown_columns(f"{source.when} {source.urgent}", table, known)
        found += [f"{source.name}: when: no column {column}" for column in missing]
    return found


def name_faults(names: str, table: str, known: dict[str, frozenset[str]]) -> list[str]:
    """What is wrong with an entity or key, `KIND:SOURCE or ...`."""
    found = []
    for part in names.split(" or "):
        kind, _, source = part.partition(":")
        if not re.fullmatch(r"[a-z_]+", kind) or not well_formed(source):
            found.append(f"{part}: is not KIND:SOURCE")
        found += [f"{part}: no column {column}" for column in unknown_columns(source, table, known)]
    return found


class EventTests(SynchronousTestCase):
    """The table of sources against the guide's events and the schema's text."""

    def test_events_are_the_guides(self) -> None:
        """All 89, each once, and beside them only those that are marked as ours."""
        names = [source.name for source in SOURCES.events if source.name not in OWN]
        self.assertEqual((len(names), len(SOURCES.events)), (89, 89 + len(OWN)))
        self.assertEqual(sorted(names), sorted(spec_events()))

    def test_catalogue_is_the_guides(self) -> None:
        """What handlers read of an event is what tests/spec/events.yaml says, in its order."""
        spec = spec_events()
        guides = [event for event in EVENTS.values() if event.name not in OWN]
        self.assertEqual([event.name for event in guides], list(spec))
        for event in guides:
            facts = spec[event.name]
            self.assertEqual((event.summary, list(event.variables)), (facts["summary"], facts["variables"]), event.name)
            self.assertEqual((event.simplified, event.inherited), (facts["simplified"] or "", facts["inherited_from_customer"]), event.name)

    def test_triggers_are_current(self) -> None:
        """The SQL files are what the generator makes of the sources of today."""
        folder = TABLES.parent / "triggers"
        there = {path.name: path.read_text("utf-8") for path in folder.glob("4?_event*.sql")}
        self.assertEqual(sorted(there), sorted(files(SOURCES)))
        for name, text in files(SOURCES).items():
            self.assertTrue(there[name] == text, f"{name} is not what event_sources.yaml says: {COMMAND}")

    def test_tables_of_events_are_described(self) -> None:
        """Each table that an event names has its entity and key, and no other; both are columns of it."""
        known = schema_columns()
        self.assertEqual({table.name for table in SOURCES.tables}, {name for event in SOURCES.events for name in event.tables})
        for table in SOURCES.tables:
            self.assertEqual(set(table.key) - known[table.name], set(), table.name)
            self.assertEqual(name_faults(table.entity, table.name, known), [], table.name)
            self.assertRegex(table.area, r"^[a-z]+$")

    def test_variables_are_the_guides(self) -> None:
        """Each event has exactly the variables of the guide."""
        told = {name: fact["variables"] for name, fact in spec_events().items()} | {name: list(EVENTS[name.lower()].variables) for name in OWN}
        for source in SOURCES.events:
            self.assertEqual(sorted(source.variables), sorted(told[source.name]), source.name)

    def test_tables_and_columns_exist(self) -> None:
        """Each table and column is in a create table statement."""
        known = schema_columns()
        self.assertEqual([fault for source in SOURCES.events for fault in faults(source, known)], [])

    def test_sources_keep_to_the_grammar(self) -> None:
        """Only the forms that event_sources.yaml explains; an insertion has no old row, a deletion no new."""
        for source in SOURCES.events:
            for variable, text in source.variables.items():
                self.assertTrue(well_formed(text), f"{source.name}: {variable}: {text}")
                if len(source.changes) == 1:
                    absent = {"insert": "old", "delete": "new", "update": ""}[source.changes[0]]
                    self.assertNotIn(absent, rows_read(text), f"{source.name}: {variable}")
            self.assertLessEqual(set(source.changes), {"insert", "update", "delete"}, source.name)
            self.assertLessEqual(set(source.secret), set(source.variables), source.name)

    def test_previous_and_current_values(self) -> None:
        """prev_ and old_ come from the row before the change, curr_ and new_ from the row after it."""
        for source in SOURCES.events:
            for variable, text in source.variables.items():
                if re.search(r"^(account_)?(prev|old)_", variable):
                    self.assertEqual(rows_read(text), {"old"}, f"{source.name}: {variable}")
                if re.search(r"^(curr|new)_", variable):
                    self.assertEqual(rows_read(text), {"new"}, f"{source.name}: {variable}")

    def test_inherited_events_come_from_a_customers(self) -> None:
        """The guide's inherited mark means that a customer's event is turned into this one."""
        spec = spec_events()
        for source in SOURCES.events:
            if source.name in OWN:
                continue
            origins = EVENTS[source.name.lower()].also_from
            self.assertLessEqual(set(origins), set(spec), source.name)
            inherited = any(origin.startswith("Customer/") for origin in origins)
            self.assertEqual(inherited, spec[source.name]["inherited_from_customer"], source.name)

    def test_operations_are_named_as_in_the_api(self) -> None:
        """Service.method, at least one an event."""
        for source in SOURCES.events:
            self.assertTrue(source.operation, source.name)
            for name in source.operation:
                self.assertRegex(name, r"^[A-Z]\w+\.[a-z]\w+$", source.name)

    def test_passwords_are_references(self) -> None:
        """No event row holds a password: whatever reads a sealed password column is marked secret."""
        for source in SOURCES.events:
            pattern = re.compile(r"password|\.(ki|opc|pin|puk)")
            sealed = {variable for variable, text in source.variables.items() if pattern.search(text)}
            self.assertEqual(sealed, set(source.secret), source.name)


class XdrTests(SynchronousTestCase):
    """The 34 fields of the guide's Appendix D."""

    def test_fields_are_columns(self) -> None:
        """Each field is a column of xdr, in small letters."""
        spec = yaml.safe_load((SPEC / "xdr.yaml").read_text())
        fields = [field["name"].lower() for field in spec["fields"]]
        self.assertEqual(len(fields), 34)
        self.assertEqual([field for field in fields if field not in schema_columns()["xdr"]], [])


class ParserTests(SynchronousTestCase):
    """The reader of create table statements: were it blind, the rules above would prove nothing."""

    def test_columns(self) -> None:
        """Comments, parentheses, texts and constraints are no columns; `like` and `add column` count."""
        found = columns("""
            create table a (  -- b int,
                c int check (c in (1, 2)),
                d text default 'x,y)',  -- e
                "group" text,
                primary key (c, d), check (c > 0)
            ) with (fillfactor = 70);
            create table f (like a, g int) partition by range (g);
            create table f_default partition of f default;
            alter table a add column h int;
        """)
        self.assertEqual(found, {"a": {"c", "d", "group", "h"}, "f": {"c", "d", "group", "g"}})

    def test_missing_columns_are_seen(self) -> None:
        """In fields, look-ups, keys of look-ups and conditions."""
        known = {"a": frozenset({"x", "i_b"}), "b": frozenset({"i_b", "i_env"})}
        self.assertEqual(unknown_columns("new.x", "a", known), [])
        self.assertEqual(unknown_columns("b.i_env by new.i_b", "a", known), [])
        self.assertEqual(unknown_columns("new.y or old.x", "a", known), ["a.y"])
        self.assertEqual(unknown_columns("b.name by new.i_c", "a", known), ["b.i_c", "b.name", "a.i_c"])
        self.assertEqual(unknown_columns("old.z <> new.x and new.y", "a", known), ["a.z", "a.y"])
        nowhere = EventSource("E", ("nowhere",), ("insert",), "true", ("A.b",), {}, (), "", "", "false", "")
        self.assertEqual(faults(nowhere, known), ["E: no table nowhere"])

    def test_faulty_names_are_seen(self) -> None:
        """Of entities and keys."""
        known = {"a": frozenset({"x"})}
        self.assertEqual(name_faults("a:new.x or b:row.x", "a", known), [])
        self.assertEqual(name_faults("a:new.y", "a", known), ["a:new.y: no column a.y"])
        self.assertEqual(name_faults("new.x", "a", known), ["new.x: is not KIND:SOURCE"])

    def test_malformed_sources_are_seen(self) -> None:
        """Literals and functions are no sources."""
        for text in ("'x'", "now()", "accounts.i_env", "b.i_env by c.i_b", "new.x + 1"):
            self.assertFalse(well_formed(text), text)
