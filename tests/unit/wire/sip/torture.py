"""Messages of the 49 kinds of RFC 4475, made here after what the RFC says of each kind, under the RFC's names, with the outcome that it wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.unit.wire.sip.making import ALICE, BOB, asking, replying

SDP = b"v=0\r\no=- 7 7 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
TYPED = "Content-Type: application/sdp"
LONG = "l" + "on" * 60 + "g"
TCP, TLS = "SIP/2.0/TCP a.example;branch=z9hG4bKtcp1", "SIP/2.0/TLS a.example;branch=z9hG4bKtls1"
REGISTRAR = "sip:pbx.example"
MIXED = b"--5e9a\r\nContent-Type: text/plain\r\n\r\nhi\r\n--5e9a\r\nContent-Type: application/octet-stream\r\n\r\n0\x82\x01\x00\xff\r\n--5e9a--\r\n"


@dataclass(frozen=True)
class Kind:
    """
    A kind of message: its name and section in the RFC, what is peculiar in it, a message of it, and how the answer of a server that takes INVITE begins.

    `wants` is 'served', 'taken' (a response), 'dropped' or the start of a status line.
    """

    name: str
    section: str
    about: str
    octets: bytes
    wants: str


def calling(changes: dict[str, str | None] | None = None, *more: str, target: str = "sip:bob@pbx.example", body: bytes = SDP, start: str = "") -> bytes:
    """An INVITE with a session description."""
    return asking("INVITE", changes, *more, "Contact: <sip:alice@198.51.100.7>", TYPED, target=target, body=body, start=start)


def kinds() -> list[Kind]:
    """All of them, in the RFC's order."""
    return [*valid(), *invalid_headers(), *invalid_lines(), *transactions(), *applications()]


def valid() -> Iterator[Kind]:
    """3.1.1: strange, and right."""
    spaced = (
        'INVITE sip:bob@pbx.example;odd SIP/2.0\r\ntO  :\r\n sip:bob@pbx.example ;\ttag   = 5150\r\nfRoM :  "A \\\\\\""     <sip:alice@pbx.example>\r\n ;\r\n'
        "  tag = 77aa\r\nMax-FORWARDS: 0041\r\nCall-ID: ws.1@198.51.100.7\r\ncseq:  0012\r\n   INVITE\r\nVIA : SIP  /  2.0\r\n  /UDP\r\n"
        "   198.51.100.7;branch=oldstyle\r\ns  :\r\nOddity:  one\r\n two\r\nWeird: ;;,,;\r\nRoute:\r\n <sip:edge.example;lr;x=y;z>\r\n"
        "v: SIP / 2.0 / TCP  b.example  ; branch =\r\n z9hG4bKb ,\r\n SIP /2.0/ UDP  203.0.113.5 ; branch= z9hG4bKc\r\n"
        'm: "say \\"\\"" <sip:alice@198.51.100.7> ; new =\r\n  er ;\r\n q = 0.5\r\n'
        f"Content-Type: application/sdp\r\nContent-Length  : {len(SDP)}\r\n\r\n"
    ).encode() + SDP
    yield Kind("wsinv", "3.1.1.1", "folded lines, blanks wherever the grammar has them, values in lists", spaced, "served")
    method = "%Odd-Method.0!*_+`'~"
    wide: dict[str, str | None] = {
        "Via": "SIP/2.0/TCP a.example;branch=z9hG4bK~!%+_*`.'-", "To": '"nul \\\0 bell \\\7 del \\\x7f" <sip:x~(y)&z=$/?,;@pbx.example>',
        "From": "one~` two'+ three%!. <sip:plain@pbx.example>;p%=\"\u0437\u0430\";tag=_t", "Call-ID": "x%Z!._*+'`~)(><:\\/\"][?}{@w", "Max-Forwards": "255",
    }  # fmt: skip
    yield Kind(
        "intmeth",
        "3.1.1.2",
        "every letter that a token may have",
        asking(method, wide, "x!.%*+_`'~: \ufeff\u5927", target="sip:u~(!)&+$/?,;*:&w=1,!*$@pbx.example"),
        "501",
    )
    escaped: dict[str, str | None] = {"To": "sip:%62o%62@pbx.example", "From": "<sip:a%20b@pbx.example>;tag=1"}
    yield Kind("esc01", "3.1.1.3", "escapes that mean what they stand for", calling(escaped, target="sip:sips%3Aa%40pbx.example@pbx.example"), "served")
    nulls: dict[str, str | None] = {"To": "sip:a%00b@pbx.example", "From": "sip:a%00b@pbx.example;tag=1"}
    yield Kind("escnull", "3.1.1.4", "escaped NUL in users", asking("REGISTER", nulls, "Contact: <sip:%00@h.example>", target=REGISTRAR), "served")
    named: dict[str, str | None] = {"Via": "SIP/2.0/TCP a.example;branch=z9hG4bK%61%zz", "To": '"%Z%41" <sip:bob@pbx.example>'}
    yield Kind("esc02", "3.1.1.5", "% where it is no escape: the method isn't REGISTER", asking("RE%47ISTER", named, "C%6Fntact: <sip:a@h.example>"), "501")
    yield Kind("lwsdisp", "3.1.1.6", "no blank between name and <", asking(changes={"From": "alice<sip:alice@pbx.example>;tag=1"}), "served")
    hops = [f"{name}: SIP/2.0/TCP h{place}.example" for place, name in enumerate(("v", "VIA ", "vIa", "V  ", "via") * 6)]
    long: dict[str, str | None] = {
        "Via": None,
        "To": f'"{LONG}"<sip:bob@pbx.example:6000;{LONG}={LONG}>',
        "From": f"sip:{LONG}@pbx.example;tag={LONG}",
        "Call-ID": LONG,
    }
    last = f"Via: SIP/2.0/TCP h.example;received=192.0.2.5;branch={LONG}"
    yield Kind("longreq", "3.1.1.7", "long values, 31 hops", calling(long, *hops, last, f"X-{LONG}: {LONG}"), "served")
    second = calling({"Call-ID": "second"})
    yield Kind("dblreq", "3.1.1.8", "another request behind the first in a datagram", asking("REGISTER", {}, target=REGISTRAR) + b"\r\n" + second, "served")
    yield Kind("semiuri", "3.1.1.9", "a semicolon in the user", asking(target="sip:bob;x=y%40z@pbx.example"), "served")
    ways = [f"Via: SIP/2.0/{name} h.example;branch=z9hG4bK{name}" for name in ("SCTP", "TLS", "NEVERHEARD", "TCP")]
    yield Kind("transports", "3.1.1.10", "transports of many names", asking("OPTIONS", {}, *ways), "served")
    parts = asking("MESSAGE", {}, "Content-Type: multipart/mixed;boundary=5e9a", target="sip:bob@pbx.example", body=MIXED)
    yield Kind("mpart01", "3.1.1.11", "a MESSAGE of two parts, one binary", parts, "served")
    yield Kind("unreason", "3.1.1.12", "a reason phrase beyond ASCII", replying("200 = 2**3 \u0434\u0430", {}, TYPED, method="INVITE", body=SDP), "taken")
    yield Kind("noreason", "3.1.1.13", "no reason phrase", replying("100 ", method="INVITE"), "taken")


