"""
A Diameter client that has restarted (RFC 6733 8.16): its Origin-State-Id has risen, so its sessions have died.

What Accounting-On is for RADIUS: the core closes the sessions of the node that began before, provisionally (DESIGN.md 3.5).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from twisted.logger import Logger

from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.interfaces.billing import IBilling
from portaswitch.logs import background
from portaswitch.metrics import Counter
from portaswitch.model.request import AAARequest, Kind, Origin, Parties

RESTARTED = Counter("portaswitch_diameter_peer_restarts_total", "Diameter peers whose Origin-State-Id rose: their sessions are closed provisionally", ("node",))


class Restarts:
    """Tells the core. `now` is the wall clock (aware UTC)."""

    _log = Logger()

    def __init__(self, billing: IBilling, now: Callable[[], datetime], prefix: str) -> None:
        self._billing, self._now, self._prefix = billing, now, prefix
        self._number = 0

    def begin(self, peer: DiameterPeer) -> None:
        """The sessions of this peer's node are over; those that begin from now on are not. Of a node that is a realm it is not known whose they are."""
        if not peer.node.origin_host:
            self._log.warn(
                "Diameter peer {host} has restarted; node {node} is a whole realm, so its sessions are left to end by themselves",
                host=peer.origin_host, node=peer.name,
            )  # fmt: skip
            return
        self._number += 1
        now = self._now()
        name = f"{self._prefix}on{self._number}"
        RESTARTED.inc(peer.name)
        self._log.info("Diameter peer {host} has restarted: the sessions of node {node} are closed", host=peer.origin_host, node=peer.name)
        request = AAARequest(
            Kind.ON_OFF, name, Origin(peer.i_node, peer.i_env, peer.name), "", f"{peer.i_node}/on_off/{name}/{now.timestamp()}", Parties(""), now, now,
        )  # fmt: skip
        background(self._billing.handle(request), "closing the sessions of a Diameter peer that restarted")
