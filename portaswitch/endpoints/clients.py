"""Who may send RADIUS packets (the client table), how each is trusted, and the node a packet speaks for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Catalogue, Node, Observe, RadiusClient
from portaswitch.wire.radius.packet import Code, Packet

UNSIGNED = Counter("portaswitch_radius_unsigned_total", "Access-Requests without Message-Authenticator that were served, by client", ("client",))
ACCESS_REQUEST = int(Code.ACCESS_REQUEST)


class Clients:
    """The client table of one catalogue, by address; masks from the longest. What `auto` has learnt (`learnt`: address to required) outlives a reload."""

    def __init__(self, catalogue: Catalogue, learnt: dict[str, bool]) -> None:
        self.catalogue = catalogue
        self.learnt = learnt
        self._hosts = {str(network.network_address): client for client in catalogue.clients if (network := ip_network(client.address)).num_addresses == 1}
        self._networks = [(ip_network(client.address), client) for client in catalogue.clients if ip_network(client.address).num_addresses > 1]

    def find(self, host: str) -> RadiusClient | None:
        """The client of a source address, or None: nobody we know."""
        client = self._hosts.get(host)
        if client is not None or not self._networks:
            return client
        address = ip_address(host)
        for network, candidate in self._networks:
            if address in network:
                return candidate
        return None

    def untrusted(self, client: RadiusClient, packet: Packet) -> str | None:
        """
        Why an Access-Request is not trusted (a reason for the metrics), or None (CVE-2024-3596; PROTOCOLS.md 1.2).

        `auto` learns from the first packet of a single host: with a right Message-Authenticator and no EAP-Message it is required from then on.
        """
        if packet.code != ACCESS_REQUEST or packet.has_message_authenticator:
            if packet.code == ACCESS_REQUEST and client.address not in self.learnt and packet.get("EAP-Message") is None:
                self.learnt[client.address] = True
            return None
        required = client.require_message_authenticator is Observe.YES
        if client.require_message_authenticator is Observe.AUTO and client.address in self._single:
            required = self.learnt.setdefault(client.address, False)
        if required:
            return "unsigned"
        if packet.get("Proxy-State") is not None and client.limit_proxy_state is not Observe.NO:
            return "proxy-state"
        UNSIGNED.inc(client.address)
        return None

    @property
    def _single(self) -> set[str]:
        return {client.address for client in self._hosts.values()}

    def node(self, client: RadiusClient, packet: Packet) -> Node | None:
        """The node by NAS-Identifier, else NAS-IP-Address, else the client's own: never the sender's address (DESIGN.md 3.4), always in its environment."""
        catalogue = self.catalogue
        identifier = packet.text("NAS-Identifier")
        node = catalogue.nodes_by_identifier.get((client.i_env, identifier)) if identifier else None
        if node is None:
            address = packet.text("NAS-IP-Address")
            node = catalogue.nodes_by_ip.get((client.i_env, address)) if address else None
        return node if node is not None else catalogue.nodes.get(client.i_node)
