"""Kinds of hostile Diameter: octets that are malformed, forged or sent to do harm, as a peer that is known sends them, or before its CER."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from tests.server.diameter_octets import (
    ACR,
    ASR,
    CCR,
    CER,
    DPR,
    DWR,
    ERROR,
    PGW,
    PROXIABLE,
    RAR,
    REALM,
    REQUEST,
    RETRANSMITTED,
    TGPP,
    avp,
    call,
    ccr,
    ccr_body,
    cer,
    message,
    number,
    origin,
    seconds,
    subscriber,
)

#: The identifier that the first answer to a hostile message has, where there is one.
HOP = 900
ACCOUNT = "442079460001"
WHO = (subscriber(ACCOUNT), seconds(5), call(ACCOUNT, "8210001"))
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its group and name, and the octets; `early`: they come before the CER."""

    group: str
    name: str
    octets: bytes
    early: bool = False


def fresh(*more: bytes, session: str = "", flags: int = REQUEST | PROXIABLE, host: str = PGW) -> bytes:
    """A CCR-I of a new session (each is a question of its own, or its answer would come from memory), with these AVPs."""
    number_of = next(_numbers)
    return ccr(HOP, ccr_body(session or f"pgw.example.com;h;{number_of}", 1, 0, *more, host=host), HOP + number_of, flags)


def asked(*more: bytes, session: str = "", flags: int = REQUEST | PROXIABLE) -> bytes:
    """A sound CCR-I with more in it."""
    return fresh(*WHO, *more, session=session, flags=flags)


def without(code: int) -> bytes:
    """The same without the AVPs of a code."""
    octets, kept, at = asked(), b"", 20
    while at < len(octets):
        size = int.from_bytes(octets[at + 5 : at + 8], "big")
        stop = at + (size + 3) // 4 * 4
        if int.from_bytes(octets[at : at + 4], "big") != code:
            kept += octets[at:stop]
        at = stop
    return ccr(HOP, kept, HOP + next(_numbers))


def nested(deep: int, code: int = 456, inner: bytes = b"") -> bytes:
    """Groups in groups."""
    for _ in range(deep):
        inner = avp(code, inner)
    return inner


def before() -> Iterator[tuple[str, bytes]]:
    """What a stranger sends first."""
    yield "nothing but zeros", bytes(64)
    yield "HTTP", b"GET / HTTP/1.1\r\nHost: ocs\r\n\r\n"
    yield "TLS ClientHello", bytes.fromhex("16030100c8010000c40303") + bytes(60)
    yield "a CCR", asked()
    yield "a DWR", message(DWR, origin())
    yield "a CEA", message(CER, avp(268, 2001), origin(), flags=0)
    yield "CER of nobody", cer("nobody.example.org", "example.org")
    yield "CER without Origin-Host", message(CER, avp(296, REALM), avp(257, b"\0\1\x7f\0\0\1"), avp(266, 0), avp(269, "t"), avp(258, 4), hop=HOP)
    yield "CER with our own name", cer("ocs.example.com")
    yield "CER with a name of 60,000 octets", cer("a" * 60_000)
    yield "CER with a name of NULs", cer("\0\0\0")
    yield "CER for Rf alone", message(CER, origin(), avp(257, b"\0\1\x7f\0\0\1"), avp(266, 0), avp(269, "t"), avp(259, 3), hop=HOP)
    yield "CER for no application", message(CER, origin(), avp(257, b"\0\1\x7f\0\0\1"), avp(266, 0), avp(269, "t"), hop=HOP)
    yield "CER that wants inband TLS", cer(PGW, REALM, avp(299, 1))
    yield "CER in clear of a peer that has to come over TLS", cer("tls.example.com")
    yield "CER with 5,000 Host-IP-Addresses", cer(PGW, REALM, avp(257, b"\0\1\1\1\1\1") * 5000)
    yield "CER with an address of 3 octets", cer(PGW, REALM, avp(257, b"\0\1\1"))
    yield "CER with the E bit", message(CER, origin(), avp(258, 4), flags=REQUEST | ERROR, hop=HOP)
    yield "CER with the P bit", message(CER, origin(), avp(258, 4), flags=REQUEST | PROXIABLE, hop=HOP)
    yield "CER of version 2", message(CER, origin(), version=2)
    yield "random octets", Random(7).randbytes(4000)


