"""What Diameter hosts said of their restarts, as the endpoint keeps it over restarts of ours (RFC 6733 8.16)."""

from __future__ import annotations

from datetime import datetime

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.ledger import SessionName


class IDiameterOrigins(Interface):
    """Implemented by `store.diameter_origins.DiameterOrigins` on PostgreSQL. Errors of all: `DatabaseDown`; repeating is safe."""

    def heard(i_env: int, i_node: int, host: str, state: int, at: datetime) -> Deferred[datetime | None]:
        """
        Note the Origin-State-Id that a host told at `at`. Gives when it last rose, while the sessions from before that are still to be closed; None: there is
        nothing to close. A lower one than before is noted as nothing: it is an old message.
        """

    def sessions(i_node: int, host: str, before: datetime) -> Deferred[list[SessionName]]:
        """
        The open sessions of a host (small letters) of a node of which nothing was heard since `before`. A session is of the host that its CCR-I named, where it
        keeps that one; else of the one that its node names; else, of a node that is a realm, of the one that its Session-Id begins with (RFC 6733 8.8).
        """

    def closed(i_env: int, host: str, risen: datetime) -> Deferred[None]:
        """The sessions from before `risen` are closed, unless the state has risen again meanwhile."""
