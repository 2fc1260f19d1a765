"""From the hold to the delivery, with a core, tables and a courier that do as the test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.messages import ICourier
from portaswitch.messaging.relay import Relay, Terms
from portaswitch.messaging.verdict import outcome, pause, verdict
from portaswitch.model.message import Answer, Callee, Charge, Contact, Draft, Fate, Kept, State, Text
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, Origin

NOW = datetime(2026, 11, 29, tzinfo=UTC)
CONTACT = Contact(2, "sip:b@192.0.2.1", "UDP", "192.0.2.1", 5060, "udp", "c", 1, NOW)
DRAFT = Draft("s1", Origin(1, 1), "key", "a", "a@x", "a", "b@x", "b", ("b",), "text/plain", b"hi", "call", "192.0.2.9")


@implementer(IBilling, ICourier)
class World:
    """Everything around a relay; `steps` are what was asked of it, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.asked: list[AAARequest] = []
        self.found: Callee | None = Callee(2, "b", (CONTACT,))
        self.decision: Decision | Exception = Decision()
        self.kept: Kept | Exception = Kept.STORED
        self.known_keys: set[str] = set()
        self.status = 200
        self.fates: list[Fate] = []
        self.waiting: list[Text] = []
        self.looked_up_again: list[int] = []

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """The core."""
        self.asked.append(request)
        begun = {Kind.AUTH: "hold" if request.units else "log-in", Kind.EVENT: "charge"}
        self.steps.append(begun.get(request.kind) or f"used {request.units[0].used}")
        return fail(self.decision) if isinstance(self.decision, Exception) else succeed(self.decision)

    def callee(self, i_env: int, names: Sequence[str]) -> Deferred[Callee | None]:
        """Locations."""
        return succeed(self.found)

    def contacts(self, i_account: int) -> Deferred[list[Contact]]:
        """Locations."""
        return succeed([] if self.found is None else list(self.found.contacts))

    def missed(self, i_account: int) -> None:
        """Locations."""
        self.looked_up_again.append(i_account)

    def keep(self, text: Text, most: int) -> Deferred[Kept]:
        """Messages."""
        self.steps.append("keep")
        return fail(self.kept) if isinstance(self.kept, Exception) else succeed(self.kept)

    def known(self, key: str) -> Deferred[bool]:
        """Messages."""
        return succeed(key in self.known_keys)

    def settle(self, fate: Fate) -> Deferred[None]:
        """Messages."""
        self.fates.append(fate)
        return succeed(None)

    def paid(self, key: str) -> Deferred[None]:
        """Messages."""
        self.steps.append("paid")
        return succeed(None)

    def waiting_for(self, i_account: int, limit: int) -> Deferred[list[Text]]:
        """Messages."""
        texts, self.waiting = self.waiting, []
        return succeed(texts)

    def due(self, limit: int) -> Deferred[list[Text]]:
        """Messages."""
        return self.waiting_for(0, limit)

    def nothing(self, limit: int) -> Deferred[list[Text]]:
        """Messages."""
        return succeed([])

    expire = unpaid = nothing

    def deliver(self, text: Text, contact: Contact) -> Deferred[int] | None:
        """The courier."""
        if contact.worker not in ("", "me"):
            return None
        self.steps.append("deliver")
        return succeed(self.status)

    def hand_over(self, text: Text) -> Deferred[int]:
        """The courier."""
        self.steps.append(f"hand over to {text.peer}")
        return succeed(self.status)

    def address_of(self, peer: str) -> str:
        """The courier."""
        return "192.0.2.77" if peer else ""


