"""The audit of the books (`portaswitch verify`): rows that agree, and every law broken once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.store.audit import audit
from tests.server.harness import World
from tests.server.test_cli import HELD

#: An xDR as SQL.
XDR = """
insert into xdr (i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity,
    charged_quantity, charged_amount, history, i_account, i_customer, i_vendor, billing_model, overrun)
values (1, '{storage}', 'x', now(), now(), now(), 1, 1, {amount}, '', {account},
    {customer}, {vendor}, {model}, {overrun});
"""

#: Rows beside each other, which break nothing; and the end of those that break something.
NEIGHBOURS = """
insert into access_policies (i_access_policy, i_env, name) values (1, 1, 'Home');
insert into access_policy_phases (i_access_policy_phase, i_access_policy, name, period, level) values (7, 1, 'a', 'hr{1am}', 'limited');
insert into account_addons (i_account_addon, i_env, i_account, i_product, addon_effective_from, addon_effective_to) values
    (7, 1, 101, 101, '2026-01-01', '2026-02-01'), (8, 1, 101, 101, '2026-02-01', null);
insert into ip_pools (i_ip_pool, i_env, name, ranges) values (1, 1, 'First', '[{"first": "10.0.0.1", "last": "10.0.0.9"}]');
insert into ip_leases (i_env, address, i_ip_pool, session_key, i_account, user_name, i_node, since, until)
    values (1, '10.0.0.1', 1, '101/s', 101, 'u', 101, now(), now() + interval '1 hour');
