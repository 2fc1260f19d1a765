"""Sources of events as SQL, and the triggers written from them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.store.event_sources import condition_sql, names_sql, read_sources, secret_sql, to_sql
from portaswitch.store.event_triggers import WIDTH, files

TEXT = """
tables:
  things: {area: things, key: [i_thing], entity: "thing:row.i_thing"}
  links: {area: things, key: [i_link, i_thing], apart: true, entity: "thing:new.i_thing or thing:old.i_thing"}
events:
  - {name: Thing/New, tables: [things], changes: [insert], operation: [Thing.add], variables: {i_env: new.i_env}}
  - {name: Thing/Moved, tables: [things], changes: [update], when: old.place <> new.place, operation: [Thing.move], urgent: new.place > old.place,
     variables: {i_env: new.i_env, code: new.code}, secret: [code]}
  - {name: Link/Changed, tables: [links], changes: [update, delete], operation: [Link.add], key: "port:new.port or port:old.port", urgent: true,
     variables: {i_env: row.i_env, prev: old.port, port: new.port}}
"""


class SourceTests(SynchronousTestCase):
    """The grammar of event_sources.yaml in SQL."""

    def test_rows(self) -> None:
        """By kind of change; a row that there is not gives null."""
        wanted = {"insert": ("n.x", "null", "n.x"), "update": ("n.x", "o.x", "n.x"), "delete": ("null", "o.x", "o.x")}
        for change, texts in wanted.items():
            self.assertEqual(tuple(to_sql(f"{row}.x", change) for row in ("new", "old", "row")), texts)

    def test_alternatives(self) -> None:
        """Those that there can be."""
        self.assertEqual(to_sql("new.x or old.y", "update"), "coalesce(n.x, o.y)")
        self.assertEqual(to_sql("new.x or old.y", "delete"), "o.y")

    def test_look_ups(self) -> None:
        """Through one table or several, by the key of the same name."""
        self.assertEqual(to_sql("a.x by new.i_a", "insert"), "(select a.x from a where a.i_a = n.i_a)")
        self.assertEqual(to_sql("a.x by b.i_a by row.i_b", "delete"), "(select a.x from a where a.i_a = (select b.i_a from b where b.i_b = o.i_b))")
        self.assertEqual(to_sql("a.x by new.i_a", "delete"), "null")

    def test_names_and_secrets(self) -> None:
        """Entities and keys by kind; a secret is a reference, of the value before one that leads nowhere."""
        self.assertEqual(names_sql("sim:new.i or sim:old.i", "update"), "coalesce('sim:' || n.i, 'sim:' || o.i)")
        self.assertEqual(names_sql("sim:new.i or sim:old.i", "delete"), "'sim:' || o.i")
        self.assertEqual(secret_sql("new.p", "update", "t", "i_t"), "case when n.p is not null then 'secret:t.p:' || n.i_t end")
        self.assertEqual(secret_sql("old.p", "update", "t", "i_t"), "case when o.p is not null then 'secret:t.p:' || o.i_t || ':before' end")
        self.assertEqual(secret_sql("old.p", "insert", "t", "i_t"), "null")
        self.assertEqual(condition_sql("old.x <> new.x and row.y = 'older'", "update"), "o.x <> n.x and n.y = 'older'")


class WriterTests(SynchronousTestCase):
    """The files."""

    def setUp(self) -> None:
        """Two tables in one area."""
        self.made = files(read_sources(TEXT))

    def test_files(self) -> None:
        """One an area, and the places."""
        self.assertEqual(sorted(self.made), ["40_events_things.sql", "41_event_places.sql"])
        self.assertIn("('links delete', array['Link/Changed'])", self.made["41_event_places.sql"])

    def test_triggers(self) -> None:
        """Only of changes that raise something, each with the transition tables that it has; none has a condition of its own."""
        text = self.made["40_events_things.sql"]
        made = [line.split()[4] for line in text.splitlines() if line.startswith("create or replace trigger")]
        self.assertEqual(made, ["things_events_insert", "things_events_update", "links_events_update", "links_events_delete"])
        self.assertNotIn("when (", text)
        self.assertEqual(text.count("if wanted is not null then"), 4)

    def test_rows_are_paired(self) -> None:
        """Conditions that compare spare the comparison of whole rows; rows that stand apart are joined from both sides."""
        text = self.made["40_events_things.sql"]
        self.assertIn("from old_rows o join new_rows n on n.i_thing = o.i_thing cross join", text)
        self.assertIn("from (old_rows o full join new_rows n on n.i_link = o.i_link and n.i_thing = o.i_thing) cross join", text)
        self.assertIn("where n is distinct from o", text)
        self.assertIn("case when n.place > o.place then 0 else 1 end", text)

    def test_width(self) -> None:
        """The package's files keep to the line length."""
        long = [line for text in files(read_sources()).values() for line in text.splitlines() if len(line) > WIDTH + 2]
        self.assertEqual(long, [])
