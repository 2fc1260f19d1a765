"""The SQL wire, against a PostgreSQL and against one that the test plays, which goes silent."""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from portaswitch.errors import NotSendable, TransportFailed
from portaswitch.handler import Http, Sql, SqlTarget
from portaswitch.interfaces.transport import ITransport
from tests.server.database import fresh_database
from tests.server.pools import until
from tests.server.test_transports import TransportCase

PARAMETERS = {"server_version": "16.0", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "standard_conforming_strings": "on", "integer_datetimes": "on"}
PID = Sql("select pg_backend_pid()")


def message(kind: bytes, content: bytes) -> bytes:
    """A message of the server (PostgreSQL, frontend/backend protocol 3.0)."""
    return kind + struct.pack("!I", len(content) + 4) + content


class Silent(Protocol):
    """A server that says nothing at all."""

    transport: Any
    connections: list[Silent]

    def connectionMade(self) -> None:
        """Remember it."""
        self.said, self.gone = b"", False
        self.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        """What the client says."""
        self.said += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client has had enough."""
        self.gone = True


class Greeting(Silent):
    """A server that lets everybody in and then says nothing."""

    def dataReceived(self, data: bytes) -> None:
        """AuthenticationOk, what a client has to know, ReadyForQuery."""
        if not self.said:
            told = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in PARAMETERS.items())
            self.transport.write(message(b"R", struct.pack("!I", 0)) + told + message(b"Z", b"I"))
        super().dataReceived(data)


class SilentTests(TransportCase):
    """A server that does not answer: nobody waits for longer than the target's limit, and the reactor for nothing."""

    def silent(self, kind: type[Silent], **target: Any) -> tuple[ITransport, type[Silent]]:
        """A transport, and the class of its server's sessions."""
        server = type("Server", (kind,), {"connections": []})
        port = self.listen(Factory.forProtocol(server))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.end(server)))
        where = f"host=127.0.0.1 port={port} user=espf dbname=cldb password=not-to-be-seen sslmode=disable gssencmode=disable"
        return self.transport(SqlTarget(**target), database=where), server

    async def end(self, server: type[Silent]) -> None:
        """What its threads still wait for."""
        for one in server.connections:
            one.transport.abortConnection()
        await self.ended(server)

    async def ended(self, server: type[Silent]) -> None:
        """All its connections are gone."""
        await until(lambda: all(one.gone for one in server.connections), "the end of all connections")

    async def test_time_limit(self) -> None:
        """A log-in or a statement without an answer fails in its time, and its connection is dropped; the next statement has a new one."""
        for kind in (Silent, Greeting):
            database, server = self.silent(kind, seconds=1)
            for number in (1, 2):
                self.assertIn("no answer in 1 s", await self.fails(database.send(Sql("select 1")), TransportFailed))
                await self.ended(server)
                self.assertEqual(len(server.connections), number)
            self.assertEqual([b"select 1" in one.said for one in server.connections], [kind is Greeting] * 2)

    async def test_close(self) -> None:
        """Closing fails at once what is under way or waits, and waits for no thread."""
        database, server = self.silent(Greeting, seconds=30, parallel=2)
        failed: list[Any] = []
        for number in range(3):
            _ = database.send(Sql("select %s", (number,))).addErrback(lambda failure: failed.append(failure.type))
        await until(lambda: sum(b"select" in one.said for one in server.connections) == 2, "two statements")
        self.assertTrue(database.close().called)
        self.assertEqual(failed, [TransportFailed] * 3)
        await self.fails(database.send(Sql("select 1")), TransportFailed)

    async def test_cancelled(self) -> None:
        """Who gives up is free at once, and so is the place of his statement."""
        database, server = self.silent(Greeting, seconds=2)
        given_up = database.send(Sql("select 1"))
        await until(lambda: server.connections and b"select" in server.connections[0].said, "the statement")
        given_up.cancel()
        self.assertTrue(given_up.called)
        _ = given_up.addErrback(lambda failure: None)
        await self.fails(database.send(Sql("select 2")), TransportFailed)
        self.assertEqual(len(server.connections), 2)


class RealTests(TransportCase):
    """A PostgreSQL."""

    timeout = 180

    async def test_statements(self) -> None:
        """Rows come back, values are bound, a connection serves one statement after the other; what is refused tells its SQLSTATE and changes nothing."""
        database = self.transport(SqlTarget(seconds=10, parallel=2), database=await fresh_database())
        self.assertEqual((await database.send(Sql("create table kept (name text primary key)"))).rows, ())
        await gatherResults([database.send(Sql("insert into kept values (%s)", (name,))) for name in ("O'Neil", "x%s")])
        self.assertEqual((await database.send(Sql("select name from kept order by 1"))).rows, (("O'Neil",), ("x%s",)))
        one, two = (await database.send(PID)).rows, (await database.send(PID)).rows
        self.assertEqual(one, two)
        self.assertEqual((await database.send(Sql("insert into kept values ('a'), (%s)", ("x%s",)))).fault, "23505")
        self.assertEqual((await database.send(Sql("select count(*) from kept"))).rows, ((2,),))
        await self.fails(database.send(Http("GET", "/")), NotSendable)

    async def test_too_long(self) -> None:
        """A statement that the server does not end in time is tried again later; the server stops it too, and its connection ends."""
        dsn = await fresh_database()
        slow, other = (self.transport(SqlTarget(seconds=seconds), database=dsn) for seconds in (1, 30))
        ((pid,),) = (await slow.send(PID)).rows
        await self.fails(slow.send(Sql("select pg_sleep(60)")), TransportFailed)

        async def gone() -> bool:
            return not (await other.send(Sql("select 1 from pg_stat_activity where pid = %s", (pid,)))).rows

        await until(gone, "the end of the server's process")
        self.assertNotEqual((await slow.send(PID)).rows, ((pid,),))
