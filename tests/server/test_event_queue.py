"""The event queue on PostgreSQL: leases, order, lanes, settling, snapshots. Rows are written as the triggers write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from portaswitch.model.effect import AssignAlias, AssignCustomField, AssignRemoteId, AssignStatus, ChangeProduct, Emit, EndSessions
from portaswitch.model.notification import Instance, Notification, Settled, Verdict
from portaswitch.model.subscriber import Condition, Record
from portaswitch.provisioning import PLANS
from portaswitch.store import events_sql as sql
from portaswitch.store.event_replay import Which, replay
from portaswitch.store.events import Events
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from tests.server.database import fresh_database
from tests.server.harness import WORLD
from tests.server.pools import PoolTestCase
from tests.server.provisioning import event, handler, statuses

MORE = """
insert into products (i_product, i_env, name, currency, service_flags) values (102, 1, 'Gold', 'CAD', 'Y');
insert into products (i_product, i_env, name, currency, is_addon, addon_priority) values (103, 1, 'Extra', 'CAD', true, 20);
insert into access_policies (i_access_policy, i_env, name, pdn_context_id) overriding system value values (7, 1, 'Fast', 3);
insert into access_policy_levels (i_access_policy, level, download_rate) values (7, 'regular', 20000);
insert into access_policy_attributes (i_access_policy, group_name, name, value) values (7, 'calix', 'bandwidth_profile', '12');
update products set i_access_policy = 7 where i_product = 103;
insert into account_addons (i_env, i_account, i_product) values (1, 101, 103);
insert into sim_cards (i_sim_card, i_env, imsi, i_account, status) overriding system value values (9, 1, '255011234567890', 101, 'in_use');
insert into custom_fields (i_env, name, applies_to) values (1, 'client_id', 'account');
"""


class QueueCase(PoolTestCase):
    """A database with two accounts (101, 102) and the handlers 1 and 2, held by a worker."""

    def setUp(self) -> Any:
        """Make it."""
        return self.make()

    async def make(self) -> None:
        """The database, the handlers and their worker."""
        self.db_dsn = await fresh_database()
        self.db: Pool = await self.pool(self.db_dsn)
        await self.db.execute(WORLD + MORE)
        self.sealer = Sealer.load(Path(mkdtemp()) / "secret.key")
        for number in (1, 2):
            await handler(self.db, number)
        self.events = await self.worker("one")

    async def worker(self, name: str, *handlers: int) -> Events:
        """A process that runs the handlers, as far as nobody else does."""
        events = Events(self.db, self.sealer, name)
        for number in handlers or (1, 2):
            await events.hold(number, 30)
        return events

    async def claimed(self, i_handler: int = 1, limit: int = 10, events: Events | None = None) -> list[int]:
        """The i_events of what can be claimed now."""
        return [one.event.i_event for one in await (events or self.events).claim(i_handler, limit, 60)]

    async def one(self, i_handler: int = 1) -> Notification:
        """The next notification."""
        (found,) = await self.events.claim(i_handler, 1, 60, 100)
        return found


class ClaimTests(QueueCase):
    """What is claimed, and in which order."""

    async def test_each_once(self) -> None:
        """What is claimed is nobody else's while its lease lasts; each handler has its own."""
        first = await event(self.db, "Account/New", "account:101", 1, 2)
        self.assertEqual([await self.claimed(), await self.claimed(), await self.claimed(2)], [[first], [], [first]])

    async def test_order_of_an_entity(self) -> None:
        """The second event of an entity waits for the first one; other entities do not."""
        first = await event(self.db, "Account/New", "account:101", 1)
        second = await event(self.db, "Account/Blocked", "account:101", 1)
        other = await event(self.db, "Account/New", "account:102", 1)
        (claim, *_) = found = await self.events.claim(1, 10, 60, 100)
        self.assertEqual([one.event.i_event for one in found], [first, other])
        self.assertEqual(claim.known, (first, second))
        await self.events.settle([Settled(claim, Verdict.DONE)])
        self.assertEqual(await self.claimed(), [second])

    async def test_order_of_a_key(self) -> None:
        """A SIM that moves is released first, though it is another account's."""
        released = await event(self.db, "Account/SIMCardAssignment", "account:101", 1, key="sim:9")
        assigned = await event(self.db, "Account/SIMCardAssignment", "account:102", 1, key="sim:9")
        found = await self.events.claim(1, 10, 60)
        self.assertEqual([one.event.i_event for one in found], [released])
        await self.events.settle([Settled(found[0], Verdict.DONE)])
        self.assertEqual(await self.claimed(), [assigned])

    async def test_lanes(self) -> None:
        """What a user waits for goes first, and takes with it what its entity has waiting."""
        bulk = [await event(self.db, "Account/BalanceChanged", f"account:{200 + n}", 1) for n in range(3)]
        older = await event(self.db, "Account/BalanceChanged", "account:101", 1)
        await event(self.db, "Account/Unblocked", "account:101", 1, lane=0)
        self.assertEqual(await self.claimed(limit=1), [older])
        self.assertEqual(await self.claimed(limit=9), bulk)

    async def test_retry_holds_its_entity_and_parked_does_not(self) -> None:
        """One that waits for its next attempt keeps the order; a parked one is an operator's."""
        first = await event(self.db, "Account/New", "account:101", 1)
        second = await event(self.db, "Account/Blocked", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.RETRY, "timeout", timedelta(seconds=60))])
        self.assertEqual(await self.claimed(), [])
        await self.db.execute("update event_notifications set next_try = now()")
        again = await self.one()
        self.assertEqual((again.event.i_event, again.attempts), (first, 2))
        await self.events.settle([Settled(again, Verdict.PARKED, "unknown subscriber")])
        self.assertEqual(await self.claimed(), [second])
        kept = await self.db.query("select status, last_error from event_notifications where i_event = %s", (first,))
        self.assertEqual(kept, [("parked", "unknown subscriber")])

    async def test_an_attempt_that_does_not_count(self) -> None:
        """A target that is known to be down was not asked."""
        await event(self.db, "Account/New", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.RETRY, "down", counted=False)])
        self.assertEqual((await self.one()).attempts, 1)

    async def test_one_process_runs_a_handler(self) -> None:
        """Another process gets it when the lease runs out, or at once when it is released; so it is with what was claimed."""
        await event(self.db, "Account/New", "account:101", 1)
        other = await self.worker("other")
        self.assertEqual(await self.claimed(events=other), [])
        await self.events.release(1)
        self.assertTrue(await other.hold(1, 30))
        self.assertEqual(len(await other.claim(1, 1, 60)), 1)
        await self.db.execute("update event_handlers set leased_until = now(); update event_notifications set locked_until = now()")
        self.assertTrue(await self.events.hold(1, 30))
        self.assertEqual((await self.one()).attempts, 2)

    async def test_disabled_and_stopped(self) -> None:
        """A handler that is disabled or stopped gets nothing, and loses nothing."""
        first = await event(self.db, "Account/New", "account:101", 1)
        await self.events.stop(1, "the vendor refuses the log-in")
        self.assertEqual([await self.events.hold(1, 30), await self.claimed()], [False, []])
        await self.db.execute("update event_handlers set stopped = null")
        self.assertTrue(await self.events.hold(1, 30))
        self.assertEqual(await self.claimed(), [first])


