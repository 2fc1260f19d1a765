"""A node whose peers come in: CER and CEA, and second connections."""

from __future__ import annotations

from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Pair
from portaswitch.wire.diameter.node import Node
from portaswitch.wire.diameter.outputs import Close, Deliver, Down, Output, Refused, Send, Up
from tests.unit.wire.diameter.exchange import DICTIONARY, LOCAL, PGW, NodeCase, admit, ccr, cer, only, origin, reply, request, sent


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
        """Inside Vendor-Specific-Application-Id, where the answer has it too, or as a relay."""
        group = DICTIONARY.pack(("Vendor-Id", 10415)) + DICTIONARY.pack(("Auth-Application-Id", 4))
        ways: list[list[Pair]] = [
            [("Vendor-Specific-Application-Id", group)],
            [("Auth-Application-Id", 0xFFFFFFFF)],
            [("Auth-Application-Id", 9), ("Auth-Application-Id", 4)],
        ]
        for number, way in enumerate(ways):
            node = Node(LOCAL, admit, Identifiers(1, 2), lambda: 0)
            node.connected(number, 0)
            outputs = node.received(number, cer(PGW, way), 0)
            self.assertEqual(len(only(outputs, Up)), 1)
            named = sent(outputs)[0].groups("Vendor-Specific-Application-Id")
            self.assertEqual([group.integer("Auth-Application-Id") for group in named], [] if number else [4])

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
            told = [cea.get(name) for name in ("Host-IP-Address", "Vendor-Id", "Product-Name")]
            self.assertEqual(told, [None] * 3 if result < 4000 else ["192.0.2.1", 0, "portaswitch"])  # RFC 6733 5.3.2
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

    def test_old_one_leaves(self) -> None:
        """A client that goes over to a new connection takes leave on the old one, which is answered: the new one is taken at once."""
        self.open()
        self.again()
        outputs = self.node.received("c", request(282, [*origin(), ("Disconnect-Cause", 0)]), 2)
        self.assertEqual([(message.code, message.get("Result-Code")) for message in sent(outputs)], [(282, 2001), (257, 2001), (280, None)])
        self.assertEqual([type(output) for output in outputs if not isinstance(output, Send)], [Down, Close, Up])
        self.assertEqual(len(only(self.node.received("d", ccr(), 3), Deliver)), 1)

    def test_we_leave(self) -> None:
        """Whom we take leave of does not come in by the connection that waits."""
        self.open()
        self.again()
        self.assertEqual([output.connection for output in only(self.node.stop(2, 2, PGW), Close)], ["d"])
        outputs = self.node.tick(60)
        self.assertEqual(([output.connection for output in only(outputs, Close)], only(outputs, Up)), (["c"], []))

    def test_new_one_gives_up(self) -> None:
        """Its loss changes nothing."""
        self.open()
        self.again()
        self.assertEqual(self.node.lost("d", 2), [])
        self.assertTrue(self.node.ready(PGW))