def invalid_headers() -> Iterator[Kind]:
    """3.1.2.1 to 3.1.2.6: wrong headers."""
    yield Kind("badinv01", "3.1.2.1", "parameters without names", calling({"Via": "SIP/2.0/UDP 198.51.100.7;;,;,,"}, "Contact: <sip:a@b.example>;;;"), "400")
    yield Kind("clerr", "3.1.2.2", "Content-Length beyond the datagram", calling({"Content-Length": "7777"}), "400")
    yield Kind("ncl", "3.1.2.3", "a negative Content-Length", calling({"Content-Length": "-3"}), "400")
    huge: dict[str, str | None] = {"Via": TCP, "CSeq": "99999999999999999999 REGISTER", "Max-Forwards": "256"}
    yield Kind("scalar02", "3.1.2.4", "numbers beyond their range", asking("REGISTER", huge, "Expires: 1" + "0" * 90, target=REGISTRAR), "400")
    late: dict[str, str | None] = {"Via": TCP, "CSeq": "7777777777777777777 OPTIONS"}
    yield Kind("scalarlg", "3.1.2.5", "the same in a response", replying("503 Service Unavailable", late, "Retry-After: 99999999999999999999"), "dropped")
    yield Kind("quotbal", "3.1.2.6", "a quote that isn't closed", calling({"To": '"Bob <sip:bob@pbx.example>'}), "400")


def invalid_lines() -> Iterator[Kind]:
    """3.1.2.7 to 3.1.2.19: wrong start lines, dates, addresses, versions."""
    yield Kind("ltgtruri", "3.1.2.7", "< > around the Request-URI", calling(target="<sip:bob@pbx.example>"), "400")
    yield Kind("lwsruri", "3.1.2.8", "a blank in the Request-URI", calling(target="sip:bob@pbx.example; lr"), "400")
    yield Kind("lwsstart", "3.1.2.9", "two blanks in the request line", calling(start="INVITE  sip:bob@pbx.example  SIP/2.0"), "400")
    yield Kind("trws", "3.1.2.10", "blanks at the end of the request line", asking(start="OPTIONS sip:bob@pbx.example SIP/2.0  "), "400")
    yield Kind("escruri", "3.1.2.11", "headers in the Request-URI", calling(target="sip:bob@pbx.example?Route=%3Csip:pbx.example%3E"), "400")
    yield Kind("baddate", "3.1.2.12", "a Date in another zone: passed over", calling({}, "Date: Sat, 02 Jan 2021 10:00:00 CET"), "served")
    bare = "Contact: sip:alice@pbx.example?Route=%3Csip:edge.example%3E"
    yield Kind("regbadct", "3.1.2.13", "a Contact with ? and no < >", asking("REGISTER", {}, bare, target=REGISTRAR), "400")
    yield Kind("badaspec", "3.1.2.14", "blanks inside < >", asking(changes={"To": '"Bob" < sip:bob@pbx.example >'}), "400")
    yield Kind("baddn", "3.1.2.15", "a comma in a name without quotes", asking(changes={"From": "Doe, A <sip:alice@pbx.example>;tag=1"}), "400")
    yield Kind(
        "badvers",
        "3.1.2.16",
        "another version",
        asking(changes={"Via": "SIP/9.1/UDP a.example;branch=z9hG4bKv"}, start="OPTIONS sip:bob@pbx.example SIP/9.1"),
        "505",
    )
    yield Kind("mismatch01", "3.1.2.17", "CSeq of another method", asking(changes={"CSeq": "3 INVITE"}), "400")
    yield Kind("mismatch02", "3.1.2.18", "the same, method unknown", asking("TWISTED", {"CSeq": "3 INVITE"}), "400")
    yield Kind("bigcode", "3.1.2.19", "a status of 10 digits", replying("4294967396 wraps"), "dropped")