BACKLOG = """
with queued as (insert into event_queue (i_env, event_type, entity, variables)
    select 1, 'Account/Blocked', 'account:' || 100000 + n % 5000, '{}' from generate_series(1, 20000) n returning i_event, entity)
insert into event_notifications (i_event, i_handler, entity) select i_event, 1, entity from queued
"""
#: Pages of the database that a claim and what follows it may look at for each notification, whatever waits behind.
PAGES = 60


class BacklogTests(QueueCase):
    """Behind many notifications the statements look at as much as before, although the statistics know of none."""

    async def make(self) -> None:
        """With connections such as the runners have."""
        await super().make()
        self.planned = await self.pool(self.db_dsn, settings=PLANS)

    async def looked(self, statement: str, values: Mapping[str, Any]) -> int:
        """The pages that a statement looked at."""
        ((((plan,)),),) = await self.planned.query(f"explain (analyze, buffers, format json) {statement}", values)
        return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    async def test_plans(self) -> None:
        """Of a claim, of what was claimed, of what a state overtakes, of ends; with statistics of an empty queue, of another one, and without."""
        given = {"handler": 1, "worker": "one", "limit": 50, "lease": 60}
        for before in ("", "vacuum analyze event_notifications", "insert into event_notifications (i_event, i_handler, entity) values (1, 2, 'x')"):
            await self.db.execute("truncate event_notifications, event_queue")
            await self.db.execute(before or "select 1")
            await self.db.execute("analyze event_notifications" if before.startswith("insert") else "select 1")
            await self.db.execute(BACKLOG)
            found = {"promote": await self.looked(sql.PROMOTE, given), "claim": await self.looked(sql.CLAIM, given)}
            rows = await self.db.query("select i_notification, i_event from event_notifications where worker = 'one'")
            self.assertEqual(len(rows), 50)
            ended = {"notifications": [row[0] for row in rows], "events": [row[1] for row in rows], "statuses": ["done"] * 50, "notes": [""] * 50}
            found["claimed"] = await self.looked(sql.CLAIMED, {**ended, "known": 1000})
            told = await self.planned.query(sql.CLAIMED, {**ended, "known": 1000})
            known = [number for row in told for number in row[6]]
            self.assertEqual(len(known), 50 * 4)
            found["overtaken"] = await self.looked(sql.OVERTAKEN, {**ended, "handlers": [1] * len(known), "known": known})
            found["finish"] = await self.looked(sql.FINISH.partition(";")[2], ended)
            self.assertEqual({name: pages for name, pages in found.items() if pages > 50 * PAGES}, {}, before)


