"""Work by pages: what periodic jobs look at does not grow with the tables, whatever the statistics say; pages come round to all, and rest between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from portaswitch.store import events_effects, events_sql, folding, ledger, notices, pages, session_tasks, standing, turned, usage_dates, wallet_ends
from portaswitch.store.database import JOB_SETTINGS
from portaswitch.store.diameter_origins import SESSIONS
from portaswitch.store.pool import HOT_SETTINGS, Pool
from tests.server.database import fresh_database
from tests.server.harness import WORLD
from tests.server.pools import PoolTestCase

#: Rows of each table, and how many blocks of 8 KiB a statement may look at for each row of its page: some for the row, some for each look through an index.
MANY: Final = 4000
LOOKED: Final = 40

BACKLOG: Final = """
insert into nodes (i_node, i_env, name, protocol, origin_realm) values (900, 1, 'pgw', 'diameter', 'example') on conflict do nothing;
insert into customers (i_customer, i_env, name, currency) select 10000 + n, 1, 'many' || n, 'CAD' from generate_series(1, %(many)s) n;
insert into accounts (i_account, i_env, id, i_customer, billing_model, currency)
select 10000 + n, 1, 'many' || n, 10000 + n, -1, 'CAD' from generate_series(1, %(many)s) n;
insert into vd_plans (i_vd_plan, i_env, name, currency) values (900, 1, 'Many', 'CAD');
insert into vd_dgs (i_vd_dg, i_vd_plan, i_service, kind, counted_in, reset) select 900, 900, min(i_service), 'wallet', 'units', 'never' from services;
insert into vd_topups (i_vd_topup, i_vd_dg, name, topup_amount) values (900, 900, 'One', 5);
insert into sessions (session_key, version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started, updated, service, cli, cld,
                      opened, state)
select '900/host;' || n, 1, '', '', 1, 900, 10000 + n, 10000 + n, 0, 'infinity', 'o', now() - interval '1 hour', now() - interval '1 hour', 'Data', '', '',
    '{"k":{}}', '{"q":[{"fi":1}]}' from generate_series(1, %(many)s) n;
insert into sessions_closed select s.*, now() from (select session_key || 'x', version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires,
    'c'::"char", started, updated, service, cli, cld, opened, state, incoming from sessions) s;
