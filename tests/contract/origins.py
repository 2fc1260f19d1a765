"""Restarts of Diameter hosts in memory, for tests of the endpoint, and what any `IDiameterOrigins` has to keep to."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Implements `IDiameterOrigins`; `add` opens sessions, `away` makes the database be away for so many calls; `named` are the hosts that nodes name."""

    def __init__(self, named: Mapping[int, str] | None = None) -> None:
        self._named = named or {}
        self._hosts: dict[tuple[int, str], tuple[int, datetime | None]] = {}
        self._sessions: list[tuple[SessionName, datetime, str]] = []
        self.away = 0

    def add(self, i_node: int, *names: str, updated: datetime = AT - timedelta(hours=1), host: str = "") -> None:
        """Sessions of a node that were heard of at `updated`; `host` is the one of their CCR-I that they keep."""
        self._sessions += [(SessionName(1, i_node, name, "1", 1), updated, host) for name in names]

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
        found = [(name, kept or self._named.get(i_node) or name.session.partition(";")[0]) for name, at, kept in self._sessions if at < before]
        return succeed([name for name, of in found if name.node == i_node and of.lower() == host])

    def closed(self, i_env: int, host: str, risen: datetime) -> Deferred[None]:
        """See `IDiameterOrigins.closed`."""
        state, known = self._hosts[i_env, host]
        if known is not None and known <= risen:
            self._hosts[i_env, host] = state, None
        return succeed(None)


class OriginsContract:
    """A case sets `origins`, and opens sessions by `open_sessions`, heard of an hour before AT. Node 201 names HOST, node 203 a realm."""

    origins: Any

    async def open_sessions(self, *names: str, i_node: int = 201, host: str = "") -> None:
        """Sessions of a node; `host` is the one of their CCR-I that they keep."""
        raise NotImplementedError

    async def found(self, i_node: int, host: str, before: datetime = AT) -> list[str]:
        """The sessions of a host."""
        names = await self.origins.sessions(i_node, host, before)
        case: Any = self
        case.assertEqual({(name.i_env, name.node) for name in names}, {(1, i_node)} if names else set())
        return sorted(name.session for name in names)

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
        """Those of the host, of which nothing was heard since: by what they keep, else by what their node names, else by the start of their ids."""
        case: Any = self
        await self.open_sessions("pgw.example.com;1;2", "anything")
        await self.open_sessions("pgw.example.com;1;3", host="Behind.example.org")
        await self.open_sessions("A.example.net;1;2", "a.example.net.evil;1;2", "anything", i_node=203)
        await self.open_sessions("b.example.net;1;2", i_node=203, host="a.example.net")
        case.assertEqual(await self.found(201, HOST), ["anything", "pgw.example.com;1;2"])
        case.assertEqual(await self.found(201, "behind.example.org"), ["pgw.example.com;1;3"])
        case.assertEqual(await self.found(203, "a.example.net"), ["A.example.net;1;2", "b.example.net;1;2"])
        for i_node, host, before in ((201, HOST, AT - timedelta(hours=2)), (202, HOST, AT), (203, "b.example.net", AT)):
            case.assertEqual(await self.found(i_node, host, before), [])
