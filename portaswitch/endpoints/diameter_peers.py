"""
Who may talk Diameter to us (the table of nodes), and the node that a message speaks for.

A peer is known by its Origin-Host, or by its Origin-Realm where the node names no host; nobody else gets past the CER (RFC 6733 5.3). The names are unique over
all environments, so that they tell the environment (DESIGN.md 3.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.endpoints.diameter_profiles import DiameterProfile
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.value import dataclass

#: Hosts of realms that are remembered by name.
REMEMBERED = 4096
#: Characters of a host's name and of a realm (RFC 6733 4.3.1: they are names of DNS); longer ones are nobody's.
LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class LocalIdentity:
    """Who we are to peers: Origin-Host and Origin-Realm, and further realms whose requests are ours too; in small letters."""

    origin_host: str
    origin_realm: str
    realms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DiameterPeer:
    """
    A Diameter client as a message names it: the node's row (`node`: its dial rules, default service ...), its names as sent, in small letters, and what is
    asked of its connections. `max_connections`: hosts of its realm that may be connected at once; a host by itself has one connection. `profiles` are those
    that there are (None: the shipped ones).
    """

    i_node: int
    i_env: int
    name: str
    origin_host: str
    origin_realm: str
    profile: str
    local: LocalIdentity
    node: Node
    require_tls: bool = False
    max_connections: int = 1
    profiles: Mapping[str, DiameterProfile] | None = None


class DiameterPeers:
    """The table of one catalogue; `local` is who they call, `profiles` what their kinds are like (None: as shipped)."""

    def __init__(self, catalogue: Catalogue, local: LocalIdentity, profiles: Mapping[str, DiameterProfile] | None = None) -> None:
        self.catalogue, self.local, self._profiles = catalogue, local, profiles
        named = [node for node in catalogue.nodes.values() if node.origin_host or node.origin_realm]
        self._hosts = {node.origin_host: node for node in named if node.origin_host}
        self._realms = {node.origin_realm: node for node in named if not node.origin_host}
        self._found: dict[tuple[str, str], DiameterPeer] = {}

    def find(self, host: str, realm: str) -> DiameterPeer | None:
        """The peer of an Origin-Host and Origin-Realm, in any case of letters; None: nobody we know, or names that are none."""
        found = self._found.get((host, realm))
        if found is not None:
            return found
        node = self._hosts.get(host.lower()) or self._realms.get(realm.lower())
        if node is None or not host or max(len(host), len(realm)) > LONGEST_NAME:
            return None
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        peer = self._found[host, realm] = self._peer(node, host.lower(), realm.lower())
        return peer

    def speaker(self, sender: DiameterPeer, host: str, realm: str) -> DiameterPeer:
        """Whom a request speaks for that `sender` brings: another node behind an agent, of the sender's own environment; else the sender itself."""
        if host == sender.origin_host:
            return sender
        found = self.find(host, realm)
        return found if found is not None and found.i_env == sender.i_env else sender

    def _peer(self, node: Node, host: str, realm: str) -> DiameterPeer:
        most = 1 if node.origin_host else node.max_connections
        return DiameterPeer(node.i_node, node.i_env, node.name, host, realm, node.profile, self.local, node, node.require_tls, most, self._profiles)