def transactions() -> Iterator[Kind]:
    """3.2: the transaction layer."""
    yield Kind("badbranch", "3.2.1", "a branch that is the cookie only", asking(changes={"Via": "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK"}), "served")


def applications() -> Iterator[Kind]:
    """3.3 and 3.4: what only a server can judge."""
    missing: dict[str, str | None] = {"From": None, "To": None, "Call-ID": None}
    yield Kind("insuf", "3.3.1", "no From, To and Call-ID", calling(missing), "400")
    yield Kind("unkscm", "3.3.2", "a scheme that nobody knows", asking(changes={"Via": TCP}, target="unheardof:of"), "416")
    yield Kind("novelsc", "3.3.3", "a scheme that others know", asking(changes={"Via": TCP}, target="soap.beep://198.51.100.7:3002"), "416")
    schemes: dict[str, str | None] = {"To": "isbn:9780131103627", "From": "<http://www.example.com>;tag=1"}
    yield Kind("unksm2", "3.3.4", "such schemes in To, From and Contact", asking("REGISTER", schemes, "Contact: <name:Alice>", target=REGISTRAR), "400")
    needs = ("Require: nobodyDoes, norThis", "Proxy-Require: noProxyDoes, norThat")
    yield Kind("bext01", "3.3.5", "extensions that nobody has", asking("OPTIONS", {"Via": TLS}, *needs), "420")
    other = asking("INVITE", {}, "Contact: <sip:alice@h.example>", "Content-Type: application/unheard", target="sip:bob@pbx.example", body=b"<x/>")
    yield Kind("invut", "3.3.6", "a type of content that nobody has", other, "415")
    scheme = asking("REGISTER", {"Via": TCP}, "Authorization: Unheard opaque-data=x", target=REGISTRAR)
    yield Kind("regaut01", "3.3.7", "a log-in of another scheme", scheme, "401")
    twice = ("CSeq: 59 INVITE", "Call-ID: another", "To: sip:carol@pbx.example", "From: sip:dave@pbx.example;tag=2", "Max-Forwards: 5")
    yield Kind("multi01", "3.3.8", "headers twice that may be there once", calling({}, *twice), "400")
    lengths = asking("OPTIONS", {"Content-Length": "13"}, "Content-Length: 5", "Content-Type: text/plain", body=b"which length is it?")
    yield Kind("mcl01", "3.3.9", "two Content-Lengths", lengths, "400")
    broadcast = replying("200 OK", {}, "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb", TYPED, method="INVITE", body=SDP)
    yield Kind("bcast", "3.3.10", "a response that would be sent on to everybody", broadcast, "dropped")
    yield Kind("zeromf", "3.3.11", "Max-Forwards 0", asking(changes={"Max-Forwards": "0"}), "served")
    for name, section, contact in (
        ("cparam01", "3.3.12", "sip:+12065550019@gw.example;unheard"),
        ("cparam02", "3.3.13", "<sip:+12065550019@gw.example;unheard>"),
        ("regescrt", "3.3.14", "<sip:alice@pbx.example?Route=%3Csip:edge.example%3E>"),
    ):
        about = {"cparam01": "a parameter of the header", "cparam02": "a parameter of the URI", "regescrt": "a header in the URI"}[name]
        yield Kind(
            name, section, f"a Contact with {about}", asking("REGISTER", {"From": f"{ALICE};tag=1", "To": ALICE}, f"m: {contact}", target=REGISTRAR), "served"
        )
    yield Kind("sdp01", "3.3.15", "Accept without the answer's type", calling({}, "Accept: text/unheard"), "406")
    old: dict[str, str | None] = {"Via": "SIP/2.0/UDP gw.example", "Max-Forwards": None, "Content-Length": None, "From": ALICE, "To": BOB}
    yield Kind("inv2543", "3.4.1", "a client of RFC 2543: no branch, tag, Max-Forwards, Content-Length", calling(old), "served")
