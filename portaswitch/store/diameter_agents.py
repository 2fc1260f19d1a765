"""`IDiameterAgents` on PostgreSQL: the table diameter_agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg2
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.diameter_agents import IDiameterAgents
from portaswitch.model.diameter_way import Way
from portaswitch.store.pool import Pool

#: In one order, so that processes that note the same ways wait for each other in no circle.
REMEMBER: Final = """
insert into diameter_agents as d (agent, origin_host, i_node, origin_realm)
select w.agent, w.host, n.i_node, w.realm
from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[]) w (agent, host, i_node, realm) join nodes n using (i_node)
order by 1, 2 on conflict (agent, origin_host) do update set i_node = excluded.i_node, origin_realm = excluded.origin_realm, heard = now()
"""
WAYS: Final = """
select d.agent, d.origin_host, d.origin_realm, d.i_node, now() - d.heard
from unnest(%s::text[], %s::float8[]) a (agent, seconds) join diameter_agents d using (agent) where d.heard > now() - make_interval(secs => a.seconds)
"""
#: A session that nobody has spoken for in a week is closed.
PURGE: Final = "delete from diameter_agents where heard < now() - interval '7 days'"


@implementer(IDiameterAgents)
class DiameterAgents:
    """Works with the connections of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def remember(self, ways: Sequence[Way]) -> Deferred[None]:
        """See `IDiameterAgents.remember`."""
        columns = [way.agent for way in ways], [way.host for way in ways], [way.i_node for way in ways], [way.realm for way in ways]
        return self._pool.execute(REMEMBER, columns).addErrback(_down)

    def ways(self, agents: Mapping[str, float]) -> Deferred[list[Way]]:
        """See `IDiameterAgents.ways`."""
        return self._pool.query(WAYS, (list(agents), list(agents.values()))).addCallbacks(_ways, _down)

    def purge(self) -> Deferred[None]:
        """See `IDiameterAgents.purge`."""
        return self._pool.execute(PURGE).addErrback(_down)


def _ways(rows: list[tuple[Any, ...]]) -> list[Way]:
    return [Way(*row) for row in rows]


def _down(failure: Failure) -> Failure:
    return Failure(DatabaseDown(failure.getErrorMessage().strip())) if failure.check(psycopg2.Error) else failure
