"""Runners on a real queue, with vendors that the tests play: what arrives, in which order, and what is written of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from portaswitch.errors import TransportFailed
from portaswitch.espf.options import Reading
from portaswitch.espf.reports import AttemptLog, Digest, Redaction
from portaswitch.espf.runner import Runner, Work
from portaswitch.espf.wires import Wires
from portaswitch.handler import AssignAlias, AssignRemoteId, EventHandler, Http, Reply, State, Subscriber
from portaswitch.logs import LineFile
from portaswitch.store.events import Events
from tests.server.pools import until
from tests.server.provisioning import event, statuses
from tests.server.test_event_queue import QueueCase
from tests.unit.espf.fakes import Acme, FakeTransport, Homes

_reactor: Any = reactor
Steps = Generator[Any, Any, None]
OPTIONS = {"url": "http://acme.example.com", "token": "sesame-open"}


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class RunnerCase(QueueCase):
    """Runs handler 1 with a transport of the test."""

    async def make(self) -> None:
        """The queue; a log and a digest."""
        await super().make()
        self.path = Path(mkdtemp()) / "provisioning.log"
        self.file = LineFile(self.path, 1_000_000, 2, 10_000)
        self.digest = Digest("a@example.com", "ops@example.com", lambda message: self.mailed(message), now)
        self.mails: list[Any] = []
        self.subscribe: tuple[str, ...] = ("Account/New", "Account/Blocked", "Account/Unblocked", "Account/Status/Closed")

    def mailed(self, message: Any) -> Deferred[None]:
        """The mail server."""
        self.mails.append(message)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    async def runner(self, handler: EventHandler, transport: FakeTransport, **options: Any) -> Runner:
        """A runner of handler 1, stopped at the end; `options` are the instance's."""
        runner = await self.loose(handler, transport, self.events, **options)
        self.addCleanup(lambda: Deferred.fromCoroutine(runner.stop()))
        return runner

    async def loose(self, handler: EventHandler, transport: Any, events: Any, **options: Any) -> Runner:
        """A runner that nobody stops."""
        given = {name: value for name, value in OPTIONS.items() if name in {option.name for option in handler.options}}
        reading = Reading(handler, {**given, "retry_first": 1, **options})
        self.assertEqual(reading.faults, [])
        await self.db.execute("insert into event_subscriptions (i_handler, event_type) select 1, unnest(%s) on conflict do nothing", (list(self.subscribe),))
        (row,) = [row for row in await self.events.handlers() if row.i_handler == 1]
        wires = Wires(handler, {"": transport}, now, _reactor.seconds)
        work = Work(handler, wires, reading.values["parallel"] or 1, reading.retries, Redaction(reading.secrets))
        return Runner(row, work, events, _reactor, AttemptLog(self.file, now), self.digest, now)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that comes soon."""
        await until(holds)

    async def settle(self, runner: Runner) -> None:
        """Run until nothing is under way and what ended is written."""
        await runner.run()
        await until(lambda: not runner.under_way and runner._kicked is None and runner._passing is None, "the runner's rest")

    def lines(self) -> list[dict[str, Any]]:
        """What provisioning.log says."""
        self.file.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    async def due(self) -> None:
        """Let time pass for what waits for its next attempt."""
        await self.db.execute("update event_notifications set next_try = now()")


class DeliveryTests(RunnerCase):
    """From the queue to the vendor and back."""

    async def test_delivered(self) -> None:
        """Each event once, in order; the log has a line an attempt."""
        numbers = [await event(self.db, type, "account:101", 1) for type in ("Account/New", "Account/Blocked", "Account/Unblocked")]
        transport = FakeTransport()
        await self.settle(await self.runner(Acme(), transport))
        self.assertEqual([request.json["type"] for request in transport.sent], ["Account/New", "Account/Blocked", "Account/Unblocked"])
        self.assertEqual(await statuses(self.db), {(number, 1): "done" for number in numbers})
        self.assertEqual([(line["event"], line["result"], line["attempt"], line["requests"]) for line in self.lines()], [(n, "done", 1, 1) for n in numbers])

    async def test_retries_then_parks_and_mails(self) -> None:
        """A vendor that fails: tried again later, parked after the last attempt, told in one mail; its words do not show our secrets."""
        first = await event(self.db, "Account/New", "account:101", 1)
        transport = FakeTransport([TransportFailed("timeout"), Reply(503), Reply(500), Reply(200)])
        runner = await self.runner(Acme(), transport, attempts=3)
        for _ in range(4):
            await self.settle(runner)
            await self.due()
        self.assertEqual(await statuses(self.db), {(first, 1): "parked"})
        self.assertEqual([line["result"] for line in self.lines()], ["retry", "retry", "parked"])
        self.assertEqual(len(self.lines()), 3)
        await event(self.db, "Account/New", "account:102", 1)
        transport.answers = [Reply(0, fault="no such user, token sesame-open")]
        await self.settle(runner)
        await self.digest.mail()
        (mail,) = self.mails
        text = mail.get_content()
        self.assertEqual(mail["Subject"], "PortaSwitch: 2 provisioning events need an operator")
        self.assertIn(f"event {first} (Account/New of account:101), attempt 3: the vendor answered http 500 (attempt 3, the last one)", text)
        self.assertIn("no such user, token ***", text)
        self.assertNotIn("sesame", text + self.path.read_text())

    async def test_a_broken_handler_holds_up_nobody(self) -> None:
        """Its event is parked, the next one is delivered."""

        def script(happened: Any, *_: Any) -> Steps:
            yield Http("GET", "/")
            if happened.type == "Account/New":
                raise ZeroDivisionError("1/0")

        first = await event(self.db, "Account/New", "account:101", 1)
        second = await event(self.db, "Account/Blocked", "account:101", 1)
        await self.settle(await self.runner(Acme(script=script), FakeTransport()))
        self.assertEqual(await statuses(self.db), {(first, 1): "parked", (second, 1): "done"})

    async def test_effects_and_a_refused_one(self) -> None:
        """What the vendor's answer means is written with the end; one that is refused parks the event."""

        def script(happened: Any, *_: Any) -> Steps:
            reply = yield Http("POST", "/numbers")
            yield AssignAlias(reply.body)

        first = await event(self.db, "Account/New", "account:101", 1)
        second = await event(self.db, "Account/New", "account:102", 1)
        await self.settle(await self.runner(Acme(script=script), FakeTransport([Reply(200, "15550001"), Reply(200, "15550001")])))
        self.assertEqual(await statuses(self.db), {(first, 1): "done", (second, 1): "parked"})
        self.assertEqual(await self.db.query("select i_master_account from accounts where id = '15550001'"), [(101,)])
        self.assertEqual([line["result"] for line in self.lines()], ["done", "done", "parked"])

    async def test_a_dead_target_is_left_alone(self) -> None:
        """Five failures in a row; then nothing is claimed, and nothing counts as an attempt."""
        for number in range(8):
            await event(self.db, "Account/New", f"account:{200 + number}", 1)
        transport = FakeTransport([TransportFailed("timeout")] * 20)
        runner = await self.runner(Acme(), transport)
        await self.settle(runner)
        self.assertEqual(len(transport.sent), 5)
        rows = await self.db.query("select attempts, count(*) from event_notifications group by 1 order by 1")
        self.assertEqual(rows, [(0, 3), (1, 5)])

    async def test_parallel(self) -> None:
        """As many entities at once as the instance allows; one entity's events wait for each other."""
        answers: list[Deferred[Reply]] = [Deferred() for _ in range(4)]
        for entity in ("account:101", "account:101", "account:102", "account:103"):
            await event(self.db, "Account/New", entity, 1)
        transport = FakeTransport(answers)
        runner = await self.runner(Acme(), transport, parallel=2)
        await runner.run()
        self.assertEqual((len(transport.sent), runner.under_way), (2, 2))
        answers[0].callback(Reply(200))
        await self.until(lambda: len(transport.sent) == 3)
        for answer in answers[1:]:
            answer.callback(Reply(200))
        await self.settle(runner)
        self.assertEqual(set((await statuses(self.db)).values()), {"done"})

    async def test_what_was_claimed_ahead_is_given_back(self) -> None:
        """A fast vendor stops answering: what is in stock is as if nobody had claimed it when the runner stops, and only what was sent counts as tried."""
        numbers = [await event(self.db, "Account/New", f"account:{200 + n}", 1) for n in range(300)]
        quick: list[Any] = [Reply(200)] * 60
        held: Deferred[Reply] = Deferred()
        transport = FakeTransport([*quick, held])
        runner = await self.loose(Acme(), transport, self.events)
        ended = Deferred.fromCoroutine(self.until(lambda: len(transport.sent) == 61))
        await runner.run()
        await ended
        leased = await self.db.query("select count(*) from event_notifications where locked_until is not null")
        self.assertGreater(leased[0][0], 1)
        await runner.stop()
        rows = await self.db.query("select count(*), max(attempts), count(locked_until) from event_notifications")
        self.assertEqual(rows, [(240, 0, 0)])
        self.assertEqual([request.json["type"] for request in transport.sent], ["Account/New"] * 61)
        await self.events.hold(1, 30)
        self.assertEqual(await self.claimed(limit=1), [numbers[60]])