def framing() -> Iterator[tuple[str, bytes]]:
    """Headers that lie; after most of them nobody knows where the next message begins."""
    yield "version 0", message(CCR, application=4, version=0)
    yield "version 255", message(CCR, application=4, version=255)
    for size in (0, 1, 4, 19, 21, 22, 23):
        yield f"length {size}", message(CCR, application=4, hop=HOP, length=size)
    yield "length of 16 MB", message(CCR, application=4, length=0xFFFFFC)
    yield "length one word over the limit", message(CCR, application=4, length=262_148)
    yield "only a header", message(CCR, application=4, hop=HOP)
    yield "zeros after a message", asked() + bytes(40)
    yield "text after a message", asked() + b"\r\n\r\n"


def headers() -> Iterator[tuple[str, bytes]]:
    """Flags, commands, applications."""
    body = ccr_body("pgw.example.com;headers", 1, 0, *WHO)
    for bits in (0x08, 0x04, 0x02, 0x01, 0x0F):
        yield f"reserved bits {bits:#04x}", asked(flags=REQUEST | PROXIABLE | bits)
    yield "a request with the E bit", asked(flags=REQUEST | ERROR)
    yield "T in a request that never was", asked(flags=REQUEST | PROXIABLE | RETRANSMITTED)
    yield "command 0", message(0, origin(), hop=HOP)
    yield "command 16777215", message(0xFFFFFF, origin(), application=4, hop=HOP)
    for application in (1, 3, 5, 16777238, 0xFFFFFFFF):
        yield f"CCR in application {application}", message(CCR, body, application=application, hop=HOP)
    yield "CCR in the base application", message(CCR, body, hop=HOP)
    yield "accounting (ACR)", message(ACR, avp(263, "s"), origin(), avp(283, REALM), avp(480, 1), avp(485, 0), application=3, hop=HOP)
    yield "RAR to us", message(RAR, avp(263, "s"), origin(), avp(283, REALM), avp(293, "ocs.example.com"), avp(258, 4), avp(285, 0), application=4, hop=HOP)
    yield "ASR to us", message(ASR, avp(263, "s"), origin(), avp(283, REALM), avp(293, "ocs.example.com"), avp(258, 4), application=4, hop=HOP)
    yield "a second CER", cer().replace(number(1) + number(1), number(HOP) + number(1), 1)
    yield "CCA for nothing", message(CCR, avp(268, 2001), origin(), flags=PROXIABLE, application=4, hop=HOP)
    yield "DWA for nothing", message(DWR, avp(268, 2001), origin(), flags=0, hop=HOP)
    yield "DPA for nothing", message(DPR, avp(268, 2001), origin(), flags=0, hop=HOP)
    yield "DWR with the P bit", message(DWR, origin(), flags=REQUEST | PROXIABLE, hop=HOP)
    yield "DWR without origin", message(DWR, hop=HOP)
    yield "DWR of somebody else", message(DWR, origin("other.example.com"), hop=HOP)


def lengths() -> Iterator[tuple[str, bytes]]:
    """AVP headers that lie."""
    for size in (0, 1, 7):
        yield f"AVP of length {size}", asked(avp(55, b"", length=size))
    yield "AVP of length 8 with the V bit", asked(number(415) + b"\x80" + number(8, 3))
    yield "AVP past the end by one", asked(avp(1, b"abc", length=13))
    yield "AVP of 16 MB", asked(avp(1, b"abc", length=0xFFFFFF))
    for tail in (4, 8):
        yield f"{tail} octets of an AVP at the end", asked(avp(1, b"abcd")[:tail])
    yield "AVP in a group that is longer than the group", asked(avp(456, avp(432, 1, length=64)))
    yield "group that ends within a header", asked(avp(456, avp(432, 1) + number(439)))
    for code, name in ((416, "CC-Request-Type"), (55, "Event-Timestamp"), (420, "CC-Time"), (421, "CC-Total-Octets")):
        for size in (0, 3, 5, 9):
            value = avp(code, bytes(size))
            yield f"{name} of {size} octets", asked(avp(456, avp(446, value)) if code in (420, 421) else value)


