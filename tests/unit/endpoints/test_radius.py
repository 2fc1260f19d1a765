"""The RADIUS endpoint: every packet is answered once, or dropped silently and counted by its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.test.proto_helpers import EventLoggingObserver
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.radius import ACCT, AUTH, DROPPED, RECEIVED, SENT, Limits, Port, RadiusProtocol
from portaswitch.errors import DatabaseDown, LedgerFailed, Overloaded
from portaswitch.model.catalogue import Observe
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Base, Decision, Facts, Grant, Kind
from portaswitch.wire.radius import crypto
from portaswitch.wire.radius.codec import verify_reply
from portaswitch.wire.radius.packet import Code, Packet
from tests.unit.builders import AT, CARD, auth
from tests.unit.endpoints.radius_world import CLIENT, DICTIONARY, HOST, PEER, SECRET, Attributes, Desk, Wire, octets, table, unsigned

HELLO: Attributes = [("User-Name", CARD), ("NAS-IP-Address", "164.9.9.100")]
REPORT: Attributes = [*HELLO, ("Acct-Status-Type", "Stop"), ("Acct-Session-Id", "a"), ("Acct-Session-Time", 5)]
ACCEPT = Decision(facts=Facts(CARD, 101, -1, "CAD", "en"))
REJECT = Decision(refusal=Refusal.INVALID_ACCOUNT)
LIMITS = Limits(reject_delay=1.0, duplicate_window=10.0, waiting_per_peer=3)


class RadiusCase(SynchronousTestCase):
    """One port over a desk, a wire and a clock."""

    port: Port = AUTH

    def setUp(self) -> None:
        """A new one, and the counters as they are."""
        self.begin()

    def begin(self, limits: Limits = LIMITS, **what: Any) -> None:
        """Begin again with these limits, or a client of other habits."""
        self.clock, self.desk, self.wire = Clock(), Desk(), Wire()
        clients = table(replace(CLIENT, **what))
        self.protocol = RadiusProtocol(self.port, self.desk, lambda: clients, self.clock, lambda: AT, limits)
        self.protocol.makeConnection(cast(Any, self.wire))
        self.before = dict(DROPPED.values)

    def receive(self, *datagrams: bytes, peer: tuple[str, int] = PEER) -> None:
        """Datagrams from a client."""
        for datagram in datagrams:
            self.protocol.datagramReceived(datagram, peer)

    def dropped(self) -> dict[str, int]:
        """What was dropped since the beginning, by reason."""
        port = self.port.name
        counts = {key[1]: count - self.before.get(key, 0) for key, count in DROPPED.values.items() if key[0] == port}
        return {reason: count for reason, count in counts.items() if count}

    def answers(self, request: bytes) -> list[Packet]:
        """What was sent, verified as answers to this request."""
        return [verify_reply(datagram, request, SECRET, DICTIONARY) for datagram, _ in self.wire.sent]


class AnswerTests(RadiusCase):
    """The usual way."""

    def test_accept(self) -> None:
        """Asked once, answered to the sender, signed first; counted."""
        received, sent = RECEIVED.get("auth"), SENT.get("auth", "access-accept")
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        (request, _), *none = self.desk.asked
        self.assertEqual((request.kind, request.id, request.origin.i_node, none, self.wire.sent), (Kind.AUTH, "r1", 7, [], []))
        self.desk.decide(ACCEPT)
        (answer,) = self.answers(hello)
        self.assertEqual((answer.code, answer.first_is_message_authenticator, self.wire.sent[0][1]), (Code.ACCESS_ACCEPT, True, PEER))
        self.assertEqual((RECEIVED.get("auth") - received, SENT.get("auth", "access-accept") - sent, self.dropped()), (1, 1, {}))

    def test_unsigned_is_answered_signed(self) -> None:
        """Old equipment is answered with a signature all the same."""
        hello = unsigned(HELLO)
        self.receive(hello)
        self.desk.decide(ACCEPT)
        self.assertTrue(self.answers(hello)[0].first_is_message_authenticator)

    def test_reject_waits(self) -> None:
        """A reject is held back for a second against guessing; the same request meanwhile is in progress."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        self.desk.decide(REJECT)
        self.receive(hello)
        self.clock.advance(0.9)
        self.assertEqual((self.wire.sent, self.dropped()), ([], {"in-progress": 1}))
        self.clock.advance(0.2)
        self.assertEqual([answer.code for answer in self.answers(hello)], [Code.ACCESS_REJECT])
        self.receive(hello)
        self.assertEqual(self.wire.sent[0], self.wire.sent[1])

    def test_reject_at_once(self) -> None:
        """Without delay."""
        self.begin(replace(LIMITS, reject_delay=0))
        self.receive(octets(Code.ACCESS_REQUEST, HELLO))
        self.desk.decide(REJECT)
        self.assertEqual((len(self.wire.sent), self.clock.getDelayedCalls()), (1, []))

    def test_proxy_state(self) -> None:
        """Every Proxy-State comes back, unmodified and in order, also in a reject."""
        for decision in (ACCEPT, REJECT):
            self.begin()
            hello = octets(Code.ACCESS_REQUEST, [*HELLO, ("Proxy-State", b"one"), ("Proxy-State", b"\0two")])
            self.receive(hello)
            self.desk.decide(decision)
            self.clock.advance(2)
            self.assertEqual(self.answers(hello)[0].proxy_states, [b"one", b"\0two"])

    def test_status_server(self) -> None:
        """Answered on the spot, without asking the core."""
        probe = octets(Code.STATUS_SERVER, [])
        self.receive(probe, probe)
        self.assertEqual([answer.code for answer in self.answers(probe)], [Code.ACCESS_ACCEPT] * 2)
        self.assertEqual(self.desk.asked, [])