class StateTests(RunnerCase):
    """Handlers that bring the vendor to the state of the snapshot."""

    async def asked(self, transport: FakeTransport) -> list[tuple[str, str, Any]]:
        """What the vendor was asked, and forget it."""
        asked = [(request.method, request.path, request.json) for request in transport.sent]
        transport.sent.clear()
        return asked

    async def test_converges(self) -> None:
        """Many events are one state; the same state is not told twice; a change is; closing removes all."""
        transport = FakeTransport()
        runner = await self.runner(Homes(), transport)
        first = [await event(self.db, "Account/New", "account:101", 1) for _ in range(3)]
        await self.settle(runner)
        self.assertEqual(await self.asked(transport), [("PUT", "/homes/10086610975", {"barred": False})])
        self.assertEqual([(await statuses(self.db))[number, 1] for number in first], ["done", "superseded", "superseded"])
        await event(self.db, "Account/Blocked", "account:101", 1)
        await self.settle(runner)
        self.assertEqual(await self.asked(transport), [])
        await self.db.execute("update accounts set blocked = true where i_account = 101")
        await event(self.db, "Account/Blocked", "account:101", 1)
        await self.settle(runner)
        self.assertEqual(await self.asked(transport), [("PUT", "/homes/10086610975", {"barred": True})])
        await self.db.execute("update accounts set bill_status = 'C' where i_account = 101")
        await event(self.db, "Account/Status/Closed", "account:101", 1)
        await self.settle(runner)
        self.assertEqual(await self.asked(transport), [("DELETE", "/homes/10086610975", None)])
        self.assertEqual(await self.db.query("select keys, state_hash from remote_records"), [({}, None)])

    async def test_old_keys_are_removed_whatever_was_superseded(self) -> None:
        """The id changes twice while the vendor is away: the key that it knew is removed, not the one that it never heard of."""
        transport = FakeTransport()
        runner = await self.runner(Homes(), transport)
        await event(self.db, "Account/New", "account:101", 1)
        await self.settle(runner)
        await self.asked(transport)
        for name in ("111", "222"):
            await self.db.execute("update accounts set id = %s where i_account = 101", (name,))
            await event(self.db, "Account/Blocked", "account:101", 1)
        await self.settle(runner)
        self.assertEqual([(method, path) for method, path, _ in await self.asked(transport)], [("DELETE", "/homes/10086610975"), ("PUT", "/homes/222")])

    async def test_an_attempt_that_failed_is_not_taken_for_success(self) -> None:
        """What the vendor knows is open after a failure: going back to the state before is told, and no key is forgotten."""
        transport = FakeTransport()
        runner = await self.runner(Homes(), transport)
        await event(self.db, "Account/New", "account:101", 1)
        await self.settle(runner)
        await self.asked(transport)
        await self.db.execute("update accounts set id = '111' where i_account = 101")
        await event(self.db, "Account/Blocked", "account:101", 1)
        transport.answers = [Reply(200), TransportFailed("connection lost")]
        await self.settle(runner)
        self.assertEqual([path for _, path, _ in await self.asked(transport)], ["/homes/10086610975", "/homes/111"])
        await self.db.execute("update accounts set id = '10086610975' where i_account = 101")
        await self.due()
        await self.settle(runner)
        self.assertEqual([(method, path) for method, path, _ in await self.asked(transport)], [("DELETE", "/homes/111"), ("PUT", "/homes/10086610975")])

    async def test_a_key_that_another_entity_still_has(self) -> None:
        """Two accounts swap their ids: at the vendor each is released before it is given."""
        transport = FakeTransport()
        runner = await self.runner(Homes(), transport)
        for account in (101, 102):
            await event(self.db, "Account/New", f"account:{account}", 1)
        await self.settle(runner)
        await self.asked(transport)
        for sql in ("id = 'x' where i_account = 101", "id = '10086610975' where i_account = 102", "id = '442079460001' where i_account = 101"):
            await self.db.execute(f"update accounts set {sql}")
        for account in (101, 102):
            await event(self.db, "Account/Blocked", f"account:{account}", 1)
        await self.settle(runner)
        self.assertEqual(
            [(method, path) for method, path, _ in await self.asked(transport)],
            [("DELETE", "/homes/442079460001"), ("DELETE", "/homes/10086610975"), ("PUT", "/homes/442079460001"), ("PUT", "/homes/10086610975")],
        )
        keys: dict[str, Any] = {entity: held for entity, held in await self.db.query("select entity, keys from remote_records")}
        self.assertEqual(keys, {"account:101": {"login": ["442079460001"]}, "account:102": {"login": ["10086610975"]}})

    async def test_keys_that_many_have(self) -> None:
        """A package that two accounts have, and a key that neither has a value of, are taken from nobody."""

        class Packages(Homes):
            """Homes with a package, which many have, and a card, which these have not."""

            shared = frozenset({"package"})

            def wanted(self, subscriber: Subscriber) -> State | None:
                """With the same package for all."""
                home = super().wanted(subscriber)
                return home and State({**home.keys, "package": ("sports",), "card": ("",)}, home.values)

        transport = FakeTransport()
        runner = await self.runner(Packages(), transport)
        for account in (101, 102):
            await event(self.db, "Account/New", f"account:{account}", 1)
        await self.settle(runner)
        self.assertEqual([method for method, _, _ in await self.asked(transport)], ["PUT", "PUT"])
        held = await self.db.query("select keys ->> 'package' from remote_records")
        self.assertEqual(held, [('["sports"]',), ('["sports"]',)])

    async def test_it_does_not_bar_for_what_it_does_not_hear_of(self) -> None:
        """Without Account/Unblocked among its events a block is not shown: nobody would tell it of the end."""
        self.subscribe = ("Account/New", "Account/Blocked")
        await self.db.execute("update accounts set blocked = true where i_account = 101")
        await event(self.db, "Account/Blocked", "account:101", 1)
        transport = FakeTransport()
        await self.settle(await self.runner(Homes(), transport))
        self.assertEqual([json for _, _, json in await self.asked(transport)], [{"barred": False}])

    async def test_the_vendors_id_survives_a_failure(self) -> None:
        """Without it the repetition would make a second one there."""

        def script(happened: Any, subscriber: Any, record: Any) -> Steps:
            if not record.remote_id:
                reply = yield Http("POST", "/users")
                yield AssignRemoteId(reply.body)
            yield Http("PUT", "/users/settings")

        await event(self.db, "Account/New", "account:101", 1)
        transport = FakeTransport([Reply(200, "u-7"), TransportFailed("connection lost")])
        runner = await self.runner(Acme(script=script), transport)
        await self.settle(runner)
        await self.due()
        await self.settle(runner)
        self.assertEqual([path for _, path, _ in await self.asked(transport)], ["/users", "/users/settings", "/users/settings"])
        self.assertEqual(await self.db.query("select remote_id from remote_records"), [("u-7",)])


