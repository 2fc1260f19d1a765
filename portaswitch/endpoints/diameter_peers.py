"""Who may talk Diameter to us, and the node that a message speaks for."""

from __future__ import annotations

from portaswitch.model.catalogue import Node
from portaswitch.model.value import dataclass


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
    asked of its connections. `max_connections`: hosts of its realm that may be connected at once; a host by itself has one connection.
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
