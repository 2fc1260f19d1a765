"""Who is behind which Diameter agent in memory, for tests of the endpoint, and what any `IDiameterAgents` has to keep to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.diameter_agents import IDiameterAgents
from portaswitch.model.diameter_way import Way


@implementer(IDiameterAgents)
class Ways:
    """Implements `IDiameterAgents`; `away` makes the database be away for so many calls, `asked` is what was asked for last."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Way] = {}
        self.asked: dict[str, float] = {}
        self.away = self.written = 0

    def remember(self, ways: Sequence[Way]) -> Deferred[None]:
        """See `IDiameterAgents.remember`."""
        if self.away:
            self.away -= 1
            return fail(DatabaseDown("away"))
        self.written += len(ways)
        self.known |= {(way.agent, way.host): replace(way, age=timedelta()) for way in ways}
        return succeed(None)

    def ways(self, agents: Mapping[str, float]) -> Deferred[list[Way]]:
        """See `IDiameterAgents.ways`."""
        self.asked = dict(agents)
        return succeed([way for way in self.known.values() if way.age.total_seconds() < agents.get(way.agent, 0)])

    def purge(self) -> Deferred[None]:
        """See `IDiameterAgents.purge`."""
        self.known = {key: way for key, way in self.known.items() if way.age < timedelta(days=7)}
        return succeed(None)

    def passed(self, seconds: float) -> None:
        """So much time has passed."""
        self.known = {key: replace(way, age=way.age + timedelta(seconds=seconds)) for key, way in self.known.items()}


class WaysContract:
    """A case sets `ways`, and lets time pass for what is noted by `passed`; node 201 there is, 299 there is not."""

    ways: Any

    async def passed(self, seconds: float) -> None:
        """So much time has passed."""
        raise NotImplementedError

    async def known(self, **agents: float) -> list[tuple[str, str, str, int, int]]:
        """The ways by these agents, their ages in whole minutes, in the order of agents and hosts."""
        found = sorted(await self.ways.ways(agents), key=lambda way: (way.agent, way.host))
        return [(way.agent, way.host, way.realm, way.i_node, way.age // timedelta(minutes=1)) for way in found]

    async def test_interface(self) -> None:
        """It has all that the endpoint uses."""
        verifyObject(IDiameterAgents, self.ways)

    async def test_ways(self) -> None:
        """Those by the agents that are asked for, used in the time that is asked for; one that is used again is new."""
        case: Any = self
        one, two = Way("dra1", "pgw", "r", 201), Way("dra2", "pgw", "r", 201)
        await self.ways.remember([one, two, Way("dra1", "smf", "r", 201)])
        await self.passed(600)
        await self.ways.remember([replace(two, realm="other", age=timedelta(99))])
        case.assertEqual(await self.known(dra1=3600), [("dra1", "pgw", "r", 201, 10), ("dra1", "smf", "r", 201, 10)])
        case.assertEqual(await self.known(dra1=60, dra2=60), [("dra2", "pgw", "other", 201, 0)])
        case.assertEqual(await self.known(nobody=3600), [])

    async def test_purge(self) -> None:
        """After a week nobody needs it."""
        case: Any = self
        await self.ways.remember([Way("dra1", "old", "r", 201)])
        await self.passed(8 * 86400)
        await self.ways.remember([Way("dra1", "new", "r", 201)])
        await self.ways.purge()
        case.assertEqual(await self.known(dra1=99 * 86400), [("dra1", "new", "r", 201, 0)])
