"""Who may send RADIUS packets (the client table), how each is trusted, and the node a packet speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from portaswitch.endpoints.answer_templates import NO_TEMPLATES, AnswerTemplates
from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Catalogue, Node, Observe, RadiusClient
from portaswitch.wire.radius.packet import Code, Packet

UNSIGNED = Counter("portaswitch_radius_unsigned_total", "Access-Requests without Message-Authenticator that were served, by client", ("client",))
ACCESS_REQUEST = int(Code.ACCESS_REQUEST)


@dataclass(slots=True)
class Learnt:
    """What `auto` has learnt of a client from its first Access-Request: whether to require signatures, and whether to limit Proxy-State."""

    require: bool
    limit: bool


class Clients:
    """
    The client table of one catalogue, by address; masks from the longest. What `auto` has learnt (by address) outlives a reload. `templates` are the
    response templates of the same catalogue.
    """

    def __init__(self, catalogue: Catalogue, learnt: dict[str, Learnt], templates: AnswerTemplates = NO_TEMPLATES) -> None:
        self.catalogue = catalogue
        self.templates = templates
        self.learnt = learnt
        networks = [(ip_network(client.address), client) for client in catalogue.clients]
        self._hosts = {str(network.network_address): client for network, client in networks if network.num_addresses == 1}
        self._single = frozenset(client.address for client in self._hosts.values())
        self._networks = sorted(((network, client) for network, client in networks if network.num_addresses > 1), key=lambda pair: -pair[0].prefixlen)

    def find(self, host: str) -> RadiusClient | None:
        """The client of a source address, or None: nobody we know. An IPv4 sender seen by an IPv6 socket is the same sender."""
        host = host.removeprefix("::ffff:")
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

        `auto` learns from the first packet of a single host: with a right Message-Authenticator and no EAP-Message signatures are required from then on;
        with Proxy-State and no signature Proxy-State is not limited.
        """
        if packet.code != ACCESS_REQUEST:
            return None
        signed, proxied = packet.has_message_authenticator, packet.get("Proxy-State") is not None
        learnt = self.learnt.get(client.address)
        if learnt is None:
            learnt = Learnt(signed, signed or not proxied)
            # EAP proves nothing: it has to be signed anyway.
            if client.address in self._single and packet.get("EAP-Message") is None:
                self.learnt[client.address] = learnt
        if signed:
            return None
        if client.require_message_authenticator is Observe.YES or (client.require_message_authenticator is Observe.AUTO and learnt.require):
            return "unsigned"
        if proxied and (client.limit_proxy_state is Observe.YES or (client.limit_proxy_state is Observe.AUTO and learnt.limit)):
            return "proxy-state"
        UNSIGNED.inc(client.address)
        return None

    def node(self, client: RadiusClient, packet: Packet) -> Node | None:
        """The node by NAS-Identifier, else NAS-IP-Address, else the client's own: never the sender's address (DESIGN.md 3.4), always in its environment."""
        catalogue = self.catalogue
        identifier = packet.text("NAS-Identifier")
        node = catalogue.nodes_by_identifier.get((client.i_env, identifier)) if identifier else None
        if node is None:
            address = packet.text("NAS-IP-Address")
            node = catalogue.nodes_by_ip.get((client.i_env, address)) if address else None
        if node is None:
            node = catalogue.nodes.get(client.i_node)
        return node if node is not None and node.i_env == client.i_env else None
