"""The table of session tasks, as the endpoints that work through it see it (DESIGN.md 5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.session_task import Claim, Settled


class ITasks(Interface):
    """Implemented by `store.session_tasks.SessionTasks` on PostgreSQL."""

    def claim(rooms: Mapping[int, int], room: int, limit: int) -> Deferred[Claim]:
        """
        Claim at most `limit` due tasks of this wire's kinds as leases: of each node (i_node) at most `rooms` of it, `room` where it is not
        in there; by lane, then by age.

        Tasks whose session is over are done, those whose time is over expired: they are counted and not given. A task that is not settled before its
        lease runs out is claimed again. Errors: `DatabaseDown`, psycopg2's; then nothing is claimed, or what was is claimed again later.
        """

    def settle(settled: Sequence[Settled]) -> Deferred[None]:
        """
        Write what became of claimed tasks; repeating is safe. A task that was done is done whoever holds it now; the other outcomes count only for
        the attempt that they are of. Errors as `claim`.
        """
