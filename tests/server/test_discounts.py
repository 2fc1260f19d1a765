"""Discount plans against the whole server: what calls cost, and where the counters and wallets stand in the rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from portaswitch.administration.explaining import explain
from portaswitch.administration.opening import operator
from portaswitch.store.audit import audit
from portaswitch.store.counter_resets import begin_periods
from portaswitch.store.database import Database
from tests.claims import claims
from tests.server.harness import STOP, h323
from tests.server.test_rating import CREDIT, DEBIT, RatingCase

#: Plan 1 is the accounts' own, plan 2 the customer's: item 1 of the first, item 2 of the second.
PLANS = """
insert into vd_plans (i_vd_plan, i_env, name, currency) values (1, 1, 'own', 'CAD'), (2, 1, 'customer', 'CAD');
update accounts set i_vd_plan = 1;
update customers set i_vd_plan = 2;
"""
COUNTERS = "select i_account, i_vd_dg, used, held from vd_counters order by i_vd_dg, i_account"
CHARGES = "select split_order, charged_quantity, charged_amount, history from xdr where storage = 'a' and account_id = %s order by bill_time, split_order"
HOUR, MINUTE = 3600, 60


def item(number: int, i_vd_plan: int, *steps: str, **what: Any) -> str:
    """SQL of an item of voice calls counted in seconds, with steps as 'threshold, percent, forbidden'."""
    columns = {"kind": "discount", "reset": "billing_period", **what}
    names, values = ", ".join(columns), ", ".join(repr(value) for value in columns.values())
    rows = ", ".join(f"({number}, {step})" for step in steps)
    return (
        f"insert into vd_dgs (i_vd_dg, i_vd_plan, i_service, counted_in, {names}) values ({number}, {i_vd_plan}, 103, 'units', {values});"
        + (f"insert into vd_thresholds (i_vd_dg, threshold, discount, forbidden) values {rows};" if rows else "")
    )


class DiscountCase(RatingCase):
    """Calls at 0.02 a minute, by the second."""

    async def stop(self, user: str, conf: str, minutes: int) -> None:
        """One call."""
        await self.acct(STOP, f"A5D3B74C 0 0 {conf}", minutes * MINUTE, user=user)

    async def charges(self, user: str = CREDIT) -> list[tuple[Any, ...]]:
        """What the account's xDRs say."""
        return await self.world.pool.query(CHARGES, (user,))

    async def used(self) -> dict[tuple[int | None, int], int]:
        """Minutes used of each counter by account (None: the customer) and item; nothing is held any more."""
        rows = await self.world.pool.query(COUNTERS)
        self.assertEqual([held for *_, held in rows if held], [])
        return {(i_account, number): int(used) // MINUTE for i_account, number, used, _ in rows}


class SharedTests(DiscountCase):
    """200 free minutes of each account, 10 percent off behind 1000 minutes of all."""

    rows = PLANS + item(1, 1, "0, 100, false", "12000, 0, false") + item(2, 2, "0, 0, false", "60000, 10, false")

    @claims("mr15.volume-discounts.1", "mr15.volume-discounts.2")
    async def test_worked(self) -> None:
        """A call moves the counters of both; once all accounts together passed 1000 minutes, the rate falls."""
        await self.stop(DEBIT, "1", 900)
        await self.stop(CREDIT, "2", 300)
        self.assertEqual([row[:3] for row in await self.charges(DEBIT)], [(0, 200 * MINUTE, 0), (1, 700 * MINUTE, 14)])
        # 100 minutes until the customer's 1000, and 100 more of the own free ones; the rest at 0.018.
        charged = [(quantity // MINUTE, amount) for _, quantity, amount, _ in await self.charges()]
        self.assertEqual(charged, [(100, 0), (100, 0), (100, Decimal("1.8"))])
        self.assertEqual(await self.used(), {(101, 1): 900, (102, 1): 300, (None, 2): 1200})


class ExclusiveTests(DiscountCase):
    """200 minutes of the account's own, then 500 of the customer."""

    rows = PLANS + item(1, 1, "0, 100, false", "12000, 0, false", exclusive=True) + item(2, 2, "0, 100, false", "30000, 0, false", split_xdr=False)

    @claims("mr15.volume-discounts.3")
    async def test_worked(self) -> None:
        """The customer's counter stands still until the account's minutes are used up; then it takes over."""
        await self.stop(CREDIT, "1", 150)
        self.assertEqual(await self.used(), {(102, 1): 150})
        await self.stop(CREDIT, "2", 650)
        self.assertEqual(await self.used(), {(102, 1): 800, (None, 2): 600})
        self.assertEqual(sum(amount for _, _, amount, _ in await self.charges()), Decimal("2.00"))


class ExplainTests(DiscountCase):
    """`xdr explain` of what a discount split."""

    rows = PLANS + item(1, 1, "0, 100, false", "120, 25, false")

    async def test_parts(self) -> None:
        """Each part is rated again to the figure of its xDR."""
        await self.stop(CREDIT, "1", 8)
        self.assertEqual([row[:3] for row in await self.charges()], [(0, 120, 0), (1, 360, Decimal("0.09"))])
        database = Database(reactor, self.world.folder, self.world._dsn)
        await database.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(database.close()))
        for number, text in await self.world.pool.query("select id, history from xdr where storage = 'a' order by split_order"):
            (charge,) = (await explain(reactor, database, operator(1), number, self.world.folder / "log")).charges
            self.assertEqual((charge.again, charge.changed), (charge.amount, None))
            self.assertIn(charge.steps[-1].text, text)


class QuotaTests(DiscountCase):
    """5 minutes of calls a period, whatever money there is."""

    rows = PLANS + item(1, 1, "0, 0, false", "300, 0, true", kind="quota", notify_percent=50)

    async def exceeded(self) -> tuple[bool, bool]:
        """What the counter tells its events."""
        ((exceeded, notified),) = await self.world.pool.query("select exceeded, notified from vd_counters")
        return exceeded, notified

    async def test_blocked(self) -> None:
        """A grant ends with the quota; used up, it refuses, and the counter says so."""
        told = await self.auth("A5D3B74C 0 0 1")
        self.assertEqual((told.code, h323(told, "h323-credit-time")), (2, "300"))
        await self.acct(STOP, "A5D3B74C 0 0 1", 180)
        self.assertEqual(await self.exceeded(), (False, True))
        told = await self.auth("A5D3B74C 0 0 2")
        self.assertEqual((told.code, h323(told, "h323-credit-time")), (2, "120"))
        await self.acct(STOP, "A5D3B74C 0 0 2", 120)
        refused = await self.auth("A5D3B74C 0 0 3")
        self.assertEqual((refused.code, await self.exceeded()), (3, (True, True)))

    async def test_next_period(self) -> None:
        """A quota that nobody uses is there again when its period is over."""
        await self.auth("A5D3B74C 0 0 1")
        await self.acct(STOP, "A5D3B74C 0 0 1", 300)
        await self.world.pool.execute("update vd_counters set period_start = period_start - interval '31 days', period_end = now() - interval '1 second'")
        await begin_periods(self.world.pool, self.world.server.catalogue, datetime.now(UTC))
        self.assertEqual(await self.exceeded(), (False, False))
        self.assertEqual((await self.world.pool.query("select used, period_end > now() from vd_counters"))[0], (0, True))

    async def broken(self) -> list[str]:
        """The laws of the audit that don't hold."""
        return [finding.law for finding in (await audit(self.world.pool)).findings if finding.differ]

    async def test_held(self) -> None:
        """What an open call may still use is held of the counter, and given back; the audit knows what it should be."""
        await self.auth("A5D3B74C 0 0 1")
        self.assertEqual(await self.broken(), [])
        await self.world.pool.execute("update vd_counters set held = held + 1")
        self.assertEqual(await self.broken(), ["held of counters = holds of sessions"])
        await self.world.pool.execute("update vd_counters set held = held - 1")
        self.assertEqual([row[2:] for row in await self.world.pool.query(COUNTERS)], [(0, 300)])
        await self.acct(STOP, "A5D3B74C 0 0 1", 30)
        self.assertEqual([row[2:] for row in await self.world.pool.query(COUNTERS)], [(30, 0)])


class WalletTests(DiscountCase):
    """Bought minutes: the wallet that expires first is spent first."""

    rows = (
        PLANS
        + item(1, 1, kind="wallet")
        + "insert into service_wallets (i_service_wallet, i_customer, i_account, i_env, i_vd_dg, balance, expires) values "
        "(1, 101, 102, 1, 1, 600, 'infinity'), (2, 101, 102, 1, 1, 300, now() + interval '1 day'), (3, 101, 102, 1, 1, 300, now() - interval '1 day');"
    )

    async def test_order(self) -> None:
        """7 minutes take the 5 of the one that ends tomorrow and 2 of the one that never does; the expired one stays as it is."""
        await self.stop(CREDIT, "1", 7)
        rows = await self.world.pool.query("select i_service_wallet, balance, exceeded from service_wallets order by 1")
        self.assertEqual(rows, [(1, 480, False), (2, 0, False), (3, 300, False)])
        self.assertEqual([row[1:3] for row in await self.charges()], [(420, 0)])
