"""The edge node without sockets: what it keeps of requests that it hands over."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.sip import SipServer
from portaswitch.endpoints.sip_edge import Edge
from portaswitch.endpoints.sip_ports import UdpPort
from portaswitch.endpoints.sip_throttle import Throttle
from tests.unit.endpoints.test_sip import PEER, Wire, message

GATEWAY = ("192.0.2.9", 5060)


class EdgeTests(SynchronousTestCase):
    """One UDP socket on a clock, and a gateway that answers as the test says."""

    def setUp(self) -> None:
        """An edge node."""
        self.clock, self.wire = Clock(), Wire()
        self.server = SipServer(self.clock, Throttle(self.clock.seconds, 0))
        self.port = UdpPort(self.server, "udp")
        self.port.sent_by = ("198.51.100.1", 5060)
        self.server.ours.add(self.port.sent_by)
        self.server.proxies = True
        self.server.handlers["MESSAGE"] = Edge(self.server, lambda: {"udp": self.port}, GATEWAY).answer
        transport: Any = self.wire
        self.port.transport = transport

    def handed_over(self, branch: str, status: int) -> bytes:
        """What the phone hears to a request that the gateway answers with that status; b'' when the gateway is not asked."""
        self.port.datagramReceived(message(branch), PEER)
        asked, to = self.wire.sent.pop()
        if to == PEER:
            self.wire.sent.append((asked, to))
            return b""
        self.assertEqual(to, GATEWAY)
        self.port.datagramReceived(b"SIP/2.0 %d Whatever\r\n" % status + asked.partition(b"\r\n")[2], GATEWAY)
        heard, to = self.wire.sent.pop()
        self.assertEqual(to, PEER)
        return heard.partition(b"\r\n")[0]

    def test_refused(self) -> None:
        """Nothing is kept of what the gateway refuses but, for 5 s, that it has answered; the request again is handed over again (RFC 3261 26.3.2.4)."""
        for place in range(50):
            for status in (401, 403, 404):
                self.assertEqual(self.handed_over(f"z9hG4bK{place}x{status}", status), b"SIP/2.0 %d Whatever" % status)
        self.assertEqual(self.handed_over("z9hG4bK0x401", 401), b"SIP/2.0 401 Whatever")
        self.clock.advance(6)
        self.assertEqual((len(self.server.transactions), self.wire.sent), (0, []))

    def test_accepted(self) -> None:
        """What it has accepted is answered from here when it is sent again."""
        self.assertEqual(self.handed_over("z9hG4bK1", 202), b"SIP/2.0 202 Whatever")
        self.assertEqual(self.handed_over("z9hG4bK1", 202), b"")
        self.assertEqual([octets.partition(b"\r\n")[0] for octets, _ in self.wire.sent], [b"SIP/2.0 202 Whatever"])
        self.clock.advance(6)
        self.assertEqual(len(self.server.transactions), 1)
