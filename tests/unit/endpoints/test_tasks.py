"""The runner of session tasks: what is sent, what becomes of it, pacing, leases; with a table in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from portaswitch.endpoints.client_habits import Habits
from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.dynamic import DynamicAuthorization
from portaswitch.endpoints.outgoing import Timing
from portaswitch.endpoints.profiles import shipped
from portaswitch.endpoints.radius_tasks import RadiusTeller
from portaswitch.endpoints.tasks import TASKS, WINDOW, Pacing, TaskRunner
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.tasks import ITasks
from portaswitch.model.catalogue import EMPTY, Catalogue, Node, Observe, RadiusClient
from portaswitch.model.session_task import Claim, Outcome, SessionTask, Settled, TaskKind
from tests.simulators.nas import ACCT_SESSION_ID, FILTER_ID, USER_NAME, Request
from tests.unit.builders import AT
from tests.unit.endpoints.test_dynamic import NODE, SECRET, Net

FACTS = {"session": "0001", "acct_session_id": "0001", "user": "alice"}


def node(i_node: int = 1, **fields: Any) -> Node:
    """A node that takes CoA."""
    values = {"i_env": 1, "name": f"n{i_node}", "nas_ip": "192.0.2.1", "nas_identifier": "bras", "coa_address": NODE[0], **fields}
    return Node(i_node, **values)


def catalogue(*nodes: Node, client: str = "192.0.2.0/24", i_env: int = 1) -> Catalogue:
    """Nodes, and one client."""
    clients = (RadiusClient(1, i_env, client, SECRET, 0, Observe.AUTO, Observe.YES, False),)
    return Catalogue(1, {}, {}, {}, {one.i_node: one for one in nodes}, {}, {}, {}, clients)


@implementer(ITasks)
class Table:
    """Tasks to be claimed once each, by node up to its room, and what was settled."""

    def __init__(self) -> None:
        self.tasks: list[SessionTask] = []
        self.settled: list[Settled] = []
        self.rooms: Mapping[int, int] = {}
        self.down = False
        self.gone: dict[TaskKind, int] = {}

    def claim(self, rooms: Mapping[int, int], room: int, limit: int) -> Deferred[Claim]:
        """See `ITasks.claim`."""
        self.rooms = rooms
        left: dict[int, int] = dict(rooms)
        taken: list[SessionTask] = []
        for task in self.tasks[:]:
            if left.setdefault(task.i_node, room) > 0 and len(taken) < limit:
                left[task.i_node] -= 1
                self.tasks.remove(task)
                taken.append(task)
        return succeed(Claim(tuple(taken), self.gone, {}))

    def settle(self, settled: Sequence[Settled]) -> Deferred[None]:
        """See `ITasks.settle`."""
        if self.down:
            return fail(DatabaseDown("away"))
        self.settled += settled
        return succeed(None)


class RunnerTests(SynchronousTestCase):
    """One runner with its table and net."""

    def setUp(self) -> None:
        """A node with the generic profile."""
        self.net, self.table = Net(), Table()
        self.dynamic = dynamic = DynamicAuthorization(self.net, Timing(), vary=lambda low, high: 0.0)
        self.clients = Clients(catalogue(node()), Habits(lambda: AT))
        self.runner = TaskRunner(self.table, RadiusTeller(dynamic, lambda: self.clients, shipped(), 1234), self.net, Pacing(rate=20, attempts=3))
        self.numbers = iter(range(1, 100_000))

    def add(self, count: int = 1, kind: TaskKind = TaskKind.POD, i_node: int = 1, attempts: int = 1, **fields: Any) -> None:
        """Tasks in the table."""
        for _ in range(count):
            number = next(self.numbers)
            values = {"arguments": {}, "facts": FACTS, **fields}
            self.table.tasks.append(SessionTask(number, kind, 1, i_node, f"{i_node}/{number}", attempts=attempts, **values))

    def run_pass(self) -> None:
        """One pass."""
        self.successResultOf(Deferred.fromCoroutine(self.runner.run()))

    def request(self, place: int = -1) -> Request:
        """A request as the node reads it."""
        return Request(self.net.sent[place][1], SECRET)

    def answer(self, octets: bytes, sent: int = -1) -> None:
        """An answer from where the request went."""
        port, _, place = self.net.sent[sent]
        port.protocol.datagramReceived(octets, place)

    def settled(self) -> Settled:
        """What the next pass writes, one task."""
        self.table.settled.clear()
        self.run_pass()
        (one,) = self.table.settled
        return one

    def test_interface(self) -> None:
        """The table in memory is one."""
        self.assertTrue(verifyObject(ITasks, self.table))

    def test_disconnect(self) -> None:
        """To the node's address, at the port of the settings; the next pass writes that it is done."""
        self.add()
        before = TASKS.get("pod", "done")
        self.run_pass()
        self.assertEqual(self.net.sent[0][2], (NODE[0], 1234))
        request = self.request()
        self.assertEqual((request.code, request.get(USER_NAME), request.get(ACCT_SESSION_ID)), (40, b"alice", b"0001"))
        self.answer(request.ack())
        one = self.settled()
        self.assertEqual((one.outcome, one.note, TASKS.get("pod", "done") - before), (Outcome.DONE, "", 1))

    def test_coa(self) -> None:
        """A CoA says what its arguments mean in the profile, at the node's own port."""
        self.clients = Clients(catalogue(node(coa_port=1700)), Habits(lambda: AT))
        self.add(kind=TaskKind.COA, arguments={"policy": "slow"})
        self.run_pass()
        self.assertEqual((self.request().code, self.request().get(FILTER_ID), self.net.sent[0][2][1]), (43, b"slow", 1700))
        self.answer(self.request().nak(401))
        one = self.settled()
        self.assertEqual((one.outcome, one.note), (Outcome.FAILED, "CoA-NAK Error-Cause 401 (Unsupported-Attribute)"))

    def test_refusals(self) -> None:
        """503 is the success of a disconnect and the end of a CoA; what passes comes again, later each time, until the attempts are used up."""
        for kind, cause, attempts, outcome, delay in (
            (TaskKind.POD, 503, 1, Outcome.DONE, 0),
            (TaskKind.COA, 503, 1, Outcome.FAILED, 0),
            (TaskKind.POD, 501, 1, Outcome.FAILED, 0),
            (TaskKind.POD, 506, 1, Outcome.AGAIN, 30),
            (TaskKind.POD, 504, 2, Outcome.AGAIN, 60),
            (TaskKind.POD, None, 2, Outcome.AGAIN, 60),
            (TaskKind.POD, 506, 3, Outcome.FAILED, 0),
        ):
            self.add(kind=kind, attempts=attempts, arguments={"policy": "x"})
            self.run_pass()
            self.answer(self.request().nak(cause))
            one = self.settled()
            self.assertEqual((one.outcome, one.delay), (outcome, delay), (kind, cause))

    def test_unsayable(self) -> None:
        """What can't be said or sent fails at once and says what to mend; a node that the catalogue may not have yet is tried again."""
        self.add(facts={"session": "auth-00", "user": "alice"})
        self.run_pass()
        self.assertIn("names the session", self.settled().note)
        for nodes, told, outcome in (
            (catalogue(node(coa_address="")), "no coa_address", Outcome.FAILED),
            (catalogue(node(), client="198.51.100.1/32"), "no radius_clients entry of environment 1", Outcome.FAILED),
            (catalogue(node(), i_env=2), "no radius_clients entry of environment 1", Outcome.FAILED),
            (catalogue(node(profile="acme")), "profile acme, which is none of generic", Outcome.FAILED),
            (catalogue(node(2)), "no node 1", Outcome.AGAIN),
            (catalogue(node(i_env=2)), "no node 1 in environment 1", Outcome.AGAIN),
            (EMPTY, "no node 1", Outcome.AGAIN),
        ):
            self.clients = Clients(nodes, Habits(lambda: AT))
            self.add()
            self.run_pass()
            one = self.settled()
            self.assertEqual((one.outcome, self.net.sent), (outcome, []))
            self.assertIn(told, one.note)

    def test_conference_id(self) -> None:
        """A voice session is named by h323-conf-id, which its id is unless the node gave that as another attribute."""
        self.add(facts={"session": "A B C D", "acct_session_id": "7", "user": "alice"})
        self.add(facts={"session": "call", "call_id": "call", "acct_session_id": "8"})
        self.run_pass()
        self.assertIn(b"h323-conf-id=A B C D", self.net.sent[0][1])
        self.assertNotIn(b"h323-conf-id", self.net.sent[1][1])

    def test_pacing(self) -> None:
        """A node gets its rate and no more, others are not held up by it."""
        self.clients = Clients(catalogue(node(), node(2)), Habits(lambda: AT))
        self.add(100)
        self.run_pass()
        self.assertEqual(len(self.net.sent), 20)
        self.add(3, i_node=2)
        for place in range(20):
            self.answer(self.request(place).ack(), place)
        self.net.advance(0.5)
        self.run_pass()
        self.assertEqual(len(self.net.sent), 33)
        self.assertEqual(len(self.table.settled), 20)
        for place in range(20, 33):
            self.answer(self.request(place).ack(), place)
        self.net.advance(2)
        self.table.tasks.clear()
        self.run_pass()
        self.assertEqual(self.table.rooms, {})

    def test_window(self) -> None:
        """A node that does not answer has at most its window under way; once silent it gets one at a time, until it answers."""
        self.add(200)
        for _ in range(8):
            self.run_pass()
            self.net.advance(1)
        under_way = self.dynamic.under_way
        self.assertEqual(under_way(), WINDOW)
        self.net.pump([1] * 35)
        self.run_pass()
        self.assertEqual(under_way(), 1)
        self.assertIn("did not answer", self.table.settled[0].note)
        self.assertEqual(self.table.settled[0].outcome, Outcome.AGAIN)
        self.answer(self.request().ack())
        self.run_pass()
        self.assertEqual(under_way(), 19)

    def test_database_away(self) -> None:
        """What can't be written now is written later, in order; nothing new is claimed meanwhile."""
        self.add()
        self.run_pass()
        self.answer(self.request().ack())
        self.add()
        self.table.down = True
        self.failureResultOf(Deferred.fromCoroutine(self.runner.run()), DatabaseDown)
        self.assertEqual(len(self.net.sent), 1)
        self.table.down = False
        self.assertEqual(self.settled().outcome, Outcome.DONE)
        self.assertEqual(len(self.net.sent), 2)

    def test_stop(self) -> None:
        """What is under way is given back for now; a database that is away does not hold up the stop."""
        self.add(2)
        self.run_pass()
        self.successResultOf(Deferred.fromCoroutine(self.runner.stop()))
        self.assertEqual([(one.outcome, one.delay) for one in self.table.settled], [(Outcome.AGAIN, 0)] * 2)
        self.assertEqual(self.net.getDelayedCalls(), [])
        self.add()
        self.run_pass()
        self.table.down = True
        self.successResultOf(Deferred.fromCoroutine(self.runner.stop()))

    def test_gone(self) -> None:
        """Tasks that the claim ended are counted."""
        before = TASKS.get("pod", "gone")
        self.table.gone = {TaskKind.POD: 3}
        self.run_pass()
        self.assertEqual(TASKS.get("pod", "gone") - before, 3)

    def test_own_lease_ran_out(self) -> None:
        """A task that comes again while it is still under way is taken over by the new attempt."""
        self.add()
        task = self.table.tasks[0]
        self.run_pass()
        self.table.tasks.append(SessionTask(task.i_task, task.kind, 1, 1, task.session_key, {}, 2, FACTS))
        self.run_pass()
        self.assertEqual(self.dynamic.under_way(), 1)
        self.answer(self.request().ack())
        self.table.settled.clear()
        self.run_pass()
        self.assertEqual([(one.outcome, one.task.attempts) for one in self.table.settled if one.outcome is Outcome.DONE], [(Outcome.DONE, 2)])
