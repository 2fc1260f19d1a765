"""The whole server over Diameter: from the CER to the books, several peers, repetitions over restarts, tasks, leave-taking."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from portaswitch.model.session_task import TaskKind, Wish
from portaswitch.store.session_tasks import wish
from tests.claims import claims
from tests.server.diameter_client import CARD, Client, DiameterCase, initial, termination, update
from tests.server.diameter_octets import ASR, DPR, DWR, OCS, RAR, REALM, RESULT, SESSION_ID, Answer, avp, cer, message, origin
from tests.server.pools import until

_reactor: Any = reactor
MSCC, GRANTED, TIME = 456, 431, 420
#: A credit account beside the prepaid card.
CREDIT = "442079460001"


class CallTests(DiameterCase):
    """Calls of a prepaid card over Ro."""

    async def test_call(self) -> None:
        """A grant, use, the end: the answers say so, and the books have one xDR of the whole call."""
        peer = await self.peer()
        first = await peer.ask(initial(10, "pgw.example.com;1;1"))
        self.assertEqual((first.result, first.find(MSCC, GRANTED, TIME), first.find(SESSION_ID)), (2001, 30, "pgw.example.com;1;1"))
        self.assertEqual((first.find(416), first.find(415), first.find(258), first.find(264)), (1, 0, 4, OCS.encode()))
        self.assertEqual((await peer.ask(update(11, "pgw.example.com;1;1", 1, 30))).find(MSCC, GRANTED, TIME), 30)
        self.assertEqual((await peer.ask(termination(12, "pgw.example.com;1;1", 2, 30))).result, 2001)
        self.assertEqual(await self.world.one("select charged_amount, charged_quantity from xdr"), (Decimal("0.02"), 60))
        self.assertEqual(await self.world.one("select balance from accounts where i_account = 101"), Decimal("9.98"))

    async def test_at_once_with_the_cer(self) -> None:
        """Requests that follow the CER in one piece are all answered."""
        client = await self.connect()
        waits = [client.expect(hop) for hop in (1, *range(20, 40))]
        client.say(cer() + b"".join(initial(hop, f"pgw.example.com;2;{hop}", requested=5) for hop in range(20, 40)))
        self.assertEqual([(await one).result for one in waits], [2001] * 21)

    async def test_repeated(self) -> None:
        """The same request again, with T, over another connection, after a restart of the server: one charge, one answer."""
        peer = await self.peer()
        name = "pgw.example.com;3;1"
        answers = [await peer.ask(initial(10, name)), await peer.ask(initial(11, name, flags=0xD0, end=5010))]
        used = update(12, name, 1, 30, end=77)
        answers.append(await peer.ask(used))
        await self.restart()
        peer = await self.peer()
        again = await peer.ask(update(13, name, 1, 30, end=77, flags=0xD0))
        self.assertEqual([one.result for one in (*answers, again)], [2001] * 4)
        self.assertEqual((answers[2].find(MSCC, GRANTED, TIME), again.find(MSCC, GRANTED, TIME)), (30, 30))
        await peer.ask(termination(14, name, 2, 0))
        self.assertEqual(await self.world.one("select charged_quantity from xdr"), 30)

    async def test_several_peers(self) -> None:
        """Each with its own sessions, one name or not; one that stops reading or crashes costs the others nothing."""
        one, other = await self.peer(), await self.peer("other.example.com")
        for client, account, host in ((one, CARD, "pgw.example.com"), (other, CREDIT, "other.example.com")):
            answer = await client.ask(initial(10, "the same name", requested=5, account=account, host=host))
            self.assertEqual(answer.find(MSCC, GRANTED, TIME), 5)
        self.assertEqual(await self.world.one("select count(*), count(distinct i_node) from sessions"), (2, 2))
        transport: Any = one.transport
        transport.abortConnection()
        self.assertEqual((await other.ask(initial(11, "another", requested=5))).result, 2001)

    async def test_crashed_peer(self) -> None:
        """A peer whose old connection is dead gets in at once, one whose old one is only silent after a DWR; the old one ends."""
        old = await self.peer()
        transport: Any = old.transport
        transport.abortConnection()
        await old.closed
        silent = await self.peer()
        new = await self.connect()
        taken = new.ask(cer())
        self.assertEqual((await silent.asked()).code, DWR)
        self.assertEqual((await taken).result, 2001)
        await silent.closed

    async def test_risen_state(self) -> None:
        """A peer that restarted has no sessions any more: they are closed, provisionally, and nobody else's."""
        peer = await self.peer("pgw.example.com", REALM, avp(278, 5))
        other = await self.peer("other.example.com")
        await peer.ask(initial(10, "pgw.example.com;5;1"))
        await other.ask(initial(11, "other.example.com;5;1", account=CREDIT, host="other.example.com"))
        self.assertEqual(await self.world.one("select count(*) from sessions"), 2)
        await peer.end()
        await self.peer("pgw.example.com", REALM, avp(278, 6))
        await until(lambda: self.world.pool.query("select i_node from sessions").addCallback(lambda rows: rows == [(202,)]), "the end of the other session")