class SettleTests(QueueCase):
    """What settling writes."""

    async def test_the_external_key_stays(self) -> None:
        """The history has it; past events that are delivered again keep the order of their key."""
        released = await event(self.db, "Account/SIMCardAssignment", "account:101", 1, key="sim:9")
        assigned = await event(self.db, "Account/SIMCardAssignment", "account:102", 1, key="sim:9")
        for _ in range(2):
            await self.events.settle([Settled(await self.one(), Verdict.DONE)])
        rows = await self.db.query("select i_event, external_key from event_history order by 1")
        self.assertEqual(rows, [(released, "sim:9"), (assigned, "sim:9")])
        self.assertEqual(await replay(self.db, 1, "handler1", Which([released, assigned])), 2)
        self.assertEqual(await self.claimed(), [released])

    async def test_the_last_handler_takes_the_event_with_it(self) -> None:
        """The event stays until the last handler has it; then only its history is there."""
        first = await event(self.db, "Account/New", "account:101", 1, 2)
        await self.events.settle([Settled(await self.one(1), Verdict.DONE)])
        self.assertEqual(await self.db.query("select i_event from event_queue"), [(first,)])
        await self.events.settle([Settled(await self.one(2), Verdict.DROPPED, "http 410")])
        self.assertEqual(await self.db.query("select i_event from event_queue"), [])
        self.assertEqual(await statuses(self.db), {(first, 1): "done", (first, 2): "dropped"})

    async def test_a_converged_entity_supersedes(self) -> None:
        """What the snapshot knew of is superseded, parked or not; what came later is not."""
        parked = await event(self.db, "Account/New", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.PARKED, "?")])
        first = await event(self.db, "Account/Blocked", "account:101", 1)
        second = await event(self.db, "Account/Unblocked", "account:101", 1)
        claim = await self.one()
        later = await event(self.db, "Account/Blocked", "account:101", 1)
        record = Record("r1", {"imsi": ("255011234567890",)}, b"hash")
        await self.events.settle([Settled(claim, Verdict.DONE, record=record, converged=True)])
        self.assertEqual(await statuses(self.db), {(parked, 1): "superseded", (first, 1): "done", (second, 1): "superseded", (later, 1): "pending"})
        self.assertEqual(await self.events.records(1, ["account:101", "account:102"]), {"account:101": record})
        self.assertEqual(list(await self.events.holders(1, "account:102", {"imsi": ("255011234567890",)})), ["account:101"])
        self.assertEqual(await self.events.holders(2, "account:102", {"imsi": ("255011234567890",)}), {})

    async def test_a_report_is_not_superseded(self) -> None:
        """What an outside system has reported stands in no snapshot."""
        await event(self.db, "Account/Blocked", "account:101", 1)
        reported = await event(self.db, "Custom/Jasper/CapReached", "account:101", 1)
        second = await event(self.db, "Account/Unblocked", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.DONE, converged=True)])
        self.assertEqual((await statuses(self.db))[reported, 1], "pending")
        self.assertEqual((await statuses(self.db))[second, 1], "superseded")

    async def test_effects(self) -> None:
        """What a vendor's answer means to us is written with the end of the notification."""
        await event(self.db, "Account/New", "account:101", 1)
        effects = (
            AssignAlias("15550001"), AssignAlias("15550001"), AssignCustomField("client_id", "c-7"), AssignStatus("HSS", "OK"), ChangeProduct("Gold"),
        )  # fmt: skip
        self.assertEqual(await self.events.settle([Settled(await self.one(), Verdict.DONE, effects=effects)]), [])
        found = await self.db.query(
            "select (select i_master_account from accounts where id = '15550001'), (select db_value from custom_field_values), "
            "(select status from provisioning_status), (select i_product from accounts where i_account = 101)"
        )
        self.assertEqual(found, [(101, "c-7", "OK", 102)])

    async def test_effects_are_applied_once(self) -> None:
        """Settled together, and once more, as after an answer that was lost; one that is refused among them is parked alone."""
        await self.db.execute("insert into event_subscriptions values (2, 'Account/Blocked')")
        for account in (101, 102, 103):
            await event(self.db, "Account/New", f"account:{account}", 1)
        first, second, third = await self.events.claim(1, 3, 60)
        told = [Settled(one, Verdict.DONE, effects=(Emit("Account/Blocked", one.event.entity, {"i_env": "1"}),)) for one in (first, second)]
        refused = Settled(third, Verdict.DONE, effects=(EndSessions("disconnect", "nobody"),))
        for expected in ([third], []):
            parked = await self.events.settle([*told, refused])
            self.assertEqual([one.notification for one in parked], expected)
        rows = await self.db.query("select entity, status from event_notifications where i_handler = 2 order by 1")
        self.assertEqual(rows, [("account:101", "pending"), ("account:102", "pending")])
        self.assertEqual((await statuses(self.db))[third.event.i_event, 1], "parked")

    async def test_effects_are_audited(self) -> None:
        """Each change has its line: the handler, the event that it came of, before and after; what is known already and what is refused leave none."""
        number = await event(self.db, "Account/New", "account:101", 1)
        effects = (
            AssignAlias("15550001"), AssignCustomField("client_id", "c-7"), AssignStatus("HSS", "OK"), ChangeProduct("Gold"), AssignRemoteId("u-7"),
        )  # fmt: skip
        await self.events.settle([Settled(await self.one(), Verdict.DONE, effects=effects, record=Record("u-7", {}, b""))])
        lines = await self.db.query("select actor, request_id, operation, entity, before, after from audit_log order by i_audit")
        (actor, request) = next(iter({line[:2] for line in lines}))
        self.assertEqual((len({line[:2] for line in lines}), actor, request), (1, "handler:handler1", f"event:{number}"))
        self.assertEqual([line[2:] for line in lines], [
            ("account.alias.add", "account:101", {"alias": None}, {"alias": "15550001"}),
            ("account.custom", "account:101", {"field": None, "value": None}, {"field": "client_id", "value": "c-7"}),
            ("account.provisioned", "account:101", {"HSS": None}, {"HSS": "OK"}),
            ("account.product", "account:101", {"product": "PrepaidCard"}, {"product": "Gold"}),
            ("handler.remote-id", "account:101", {"remote_id": None}, {"remote_id": "u-7"}),
        ])  # fmt: skip
        await event(self.db, "Account/Blocked", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.DONE, effects=effects, record=Record("u-7", {}, b""))])
        await event(self.db, "Account/Blocked", "account:101", 1)
        await self.events.settle([Settled(await self.one(), Verdict.DONE, effects=(ChangeProduct("PrepaidCard"), AssignAlias("442079460001")))])
        self.assertEqual(await self.db.query("select count(*) from audit_log"), [(len(effects),)])

    async def test_an_effect_that_is_refused(self) -> None:
        """Nothing of it is written, and the notification is parked with the reason."""
        first = await event(self.db, "Account/New", "account:101", 1)
        effects = (ChangeProduct("Gold"), AssignAlias("442079460001"))
        (otherwise,) = await self.events.settle([Settled(await self.one(), Verdict.DONE, effects=effects)])
        self.assertEqual((otherwise.verdict, otherwise.note), (Verdict.PARKED, "the alias 442079460001 belongs to another account"))
        self.assertEqual(await statuses(self.db), {(first, 1): "parked"})
        self.assertEqual(await self.db.query("select i_product from accounts where i_account = 101"), [(101,)])

    async def test_register(self) -> None:
        """A new instance is subscribed and disabled; what an operator set of a known one stays."""
        new = Instance("calix", "Calix", 1, "Calix ONTs", subscribed=("Account/New", "Account/Blocked"))
        await self.events.register([new])
        (row,) = [row for row in await self.events.handlers() if row.name == "calix"]
        self.assertEqual((row.enabled, row.events), (False, ("Account/Blocked", "Account/New")))
        await self.db.execute("delete from event_subscriptions where event_type = 'Account/New'; update event_handlers set enabled = true")
        await self.events.register([new])
        (row,) = [row for row in await self.events.handlers() if row.name == "calix"]
        self.assertEqual((row.enabled, row.events), (True, ("Account/Blocked",)))


