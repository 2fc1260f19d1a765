"""A Diameter client of the tests: frames of a TCP connection, answers by hop-by-hop identifier; and the whole server with the role diameter."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.server.diameter_octets import CER, PGW, Answer, call, ccr, ccr_body, cer, seconds, subscriber
from tests.server.harness import WORLD, World

_reactor: Any = reactor
WAIT = 30
PEERS = """
insert into nodes (i_node, i_env, name, protocol, origin_host, origin_realm) values
    (201, 1, 'pgw', 'diameter', 'pgw.example.com', 'example.com'), (202, 1, 'other', 'diameter', 'other.example.com', 'example.com');
insert into nodes (i_node, i_env, name, protocol, origin_realm, max_connections) values (203, 1, 'visited', 'diameter', 'visited.example.net', 3);
insert into nodes (i_node, i_env, name, protocol, origin_host, require_tls) values (204, 1, 'secure', 'diameter', 'tls.example.com', true);
"""
CARD = "10086610975"
MORE = 'diameter: {listen: ["tcp:0:interface=127.0.0.1"], origin_host: ocs.example.com, origin_realm: example.com}\n'


class Client(Protocol):
    """One connection. What nobody waited for is in `strays`; `closed` fires at its end."""

    def __init__(self) -> None:
        self._octets = b""
        self.waiting: dict[int, Deferred[Answer]] = {}
        self.strays: list[Answer] = []
        self.closed: Deferred[None] = Deferred()
        self._asked: list[Deferred[Answer]] = []

    def dataReceived(self, data: bytes) -> None:
        """Cut into messages."""
        self._octets += data
        while len(self._octets) >= 20 and len(self._octets) >= (size := int.from_bytes(self._octets[1:4], "big")):
            answer, self._octets = Answer(self._octets[:size]), self._octets[size:]
            if answer.flags & 0x80:
                self._request(answer)
            else:
                waiting = self.waiting.pop(answer.hop, None)
                if waiting is not None:
                    waiting.callback(answer)
                else:
                    self.strays.append(answer)

    def _request(self, request: Answer) -> None:
        if self._asked:
            self._asked.pop(0).callback(request)
        else:
            self.strays.append(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over, and so is what was waited for."""
        self.closed.callback(None)
        waiting, self.waiting = self.waiting, {}
        for one in (*waiting.values(), *self._asked):
            one.errback(reason)

    def say(self, octets: bytes) -> None:
        """Send octets without waiting."""
        transport: Any = self.transport
        transport.write(octets)

    def ask(self, octets: bytes, hop: int | None = None) -> Deferred[Answer]:
        """Send a message; fires with its answer, or fails with TimeoutError."""
        waiting = self.expect(int.from_bytes(octets[12:16], "big") if hop is None else hop)
        self.say(octets)
        return waiting

    def expect(self, hop: int) -> Deferred[Answer]:
        """The answer with this identifier."""
        waiting: Deferred[Answer] = Deferred()
        self.waiting[hop] = waiting
        return waiting.addTimeout(WAIT, _reactor)

    def asked(self) -> Deferred[Answer]:
        """The next request of the server's."""
        for place, message in enumerate(self.strays):
            if message.flags & 0x80:
                del self.strays[place]
                found: Deferred[Answer] = Deferred()
                found.callback(message)
                return found
        waiting: Deferred[Answer] = Deferred()
        self._asked.append(waiting)
        return waiting.addTimeout(WAIT, _reactor)

    async def end(self) -> None:
        """Close."""
        transport: Any = self.transport
        transport.abortConnection()
        await self.closed


class DiameterCase(TestCase):
    """A running server with the role diameter and some peers; nothing may be logged as an error."""

    timeout = 180
    more = MORE
    rows = WORLD + PEERS

    def setUp(self) -> Any:
        """Start it."""
        self.failures: list[str] = []
        self.clients: list[Client] = []
        observer: Any = self._logged
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made(self.rows, roles="radius, diameter, jobs", more=self.more)

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self._finish())

    async def _finish(self) -> None:
        for client in self.clients:
            if not client.closed.called:
                await client.end()
        await self.world.end()
        self.assertEqual(self.failures, [])

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self.failures.append(f"{event.get('log_namespace')}: {event.get('log_format')} {event.get('log_failure')}")

    async def restart(self) -> None:
        """Stop the server and start it on the same database."""
        await self.world.stop()
        await self.world.start(roles="radius, diameter, jobs", more=self.more)

    def port(self) -> int:
        """Where the server listens."""
        role = self.world.server.diameter
        if role is None:
            raise AssertionError("no role diameter")
        return int(role.ports[0].getHost().port)

    async def connect(self, source: str = "127.0.0.1") -> Client:
        """A connection without a CER, from an address."""
        client: Client = await connectProtocol(TCP4ClientEndpoint(_reactor, "127.0.0.1", self.port(), bindAddress=(source, 0)), Client())
        self.clients.append(client)
        return client

    async def peer(self, host: str = "pgw.example.com", realm: str = "example.com", *more: bytes) -> Client:
        """A peer that is connected."""
        client = await self.connect()
        cea = await client.ask(cer(host, realm, *more))
        self.assertEqual((cea.code, cea.result), (CER, 2001))
        return client


def initial(hop: int, session: str, called: str = "8210001", requested: int = 30, account: str = CARD, host: str = PGW, **fields: Any) -> bytes:
    """CCR-I of a call."""
    return ccr(hop, ccr_body(session, 1, 0, subscriber(account), seconds(requested), call(account, called), host=host), **fields)


def update(hop: int, session: str, step: int, used: int, requested: int | None = 30, **fields: Any) -> bytes:
    """CCR-U of a call."""
    return ccr(hop, ccr_body(session, 2, step, subscriber(CARD), seconds(requested, used), call(CARD, "8210001")), **fields)


def termination(hop: int, session: str, step: int, used: int, host: str = PGW, **fields: Any) -> bytes:
    """CCR-T of a call."""
    return ccr(hop, ccr_body(session, 3, step, subscriber(CARD), seconds(None, used), call(CARD, "8210001"), host=host), **fields)
