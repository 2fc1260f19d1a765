"""The ledger: the only way to change money, holds, sessions and xDRs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.ledger import Member, SessionName, Verdict
from portaswitch.model.session import Session


class ILedger(Interface):
    """Implemented by `store.ledger.Ledger` on PostgreSQL and by its twin in memory; both pass one contract."""

    def exchange(members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """
        Apply the members in their order, in one transaction, and say for each what became of it, in the same order.

        The `text` of a request is kept when its change is applied (a message whose name is kept already is not kept twice).

        A member whose conditions do not hold changes nothing and does not harm the others. No two members of one batch are of one session or key
        (the caller sees to it). Errors: `DatabaseDown`; then nothing is known about the batch, and sending it again is safe.
        """

    def record_orphan(member: Member) -> Deferred[None]:
        """Keep the usage of a request whose account nobody knows; the Deferred fires when it is durable. Repeating is safe."""

    def release_name(session: Session) -> Deferred[None]:
        """
        A session that is over leaves its name to another one (`billing.reused`): what is reported by that name from then on is of a session never seen. Nothing
        happens where the rows have another version of it by now; repeating is safe.
        """

    def node_sessions(i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """The open sessions of a node that began before `until`."""

    def dead_sessions(limit: int) -> Deferred[list[SessionName]]:
        """
        At most `limit` open sessions whose expiry lies behind the database's clock, those longest dead first.

        One call may look at a part of the sessions only, so that a million of them keep nobody waiting; calls one after the other come round to all.
        """
