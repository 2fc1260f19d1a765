"""Which Diameter agents bring the requests of which hosts, as all processes know it, over their restarts too (RFC 6733 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.diameter_way import Way


class IDiameterAgents(Interface):
    """Implemented by `store.diameter_agents.DiameterAgents` on PostgreSQL. Errors of all: `DatabaseDown`; repeating is safe."""

    def remember(ways: Sequence[Way]) -> Deferred[None]:
        """Note that these were used just now, whatever their age says; those of a node that there is no more are left out."""

    def ways(agents: Mapping[str, float]) -> Deferred[list[Way]]:
        """The ways by each of these agents that were used in the last so many seconds."""

    def purge() -> Deferred[None]:
        """Forget what no session can need any more."""
