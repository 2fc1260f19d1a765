"""The CoA and Disconnect client: packets, retransmission, which answers count, and what is made of them."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.dynamic import IGNORED, REQUESTS, Acked, DynamicAuthorization, Refused, Result, Silent
from portaswitch.endpoints.error_causes import Law, law
from portaswitch.endpoints.outgoing import MOST_SOCKETS, Timing
from portaswitch.model.session_task import TaskKind
from tests.simulators.nas import COA, COA_ACK, DISCONNECT, DISCONNECT_ACK, EVENT_TIMESTAMP, Request

SECRET = b"a test secret"
NODE = ("192.0.2.1", 3799)
SESSION = [("Acct-Session-Id", "0001")]


class Port:
    """A socket of the fake reactor: it keeps what is written, or raises."""

    def __init__(self, net: Net, protocol: Any, interface: str) -> None:
        self.net, self.protocol, self.interface = net, protocol, interface
        protocol.transport = self

    def write(self, octets: bytes, place: tuple[str, int]) -> None:
        """A datagram leaves."""
        if self.net.error is not None:
            raise self.net.error
        self.net.sent.append((self, octets, place))

    def stopListening(self) -> Deferred[None]:
        """Close."""
        self.protocol.stopProtocol()
        return succeed(None)


class Net(Clock):
    """A clock that also opens sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Port, bytes, tuple[str, int]]] = []
        self.ports: list[Port] = []
        self.error: OSError | None = None
        self.refuse: Exception | None = None

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> Port:
        """A new socket."""
        if self.refuse is not None:
            raise self.refuse
        self.ports.append(Port(self, protocol, interface))
        return self.ports[-1]


class DynamicCase(SynchronousTestCase):
    """A client with its net; waits have no jitter."""

    def setUp(self) -> None:
        """A client of the usual timing."""
        self.net = Net()
        self.client = DynamicAuthorization(self.net, Timing(), now=lambda: 1_700_000_000.9, vary=lambda low, high: 0.0)

    def ask(self, kind: TaskKind = TaskKind.POD, place: tuple[str, int] = NODE) -> Deferred[Result]:
        """A request."""
        return self.client.ask(place, kind, SESSION, SECRET)

    def request(self, place: int = -1) -> Request:
        """A request as the node reads it: what is wrong raises."""
        return Request(self.net.sent[place][1], SECRET)

    def receive(self, octets: bytes, place: Any = NODE, sent: int = -1) -> None:
        """A datagram to the socket that a request left from."""
        self.net.sent[sent][0].protocol.datagramReceived(octets, place)

    def ignored(self, reason: str, *octets: bytes, place: Any = NODE) -> None:
        """Each of the datagrams is counted once for this reason, and nothing else happens."""
        before = IGNORED.get(reason)
        for one in octets:
            self.receive(one, place)
        self.assertEqual(IGNORED.get(reason) - before, len(octets))