def structure() -> Iterator[tuple[str, bytes]]:
    """Nesting, numbers of AVPs, sizes."""
    yield "groups 15 deep", asked(nested(15))
    yield "groups 40 deep", asked(nested(40))
    yield "groups 20,000 deep", asked(nested(20_000))
    yield "5,000 AVPs", asked(avp(1, "u") * 5000)
    yield "4,000 AVPs", asked(avp(33, b"p", flags=0) * 3900)
    yield "4,000 MSCCs", asked(avp(456, avp(432, 1)) * 3000)
    yield "300 MSCCs of one rating group", asked(seconds(1) * 300)
    yield "200 kB of User-Name", asked(avp(1, "u" * 200_000))
    yield "1,000 empty groups", asked(avp(456) * 1000)
    yield "1,000 Subscription-Ids", asked(subscriber("1") * 1000)
    yield "500 Proxy-Infos", asked(avp(284, avp(280, "p.example") + avp(33, bytes(40))) * 500)
    yield "Proxy-Info without Proxy-State", asked(avp(284, avp(280, "p.example")))
    yield "our name in Route-Record", asked(avp(282, "ocs.example.com"))
    yield "Failed-AVPs 300 deep around 200 kB", asked(nested(300, 279, avp(33, bytes(200_000))))
    yield "a Failed-AVP in a request", asked(avp(279, avp(263, "x", length=3)))
    yield "a CCR-I ten times in one piece", asked() * 10


def arity() -> Iterator[tuple[str, bytes]]:
    """What has to be there, and what may be there once."""
    for code, name in ((263, "Session-Id"), (264, "Origin-Host"), (296, "Origin-Realm"), (283, "Destination-Realm"), (258, "Auth-Application-Id"),
                       (461, "Service-Context-Id"), (416, "CC-Request-Type"), (415, "CC-Request-Number"), (443, "Subscription-Id"), (456, "MSCC")):  # fmt: skip
        yield f"no {name}", without(code)
    names = {263: "Session-Id", 264: "Origin-Host", 416: "CC-Request-Type", 415: "CC-Request-Number", 258: "Auth-Application-Id"}
    second: dict[int, tuple[str | int, str | int]] = {
        263: ("other", "twice"), 264: ("other.example.com", PGW), 416: (2, 1), 415: (9, 0), 258: (3, 4),
    }  # fmt: skip
    for code, (other, equal) in second.items():
        yield f"a second and other {names[code]}", asked(avp(code, other), session="twice")
        yield f"a second and equal {names[code]}", asked(avp(code, equal), session="twice")


