"""CoA and Disconnect from a running server to a simulated NAS: session_tasks, the wire, the command line."""

from __future__ import annotations

import io
import json
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import TestCase

from portaswitch.model.session_task import Outcome, Settled, TaskKind, Wish
from portaswitch.store.pool import Pool
from portaswitch.store.session_tasks import SessionTasks, purge, wish
from tests.claims import claims
from tests.server.database import fresh_database
from tests.server.harness import DICTIONARY, SECRET, WORLD, World
from tests.server.pools import pause
from tests.server.test_cli import Command
from tests.simulators.nas import ACCT_SESSION_ID, DISCONNECT_ACK, FRAMED_IP_ADDRESS, NAS_IP_ADDRESS, USER_NAME, Request, SimulatedNas

_reactor: Any = reactor
#: A live Internet session of the card, as rows.
SESSION = """
insert into sessions values
    ('101/0001', 1, 'k', '', 1, 101, 101, 101, 0, now() + interval '1 hour', 'o', now(), now(), 'Netaccess', '', '',
    '{"s":"0001","a":"10086610975","us":"alice","p":"PrepaidCard","sv":103,"un":1,"ac":1,"n":"","bm":-1,
      "k":{"acct_session_id":"0001","subscriber_ip":"10.0.0.1"},"l":[],"po":[0,null,30,1,86400,7200]}',
    '{"q":[{"k":"0.0","b":"session-time","r":"","u":5,"g":300,"h":[],"c":[],"qt":0,"pc":0}]}');
"""
STATUS = "select status, attempts, coalesce(last_error, '') from session_tasks order by i_task desc limit 1"


