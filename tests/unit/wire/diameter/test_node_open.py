"""A node that connects to peers, and its open connections: messages, watchdogs, leave-taking, answers."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import encode, encode_answer
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message
from portaswitch.wire.diameter.outputs import Answered, Close, Connect, Deliver, Down, Refused, Restarted, Send, Unanswered, Up
from portaswitch.wire.diameter.states import State
from portaswitch.wire.diameter.watchdog import Health
from tests.unit.wire.diameter.exchange import DICTIONARY, LOCAL, PGW, NodeCase, ccr, cer, only, origin, reply, request, sent


class GoingOutTests(NodeCase):
    """We connect, and perhaps the peer does too."""

    def test_connect(self) -> None:
        """CER, CEA, Up; requests behind the CEA are delivered."""
        self.assertEqual(self.node.start(PGW, 0), [Connect(PGW)])
        (message,) = sent(self.node.connected("o", 0, PGW))
        self.assertEqual((message.code, message.is_request), (257, True))
        outputs = self.node.received("o", reply(message, more=[("Auth-Application-Id", 4)]) + ccr(), 0)
        self.assertEqual([type(output) for output in outputs], [Up, Deliver])

    def test_failures(self) -> None:
        """No connection; no CEA in time; a CEA of failure, from another, or of nothing common; something else."""
        self.node.start(PGW, 0)
        self.node.failed(PGW, 0)
        self.assertIs(self.node.peers[PGW].state, State.CLOSED)
        answers: list[Callable[[Message], bytes]] = [
            lambda m: reply(m, result=5010),
            lambda m: reply(m, "other.example.com", more=[("Auth-Application-Id", 4)]),
            lambda m: reply(m),
            lambda m: ccr(),
        ]
        for number, answer in enumerate(answers):
            self.node.start(PGW, 0)
            (message,) = sent(self.node.connected(number, 0, PGW))
            outputs = self.node.received(number, answer(message), 0)
            self.assertEqual(([type(o) for o in outputs], self.node.peers[PGW].state), ([Close], State.CLOSED))
        self.node.start(PGW, 0)
        self.node.connected("o", 0, PGW)
        self.assertEqual([type(o) for o in self.node.tick(10)], [Close])

    def test_election(self) -> None:
        """Both connect: the connection of the higher name stays (RFC 6733 5.6.4)."""
        for host, stays in (("a.example.com", "r"), ("z.example.com", "o")):
            self.node.start(host, 0)
            (message,) = sent(self.node.connected("o" + host, 0, host))
            self.node.connected("r" + host, 0)
            outputs = self.node.received("r" + host, cer(host), 0)
            outputs += self.node.received("o" + host, reply(message, host, more=[("Auth-Application-Id", 4)]), 0)
            self.assertEqual(len(only(outputs, Up)), 1)
            self.assertEqual(self.node.peers[host].open, stays + host)
            self.assertEqual(len(only(outputs, Close)), 1)

    def test_election_without_a_connection_of_ours(self) -> None:
        """The peer comes in while we still connect, which then fails."""
        self.node.start(PGW, 0)
        self.assertEqual(self.open(), [])
        self.assertEqual(len(only(self.node.failed(PGW, 1), Up)), 1)

    def test_connected_too_late(self) -> None:
        """A connection that nobody waits for any more."""
        self.assertEqual([type(o) for o in self.node.connected("o", 0, PGW)], [Close])


class OpenTests(NodeCase):
    """Messages, watchdog and leave-taking on an open connection."""

    def setUp(self) -> None:
        """One peer is open."""
        super().setUp()
        self.open()

    def test_answer_once(self) -> None:
        """An answer goes out once, and not on a connection that is gone."""
        (first,) = only(self.node.received("c", ccr(5), 1), Deliver)
        answer = encode_answer(first.message, [("Result-Code", 2001), *LOCAL.origin], DICTIONARY)
        self.assertEqual(self.node.answer(first, answer), [Send("c", answer)])
        self.assertEqual(self.node.answer(first, answer), [])
        (second,) = only(self.node.received("c", ccr(6), 1), Deliver)
        self.node.lost("c", 2)
        self.assertEqual(self.node.answer(second, answer), [])

    def test_faults(self) -> None:
        """The node answers by itself; the application hears nothing of them."""
        for octets, result in (
            (request(999, origin(), 4), 3001),
            (request(272, origin(), 77), 3007),
            (request(272, origin(), 4), 5005),
            (request(280, origin(), flags=0xC0), 3008),
        ):
            outputs = self.node.received("c", octets, 1)
            self.assertEqual(([m.get("Result-Code") for m in sent(outputs)], only(outputs, Deliver)), ([result], []))
        outputs = self.node.received("c", b"\2\0\0\0", 2)
        self.assertEqual([type(o) for o in outputs], [Refused, Close, Down])

    def test_our_requests(self) -> None:
        """Answers are matched by hop-by-hop identifier; one to nothing is dropped; a loss gives contexts back."""
        sends = [self.node.request(PGW, 0xC0, 258, 4, [("Session-Id", "s")], number) for number in (1, 2)]
        (message,) = sent(sends[0])
        octets = encode_answer(message, [("Result-Code", 2002), *origin()], DICTIONARY)
        (answered,) = only(self.node.received("c", octets, 1), Answered)
        self.assertEqual((answered.context, answered.message.get("Result-Code")), (1, 2002))
        self.assertEqual([type(o) for o in self.node.received("c", octets, 1)], [Refused])
        (message,) = sent(sends[1])
        stray = encode(0x40, 272, 4, message.hop_by_hop, message.end_to_end, [("Result-Code", 2001), *origin()], DICTIONARY)
        self.assertEqual([type(o) for o in self.node.received("c", stray, 1)], [Refused], "an answer to another command")
        outputs = self.node.lost("c", 2)
        self.assertEqual([o.context for o in only(outputs, Unanswered)], [2])
        self.assertRaises(LookupError, self.node.request, PGW, 0xC0, 258, 4, [], 3)

    def test_forgotten(self) -> None:
        """What is not waited for any more has no late answer, and is not given back; the others are."""
        (message,) = sent(self.node.request(PGW, 0xC0, 258, 4, [("Session-Id", "s")], 1))
        self.node.request(PGW, 0xC0, 258, 4, [("Session-Id", "s")], 2)
        for peer, context in ((PGW.upper(), 1), ("nobody", 2)):
            self.node.forget(peer, context)
        late = encode_answer(message, [("Result-Code", 2002), *origin()], DICTIONARY)
        self.assertEqual([type(o) for o in self.node.received("c", late, 1)], [Refused])
        self.assertEqual([o.context for o in only(self.node.lost("c", 2), Unanswered)], [2])

    def test_watchdog_of_the_peer(self) -> None:
        """DWA with our origin and state; its Origin-State-Id is kept."""
        (dwa,) = sent(self.node.received("c", request(280, [*origin(), ("Origin-State-Id", 9)]), 1))
        self.assertEqual((dwa.code, dwa.get("Result-Code"), dwa.get("Origin-State-Id")), (280, 2001, 7))
        self.assertEqual(self.node.peers[PGW].origin_state, 9)
        told = self.node.received("c", request(280, [*origin(), ("Origin-State-Id", 10)]), 1)
        self.assertEqual(only(told, Restarted), [Restarted(PGW, 10)])

    def test_our_watchdog(self) -> None:
        """DWR after 30 s, suspicion after 60, the end after 90; then a new connection is on trial, but served."""
        (dwr,) = sent(self.node.tick(30))
        self.assertEqual((dwr.code, dwr.get("Origin-State-Id")), (280, 7))
        self.assertEqual(self.node.tick(60), [])
        self.assertFalse(self.node.ready(PGW))
        self.assertEqual([type(o) for o in self.node.tick(90)], [Close, Down])
        outputs = self.open("e", now=100)
        self.assertEqual([m.code for m in sent(outputs)], [257, 280])
        self.assertIs(self.node.peers[PGW].watchdog.health, Health.REOPEN)
        self.assertEqual(len(only(self.node.received("e", ccr(), 101), Deliver)), 1)
        self.assertFalse(self.node.ready(PGW))
        dwr, now = sent(outputs)[1], 101.0
        for _ in range(3):
            self.node.received("e", reply(dwr), now)
            now = self.node.deadline or 0
            dwr = (sent(self.node.tick(now)) or [dwr])[0]
        self.assertTrue(self.node.ready(PGW))

    def test_the_peer_leaves(self) -> None:
        """DPA, nothing more in or out, and the end after 5 s unless the peer closes."""
        (delivered,) = only(self.node.received("c", ccr(5), 1), Deliver)
        outputs = self.node.received("c", request(282, [*origin(), ("Disconnect-Cause", 2)]), 1)
        self.assertEqual([(m.code, m.get("Result-Code")) for m in sent(outputs)], [(282, 2001)])
        self.assertEqual(only(outputs, Down), [Down(PGW, "disconnected")])
        self.assertEqual(self.node.peers[PGW].cause, 2)
        self.assertEqual(self.node.answer(delivered, b""), [])
        self.assertEqual(self.node.received("c", ccr(6), 2), [])
        self.assertEqual([type(o) for o in self.node.tick(6)], [Close])

    def test_we_leave(self) -> None:
        """DPR with its cause, then Closed with the DPA."""
        outputs = self.node.stop(1, cause=1)
        (dpr,) = sent(outputs)
        self.assertEqual((dpr.code, dpr.get("Disconnect-Cause")), (282, 1))
        self.assertEqual(len(only(outputs, Down)), 1)
        self.assertEqual([type(o) for o in self.node.received("c", reply(dpr), 2)], [Close])
        self.assertIs(self.node.peers[PGW].state, State.CLOSED)


class IdentifierTests(SynchronousTestCase):
    """RFC 6733 3."""

    def test_end_to_end(self) -> None:
        """The low bits of the time in the high 12, then random ones, then one more each time, around the end."""
        identifiers = Identifiers(0x12345ABC, 0xFFFFF)
        self.assertEqual(identifiers.end_to_end(), 0xABCFFFFF)
        self.assertEqual(identifiers.end_to_end(), 0xABD00000)
        identifiers = Identifiers(0, 0xFFFFFFFF)
        self.assertEqual([identifiers.hop_by_hop() for _ in range(2)], [0xFFFFFFFF, 0])
