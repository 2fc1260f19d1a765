"""`IDiameterOrigins` on PostgreSQL: the table diameter_origins, and the sessions of a host that has restarted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import psycopg2
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.diameter_origins import IDiameterOrigins
from portaswitch.model.ledger import SessionName
from portaswitch.store.pages import found, paced
from portaswitch.store.pool import Pool

#: By the host's name in small letters. Two processes may hear of one restart at the same time: the first one's time counts.
HEARD: Final = """
insert into diameter_origins as o (i_env, i_node, origin_host, state_id) values (%(i_env)s, %(i_node)s, %(host)s, %(state)s)
on conflict (i_env, origin_host) do update set i_node = excluded.i_node, state_id = excluded.state_id,
    risen = case when excluded.state_id > o.state_id then %(at)s else o.risen end
where excluded.state_id >= o.state_id returning risen
"""
#: In a range of the table (`pages`): no index leads to them. What a session keeps was written by documents.opened_text.
SESSIONS: Final = """
select s.i_env, s.i_node, s.session_key, a.id, s.version from sessions s join accounts a using (i_account) join nodes n on n.i_node = s.i_node
where s.ctid >= %(low)s::tid and s.ctid < %(high)s::tid and s.i_node = %(i_node)s and s.updated < %(before)s
  and %(host)s = coalesce(lower(s.opened::json -> 'k' ->> 'origin_host'), n.origin_host, lower(substring(s.session_key from '/([^;]*)')))
"""
CLOSED: Final = "update diameter_origins set risen = null where i_env = %s and origin_host = %s and risen <= %s"


@implementer(IDiameterOrigins)
class DiameterOrigins:
    """Works with the connections of `pool`; `clock` waits, so that a search through all sessions rests between its pages."""

    def __init__(self, pool: Pool, clock: Any) -> None:
        self._pool, self._clock = pool, clock

    def heard(self, i_env: int, i_node: int, host: str, state: int, at: datetime) -> Deferred[datetime | None]:
        """See `IDiameterOrigins.heard`."""
        values = {"i_env": i_env, "i_node": i_node, "host": host, "state": state, "at": at}
        return self._pool.query(HEARD, values).addCallbacks(lambda rows: rows[0][0] if rows else None, _down)

    def sessions(self, i_node: int, host: str, before: datetime) -> Deferred[list[SessionName]]:
        """See `IDiameterOrigins.sessions`."""
        return Deferred.fromCoroutine(self._sessions({"i_node": i_node, "host": host, "before": before})).addErrback(_down)

    async def _sessions(self, values: Mapping[str, object]) -> list[SessionName]:
        return [
            SessionName(i_env, i_node, key.partition("/")[2], account, version)
            async for rows in found(self._pool, "sessions", SESSIONS, values, paced(self._clock)) for i_env, i_node, key, account, version in rows
        ]  # fmt: skip

    def closed(self, i_env: int, host: str, risen: datetime) -> Deferred[None]:
        """See `IDiameterOrigins.closed`."""
        return self._pool.execute(CLOSED, (i_env, host, risen)).addErrback(_down)


def _down(failure: Failure) -> Failure:
    return Failure(DatabaseDown(failure.getErrorMessage().strip())) if failure.check(psycopg2.Error) else failure