class NodeCase(TestCase):
    """A running server and a NAS with one session."""

    timeout = 180

    def setUp(self) -> Any:
        """Start both."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.nas = SimulatedNas(SECRET)
        self.nas.sessions.add("0001")
        port = _reactor.listenUDP(0, self.nas, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        node = f"update nodes set coa_address = '127.0.0.1', coa_port = {port.getHost().port};"
        self.world = await World.made(WORLD + node + SESSION, coa_first_wait="0.2s", coa_tries=3)

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

    async def want(self, kind: TaskKind = TaskKind.POD, key: str = "101/0001", **fields: Any) -> None:
        """A task in the table."""
        await wish(self.world.pool, [Wish(kind, 1, 101, key, **fields)])

    async def settled(self, *status: str) -> tuple[str, int, str]:
        """Status, attempts and note of the newest task, once it has one of the statuses (any but pending) or an answer."""
        for _ in range(1200):
            row = await self.world.one(STATUS)
            if row[0] in status or (not status and row[0] != "pending"):
                return (str(row[0]), int(row[1]), str(row[2]))
            await pause(0.05)
        self.fail(f"the task is still {row}")

    async def answered(self) -> str:
        """The note of the newest task, once it has one, while it is pending."""
        for _ in range(1200):
            status, _, note = await self.world.one(STATUS)
            if note:
                self.assertEqual(status, "pending")
                return str(note)
            await pause(0.05)
        self.fail("no answer")


class WireTests(NodeCase):
    """What the node gets, and what becomes of its answers."""

    async def test_disconnect(self) -> None:
        """The node ends the session that is meant; pyrad, which neither side knows, finds the packet right too."""
        await self.want()
        self.assertEqual(await self.settled(), ("done", 1, ""))
        (request,) = self.nas.requests
        self.assertEqual((self.nas.sessions, self.nas.wrong), (set(), []))
        named = [request.get(kind) for kind in (USER_NAME, ACCT_SESSION_ID, FRAMED_IP_ADDRESS, NAS_IP_ADDRESS)]
        self.assertEqual(named, [b"alice", b"0001", bytes((10, 0, 0, 1)), bytes((164, 9, 9, 100))])
        dictionary = Dictionary(io.StringIO(DICTIONARY + "ATTRIBUTE Framed-IP-Address 8 ipaddr\n"))
        foreign: Any = CoAPacket(packet=request.octets, secret=SECRET, dict=dictionary)
        self.assertTrue(foreign.VerifyCoARequest())
        self.assertTrue(foreign.verify_message_authenticator())
        self.assertEqual((foreign.code, foreign["Acct-Session-Id"], foreign["Framed-IP-Address"]), (40, ["0001"], ["10.0.0.1"]))

    async def test_coa(self) -> None:
        """A policy by the words of the profile; an argument that it has no words for fails without a packet."""
        await self.want(TaskKind.COA, arguments={"policy": "hotline"})
        self.assertEqual(await self.settled(), ("done", 1, ""))
        self.assertEqual(self.nas.policies, {"0001": "hotline"})
        await self.want(TaskKind.COA, arguments={"colour": "red"})
        status, _, note = await self.settled()
        self.assertEqual((status, len(self.nas.requests)), ("failed", 1))
        self.assertIn("no words for colour", note)

    async def test_error_causes(self) -> None:
        """Every Error-Cause, each on a new disconnect: done, failed, or pending for later."""
        for cause in (None, 201, *range(401, 408), *range(501, 509)):
            self.nas.behave = lambda request, cause=cause: [request.nak(cause)]
            await self.world.pool.execute("delete from session_tasks")
            await self.want()
            if cause in (None, 504, 506, 507):
                self.assertIn("without Error-Cause" if cause is None else str(cause), await self.answered())
                later = await self.world.one("select next_try - now() between '20 seconds' and '31 seconds' from session_tasks")
                self.assertTrue(later, cause)
                continue
            status, _, note = await self.settled()
            self.assertEqual((status, str(cause) in note), ("done" if cause in (201, 503) else "failed", True), cause)

    async def test_silence_then_ack(self) -> None:
        """Two sendings are lost, the third, the same octets, is answered."""
        self.nas.behave = lambda request: [request.ack()] if len(self.nas.requests) == 3 else []
        await self.want()
        self.assertEqual(await self.settled(), ("done", 1, ""))
        self.assertEqual(len({request.octets for request in self.nas.requests}), 1)

    async def test_silence(self) -> None:
        """A node that says nothing is asked again later, with what may be the matter in the row."""
        self.nas.behave = lambda request: []
        await self.want()
        note = await self.answered()
        self.assertIn("did not answer (sent 3 times", note)
        self.nas.behave = None
        await self.world.pool.execute("update session_tasks set next_try = now()")
        self.assertEqual(await self.settled(), ("done", 2, ""))
        self.assertNotEqual(self.nas.requests[0].octets, self.nas.requests[-1].octets)

    async def test_hostile(self) -> None:
        """Twice the answer, wrong secrets, codes and Identifiers, a flood of them: the right answer counts, and the server lives."""

        def flood(request: Request) -> list[bytes]:
            wrong = [request.answer(DISCONNECT_ACK, secret=b"another secret"), request.answer(44)]
            wrong.append(request.answer(DISCONNECT_ACK, identifier=255 - request.identifier))
            return [*wrong * 50, b"", b"x", request.ack()[:20], request.nak(501), request.ack(), request.ack()]

        self.nas.behave = flood
        await self.want()
        status, _, note = await self.settled()
        self.assertEqual((status, note), ("failed", "Disconnect-NAK Error-Cause 501 (Administratively-Prohibited)"))
        self.nas.behave = None
        await self.want()
        self.assertEqual((await self.settled())[0], "done")
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_another_port(self) -> None:
        """A right answer from a port that was not asked does not count."""
        port = _reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.nas.elsewhere = port
        await self.want()
        self.assertIn("did not answer", await self.answered())
        self.assertEqual(self.nas.sessions, set())

    async def test_wrong_secret(self) -> None:
        """The node discards what it can't verify; the row says to look at the secret."""
        self.nas.secret = b"another secret"
        await self.want()
        self.assertIn("with the secret", await self.answered())
        self.assertEqual((self.nas.requests, set(self.nas.wrong)), ([], {"authenticator"}))

    async def test_gone(self) -> None:
        """A task of a session that is over is done, and nothing is sent; one whose time is over expires."""
        await self.want(key="101/none")
        self.assertEqual(await self.settled(), ("done", 0, "the session was over"))
        await self.world.pool.execute("insert into session_tasks (i_env, kind, i_node, session_key, expires) values (1, 'pod', 101, '101/0001', now())")
        self.assertEqual((await self.settled())[0], "expired")
        self.assertEqual(self.nas.requests, [])

    @claims("cisco-asr5700.4")
    async def test_no_address(self) -> None:
        """A node without coa_address gets neither CoA nor PoD, whatever is wanted; the row says why."""
        await self.world.changed("update nodes set coa_address = null")
        for kind in (TaskKind.COA, TaskKind.POD):
            await self.want(kind, arguments={"policy": "hotline"})
            status, _, note = await self.settled()
            self.assertEqual((status, "no coa_address" in note), ("failed", True))
        self.assertEqual((self.nas.requests, self.nas.wrong, self.nas.sessions), ([], [], {"0001"}))

    async def test_killed(self) -> None:
        """What a killed process had claimed is sent when its lease runs out, not before."""
        await self.world.pool.execute(
            "insert into session_tasks (i_env, kind, i_node, session_key, attempts, worker, locked_until) "
            "values (1, 'pod', 101, '101/0001', 1, 'killed', now() + interval '6 seconds')"
        )
        await pause(1)
        self.assertEqual(self.nas.requests, [])
        self.assertEqual(await self.settled(), ("done", 2, ""))

    async def test_restart(self) -> None:
        """A server that stops gives its task back at once; the next one sends it."""
        self.nas.behave = lambda request: []
        await self.want()
        while not self.nas.requests:
            await pause(0.02)
        await self.world.stop()
        self.assertEqual(await self.world.one("select status, locked_until is null, next_try <= now() from session_tasks"), ("pending", True, True))
        self.nas.behave = None
        await self.world.start()
        self.assertEqual(await self.settled(), ("done", 2, ""))


