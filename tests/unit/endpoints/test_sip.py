"""The SIP endpoint without sockets: transactions, who answers, limits of rate and time, domains."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints import sip_ports
from portaswitch.endpoints.sip import Passing, Reply, SipServer
from portaswitch.endpoints.sip_domains import Domains, Peer
from portaswitch.endpoints.sip_ports import MOST_OF_ONE, Datagrams, Flow, Place, TcpPort, UdpPort
from portaswitch.endpoints.sip_throttle import Throttle
from portaswitch.errors import DatabaseDown
from portaswitch.model.catalogue import EMPTY, Catalogue, Node
from portaswitch.model.request import Origin
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.parse import parse
from portaswitch.wire.sip.wheel import NEVER

PEER = ("192.0.2.1", 5060)


class Wire:
    """A UDP transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        """Keep it."""
        self.sent.append((octets, to))


def message(branch: str = "z9hG4bK1", method: str = "MESSAGE", via: str = "192.0.2.1:5060") -> bytes:
    """A request."""
    lines = (
        f"{method} sip:b@x SIP/2.0", f"Via: SIP/2.0/UDP {via};branch={branch}", "From: <sip:a@x>;tag=1", "To: <sip:b@x>", "Call-ID: c", f"CSeq: 1 {method}",
        "Max-Forwards: 70", "Content-Length: 0", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


class ServerTests(SynchronousTestCase):
    """One UDP socket on a clock."""

    def setUp(self) -> None:
        """A server whose MESSAGEs the test answers."""
        self.clock, self.wire = Clock(), Wire()
        self.server = SipServer(self.clock, Throttle(self.clock.seconds, 100))
        self.port = UdpPort(self.server, "udp")
        self.port.sent_by = ("198.51.100.1", 5060)
        self.server.ours.add(self.port.sent_by)
        transport: Any = self.wire
        self.port.transport = transport
        self.replies: list[Deferred[Reply]] = []

        def handler(request: Request, place: Place) -> Deferred[Reply]:
            self.replies.append(Deferred())
            return self.replies[-1]

        async def answer(request: Request, place: Place) -> Reply:
            return await handler(request, place)

        self.server.handlers["MESSAGE"] = answer

    def statuses(self) -> list[int]:
        """What was sent so far."""
        return [int(octets[8:11]) for octets, _ in self.wire.sent]

    def test_one_answer(self) -> None:
        """A retransmission begins nothing and gets the same octets; a 100 only after 3.5 s (RFC 4320); 32 s later it is forgotten."""
        self.port.datagramReceived(message(), PEER)
        self.port.datagramReceived(message(), PEER)
        self.assertEqual((len(self.replies), self.statuses()), (1, []))
        self.clock.advance(3.6)
        self.assertEqual(self.statuses(), [100])
        self.replies[0].callback(Reply(202))
        self.port.datagramReceived(message(), PEER)
        self.assertEqual(self.statuses(), [100, 202, 202])
        self.assertEqual(self.wire.sent[1], self.wire.sent[2])
        self.clock.advance(33)
        self.assertEqual(len(self.server.transactions), 0)

    def test_failures(self) -> None:
        """A database that is away: 503 with Retry-After. A defect: 500, and it is in the log. An answer that can't be written: 500."""
        for place, error in enumerate((DatabaseDown(), ValueError("a defect"))):
            self.port.datagramReceived(message(f"z9hG4bK{place}x"), PEER)
            self.replies[-1].errback(error)
        self.assertEqual(self.statuses(), [503, 500])
        self.assertIn(b"Retry-After: 5\r\n", self.wire.sent[0][0])
        self.port.datagramReceived(message("z9hG4bK9"), PEER)
        self.replies[-1].callback(Reply(202, (("X", "a\r\nb"),)))
        self.assertEqual(self.statuses(), [503, 500, 500])
        self.assertEqual(len(self.flushLoggedErrors()), 2)

    def test_answers_go_where_the_via_says(self) -> None:
        """To the address that it came from and the port of the Via (RFC 3261 18.2.2)."""
        self.port.datagramReceived(message(via="10.0.0.1:5070"), ("192.0.2.1", 33333))
        self.replies[0].callback(Reply(202))
        self.assertEqual(self.wire.sent[0][1], ("192.0.2.1", 5070))

    def test_asking(self) -> None:
        """A request of ours is sent again until its time is over; a foreign response is none."""
        request = parse(message("z9hG4bKmine", via="198.51.100.1:5060"))
        assert isinstance(request, Request)
        result = self.server.ask(request, Datagrams(self.port, *PEER))
        response = b"SIP/2.0 200 OK\r\n" + message("z9hG4bKother", via="198.51.100.1:5060").partition(b"\r\n")[2]
        self.port.datagramReceived(response, PEER)
        self.assertNoResult(result)
        self.clock.pump([0.5] * 66)
        self.assertIsNone(self.successResultOf(result))
        self.assertEqual(len(self.wire.sent), 11)  # Timer E: 0, 0.5, 1.5, 3.5, then every 4 s

    def test_rate(self) -> None:
        """200 at once, 100 a second; another address is not slowed."""
        for place in range(300):
            self.port.datagramReceived(message(f"z9hG4bKr{place}"), PEER)
        self.assertEqual(len(self.replies), 200)
        self.port.datagramReceived(message("z9hG4bKother"), ("192.0.2.2", 5060))
        self.assertEqual(len(self.replies), 201)
        self.clock.advance(1)
        for place in range(300, 500):
            self.port.datagramReceived(message(f"z9hG4bKr{place}"), PEER)
        self.assertEqual(len(self.replies), 301)

    def test_stopping(self) -> None:
        """What was taken is answered, and its repetitions; a new datagram is left to the next process, a new request by a connection hears 503."""
        self.port.datagramReceived(message(), PEER)
        drained = Deferred.fromCoroutine(self.server.drained())
        self.port.datagramReceived(message(), PEER)
        for method in ("MESSAGE", "INVITE", "ACK"):
            self.port.datagramReceived(message("z9hG4bK2", method), PEER)
        self.assertEqual((len(self.replies), self.wire.sent), (1, []))
        flow, channel = TcpPort(self.server, "tcp", "TCP", self.clock).buildProtocol(None), Channel()
        flow.makeConnection(channel)
        flow.dataReceived(message("z9hG4bK3").replace(b"/UDP", b"/TCP"))
        self.assertEqual(channel.value().partition(b"\r\n")[0], b"SIP/2.0 503 Service Unavailable")
        self.assertNoResult(drained)
        self.replies[0].callback(Reply(202))
        self.successResultOf(drained)
        self.port.datagramReceived(message(), PEER)
        self.assertEqual(self.statuses(), [202, 202])

    def test_floods_leave_nothing(self) -> None:
        """Who has proven nothing, before anything was done: neither a transaction nor a timer is kept of it, and no answer is sent twice (RFC 3261 8.2.7)."""
        for place in range(40):
            for method in ("INVITE", "SUBSCRIBE", "OPTIONS", "NONSENSE", "MESSAGE"):
                self.port.datagramReceived(message(f"z9hG4bKf{place}", method), PEER)
        for reply in self.replies:
            reply.callback(Passing(401))
        self.assertEqual((len(self.server.transactions), len(self.wire.sent), {*self.statuses()}), (0, 200, {200, 401, 405, 501}))
        self.clock.advance(40)
        self.assertEqual((len(self.wire.sent), self.server.transactions.soonest), (200, NEVER))


class Channel(StringTransport):
    """A connection that says from where it is, and whether it was closed."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing to do."""

    def abortConnection(self) -> None:
        """Closed at once."""
        self.disconnecting = True


class ConnectionTests(SynchronousTestCase):
    """Connections on a clock."""

    def setUp(self) -> None:
        """A TCP socket."""
        self.clock = Clock()
        self.server = SipServer(self.clock, Throttle(self.clock.seconds, 0))
        self.port = TcpPort(self.server, "tcp", "TCP", self.clock)
        self.closed: list[str] = []
        self.server.on_closed = lambda place: self.closed.append(place.flow)

    def connect(self) -> tuple[Flow, Channel]:
        """A connection from 192.168.1.1."""
        flow, channel = self.port.buildProtocol(None), Channel()
        flow.makeConnection(channel)
        return flow, channel

    def test_slow_and_silent(self) -> None:
        """Half a message for over 10 s, or nothing for 10 minutes: closed. Whole ones keep it open."""
        slow, slow_channel = self.connect()
        silent, silent_channel = self.connect()
        silent.dataReceived(message(method="OPTIONS").replace(b"/UDP", b"/TCP"))
        silent_channel.clear()
        slow.dataReceived(b"MESSAGE sip:a")
        for _ in range(11):
            self.clock.advance(1)
            slow.dataReceived(b"a")
        self.port.sweep()
        self.assertEqual((slow_channel.disconnecting, silent_channel.disconnecting), (True, False))
        bodiless, channel = self.connect()
        bodiless.dataReceived(message().replace(b"Content-Length: 0", b"Content-Length: 9").replace(b"/UDP", b"/TCP"))
        self.clock.advance(11)
        self.port.sweep()
        self.assertTrue(channel.disconnecting)
        self.clock.advance(389)
        silent.dataReceived(b"\r\n\r\n")
        self.assertEqual(silent_channel.value(), b"\r\n")
        self.clock.advance(300)
        self.port.sweep()
        self.assertFalse(silent_channel.disconnecting)
        self.clock.advance(301)
        self.port.sweep()
        self.assertTrue(silent_channel.disconnecting)

    def test_mute(self) -> None:
        """A connection by which no message comes within 30 s of its opening is closed: pings, half a TLS handshake and nonsense are none."""
        flows = [self.connect() for _ in range(3)]
        for _ in range(31):
            self.clock.advance(1)
            flows[0][0].dataReceived(b"\r\n\r\n")
            flows[1][0].dataReceived(message(method="OPTIONS").replace(b"/UDP", b"/TCP"))
        self.port.sweep()
        self.assertEqual([channel.disconnecting for _, channel in flows], [True, False, True])

    def test_crowded(self) -> None:
        """What is kept of unfinished messages has a limit for all together; who goes or ends its message makes room."""
        self.patch(sip_ports, "UNFINISHED", 1000)
        whole = message(method="OPTIONS").replace(b"/UDP", b"/TCP")
        flows = [self.connect() for _ in range(4)]
        for flow, _ in flows[:3]:
            flow.dataReceived(whole[:100] + b"X: " + b"a" * 300)
        self.assertEqual([channel.disconnecting for _, channel in flows], [False, False, True, False])
        flows[2][0].connectionLost()
        flows[0][0].connectionLost()
        flows[3][0].dataReceived(whole + whole[:150])
        self.assertEqual((flows[3][1].disconnecting, self.port.unfinished), (False, 403 + 150))
        flows[3][0].dataReceived(whole[150:])
        self.assertEqual(self.port.unfinished, 403)

    def test_too_many(self) -> None:
        """Of one address: the next is closed, and one may come for one that goes."""
        flows = [self.connect() for _ in range(MOST_OF_ONE)]
        self.assertTrue(self.connect()[1].disconnecting)
        last, (first, _) = flows[-1][0], flows[0]
        self.assertIs(self.port.at(last.host, last.number), last)  # of one address and port the latest counts
        first.connectionLost()
        self.assertIs(self.port.at(last.host, last.number), last)
        self.assertEqual(self.closed, [flows[0][0].flow])
        self.assertFalse(self.connect()[1].disconnecting)
        self.assertFalse(flows[0][0].write(b"x"))


class ThrottleTests(SynchronousTestCase):
    """Buckets."""

    def test_wrong_passwords(self) -> None:
        """Each costs as much as fifty requests; the debt is bounded, so that a proxy is served again in some seconds."""
        clock = Clock()
        throttle = Throttle(clock.seconds, 100, exempt=("192.0.2.9",))
        for _ in range(100):
            throttle.wrong("a")
            throttle.wrong("192.0.2.9")
        self.assertFalse(throttle.passes("a"))
        self.assertTrue(throttle.passes("192.0.2.9"))
        clock.advance(2.1)
        self.assertTrue(throttle.passes("a"))


class DomainTests(SynchronousTestCase):
    """Whom a URI means."""

    def setUp(self) -> None:
        """Two domains with nodes in two environments, one without, two peers."""
        nodes = {number: Node(number, i_env, f"n{number}", "", name) for number, i_env, name in ((1, 1, "x.example"), (2, 2, "y.example"), (3, 3, "x.example"))}
        catalogue = Catalogue(1, {}, {}, {}, nodes, {}, {}, {}, ())
        peers = (Peer("short", "192.0.2.1", 5060, ("far.example",), ("4",)), Peer("long", "192.0.2.2", 5060, (), ("44",)))
        self.domains = Domains(("X.example", "y.example", "z.example"), 1, lambda: catalogue, peers)
        self.origin = Origin(1, 1, "n1")

    def test_origins(self) -> None:
        """By node; the configured environment counts where there are several; none without a node."""
        self.assertEqual(self.domains.origin("x.EXAMPLE"), self.origin)
        self.assertEqual(self.domains.origin("y.example"), Origin(2, 2, "n2"))
        self.assertIsNone(self.domains.origin("z.example"))
        self.assertIsNone(Domains(("x.example",), 1, lambda: EMPTY).origin("x.example"))

    def test_parties(self) -> None:
        """Numbers lose their plus, telephone URIs their marks; another environment's domain and a stranger's are outside; peers by domain or longest prefix."""
        for text, number, names, peer in (
            ("sip:+1604@x.example", "1604", ("1604", "+1604@x.example"), ""),
            ("sip:bob@x.example;user=ip", "bob", ("bob", "bob@x.example"), ""),
            ("sip:4420@x.example", "4420", ("4420", "4420@x.example"), "long"),
            ("tel:+44-20", "4420", ("4420",), "long"),
            ("tel:+49(30)", "4930", ("4930",), "short"),
            ("sip:a@y.example", "a", (), ""),
            ("sip:a@z.example", "a", (), ""),
            ("sip:a@far.example", "a", (), "short"),
            ("sip:a@nowhere.example", "a", (), ""),
            ("sip:x.example", "", (), ""),
            ("mailto:a@b", "", (), ""),
        ):
            read = uris.read(text)
            assert read is not None
            party = self.domains.party(read, self.origin)
            self.assertEqual((text, party.number, party.names, party.peer.name), (text, number, names, peer))

    def test_user_names(self) -> None:
        """Ids are numbers, names, or user@domain; a domain of ours may be left out or written, another one is part of the id."""
        told = [self.domains.accounts(name, "x.example") for name in ("a", "a@X.example", "a@b")]
        self.assertEqual(told, [("a", "a@x.example"), ("a", "a@X.example"), ("a@b",)])
