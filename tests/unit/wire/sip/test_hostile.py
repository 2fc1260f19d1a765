"""Hostile messages: nothing but messages and faults as values comes out, in time that grows with the octets, whatever the octets are."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.admission import Abilities, admit, expected, forwarding
from portaswitch.wire.sip.build import answer, refusal, to_octets
from portaswitch.wire.sip.challenge import Guard, Nonces
from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.framing import Stream
from portaswitch.wire.sip.grammar import printable
from portaswitch.wire.sip.message import ESSENTIAL, Message, Request, Response
from portaswitch.wire.sip.parse import parse
from portaswitch.wire.sip.transactions import Transactions
from tests.unit.wire.sip.making import PLAIN, asking, replying, telling
from tests.unit.wire.sip.torture import kinds

FEW = settings(max_examples=300, deadline=None)
OURS = Abilities(("MESSAGE", "REGISTER", "OPTIONS"), ("text/plain",), extensions=("path",), answers=(("OPTIONS", "text/plain"),))
GUARD = Guard("pbx.example", Nonces(b"x"))
#: A message and what becomes of it: `taken`, or the status (0: dropped) and the reason.
Case = tuple[bytes, str]


def fate(octets: bytes) -> str:
    """What becomes of a datagram; everything that it offers is read, and its answer made and read."""
    found = parse(octets)
    if isinstance(found, Fault):
        reply = refusal(found)
        if reply is not None:
            assert reply.startswith(b"SIP/2.0 %d " % found.status) and reply.count(b"\r\n\r\n") == 1
        return f"{found.status} {found.reason}"
    look(found)
    return "taken"


def look(found: Message) -> None:
    """Read all that a message offers."""
    printable(
        str((found.headers, found.contacts, found.routes, found.record_routes, found.content_type, found.expires, found.via.reply_to(), found.via.sent_by))
    )
    if isinstance(found, Request):
        stamped = found.stamped("2001:db8::1", 65535)
        for fault in (admit(found, OURS, True), forwarding(found), admit(found, OURS, False)):
            if fault is not None:
                refusal(fault)
        assert isinstance(parse(to_octets(answer(stamped, 200))), Response)
        assert found.uri.same(found.uri) or found.known.sender.uri.same(found.known.recipient.uri) in (True, False)
        login = GUARD.login(found)
        if login is not None:
            GUARD.verdict(login, "x", found, "y", 0)
        Transactions().received(found, "x", False, 0)
    elif isinstance(found, Response):
        expected(found, frozenset())
        Transactions().received(found, "x", False, 0)


def lengths() -> Iterator[Case]:
    """Content-Length."""
    for text in ("", "-1", "+1", "1e3", "0x5", "\uff15", "5 5", "5,5", "5;5", "9" * 5000, "2147483649", "5.0", '"5"'):
        yield telling("hello", {"Content-Length": text}), "400 content-length"
    yield telling("hello", {"Content-Length": "2147483648"}), "413 body-too-large"
    yield telling("hello", {}, "l: 5"), "400 content-length"
    yield telling("x" * 65537), "413 body-too-large"
    yield telling("x" * 65537, {"Content-Length": None}), "413 body-too-large"
    yield telling("", {"Content-Length": "1"}), "400 short-body"
    yield telling("hello", {"Content-Length": "000005"}), "taken"


def start_lines() -> Iterator[Case]:
    """Request and status lines."""
    for line in (
        "",
        " ",
        "GET / HTTP/1.1",
        "\0",
        "M\u00c9THODE sip:h SIP/2.0",
        "A(B sip:h SIP/2.0",
        "OPTIONS",
        "OPTIONS sip:h",
        "\x16\x03\x01",
        "HTTP/1.1 200 OK",
    ):
        octets = asking(start=line or "x")
        yield (octets[1:] if not line else octets), "0 garbage"
    for line in (
        "OPTIONS  SIP/2.0",
        "OPTIONS sip:h SIP/2",
        "OPTIONS sip:h SIP/2.0.0",
        "OPTIONS sip:a\tb SIP/2.0",
        "OPTIONS sip:a\0b SIP/2.0",
        "OPTIONS sip:h\nX: y SIP/2.0",
        "OPTIONS SIP/2.0",
    ):
        yield asking(start=line), "400 bad-request-line"
    for version in ("1.0", "2.1", "3.0", "99999.9", "02.0"):
        yield asking(start=f"OPTIONS sip:h SIP/{version}"), "505 version"
    yield asking(start="OPTIONS sip:h sip/2.0"), "taken"
    yield asking(target="sip:" + "h" * 5000), "414 start-line-too-long"
    yield asking("X" * 5000), "0 garbage"
    for target in (
        "h",
        "sip:",
        "sip:h;;",
        "sip:a@b@c",
        "sip:%@h",
        "sip:h:99999",
        "sip:[::1",
        "<sip:h>",
        "\udcff",
        "sip:\udcff@h",
        "tel:x",
        "sip:" + "a." * 300,
    ):
        yield asking(target=target), "400 bad-request-uri"
    for status in ("99 x", "700 x", "2000 x", "x x", "", "-100 x", "20 x", "\uff12\uff10\uff10 x", "200 \0", "200 a\nX: y"):
        yield replying(status), "0 bad-status-line"
    yield replying("200"), "taken"
    yield replying("200 OK").replace(b"SIP/2.0 200", b"SIP/3.0 200"), "0 version"


def sizes() -> Iterator[Case]:
    """Huge and many headers."""
    yield telling("x", {}, *["X: y"] * 248), "taken"
    yield telling("x", {}, *["X: y"] * 249), "513 header-count"
    yield telling("x", {}, "X: " + "y" * 8189), "taken"
    yield telling("x", {}, "X: " + "y" * 8190), "513 header-too-large"
    yield telling("x", {}, *["X: " + "y" * 8000] * 5), "513 head-too-large"
    yield telling("x", {}, "X: " + "y" * 100000), "513 head-too-large"
    yield telling("x", {}, *["Via: SIP/2.0/UDP h"] * 69), "taken"
    yield telling("x", {}, *["Via: SIP/2.0/UDP h"] * 70), "400 via-count"
    yield telling("x", {}, "Via: " + ",".join(["SIP/2.0/UDP h"] * 500)), "400 via-count"
    yield telling("x", {}, *["Via: SIP/2.0/UDP h"] * 1000), "513 header-count"
    yield telling("x", {}, *["v:SIP/2.0/UDP h"] * 10000), "513 head-too-large"
    yield telling("x", {}, "v:" + "," * 8000), "400 via-count"
    yield telling("x", {}, "X: y", *[" z"] * 2000), "taken"
    yield telling("x", {}, "X: y", *[" z"] * 5000), "513 header-too-large"
    yield replying("200 OK", {}, *["X: y"] * 5000), "0 header-count"
    yield b"MESSAGE sip:h SIP/2.0\r\n" + b"x" * 60000, "0 head-too-large"
    yield b"x" * 60000, "0 garbage"
    yield b"\r\n" * 30000, "0 keep-alive"
    for letter in ('"', "<", ">", ";", ",", "\\", "(", "@", ":", "[", "=", "\u00e4"):
        yield telling("x", {"From": letter * 4000}), "400 bad-from"
        yield telling("x", {"Contact": "<sip:a@h>;" + letter * 4000}), "400 bad-contact"
    yield telling("x", {"From": '"' + "\\" * 8000 + '" <sip:a@h>'}), "taken"
    yield telling("x", {"From": "a " * 4000 + "<sip:a@h>"}), "taken"
    yield telling("x", {"From": "tel:+" + "1" * 8000 + "x"}), "400 bad-from"


def injected() -> Iterator[Case]:
    """NUL, controls and line ends in every header that matters, and in one that doesn't."""
    for name in (*ESSENTIAL, "X-Any"):
        value = PLAIN.get(name, "x").replace("{method}", "MESSAGE")
        for letter in ("\0", "\r", "\n", "\x0b", "\x1b", "\x7f", "\nX-Admin: yes", "\r\rX: y"):
            # Without a Via that can be read there is nobody to answer.
            yield telling("x", {name: value + letter + "y"}), f"{0 if name == 'Via' else 400} bad-header"
    for line in ("no colon", ": x", "a b: x", "\u00e4: x", "a\0: x", "(x): y", "To\x0b: x", "\0", "X\xa0: y"):
        yield telling("x", {}, line), "400 bad-header"
    yield telling("x", {}, "X : y"), "taken"
    yield telling("x", {}, "To : <sip:evil@h>"), "400 repeated-header"
    yield b"MESSAGE sip:h SIP/2.0\n" + telling().partition(b"\r\n")[2].replace(b"\r\n", b"\n"), "0 bad-request-line"
    yield telling("x", {"X": "a\r\n\r\nTo: b"}), "taken"  # an end of headers: what follows is body


