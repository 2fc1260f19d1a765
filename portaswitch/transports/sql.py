"""An outside PostgreSQL database as a vendor's system (CLDB): statements with bound values, in threads, since nothing of it is on a hot path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg2
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, succeed
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


@implementer(ITransport)
class SqlTransport:
    """The transport of an `SqlTarget`. A statement that the database refuses gives a reply whose fault is its SQLSTATE ('23505')."""

    def __init__(self, reactor: Any, name: str, target: SqlTarget, values: Mapping[str, Any]) -> None:
        self.name = name
        self._gate = Gate(reactor, target.parallel, target.rate)
        options = f"-c statement_timeout={target.seconds * 1000}"
        self._pool = ConnectionPool(
            "psycopg2", values[target.database], connect_timeout=target.seconds, options=options, cp_min=0, cp_max=max(target.parallel, 1),
            cp_reconnect=True, cp_reactor=reactor, cp_noisy=False,
        )  # fmt: skip

    def send(self, request: Request) -> Deferred[Reply]:
        """See `ITransport`."""
        return self._gate.run(lambda: Deferred.fromCoroutine(self._send(request)))

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self._gate.close()
        if self._pool.running:
            self._pool.close()
        return succeed(None)

    async def _send(self, request: Request) -> Reply:
        statement = carried(request, Sql, self.name)
        try:
            rows = await self._pool.runInteraction(_run, statement)
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode.startswith(_PASSING):
                raise TransportFailed(f"{self.name}: {type(error).__name__} {error.pgcode or ''}".rstrip()) from error
            return Reply(fault=error.pgcode)
        return Reply(rows=rows)


def _run(cursor: Any, request: Sql) -> tuple[tuple[Any, ...], ...]:
    cursor.execute(request.statement, request.values)
    return tuple(cursor.fetchall()) if cursor.description else ()
