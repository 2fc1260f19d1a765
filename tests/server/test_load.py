"""`load` on PostgreSQL: idempotent, exact, whole or not at all, and quick."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from twisted.internet import reactor

from portaswitch.billing.numbers import translate
from portaswitch.config.catalogue import read_catalogue
from portaswitch.model.actor import Actor
from portaswitch.model.loading import Count, Kept, Section
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.loading import Loading
from portaswitch.store.secrets import Sealer
from tests.server.loads import DEMO, LoadTestCase


class DemoTests(LoadTestCase):
    """config/demo.yaml, loaded as it is shipped."""

    async def test_what_it_makes(self) -> None:
        """Counts by section; the card, its money, the sealed secrets, the alias, the reseller's tariff."""
        done = await self.load(read_catalogue(DEMO, 7))
        self.assertEqual(done.counts[Section.ACCOUNTS], Count(14))
        self.assertEqual(done.counts[Section.RATES], Count(35))
        self.assertEqual(done.kept, ())
        self.assertEqual(
            self.ask(
                "select a.i_env, a.balance, a.opening_balance, a.billing_model, a.currency, "
                "a.h323_password, c.name, p.name "
                "from accounts a join customers c using (i_customer) join products p using (i_product) "
                "where id = '10086610975'"
            ),
            [(1, Decimal("10.00"), Decimal("10.00"), -1, "CAD", None, "Demo retail", "PrepaidCard")],
        )
        self.assertEqual(self.sealer.open(self.one("select secret from radius_clients")), "testing123")
        self.assertEqual(
            self.sealer.open(self.one("select h323_password from accounts where id = '16045550101'")),
            "demo-pass-101",
        )
        self.assertEqual(
            self.ask(
                "select a.billing_model, m.id, a.currency, a.i_customer = m.i_customer, a.balance, "
                "a.i_product from accounts a join accounts m on m.i_account = a.i_master_account"
            ),
            [(2, "16045550101", "CAD", True, Decimal(0), None)],
        )
        self.assertEqual(
            self.ask(
                "select t.name, p.name from customers c join customers p on p.i_customer = c.i_parent "
                "join tariffs t on t.i_tariff = p.i_tariff"
            ),
            [("Office wholesale", "Demo reseller")] * 2,
        )
        self.assertEqual(
            self.ask("select dial_rules, zones from nodes where nas_ip = '164.9.9.100'"),
            [([{"prefix": "011", "replace": ""}], {"PST": "America/Los_Angeles"})],
        )
        self.assertEqual(
            self.one("select count(*) from rates where effective_from = '2030-01-01 00:00+00'"), 1
        )

    async def test_the_catalogue_compiles(self) -> None:
        """What was loaded is what the server reads: the card's price is that of the guide."""
        await self.load(read_catalogue(DEMO, 1))
        store = CatalogueStore(self.pool, reactor, self.sealer.open)
        await store.reload()
        current = store.current()
        (tariff,) = (tariff for tariff in current.tariffs.values() if tariff.name == "PrepaidCard")
        node = current.nodes_by_ip[1, "164.9.9.100"]
        dialled = translate("01182623634515", node.dial_rules)
        self.assertEqual(dialled, "82623634515")
        plan = tariff.find(dialled, datetime(2026, 1, 1, tzinfo=UTC))
        assert plan is not None
        affords = Decimal(10) / plan.price_n * plan.price_per
        self.assertEqual((affords, plan.interval_first, plan.interval_n), (30000, 1, 1))
        self.assertEqual([client.secret for client in current.clients], [b"testing123"])
        self.assertEqual(
            [connection.remote_ip for connection in current.connections.values()], ["192.0.2.77"]
        )


class BeneficiaryTests(LoadTestCase):
    """Accounts whose use another account pays for."""

    TEXT = (
        'accounts:\n  "1604-child": {customer: Demo retail, product: PrepaidCard, model: beneficiary, payer: "1604-parent"}\n'
        '  "1604-other": {customer: Demo retail, product: PrepaidCard, model: beneficiary, payer: "10086610975", aliases: ["1604-alias"]}\n'
        '  "1604-parent": {customer: Demo retail, product: PrepaidCard, model: debit, opening_balance: 3}\n'
    )

    async def test_beneficiaries(self) -> None:
        """Payers stand in the file, in any order, or in the database; the same file again changes nothing."""
        await self.load(read_catalogue(DEMO, 1))
        path = Path(self.mktemp())
        path.write_text(self.TEXT)
        done = await self.load(read_catalogue(path, 1))
        self.assertEqual(done.counts[Section.ACCOUNTS], Count(3))
        self.assertEqual(
            self.ask("select a.id, a.billing_model, y.id, a.balance from accounts a join accounts y on y.i_account = a.i_payer order by 1"),
            [("1604-child", 4, "1604-parent", 0), ("1604-other", 4, "10086610975", 0)],
        )
        again = await self.load(read_catalogue(path, 1))
        self.assertEqual(again.counts[Section.ACCOUNTS], Count(0, 0, 3))
        self.assertEqual(self.one("select m.id from accounts a join accounts m on m.i_account = a.i_master_account where a.id = '1604-alias'"), "1604-other")