def essentials() -> Iterator[Case]:
    """What every message has: missing, twice, empty, wrong; in requests, responses and ACKs."""
    for name in ESSENTIAL:
        word = name.lower()
        yield telling("x", {name: None}), "0 no-via" if name == "Via" else f"400 no-{word}"
        yield telling("x", {name: ""}), f"400 bad-{word}"
        yield telling("x", {name: "\udcff\udcfe"}), f"400 bad-{word}"
        yield replying(changes={name: None}), f"0 no-{word}"
        yield replying(changes={name: "\u00e4"}), f"0 bad-{word}"
        yield asking("ACK", {name: "\u00e4"}), f"0 bad-{word}"
        if name != "Via":
            value = PLAIN[name].replace("{method}", "MESSAGE")
            yield telling("x", {}, f"{name}: {value}"), "400 repeated-header"
    for text in ("2147483648 MESSAGE", "-1 MESSAGE", "1", "MESSAGE", "1 MESSAGE x", "1\u00a0MESSAGE"):
        yield telling("x", {"CSeq": text}), "400 bad-cseq"
    for text in ("256", "-1", "x", "", "7 0"):
        yield telling("x", {"Max-Forwards": text}), "400 bad-max-forwards"
    for name, text in (("Route", "x"), ("Record-Route", "<sip:h"), ("Contact", "a@b"), ("Content-Type", "x")):
        yield asking("OPTIONS", {name: text}), f"400 bad-{name.lower()}"
    yield telling("x", {"From": '"\udcff" <sip:a@h>;tag=1', "User-Agent": "\udcff"}), "taken"
    yield telling("x", {"Expires": "9" * 5000, "Date": "never", "Warning": '"', "Authorization": 'Digest "', "Require": '"'}), "taken"