class AccountingTests(RadiusCase):
    """The accounting port."""

    port = ACCT

    def test_response(self) -> None:
        """Answered when the core has answered, whatever it decided."""
        for decision in (Decision(), Decision(refusal=Refusal.NOT_AVAILABLE)):
            self.begin()
            report = octets(Code.ACCOUNTING_REQUEST, REPORT)
            self.receive(report)
            self.desk.decide(decision)
            self.assertEqual([answer.code for answer in self.answers(report)], [Code.ACCOUNTING_RESPONSE])

    def test_status_server(self) -> None:
        """On this port by an Accounting-Response."""
        probe = octets(Code.STATUS_SERVER, [])
        self.receive(probe)
        self.assertEqual([answer.code for answer in self.answers(probe)], [Code.ACCOUNTING_RESPONSE])

    def test_silent_without_record(self) -> None:
        """Not recorded, not answered; the retransmission, the same octets, is a new try (RFC 2866 2)."""
        report = octets(Code.ACCOUNTING_REQUEST, REPORT)
        reasons = {DatabaseDown("gone"): "database", Overloaded("full"): "overload", LedgerFailed("broken"): "undecided", ValueError("defect"): "undecided"}
        for error, reason in reasons.items():
            self.begin()
            self.receive(report)
            self.desk.fail(error)
            self.assertEqual((self.wire.sent, self.dropped()), ([], {reason: 1}))
            self.receive(report)
            self.desk.decide(Decision())
            self.assertEqual([answer.code for answer in self.answers(report)], [Code.ACCOUNTING_RESPONSE])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)  # only what is no error of ours is a defect worth a traceback

    def test_drops(self) -> None:
        """Codes of the other port, a wrong authenticator, no status, no session, an unknown status."""
        forged = bytearray(octets(Code.ACCOUNTING_REQUEST, REPORT))
        forged[10] ^= 1
        self.receive(octets(Code.ACCESS_REQUEST, HELLO), bytes(forged), octets(Code.ACCOUNTING_REQUEST, HELLO))
        self.receive(octets(Code.ACCOUNTING_REQUEST, [*HELLO, ("Acct-Status-Type", "Stop")]), octets(Code.ACCOUNTING_REQUEST, [("Acct-Status-Type", 77)]))
        self.assertEqual(self.dropped(), {"code": 1, "authenticator": 1, "status-type": 2, "session-id": 1})
        self.assertEqual((self.wire.sent, self.desk.asked), ([], []))


