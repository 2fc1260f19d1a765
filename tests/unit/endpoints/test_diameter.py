"""The Diameter endpoint: who gets in, what is answered by whom, back-pressure, repetitions, leave-taking."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.diameter import LINGER, MOST_UNNAMED
from portaswitch.endpoints.diameter_peers import DiameterPeers
from portaswitch.endpoints.diameter_requests import LENIENT, Limits
from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.model.request import Kind
from portaswitch.wire.diameter.message import Group, Pair
from tests.unit.endpoints.diameter_world import IDENTITY, NODES, PGW, REALM, Caller, Unfit, World, catalogue, ccr, cer, request

TO_US: list[Pair] = [("Destination-Realm", "example.com"), ("Destination-Host", "ocs.example.com"), ("Auth-Application-Id", 4)]
ORIGIN: list[Pair] = [("Origin-Host", PGW), ("Origin-Realm", "example.com")]


class DiameterCase(SynchronousTestCase):
    """A world, and a log without errors of ours unless a test takes them."""

    def setUp(self) -> None:
        """An endpoint."""
        self.world = World()

    def refused(self, caller: Caller) -> int | None:
        """The Result-Code of the only answer, which ended the connection."""
        (answer,) = caller.read()
        self.assertEqual(caller.wire.ended, ["lose"])
        return answer.integer("Result-Code")


class PeerTests(DiameterCase):
    """Who gets in."""

    def test_known_peer(self) -> None:
        """By Origin-Host in any case of letters: CEA with our names and application; nothing else is answered before the CER."""
        caller = self.world.peer("PGW.Example.COM")
        (cea,) = caller.read()
        self.assertEqual((cea.code, cea.get("Result-Code"), cea.get("Origin-Host"), cea.get("Auth-Application-Id")), (257, 2001, IDENTITY.origin_host, 4))

    def test_strangers(self) -> None:
        """3010, and the connection ends; one log line a minute, all of them counted."""
        case: Any = self
        logged = EventLoggingObserver.createWithCleanup(case, globalLogPublisher)
        for _ in range(3):
            self.assertEqual(self.refused(self.world.peer("stranger.example.net", "example.net")), 3010)
        self.assertEqual([event["log_level"] for event in logged], [LogLevel.warn])
        self.assertEqual(self.refused(self.world.peer("h" * 256, REALM)), 3010, "no name of DNS: neither a table nor our memory keeps it")

    def test_no_cer(self) -> None:
        """A request before the CER, or octets that are none, end the connection without an answer; so do ten seconds of silence."""
        for octets in (ccr(), b"GET / HTTP/1.1\r\n\r\n" + bytes(20), b"\x01\x00\x00\x10"):
            caller = Caller(self.world.endpoint)
            self.assertEqual((caller.say(octets), caller.wire.ended), ([], ["lose"]))
        silent = Caller(self.world.endpoint)
        self.world.clock.advance(10)
        self.world.endpoint.tick()
        self.assertEqual(silent.wire.ended, ["lose"])

    def test_realms(self) -> None:
        """A node of a whole realm lets its hosts in, as many as may be."""
        for host in ("a", "b"):
            self.world.open(f"{host}.{REALM}", REALM)
        self.assertEqual(self.refused(self.world.peer(f"c.{REALM}", REALM)), 5012)

    def test_tls_is_required(self) -> None:
        """A peer that has to come over TLS does not get in without."""
        self.assertEqual(self.refused(self.world.peer("tls.example.com")), 5017)

    def test_applications(self) -> None:
        """Accounting alone (Rf) is no common application: 5010."""
        caller = Caller(self.world.endpoint)
        caller.say(request(257, [*ORIGIN, ("Acct-Application-Id", 3)]))
        self.assertEqual(caller.wire.ended, ["lose"])

    def test_unnamed_connections(self) -> None:
        """So many of one address that have not said who they are; others are not hindered."""
        for _ in range(MOST_UNNAMED):
            Caller(self.world.endpoint)
        self.assertRaises(ConnectionRefusedError, Caller, self.world.endpoint)
        Caller(self.world.endpoint, "192.0.2.6")

    def test_crashed_peer(self) -> None:
        """A second connection takes the place of the first when that one does not answer a DWR."""
        old = self.world.open()
        new = self.world.peer()
        self.assertEqual(([message.code for message in old.read()], new.read()), ([280], []))
        self.world.clock.advance(6)
        self.world.endpoint.tick()
        self.assertEqual((new.read()[0].get("Result-Code"), old.wire.ended), (2001, ["lose"]))
        new.say(ccr())
        self.world.core.decide()
        self.assertIn(272, [message.code for message in new.read()])

    def test_restart(self) -> None:
        """A risen Origin-State-Id, in a CER or a DWR: the sessions of the node are over, each by a request of its own."""
        self.world.origins.add(1, "s1", "s2")
        first = self.world.open(more=[("Origin-State-Id", 5)])
        first.say(request(280, [*ORIGIN, ("Origin-State-Id", 5)]))
        self.assertEqual(self.world.core.asked, [])
        first.say(request(280, [*ORIGIN, ("Origin-State-Id", 6)]))
        asked = [one for one, _ in self.world.core.asked]
        self.assertEqual([(one.kind, one.origin.i_node, one.session) for one in asked], [(Kind.ON_OFF, 1, "s1"), (Kind.ON_OFF, 1, "s2")])
        for name in ("s1", "s2"):
            self.world.origins.remove(name)
            self.world.core.decide()
        self.world.origins.add(1, "s3")
        self.world.open(more=[("Origin-State-Id", 7)])
        self.assertEqual([one.session for one, _ in self.world.core.asked], ["s3"])

    def test_table_without_it(self) -> None:
        """A peer that is no longer in the table is told to go, and does not come back."""
        caller = self.world.open()
        self.world.table = DiameterPeers(catalogue(*NODES[1:]), IDENTITY)
        self.world.endpoint.swapped()
        (dpr,) = caller.read()
        self.assertEqual((dpr.code, dpr.get("Disconnect-Cause")), (282, 2))
        self.assertEqual(self.refused(self.world.peer()), 3010)

    def test_speaker(self) -> None:
        """Behind an agent another node of its environment speaks; one of another environment does not."""
        caller = self.world.open()
        caller.say(ccr(1), ccr(2, Origin_Host="behind.example.com"), ccr(3, Origin_Host="other.example.org"), ccr(4, Origin_Host="nobody.example.org"))
        self.assertEqual([peer.name for peer in self.world.map.peers], ["pgw", "behind", "pgw", "pgw"])

    def test_behind_an_agent(self) -> None:
        """Requests of ours for a host behind an agent go by it, once it has brought one, as long as it is there; a host that comes itself is asked itself."""
        agent = self.world.open()
        self.assertEqual(list(self.world.endpoint.ready().values()), [1])
        agent.say(ccr(1, Origin_Host="behind.example.com"))
        (behind,) = [one for one in self.world.endpoint.ready() if self.world.endpoint.hosts(one)[0].origin_host == "behind.example.com"]
        body: list[Pair] = [("Session-Id", "s"), *ORIGIN, ("Destination-Host", "behind.example.com")]
        asked = self.world.endpoint.ask("behind.example.com", 0xC0, 258, 4, list(body))
        self.assertEqual([(rar.code, rar.text("Destination-Host")) for rar in agent.read() if rar.is_request], [(258, "behind.example.com")])
        itself = self.world.open("behind.example.com")
        again = self.world.endpoint.ask("behind.example.com", 0xC0, 258, 4, list(body))
        self.assertEqual([rar.code for rar in itself.read() if rar.is_request], [258])
        for caller in (itself, agent):
            caller.protocol.connectionLost()
        self.assertEqual((self.world.endpoint.ready().get(behind), self.successResultOf(asked), self.successResultOf(again)), (None, None, None))


class RequestTests(DiameterCase):
    """What is answered."""

    def setUp(self) -> None:
        """A connected peer."""
        super().setUp()
        self.caller = self.world.open()

    def answers(self, *messages: bytes) -> list[int | None]:
        """The Result-Codes of what is answered at once."""
        return [message.integer("Result-Code") for message in self.caller.say(*messages)]

    def test_all_at_once(self) -> None:
        """Requests in one piece with the CER are all answered, whatever the order of decisions."""
        caller = Caller(self.world.endpoint)
        caller.protocol.dataReceived(cer("behind.example.com") + b"".join(ccr(hop, f"s{hop}") for hop in range(1, 6)))
        for _ in range(5):
            self.world.core.decide(0)
        self.assertEqual([(m.code, m.hop_by_hop, m.text("Session-Id")) for m in caller.read()[1:]], [(272, hop, f"s{hop}") for hop in range(1, 6)])

    def test_halves(self) -> None:
        """A message that comes in single octets is one message."""
        for octet in ccr(9):
            self.caller.protocol.dataReceived(bytes([octet]))
        self.world.core.decide()
        self.assertEqual([message.hop_by_hop for message in self.caller.read()], [9])

    def test_not_ours(self) -> None:
        """Realm, host, loop, command and application that are not ours; Rf accounting too."""
        kinds = {
            3003: ccr(Destination_Realm="elsewhere.net"), 3002: ccr(Destination_Host="drs.example.com"), 3005: ccr(Route_Record="OCS.example.com"),
            3007: request(271, [("Session-Id", "s"), *ORIGIN], 3), 3001: request(999, ORIGIN, 4),
        }  # fmt: skip
        for result, octets in kinds.items():
            (answer,) = self.caller.say(octets)
            self.assertEqual((answer.get("Result-Code"), answer.is_error, answer.get("Origin-Host")), (result, True, IDENTITY.origin_host))
        self.assertEqual(self.answers(request(258, [("Session-Id", "s"), *ORIGIN, *TO_US, ("Re-Auth-Request-Type", 0)], 4)), [3001])
        self.assertEqual(self.world.core.asked, [])

    def test_malformed(self) -> None:
        """Of the wire or of the map: its Result-Code, with the AVP."""
        (answer,) = self.caller.say(ccr(CC_Request_Type=None))
        self.assertEqual((answer.get("Result-Code"), answer.group("Failed-AVP")), (5005, Group([("CC-Request-Type", 0)])))
        self.world.map.error = Unfit(5004, b"\0\0\x01\xa0\x40\0\0\x0c\0\0\0\x09")
        (answer,) = self.caller.say(ccr(CC_Request_Type=9))
        self.assertEqual((answer.get("Result-Code"), answer.get("CC-Request-Type"), answer.group("Failed-AVP")), (5004, 9, Group([("CC-Request-Type", 9)])))

    def test_no_decision(self) -> None:
        """3004 when the core has none now; 5012 after a defect of ours, which is logged. Each is a new try when it comes again."""
        for error, result in ((Overloaded("much"), 3004), (DatabaseDown("away"), 3004), (KeyError("defect"), 5012)):
            self.caller.say(ccr())
            self.world.core.asked.pop()[1].errback(error)
            self.assertEqual([message.get("Result-Code") for message in self.caller.read()], [result])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_defects(self) -> None:
        """Of the map or the core: 5012, logged, and the next request is served."""
        self.world.map.error = ZeroDivisionError()
        self.assertEqual(self.answers(ccr(1)), [5012])
        self.world.map.error, self.world.core.error = None, ZeroDivisionError()
        self.assertEqual(self.answers(ccr(2)), [5012])
        self.world.core.error, self.world.map.broken = None, ZeroDivisionError()
        self.caller.say(ccr(3))
        self.world.core.decide()
        self.assertEqual([message.get("Result-Code") for message in self.caller.read()], [5012])
        self.world.map.broken = None
        self.caller.say(ccr(4))
        self.world.core.decide()
        self.assertEqual([message.get("Result-Code") for message in self.caller.read()], [2001])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)

    def test_repeated(self) -> None:
        """The same request again, over another connection and with T: one question, and each gets the answer with its own identifiers."""
        self.caller.say(ccr(5, end=77), ccr(6, end=77, flags=0xD0))
        self.assertEqual(len(self.world.core.asked), 1)
        self.world.core.decide()
        self.assertEqual([(m.hop_by_hop, m.end_to_end, m.get("Result-Code")) for m in self.caller.read()], [(5, 77, 2001), (6, 77, 2001)])
        self.assertEqual([(m.hop_by_hop, m.get("Result-Code")) for m in self.caller.say(ccr(9, end=77, flags=0xD0))], [(9, 2001)])
        self.assertEqual(len(self.world.core.asked), 0)

    def test_long_names_are_not_kept(self) -> None:
        """An answer to a request with longer names than clients give is the ledger's to know: nobody fills our memory with them."""
        for _ in range(2):
            self.caller.say(ccr(5, "s" * 256, end=77))
            self.world.core.decide()
            self.assertEqual([message.get("Result-Code") for message in self.caller.read()], [2001])

    def test_identifier_used_twice(self) -> None:
        """Two questions under one End-to-End Identifier are two questions."""
        self.caller.say(ccr(5, "one", end=77), ccr(6, "two", end=77))
        self.assertEqual([one.session for one, _ in self.world.core.asked], ["one", "two"])

    def test_gone_before_the_answer(self) -> None:
        """The answer to a connection that is gone goes nowhere; the peer asks again."""
        self.caller.say(ccr())
        self.caller.protocol.connectionLost()
        self.world.core.decide()
        again = self.world.open()
        self.assertEqual([message.get("Result-Code") for message in again.say(ccr(8, end=1005)) if message.code == 272], [2001])

    def test_leniency(self) -> None:
        """What a client sends twice with one value is let pass and counted for its node."""
        before = LENIENT.get("pgw")
        body: list[Pair] = [("Session-Id", "s"), *ORIGIN, *ORIGIN, ("Destination-Realm", "example.com"), ("Service-Context-Id", "32260@3gpp.org")]
        self.caller.say(request(272, [*body, ("CC-Request-Type", 1), ("CC-Request-Number", 0), ("Auth-Application-Id", 4)], 4))
        self.assertEqual((len(self.world.core.asked), LENIENT.get("pgw") - before), (1, 2))


