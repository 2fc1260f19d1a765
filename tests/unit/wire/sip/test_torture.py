"""
RFC 4475: messages of its 49 kinds fare as it wants and as docs/sip-torture.rst says.

The page is what was measured. After a change that is meant, write it anew and read the difference:

    PORTASWITCH_TORTURE=write .venv/bin/python -m twisted.trial tests.unit.wire.sip.test_torture
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.admission import Abilities, admit, expected, forwarding
from portaswitch.wire.sip.build import answer, refusal, to_octets
from portaswitch.wire.sip.challenge import Guard, Nonces
from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.parse import parse
from portaswitch.wire.sip.transaction import Deliver
from portaswitch.wire.sip.transactions import Transactions, server_key
from tests.unit.wire.sip import torture_table
from tests.unit.wire.sip.making import asked, replied
from tests.unit.wire.sip.torture import Kind, kinds

CALLS = Abilities(
    ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE"),
    ("application/sdp", "multipart/mixed", "text/plain"),
    answers=(("INVITE", "application/sdp"),),
)
OURS = Abilities(("MESSAGE", "REGISTER", "OPTIONS"), ("text/plain", "message/cpim"))
GUARD = Guard("pbx.example", Nonces(b"secret"))
CORPUS = os.environ.get("PORTASWITCH_RFC4475", "")


def told(fault: Fault) -> str:
    """A fault as the page has it; its answer can be read, and answers this message."""
    octets = refusal(fault)
    if octets is None:
        return f"dropped: {fault.reason}"
    status, _, rest = octets.removeprefix(b"SIP/2.0 ").partition(b"\r\n")
    assert rest.endswith(b"\r\n\r\n") and b"\r\nContent-Length: 0\r\n" in rest
    return status.decode()


def outcome(octets: bytes, abilities: Abilities) -> str:
    """What a server does with a datagram or with a message of a connection."""
    found = parse(octets)
    if isinstance(found, Fault):
        return told(found)
    if isinstance(found, Response):
        fault = expected(found, frozenset((found.via.sent_by,)))
        return "taken" if fault is None else told(fault)
    fault = admit(found, abilities, reliable=found.via.transport != "UDP")
    if fault is not None:
        return told(fault)
    if found.headers.first("Authorization") and GUARD.login(found) is None:
        return to_octets(answer(found, 401, GUARD.challenge("198.51.100.7", 0))).partition(b"\r\n")[0].decode().removeprefix("SIP/2.0 ")
    return "served"


def forwarded(octets: bytes) -> str:
    """What a proxy does with it."""
    found = parse(octets)
    if not isinstance(found, Request):
        return "no"
    fault = forwarding(found)
    return "yes" if fault is None else told(fault)


class TortureTests(SynchronousTestCase):
    """All kinds."""

    def test_all_kinds(self) -> None:
        """There are the RFC's 49, each once."""
        names = [kind.name for kind in kinds()]
        self.assertEqual((len(names), len(set(names))), (49, 49))

    def test_outcomes(self) -> None:
        """
        Each message, and the RFC's own where they are at hand, has the outcome that the RFC wants; none is refused by us that a server with
        INVITE takes, but for what we don't do.
        """
        for kind in kinds():
            own = [(Path(CORPUS) / f"{kind.name}.dat").read_bytes()] if CORPUS else []
            for octets in (kind.octets, *own):
                seen, ours = outcome(octets, CALLS), outcome(octets, OURS)
                self.assertTrue(seen.startswith(kind.wants), f"{kind.name}: {seen}, not {kind.wants}")
                if ours != seen:
                    self.assertIn(ours[:3], ("405", "415"), kind.name)

    def test_page(self) -> None:
        """docs/sip-torture.rst is what was measured."""
        rows = [self.row(kind) for kind in kinds()]
        if os.environ.get("PORTASWITCH_TORTURE") == "write":
            torture_table.PAGE.write_text(torture_table.page(rows), encoding="utf-8")
        self.assertEqual(torture_table.PAGE.read_text(encoding="utf-8"), torture_table.page(rows), "the page differs: see the head of this file")

    def row(self, kind: Kind) -> torture_table.Row:
        """The row of a kind."""
        octets = kind.octets
        return kind.name, kind.section, kind.about, outcome(octets, CALLS), outcome(octets, OURS), forwarded(octets)


