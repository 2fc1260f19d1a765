"""Hosts behind Diameter agents: which agent requests of ours go to, and what a process knows that has just started."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from portaswitch.endpoints import diameter_agents
from portaswitch.endpoints.diameter_agents import MOST, UNREMEMBERED
from portaswitch.endpoints.diameter_peers import DiameterPeers
from portaswitch.errors import DatabaseDown
from portaswitch.model.request import Kind
from portaswitch.wire.diameter.message import Pair
from tests.contract.ways import Ways, WaysContract
from tests.unit.endpoints.diameter_world import IDENTITY, NODES, PGW, REALM, Caller, World, catalogue, ccr, request

BEHIND = "behind.example.com"
AGENT = "dra.visited.example.net"


class ContractTests(WaysContract, TestCase):
    """The contract in memory."""

    def setUp(self) -> None:
        """Nothing is known."""
        self.ways = Ways()

    async def passed(self, seconds: float) -> None:
        """See `WaysContract.passed`."""
        self.ways.passed(seconds)


class AgentTests(SynchronousTestCase):
    """Two agents may bring requests of one host: PGW, and a host of the realm of node 2."""

    def setUp(self) -> None:
        """A server that has just started."""
        self.world = World()

    def learn(self, world: World | None = None) -> None:
        """A pass of the job."""
        self.successResultOf(Deferred.fromCoroutine((world or self.world).endpoint.learn()))

    def restarted(self) -> World:
        """Another process on the same database."""
        return World(ways=self.world.ways)

    def hosts(self, world: World, i_node: int) -> list[str]:
        """The hosts of a node that can be told something."""
        return sorted(peer.origin_host for peer in world.endpoint.hosts(i_node))

    def asked(self, world: World, *callers: Caller, host: str = BEHIND) -> list[int]:
        """How many requests each of the callers gets when one is for the host."""
        body: list[Pair] = [("Session-Id", "s"), ("Origin-Host", "ocs"), ("Origin-Realm", "r"), ("Destination-Host", host)]
        _ = world.endpoint.ask(host, 0xC0, 258, 4, body)
        return [sum(one.is_request and one.code == 258 for one in caller.read()) for caller in callers]

    def test_after_a_restart(self) -> None:
        """A process that has heard nothing itself asks a host by the agent that is connected to it, once that is known."""
        self.world.open().say(ccr(1, Origin_Host=BEHIND))
        self.learn()
        other = self.restarted()
        agent = other.open()
        self.assertNotIn(5, other.endpoint.ready())
        self.learn(other)
        self.assertEqual((other.endpoint.ready().get(5), self.hosts(other, 5)), (1, [BEHIND]))
        self.assertEqual(self.asked(other, agent), [1])

    def test_without_the_agent(self) -> None:
        """Where none of its agents is connected, it can't be told, and is not claimed."""
        self.world.open().say(ccr(1, Origin_Host=BEHIND))
        self.learn()
        self.world.ways.passed(5)
        other = self.restarted()
        other.open(AGENT, REALM)
        self.learn(other)
        self.assertEqual((other.ways.asked, self.hosts(other, 5)), ({AGENT: 7 * 86400}, []))

    def test_last_agent(self) -> None:
        """Of two agents the one that brought the last request; the other one when that is gone."""
        first, second = self.world.open(), self.world.open(AGENT, REALM)
        first.say(ccr(1, Origin_Host=BEHIND))
        self.world.clock.advance(1)
        second.say(ccr(2, Origin_Host=BEHIND))
        self.assertEqual(self.asked(self.world, first, second), [0, 1])
        self.world.clock.advance(1)
        first.say(ccr(3, Origin_Host=BEHIND))
        self.assertEqual(self.asked(self.world, first, second), [1, 0])
        self.assertEqual(self.world.endpoint.ready()[5], 1)
        first.protocol.connectionLost()
        self.assertEqual(self.asked(self.world, second), [1])

    def test_what_others_hear(self) -> None:
        """What another process hears later counts more than what this one heard before."""
        first, second = self.world.open(), self.world.open(AGENT, REALM)
        first.say(ccr(1, Origin_Host=BEHIND))
        self.learn()
        self.world.ways.passed(5)
        other = self.restarted()
        other.open(AGENT, REALM).say(ccr(1, Origin_Host=BEHIND))
        self.learn(other)
        self.world.clock.advance(10)
        self.world.ways.passed(5)
        self.learn()
        self.assertEqual(self.world.endpoint.ready()[5], 1)
        self.assertEqual(self.asked(self.world, first, second), [0, 1])

    def test_unlisted(self) -> None:
        """A host that no node names is of its agent's node, and is asked under its own name."""
        agent = self.world.open()
        agent.say(ccr(1, Origin_Host="Unlisted.example.org"))
        self.assertEqual(self.hosts(self.world, 1), [PGW, "unlisted.example.org"])
        self.assertEqual(self.asked(self.world, agent, host="unlisted.example.org"), [1])

    def ended(self) -> list[str]:
        """The sessions that were to be closed since the last look."""
        asked, self.world.core.asked = self.world.core.asked, []
        return [one.session for one, _ in asked if one.kind is Kind.ON_OFF]

    def test_restart_of_a_host(self) -> None:
        """A state is that of its Origin-Host: a risen one in a request ends the sessions of that host, one in a DWR of the agent those of the agent itself."""
        agent, hosts = self.world.open(more=[("Origin-State-Id", 5)]), ("x.example.org", "y.example.org")
        self.world.origins.add(1, "own")
        for number, host in enumerate(hosts):
            self.world.origins.add(1, f"{host};1", host=host.upper())
            agent.say(ccr(number, Origin_Host=host, Origin_State_Id=7), ccr(number + 5, Origin_Host=host, Origin_State_Id=6), ccr(number + 9, Origin_Host=host))
        self.assertEqual(self.ended(), [])
        agent.say(ccr(20, Origin_Host="X.example.org", Origin_State_Id=8))
        self.assertEqual(self.ended(), ["x.example.org;1"])
        agent.say(request(280, [("Origin-Host", PGW), ("Origin-Realm", "example.com"), ("Origin-State-Id", 6)]))
        self.assertEqual(self.ended(), ["own"])
        self.world.endpoint.drain()
        agent.say(ccr(21, Origin_Host="y.example.org", Origin_State_Id=8))
        self.assertEqual(self.ended(), [], "another process will hear it")

    def test_table_without_it(self) -> None:
        """A node that is taken out of the table is not asked any more, although its agent is there; one whose agent is another node now is of that."""
        self.world.open().say(ccr(1, Origin_Host=BEHIND))
        self.assertEqual(self.hosts(self.world, 5), [BEHIND])
        self.world.table = DiameterPeers(catalogue(*[node for node in NODES if node.i_node != 5]), IDENTITY)
        self.assertEqual((self.hosts(self.world, 5), self.hosts(self.world, 1)), ([], sorted([PGW, BEHIND])))

    def test_seldom_written(self) -> None:
        """A way that is in use is noted twice a minute; one that could not be is noted when the database is back."""
        agent = self.world.open()
        for second in range(61):
            agent.say(ccr(second, Origin_Host=BEHIND))
            self.learn()
            self.world.clock.advance(1)
            self.world.ways.passed(1)
        self.assertEqual(self.world.ways.written, 3)
        agent.say(ccr(1, Origin_Host="unlisted.example.org"))
        self.world.ways.away = 1
        self.failureResultOf(Deferred.fromCoroutine(self.world.endpoint.learn()), DatabaseDown)
        self.learn()
        self.assertIn((PGW, "unlisted.example.org"), self.world.ways.known)

    def test_seldom_read(self) -> None:
        """A week at the beginning, then what is new; all again when the agent comes back."""
        agent = self.world.open()
        seen = []
        for _ in range(2):
            self.learn()
            seen.append(dict(self.world.ways.asked))
            self.world.clock.advance(2)
        agent.protocol.connectionLost()
        self.learn()
        self.world.open()
        self.learn()
        seen.append(dict(self.world.ways.asked))
        self.assertEqual(seen, [{PGW: 7 * 86400}, {PGW: 62}, {PGW: 7 * 86400}])

    def test_made_up(self) -> None:
        """Names that an agent makes up are remembered up to a number, and names that are none not at all; what is not is counted. A day later there is room."""
        self.patch(diameter_agents, "MOST", 3)
        self.assertGreater(MOST, 1000)
        agent = self.world.open()
        before = UNREMEMBERED.get("pgw")
        for number in range(5):
            agent.say(ccr(number, Origin_Host=f"host{number}.example.org"))
        agent.say(ccr(7, Origin_Host="h" * 256), ccr(8, Origin_Host=BEHIND, Origin_Realm="r" * 256))
        self.assertEqual((len(self.hosts(self.world, 1)), UNREMEMBERED.get("pgw") - before), (4, 4))
        self.world.clock.advance(90_000)
        agent.say(ccr(9, Origin_Host=BEHIND))
        self.assertEqual((self.hosts(self.world, 5), self.hosts(self.world, 1)), ([BEHIND], [PGW]))
