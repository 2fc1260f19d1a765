"""Events whose transactions are committed in another order than their numbers were given: none is lost, and the last state is the vendor's in the end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.handler import Reply
from portaswitch.model.notification import Settled, Verdict
from portaswitch.model.subscriber import Record
from tests.server.provisioning import EVENT, event, statuses
from tests.server.test_event_queue import QueueCase
from tests.server.test_event_runner import RunnerCase
from tests.unit.espf.fakes import FakeTransport, Homes

LATE = {"type": "Account/Blocked", "entity": "account:101", "variables": "{}", "key": None, "lane": 1, "handlers": [1]}
#: An event with a number that was given long ago.
NUMBERED = """
with e as (insert into event_queue (i_event, i_env, event_type, entity, variables) values (%s, 1, 'Account/Blocked', 'account:101', '{}') returning i_event)
insert into event_notifications (i_event, i_handler, entity) select i_event, 1, 'account:101' from e
"""


class LateCommitTests(QueueCase):
    """The queue."""

    async def test_a_lower_number_that_comes_later(self) -> None:
        """A transaction that took its number first is committed while a later number is being told: its event is not superseded, though its number is lower."""
        numbered: Deferred[int] = Deferred()
        commit: Deferred[None] = Deferred()

        async def slow(cursor: Any) -> None:
            numbered.callback((await cursor.query(EVENT, LATE))[0][0])
            await commit

        transaction = self.db.transaction(slow)
        late = await numbered
        first = await event(self.db, "Account/New", "account:101", 1)
        second = await event(self.db, "Account/Unblocked", "account:101", 1)
        claim = await self.one()
        self.assertEqual((claim.event.i_event, claim.known), (first, (first, second)))
        self.assertLess(late, first)
        commit.callback(None)
        await transaction
        await self.events.settle([Settled(claim, Verdict.DONE, record=Record("", {"login": ("a",)}, b"hash"), converged=True)])
        self.assertEqual(await statuses(self.db), {(late, 1): "pending", (first, 1): "done", (second, 1): "superseded"})
        self.assertEqual(await self.claimed(), [late])

    async def test_only_who_asks_is_told(self) -> None:
        """Without being asked a claim looks at no further events of its entity, of which there may be very many."""
        for _ in range(3):
            await event(self.db, "Account/Blocked", "account:101", 1)
        (claim,) = await self.events.claim(1, 1, 60)
        self.assertEqual(claim.known, ())


class LateDeliveryTests(RunnerCase):
    """The runner."""

    async def test_one_at_a_time(self) -> None:
        """While an entity is told an event with a lower number comes: it waits, then the newest state is the last that the vendor hears."""
        early = await event(self.db, "Account/Blocked", "account:101", 1)
        await self.db.execute("delete from event_notifications; delete from event_queue")
        number = await event(self.db, "Account/New", "account:101", 1)
        held: Deferred[Reply] = Deferred()
        transport = FakeTransport([held])
        runner = await self.runner(Homes(), transport, parallel=4)
        await runner.run()
        await self.until(lambda: len(transport.sent) == 1)
        await self.db.execute("update accounts set blocked = true where i_account = 101")
        await self.db.execute(NUMBERED, (early,))
        await runner.run()
        self.assertEqual((len(transport.sent), held.called), (1, False))
        held.callback(Reply(200))
        await self.settle(runner)
        self.assertEqual((await statuses(self.db))[number, 1], "done")
        await self.due()
        await self.settle(runner)
        self.assertEqual([request.json for request in transport.sent], [{"barred": False}, {"barred": True}])
        self.assertEqual((await statuses(self.db))[early, 1], "done")
