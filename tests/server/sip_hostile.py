"""
Hostile SIP as octets, made by the standard library alone. A kind has a group, a name, and a function from a request that would be served and paid (its log-in
is right) to what is sent instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Change = Callable[[bytes], bytes]
HEADERS: Final = ("Via", "From", "To", "Call-ID", "CSeq")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `change` makes what is sent of the request as it was."""

    group: str
    name: str
    change: Change


def without(name: str) -> Change:
    """The header left out."""
    return lambda octets: re.sub(rb"(?mi)^" + name.encode() + rb":[^\r]*\r\n", b"", octets, count=1)


def instead(name: str, value: bytes) -> Change:
    """The header with another value."""
    return lambda octets: re.sub(rb"(?mi)^" + name.encode() + rb":[^\r]*\r\n", lambda _: name.encode() + b": " + value + b"\r\n", octets, count=1)


def beside(line: bytes) -> Change:
    """One more header line, as the second line of the message."""
    return lambda octets: octets.replace(b"\r\n", b"\r\n" + line + b"\r\n", 1)


def twice(name: str) -> Change:
    """The header there twice."""
    return lambda octets: re.sub(rb"(?mi)^(" + name.encode() + rb":[^\r]*\r\n)", rb"\1\1", octets, count=1)


def start(line: bytes) -> Change:
    """Another start line."""
    return lambda octets: line + octets[octets.index(b"\r\n") :]


def swap(old: bytes, new: bytes) -> Change:
    """One text for another, once."""
    return lambda octets: octets.replace(old, new, 1)


def field(name: str, value: bytes) -> Change:
    """Another value of a field of the log-in."""
    return lambda octets: re.sub(rb"(?i)(Authorization:[^\r]*\b" + name.encode() + rb'=)("[^"]*"|[^,\r]+)', lambda found: found[1] + value, octets, count=1)


def raw(octets: bytes) -> Change:
    """Nothing of the request."""
    return lambda _: octets


def _start_lines() -> list[Kind]:
    lines = {
        "another version": b"MESSAGE sip:a@sip.example SIP/3.0", "no version": b"MESSAGE sip:a@sip.example", "no URI": b"MESSAGE SIP/2.0",
        "two blanks": b"MESSAGE  sip:a@sip.example SIP/2.0", "blanks at its end": b"MESSAGE sip:a@sip.example SIP/2.0  ",
        "URI in brackets": b"MESSAGE <sip:a@sip.example> SIP/2.0", "URI with a blank": b"MESSAGE sip:a @sip.example SIP/2.0",
        "URI with headers": b"MESSAGE sip:a@sip.example?Route=x SIP/2.0", "URI of nothing": b"MESSAGE sip: SIP/2.0",
        "unknown scheme": b"MESSAGE gopher:a SIP/2.0", "mailto": b"MESSAGE mailto:a@b SIP/2.0",
        "NUL in the URI": b"MESSAGE sip:a\0b@sip.example SIP/2.0", "method with NUL": b"MESS\0AGE sip:a@sip.example SIP/2.0",
        "long method": b"M" * 5000 + b" sip:a@sip.example SIP/2.0", "long URI": b"MESSAGE sip:" + b"a" * 5000 + b"@sip.example SIP/2.0",
        "bad port": b"MESSAGE sip:a@sip.example:99999 SIP/2.0", "bad escape": b"MESSAGE sip:%zz@sip.example SIP/2.0", "HTTP": b"GET / HTTP/1.1",
        "INVITE": b"INVITE sip:a@sip.example SIP/2.0", "ACK": b"ACK sip:a@sip.example SIP/2.0", "CANCEL": b"CANCEL sip:a@sip.example SIP/2.0",
        "unknown method": b"FROBNICATE sip:a@sip.example SIP/2.0", "small letters": b"message sip:a@sip.example SIP/2.0",
        "a response": b"SIP/2.0 200 OK", "a status of 4 digits": b"SIP/2.0 2000 OK", "a status of 99": b"SIP/2.0 099 OK",
    }  # fmt: skip
    return [Kind("start line", name, start(line)) for name, line in lines.items()]


