"""Messages to octets: what is copied into answers, and that nothing of a value begins a new line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.build import answer, refusal, request, response, tag_of, to_octets
from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.grammar import clean, quoted
from portaswitch.wire.sip.headers import Headers
from portaswitch.wire.sip.message import Message, Request, Response
from portaswitch.wire.sip.parse import parse
from portaswitch.wire.sip.uri import escaped, read
from portaswitch.wire.sip.values import NameAddr, Via
from tests.unit.wire.sip.making import ALICE, BOB, PLAIN, asked, asking, faulty, replied, replying, telling

FEW = settings(max_examples=300, deadline=None)
TOKENS = st.text(alphabet="abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
HEADERS = [(name, value) for name, value in PLAIN.items() if name != "Content-Length"]
TARGET = "sip:12065550019@pbx.example"


def pairs(**changes: str) -> list[tuple[str, str]]:
    """The headers of a MESSAGE of ours, with changes; underscores stand for hyphens."""
    told = {**dict(HEADERS), "CSeq": "1 MESSAGE", **{name.replace("_", "-"): value for name, value in changes.items()}}
    return list(told.items())


class AnswerTests(SynchronousTestCase):
    """RFC 3261 8.2.6.2."""

    def test_copied(self) -> None:
        """Vias in order, From, To with a tag, Call-ID and CSeq; a stateless server gives each retransmission the same."""
        asking_twice = asked(telling("x", {}, "v: SIP/2.0/TCP b.example;branch=z9hG4bKb , SIP/2.0/TCP c.example", "Timestamp: 54")).stamped("203.0.113.9", 9)
        made = answer(asking_twice, 202, [("Expires", "0")])
        self.assertEqual(made, answer(asking_twice, 202, [("Expires", "0")]))
        found = replied(to_octets(made))
        self.assertEqual([via.host for via in found.known.vias], ["198.51.100.7", "b.example", "c.example"])
        self.assertEqual(
            (found.via.reply_to(), found.known.recipient.tag, found.known.sender.tag), (("203.0.113.9", 5060), tag_of(asking_twice.headers), "f00d")
        )
        self.assertEqual((found.status, found.reason, found.expires, found.body, found.headers.first("Timestamp")), (202, "Accepted", 0, b"", None))

    def test_tags(self) -> None:
        """A To that has a tag keeps it; a 100 gets none, and the Timestamp; a tag can be given."""
        self.assertEqual(answer(asked(asking(changes={"To": f"{BOB};tag=theirs"})), 200).known.recipient.tag, "theirs")
        trying = answer(asked(telling("x", {}, "Timestamp: 54")), 100)
        self.assertEqual((trying.known.recipient.tag, trying.headers.first("Timestamp")), (None, "54"))
        self.assertEqual(answer(asked(asking(changes={"To": "sip:bob@h;x=y"})), 200, tag="ours").headers.first("To"), "sip:bob@h;x=y;tag=ours")

    def test_refusal(self) -> None:
        """The answer to what can't be read copies what could, untouched; a drop gives nothing."""
        octets = refusal(faulty(asking(changes={"To": '"', "CSeq": "x"})))
        assert octets is not None
        self.assertTrue(octets.startswith(b"SIP/2.0 400 Bad To\r\n"))
        self.assertIn(b'\r\nTo: "\r\nCall-ID: b6c0a7@198.51.100.7\r\nCSeq: x\r\nContent-Length: 0\r\n\r\n', octets)
        self.assertIsNone(refusal(Fault("garbage", 0)))
        for silent in (asking("ACK", {"To": '"'}), asking(changes={"Via": None}), replying(changes={"CSeq": "x"}), replying(changes={"Via": None})):
            self.assertTrue(faulty(silent).dropped)

    def test_printed(self) -> None:
        """A message of ours, octet for octet."""
        made = request("MESSAGE", TARGET, pairs(Content_Type="text/plain"), b"hi")
        self.assertEqual(to_octets(made), telling("hi", {"Content-Length": None, "CSeq": "1 MESSAGE"}).replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"))


class InjectionTests(SynchronousTestCase):
    """Line ends and controls in values."""

    def test_values(self) -> None:
        """A value with one is refused by name, wherever it stands."""
        plain = asked(telling())
        for bad in ("a\r\nX: y", "a\nX: y", "a\rX: y", "a\0", "\x1b[2J", "a\r\n\r\nINVITE"):
            self.assertRaises(ValueError, answer, plain, 200, [("Subject", bad)])
            self.assertRaises(ValueError, answer, plain, 200, (), b"", bad)
            self.assertRaises(ValueError, answer, plain, 200, (), b"", None, bad)
            self.assertRaises(ValueError, request, "MESSAGE", TARGET, pairs(Subject=bad))
            self.assertRaises(ValueError, request, "MESSAGE", f"sip:{bad}@h", pairs())
            self.assertRaises(ValueError, request, bad, TARGET, pairs(CSeq=f"1 {bad}"))
            self.assertRaises(ValueError, refusal, Fault("x", 400, bad, (), plain.headers))
            self.assertRaises(ValueError, refusal, Fault("x", 400, "y", (("Allow", bad),), plain.headers))
            self.assertRaises(ValueError, to_octets, Request(plain.headers.then((bad, "x")), b"", plain.known, "MESSAGE", TARGET, plain.uri))
        self.assertTrue(clean(escaped("a\r\nX: y")))

    def test_misuse(self) -> None:
        """What our parser wouldn't take can't be made."""
        for changes in ({"CSeq": "1 OPTIONS"}, {"Via": "x"}, {"From": '"'}, {"Max_Forwards": "256"}):
            self.assertRaises(ValueError, request, "MESSAGE", TARGET, pairs(**changes))
        self.assertRaises(ValueError, response, 99, HEADERS)
        self.assertRaises(ValueError, response, 200, pairs()[1:])
        plain = asked(telling())
        self.assertRaises(ValueError, answer, plain, 200, [("Call-ID", "x")])
        self.assertRaises(ValueError, to_octets, Message(plain.headers, b"", plain.known))

    @FEW
    @given(st.text(max_size=40), TOKENS)
    def test_any_value(self, value: str, name: str) -> None:
        """Any text in any header: refused, or read again as this header and no other."""
        try:
            octets = to_octets(answer(asked(telling()), 200, [(f"X-{name}", value)]))
        except ValueError:
            surrogates = any("\ud800" <= letter <= "\udfff" for letter in value)
            self.assertTrue(surrogates or not clean(value))
            return
        found = replied(octets)
        self.assertEqual((len(found.headers), found.headers.first(f"x-{name.upper()}")), (7, value.strip(" \t")))


class RoundTripTests(SynchronousTestCase):
    """What is built is read as it was."""

    @FEW
    @given(TEXTS, TEXTS.filter(bool), TOKENS, st.binary(max_size=200), st.integers(0, 2**31 - 1), st.integers(1, 65535))
    def test_requests(self, display: str, user: str, tag: str, body: bytes, number: int, port: int) -> None:
        """Requests with any names, users, tags, numbers and bodies."""
        address = read(f"sip:{escaped(user)}@pbx.example:{port};transport=tcp")
        assert address is not None
        sender = NameAddr(address, display, (("tag", tag),))
        top = Via("TCP", "[2001:db8::1]", port, (("branch", f"z9hG4bK{tag}"), ("rport", None)))
        made = request("MESSAGE", str(address), pairs(Via=str(top), From=str(sender), CSeq=f"{number} MESSAGE", Contact=str(sender)), body)
        found = parse(to_octets(made))
        assert isinstance(found, Request)
        self.assertEqual((found.known.sender, found.via, found.known.cseq.number, found.body, found.contacts), (sender, top, number, body, [sender]))
        self.assertEqual((found.headers.without("Content-Length"), found.uri, found.known), (made.headers, address, made.known))

    @FEW
    @given(st.integers(100, 699), TEXTS, st.lists(TEXTS, max_size=5))
    def test_responses(self, status: int, reason: str, values: list[str]) -> None:
        """Responses with any status, phrase and headers; written twice they are the same octets."""
        made = answer(asked(telling()), status, [("X-Any", value) for value in values], reason=reason)
        octets = to_octets(made)
        found = parse(octets)
        assert isinstance(found, Response)
        self.assertEqual((found.status, found.reason, found.headers.lines("x-any")), (status, reason, [value.strip(" \t") for value in values]))
        self.assertEqual(to_octets(found), octets)

    def test_headers(self) -> None:
        """Compact forms, names without case, lists over several lines."""
        headers = Headers.of([("v", "a, b"), ("VIA", "c"), ("k", "x"), ("X-Own", "1, 2")])
        self.assertEqual((headers.all("via"), headers.all("x-own"), headers.first("Supported"), len(headers)), (["a", "b", "c"], ["1, 2"], "x", 4))
        self.assertEqual(
            headers.without("v", "x-OWN").then(("m", "*")).before(("l", "0")).entries, (("Content-Length", "0"), ("Supported", "x"), ("Contact", "*"))
        )
        self.assertEqual((Headers.of([("Require", '"x')]).all("Require"), Headers.of([("Require", "a,, b")]).tags("Require")), (None, ["a", "b"]))
        self.assertEqual(NameAddr.__str__(asked(asking(changes={"From": quoted('a"b') + f" {ALICE}"})).known.sender), f'"a\\"b" {ALICE}')
