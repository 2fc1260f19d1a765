"""What a handler's file may yield by mistake: its own event is parked with a reason, all others are settled."""

from __future__ import annotations

from typing import Any

from portaswitch.handler import Note
from portaswitch.model.effect import AssignAlias, AssignCustomField, AssignStatus, ChangeProduct, Effect, Emit, EndSessions
from portaswitch.model.notification import Settled, Verdict
from portaswitch.model.subscriber import Record
from tests.server.provisioning import event, statuses
from tests.server.test_event_queue import QueueCase
from tests.server.test_event_runner import RunnerCase
from tests.unit.espf.fakes import Acme, FakeTransport

WRONG: Any = {"a": 1}
NUMBER: Any = 7
THING: Any = object()


class RefusedTests(QueueCase):
    """The queue."""

    async def test_wrong_types(self) -> None:
        """An effect with a value of a wrong type, or with one that no database has, holds up no other event."""
        cases: tuple[Effect, ...] = (
            AssignCustomField("client_id", WRONG), AssignCustomField(NUMBER, "x"), AssignAlias("a\0b"), AssignAlias("\ud800"), AssignStatus("HSS", THING),
            ChangeProduct(WRONG), Emit("Account/Blocked", "account:102", {"x": THING}), EndSessions("disconnect", NUMBER),
        )  # fmt: skip
        for effect in cases:
            await self.db.execute("delete from event_notifications; delete from event_queue; delete from event_history")
            wrong = await event(self.db, "Account/New", "account:101", 1)
            others = [await event(self.db, "Account/New", f"account:{number}", 1) for number in (102, 201, 202)]
            first, *rest = await self.events.claim(1, 10, 60)
            effects: tuple[tuple[Effect, ...], ...] = ((), (Note("well"),), (AssignCustomField("client_id", "c-7"),))
            good = [Settled(one, Verdict.DONE, effects=given) for one, given in zip(rest, (effects[2], *effects[:2]), strict=True)]
            (parked,) = await self.events.settle([Settled(first, Verdict.DONE, effects=(effect,)), *good])
            self.assertEqual((parked.notification.event.i_event, parked.verdict), (wrong, Verdict.PARKED), repr(effect))
            self.assertRegex(parked.note, "the answer can't be kept: .+", repr(effect))
            self.assertEqual(await statuses(self.db), {(wrong, 1): "parked"} | {(number, 1): "done" for number in others}, repr(effect))

    async def test_a_record_and_a_note(self) -> None:
        """So does a record that can't be written; a note is written as far as a database can."""
        for account in (101, 102):
            await event(self.db, "Account/New", f"account:{account}", 1)
        first, second = await self.events.claim(1, 10, 60)
        told = [Settled(first, Verdict.DONE, record=Record("r\0", {}, b"")), Settled(second, Verdict.PARKED, "what \ud800 is that?")]
        self.assertEqual([one.notification for one in await self.events.settle(told)], [first])
        notes = await self.db.query("select entity, last_error from event_notifications order by entity")
        self.assertEqual(notes, [("account:101", notes[0][1]), ("account:102", "what ? is that?")])
        self.assertIn("the answer can't be kept: ValueError: ", notes[0][1])


class RefusedDeliveryTests(RunnerCase):
    """The runner."""

    async def test_the_instance_goes_on(self) -> None:
        """One event yields nonsense each time; it is parked at once and told, and the next events come through."""

        def script(happened: Any, *_: Any) -> Any:
            if happened.entity == "account:101":
                yield AssignCustomField("client_id", WRONG)
                yield Note(THING)

        wrong = await event(self.db, "Account/New", "account:101", 1)
        other = await event(self.db, "Account/New", "account:102", 1)
        await self.settle(await self.runner(Acme(script=script), FakeTransport()))
        self.assertEqual(await statuses(self.db), {(wrong, 1): "parked", (other, 1): "done"})
        self.assertEqual([line["result"] for line in self.lines() if line["event"] == wrong], ["done", "parked"])