class ReadingTests(SynchronousTestCase):
    """What was read of the valid ones."""

    def of(self, name: str) -> bytes:
        """The message of a kind."""
        return next(kind.octets for kind in kinds() if kind.name == name)

    def test_spaced(self) -> None:
        """wsinv: folds, blanks, lists and zeros before numbers."""
        request = asked(self.of("wsinv"))
        known = request.known
        self.assertEqual([str(via) for via in known.vias[1:]], ["SIP/2.0/TCP b.example;branch=z9hG4bKb", "SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKc"])
        self.assertEqual((known.vias[0].branch, known.vias[0].modern), ("oldstyle", False))
        self.assertEqual((known.sender.display, known.sender.tag, known.recipient.tag), ('A \\"', "77aa", "5150"))
        self.assertEqual((request.max_forwards, known.cseq.number, request.headers.first("Oddity")), (41, 12, "one two"))
        self.assertEqual((request.headers.first("Subject"), request.contacts[0].parameters), ("", (("new", "er"), ("q", "0.5"))))
        self.assertEqual(str(request.routes[0].uri), "sip:edge.example;lr;x=y;z")

    def test_odd_letters(self) -> None:
        """intmeth: nothing is cut at a NUL, quoted pairs are resolved."""
        request = asked(self.of("intmeth"))
        self.assertEqual(request.known.recipient.display, "nul \0 bell \7 del \x7f")
        self.assertEqual(request.known.sender.parameters, (("p%", '"\u0437\u0430"'), ("tag", "_t")))
        self.assertEqual(request.headers.first("x!.%*+_`'~"), "\ufeff\u5927")

    def test_escapes(self) -> None:
        """esc01, escnull, esc02: escapes mean letters in URIs only."""
        self.assertEqual(asked(self.of("esc01")).known.recipient.uri.same(asked(self.of("lwsstart").replace(b"  ", b" ")).known.recipient.uri), False)
        self.assertEqual(str(asked(self.of("escnull")).known.recipient.uri), "sip:a%00b@pbx.example")
        self.assertEqual((asked(self.of("esc02")).method, asked(self.of("esc02")).contacts), ("RE%47ISTER", []))

    def test_second_request(self) -> None:
        """dblreq: the first request only."""
        self.assertEqual((asked(self.of("dblreq")).method, asked(self.of("dblreq")).body), ("REGISTER", b""))

    def test_binary_body(self) -> None:
        """mpart01: the body octet for octet."""
        self.assertIn(b"0\x82\x01\x00\xff", asked(self.of("mpart01")).body)

    def test_reasons(self) -> None:
        """unreason and noreason."""
        self.assertEqual(replied(self.of("unreason")).reason, "= 2**3 \u0434\u0430")
        self.assertEqual((replied(self.of("noreason")).status, replied(self.of("noreason")).reason), (100, ""))

    def test_old_branches(self) -> None:
        """badbranch and inv2543: two such requests are told apart by RFC 2543's rules, not by the branch."""
        for name, line in (("badbranch", b"CSeq: 11"), ("inv2543", b"Call-ID: b6")):
            octets, layer = self.of(name), Transactions()
            first, second = (layer.received(asked(one), "x", False, 0) for one in (octets, octets.replace(line, line + b"9")))
            for one in (first, second):
                self.assertIsInstance(one[0] if isinstance(one, list) else one, Deliver)
            self.assertEqual(layer.received(asked(octets), "x", False, 1), [])
            self.assertNotEqual(server_key(asked(octets)), server_key(asked(octets.replace(line, line + b"9"))))

    def test_unsupported(self) -> None:
        """bext01: Unsupported names what a server has to know, and a proxy's what a proxy has to."""
        request = asked(self.of("bext01"))
        for fault, tags in ((admit(request, OURS, True), "nobodyDoes, norThis"), (forwarding(request), "noProxyDoes, norThat")):
            assert fault is not None
            self.assertEqual(fault.more, (("Unsupported", tags),))