class AnswerTests(DynamicCase):
    """The three results, and what is ignored."""

    def test_packet(self) -> None:
        """Signed first, named as asked, with the time; a Disconnect and a CoA."""
        for kind, code in ((TaskKind.POD, DISCONNECT), (TaskKind.COA, COA)):
            _ = self.ask(kind)
            request = self.request()
            self.assertEqual((request.code, request.get(44), request.get(EVENT_TIMESTAMP)), (code, b"0001", (1_700_000_000).to_bytes(4, "big")))
            self.assertEqual(self.net.sent[-1][2], NODE)

    def test_results(self) -> None:
        """ACK, NAK with and without a cause that has a name, silence: counted by kind."""
        cases: list[tuple[Any, Result]] = [
            (lambda request: request.ack(), Acked()),
            (lambda request: request.answer(DISCONNECT_ACK, signed=False), Acked()),
            (lambda request: request.nak(503), Refused(503, "Session-Context-Not-Found")),
            (lambda request: request.nak(599), Refused(599, "599")),
            (lambda request: request.nak(None), Refused(None)),
        ]
        for answer, result in cases:
            name = type(result).__name__.lower()
            before = REQUESTS.get("pod", name)
            asked = self.ask()
            self.receive(answer(self.request()))
            self.assertEqual(self.successResultOf(asked), result)
            self.assertEqual(REQUESTS.get("pod", name), before + 1)
        self.assertEqual(self.net.getDelayedCalls(), [])

    def test_retransmission(self) -> None:
        """The same octets after 2, 6, 14 and 22 s; after 30 s it is silent, and says what to look at."""
        asked = self.ask()
        times = []
        for _ in range(119):
            before = len(self.net.sent)
            self.net.advance(0.25)
            times += [self.net.seconds()] * (len(self.net.sent) - before)
        self.assertEqual(times, [2.0, 6.0, 14.0, 22.0])
        self.assertEqual({octets for _, octets, _ in self.net.sent}, {self.net.sent[0][1]})
        self.assertNoResult(asked)
        self.net.advance(0.25)
        silent = self.successResultOf(asked)
        assert isinstance(silent, Silent)
        self.assertIn("udp 192.0.2.1:3799 did not answer (sent 5 times in 30 s)", silent.reason)
        self.assertIn("coa_address", silent.reason)
        self.assertEqual(self.client.under_way(), 0)

    def test_late_try(self) -> None:
        """An answer to the third sending counts, and the clock is left clean."""
        asked = self.ask()
        self.net.pump([2, 4])
        self.receive(self.request().ack())
        self.assertEqual(self.successResultOf(asked), Acked())
        self.assertEqual(self.net.getDelayedCalls(), [])

    def test_second_answer(self) -> None:
        """The second answer, whatever it says, is late; the next request has another Identifier and content of its own."""
        asked = self.ask()
        first = self.request()
        self.receive(first.nak(506))
        self.ignored("late", first.ack(), first.ack())
        self.assertEqual(self.successResultOf(asked), Refused(506, "Resources-Unavailable"))
        _ = self.ask()
        self.assertNotEqual(self.request().identifier, first.identifier)

    def test_hostile(self) -> None:
        """Other senders, ports, secrets, codes, Identifiers, cut and empty datagrams: counted by reason; the right answer still counts."""
        asked = self.ask()
        request = self.request()
        right = request.ack()
        self.ignored("address", right, place=("192.0.2.2", 3799))
        self.ignored("address", right, place=("192.0.2.1", 1700))
        self.ignored("unasked", request.answer(DISCONNECT_ACK, identifier=(request.identifier + 1) % 256))
        self.ignored("authenticator", request.answer(DISCONNECT_ACK, secret=b"another"), request.answer(DISCONNECT_ACK, secret=b"x", signed=False))
        self.ignored("code", request.answer(COA_ACK), request.answer(2), request.answer(40))
        self.ignored("short", b"", b"\x29", right[:19][:2] + b"\0" * 10)
        self.ignored("length", right[:-1])
        self.assertNoResult(asked)
        self.receive(right)
        self.assertEqual(self.successResultOf(asked), Acked())

    def test_forged_signature(self) -> None:
        """A right Response Authenticator does not save a wrong Message-Authenticator."""
        asked = self.ask()
        request = self.request()
        right = bytearray(request.ack())
        right[22] ^= 1
        right[4:20] = hashlib.md5(bytes(right[:4]) + request.authenticator + bytes(right[20:]) + SECRET).digest()
        self.ignored("message-authenticator", bytes(right))
        self.assertNoResult(asked)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=80), st.integers(0, 255))
    def test_rubbish(self, octets: bytes, code: int) -> None:
        """No octets raise, none settles a request, and nothing is remembered of them."""
        asked = self.ask()
        identifier = self.request().identifier
        for datagram in (octets, bytes((code, identifier)) + octets):
            self.receive(datagram)
        self.assertNoResult(asked)
        self.assertEqual(self.client.under_way(), 1)
        asked.cancel()
        self.failureResultOf(asked)
        self.net.sent.clear()


