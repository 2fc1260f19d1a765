"""A node among its peers: connections that come in and go out, watchdogs, leave-taking, answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.codec import decode, encode, encode_answer
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair
from portaswitch.wire.diameter.node import Node
from portaswitch.wire.diameter.outputs import (
    Answered,
    Close,
    Connect,
    Connection,
    Deliver,
    Down,
    Output,
    Refused,
    Send,
    Unanswered,
    Up,
)
from portaswitch.wire.diameter.states import State
from portaswitch.wire.diameter.watchdog import Health

DICTIONARY = Dictionary.standard()
LOCAL = Local("ocs.example.com", "example.com", ("192.0.2.1",), state=7)
PGW = "pgw.example.com"
KNOWN = {PGW, "a.example.com", "z.example.com"}
T = TypeVar("T")


def request(code: int, body: list[Pair], application: int = 0, hop: int = 1, flags: int = 0x80) -> bytes:
    """A request of a peer."""
    return encode(flags, code, application, hop, hop + 1000, body, DICTIONARY)


def origin(host: str = PGW) -> list[Pair]:
    """Who sends."""
    return [("Origin-Host", host), ("Origin-Realm", "example.com")]


def cer(host: str = PGW, more: list[Pair] | None = None) -> bytes:
    """A CER for credit control."""
    return request(257, [*origin(host), *([("Auth-Application-Id", 4)] if more is None else more)])


def ccr(hop: int = 5) -> bytes:
    """A sound CCR."""
    body: list[Pair] = [("Session-Id", "s"), *origin(), ("Destination-Realm", "example.com")]
    body += [("Service-Context-Id", "32251@3gpp.org"), ("CC-Request-Type", 1), ("CC-Request-Number", 0)]
    return request(272, body, 4, hop, 0xC0)


def only(outputs: list[Output], kind: type[T]) -> list[T]:
    """The outputs of a kind."""
    return [output for output in outputs if isinstance(output, kind)]


def sent(outputs: list[Output]) -> list[Message]:
    """What is sent, decoded."""
    return [decode(output.octets, DICTIONARY) for output in only(outputs, Send)]


def reply(message: Message, host: str = PGW, result: int = 2001, more: list[Pair] | None = None) -> bytes:
    """A peer's answer."""
    return encode_answer(message, [("Result-Code", result), *origin(host), *(more or [])], DICTIONARY)


class NodeCase(SynchronousTestCase):
    """A node that knows three peers."""

    def setUp(self) -> None:
        """No jitter; a watchdog of 30 s."""
        self.node = Node(LOCAL, KNOWN, Identifiers(1, 2), lambda: 0)

    def open(self, connection: Connection = "c", host: str = PGW, now: float = 0) -> list[Output]:
        """A peer comes in."""
        self.assertEqual(self.node.connected(connection, now), [])
        return self.node.received(connection, cer(host), now)