class AgainTests(LoadTestCase):
    """A second load."""

    async def test_of_the_same_file(self) -> None:
        """Changes nothing: not a row, not a revision, not a notice."""
        first = await self.demo()
        before = self.everything()
        self.ask("listen catalogue")
        self.ask("listen subscribers")
        second = await self.demo()
        self.assertEqual(self.everything(), before)
        self.ask("select 1")
        self.database.poll()
        self.assertEqual(self.database.notifies, [])
        self.assertEqual(
            {section: count.same for section, count in second.counts.items()},
            {section: count.created for section, count in first.counts.items()},
        )
        self.assertEqual(sum(count.created + count.changed for count in second.counts.values()), 0)

    async def test_of_a_changed_file(self) -> None:
        """Changes what it names: a price, a limit, a password, a block; nothing else rises."""
        await self.demo()
        revisions = dict(self.ask("select id, revision from accounts"))
        self.ask("listen subscribers")
        done = await self.demo(
            ('"82": {first: 1, next: 1, price: 0.02}', '"82": {first: 1, next: 1, price: 0.03}'),
            ("demo-pass-105", "demo-pass-new"),
            ("credit_limit: 1000.00", "credit_limit: 1500.00"),
            ("blocked: true", "blocked: false"),
        )
        changed = {section: count.changed for section, count in done.counts.items() if count.changed}
        self.assertEqual(changed, {Section.RATES: 1, Section.CUSTOMERS: 1, Section.ACCOUNTS: 2})
        risen = {
            name
            for name, revision in self.ask("select id, revision from accounts")
            if revision != revisions[name]
        }
        self.assertEqual(risen, {"16045550103", "16045550105"})
        self.assertEqual(
            self.one(
                "select count(*) from rates where price_n = 0.03 and interval_n = 1 and price_first = 0.03"
            ),
            3,
        )
        self.assertEqual(
            self.sealer.open(self.one("select h323_password from accounts where id = '16045550105'")),
            "demo-pass-new",
        )
        self.assertEqual(
            self.one("select credit_limit from customers where i_customer_type = 2"), Decimal(1500)
        )
        self.ask("select 1")
        self.database.poll()
        self.assertEqual(len(self.database.notifies), 3)

    async def test_money_is_never_touched(self) -> None:
        """The balance stays as use left it, and another opening balance is told as kept."""
        await self.demo()
        self.ask("update accounts set balance = 3.5 where id = '10086610975'")
        done = await self.demo(
            ("opening_balance: 10.00", "opening_balance: 25.00"),
            ("opening_balance: 5.00", "opening_balance: 5"),
        )
        self.assertEqual(done.kept, (Kept(Section.ACCOUNTS, "10086610975", Decimal("25.00")),))
        self.assertEqual(
            self.ask("select balance, opening_balance from accounts where id = '10086610975'"),
            [(Decimal("3.5"), Decimal("10.00"))],
        )
        self.assertEqual(sum(count.changed for count in done.counts.values()), 0)

    async def test_what_is_not_named_stays(self) -> None:
        """A partial file changes one key of one account and needs no more of it."""
        await self.demo()
        before = self.everything()
        done = await self.text('accounts: {"10086610975": {expiration_date: 2031-05-06}}\n')
        self.assertEqual(dict(done.counts), {Section.ACCOUNTS: Count(0, 1, 0)})
        after = self.everything()
        self.assertEqual({name for name in after if after[name] != before[name]}, {"accounts", "audit_log_default"})
        self.assertEqual(len(set(after["accounts"]) - set(before["accounts"])), 1)
        self.assertEqual(
            self.one("select expiration_date::text from accounts where id = '10086610975'"),
            "2031-05-06 00:00:00+00",
        )

    async def test_null_takes_away(self) -> None:
        """A limit and a password that are written as null are gone."""
        await self.demo()
        await self.text('accounts: {"16045550101": {credit_limit: null, password: null}}\n')
        self.assertEqual(
            self.ask("select credit_limit, h323_password from accounts where id = '16045550101'"),
            [(None, None)],
        )

    async def test_a_rate_of_a_later_date_is_a_new_row(self) -> None:
        """The old version stays beside it."""
        await self.demo()
        done = await self.text(
            'tariffs: {PrepaidCard: {rates: {"82": {price: 0.01, effective_from: 2031-01-01}}}}\n'
        )
        self.assertEqual(done.counts[Section.RATES], Count(1))
        self.assertEqual(
            self.ask(
                "select price_n from rates join destinations using (i_dest) join tariffs using (i_tariff) "
                "where prefix = '82' and name = 'PrepaidCard' order by effective_from"
            ),
            [(Decimal("0.02"),), (Decimal("0.01"),)],
        )

    async def test_an_old_key_seals_no_second_time(self) -> None:
        """A secret that another key sealed is the same secret."""
        await self.demo()
        self.loading = Loading(self.pool, Sealer({1: b"k" * 32, 2: b"l" * 32}), Actor("test:root", 1), "test.yaml")
        done = await self.demo()
        self.assertEqual(sum(count.changed for count in done.counts.values()), 0)


