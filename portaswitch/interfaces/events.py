"""The queue of provisioning events, as the ESPF's engine sees it (DESIGN.md 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.notification import HandlerRow, Instance, Notification, Settled
from portaswitch.model.subscriber import Record, Subscriber


class IEvents(Interface):
    """
    Implemented by `store.events.Events` on PostgreSQL. Errors of all methods: `DatabaseDown` and psycopg2's; then nothing was done, or what was claimed is
    claimed again later.
    """

    def register(instances: Sequence[Instance]) -> Deferred[None]:
        """Tell the database which handler instances there are; what it knows of them (enabled, events, filters) stays."""

    def handlers() -> Deferred[list[HandlerRow]]:
        """All handler instances by number, without the counts of their notifications."""

    def hold(i_handler: int, seconds: float) -> Deferred[bool]:
        """Run a handler for so many seconds, or go on; False where another process does, or where it is disabled or stopped."""

    def release(i_handler: int) -> Deferred[None]:
        """Run it no longer: another process may at once. What is claimed stays claimed until it is settled or its lease runs out."""

    def stop(i_handler: int, reason: str) -> Deferred[None]:
        """Stop a handler until an operator enables it again."""

    def claim(i_handler: int, limit: int, lease: float, known: int = 0) -> Deferred[list[Notification]]:
        """
        Claim at most `limit` due notifications of a handler that this process holds, as leases of so many seconds: lane 0 first, then by age; of one entity,
        and of one external key, only the oldest, and none while it is claimed or waits for its next attempt. One that is not settled before its lease
        runs out is claimed again. Each comes with the events that its entity has waiting or parked, at most `known` of either.
        """

    def snapshots(accounts: Sequence[int], needs: frozenset[str]) -> Deferred[Mapping[int, Subscriber]]:
        """These accounts as they are now, by number, with the secrets of `needs`; those that are gone are left out."""

    def records(i_handler: int, entities: Sequence[str]) -> Deferred[Mapping[str, Record]]:
        """What a vendor's system was last told of these entities; those of which it was told nothing are left out."""

    def holders(i_handler: int, entity: str, keys: Mapping[str, tuple[str, ...]]) -> Deferred[Mapping[str, Record]]:
        """The records of other entities that still hold one of these external keys."""

    def keep(i_handler: int, i_env: int, entity: str, record: Record) -> Deferred[None]:
        """Write a record by itself: before a vendor is asked, or of another entity from which a key was taken."""

    def doubted(notification: Notification, entity: str) -> Deferred[None]:
        """
        What the vendor knows of another entity is open from now on: the notification's takes a key from it. Where nothing is on its way to the handler for that
        other one, an event of the notification's type is raised for it.
        """

    def settle(settled: Sequence[Settled]) -> Deferred[list[Settled]]:
        """
        Write what became of claimed notifications, with effects and records, each in one transaction; gives those that were written otherwise than asked
        (effects that the database refuses: parked). Repeating is safe. What is done is done whoever holds it now; a retry counts only for the attempt that
        it is of.
        """