class RelayTests(SynchronousTestCase):
    """One message."""

    def relay(self, world: World, on_delivery: bool = False) -> Relay:
        """A relay in that world."""
        parts: Any = world
        return Relay(world, parts, parts, world, lambda: NOW, Terms(on_delivery))

    def submit(self, world: World, on_delivery: bool = False, draft: Draft = DRAFT) -> Answer | Refusal:
        """What the sender hears."""
        answer: Answer | Refusal = self.successResultOf(self.relay(world, on_delivery).submit(draft))
        return answer

    def test_accepted(self) -> None:
        """Charged and kept in one, then delivered."""
        world = World()
        self.assertEqual(self.submit(world), Answer.ACCEPTED)
        self.assertEqual(world.steps, ["charge", "deliver"])
        kept = world.asked[0].text
        assert kept is not None
        self.assertEqual((kept.key, kept.body, kept.charge, kept.i_recipient, kept.peer), ("key", b"hi", Charge.SETTLED, 2, ""))
        self.assertEqual(world.fates, [Fate("key", State.DELIVERED, Charge.SETTLED, 200, 30)])

    def test_charged_on_delivery(self) -> None:
        """Charged behind the delivery; given back when it is refused for good; neither while it waits."""
        for status, steps, state in ((200, ["used 1"], State.DELIVERED), (404, ["used 0"], State.FAILED), (486, [], State.WAITING)):
            world = World()
            world.status = status
            self.assertEqual(self.submit(world, on_delivery=True), Answer.ACCEPTED)
            self.assertEqual((world.steps, world.fates[0].state), (["hold", "deliver", *steps], state))
            self.assertEqual(world.looked_up_again, [] if status == 200 else [2])  # its contacts may be others by now
            kept = world.asked[0].text
            assert kept is not None
            self.assertEqual(kept.charge, Charge.HELD)

    def test_refused(self) -> None:
        """Nobody there, or too many wait: only who has proven who it is hears so. Refused by billing: nothing is delivered."""
        world = World()
        world.found = None
        self.assertEqual((self.submit(world), world.steps), (Answer.UNKNOWN, ["log-in"]))
        world.found, world.steps = Callee(2, "b", waiting=100), []
        self.assertEqual((self.submit(world), world.steps), (Answer.FULL, ["log-in"]))
        world.decision, world.steps = Decision(refusal=Refusal.INVALID_PASSWORD), []
        self.assertEqual((self.submit(world), world.steps), (Refusal.INVALID_PASSWORD, ["log-in"]))
        world = World()
        world.decision = Decision(refusal=Refusal.ZERO_BALANCE)
        self.assertEqual((self.submit(world), world.steps), (Refusal.ZERO_BALANCE, ["charge"]))

    def test_busy(self) -> None:
        """A core that is busy fails the submission, and nothing is delivered."""
        world = World()
        world.decision = Overloaded()
        self.failureResultOf(self.relay(world).submit(DRAFT), Overloaded)
        self.assertEqual(world.steps, ["charge"])

    def test_ways(self) -> None:
        """Without a contact it waits for a REGISTER; by another process's connection it is left to that soon; to a peer it is handed over."""
        for contacts, delay in (((), None), ((replace(CONTACT, worker="other", flow="TCP1"),), 2)):
            world = World()
            world.found = Callee(2, "b", contacts)
            self.submit(world)
            self.assertEqual((world.fates[0].state, world.fates[0].delay), (State.WAITING, delay))
        world = World()
        world.found = None
        self.assertEqual(self.submit(world, draft=replace(DRAFT, peer="smsc")), Answer.ACCEPTED)
        self.assertEqual(world.steps[-1], "hand over to smsc")

    def test_drain(self) -> None:
        """Messages that waited go one after the other, until one page brings nothing."""
        world = World()
        text = Text(1, 1, "k1", "a", "a@x", "b@x", 2, "text/plain", b"1", "c", NOW, NOW, Charge.SETTLED)
        world.waiting = [text, replace(text, key="k2")]
        relay = self.relay(world)
        relay.drain(2)
        self.assertEqual([fate.key for fate in world.fates], ["k1", "k2"])
        self.assertEqual(world.steps, ["deliver", "deliver"])
        self.successResultOf(Deferred.fromCoroutine(relay.drained()))

    def test_drain_of_a_slow_phone(self) -> None:
        """Its claims must not be over while a message is on its way: what would begin too late is left to the job, which claims it anew."""
        world, now = World(), [NOW]
        text = Text(1, 1, "k1", "a", "a@x", "b@x", 2, "text/plain", b"1", "c", NOW, NOW, Charge.SETTLED)
        world.waiting = [replace(text, key=f"k{number}") for number in range(1, 6)]
        deliver = world.deliver

        def slow(text: Text, contact: Contact) -> Deferred[int] | None:
            now[0] += timedelta(seconds=5)
            return deliver(text, contact)

        self.patch(world, "deliver", slow)
        parts: Any = world
        relay = Relay(world, parts, parts, world, lambda: now[0], Terms())
        relay.drain(2)
        self.assertEqual([fate.key for fate in world.fates], ["k1", "k2", "k3"])
        self.successResultOf(Deferred.fromCoroutine(relay.drained()))

    def test_not_all_asked(self) -> None:
        """One phone refuses it for good, another is connected to another process: it waits for that one."""
        world = World()
        world.found, world.status = Callee(2, "b", (CONTACT, replace(CONTACT, worker="other", flow="TCP1"))), 488
        self.submit(world)
        self.assertEqual([fate.state for fate in world.fates], [State.WAITING])

    def test_drain_again(self) -> None:
        """A database that was away when an account registered: what waits for it goes out when the job comes by, and not at its next REGISTER only."""
        world = World()
        world.waiting = [Text(1, 1, "k1", "a", "a@x", "b@x", 2, "text/plain", b"1", "c", NOW, NOW, Charge.SETTLED)]
        found, parts = world.waiting_for, [fail(DatabaseDown())]
        self.patch(world, "waiting_for", lambda i_account, limit: parts.pop() if parts else found(i_account, limit))
        self.patch(world, "due", world.nothing)
        relay = self.relay(world)
        relay.drain(2)
        self.assertEqual(world.steps, [])
        self.successResultOf(Deferred.fromCoroutine(relay.recover()))
        self.assertEqual((world.steps, [fate.key for fate in world.fates]), (["deliver"], ["k1"]))
        self.successResultOf(Deferred.fromCoroutine(relay.recover()))
        self.assertEqual(world.steps, ["deliver"])

    def test_slow_phone(self) -> None:
        """A phone that does not answer: the message is delivered as soon as another one has it, and the job goes on with other messages meanwhile."""
        world, gone = World(), "192.0.2.66"
        slow: list[Deferred[int]] = []
        deliver = world.deliver

        def delivered(text: Text, contact: Contact) -> Deferred[int] | None:
            if contact.host != gone:
                return deliver(text, contact)
            slow.append(Deferred())
            return slow[-1]

        self.patch(world, "deliver", delivered)
        dead = replace(CONTACT, host=gone)
        world.found = Callee(2, "b", (dead, CONTACT))
        relay = self.relay(world)
        self.successResultOf(relay.submit(DRAFT))
        self.assertEqual([(fate.key, fate.state) for fate in world.fates], [("key", State.DELIVERED)])
        world.found = Callee(2, "b", (dead,))
        text = Text(1, 1, "k1", "a", "a@x", "b@x", 2, "text/plain", b"1", "c", NOW, NOW, Charge.SETTLED)
        world.waiting = [text]
        self.successResultOf(Deferred.fromCoroutine(relay.recover()))
        world.found, world.waiting = Callee(2, "b", (CONTACT,)), [replace(text, key="k2")]
        self.successResultOf(Deferred.fromCoroutine(relay.recover()))
        self.assertEqual([fate.key for fate in world.fates], ["key", "k2"])
        for one in slow:
            one.callback(0)
        self.assertEqual([(fate.key, fate.state) for fate in world.fates[2:]], [("k1", State.WAITING)])
        self.successResultOf(Deferred.fromCoroutine(relay.drained()))

    def test_recover(self) -> None:
        """What is due is tried again."""
        world = World()
        world.waiting = [Text(1, 1, "k1", "a", "a@x", "b@x", 2, "text/plain", b"1", "c", NOW, NOW, Charge.HELD)]
        self.successResultOf(Deferred.fromCoroutine(self.relay(world).recover()))
        self.assertEqual(world.steps, ["deliver", "used 1"])


