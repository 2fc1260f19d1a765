"""Restarts of Diameter hosts in memory, for tests of the endpoint, and what any `IDiameterOrigins` has to keep to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.diameter_origins import IDiameterOrigins
from portaswitch.model.ledger import SessionName
from tests.unit.builders import AT

HOST: Final = "pgw.example.com"


@implementer(IDiameterOrigins)
class Origins:
    """Implements `IDiameterOrigins`; `add` opens sessions, `away` makes the database be away for so many calls."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[int, str], tuple[int, datetime | None]] = {}
        self._sessions: list[tuple[SessionName, datetime]] = []
        self.away = 0

    def add(self, i_node: int, *names: str, updated: datetime = AT - timedelta(hours=1)) -> None:
        """Sessions of a node that were heard of at `updated`."""
        self._sessions += [(SessionName(1, i_node, name, "1", 1), updated) for name in names]

    def remove(self, name: str) -> None:
        """A session is over."""
        self._sessions = [one for one in self._sessions if one[0].session != name]

    def heard(self, i_env: int, i_node: int, host: str, state: int, at: datetime) -> Deferred[datetime | None]:
        """See `IDiameterOrigins.heard`."""
        if self.away:
            self.away -= 1
            return fail(DatabaseDown("away"))
        known, risen = self._hosts.get((i_env, host), (state, None))
        if state < known:
            return succeed(None)
        risen = at if state > known else risen
        self._hosts[i_env, host] = state, risen
        return succeed(risen)

    def sessions(self, i_node: int, host: str, before: datetime) -> Deferred[list[SessionName]]:
        """See `IDiameterOrigins.sessions`."""
        start = f"{host};" if host else ""
        return succeed([name for name, at in self._sessions if name.node == i_node and at < before and name.session.lower().startswith(start)])

    def closed(self, i_env: int, host: str, risen: datetime) -> Deferred[None]:
        """See `IDiameterOrigins.closed`."""
        state, known = self._hosts[i_env, host]
        if known is not None and known <= risen:
            self._hosts[i_env, host] = state, None
        return succeed(None)


class OriginsContract:
    """A case sets `origins`, and opens sessions by `open_sessions`: of node 201, heard of an hour before AT."""

    origins: Any

    async def open_sessions(self, *names: str) -> None:
        """Sessions of node 201."""
        raise NotImplementedError

    async def heard(self, state: int, seconds: int = 0) -> datetime | None:
        """What becomes of a state that is told some seconds behind AT."""
        found: datetime | None = await self.origins.heard(1, 201, HOST, state, AT + timedelta(seconds=seconds))
        return found

    async def test_interface(self) -> None:
        """It has all that the endpoint uses."""
        verifyObject(IDiameterOrigins, self.origins)

    async def test_rise(self) -> None:
        """The first state is none that has risen, nor the same again, nor a lower one; a higher one is, until what it means is done."""
        case: Any = self
        case.assertEqual([await self.heard(5), await self.heard(5, 1), await self.heard(4, 2)], [None, None, None])
        case.assertEqual([await self.heard(6, 3), await self.heard(6, 9), await self.heard(5, 9)], [AT + timedelta(seconds=3)] * 2 + [None])
        await self.origins.closed(1, HOST, AT + timedelta(seconds=3))
        case.assertEqual(await self.heard(6, 10), None)

    async def test_rise_again(self) -> None:
        """A rise while an earlier one is being worked on is not settled by the end of that."""
        case: Any = self
        await self.heard(5)
        await self.heard(6, 1)
        await self.heard(7, 2)
        await self.origins.closed(1, HOST, AT + timedelta(seconds=1))
        case.assertEqual(await self.heard(7, 5), AT + timedelta(seconds=2))

    async def test_sessions(self) -> None:
        """Those of the node, or of the host by the start of their ids, of which nothing was heard since."""
        case: Any = self
        await self.open_sessions("PGW.example.com;1;2", "pgw.example.com.evil;1;2", "anything")
        everything = await self.origins.sessions(201, "", AT)
        case.assertEqual(sorted(name.session for name in everything), ["PGW.example.com;1;2", "anything", "pgw.example.com.evil;1;2"])
        case.assertEqual([(name.i_env, name.node, name.session) for name in await self.origins.sessions(201, HOST, AT)], [(1, 201, "PGW.example.com;1;2")])
        case.assertEqual(await self.origins.sessions(201, "", AT - timedelta(hours=2)), [])
        case.assertEqual(await self.origins.sessions(202, "", AT), [])