class SnapshotTests(QueueCase):
    """The snapshot of accounts."""

    async def test_whole(self) -> None:
        """An account with what is behind it."""
        await self.db.execute("update sim_cards set ki = %s", (self.sealer.seal("00112233445566778899aabbccddeeff"),))
        found = await self.events.snapshots([101, 102, 999], frozenset({"ki"}))
        self.assertEqual(sorted(found), [101, 102])
        one = found[101]
        assert one.sim is not None and one.policy is not None
        self.assertEqual((one.id, one.customer, one.product, one.addons, one.currency), ("10086610975", "Retail", "PrepaidCard", ("Extra",), "CAD"))
        self.assertEqual((one.sim.imsi, one.sim.ki, one.sim.opc), ("255011234567890", "00112233445566778899aabbccddeeff", ""))
        self.assertEqual(one.policy.attributes, {"download_rate": "20000", "pdn_context_id": "3", "calix.bandwidth_profile": "12"})
        self.assertEqual((one.conditions, one.services), (frozenset(), frozenset({"Voice"})))
        plain = (await self.events.snapshots([101], frozenset()))[101]
        assert plain.sim is not None
        self.assertEqual(plain.sim.ki, "")

    async def test_conditions(self) -> None:
        """Each follows from the account, its customer or the resellers above."""
        cases = {
            "update accounts set blocked = true": Condition.BLOCKED,
            "update customers set blocked = true": Condition.BLOCKED,
            "update accounts set bill_status = 'S'": Condition.SUSPENDED,
            "update accounts set balance = 0 where i_account = 101": Condition.NO_FUNDS,
            "update accounts set bill_status = 'C'": Condition.CLOSED,
        }
        restore = "update accounts set blocked = false, bill_status = 'O', balance = 10 where i_account = 101; update customers set blocked = false"
        for change, condition in cases.items():
            await self.db.execute(change)
            self.assertEqual((await self.events.snapshots([101], frozenset()))[101].conditions, {condition}, change)
            await self.db.execute(restore)

    async def test_inheritance(self) -> None:
        """A feature that the account leaves to its product has the product's values; ^ goes past it to the customer."""
        values = "insert into service_attribute_values (i_env, i_attribute, {0}, value) values (1, 1, {1}, '{{{2}}}')"
        await self.db.execute("update products set service_flags = 'Y' where i_product = 101; update customers set service_flags = 'Y'")
        await self.db.execute(values.format("i_product", 101, "Silver"))
        await self.db.execute(values.format("i_customer", 101, "House"))
        for flag, expected in (("~", "Silver"), ("^", "House"), ("", "Silver"), ("N", "")):
            await self.db.execute("update accounts set service_flags = %s where i_account = 101", (flag,))
            one = (await self.events.snapshots([101], frozenset()))[101]
            self.assertEqual(one.attribute("netaccess_policy", "access_policy"), expected, flag)
            self.assertEqual("netaccess_policy" in one.features, bool(expected))