def _headers() -> list[Kind]:
    kinds = [Kind("headers", f"no {name}", without(name)) for name in HEADERS]
    kinds += [Kind("headers", f"{name} twice", twice(name)) for name in (*HEADERS[1:], "Content-Length", "Max-Forwards", "Content-Type")]
    values = {
        "Via": (b"", b"SIP/2.0/UDP", b"SIP/2.0/UDP a b", b"SIP/2.0/UDP [::1;branch=z9hG4bKx", b"SIP/2.0/UDP a:0;branch=z9hG4bKx", b"\xff\xfe"),
        "From": (b"", b"<sip:a@b", b'"a <sip:a@b>', b'"a\\" <sip:a@b>;tag=1', b"sip:a@b>;tag=1", b"<sip:a@b>;tag=1;tag=2", b"\xff" * 100, b"<sip:@>"),
        "To": (b"", b"<<sip:a@b>>", b"<sip:a@b>;tag=" + b"t" * 9000, b"sip:a@b;x=y z", b"<sip:a@b>,<sip:c@d>"),
        "Call-ID": (b"", b"a b", b"a\0b", b"\xc3\x28"),
        "CSeq": (b"", b"1", b"MESSAGE 1", b"-1 MESSAGE", b"4294967296 MESSAGE", b"1 REGISTER", b"9" * 500 + b" MESSAGE"),
        "Max-Forwards": (b"0", b"-1", b"256", b"x"),
        "Content-Type": (b"", b"text", b'text/plain;charset="', b"application/x-exe", b"multipart/mixed;boundary=x"),
    }  # fmt: skip
    for name, known in values.items():
        kinds += [Kind("headers", f"{name} of another form, {place}", instead(name, value)) for place, value in enumerate(known, 1)]
    lines = {
        "without a colon": b"no colon here", "blank in its name": b"Bad Header: x", "no name": b": x", "folded at first": b" folded: x",
        "a NUL in it": b"X-A: a\0b", "a lone CR in it": b"X-A: a\rTo: <sip:x@y>", "a lone LF in it": b"X-A: a\nAuthorization: Digest",
        "nobody's extension": b"Require: nobody", "of 9,000 octets": b"X-A: " + b"a" * 9000, "of 40,000 octets": b"X-A: " + b"a" * 40000,
        "encoded": b"Content-Encoding: gzip",
    }  # fmt: skip
    kinds += [Kind("headers", f"a line {name}", beside(line)) for name, line in lines.items()]
    many = {
        "1,000 headers": b"\r\n".join(b"X-%d: a" % place for place in range(1000)), "3,000 Via": b"\r\n".join([b"Via: SIP/2.0/UDP a;branch=z9hG4bKx"] * 800),
        "80 Via in a line": b"Via: " + b", ".join([b"SIP/2.0/UDP a;branch=z9hG4bKx"] * 80), "200 Require": b"\r\n".join([b"Require: x"] * 200),
        "4,000 names in Require": b"Require: " + b"x," * 4000, "deep quotes": b'Contact: ' + b'"\\' * 4000,
    }  # fmt: skip
    return kinds + [Kind("headers", name, beside(lines)) for name, lines in many.items()]


def _lengths() -> list[Kind]:
    values = (b"-1", b"x", b"99999", b"4294967297", b"1 2", b"0x10", b"", b"9" * 400)
    kinds = [Kind("lengths", f"Content-Length {value[:12].decode() or 'of nothing'}", instead("Content-Length", value)) for value in values]
    empty = raw(b"\r\n" * 500)
    return [
        *kinds, Kind("lengths", "no end of headers", lambda octets: octets.partition(b"\r\n\r\n")[0] + b"\r\n"), Kind("lengths", "line ends only", empty),
        Kind("lengths", "nothing", raw(b"\0")), Kind("lengths", "60,000 octets of noise", raw(bytes(range(256)) * 234)),
        Kind("lengths", "cut in the middle", lambda octets: octets[: len(octets) // 2]),
        Kind("lengths", "line ends of Unix", lambda octets: octets.replace(b"\r\n", b"\n")),
        Kind("lengths", "a body of 2,000 octets", lambda octets: instead("Content-Length", b"2000")(octets) + b"x" * 2000),
    ]  # fmt: skip


def _log_ins() -> list[Kind]:
    changes = {
        "none": without("Authorization"), "of nothing": instead("Authorization", b""), "Basic": instead("Authorization", b"Basic YTpi"),
        "another realm": field("realm", b'"other"'), "another user": field("username", b'"12065550019"'),
        "nobody": field("username", b'"nobody"'), "a user of 10,000 letters": field("username", b'"' + b"a" * 5000 + b'"'),
        "a user with NUL": field("username", b'"a\\\0b"'), "a user of SQL": field("username", b"\"' or 1=1; drop table accounts; --\""),
        "an open quote": field("username", b'"12065550021'), "a response of zeros": field("response", b'"' + b"0" * 64 + b'"'),
        "a short response": field("response", b'"ab"'), "a response of noise": field("response", b'"\xff\xfe"'), "no nonce": field("nonce", b'""'),
        "a made-up nonce": field("nonce", b'"' + b"0" * 56 + b'"'), "a long nonce": field("nonce", b'"' + b"f" * 3000 + b'"'),
        "another URI": field("uri", b'"sip:12065550031@sip.example"'), "count 0": field("nc", b"00000000"), "a count of letters": field("nc", b"zzzzzzzz"),
        "another count": field("nc", b"0fffffff"), "auth-int": field("qop", b"auth-int"), "an unknown qop": field("qop", b"token"),
        "an unknown algorithm": field("algorithm", b"SHA-512"), "session variant": field("algorithm", b"SHA-256-sess"), "no cnonce": field("cnonce", b'""'),
        "a field twice": swap(b"Digest ", b'Digest nonce="x", '), "8,000 fields": swap(b"Digest ", b"Digest " + b"a=b, " * 1500),
        "of another method": lambda octets: octets.replace(b"MESSAGE", b"REGISTER"), "forged From": instead("From", b"<sip:12065550019@sip.example>;tag=1"),
        "From of another domain": instead("From", b"<sip:12065550021@other.example>;tag=1"), "From of no domain of ours": instead("From", b"<sip:a@b.c>;tag=1"),
        "From by telephone": instead("From", b"<tel:+12065550021>;tag=1"),
    }  # fmt: skip
    return [Kind("log-ins", name, change) for name, change in changes.items()]


KINDS: Final = (*_start_lines(), *_headers(), *_lengths(), *_log_ins())