class PressureTests(SynchronousTestCase):
    """Too many requests, slow readers, leave-taking."""

    def setUp(self) -> None:
        """Four may wait in all, two of a peer."""
        self.world = World(Limits(4, 2))
        self.one, self.other = self.world.open(), self.world.open("behind.example.com")

    def test_too_many(self) -> None:
        """3004 and reading pauses, of that peer only; it goes on when half is answered."""
        codes = [message.get("Result-Code") for message in self.one.say(*(ccr(hop, f"s{hop}") for hop in range(4)))]
        self.assertEqual((codes, self.one.wire.producerState, self.other.wire.producerState), ([3004, 3004], "paused", "producing"))
        self.other.say(ccr(1, "o1"))
        self.world.core.decide()
        self.assertEqual([message.get("Result-Code") for message in self.other.read()], [2001])
        self.world.core.decide()
        self.assertEqual((self.one.wire.producerState, len(self.one.read())), ("producing", 1))

    def test_too_many_of_all(self) -> None:
        """What all peers ask together has a bound too."""
        third = self.world.open("other.example.org")
        for caller in (self.one, self.other):
            caller.say(ccr(1, "a"), ccr(2, "b"))
        self.assertEqual([message.get("Result-Code") for message in third.say(ccr(1, "c"))], [3004])

    def test_slow_reader(self) -> None:
        """Whoever does not read our answers is not read either, whatever else lets it go."""
        producer: Any = self.one.wire.producer
        producer.pauseProducing()
        self.one.protocol.hold("backlog")
        self.one.protocol.let_go("backlog")
        self.assertEqual(self.one.wire.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(self.one.wire.producerState, "producing")

    def test_drain_and_stop(self) -> None:
        """New requests are refused, those in the core answered, then DPR; it is over with the last connection."""
        self.one.say(ccr(1))
        self.world.endpoint.drain()
        self.assertEqual([message.get("Result-Code") for message in self.one.say(ccr(2))], [3004])
        self.assertEqual(self.one.wire.producerState, "producing")  # nothing would let it go on
        self.world.core.decide()
        self.assertEqual([message.get("Result-Code") for message in self.one.read()], [2001])
        unnamed = Caller(self.world.endpoint)
        stopped = self.world.endpoint.stop()
        self.assertEqual(([m.get("Disconnect-Cause") for m in self.one.read() + self.other.read()], unnamed.wire.ended), ([0, 0], ["lose"]))
        self.world.clock.advance(LINGER)
        self.world.endpoint.tick()
        for caller in (self.one, self.other, unnamed):
            self.assertNoResult(stopped)
            caller.protocol.connectionLost()
        self.successResultOf(stopped)
        self.successResultOf(self.world.endpoint.stop())

    def test_linger(self) -> None:
        """A connection that can't send its last octets is aborted; one that ended is left alone."""
        self.world.table = DiameterPeers(catalogue(), IDENTITY)
        caller = self.world.peer("gone.example.com")
        self.world.clock.advance(LINGER)
        self.assertEqual(caller.wire.ended, ["lose", "abort"])
        caller = self.world.peer("gone.example.com")
        caller.protocol.connectionLost()
        self.world.clock.advance(LINGER)
        self.assertEqual(caller.wire.ended, ["lose"])

    def test_our_requests(self) -> None:
        """Only to a peer that is there; fires with the answer, or with None when the connection goes."""
        self.assertEqual(self.world.endpoint.ready(), {1: 1, 5: 1})
        body: list[Pair] = [("Session-Id", "s"), ("Re-Auth-Request-Type", 0)]
        first = self.world.endpoint.ask(PGW, 0xC0, 258, 4, list(body))
        (rar,) = self.one.read()
        answer = request(258, [("Session-Id", "s"), ("Result-Code", 2002), *ORIGIN], 4, rar.hop_by_hop, rar.end_to_end, 0x40)
        self.one.say(answer)
        raa = self.successResultOf(first)
        self.assertEqual(raa and raa.get("Result-Code"), 2002)
        second = self.world.endpoint.ask(PGW, 0xC0, 258, 4, list(body))
        self.one.protocol.connectionLost()
        self.assertIsNone(self.successResultOf(second))
        self.assertRaises(LookupError, self.world.endpoint.ask, PGW, 0xC0, 258, 4, list(body))
