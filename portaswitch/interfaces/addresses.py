"""Addresses of Internet sessions, as endpoints see them."""

from __future__ import annotations

from datetime import datetime

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.lease import Holder, Want


class IAddresses(Interface):
    """Leases on addresses of pools; they survive restarts and are one truth for all processes. Errors of every method: `DatabaseDown`."""

    def take(want: Want) -> Deferred[str | None]:
        """An address for a session: the one it has already, else one that nobody has; None: the pool has none that is free. Durable when it fires."""

    def renew(holder: Holder) -> Deferred[bool]:
        """A session lives: its lease lasts from now as long as its pool says; False: it has none."""

    def free(holder: Holder) -> Deferred[bool]:
        """A session is over: its address may be given again; False: it had none."""

    def free_node(i_node: int, before: datetime) -> Deferred[int]:
        """A node has restarted: its sessions that began before `before` are over; how many addresses came back."""