class CommandTests(NodeCase):
    """`session disconnect` beside a running server."""

    async def command(self, *words: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        config = self.world.folder / "portaswitch.yaml"
        config.write_text(f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n")
        return await Command("--config", str(config), *words).ended

    async def test_disconnect(self) -> None:
        """What the node answered, and the task in `session show`; a session that it has not is told."""
        self.assertEqual(await self.command("session", "disconnect", "0001"), (0, "OK: the node confirmed it (Disconnect-ACK)\n", ""))
        status, out, _ = await self.command("session", "disconnect", "101/0001")
        self.assertEqual((status, out), (0, "OK: Disconnect-NAK Error-Cause 503 (Session-Context-Not-Found)\n"))
        shown = json.loads((await self.command("session", "show", "0001", "--json"))[1])
        self.assertEqual([(task["kind"], task["status"]) for task in shown["tasks"]], [("pod", "done")] * 2)

    async def test_not_possible(self) -> None:
        """No such session, a session that is over, a node without coa_address, a silent node: status 1 and why."""
        self.assertIn("no session nobody", (await self.command("session", "disconnect", "nobody"))[2])
        self.nas.behave = lambda request: []
        status, out, _ = await self.command("session", "disconnect", "0001", "--wait", "4")
        self.assertEqual(status, 1)
        self.assertIn("attempt 1: udp 127.0.0.1", out)
        await self.command("session", "disconnect", "0001", "--wait", "1")
        self.assertEqual(await self.world.one("select count(*), max(lane) from session_tasks"), (1, 0))
        await self.world.pool.execute("update nodes set coa_address = null")
        status, _, err = await self.command("session", "disconnect", "0001")
        self.assertEqual((status, "give it a coa_address" in err), (1, True))

    async def test_force(self) -> None:
        """The books alone: the running server closes the session, provisionally, and its node hears nothing."""
        await self.world.pool.execute("delete from sessions")
        account = [("NAS-IP-Address", "164.9.9.100"), ("User-Name", "10086610975"), ("Called-Station-Id", "01182623634515"), ("Acct-Session-Id", "live")]
        await self.world.exchange(self.world.packet("acct", [*account, ("Acct-Status-Type", 1)]))
        self.assertEqual(await self.world.one("select held from accounts where i_account = 101"), 10)
        status, out, err = await self.command("session", "disconnect", "--force", "live")
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(await self.world.one("select status from sessions_closed"), "p")
        self.assertEqual(await self.world.one("select held from accounts where i_account = 101"), 0)
        self.assertEqual(self.nas.requests, [])
        self.assertIn("is not live", (await self.command("session", "disconnect", "live"))[2])


class TableTests(TestCase):
    """The table without a server: leases, order, rooms, who may settle."""

    timeout = 180

    def setUp(self) -> Any:
        """A database with three live sessions."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.pool = Pool(reactor, await fresh_database(), size=2, name="tasks")
        self.addCleanup(self.pool.close)
        await self.pool.start()
        await self.pool.execute(WORLD)
        for number in range(6):
            await self.pool.execute(SESSION.replace("101/0001", f"101/{number}"))
        self.tasks = SessionTasks(self.pool, "one", 60)

    async def add(self, *numbers: int, i_node: int = 101, **fields: Any) -> None:
        """Disconnects of these sessions."""
        await wish(self.pool, [Wish(TaskKind.POD, 1, i_node, f"101/{number}", **fields) for number in numbers])

    async def claimed(self, tasks: SessionTasks | None = None, **rooms: Any) -> list[str]:
        """The sessions of the tasks that are claimed."""
        claim = await (tasks or self.tasks).claim(rooms.get("rooms", {}), rooms.get("room", 10), rooms.get("limit", 100))
        return [task.session_key.removeprefix("101/") for task in claim.tasks]

    async def test_once(self) -> None:
        """The same disconnect twice is one; after it is settled it can be wanted again."""
        await self.add(1, 1)
        await self.add(1)
        self.assertEqual(await self.claimed(), ["1"])
        await self.pool.execute("update session_tasks set status = 'done'")
        await self.add(1)
        self.assertEqual(await self.claimed(), ["1"])

    async def test_order_and_rooms(self) -> None:
        """By lane, then by age; of each node no more than its room, and no more in all than the limit."""
        await self.add(0, 1, 2)
        await self.add(3, lane=0)
        await self.add(4, 5, i_node=7)
        self.assertEqual(await self.claimed(rooms={101: 2, 7: 0}), ["3", "0"])
        self.assertEqual(await self.claimed(limit=0), [])
        self.assertEqual(sorted(await self.claimed(room=1)), ["1", "4"])
        self.assertEqual(sorted(await self.claimed(limit=1) + await self.claimed()), ["2", "5"])

    async def test_leases(self) -> None:
        """Two processes never hold one task; what a dead one held is claimed when its lease runs out, and can't be failed by the late."""
        await self.add(0, 1)
        other = SessionTasks(self.pool, "other", 60)
        first = await SessionTasks(self.pool, "dead", 60).claim({}, 1, 100)
        self.assertEqual(await self.claimed(other), ["1"])
        self.assertEqual(await self.claimed(), [])
        await self.pool.execute("update session_tasks set locked_until = now() where worker = 'dead'")
        self.assertEqual(await self.claimed(), ["0"])
        await SessionTasks(self.pool, "dead", 1).settle([Settled(first.tasks[0], Outcome.FAILED, "late")])
        self.assertEqual(await self.pool.query("select status, attempts, last_error from session_tasks where session_key = '101/0'"), [("pending", 2, None)])
        await SessionTasks(self.pool, "dead", 1).settle([Settled(first.tasks[0], Outcome.DONE)])
        self.assertEqual(await self.pool.query("select status, worker from session_tasks where session_key = '101/0'"), [("done", None)])

    async def test_concurrent(self) -> None:
        """Two claims at the same time share the tasks without waiting for each other."""
        await self.add(*range(6))
        both = [self.tasks.claim({}, 3, 100), SessionTasks(self.pool, "other", 60).claim({}, 3, 100)]
        found = [task.session_key for claim in both for task in (await claim).tasks]
        self.assertGreaterEqual(len(found), 3)
        found += [task.session_key for task in (await self.tasks.claim({}, 10, 10)).tasks]
        self.assertEqual(sorted(found), [f"101/{number}" for number in range(6)])

    async def test_again(self) -> None:
        """What comes again waits for its time, and keeps its note; odd octets in a note do no harm."""
        await self.add(0)
        (task,) = (await self.tasks.claim({}, 1, 1)).tasks
        self.assertEqual((task.attempts, task.facts["acct_session_id"], task.facts["user"]), (1, "0001", "alice"))
        await self.tasks.settle([Settled(task, Outcome.AGAIN, "not\0now {},\"", 60)])
        self.assertEqual(await self.claimed(), [])
        await self.pool.execute("update session_tasks set next_try = now()")
        self.assertEqual(await self.claimed(), ["0"])
        self.assertEqual(await self.pool.query("select last_error from session_tasks"), [('notnow {},"',)])

    async def test_other_kinds(self) -> None:
        """Tasks of other endpoints are left alone, and a session of another environment is none."""
        await self.pool.execute("insert into session_tasks (i_env, kind, i_node, session_key) values (1, 'rar', 101, '101/0'), (2, 'pod', 101, '101/0')")
        claim = await self.tasks.claim({}, 10, 10)
        self.assertEqual((claim.tasks, dict(claim.gone)), ((), {TaskKind.POD: 1}))
        rows = await self.pool.query("select kind, status, worker from session_tasks order by kind")
        self.assertEqual(rows, [("pod", "done", "one"), ("rar", "pending", None)])

    async def test_purge(self) -> None:
        """Old finished tasks are forgotten, pending ones never."""
        await self.add(0, 1, 2)
        await self.pool.execute("update session_tasks set created = now() - interval '60 days'")
        await self.pool.execute("update session_tasks set status = 'done', finished = now() - interval '31 days' where session_key = '101/0'")
        await self.pool.execute("update session_tasks set status = 'failed', finished = now() - interval '29 days' where session_key = '101/1'")
        await purge(self.pool, 30)
        self.assertEqual(await self.pool.query("select session_key from session_tasks order by 1"), [("101/1",), ("101/2",)])