class DuplicateTests(RadiusCase):
    """RFC 5080 2.2.2."""

    def test_in_progress_and_answered(self) -> None:
        """Asked once; dropped while in progress; then the same octets again, and no second question."""
        hello, repeated = octets(Code.ACCESS_REQUEST, HELLO), SENT.get("auth", "repeated")
        self.receive(hello, hello)
        self.assertEqual((len(self.desk.asked), self.dropped()), (1, {"in-progress": 1}))
        self.desk.decide(ACCEPT)
        self.receive(hello, hello)
        self.assertEqual((self.wire.sent, self.desk.asked), ([self.wire.sent[0]] * 3, []))
        self.assertEqual(SENT.get("auth", "repeated") - repeated, 2)

    def test_other_authenticator(self) -> None:
        """The same Identifier with another authenticator is a new request, each answered by its own."""
        one, two = octets(Code.ACCESS_REQUEST, HELLO, 5, b"1" * 16), octets(Code.ACCESS_REQUEST, HELLO, 5, b"2" * 16)
        self.receive(one, two)
        self.assertEqual(len(self.desk.asked), 2)
        self.desk.decide(ACCEPT)
        self.desk.decide(ACCEPT)
        for request, (datagram, _) in zip((one, two), self.wire.sent, strict=True):
            self.assertEqual(verify_reply(datagram, request, SECRET, DICTIONARY).code, Code.ACCESS_ACCEPT)
        self.receive(two)
        self.assertEqual(self.wire.sent[2], self.wire.sent[1])

    def test_other_port(self) -> None:
        """The same octets from another port are another request."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        self.receive(hello, peer=(HOST, 40001))
        self.assertEqual(len(self.desk.asked), 2)

    def test_forged(self) -> None:
        """A wrong signature does not touch what is remembered."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        forged = bytearray(octets(Code.ACCESS_REQUEST, HELLO, 5, b"2" * 16))
        forged[22] ^= 1
        self.receive(bytes(forged), hello)
        self.assertEqual((len(self.desk.asked), self.dropped()), (1, {"message-authenticator": 1, "in-progress": 1}))

    def test_forgotten(self) -> None:
        """After the window it is a new request."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        self.desk.decide(ACCEPT)
        self.clock.advance(11)
        self.protocol.duplicates.sweep()
        self.receive(hello)
        self.assertEqual(len(self.desk.asked), 1)


class DropTests(RadiusCase):
    """Silence, and its reasons."""

    def test_malformed(self) -> None:
        """Lengths, codes, padding."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(b"", b"x" * 19, hello[:-1], b"\1\5\x20\0" + b"x" * 8188, b"\2" + hello[1:], b"\x63" + hello[1:])
        self.assertEqual(self.dropped(), {"short": 2, "length": 1, "long": 1, "code": 2})
        self.receive(hello + b"padding")
        self.assertEqual((len(self.desk.asked), self.wire.sent), (1, []))

    def test_attributes(self) -> None:
        """An attribute that runs out of the packet, one without a length, a password that is no multiple of 16."""
        for body, reason in ((b"\1\x20abc", "attribute"), (b"\1\1", "attribute"), (b"\2\7abcde", "password")):
            self.begin(require_message_authenticator=Observe.NO)
            self.receive(bytes((1, 5, 0, 20 + len(body))) + b"u" * 16 + body)
            self.assertEqual((self.dropped(), self.desk.asked), ({reason: 1}, []))

    def test_codes(self) -> None:
        """Accounting, CoA and Disconnect are not for this port; Status-Server must be signed."""
        self.receive(octets(Code.ACCOUNTING_REQUEST, REPORT), octets(Code.COA_REQUEST, HELLO), octets(Code.DISCONNECT_REQUEST, HELLO))
        self.receive(b"\x0c\5\0\x14" + b"s" * 16)
        self.assertEqual(self.dropped(), {"code": 3, "message-authenticator": 1})

    def test_secret(self) -> None:
        """Another secret."""
        self.receive(octets(Code.ACCESS_REQUEST, HELLO, secret=b"another secret"))
        self.assertEqual((self.dropped(), self.desk.asked), ({"message-authenticator": 1}, []))

    def test_trust(self) -> None:
        """Required signatures and limited Proxy-State, from the client's entry."""
        self.receive(octets(Code.ACCESS_REQUEST, HELLO), unsigned(HELLO))
        self.assertEqual(self.dropped(), {"unsigned": 1})
        self.begin(require_message_authenticator=Observe.NO)
        self.receive(unsigned([*HELLO, ("Proxy-State", b"x")]), unsigned(HELLO, 6))
        self.assertEqual((self.dropped(), len(self.desk.asked)), ({"proxy-state": 1}, 1))
        self.begin(require_message_authenticator=Observe.NO, limit_proxy_state=Observe.NO)
        self.receive(unsigned([*HELLO, ("Proxy-State", b"x")]))
        self.assertEqual(len(self.desk.asked), 1)

    def test_unknown_node(self) -> None:
        """A client without a node that sends for none that is known."""
        self.begin(i_node=0)
        self.receive(octets(Code.ACCESS_REQUEST, [("User-Name", CARD)]))
        self.assertEqual(self.dropped(), {"unknown-node": 1})

    def test_peer_overload(self) -> None:
        """No more than the limit of one address in the core at once; others are not kept out; answers make room."""
        requests = [octets(Code.ACCESS_REQUEST, HELLO, number) for number in range(5)]
        self.receive(*requests)
        self.assertEqual((len(self.desk.asked), self.dropped()), (3, {"peer-overload": 2}))
        self.desk.decide(ACCEPT)
        self.desk.fail(DatabaseDown("gone"))
        self.receive(*requests[3:])
        self.assertEqual(len(self.desk.asked), 3)
        for _ in range(3):
            self.desk.decide(ACCEPT)
        self.assertEqual(self.protocol._waiting, {})

    def test_unsendable(self) -> None:
        """A full socket: counted, and the retransmission gets the answer."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        self.receive(hello)
        self.wire.broken = True
        self.desk.decide(ACCEPT)
        self.assertEqual(self.dropped(), {"unsendable": 1})
        self.wire.broken = False
        self.receive(hello)
        self.assertEqual(len(self.answers(hello)), 1)


class DefectTests(RadiusCase):
    """No exception leaves; a defect costs one packet."""

    def setUp(self) -> None:
        """Logged failures are the point here."""
        super().setUp()
        self.addCleanup(self.flushLoggedErrors)

    def test_core_that_raises(self) -> None:
        """A core that raises at once: dropped, logged, and neither the peer's room nor its next try is lost."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)

        def handle(request: Any) -> Deferred[Decision]:
            raise RuntimeError("a defect")

        patched = self.patch(self.desk, "handle", handle)
        for number in range(10):
            self.receive(octets(Code.ACCESS_REQUEST, HELLO, number))
        self.receive(hello)
        patched.restore()
        self.assertEqual(self.wire.sent, [])
        self.receive(hello)
        self.assertEqual((len(self.desk.asked), "peer-overload" in self.dropped()), (1, False))

    def test_answer_that_cannot_be_written(self) -> None:
        """A decision that makes no packet: counted as a defect, and the retransmission is a new try."""
        hello = octets(Code.ACCESS_REQUEST, [*HELLO, ("Called-Station-Id", "82")])
        self.receive(hello)
        self.desk.decide(Decision((Grant(auth().units[0].key, Base.TIME, 5),), None, replace(ACCEPT.facts, currency="C" * 300)))
        self.assertEqual((self.dropped(), self.wire.sent, len(self.flushLoggedErrors())), ({"defect": 1}, [], 1))
        self.receive(hello)
        self.assertEqual((len(self.desk.asked), self.protocol._waiting), (1, {HOST: 1}))

    def test_accept_without_grants(self) -> None:
        """An acceptance of an authorization without any grant is a defect too."""
        self.receive(octets(Code.ACCESS_REQUEST, [*HELLO, ("Called-Station-Id", "82")]))
        self.desk.decide(ACCEPT)
        self.assertEqual(self.dropped(), {"defect": 1})

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=300))
    def test_random(self, datagram: bytes) -> None:
        """Random octets: nothing is raised, nothing sent; counted."""
        self.begin()
        self.receive(datagram)
        self.assertEqual((self.wire.sent, self.desk.asked, sum(self.dropped().values())), ([], [], 1))
        self.assertNotIn("defect", self.dropped())

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(st.integers(20, 400), st.integers(0, 255)), min_size=1, max_size=6), st.sampled_from((AUTH, ACCT)))
    def test_mutated(self, changes: list[tuple[int, int]], port: Port) -> None:
        """Mutated attributes under a right authenticator (a client gone mad): a drop with a reason of its own or a request, never a defect."""
        self.port = port
        self.begin(require_message_authenticator=Observe.NO, limit_proxy_state=Observe.NO)
        pairs: Attributes = [*REPORT, ("h323-connect-time", "00:16:21.164 PST Fri Mar 9 2007"), ("Called-Station-Id", "82")]
        pairs = [*pairs, ("h323-ivr-out", "PortaBilling_Authorize:min=1")]
        datagram = bytearray(unsigned(pairs) if port is AUTH else octets(Code.ACCOUNTING_REQUEST, pairs))
        for place, octet in changes:
            datagram[20 + place % (len(datagram) - 20)] = octet
        self.receive(bytes(datagram) if port is AUTH else _signed(bytes(datagram)))
        self.assertEqual(len(self.desk.asked) + sum(self.dropped().values()), 1)
        self.assertNotIn("defect", self.dropped())


