"""
The schema in a migrated database.

Every event's variables can be read, keys and walls are whole, revisions and notices follow configuration and
never money.

psycopg2 is used synchronously: its connections deliver their own notices with the answer of the statement, so
that nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg2
import yaml
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.store.event_sources import EventSource, condition_sql, read_sources, to_sql
from tests.rules.event_columns import SPEC
from tests.server.database import fresh_database

KEYLESS = {"pending_charges", "xdr", "sessions_closed", "event_history"}
"""Tables without a primary key: rows that are only added, and found by time, session or event."""

GLOBAL = {"service_types", "service_features", "service_attributes", "invoice_types", "invoice_statuses"}
GLOBAL |= {"pending_charges", "request_keys", "event_notifications", "events_off", "event_wants", "xdr_readers"}
"""Tables that no look-up starts from, or that hold the same for all environments."""

MONEY = ("balance", "held", "used", "exceeded", "expires", "updated", "version", "first_usage", "last_usage")
"""Columns that a charge changes: an index on one would end HOT updates (SPIKE_FACTS 1)."""

KEPT = {("service_wallets", "expires")}
"""Columns of those names that no charge changes: a wallet's end is moved by its job and by operators only, a session's by every report."""

HOT = ("accounts", "customers", "vd_counters", "service_wallets", "sessions")


class SchemaTestCase(TestCase):
    """Opens a connection to a fresh, migrated database."""

    def setUp(self) -> Any:
        """One database a test; nothing is committed that another test sees."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        self.dsn = await fresh_database()
        self.database = self.connect()

    def connect(self) -> Any:
        """A connection in autocommit mode that the test closes."""
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection

    def ask(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement and gives its rows."""
        with self.database.cursor() as cursor:
            cursor.execute(sql, tuple(values))
            return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, values: Iterable[object] = ()) -> Any:
        """The only value of the only row."""
        ((value,),) = self.ask(sql, values)
        return value

    def refused(self, error: type[psycopg2.Error], sql: str) -> None:
        """The statement fails with that error and changes nothing."""
        self.assertRaises(error, self.ask, sql)

    def subscriber(self, name: str = "One") -> tuple[int, int]:
        """A customer and its credit account: i_customer, i_account."""
        self.ask("insert into environments values (1, 'One') on conflict do nothing")
        customer = self.one(
            "insert into customers (i_env, name, currency) values (1, %s, 'USD') returning i_customer", [name]
        )
        account = self.one(
            "insert into accounts (i_env, id, i_customer, billing_model, currency) "
            "values (1, %s, %s, 1, 'USD') returning i_account",
            [f"{name}-1", customer],
        )
        return customer, account


class EventTests(SchemaTestCase):
    """The sources of store/schema/event_sources.yaml, run by PostgreSQL."""

    def select(self, source: EventSource, table: str, change: str) -> str:
        """A query of all variables and the condition of an event; without rows, but fully analysed."""
        absent = f"(select (null::{table}).*)"
        old, new = (absent if change == "insert" else table), (absent if change == "delete" else table)
        values = [f"{to_sql(text, change)} as {name}" for name, text in source.variables.items()]
        condition = condition_sql(source.when or "true", change)
        return f"select {', '.join(values)} from {old} o, {new} n where false and ({condition})"

    def test_every_variable_can_be_read(self) -> None:
        """Of all 89 events and our own, for each table and kind of change that raises them."""
        read = set()
        for source in read_sources().events:
            for table in source.tables:
                for change in source.changes:
                    self.assertEqual(self.ask(self.select(source, table, change)), [], source.name)
                    read.add(source.name)
        self.assertEqual(len(read), 90)

    def test_xdr_fields(self) -> None:
        """The 34 fields of the guide are columns of xdr, of their printed kinds."""
        kinds = {
            "int": {"integer", "bigint", "smallint"},
            "string": {"text"},
            "float": {"numeric"},
            "dateTime": {"timestamp with time zone"},
        }
        found = dict(
            self.ask("select column_name, data_type from information_schema.columns where table_name = 'xdr'")
        )
        fields = yaml.safe_load((SPEC / "xdr.yaml").read_text())["fields"]
        self.assertEqual(len(fields), 34)
        for field in fields:
            self.assertIn(found.get(field["name"].lower()), kinds[field["type"]], field["name"])


class KeyTests(SchemaTestCase):
    """Keys, walls and hot rows."""

    def tables(self) -> set[str]:
        """All tables but partitions."""
        rows = self.ask(
            "select relname from pg_class where relkind in ('r', 'p') and not relispartition "
            "and relnamespace = current_schema()::regnamespace and relname not like 'schema%%'"
        )
        return {name for (name,) in rows}

    def test_every_table_has_a_key(self) -> None:
        """A primary key, but for the named few."""
        keyed = self.ask("select conrelid::regclass::text from pg_constraint where contype = 'p'")
        self.assertEqual(self.tables() - {name for (name,) in keyed}, KEYLESS)

    def test_every_entity_has_an_environment(self) -> None:
        """By a column i_env, or through a key that must be set; walls have no doors (DESIGN.md 3.11)."""
        walled = {
            name
            for (name,) in self.ask(
                "select table_name from information_schema.columns "
                "where column_name = 'i_env' and table_schema = current_schema()"
            )
        }
        links = self.ask(
            "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint c "
            "join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] "
            "where contype = 'f' and a.attnotnull"
        )
        for _ in links:
            walled |= {table for table, other in links if other in walled - {"environments"}}
        self.assertEqual(self.tables() - walled, GLOBAL)

    def test_hot_rows(self) -> None:
        """Room for HOT updates, and no index on what a charge changes."""
        for table in HOT:
            options = self.one("select reloptions::text from pg_class where relname = %s", [table])
            self.assertRegex(options, r"fillfactor=[57]0", table)
        indexed = self.ask(
            "select i.indrelid::regclass::text, a.attname from pg_index i "
            "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey) "
            "where i.indrelid::regclass::text = any (%s) and a.attname = any (%s)",
            [list(HOT), list(MONEY)],
        )
        self.assertEqual(set(indexed) - KEPT, set())

    def test_foreign_keys_have_an_index(self) -> None:
        """Deleting an account scans no table: indexes lead to references."""
        bare = self.ask(
            "select c.conrelid::regclass::text, a.attname from pg_constraint c "
            "join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] "
            "where contype = 'f' and confrelid = 'accounts'::regclass and not exists "
            "(select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])"
        )
        self.assertEqual(bare, [])

    def test_enumerations(self) -> None:
        """Words and figures out of their lists are refused by the database too."""
        customer, account = self.subscriber()
        check = psycopg2.errors.CheckViolation
        self.refused(check, "update accounts set bill_status = 'X'")
        self.refused(check, "update accounts set held = -1")
        self.refused(check, "insert into sim_cards (i_env, imsi) values (1, '12ab')")
        for where in ("insert into destinations (i_env, prefix) values (1, '44'), (77, '49')", "update destinations set i_env = 77"):
            self.ask("insert into destinations (i_env, prefix) values (1, '43') on conflict do nothing")
            self.refused(psycopg2.errors.ForeignKeyViolation, where)
        self.refused(check, "insert into sim_cards (i_env, imsi, status) values (1, '001010000001', 'lost')")
        self.refused(
            check,
            "insert into payment_transactions (i_env, i_customer, status, amount, iso_4217) "
            f"values (1, {customer}, 'DONE', 1, 'USD')",
        )
        self.refused(
            check,
            "insert into service_attribute_values (i_env, i_attribute, i_account, i_customer, value) "
            f"values (1, 1, {account}, {customer}, '{{x}}')",
        )

    def test_unique_in_the_environment(self) -> None:
        """A SIM is known once in an environment, and may be known in another one too."""
        self.subscriber()
        self.ask("insert into environments values (2, 'Two')")
        insert = "insert into sim_cards (i_env, imsi) values (%s, '001010000000001')"
        self.ask(insert, [1])
        self.ask(insert, [2])
        self.assertRaises(psycopg2.errors.UniqueViolation, self.ask, insert, [1])

    def test_counter_of_a_customer(self) -> None:
        """A customer's own counter (no account) is one row, however often it is made."""
        customer, _ = self.subscriber()
        self.ask("insert into services (i_env, name, i_service_type, base) values (1, 'V', 8, 'quantity')")
        self.ask("insert into vd_plans (i_env, name, currency) values (1, 'P', 'USD')")
        self.ask(
            "insert into vd_dgs (i_vd_plan, i_service, kind, counted_in) "
            "select i_vd_plan, i_service, 'quota', 'units' from vd_plans, services"
        )
        insert = "insert into vd_counters (i_customer, i_env, i_vd_dg) "
        insert += f"select {customer}, 1, i_vd_dg from vd_dgs"
        self.ask(insert)
        self.refused(psycopg2.errors.UniqueViolation, insert)


class RevisionTests(SchemaTestCase):
    """Revisions and notices: configuration yes, money never."""

    async def prepare(self) -> None:
        """A subscriber, and an ear for both channels."""
        await super().prepare()
        self.customer, self.account = self.subscriber()
        self.ask("listen catalogue")
        self.ask("listen subscribers")

    def heard(self) -> list[tuple[str, str]]:
        """Channel and text of the notices since the last call."""
        self.ask("select 1")
        self.database.poll()
        heard = [(notice.channel, notice.payload) for notice in self.database.notifies]
        self.database.notifies.clear()
        return heard

    def revision(self, table: str = "accounts") -> int:
        """The revision of the only row of a table."""
        return int(self.one(f"select revision from {table}"))

    def test_money_is_silent(self) -> None:
        """What a charge sets changes no revision and sends nothing."""
        self.ask("update accounts set balance = 5, held = 1, open_outgoing = 1, locked_by = 'x', first_usage = now(), last_usage = now()")
        self.ask("update customers set balance = 5, held = 1, open_incoming = 1")
        self.ask("insert into vendors (i_env, name, currency) values (1, 'V', 'USD')")
        self.heard()
        self.ask("update vendors set balance = balance + 1")
        self.assertEqual(self.heard(), [])
        self.assertEqual((self.revision(), self.revision("customers")), (1, 1))

    def test_every_other_column_counts(self) -> None:
        """Each column of accounts and customers but money, counts of sessions and login locks is watched, by both triggers."""
        moving = {"balance", "held", "open_outgoing", "open_incoming", "revision"}
        unwatched = self.ask(
            "select t.tgname, a.attname from pg_trigger t join pg_attribute a on a.attrelid = t.tgrelid "
            "where t.tgrelid in ('accounts'::regclass, 'customers'::regclass) and not t.tgisinternal "
            "and (t.tgname like '%%_revision' or t.tgname like '%%_notify') "
            "and a.attnum > 0 and not a.attisdropped and a.attnum <> all (t.tgattr)"
        )
        for trigger in ("accounts_revision", "accounts_notify"):
            left_out = {column for name, column in unwatched if name == trigger}
            self.assertEqual(left_out, moving | {"locked_by", "locked_until", "first_usage", "last_usage"})
        for trigger in ("customers_revision", "customers_notify"):
            left_out = {column for name, column in unwatched if name == trigger}
            self.assertEqual(left_out, moving)

    def test_configuration_is_told(self) -> None:
        """A blocked account and a renamed customer: one revision and one notice each; no change, nothing."""
        self.ask("update accounts set blocked = true")
        self.ask("update customers set name = 'Uno'")
        self.assertEqual(
            self.heard(), [("subscribers", f"a:{self.account}"), ("subscribers", f"c:{self.customer}")]
        )
        self.assertEqual((self.revision(), self.revision("customers")), (2, 2))
        self.ask("update accounts set blocked = true")
        self.assertEqual((self.heard(), self.revision()), ([], 2))

    def test_reseller_is_catalogue(self) -> None:
        """A reseller is kept in memory with the catalogue."""
        self.ask("update customers set i_customer_type = 2")
        self.assertIn(("catalogue", "customers"), self.heard())

    def test_many_are_told_as_all(self) -> None:
        """A transaction names at most 100 subscribers, then says that all are stale, once."""
        self.ask(
            "insert into accounts (i_env, id, i_customer, billing_model, currency) "
            "select 1, n::text, i_customer, 1, 'USD' from customers, generate_series(1, 150) n"
        )
        heard = self.heard()
        self.assertEqual(len(heard), 101)
        self.assertEqual(heard.count(("subscribers", "*")), 1)
        self.ask("update accounts set language = 'de' where i_account = %s", [self.account])
        self.assertEqual(self.heard(), [("subscribers", f"a:{self.account}")])

    def test_catalogue_is_told_once(self) -> None:
        """A statement over many rows sends one notice with the table's name."""
        self.ask("insert into destinations (i_env, prefix) select 1, n::text from generate_series(1, 50) n")
        self.assertEqual(self.heard(), [("catalogue", "destinations")])

    def test_addons_and_features_count_as_the_accounts(self) -> None:
        """An add-on and a feature's value raise the revision of their account; a product's is catalogue."""
        self.ask("insert into products (i_env, name, currency, is_addon) values (1, 'A', 'USD', true)")
        self.heard()
        self.ask(
            "insert into account_addons (i_env, i_account, i_product) "
            "select 1, a.i_account, p.i_product from accounts a, products p"
        )
        self.ask(
            "insert into service_attribute_values (i_env, i_attribute, i_account, value) "
            "select 1, 1, i_account, '{gold}' from accounts"
        )
        self.assertEqual((self.heard(), self.revision()), ([("subscribers", f"a:{self.account}")] * 2, 3))
        self.ask(
            "insert into service_attribute_values (i_env, i_attribute, i_product, value) "
            "select 1, 1, i_product, '{gold}' from products"
        )
        self.assertEqual((self.heard(), self.revision()), ([("catalogue", "service_attribute_values")], 3))
