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


class AuditTests(TestCase):
    """Every law of the audit sees its breach, and only that."""

    timeout = 60

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
        closed = "insert into sessions_closed select *, now() from sessions"
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