def _signed(datagram: bytes) -> bytes:
    """An Accounting-Request with the authenticator that its octets need."""
    return datagram[:4] + crypto.authenticator(datagram[:4], bytes(16), datagram[20:], SECRET) + datagram[20:]


class StrangerTests(RadiusCase):
    """Senders that are no clients."""

    def setUp(self) -> None:
        """Keep the log lines."""
        super().setUp()
        self.lines = EventLoggingObserver()
        globalLogPublisher.addObserver(self.lines)
        self.addCleanup(globalLogPublisher.removeObserver, self.lines)

    def warned(self) -> list[str]:
        """The addresses that were warned of."""
        return [line["host"] for line in self.lines if line.get("log_level") is LogLevel.warn and "host" in line]

    def test_once_a_minute(self) -> None:
        """Dropped and counted each time, logged once a minute for each address."""
        hello = octets(Code.ACCESS_REQUEST, HELLO)
        for _ in range(3):
            self.receive(hello, peer=("10.0.0.1", 1))
            self.receive(hello, peer=("10.0.0.2", 1))
        self.assertEqual((self.warned(), self.dropped(), self.desk.asked), (["10.0.0.1", "10.0.0.2"], {"unknown-client": 6}, []))
        self.clock.advance(61)
        self.receive(hello, peer=("10.0.0.1", 1))
        self.assertEqual(len(self.warned()), 3)

    def test_flood_of_addresses(self) -> None:
        """Forged senders, each another: the log does not grow with them, nor does the memory."""
        for number in range(5000):
            self.receive(b"x", peer=(f"10.1.{number // 250}.{number % 250}", 1))
        self.assertEqual(self.dropped(), {"unknown-client": 5000})
        self.assertLessEqual(len(self.protocol._strangers), 1000)
        self.assertLessEqual(len(self.warned()), 1000)
        self.clock.advance(61)
        self.receive(b"x", peer=("10.2.0.1", 1))
        self.assertEqual(self.warned()[-1], "10.2.0.1")