class ComingInTests(NodeCase):
    """CER and CEA, we being the server."""

    def test_capabilities(self) -> None:
        """CEA with everything that RFC 6733 5.3.2 asks for, then Up."""
        outputs = self.open()
        (cea,) = sent(outputs)
        self.assertEqual((cea.code, cea.is_request, cea.hop_by_hop, cea.end_to_end), (257, False, 1, 1001))
        for name, value in (
            ("Result-Code", 2001),
            ("Origin-Host", "ocs.example.com"),
            ("Host-IP-Address", "192.0.2.1"),
            ("Vendor-Id", 0),
            ("Product-Name", "portaswitch"),
            ("Origin-State-Id", 7),
            ("Supported-Vendor-Id", 10415),
            ("Auth-Application-Id", 4),
        ):
            self.assertEqual(cea.get(name), value)
        (up,) = only(outputs, Up)
        self.assertEqual((up.peer, up.restarted), (PGW, False))
        self.assertTrue(self.node.ready(PGW))

    def test_other_ways_to_say_the_application(self) -> None:
        """Inside Vendor-Specific-Application-Id, or as a relay."""
        group = DICTIONARY.pack(("Vendor-Id", 10415)) + DICTIONARY.pack(("Auth-Application-Id", 4))
        ways: list[list[Pair]] = [
            [("Vendor-Specific-Application-Id", group)],
            [("Auth-Application-Id", 0xFFFFFFFF)],
            [("Auth-Application-Id", 9), ("Auth-Application-Id", 4)],
        ]
        for number, way in enumerate(ways):
            node = Node(LOCAL, KNOWN, Identifiers(1, 2), lambda: 0)
            node.connected(number, 0)
            self.assertEqual(len(only(node.received(number, cer(PGW, way), 0), Up)), 1)

    def test_refusals(self) -> None:
        """Each with its Result-Code in the CEA, then closed."""
        for number, (octets, result) in enumerate(
            [
                (cer("stranger.example.com"), 3010),
                (cer(PGW, [("Auth-Application-Id", 9)]), 5010),
                (cer(PGW, []), 5010),
                (cer(PGW, [("Auth-Application-Id", 4), ("Inband-Security-Id", 1)]), 5017),
                (request(257, origin()[:1]), 5005),
                (request(257, [*origin(), ("Auth-Application-Id", 4)], flags=0xC0), 3008),
            ]
        ):
            self.node.connected(number, 0)
            outputs = self.node.received(number, octets, 0)
            (cea,) = sent(outputs)
            self.assertEqual((cea.get("Result-Code"), cea.is_error), (result, result < 4000))
            self.assertIsInstance(outputs[-1], Close)
            self.assertEqual(len(only(outputs, Refused)), 1)
            self.assertEqual(self.node.received(number, cer(), 0), [])

    def test_not_a_cer(self) -> None:
        """Anything else before it ends the connection without an answer (RFC 6733 5.6)."""
        for octets in (ccr(), request(280, origin()), b"GET / HTTP/1.1\r\n\r\n"):
            self.node.connected("x", 0)
            outputs = self.node.received("x", octets, 0)
            self.assertEqual((sent(outputs), len(only(outputs, Close))), ([], 1))

    def test_too_slow(self) -> None:
        """10 s for a CER."""
        self.node.connected("x", 0)
        self.assertEqual(self.node.deadline, 10)
        self.assertEqual(self.node.tick(9.9), [])
        self.assertEqual(self.node.tick(10), [Close("x", "no CER")])

    def test_requests_behind_the_cer(self) -> None:
        """All are delivered, though they came in the same read."""
        self.node.connected("c", 0)
        outputs = self.node.received("c", cer() + ccr(5) + ccr(6) + ccr(7)[:40], 0)
        self.assertEqual([d.message.hop_by_hop for d in only(outputs, Deliver)], [5, 6])
        outputs = self.node.received("c", ccr(7)[40:], 0)
        self.assertEqual([d.message.hop_by_hop for d in only(outputs, Deliver)], [7])

    def test_case_of_letters(self) -> None:
        """Host names have none."""
        self.assertEqual(only(self.open(host="PGW.Example.com"), Up)[0].peer, PGW)

    def test_second_cer_on_an_open_connection(self) -> None:
        """5012; the connection stays."""
        self.open()
        outputs = self.node.received("c", cer(), 1)
        self.assertEqual(sent(outputs)[0].get("Result-Code"), 5012)
        self.assertTrue(self.node.ready(PGW))


class SecondConnectionTests(NodeCase):
    """A peer that is connected comes in again."""

    def again(self, state: int | None = None, now: float = 1) -> list[Output]:
        """The second CER, on connection d."""
        self.node.connected("d", now)
        more: list[Pair] = [("Auth-Application-Id", 4)]
        return self.node.received("d", cer(PGW, more + ([("Origin-State-Id", state)] if state else [])), now)

    def test_old_one_alive(self) -> None:
        """It is asked by a DWR; when it answers the new one is rejected."""
        self.open()
        outputs = self.again()
        (dwr,) = sent(outputs)
        self.assertEqual((dwr.code, only(outputs, Send)[0].connection), (280, "c"))
        outputs = self.node.received("c", reply(dwr), 2)
        self.assertEqual([message.get("Result-Code") for message in sent(outputs)], [4003])
        self.assertEqual(only(outputs, Close)[0].connection, "d")
        self.assertTrue(self.node.ready(PGW))

    def test_old_one_dead(self) -> None:
        """No answer: the new one takes its place."""
        self.open()
        self.again(now=1)
        self.assertEqual(only(self.node.tick(6.9), Close), [])
        outputs = self.node.tick(7)
        self.assertEqual([type(output) for output in outputs if not isinstance(output, Send)], [Close, Down, Up])
        self.assertEqual(only(outputs, Close)[0].connection, "c")
        self.assertEqual(sent(outputs)[0].get("Result-Code"), 2001)
        self.assertEqual(len(only(self.node.received("d", ccr(), 8), Deliver)), 1)

    def test_old_one_breaks(self) -> None:
        """The new one is taken at once."""
        self.open()
        self.again()
        outputs = self.node.lost("c", 2)
        self.assertEqual(sent(outputs)[0].get("Result-Code"), 2001)
        self.assertEqual(only(outputs, Close), [])

    def test_restarted(self) -> None:
        """A risen Origin-State-Id says that the old connection is dead, and so are the sessions."""
        self.node.connected("c", 0)
        self.node.received("c", cer(PGW, [("Auth-Application-Id", 4), ("Origin-State-Id", 3)]), 0)
        outputs = self.again(state=4)
        self.assertEqual(only(outputs, Close)[0].connection, "c")
        self.assertTrue(only(outputs, Up)[0].restarted)

    def test_suspect(self) -> None:
        """When the old one is suspect already, nothing is waited for."""
        self.open()
        self.node.tick(30)
        self.node.tick(60)
        self.assertEqual([type(o) for o in self.again(now=61) if not isinstance(o, Send)], [Close, Down, Up])

    def test_third(self) -> None:
        """One is held at most: a third is rejected while the second waits."""
        self.open()
        self.again()
        self.node.connected("e", 2)
        outputs = self.node.received("e", cer(), 2)
        self.assertEqual(([m.get("Result-Code") for m in sent(outputs)], only(outputs, Close)[0].connection), ([4003], "e"))
        self.assertEqual(only(self.node.tick(7), Up)[0].peer, PGW)

    def test_new_one_gives_up(self) -> None:
        """Its loss changes nothing."""
        self.open()
        self.again()
        self.assertEqual(self.node.lost("d", 2), [])
        self.assertTrue(self.node.ready(PGW))


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
        outputs = self.node.lost("c", 2)
        self.assertEqual([o.context for o in only(outputs, Unanswered)], [2])
        self.assertRaises(LookupError, self.node.request, PGW, 0xC0, 258, 4, [], 3)

    def test_watchdog_of_the_peer(self) -> None:
        """DWA with our origin and state; its Origin-State-Id is kept."""
        (dwa,) = sent(self.node.received("c", request(280, [*origin(), ("Origin-State-Id", 9)]), 1))
        self.assertEqual((dwa.code, dwa.get("Result-Code"), dwa.get("Origin-State-Id")), (280, 2001, 7))
        self.assertEqual(self.node.peers[PGW].origin_state, 9)

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