class FaultTests(LoadTestCase):
    """A file with faults."""

    async def test_changes_nothing(self) -> None:
        """One fault among good things: all tables stay as they were."""
        await self.demo()
        before = self.everything()
        found = await self.refused(
            self.demo(
                (
                    "product: PrepaidCard\n    model: debit\n    opening_balance: 5.00",
                    "product: Nothing\n    model: debit",
                ),
                ("price: 0.02", "price: 0.07"),
            )
        )
        self.assertEqual(len(found), 1)
        self.assertIn(
            "accounts.16045550104.product: Nothing is not among the products of the file or the database",
            found[0],
        )
        self.assertEqual(self.everything(), before)

    async def test_against_the_database(self) -> None:
        """What exists keeps its currency, model and customer; ids and addresses are not taken twice."""
        await self.demo()
        other = "environment: 2\nenvironments: {2: {name: Other}}\n"
        other += "radius_clients: {127.0.0.1: {secret: long-enough-secret}}\n"
        found = await self.refused(self.text(other))
        self.assertEqual(
            [fault.split(": ", 2)[2] for fault in found],
            ["is a client of environment 1: an address has one environment"],
        )
        text = (
            "tariffs: {PrepaidCard: {currency: USD}}\n"
            'accounts:\n  "10086610975": {model: credit, customer: Demo subcustomer}\n'
            '  "16045550102": {customer: Demo retail, product: Office, model: credit}\n'
            '  "16045550103": {aliases: ["16045550104"]}\n'
            '  "16045550109": {alias_of: "16045550102"}\n'
            "nodes: {Second: {nas_ip: 164.9.9.100}}\n"
        )
        told = [fault.removeprefix("f.yaml:") for fault in await self.refused(self.text(text))]
        self.assertEqual(len(told), 7, told)
        for line, (place, word) in zip(
            told,
            [
                ("1:25: tariffs.PrepaidCard.currency", "is CAD in the database"),
                ("3:19: accounts.10086610975.model", "is debit in the database"),
                ("3:34: accounts.10086610975.customer", "is Demo retail in the database"),
                ("4:3: accounts.16045550102", "is an alias of 16045550101 in the database"),
                ("5:29: accounts.16045550103.aliases[0]", "16045550104 is an account of its own"),
                ("6:19: accounts.16045550109.alias_of", "16045550102 is an alias"),
                ("7:18: nodes.Second.nas_ip", "node Card gateway has the same"),
            ],
            strict=True,
        ):
            self.assertTrue(line.startswith(place), line)
            self.assertIn(word, line)

    async def test_environments_are_walls(self) -> None:
        """The same names in two environments are two things."""
        await self.demo()
        text = (
            DEMO.read_text("utf-8")
            .replace("environment: 1", "environment: 2")
            .replace("  1:\n    name: Demo", "  2:\n    name: Demo2")
        )
        await self.text(text.replace("127.0.0.1:", "127.0.0.2:").replace("bec-pgw", "other-pgw"))
        self.assertEqual(
            self.ask("select i_env, count(*) from accounts group by 1 order by 1"), [(1, 15), (2, 15)]
        )
        done = await self.demo()
        self.assertEqual(sum(count.created + count.changed for count in done.counts.values()), 0)
