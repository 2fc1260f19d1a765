"""
Clients behind agents (a DRA that is a peer itself): by which agent requests of a host came last, so that requests of ours for it go there (RFC 6733 6.1).

Only what was heard is known: after a restart a host can be asked for something when it has asked for something itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from portaswitch.endpoints.diameter_peers import DiameterPeer

MOST: Final = 10_000
"""Hosts that are remembered."""


class DiameterAgents:
    """Of one process; `ready` says whether requests may go to a host that is connected."""

    def __init__(self, ready: Callable[[str], bool]) -> None:
        self._ready = ready
        self._behind: dict[str, tuple[DiameterPeer, str]] = {}

    def heard(self, speaker: DiameterPeer, sender: DiameterPeer) -> None:
        """A request that `sender` brought, of `speaker`."""
        if speaker is sender:
            return
        if len(self._behind) >= MOST and speaker.origin_host not in self._behind:
            self._behind.clear()
        self._behind[speaker.origin_host] = speaker, sender.origin_host

    def reachable(self) -> Iterator[DiameterPeer]:
        """The hosts behind agents that requests may go to now."""
        return (speaker for speaker, agent in self._behind.values() if self._ready(agent))

    def way(self, host: str) -> str:
        """The connected peer by which requests for a host go: an agent, else itself."""
        _, agent = self._behind.get(host, (None, host))
        return agent
