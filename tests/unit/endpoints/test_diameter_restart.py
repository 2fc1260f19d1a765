"""Diameter clients that have restarted: whose sessions are closed, how many at once, and what a database that is away or our own end do to it."""

from __future__ import annotations

from datetime import timedelta

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from portaswitch.endpoints.diameter_peers import DiameterPeers
from portaswitch.endpoints.diameter_restart import ABREAST, REST, RETRY, Restarts
from portaswitch.model.request import Kind
from tests.contract.origins import HOST, Origins, OriginsContract
from tests.unit.builders import AT
from tests.unit.endpoints.diameter_world import IDENTITY, NODES, REALM, Core, catalogue


class MemoryTests(OriginsContract, TestCase):
    """The fake that these tests stand on keeps to the contract."""

    def setUp(self) -> None:
        """An empty table."""
        self.origins = Origins({201: HOST})

    async def open_sessions(self, *names: str, i_node: int = 201, host: str = "") -> None:
        """See `OriginsContract.open_sessions`."""
        self.origins.add(i_node, *names, host=host)


class RestartTests(SynchronousTestCase):
    """Node 1 is one host, node 2 a realm."""

    def setUp(self) -> None:
        """Nobody has restarted yet."""
        self.clock, self.core, self.origins = Clock(), Core(), Origins({1: HOST})
        self.restarts = self.process()
        table = DiameterPeers(catalogue(*NODES), IDENTITY)
        pgw, visitor = table.find(HOST, "example.com"), table.find(f"a.{REALM}", REALM)
        assert pgw is not None and visitor is not None
        self.pgw, self.visitor = pgw, visitor

    def process(self) -> Restarts:
        """Another process of ours on the same database."""
        return Restarts(self.core, self.origins, self.clock, lambda: AT, "d")

    def closing(self) -> list[str]:
        """The sessions whose closing waits for the core."""
        return [request.session for request, _ in self.core.asked]

    def land(self, seconds: float = 0.0) -> None:
        """The core has closed what waits, after so many seconds."""
        self.clock.advance(seconds)
        for request, _ in tuple(self.core.asked):
            self.assertIs(request.kind, Kind.ON_OFF)
            self.origins.remove(request.session)
            self.core.decide(0)

    def test_batches(self) -> None:
        """So many at once; then new requests have four times as long as they took."""
        self.origins.add(1, *(f"s{number}" for number in range(ABREAST * 2 + 1)))
        self.restarts.heard(self.pgw, 5)
        self.assertEqual(self.closing(), [])
        self.restarts.heard(self.pgw, 6)
        self.assertEqual(len(self.closing()), ABREAST)
        self.land(0.5)
        self.clock.advance(0.5 * REST - 0.1)
        self.assertEqual(self.closing(), [])
        self.clock.advance(0.1)
        self.assertEqual(len(self.closing()), ABREAST)
        self.land()
        self.clock.advance(0)
        self.assertEqual(self.closing(), [f"s{ABREAST * 2}"])
        self.land()
        self.restarts.heard(self.pgw, 6)
        self.assertEqual((self.closing(), self.clock.getDelayedCalls()), ([], []))

    def test_nobody_else(self) -> None:
        """Where nobody else asks the next batch follows at once; where some do, they have a part of the time."""
        asked = 0
        self.restarts = Restarts(self.core, self.origins, self.clock, lambda: AT, "d", lambda: asked)
        self.origins.add(1, *(f"s{number}" for number in range(ABREAST * 3)))
        for state in (5, 6):
            self.restarts.heard(self.pgw, state)
        self.land(0.5)
        self.clock.advance(0)
        self.assertEqual(len(self.closing()), ABREAST)
        asked = ABREAST // 2
        self.land(0.5)
        self.clock.advance(0.5 * REST / 2 - 0.1)
        self.assertEqual(self.closing(), [])
        self.clock.advance(0.1)
        self.assertEqual(len(self.closing()), ABREAST)

    def test_after_our_restart(self) -> None:
        """A rise that happened while we were away is seen, as the last state is in the database; no state, or a lower one, says nothing."""
        self.restarts.heard(self.pgw, 5)
        self.origins.add(1, "s1")
        restarts = self.process()
        for state in (0, 4, 5):
            restarts.heard(self.pgw, state)
        self.assertEqual(self.closing(), [])
        restarts.heard(self.pgw, 6)
        self.assertEqual(self.closing(), ["s1"])

    def test_goes_on(self) -> None:
        """A closing that our own end cut short goes on when the client comes back; those that began meanwhile are not closed."""
        self.origins.add(1, *(f"s{number}" for number in range(ABREAST + 2)))
        self.restarts.heard(self.pgw, 5)
        self.restarts.heard(self.pgw, 6)
        self.land()
        self.restarts.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.origins.add(1, "new", updated=AT + timedelta(seconds=1))
        restarts = self.process()
        restarts.heard(self.pgw, 6)
        self.assertEqual(self.closing(), [f"s{ABREAST}", f"s{ABREAST + 1}"])

    def test_host_of_a_realm(self) -> None:
        """Of a node that is a realm only the sessions of the host are closed: by the host of their CCR-I, else by that which their ids begin with."""
        self.origins.add(2, f"a.{REALM};1;1", f"b.{REALM};1;1", "no form at all")
        self.origins.add(2, f"a.{REALM};1;2", host=f"B.{REALM}")
        self.restarts.heard(self.visitor, 5)
        self.restarts.heard(self.visitor, 6)
        self.assertEqual(self.closing(), [f"a.{REALM};1;1"])

    def test_database_away(self) -> None:
        """What can't be noted is tried again, and a newer state takes its place."""
        self.origins.add(1, "s1")
        self.restarts.heard(self.pgw, 5)
        self.origins.away = 2
        self.restarts.heard(self.pgw, 6)
        self.clock.advance(RETRY)
        self.assertEqual(self.closing(), [])
        self.restarts.heard(self.pgw, 7)
        self.assertEqual(self.closing(), ["s1"])
        self.land()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_fails(self) -> None:
        """A session that can't be closed is left to its expiry; the others are."""
        self.origins.add(1, "s1", "s2")
        self.restarts.heard(self.pgw, 5)
        self.restarts.heard(self.pgw, 6)
        self.core.asked.pop(0)[1].errback(ValueError("a defect"))
        self.land()
        self.restarts.heard(self.pgw, 6)
        self.assertEqual(self.closing(), [])