#: Calls of a delivery: hold, claim, snapshots, records, holders, keep, send, settle, and the claim that finds no more.
CALLS, SETTLES = 9, 8


class DyingTests(RunnerCase):
    """A process that dies, at any step: no event is lost, and only what was not confirmed is repeated."""

    async def test_at_every_step(self) -> None:
        """
        Each call of the engine to the database or the vendor is the last one once: it never comes back, as after kill -9. Then another process takes over.
        """
        for step in range(1, CALLS + 2):
            await self.die_at(step)

    async def die_at(self, step: int) -> None:
        """One delivery that ends at a step, and what its heir makes of it; a step after the last one: it does not end so."""
        await self.db.execute("delete from event_history; delete from event_queue; delete from event_notifications; delete from remote_records")
        await self.db.execute("update event_handlers set worker = null, leased_until = null")
        number = await event(self.db, "Account/New", "account:101", 1)
        transport, fuse = FakeTransport(), Fuse(step)
        dying = await self.loose(Homes(), Fused(transport, fuse), Fused(Events(self.db, self.sealer, "dying"), fuse))
        _ = dying.run()
        await self.until(lambda: fuse.burnt or (fuse.calls == CALLS and not dying.under_way))
        self.assertEqual(fuse.burnt, step <= CALLS, f"step {step}")
        await fuse.made  # what was under way is there, though nobody heard of it
        fuse.burnt, before = True, len(transport.sent)
        await self.db.execute("update event_handlers set leased_until = now(); update event_notifications set locked_until = now()")
        heir = await self.loose(Homes(), transport, Events(self.db, self.sealer, "heir"))
        await self.settle(heir)
        await heir.stop()
        self.assertEqual(await statuses(self.db), {(number, 1): "done"}, f"step {step}")
        # Only an answer that was written is not asked for again.
        self.assertEqual(len(transport.sent) - before, 0 if step >= SETTLES else 1, f"step {step}")
        self.assertEqual(await self.db.query("select keys from remote_records"), [({"login": ["10086610975"]},)], f"step {step}")


class Fuse:
    """Burns at a call: from then on no call comes back. At an even step the call is not even made."""

    def __init__(self, step: int) -> None:
        self.step, self.calls, self.burnt = step, 0, False
        self.made: Deferred[Any] = succeed(None)

    def call(self, make: Callable[[], Any]) -> Any:
        """The call, or nothing for ever."""
        self.calls += 1
        if self.burnt or self.calls > self.step:
            return Deferred()
        if self.calls < self.step:
            return make()
        self.burnt = True
        lost: Deferred[Any] = Deferred()
        self.made = make().addBoth(lambda _: None)
        return lost


class Fused:
    """Somebody whose methods go through a fuse."""

    name = "acme"

    def __init__(self, real: Any, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        return lambda *values: self._fuse.call(lambda: method(*values))