insert into xdr_exports (i_export, i_env, name, filter) values (7, 1, 'x', '{}');
insert into xdr_export_files (i_export, number, last_id, until) values (7, 1, 5, 'infinity');
"""
CLEARED = """
delete from rates where i_rate = 900; delete from access_policy_phases where i_access_policy_phase = 8;
delete from account_addons where i_account_addon = 9; delete from service_attribute_values; delete from ip_pools where i_ip_pool = 9;
delete from xdr_export_files where number = 3;
"""


class AuditTests(TestCase):
    """Every law of the audit sees its breach, and only that."""

    timeout = 180

    def setUp(self) -> Any:
        """The rows of the world; its server does nothing here."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made()
        await self.world.stop()

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

    async def broken(self) -> list[str]:
        """The laws that rows break."""
        return [finding.law for finding in (await audit(self.world.pool)).findings if finding.differ]

    def charge(
        self,
        amount: str,
        storage: str = "a",
        account: int = 101,
        vendor: str = "null",
        model: int = -1,
        overrun: str = "0",
    ) -> str:
        """An xDR as SQL."""
        return XDR.format(
            amount=amount,
            storage=storage,
            account=account,
            customer=101,
            vendor=vendor,
            model=model,
            overrun=overrun,
        )

    async def test_agreeing(self) -> None:
        """Charges, payments, pending charges and holds that fit each other break nothing."""
        debit = self.charge("0.5") + "update accounts set balance = 12.5 where i_account = 101;"
        credit = (
            self.charge("2", account=102, model=1)
            + "update accounts set balance = 1.5 where i_account = 102;"
        )
        paid = (
            "insert into payments (i_env, i_account, i_customer, amount, currency, action) values"
            " (1, 101, 101, 3, 'CAD', 'manual_payment'), (1, 102, 101, 0.5, 'CAD', 'manual_payment'),"
            " (1, null, 101, 1, 'CAD', 'manual_payment');"
            "update customers set balance = 0.5 where i_customer = 101;"
        )
        vendor = self.charge("0.1", "v", vendor="101") + "insert into pending_charges values ('v', 101, 0.1);"
        reseller = self.charge("0.2", "c") + "insert into pending_charges values ('c', 101, 0.2);"
        await self.world.pool.execute(HELD + debit + credit + paid + vendor + reseller)
        found = await audit(self.world.pool)
        self.assertEqual(
            [(finding.law, finding.examples) for finding in found.findings if finding.differ], []
        )
        self.assertEqual((found.differ, found.unfolded, found.findings[0].rows), (0, 2, 2))

    async def test_laws(self) -> None:
        """One breach after the other, each undone."""
        account, customer, vendor = "balance of accounts", "balance of customers", "balance of vendors"
        held = ("held of accounts", "held of customers", "held of sessions")
        below = self.charge("11", overrun="0.5") + "update accounts set balance = -1 where i_account = 101"
        record = "jsonb_populate_record(null::sessions_closed, to_jsonb(s) || jsonb_build_object('closed', now()))"
        closed = f"insert into sessions_closed select ({record}).* from sessions s"
        for sql, laws in (
            (self.charge("0.5"), (account,)),
            (self.charge("0.5", account=102, model=1), (account, customer)),
            (self.charge("0.5", "v", vendor="101"), (vendor,)),
            ("insert into pending_charges values ('c', 101, 0.2)", (customer,)),
            ("update accounts set opening_balance = 9 where i_account = 101", (account,)),
            ("update accounts set held = 0.5 where i_account = 101", held[:1]),
            ("update customers set held = 0.5 where i_customer = 101", held[1:2]),
            (
                HELD + "update sessions set held = 2; update accounts set held = 2 where i_account = 101",
                held[2:],
            ),
            (
                HELD
                + "update sessions set i_account = 102; update accounts set held = held - 1 where held > 0;",
                (held[0], held[1], "open sessions of accounts"),
            ),
            (below, ("nothing is negative",)),
            (HELD + closed, ("no session is both",)),
            ("update accounts set open_incoming = 1 where i_account = 101", ("open sessions of accounts",)),
            (HELD + "update sessions set incoming = true", ("open sessions of accounts",)),
            ("update customers set open_outgoing = 1 where i_customer = 101", ("open sessions of customers",)),
            (
                HELD
                + "update customers set max_sessions = 3; update customers set open_outgoing = open_outgoing - 1;",
                ("open sessions of customers",),
            ),
        ):
            await self.check_breach(sql, laws)

    async def check_breach(self, sql: str, laws: tuple[str, ...]) -> None:
        """After `sql` these laws are broken and no other; then everything is as before."""
        tables = ("accounts", "customers", "vendors", "sessions", "sessions_closed", "xdr", "pending_charges")
        keep = "".join(f"create table keep_{table} as table {table};" for table in tables)
        await self.world.pool.execute(keep + sql)
        broken = await self.broken()
        self.assertEqual(len(broken), len(laws), (sql, broken))
        for law, start in zip(broken, laws, strict=True):
            self.assertTrue(law.startswith(start), (sql, law))
        restore = (
            "delete from sessions; delete from sessions_closed; delete from xdr; delete from pending_charges;"
            + "".join(
                f"update {table} t set balance = k.balance, held = k.held, max_sessions = k.max_sessions,"
                f" open_outgoing = k.open_outgoing, open_incoming = k.open_incoming,"
                f" opening_balance = k.opening_balance"
                f" from keep_{table} k where k.{key} = t.{key};"
                for table, key in (("accounts", "i_account"), ("customers", "i_customer"))
            )
        )
        await self.world.pool.execute(restore + "".join(f"drop table keep_{table};" for table in tables))
        self.assertEqual(await self.broken(), [])

    async def test_overlaps(self) -> None:
        """Rows that a key of the database does not keep apart, one law after the other; each is named by its ids."""
        await self.world.pool.execute(NEIGHBOURS)
        self.assertEqual(await self.broken(), [])
        for sql, law, what in (
            ("insert into destinations (i_dest, i_env, format, prefix) values (9, 1, 'E.212', '82'); insert into rates (i_rate, i_tariff, i_dest, price_first,"
             " price_n) values (900, 101, 9, 1, 1)", "rates of a tariff", "rates 101, 900 from"),
            ("insert into access_policy_phases (i_access_policy_phase, i_access_policy, name, period, level) values (8, 1, 'b', 'hr{1am}', 'turbo')",
             "phases of an access policy", "phases 7, 8: hr{1am}, order 0"),
            ("insert into account_addons (i_account_addon, i_env, i_account, i_product, addon_effective_from) values (9, 1, 101, 101, '2026-01-15')",
             "add-ons of an account", "add-on 7 goes on until 2026-02-01"),
            ("insert into service_attribute_values (i_env, i_attribute, i_account, value) values (1, 3, 102, '{10.0.0.1}')", "addresses",
             "leased to account 101"),
            ("insert into ip_pools (i_ip_pool, i_env, name, ranges) values (9, 1, 'Second', '[{\"first\": \"10.0.0.9\", \"last\": \"10.0.0.20\"}]')",
             "addresses", "are in pool 9 too"),
            ("insert into xdr_export_files (i_export, number, last_id, until) values (7, 3, 9, 'infinity')", "files of exports", "the last is number 3"),
        ):  # fmt: skip
            await self.world.pool.execute(sql)
            (finding,) = [finding for finding in (await audit(self.world.pool)).findings if finding.differ]
            self.assertTrue(finding.law.startswith(law), finding)
            self.assertIn(what, finding.examples[0].found)
            await self.world.pool.execute(CLEARED)

    async def test_progress(self) -> None:
        """Each law is told before it is asked."""
        told = list[tuple[int, int]]()
        found = await audit(self.world.pool, lambda done, total, law: told.append((done, total)))
        self.assertEqual(told, [(place, len(found.findings) + 1) for place in range(len(found.findings) + 1)])
