"""The client side of RADIUS: retransmission, matching, and what is said when no right answer comes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.radius_client import Answer, NasClient, NoAnswer
from portaswitch.wire.radius.codec import decode, encode_reply
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code

SECRET = b"a test secret"
SERVER = ("192.0.2.1", 1812)
DICTIONARY = Dictionary.standard()
NAME = [("User-Name", "alice")]


class Wire:
    """A transport that keeps what is written, or raises."""

    def __init__(self) -> None:
        self.written: list[tuple[bytes, tuple[str, int]]] = []
        self.error: OSError | None = None

    def write(self, octets: bytes, place: tuple[str, int]) -> None:
        """Keep a datagram."""
        if self.error is not None:
            raise self.error
        self.written.append((octets, place))


class ClientTests(SynchronousTestCase):
    """One client with its wire and clock."""

    def setUp(self) -> None:
        """A client of three tries, two seconds each."""
        self.clock, self.wire = Clock(), Wire()
        self.client = NasClient(self.clock, *SERVER, SECRET)
        self.client.transport = self.wire  # type: ignore[assignment]

    def ask(self, code: Code = Code.ACCESS_REQUEST) -> Deferred[Answer]:
        """A request of the code."""
        return self.client.ask(code, NAME)

    def reply(self, code: Code = Code.ACCESS_ACCEPT, secret: bytes = SECRET, place: int = -1) -> bytes:
        """The answer of a server with this secret to a request that was written."""
        request = decode(self.wire.written[place][0], SECRET, DICTIONARY)
        return encode_reply(request, code, [("Reply-Message", "hello")], secret, DICTIONARY)

    def receive(self, octets: bytes, place: Any = SERVER) -> None:
        """A datagram from somewhere."""
        self.client.datagramReceived(octets, place)

    def test_answer(self) -> None:
        """The answer, how long it took and that one try was enough; nothing is left on the clock."""
        asked = self.ask()
        self.clock.advance(0.25)
        self.receive(self.reply())
        answer = self.successResultOf(asked)
        self.assertEqual((answer.packet.code, answer.packet.text("Reply-Message")), (2, "hello"))
        self.assertEqual((answer.seconds, answer.tries), (0.25, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.wire.written[0][1], SERVER)

    def test_retransmission(self) -> None:
        """The same octets after two and four seconds; an answer to the third try counts."""
        asked = self.ask()
        self.clock.pump([1.9, 0.1, 1.9, 0.1])
        octets = [octets for octets, _ in self.wire.written]
        self.assertEqual(octets, [octets[0]] * 3)
        self.clock.advance(1.5)
        self.receive(self.reply())
        self.assertEqual(self.successResultOf(asked).tries, 3)

    def test_no_answer(self) -> None:
        """After six seconds it says what may be the matter."""
        asked = self.ask()
        self.clock.pump([2, 2, 1.9])
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        text = str(self.failureResultOf(asked, NoAnswer).value)
        self.assertIn("udp 192.0.2.1:1812 did not answer (sent 3 times in 6 s)", text)
        self.assertIn("radius_clients", text)

    def test_wrong_secret(self) -> None:
        """An answer made with another secret is ignored, and named in the end."""
        asked = self.ask(Code.ACCOUNTING_REQUEST)
        self.receive(self.reply(Code.ACCOUNTING_RESPONSE, b"another"))
        self.assertNoResult(asked)
        self.clock.pump([2, 2, 2])
        self.assertIn(
            "secret at the other side is another one", str(self.failureResultOf(asked, NoAnswer).value)
        )

    def test_ignored(self) -> None:
        """
        Somebody else's datagrams, unknown identifiers, codes that answer nothing and rubbish change nothing.
        """
        asked = self.ask()
        right = self.reply()
        self.receive(right, ("192.0.2.2", 1812))
        self.receive(right, ("192.0.2.1", 1813))
        self.receive(bytes((right[0], (right[1] + 1) % 256)) + right[2:])
        self.receive(b"")
        self.receive(right[:19])
        self.assertNoResult(asked)
        self.receive(right)
        self.assertEqual(self.successResultOf(asked).packet.code, 2)
        self.receive(right)

    def test_several(self) -> None:
        """Requests under way at once have different Identifiers; at most 256 of them."""
        asked = [self.ask() for _ in range(256)]
        self.assertEqual(len({octets[1] for octets, _ in self.wire.written}), 256)
        self.assertIn("256", str(self.failureResultOf(self.ask(), NoAnswer).value))
        self.receive(self.reply(place=7))
        self.successResultOf(asked[7])
        asked[7] = self.ask()
        self.assertNoResult(asked[7])
        self.client.stopProtocol()
        for one in asked:
            self.failureResultOf(one, NoAnswer)

    def test_unreachable(self) -> None:
        """An error of the socket is no crash: the next try may find the network back."""
        self.wire.error = OSError(101, "Network is unreachable")
        asked = self.ask()
        self.wire.error = None
        self.clock.advance(2)
        self.receive(self.reply())
        self.assertEqual(self.successResultOf(asked).tries, 2)

    def test_cancel(self) -> None:
        """A cancelled request is sent no more."""
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked)
        self.assertEqual(self.clock.getDelayedCalls(), [])