class TaskTests(DiameterCase):
    """What the server says by itself."""

    async def opened(self, name: str) -> Client:
        """A peer with an open session."""
        peer = await self.peer()
        self.assertEqual((await peer.ask(initial(10, name))).result, 2001)
        return peer

    async def settled(self) -> tuple[str, str | None]:
        """Status and note of the only task, once it is over or has a note."""
        task = "select status, last_error from session_tasks"

        async def over() -> bool:
            status, note = await self.world.one(task)
            return status != "pending" or bool(note)

        await until(over, "the end of the task")
        status, note = await self.world.one(task)
        return str(status), note

    async def want(self, kind: TaskKind, name: str) -> None:
        """A task in the table, twice: it is one."""
        for _ in range(2):
            await wish(self.world.pool, [Wish(kind, 1, 201, f"201/{name}", 101)])

    @claims("diameter-gy.3")
    async def test_re_authorization(self) -> None:
        """RAR to the peer that has the session; RAA 2002, then CCR-U."""
        name = "pgw.example.com;6;1"
        peer = await self.opened(name)
        await self.want(TaskKind.RAR, name)
        rar = await peer.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID), rar.find(285), rar.find(258), rar.find(293)), (RAR, name, 0, 4, b"pgw.example.com"))
        peer.say(reply(rar, 2002))
        self.assertEqual(await self.settled(), ("done", None))
        self.assertEqual((await peer.ask(update(11, name, 1, 3))).result, 2001)

    async def test_refusals(self) -> None:
        """A session that the peer has not is as good as done; what it can't do is told."""
        name = "pgw.example.com;6;2"
        peer = await self.opened(name)
        await self.want(TaskKind.ASR, name)
        asr = await peer.asked()
        self.assertEqual((asr.code, asr.find(SESSION_ID)), (ASR, name))
        peer.say(reply(asr, 5002))
        self.assertEqual(await self.settled(), ("done", None))
        await self.world.pool.execute("delete from session_tasks")
        await self.want(TaskKind.RAR, name)
        peer.say(reply(await peer.asked(), 3001, 0x20))
        self.assertEqual(await self.settled(), ("failed", "RAA 3001 (DIAMETER_COMMAND_UNSUPPORTED)"))

    async def test_not_connected(self) -> None:
        """A task of a peer that is away waits, and goes out when it is back and answers."""
        name = "pgw.example.com;6;3"
        peer = await self.opened(name)
        peer.say(message(DPR, origin(), avp(273, 0), hop=30))
        await peer.closed
        await self.want(TaskKind.RAR, name)
        await deferLater(_reactor, 1.2)
        self.assertEqual(await self.world.one("select status, attempts from session_tasks"), ("pending", 0))


class LeavingTests(DiameterCase):
    """Disconnect-Peer, from either side."""

    async def test_peer_leaves(self) -> None:
        """DPA, and the connection ends."""
        peer = await self.peer()
        dpa = await peer.ask(message(DPR, origin(), avp(273, 0), hop=30))
        self.assertEqual((dpa.code, dpa.result), (DPR, 2001))
        await peer.closed

    async def test_server_stops(self) -> None:
        """DPR with REBOOTING after what was asked is answered; the connection ends with the DPA."""
        peer = await self.peer()
        waits = [peer.ask(initial(hop, f"pgw.example.com;7;{hop}", requested=5)) for hop in range(40, 60)]
        await deferLater(_reactor, 0.05)
        asked = peer.asked()
        stopped = self.world.server.stopService()
        self.assertLessEqual({(await one).result for one in waits}, {2001, 3004})
        dpr = await asked
        self.assertEqual((dpr.code, dpr.find(273)), (DPR, 0))
        peer.say(reply(dpr, 2001))
        await peer.closed
        await stopped
        await self.world.start(roles="radius, diameter, jobs", more=self.more)

    async def test_removed_peer(self) -> None:
        """A peer that the operator takes out of the catalogue has to go."""
        peer = await self.peer("other.example.com")
        await self.world.changed("update nodes set origin_host = 'renamed.example.com' where i_node = 202")
        dpr = await peer.asked()
        self.assertEqual((dpr.code, dpr.find(273)), (DPR, 2))


def reply(request: Answer, result: int, flags: int = 0) -> bytes:
    """A peer's answer."""
    session = request.find(SESSION_ID)
    head = avp(SESSION_ID, session) if session else b""
    application = int.from_bytes(request.octets[8:12], "big")
    body = head + avp(RESULT, result) + origin()
    return message(request.code, body, flags=request.flags & 0x40 | flags, application=application, hop=request.hop, end=request.end)


class WalletTests(DiameterCase):
    """Money of one card over two wires at once."""

    async def test_refused(self) -> None:
        """No such subscriber: refused in the answer, nothing is opened."""
        peer = await self.peer()
        answer = await peer.ask(initial(10, "s", account="nobody"))
        self.assertIn(answer.result, (5030, 4010))
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)
        self.assertEqual(await self.world.one(f"select held from accounts where id = '{CARD}'"), 0)