class VerdictTests(SynchronousTestCase):
    """What answers mean."""

    def test_statuses(self) -> None:
        """One success is enough; all refusals for good, or one for all, end it; anything else waits."""
        for state, cases in {
            State.DELIVERED: [(200,), (404, 202), (0, 200)],
            State.FAILED: [(404,), (415, 488), (603,), (480, 604)],
            State.WAITING: [(), (0,), (486,), (404, 480), (503,), (600,), (0, 404)],
        }.items():
            for statuses in cases:
                self.assertEqual((statuses, verdict(statuses)), (statuses, state))

    def test_outcome(self) -> None:
        """All statuses, or those until one has taken it; what comes later, and a later failure, change nothing. A failure before that is one."""
        asked: list[Deferred[int]] = [Deferred() for _ in range(3)]
        told = outcome(asked)
        asked[1].callback(486)
        self.assertNoResult(told)
        asked[0].callback(202)
        self.assertEqual(self.successResultOf(told), [486, 202])
        asked[2].callback(603)
        self.assertEqual(self.successResultOf(outcome([succeed(404), succeed(0)])), [404, 0])
        self.failureResultOf(outcome([succeed(404), fail(DatabaseDown())]), DatabaseDown)

    def test_pauses(self) -> None:
        """30 s, twice as long each time, an hour at most."""
        self.assertEqual([pause(attempts) for attempts in (0, 1, 2, 3, 8, 30000)], [30, 30, 60, 120, 3600, 3600])
