"""Hosts behind a Diameter agent: the table on PostgreSQL; the whole server, started again, and another process, which reach a host that they never heard."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.model.actor import Actor
from portaswitch.model.diameter_way import Way
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.diameter_agents import DiameterAgents
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.contract.ways import WaysContract
from tests.server.database import fresh_database
from tests.server.diameter_client import CARD, PEERS, Client, DiameterCase
from tests.server.diameter_octets import RAR, SESSION_ID, TGPP, avp, ccr, ccr_body, subscriber
from tests.server.harness import WORLD
from tests.server.pools import until
from tests.server.test_diameter import GRANTED, MSCC, reply
from tests.server.test_diameter_crash import Server
from tests.server.test_diameter_standing import DATA, GIB, OCTETS

HOST: Final = "other.example.com"
NAME: Final = f"{HOST};9;1"
DESTINATION_HOST: Final = 293


class TableTests(WaysContract, TestCase):
    """The contract on PostgreSQL."""

    def setUp(self) -> Any:
        """A database with the nodes of the tests."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.pool = Pool(reactor, await fresh_database(), size=1, name="agents")
        await self.pool.start()
        self.addCleanup(self.pool.close)
        await self.pool.execute(WORLD + PEERS)
        self.ways = DiameterAgents(self.pool)

    async def passed(self, seconds: float) -> None:
        """See `WaysContract.passed`."""
        await self.pool.execute("update diameter_agents set heard = heard - make_interval(secs => %s)", (seconds,))

    async def test_node_goes(self) -> None:
        """An agent's node that is taken away takes what is behind it along; of one that is gone already nothing is noted."""
        await self.ways.remember([Way("dra1", "a", "r", 201), Way("dra2", "b", "r", 202), Way("dra3", "c", "r", 299)])
        await self.pool.execute("delete from nodes where i_node = 202")
        self.assertEqual(await self.pool.query("select agent from diameter_agents"), [("dra1",)])


def data(hop: int, kind: int, number: int, used: int | None = None) -> bytes:
    """A CCR of the data session of the host behind the agent."""
    units = b"" if used is None else avp(446, avp(OCTETS, used.to_bytes(8, "big")))
    group = avp(456, (avp(437) if kind < 3 else b"") + units + avp(432, 100))
    information = avp(873, avp(874, avp(30, "internet"), TGPP), TGPP)
    return ccr(hop, ccr_body(NAME, kind, number, subscriber(CARD), group, information, host=HOST))


class ServerTests(DiameterCase):
    """The peer pgw.example.com is an agent; the session is that of a host behind it."""

    rows = WORLD + PEERS + DATA

    async def _begin(self) -> None:
        await super()._begin()
        self.desk = Desk(Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES))
        self.agent = await self.peer()
        self.assertEqual((await self.agent.ask(data(10, 1, 0))).find(MSCC, GRANTED, OCTETS), GIB)
        await until(self.noted, "what is behind the agent")

    async def noted(self) -> bool:
        """The database knows who is behind the agent."""
        return await self.world.pool.query("select origin_host from diameter_agents where agent = 'pgw.example.com'") == [(HOST,)]

    async def assert_asked(self, client: Client) -> None:
        """A block makes the client get a Re-Auth for the host behind it; what follows is served."""
        await self.desk.operate(Actor("test:root", 1), "account.block", {"id": CARD})
        rar = await client.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID), rar.find(DESTINATION_HOST)), (RAR, NAME, HOST.encode()))
        client.say(reply(rar, 2002))
        self.assertEqual((await client.ask(data(11, 2, 1, GIB // 4))).result, 4010)
        await until(lambda: self.world.one("select count(*) = 0 from session_tasks where status = 'pending'"), "the end of the task")
        self.assertEqual(await self.world.one("select status, attempts from session_tasks"), ("done", 1))

    async def test_started_again(self) -> None:
        """The server is started again; the host says nothing before it is asked."""
        await self.restart()
        await self.assert_asked(await self.peer())

    async def test_another_process(self) -> None:
        """The agent goes to another process, which never heard the host; the first one, which did, leaves the task to it."""
        other = Server(self.world.folder, self.world._dsn, "two")
        self.addCleanup(other.kill)
        await self.agent.end()
        agent = await other.peer()
        self.clients.append(agent)
        await self.assert_asked(agent)
        await agent.end()
