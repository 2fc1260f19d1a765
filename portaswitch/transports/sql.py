"""
An outside PostgreSQL database as a vendor's system (CLDB): statements with bound values, each in a thread of its own, since nothing of it is on a hot path.

The time limit is the reactor's: a server that went silent ends no statement by its own one. The thread, which may also hang in the search for the server's
address, gives up by itself soon after. Nobody waits for it: neither who closes the transport nor the end of the process.
"""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from threading import Thread
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import TransportFailed
from portaswitch.handler.requests import Reply, Request, Sql
from portaswitch.handler.targets import SqlTarget
from portaswitch.interfaces.transport import ITransport
from portaswitch.transports.carried import carried
from portaswitch.transports.limits import Gate

#: Classes of SQLSTATE that say nothing of the statement: connection, rollback for others' sake (deadlock, serialization), resources, a lock that is held,
#: operator intervention, system (PostgreSQL's appendix A).
_PASSING = ("08", "40", "53", "55P03", "57", "58")

#: Seconds by which a thread waits longer than its statement may take.
LONGER = 1

Rows = tuple[tuple[Any, ...], ...]


@implementer(ITransport)
class SqlTransport:
    """The transport of an `SqlTarget`. A statement that the database refuses gives a reply whose fault is its SQLSTATE ('23505')."""

    def __init__(self, reactor: Any, name: str, target: SqlTarget, values: Mapping[str, Any]) -> None:
        self.name = name
        self._reactor, self._database, self._seconds = reactor, str(values[target.database]), target.seconds
        self._gate = Gate(reactor, target.parallel, target.rate)
        self._idle: list[Connection] = []
        self._asked: set[Deferred[Rows]] = set()

    def send(self, request: Request) -> Deferred[Reply]:
        """See `ITransport`."""
        return self._gate.run(lambda: Deferred.fromCoroutine(self._send(request)))

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self._gate.close()
        while self._idle:
            self._idle.pop().close()
        for answer in tuple(self._asked):
            self._asked.discard(answer)
            answer.errback(TransportFailed(f"{self.name}: the connection was closed"))
        return succeed(None)

    async def _send(self, request: Request) -> Reply:
        statement = carried(request, Sql, self.name)
        answer = self._ask(statement)
        try:
            return Reply(rows=await answer.addTimeout(self._seconds, self._reactor))
        except TimeoutError:
            raise TransportFailed(f"{self.name}: no answer in {self._seconds} s") from None
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode.startswith(_PASSING):
                raise TransportFailed(f"{self.name}: {type(error).__name__} {error.pgcode or ''}".rstrip()) from error
            return Reply(fault=error.pgcode)
        finally:
            self._asked.discard(answer)

    def _ask(self, statement: Sql) -> Deferred[Rows]:
        answer: Deferred[Rows] = Deferred()
        connection = self._idle.pop() if self._idle else Connection(self._database, self._seconds)
        Thread(target=self._work, args=(connection, statement, answer), name=self.name, daemon=True).start()
        self._asked.add(answer)
        return answer

    def _work(self, connection: Connection, statement: Sql, answer: Deferred[Rows]) -> None:
        """In a thread."""
        outcome: Rows | Failure
        try:
            outcome = connection.ask(statement)
        except Exception:
            outcome = Failure()
        self._reactor.callFromThread(self._over, connection, answer, outcome)

    def _over(self, connection: Connection, answer: Deferred[Rows], outcome: Rows | Failure) -> None:
        """A connection is kept for the next statement if all is well with it and somebody heard its answer."""
        heard = answer in self._asked
        self._asked.discard(answer)
        if heard and not isinstance(outcome, Failure):
            self._idle.append(connection)
        else:
            connection.close()
        if heard:
            answer.callback(outcome)  # a Failure goes the other way by itself


class Connection:
    """
    A connection, made with the first statement; one thread uses it at a time. `seconds` are the server's limit of a statement. libpq is told not to wait, so
    that waits can end without it.
    """

    def __init__(self, database: str, seconds: int) -> None:
        self._database, self._seconds = database, seconds
        self._link: Any = None

    def ask(self, statement: Sql) -> Rows:
        """Run a statement, which is a transaction, and return its rows. Errors: psycopg2's; afterwards the connection is to be closed."""
        until = time.monotonic() + self._seconds + LONGER
        if self._link is None:
            self._link = psycopg2.connect(self._database, options=f"-c statement_timeout={self._seconds * 1000}", async_=True)
            self._wait(until)
        cursor = self._link.cursor()
        cursor.execute(statement.statement, statement.values)
        self._wait(until)
        return tuple(cursor.fetchall()) if cursor.description else ()

    def close(self) -> None:
        """Disconnect, at once."""
        if self._link is not None:
            self._link.close()

    def _wait(self, until: float) -> None:
        while (state := self._link.poll()) != POLL_OK:
            waiting = select.poll()
            waiting.register(self._link.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
            if not waiting.poll(max(until - time.monotonic(), 0) * 1000):
                raise psycopg2.OperationalError("the time is up")