def values() -> Iterator[tuple[str, bytes]]:
    """Values that are none, or of which nobody has thought."""
    texts = (
        ("NUL", "a\0b"), ("CR LF", "1\r\nlevel: critical"), ("escape sequences", "\x1b[2J"), ("a template", "${account.id}%s{0}"),
        ("SQL", "'; drop table xdr; --"),
    )  # fmt: skip
    for name, text in texts:
        yield f"Session-Id with {name}", asked(session=text)
        yield f"called and calling party with {name}", fresh(subscriber(ACCOUNT), seconds(5), call(text, f"8210001{text}"))
        yield f"APN with {name}", fresh(subscriber(ACCOUNT), seconds(5), call(ACCOUNT, "8210001"), avp(873, avp(874, avp(30, text), TGPP), TGPP))
        yield f"subscriber with {name}", fresh(subscriber(text), seconds(5), call("1", text))
    for name, octets in (("not UTF-8", b"\xff\xfe"), ("overlong UTF-8", b"\xc0\xaf"), ("a surrogate", b"\xed\xa0\x80")):
        yield f"Session-Id {name}", ccr(HOP, avp(263, octets) + ccr_body("x", 1, 0, *WHO)[12:])
        yield f"User-Name {name}", asked(avp(1, octets))
    yield "Session-Id without octets", ccr(HOP, ccr_body("", 1, 0, *WHO))
    yield "Session-Id of 100,000 octets", asked(session="s" * 100_000)
    for kind in (0, 5, 0x7FFFFFFF, -1):
        yield f"CC-Request-Type {kind}", ccr(HOP, ccr_body("kinds", kind, 0, *WHO), HOP + next(_numbers))
    for action in (-1, 4, 99):
        yield f"event with Requested-Action {action}", ccr(HOP, ccr_body("events", 4, 0, *WHO, avp(436, action)), HOP + next(_numbers))
    for used in (0, 0xFFFFFFFF):
        yield f"use of {used} s of a session that never was", ccr(HOP, ccr_body("never", 2, 1, subscriber("10086610975"), seconds(5, used)))
    octets = avp(456, avp(446, avp(421, b"\xff" * 8)) + avp(432, 1))
    yield "use of 2^64-1 octets", ccr(HOP, ccr_body("never", 3, 1, subscriber("10086610975"), octets))
    yield "request for 2^32-1 s", fresh(subscriber(ACCOUNT), seconds(0xFFFFFFFF), call("1", "8210001"))
    for name, exponent, currency in (("an exponent of 2^31-1", 0x7FFFFFFF, 978), ("a currency of 99999", 0, 99999)):
        money = avp(413, avp(445, avp(447, bytes(7) + b"\1") + avp(429, exponent)) + avp(425, currency))
        yield f"money with {name}", fresh(*WHO[:1], avp(456, avp(437, money)))
    money = avp(413, avp(445, avp(447, b"\x7f" + b"\xff" * 7) + avp(429, 18)) + avp(425, 124))
    yield "an event of 9*10^36 in money", ccr(HOP, ccr_body("rich", 4, 0, WHO[0], avp(436, 0), avp(437, money), WHO[2]), HOP + next(_numbers))
    for stamp in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\0\0\0"):
        yield f"Event-Timestamp {stamp.hex()}", asked(avp(55, stamp))
    yield "an address of family 0", asked(avp(873, avp(874, avp(1227, b"\0\0", TGPP), TGPP), TGPP))
    yield "an IPv4 address of 16 octets", asked(avp(873, avp(874, avp(1227, b"\0\1" + bytes(16), TGPP), TGPP), TGPP))
    yield "unknown AVP with the M bit", asked(avp(9_999_999))
    yield "unknown AVP with the M bit in a group", asked(avp(456, avp(9_999_999)))
    yield "unknown AVP of an unknown vendor with the M bit", asked(avp(1, b"x", 0xFFFFFFFF))
    yield "unknown AVP without the M bit", asked(avp(9_999_999, flags=0))
    yield "the V bit with vendor 0", asked(number(1) + b"\xc0" + number(13, 3) + number(0) + b"u\0\0\0")
    yield "reserved AVP bits", asked(avp(1, "u", flags=0x5F))
    yield "Origin-Host that is no name", fresh(*WHO, host="a b")
    yield "Origin-Host of another environment's node", fresh(*WHO, host="nobody.example.org")
    yield "Destination-Realm of others", asked().replace(avp(283, REALM), avp(283, "exbmple.com"))
    yield "Destination-Host of others", asked(avp(293, "drs.example.com"))


GROUPS: dict[str, tuple[Callable[[], Iterator[tuple[str, bytes]]], bool]] = {
    "Before the CER": (before, True), "Framing": (framing, False), "Headers": (headers, False), "Lengths": (lengths, False),
    "Structure": (structure, False), "Arity": (arity, False), "Values": (values, False),
}  # fmt: skip


def kinds(group: str) -> list[Kind]:
    """The kinds of a group."""
    make, early = GROUPS[group]
    return [Kind(group, name, octets, early) for name, octets in make()]
