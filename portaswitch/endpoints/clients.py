"""Who may send RADIUS packets (the client table), how each is trusted, and the node a packet speaks for."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from twisted.logger import Logger

from portaswitch.endpoints.answer_templates import NO_TEMPLATES, AnswerTemplates
from portaswitch.endpoints.client_habits import Habits
from portaswitch.metrics import Counter, Gauge
from portaswitch.model.catalogue import Catalogue, Node, Observe, RadiusClient
from portaswitch.wire.radius.packet import Code, Packet

UNSIGNED = Counter("portaswitch_radius_unsigned_total", "Access-Requests without Message-Authenticator that were served, by client", ("client",))
EXPOSED = Gauge("portaswitch_radius_exposed_clients", "RADIUS clients of whom neither Message-Authenticator nor the absence of Proxy-State is asked")
ACCESS_REQUEST = int(Code.ACCESS_REQUEST)


@lru_cache(maxsize=1 << 16)
def _network(address: str) -> IPv4Network | IPv6Network:
    """The network that an address of the table means; remembered, since a reload brings thousands of the same ones in one turn."""
    return ip_network(address)


class Clients:
    """
    The client table of one catalogue, by address; masks from the longest. What `auto` has learnt is in `habits`, which outlive the table. `templates` are
    the response templates of the same catalogue.
    """

    _log = Logger()

    def __init__(self, catalogue: Catalogue, habits: Habits, templates: AnswerTemplates = NO_TEMPLATES) -> None:
        self.catalogue = catalogue
        self.habits = habits
        self.templates = templates
        networks = [(_network(client.address), client) for client in catalogue.clients]
        self._hosts = {str(network.network_address): client for network, client in networks if network.num_addresses == 1}
        self._networks = sorted(((network, client) for network, client in networks if network.num_addresses > 1), key=lambda pair: -pair[0].prefixlen)

    def find(self, host: str) -> RadiusClient | None:
        """The client of a source address, or None: nobody we know. An IPv4 sender seen by an IPv6 socket is the same sender."""
        if ":" in host and "." in host:  # not every address that begins so: ::ffff:0:a00:1 is another one (RFC 2765 2.1)
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
        Why an Access-Request is not trusted (a reason for the metrics), or None: it is served (CVE-2024-3596; PROTOCOLS.md 1.2).

        `auto` goes by the client's habit, and what is served makes that habit.
        """
        if packet.code != ACCESS_REQUEST:
            return None
        signed, proxied = packet.has_message_authenticator, packet.get("Proxy-State") is not None
        habit = self.habits.of(client, signed, proxied)
        if not signed:
            require, limit = client.require_message_authenticator, client.limit_proxy_state
            if require is Observe.YES or (require is Observe.AUTO and habit.require):
                return "unsigned"
            if proxied and (limit is Observe.YES or (limit is Observe.AUTO and habit.limit)):
                return "proxy-state"
            UNSIGNED.inc(client.address)
        if packet.get("EAP-Message") is None:
            self.habits.served(client, habit, signed, proxied)
        return None

    @property
    def exposed(self) -> frozenset[str]:
        """The addresses of clients of whom nothing is asked: `require_message_authenticator: no` and `limit_proxy_state: no`."""
        return frozenset(client.address for client in self.catalogue.clients if client.exposed)

    def warn(self, before: Clients) -> None:
        """Say aloud which clients are exposed and were not `before`: at the start, and when a load makes one so."""
        for address in sorted(self.exposed - before.exposed):
            self._log.warn(
                "RADIUS client {address} is open to forged answers (CVE-2024-3596): it has require_message_authenticator: no and limit_proxy_state: no; "
                "set the first to yes when it signs (portaswitch client list), else the second to yes",
                address=address,
            )

    def node(self, client: RadiusClient, packet: Packet) -> Node | None:
        """The node by NAS-Identifier, else by its address, else the client's own: never the sender's address (DESIGN.md 3.4), always in its environment."""
        catalogue = self.catalogue
        identifier = packet.text("NAS-Identifier")
        node = catalogue.nodes_by_identifier.get((client.i_env, identifier)) if identifier else None
        if node is None:
            address = packet.text("NAS-IP-Address") or packet.text("NAS-IPv6-Address")  # RFC 3162 2.1
            node = catalogue.nodes_by_ip.get((client.i_env, address)) if address else None
        if node is None:
            node = catalogue.nodes.get(client.i_node)
        return node if node is not None and node.i_env == client.i_env else None