insert into session_tasks (i_env, kind, i_node, session_key, i_account, status, finished, created)
select 1, 'rar', 900, '900/host;' || n, 10000 + n, 'done', now(), now() - interval '20 minutes' from generate_series(1, %(many)s) n;
insert into session_tasks (i_env, kind, i_node, session_key, i_account, next_try)
select 1, 'rar', 900, '900/other;' || n, 10000 + n, now() + interval '1 hour' from generate_series(1, %(many)s) n;
insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, period_start, period_end, notified)
select 10000 + n, 10000 + n, 1, 900, now() - interval '1 day', now() + interval '1 day', true from generate_series(1, %(many)s) n;
insert into service_wallets (i_customer, i_account, i_env, i_vd_dg, balance, lasts, i_vd_topup)
select 10000 + n, 10000 + n, 1, 900, 5, 60, 900 from generate_series(1, %(many)s) n;
insert into payments (i_env, i_account, i_customer, amount, currency, action) select 1, 10000 + n, 10000 + n, 1, 'CAD', 'manual_payment'
from generate_series(1, %(many)s) n;
insert into notices (kind, ref, i_env, account, told, sent) select 'balance', 10000 + n, 1, 'many' || n, '{}', now() - interval '2 days'
from generate_series(1, %(many)s) n;
insert into event_queue (i_env, event_type, entity, variables, created) select 1, 'Account/New', 'account:' || n, '{}', now() - interval '2 hours'
from generate_series(1, %(many)s) n;
insert into xdr (i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, i_account, charged_quantity, charged_amount, history)
select 1, 'a', 's' || n, now(), now(), now(), 1, 10000 + n, 1, 1, '' from generate_series(1, %(many)s) n;
insert into pending_charges select 'c', 10000 + n, 1 from generate_series(1, %(many)s) n
"""
TABLES: Final = (
    "sessions, sessions_closed, session_tasks, accounts, customers, vd_counters, service_wallets, payments, notices, event_queue, xdr, pending_charges"
)
#: Statistics of before: none, of empty tables, of the last day's.
STATISTICS: Final = {"none": (), "of empty tables": (f"analyze {TABLES}",), "fresh": ()}
TASKS: Final = {"nodes": [], "rooms": [], "room": 50, "limit": 500, "worker": "x", "lease": 10, "kinds": ["rar", "asr"]}
PART: Final = pages.span(20, 10)
Statements = Mapping[str, tuple[str, Mapping[str, Any], int]]
#: Statements of jobs, what they are asked with, and the rows of a page.
JOBS: Final[Statements] = {
    "sessions that wait": (turned.WAITING, {"customer": 10100, "account": 10100}, turned.PAGE),
    "sessions that must end": (standing.SEEN, PART, 200),
    "zones of sessions": (standing.ZONES, {**PART, "timed": [1]}, 200),
    "sessions to tell": (standing.UNTOLD, {**PART, "bars": True, "zone": "UTC", "policy": 1, "since": "infinity"}, 200),
    "dates of accounts": (usage_dates.DATE, {"low": 0, "high": usage_dates.PAGE}, usage_dates.PAGE),
    "low balances": (notices.BALANCE, {"low": 0, "high": usage_dates.PAGE, "least": 0}, usage_dates.PAGE),
    "quotas": (notices.QUOTA, {"after": None}, notices.PAGE),
    "top-ups": (notices.TOPUP, {"after": None}, notices.PAGE),
    "enough again": (notices.ENOUGH, {"after": None, "low": 1}, notices.PAGE),
    "old notices": (notices.PURGE, {"after": None}, notices.PAGE),
    "first uses": (wallet_ends.BEGIN, {"after": 0}, wallet_ends.SOME),
    "ends of wallets": (wallet_ends.END, {}, wallet_ends.SOME),
    "charges to fold": (folding.FOLD, {}, folding.PAGE),
    "events of nobody": (events_sql.LEFT_OVER, {"after": 0}, 500),
}
#: Statements of other connections: those of charges, and the ordinary ones.
HOT: Final[Statements] = {
    "the dead": (ledger.DEAD, {**PART, "limit": 500}, 200),
    "sessions of a node": (ledger.NAMES + ledger.RANGE + "s.i_node = %(node)s and s.started < %(until)s", {**PART, "node": 900, "until": "infinity"}, 200),
}
WORK: Final[Statements] = {
    "sessions of a host": (SESSIONS, {**PART, "i_node": 900, "host": "host", "before": "infinity"}, 200),
    "tasks": (session_tasks.CLAIM, TASKS, 10),
    "resellers": (folding.RESELLERS, {}, 1),
    **{f"accounts of a {kind}": (events_effects.fan(kind, True), {"number": 1, "progress": 0, "page": 100}, 10) for kind in events_effects.SCOPES},
}


def blocks(plan: Mapping[str, Any]) -> int:
    """The blocks of a plan, and of the changes that it makes by the way, which are not in its own figures."""
    parts = plan.get("Plans", ())
    aside = sum(blocks(part) for part in parts if part["Node Type"] == "ModifyTable" and part["Parent Relationship"] == "InitPlan")
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) + aside


class PlanTests(PoolTestCase):
    """Of a statement as many blocks as its page needs."""

    async def looked(self, pool: Pool, statement: str, values: Mapping[str, Any]) -> int:
        """The blocks that a statement looked at; it does nothing."""

        async def body(cursor: Any) -> int:
            rows = await cursor.query(f"explain (analyze, buffers, format json) {statement}", values)
            await cursor.execute("rollback; begin")
            return blocks(rows[0][0][0]["Plan"])

        return await pool.transaction(body)

    async def test_plans(self) -> None:
        """Whatever the statistics say."""
        for statistics, before in STATISTICS.items():
            dsn = await fresh_database()
            db = await self.pool(dsn)
            await db.execute(WORLD)
            for step in before:
                await db.execute(step)
            await db.execute(BACKLOG, {"many": MANY})
            if statistics == "fresh":
                await db.execute(f"analyze {TABLES}")
            asked: tuple[tuple[Statements, Mapping[str, str]], ...] = ((JOBS, JOB_SETTINGS), (HOT, HOT_SETTINGS), (WORK, {}))
            found = {}
            for statements, settings in asked:
                pool = await self.pool(dsn, settings=settings)
                for name, (statement, values, rows) in statements.items():
                    looked = await self.looked(pool, statement, values)
                    if looked > LOOKED * rows + 100:
                        found[name] = looked
            self.assertEqual(found, {}, statistics)


class PageTests(PoolTestCase):
    """Ranges, removals and rests."""

    async def test_ranges(self) -> None:
        """Each row is in one range; who must not go on ends behind the one at hand."""
        db = await self.pool(await fresh_database())
        await db.execute("create table long as select n, repeat('x', 1000) from generate_series(1, 100) n")
        statement = "select n from long where ctid >= %(low)s::tid and ctid < %(high)s::tid"
        parts = [[n for (n,) in rows] async for rows in pages.found(db, "long", statement, {}, blocks=3)]
        self.assertEqual((len(parts) > 3, sorted(sum(parts, []))), (True, list(range(1, 101))))

        async def ends() -> bool:
            return False

        self.assertEqual([[n for (n,) in rows] async for rows in pages.found(db, "long", statement, {}, ends, 3)], parts[:1])

    async def test_removal(self) -> None:
        """All that there is of it, a page at a time; nothing else."""
        db = await self.pool(await fresh_database())
        self.patch(pages, "GONE", 10)
        await db.execute("create table long as select n from generate_series(1, 95) n")
        rests = []

        async def rest() -> bool:
            rests.append(await db.query("select count(*) from long"))
            return True

        self.assertEqual(await pages.remove(db, pages.removal("long", "t.n > %s", "t.n"), (5,), rest), 90)
        self.assertEqual((rests[0], len(rests), await db.query("select max(n) from long")), ([(85,)], 9, [(5,)]))


class PacedTests(PoolTestCase):
    """Rests by a clock."""

    def test_paced(self) -> None:
        """Four times as long as the page took."""
        clock = Clock()
        rest = pages.paced(clock)
        clock.advance(2)
        resting: Deferred[bool] = ensureDeferred(rest())
        clock.advance(7.9)
        self.assertNoResult(resting)
        clock.advance(0.2)
        self.assertTrue(self.successResultOf(resting))