class SocketTests(DynamicCase):
    """Sockets and Identifiers."""

    def test_more_sockets(self) -> None:
        """The 257th request to one place leaves from a second socket; another place begins at the first; the end is told."""
        asked = [self.ask() for _ in range(257)]
        self.assertEqual(len(self.net.ports), 2)
        self.assertEqual(len({(port.protocol, octets[1]) for port, octets, _ in self.net.sent}), 257)
        _ = self.ask(place=("192.0.2.9", 3799))
        self.assertIs(self.net.sent[-1][0], self.net.ports[0])
        self.receive(self.request(7).ack(), sent=7)
        self.assertEqual(self.successResultOf(asked[7]), Acked())
        _ = self.ask()
        self.assertIs(self.net.sent[-1][0], self.net.ports[0])
        for _ in range(256 * MOST_SOCKETS - 257):
            _ = self.ask()
        refused = self.successResultOf(self.ask())
        assert isinstance(refused, Silent)
        self.assertIn("4096 requests wait", refused.reason)

    def test_families(self) -> None:
        """An IPv6 node is asked from an IPv6 socket; an answer's scope does not matter."""
        asked = self.ask(place=("2001:db8::1", 3799))
        self.assertEqual(self.net.ports[0].interface, "::")
        self.receive(self.request().ack(), ("2001:db8::1", 3799, 0, 0))
        self.assertEqual(self.successResultOf(asked), Acked())
        _ = self.ask()
        self.assertEqual(self.net.ports[1].interface, "0.0.0.0")

    def test_no_socket(self) -> None:
        """A socket that can't be had, and one that can't send, are silence with a reason."""
        self.net.refuse = CannotListenError("192.0.2.7", 0, OSError(99, "Cannot assign requested address"))
        silent = self.successResultOf(self.ask())
        assert isinstance(silent, Silent)
        self.assertIn("Cannot assign", silent.reason)
        self.net.refuse, self.net.error = None, OSError(101, "Network is unreachable")
        asked = self.ask()
        self.net.pump([2, 4, 8, 8, 8])
        silent = self.successResultOf(asked)
        assert isinstance(silent, Silent)
        self.assertIn("Network is unreachable", silent.reason)

    def test_stop(self) -> None:
        """Stopping ends what is under way; cancelling forgets a request, whose answer is then late."""
        asked, cancelled = self.ask(), self.ask()
        answer = self.request().ack()
        cancelled.cancel()
        self.failureResultOf(cancelled)
        self.ignored("late", answer)
        self.successResultOf(self.client.stop())
        self.assertIsInstance(self.successResultOf(asked), Silent)
        self.assertEqual(self.net.getDelayedCalls(), [])

    def test_unencodable(self) -> None:
        """Attributes that can't be encoded raise, and take no Identifier."""
        self.assertRaises(ValueError, self.client.ask, NODE, TaskKind.COA, [("Framed-IP-Address", "nonsense")], SECRET)
        self.assertEqual(self.client.under_way(), 0)

    def test_timing(self) -> None:
        """The lease is longer than any jitter makes the waits."""
        timing = Timing(3, 0.5, 8)
        self.assertEqual([timing.wait(n) for n in range(1, 7)], [0.5, 1, 2, 4, 8, 8])
        self.assertAlmostEqual(timing.total, 3.85)


class CauseTests(SynchronousTestCase):
    """The law of Error-Cause."""

    def test_table(self) -> None:
        """Every cause of RFC 5176 3.5, for a disconnect and for a CoA."""
        gone = frozenset((503,))
        later, done = {504, 506, 507}, {201, 202}
        for cause in (201, 202, *range(401, 408), *range(501, 509), 601, 777):
            wanted = Law.DONE if cause in done else Law.LATER if cause in later else Law.FINAL
            self.assertEqual(law(cause, frozenset()), wanted, cause)
            self.assertEqual(law(cause, gone), Law.DONE if cause == 503 else wanted, cause)
        self.assertEqual(law(None, gone), Law.LATER)