class HostileTests(SynchronousTestCase):
    """Each case has the fate that is written beside it."""

    cases = [*lengths(), *start_lines(), *sizes(), *injected(), *essentials()]

    def test_fates(self) -> None:
        """At least 100 of them, each on its own."""
        self.assertGreaterEqual(len(self.cases), 100)
        for octets, wanted in self.cases:
            self.assertEqual(fate(octets), wanted, octets[:300])

    def test_streams(self) -> None:
        """In a connection each is a message, a fault, or waits for more; behind it nothing fails."""
        for octets, _ in self.cases:
            stream = Stream()
            for item in (*stream.feed(octets), *stream.feed(telling())):
                if isinstance(item, Fault):
                    refusal(item)
                elif isinstance(item, Message):
                    look(item)
            stream.ended()

    def test_time(self) -> None:
        """No message of 64 KiB takes longer than its length: three seconds for all, where the worst would take minutes if its cost were a square."""
        begun = process_time()
        for octets, _ in self.cases:
            parse(octets)
        stream = Stream()
        for octet in telling("x", {}, *["X: " + "y" * 7000] * 4):
            stream.feed(bytes((octet,)))
        self.assertLess(process_time() - begun, 3)


class FuzzTests(SynchronousTestCase):
    """Octets from a generator."""

    @FEW
    @given(st.binary(max_size=300))
    def test_random(self, octets: bytes) -> None:
        """Any octets, alone and behind a good start."""
        self.assertRegex(fate(octets), "^(taken|[0-9]+ [a-z-]+)$")
        self.assertRegex(fate(b"MESSAGE sip:h SIP/2.0\r\n" + octets + telling().partition(b"\r\n")[2]), "^(taken|[0-9]+ [a-z-]+)$")

    @FEW
    @given(st.sampled_from(kinds()), st.data())
    def test_mutated(self, kind: object, data: st.DataObject) -> None:
        """Messages of RFC 4475's kinds with octets changed, left out and doubled."""
        octets = bytearray(getattr(kind, "octets", b""))
        for _ in range(data.draw(st.integers(1, 6))):
            at, size = data.draw(st.integers(0, len(octets) - 1)), data.draw(st.integers(0, 30))
            piece = data.draw(
                st.one_of(st.binary(max_size=3), st.sampled_from((b'"', b"<", b"\r\n ", b"\r\n", b"\0", b";", b",", b"\\", bytes(octets[at : at + size]))))
            )
            octets[at : at + data.draw(st.integers(0, 3))] = piece
            octets = octets or bytearray(b"x")
        self.assertRegex(fate(bytes(octets)), "^(taken|[0-9]+ [a-z-]+)$")

    @FEW
    @given(
        st.sampled_from(("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Content-Type", "Authorization", "Max-Forwards", "Require", "Accept")),
        st.text(max_size=60),
    )
    def test_values(self, name: str, value: str) -> None:
        """Any text in each header."""
        encodable = value.encode("utf-8", "replace").decode()
        self.assertRegex(fate(telling("x", {name: encodable})), "^(taken|[0-9]+ [a-z-]+)$")