class RandomWalkTests(SynchronousTestCase):
    """Anything in any order."""

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 3), st.floats(0, 40)), max_size=60))
    def test_laws(self, steps: list[tuple[int, int, float]]) -> None:
        """
        Nothing is raised; nothing is sent to a connection that isn't there or was closed; Up and Down of a peer
        alternate; a request has at most one answer.
        """
        walk = Walk(self)
        for what, which, wait in steps:
            walk.now += wait
            walk.step(what, which)


class Walk:
    """A node, and what must hold of its outputs."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.case = case
        self.node = Node(LOCAL, KNOWN, Identifiers(1, 2), lambda: 0)
        self.now = 0.0
        self.alive: set[Connection] = set()
        self.up: set[str] = set()
        self.delivered: list[Deliver] = []
        self.answered: set[int] = set()
        self.dwr: dict[Connection, Message] = {}
        self.hop = 100

    def step(self, what: int, which: int) -> None:
        """One thing happens."""
        node, now, host = self.node, self.now, sorted(KNOWN)[which % 3]
        self.hop += 1
        if what == 0:
            self.alive.add(which)
            if which not in self.lanes:
                self.check(node.connected(which, now))
        elif what == 1:
            self.check(node.start(host, now))
        elif what == 2:
            self.alive.add(which + 10)
            self.check(node.connected(which + 10, now, host))
        elif what == 3:
            self.check(node.failed(host, now))
        elif what == 4:
            self.alive.discard(which)
            self.check(node.lost(which, now))
        elif what == 5:
            self.check(node.tick(now))
        elif what == 6:
            self.check(node.stop(now, which, host))
        elif what == 7 and self.delivered:
            self.answer(self.delivered[-1 - which % len(self.delivered)])
        else:
            self.receive(what, which, host)

    @property
    def lanes(self) -> set[Connection]:
        """Connections that came in and are there."""
        return {connection for connection in self.alive if isinstance(connection, int) and connection < 10}

    def receive(self, what: int, which: int, host: str) -> None:
        """Octets come."""
        connection = which if what % 2 else which + 10
        octets = {
            8: cer(host),
            9: cer(host),
            10: ccr(self.hop),
            11: ccr(self.hop) + request(280, origin(host), hop=self.hop),
            12: request(282, [*origin(host), ("Disconnect-Cause", 0)]),
            13: b"\1\0\0",
        }.get(what, b"")
        if connection in self.dwr and what == 14:
            octets = reply(self.dwr.pop(connection), host, more=[("Auth-Application-Id", 4)])
        if connection in self.alive:
            self.check(self.node.received(connection, octets, self.now))

    def answer(self, delivered: Deliver) -> None:
        """The application answers, perhaps again."""
        outputs = self.node.answer(delivered, b"x" * 20)
        self.case.assertFalse(outputs and delivered.message.hop_by_hop in self.answered)
        if outputs:
            self.answered.add(delivered.message.hop_by_hop)
            self.case.assertIn(delivered.connection, self.alive)

    def check(self, outputs: list[Output]) -> None:
        """The laws."""
        for output in outputs:
            if isinstance(output, Send):
                self.case.assertIn(output.connection, self.alive)
                message = decode(output.octets, DICTIONARY)
                if message.is_request:
                    self.dwr[output.connection] = message
            elif isinstance(output, Close):
                self.case.assertIn(output.connection, self.alive)
                self.alive.remove(output.connection)
            elif isinstance(output, Up):
                self.case.assertNotIn(output.peer, self.up)
                self.up.add(output.peer)
            elif isinstance(output, Down):
                self.up.remove(output.peer)
            elif isinstance(output, Deliver):
                self.delivered.append(output)
