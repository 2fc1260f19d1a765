"""The client table: who it is, how far trusted, which node it speaks for."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.clients import UNSIGNED, Clients
from portaswitch.model.catalogue import Node, Observe, RadiusClient
from portaswitch.wire.radius.codec import decode
from portaswitch.wire.radius.packet import Code, Packet
from tests.unit.builders import catalogue
from tests.unit.endpoints.radius_world import CLIENT, DICTIONARY, HOST, SECRET, octets, packet, table, unsigned

SIGNED = packet(Code.ACCESS_REQUEST, [("User-Name", "1")])
EAP = packet(Code.ACCESS_REQUEST, [("EAP-Message", b"\2\1\0\4")])


def bare(*attributes: tuple[str, str | bytes]) -> Packet:
    """An Access-Request without Message-Authenticator."""
    return decode(unsigned(list(attributes)), SECRET, DICTIONARY)


PLAIN, PROXIED = bare(("User-Name", "1")), bare(("Proxy-State", b"x"))


class FindTests(SynchronousTestCase):
    """By source address."""

    def test_hosts_and_masks(self) -> None:
        """The host itself before the networks, those from the longest mask on; IPv6 too; strangers are nobody."""
        host, wide = replace(CLIENT, i_client=1, address=HOST), replace(CLIENT, i_client=2, address="192.0.0.0/16")
        near, six = replace(CLIENT, i_client=3, address="192.0.2.0/24"), replace(CLIENT, i_client=4, address="2001:db8::/32")
        for order in ((host, near, wide, six), (six, wide, near, host)):
            known = table(*order)
            found = [client and client.i_client for client in map(known.find, (HOST, "192.0.2.9", "192.0.9.9", "10.0.0.1", "2001:db8::7", "::1"))]
            self.assertEqual(found, [1, 3, 2, None, 4, None])

    def test_as_the_database_writes_it(self) -> None:
        """A cidr column says /32 and /128."""
        known = table(replace(CLIENT, address=f"{HOST}/32"), replace(CLIENT, i_client=2, address="2001:db8::1/128"))
        self.assertEqual([client and client.i_client for client in map(known.find, (HOST, "2001:db8::1", "192.0.2.2"))], [1, 2, None])

    def test_mapped(self) -> None:
        """A socket on :: sees IPv4 senders as mapped addresses: they are the same clients."""
        self.assertEqual(table().find(f"::ffff:{HOST}"), CLIENT)

    def test_looks_mapped(self) -> None:
        """Any source address there is finds a client or none, and raises nothing: its packets would be logged as defects of ours."""
        known = table(replace(CLIENT, address="10.0.0.0/8"), replace(CLIENT, i_client=2, address="2001:db8::/32"))
        self.assertEqual([known.find(host) for host in ("::ffff:0:a00:1", "::ffff:0:0", "fe80::1%eth0", "::")], [None] * 4)
        self.assertIsNotNone(known.find("::ffff:10.0.0.1"))

    def test_secret_is_hidden(self) -> None:
        """Not in its repr."""
        self.assertNotIn("secret", repr(CLIENT))


class TrustTests(SynchronousTestCase):
    """CVE-2024-3596: who must sign."""

    def reasons(self, client: RadiusClient, *packets: Packet) -> list[str | None]:
        """What is said of packets that come one after the other."""
        known = table(client)
        return [known.untrusted(client, one) for one in packets]

    def test_required(self) -> None:
        """Yes: every Access-Request; no: none."""
        self.assertEqual(self.reasons(replace(CLIENT, require_message_authenticator=Observe.YES), PLAIN, SIGNED, EAP), ["unsigned", None, None])
        self.assertEqual(self.reasons(replace(CLIENT, require_message_authenticator=Observe.NO), SIGNED, PLAIN), [None, None])

    def test_auto(self) -> None:
        """The first packet decides: signed, and it is required from then on; unsigned, and it never is; EAP proves nothing."""
        self.assertEqual(self.reasons(CLIENT, SIGNED, PLAIN), [None, "unsigned"])
        self.assertEqual(self.reasons(CLIENT, PLAIN, SIGNED, PLAIN), [None, None, None])
        self.assertEqual(self.reasons(CLIENT, EAP, PLAIN), [None, None])
        self.assertEqual(self.reasons(CLIENT, EAP, SIGNED, PLAIN), [None, None, "unsigned"])

    def test_auto_as_the_database_writes_it(self) -> None:
        """A single host is one with /32 behind it too."""
        self.assertEqual(self.reasons(replace(CLIENT, address=f"{HOST}/32"), SIGNED, PLAIN), [None, "unsigned"])
        auto = replace(CLIENT, address=f"{HOST}/32", limit_proxy_state=Observe.AUTO)
        self.assertEqual(self.reasons(auto, PROXIED, PROXIED), [None, None])

    def test_auto_of_networks(self) -> None:
        """A network of clients has no single habit: nothing is required of it."""
        self.assertEqual(self.reasons(replace(CLIENT, address="192.0.2.0/24"), SIGNED, PLAIN), [None, None])

    def test_proxy_state(self) -> None:
        """Without signature it is refused unless the client is let; with one it is no matter."""
        self.assertEqual(self.reasons(CLIENT, PROXIED, PLAIN), ["proxy-state", None])
        self.assertEqual(self.reasons(replace(CLIENT, limit_proxy_state=Observe.NO), PROXIED), [None])
        signed = packet(Code.ACCESS_REQUEST, [("Proxy-State", b"x")])
        self.assertEqual(self.reasons(CLIENT, signed), [None])

    def test_proxy_state_auto(self) -> None:
        """Limited unless the very first packet has Proxy-State and no signature: then the client is a proxy of old ways."""
        auto = replace(CLIENT, limit_proxy_state=Observe.AUTO)
        self.assertEqual(self.reasons(auto, PROXIED, PROXIED), [None, None])
        self.assertEqual(self.reasons(auto, PLAIN, PROXIED), [None, "proxy-state"])

    def test_learnt_outlives_a_reload(self) -> None:
        """A new catalogue does not forget what was learnt."""
        known = table()
        known.untrusted(CLIENT, SIGNED)
        self.assertEqual(Clients(replace(catalogue(), clients=(CLIENT,)), known.habits).untrusted(CLIENT, PLAIN), "unsigned")

    def test_accounting(self) -> None:
        """Its authenticator is its signature; it teaches nothing."""
        report = packet(Code.ACCOUNTING_REQUEST, [("Proxy-State", b"x")])
        self.assertEqual(self.reasons(replace(CLIENT, require_message_authenticator=Observe.YES), report), [None])
        self.assertEqual(self.reasons(CLIENT, report, PLAIN), [None, None])

    def test_counted(self) -> None:
        """Served without signature is counted by client; refused is not."""
        before = UNSIGNED.get(HOST)
        self.reasons(CLIENT, PLAIN, PLAIN, PROXIED, SIGNED)
        self.assertEqual(UNSIGNED.get(HOST) - before, 2)


class NodeTests(SynchronousTestCase):
    """Which node a packet speaks for: never by the sender, always in its environment."""

    def node(self, *attributes: tuple[str, str], client: RadiusClient = CLIENT) -> int | None:
        """The i_node of an Access-Request."""
        known = catalogue()
        foreign = Node(9, 2, "foreign", "164.9.9.109", "foreign")
        nodes = {**known.nodes, 9: foreign, 10: Node(10, 1, "six", "2001:db8::10", "six")}
        world = replace(
            known, nodes=nodes, nodes_by_ip={(node.i_env, node.nas_ip): node for node in nodes.values()},
            nodes_by_identifier={(node.i_env, node.nas_identifier): node for node in nodes.values()},
        )  # fmt: skip
        found = table(client, known=world).node(client, decode(octets(Code.ACCESS_REQUEST, list(attributes)), SECRET, DICTIONARY))
        return None if found is None else found.i_node

    def test_order(self) -> None:
        """Identifier, address, the client's own; unknown names fall through."""
        self.assertEqual(self.node(("NAS-Identifier", "gw2.example"), ("NAS-IP-Address", "164.9.9.100")), 8)
        self.assertEqual(self.node(("NAS-Identifier", "?"), ("NAS-IP-Address", "164.9.9.102")), 8)
        self.assertEqual([self.node(("NAS-IP-Address", "10.9.9.9")), self.node(("User-Name", "1"))], [7, 7])
        self.assertIsNone(self.node(("User-Name", "1"), client=replace(CLIENT, i_node=0)))

    def test_v6(self) -> None:
        """By NAS-IPv6-Address (RFC 3162 2.1), in whatever form the catalogue has it."""
        self.assertEqual(self.node(("NAS-IPv6-Address", "2001:0db8::0010")), 10)
        self.assertEqual(self.node(("NAS-IPv6-Address", "2001:db8::11")), 7)

    def test_walls(self) -> None:
        """A node of another environment is not reached by name or address, nor as the client's own."""
        self.assertEqual([self.node(("NAS-Identifier", "foreign")), self.node(("NAS-IP-Address", "164.9.9.109"))], [7, 7])
        self.assertEqual(self.node(("NAS-Identifier", "gw.example"), client=replace(CLIENT, i_env=2, i_node=9)), 9)
        self.assertIsNone(self.node(("User-Name", "1"), client=replace(CLIENT, i_node=9)))
