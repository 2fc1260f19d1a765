"""The kinds of hostile packets that tests/server/test_hostile.py sends: framing, attributes, signatures, Proxy-State, proofs, codes, clients."""

from __future__ import annotations

from tests.server.hostile import (
    CISCO,
    MIKROTIK,
    NOBODY,
    SIGNATURE,
    WIMAX,
    Kind,
    Make,
    Part,
    attribute,
    avpair,
    chap,
    cisco,
    number,
    password,
    raw,
    request,
    vendor,
)

ACCOUNT, PASSWORD = b"4930001", b"secret"
NODE = attribute(4, bytes((164, 9, 9, 100)))
USER = attribute(1, ACCOUNT)
PAP = password(PASSWORD)
WHO: tuple[Part, ...] = (NODE, USER, PAP)
SESSION = attribute(44, "hostile")
REPORT: tuple[Part, ...] = (NODE, USER, attribute(30, "4420"), number(40, 2), SESSION, number(46, 1))
STATE = attribute(33, b"p" * 253)
FULL = STATE * 15 + attribute(33, b"p" * 231)
EAP = attribute(79, b"\2\1\0\x0c\1" + ACCOUNT)
BOTH = ((1, "auth", WHO), (4, "acct", REPORT))


def _framing(code: int, port: str, who: tuple[Part, ...]) -> list[tuple[str, str, Make]]:
    fine = request(code, *who)
    return [
        ("no octet at all", port, lambda _: b""),
        ("one octet", port, lambda _: bytes((code,))),
        ("19 octets", port, lambda i: fine(i)[:19]),
        ("Length 0", port, raw(code, bytes(18))),
        ("Length 19", port, raw(code, b"\0\x13" + bytes(16))),
        ("Length one more than there is", port, request(code, *who, lie=1)),
        ("Length 4096 of a short packet", port, raw(code, b"\x10\0" + bytes(16))),
        ("Length 65535", port, raw(code, b"\xff\xff" + bytes(16))),
        ("Length cuts the last attribute", port, request(code, *who, lie=-1)),
        ("octets behind Length", port, request(code, *who, tail=b"\xff" * 300)),
        ("20 octets, no attribute", port, request(code)),
        ("4096 octets", port, request(code, *who, *_filled(4096, code, who))),
        ("4097 octets", port, request(code, *who, *_filled(4097, code, who))),
        ("8000 octets", port, request(code, *who, *[attribute(11, b"f" * 253)] * 31)),
        ("60000 octets", port, request(code, *who, *[attribute(11, b"f" * 253)] * 235)),
        ("nothing but 0x00", port, raw(code, bytes(98))),
        ("nothing but 0xff", port, raw(code, b"\xff" * 98)),
    ]


def _filled(size: int, code: int, who: tuple[Part, ...]) -> list[bytes]:
    """Filter-Ids that bring a packet to `size` octets."""
    left = size - len(request(code, *who)(0))
    whole, rest = divmod(left, 255)
    tail = [attribute(11, b"f" * (rest - 2))] if rest > 1 else [attribute(11, b"f" * 100), attribute(11, b"f" * (151 + rest))]
    return [attribute(11, b"f" * 253)] * (whole if rest > 1 else whole - 1) + tail


def framing() -> list[Kind]:
    """Lengths that lie, and datagrams that are too short or too long."""
    rows = [row for code, port, who in BOTH for row in _framing(code, port, who)]
    return [Kind("Framing", f"{name}, {port}", (make,), port) for name, port, make in rows]


def attributes() -> list[Kind]:
    """Attribute lengths, how many there are, and texts that are none."""
    made: list[Kind] = []
    for code, port, who in BOTH:
        for name, part in (
            ("length 0", attribute(11, b"", 0)),
            ("length 1", attribute(11, b"", 1)),
            ("length past the end by one", attribute(11, b"ab", 5)),
            ("length 255 of a short one", attribute(11, b"ab", 255)),
            ("one octet left at the end", b"\x0b"),
            ("type 0", attribute(0, b"zero")),
            ("types 192 to 255", b"".join(attribute(type, b"x") for type in range(192, 256))),
            ("extended types 241 to 246 (RFC 6929), cut", b"".join(attribute(type) for type in range(241, 247))),
            ("1900 attributes without a value", attribute(11) * 1900),
            ("1900 attributes of an unknown type", attribute(250) * 1900),
            ("14 more User-Names", attribute(1, b"n" * 253) * 14),
            ("600 Acct-Session-Ids", attribute(44, b"abcd") * 600),
        ):
            made.append(Kind("Attributes", f"{name}, {port}", (request(code, *who, part),), port))
    names = (("NUL", b"49\x0030001"), ("not UTF-8", b"\xff\xfe\x80"), ("overlong UTF-8", b"\xc0\xaf"), ("a surrogate", b"\xed\xa0\x80"))
    more = (("CR LF", b"1\r\nlevel: critical"), ("escape sequences", b"\x1b[2J\x9b"), ("only NULs", bytes(253)), ("253 octets", b"9" * 253))
    for name, octets in (*names, *more):
        made.append(Kind("Attributes", f"User-Name with {name}", (request(1, NODE, attribute(1, octets), PAP),)))
        called = request(1, *WHO, attribute(30, octets), attribute(31, octets))
        made.append(Kind("Attributes", f"numbers with {name}", (called,)))
        session = request(4, NODE, USER, attribute(30, octets), number(40, 2), attribute(44, octets), cisco(24, octets[:247]), number(46, 1))
        made.append(Kind("Attributes", f"session and number with {name}", (session,), "acct"))
    made.append(Kind("Attributes", "no User-Name", (request(1, NODE, PAP),)))
    made.append(Kind("Attributes", "NAS-IP-Address of 3 octets, no other name", (request(1, attribute(4, b"\xa4\x09\x09"), USER, PAP),)))
    made.append(Kind("Attributes", "NAS-Identifier of nobody", (request(1, attribute(32, "nobody"), USER, PAP),)))
    return made


def vendors() -> list[Kind]:
    """Vendor-Specific that makes no sense: opaque, never a reason to drop the packet (RFC 2865 5.26)."""
    head = CISCO.to_bytes(4, "big")
    pair = attribute(1, "a=b")
    rows = (
        ("no value", attribute(26)),
        ("three octets of a vendor", attribute(26, b"\0\0\0")),
        ("a vendor and nothing else", attribute(26, head)),
        ("sub-attribute of one octet", vendor(CISCO, b"\1")),
        ("sub-length 0", vendor(CISCO, b"\1\0abc")),
        ("sub-length 1", vendor(CISCO, b"\1\1abc")),
        ("sub-length 2, empty", vendor(CISCO, attribute(1))),
        ("sub-length past the end", vendor(CISCO, attribute(1, b"abc", 6))),
        ("sub-length 255", vendor(CISCO, attribute(1, b"abc", 255))),
        ("second sub-attribute past the end", vendor(CISCO, pair, attribute(24, b"abc", 99))),
        ("octet behind the sub-attribute", vendor(CISCO, pair, b"\0")),
        ("several sub-attributes", vendor(CISCO, *[pair] * 40)),
        ("120 empty sub-attributes", vendor(CISCO, *[attribute(1)] * 120)),
        ("vendor 0", vendor(0, pair)),
        ("vendor 0xffffffff", vendor(0xFFFFFFFF, pair)),
        ("vendor of nobody", vendor(NOBODY, pair)),
        ("Vendor-Specific inside Vendor-Specific", vendor(CISCO, attribute(26, head + pair))),
        ("nested to the 20th", _nested(20)),
        ("of Cisco, the number of User-Name and Message-Authenticator", vendor(CISCO, attribute(80, bytes(16)), attribute(2, b"x" * 15))),
        ("unknown of Mikrotik, and Mikrotik-Realm with a NUL", vendor(MIKROTIK, attribute(9, b"a\0b"), attribute(200, b"?"))),
        ("WiMAX, continuation without end", vendor(WIMAX, b"\1\x05\x80ab") * 15),
        ("TLV of Digest (207): sub-length 0", attribute(207, b"\1\0")),
        ("TLV of Digest (207): sub-length past the end", attribute(207, b"\2\x20ab")),
        ("TLV of Digest (207): a TLV in a TLV in a TLV", attribute(207, attribute(207, attribute(207, attribute(1, "r"))))),
        ("TLV of Digest (207): 120 empty ones", attribute(207, attribute(1) * 120)),
        ("Cisco-AVPair without '='", avpair("h323-ivr-out")),
        ("Cisco-AVPair of '=' alone", avpair("=") + avpair("==") + avpair("=:")),
        ("Cisco-AVPair that calls itself User-Name", avpair("User-Name=10086610975") + avpair("User-Password=") + avpair("NAS-IP-Address=1.1.1.1")),
        ("300 Cisco-AVPairs", avpair("a=b") * 300),
    )
    return [Kind("Vendor-Specific", f"{name}, {port}", (request(code, *who, part),), port) for code, port, who in BOTH for name, part in rows]


def _nested(deep: int) -> bytes:
    inner = attribute(1, "a=b")
    for _ in range(deep):
        inner = attribute(26, CISCO.to_bytes(4, "big") + inner)
    return inner


def signatures() -> list[Kind]:
    """Authenticators and Message-Authenticator (RFC 2869 5.14, RFC 3579 3.2)."""
    zero, wrong = bytes(16), b"w" * 16
    fake = attribute(80, wrong)
    rows: list[tuple[str, str, Make]] = [
        ("authenticator of zeros", "auth", request(1, *WHO, vector=zero)),
        ("authenticator of zeros", "acct", request(4, *REPORT, vector=zero)),
        ("wrong authenticator", "acct", request(4, *REPORT, vector=wrong)),
        ("another secret, unsigned", "auth", request(1, NODE, USER, password(PASSWORD, b"guess"), secret=b"guess")),
        ("another secret, signed", "auth", request(1, SIGNATURE, *WHO, secret=b"guess")),
        ("another secret", "acct", request(4, *REPORT, secret=b"guess")),
        ("random authenticator in accounting", "acct", request(4, *REPORT, digested=False)),
        ("Message-Authenticator wrong", "auth", request(1, *WHO, fake)),
        ("Message-Authenticator wrong, authenticator right", "acct", request(4, *REPORT, fake)),
        ("two Message-Authenticators, the first right", "auth", request(1, SIGNATURE, *WHO, fake)),
        ("two Message-Authenticators, the second right", "auth", request(1, fake, *WHO, SIGNATURE)),
        ("two Message-Authenticators", "acct", request(4, SIGNATURE, *REPORT, fake)),
        ("Message-Authenticator in the middle", "auth", request(1, NODE, SIGNATURE, USER, PAP)),
        ("Message-Authenticator at the end", "auth", request(1, *WHO, SIGNATURE)),
        ("Message-Authenticator", "acct", request(4, NODE, SIGNATURE, *REPORT[1:])),
        ("right Message-Authenticator, then octets behind Length", "auth", request(1, *WHO, SIGNATURE, tail=b"tail")),
        ("EAP-Message without Message-Authenticator", "auth", request(1, NODE, USER, EAP)),
        ("EAP-Message with a wrong Message-Authenticator", "auth", request(1, NODE, USER, EAP, fake)),
        ("EAP-Message with Message-Authenticator", "auth", request(1, NODE, USER, EAP, SIGNATURE)),
        ("empty EAP-Message with Message-Authenticator", "auth", request(1, NODE, USER, attribute(79), SIGNATURE)),
        ("EAP-Message and User-Password", "auth", request(1, *WHO, EAP, SIGNATURE)),
        ("EAP-Message of one octet, 15 times", "auth", request(1, NODE, USER, attribute(79, b"\2") * 15, SIGNATURE)),
    ]
    for size in (0, 1, 15, 17, 253):
        rows.append((f"Message-Authenticator of {size} octets", "auth", request(1, *WHO, attribute(80, b"m" * size))))
        rows.append((f"Message-Authenticator of {size} octets", "acct", request(4, *REPORT, attribute(80, b"m" * size))))
    return [Kind("Authenticators", f"{name}, {port}", (make,), port) for name, port, make in rows]


#: Clients by what they must do: (require_message_authenticator, limit_proxy_state).
TABLE = {
    "127.0.0.3": ("yes", "yes"),
    "127.0.0.4": ("no", "yes"),
    "127.0.0.5": ("no", "auto"),
    "127.0.0.6": ("auto", "auto"),
    "127.0.0.7": ("auto", "yes"),
    "127.0.0.8": ("no", "no"),
    "127.0.1.0/24": ("auto", "auto"),
}


def proxies() -> list[Kind]:
    """Proxy-State as CVE-2024-3596 uses it: garbage of the attacker's choice, echoed without integrity."""
    shapes: tuple[tuple[str, tuple[Part, ...]], ...] = (
        ("at the end, unsigned", (*WHO, STATE)),
        ("first, unsigned", (STATE, *WHO)),
        ("empty, unsigned", (*WHO, attribute(33))),
        ("garbage of the collision, unsigned", (*WHO, attribute(33, bytes(range(240))), attribute(33, b"\xff" * 100))),
        ("before, signed", (STATE, *WHO, SIGNATURE)),
        ("behind the signature", (SIGNATURE, *WHO, STATE)),
        ("100 of one octet, signed", (SIGNATURE, *WHO, attribute(33, b"p") * 100)),
        ("8 of 253 octets, signed", (SIGNATURE, *WHO, STATE * 8)),
        ("15 of 253 octets, signed: no answer could hold them", (SIGNATURE, *WHO, STATE * 15)),
        ("15 of 253 octets, unsigned", (*WHO, STATE * 15)),
        ("one octet over what may be, signed", (SIGNATURE, *WHO, STATE * 8, attribute(33, b"p" * 7))),
    )
    made = [
        Kind("Proxy-State", f"{name}; client {source}: {require}, {limit}", (request(1, *parts),), "auth", source)
        for source, (require, limit) in TABLE.items()
        if "/" not in source
        for name, parts in shapes
    ]
    extra = (
        ("after a signature that covers only what was before", lambda i: _appended(i)),
        ("in accounting, 15 of 253 octets", request(4, NODE, USER, number(40, 7), STATE * 15)),
    )
    made.append(Kind("Proxy-State", extra[0][0], (extra[0][1],)))
    made.append(Kind("Proxy-State", extra[1][0], (extra[1][1],), "acct"))
    return made


def _appended(identifier: int) -> bytes:
    """A signed packet to which somebody on the way has added Proxy-State, with the Length made right."""
    signed = request(1, SIGNATURE, *WHO)(identifier) + STATE
    return signed[:2] + len(signed).to_bytes(2, "big") + signed[4:]


def proofs() -> list[Kind]:
    """User-Password, CHAP and both at once."""
    rows: list[tuple[str, tuple[Part, ...]]] = [(f"User-Password of {size} octets", (password(PASSWORD, octets=size),)) for size in (1, 15, 17, 144, 253)]
    rows += [
        ("User-Password without octets", (attribute(2),)),
        ("User-Password of 128 octets", (password(b"x" * 128),)),
        ("User-Password wrong", (password(b"wrong"),)),
        ("User-Password right, then NULs and more", (password(PASSWORD + b"\0\0more"),)),
        ("User-Password right, then NULs", (password(PASSWORD + bytes(30)),)),
        ("User-Password that is not UTF-8", (password(b"\xff\xfe"),)),
        ("two User-Passwords, the first right", (PAP, password(b"wrong"))),
        ("two User-Passwords, the second right", (password(b"wrong"), PAP)),
        ("two User-Passwords, the second of 5 octets", (PAP, attribute(2, b"12345"))),
        ("no proof at all", ()),
        ("User-Password and CHAP-Password, both right", (PAP, chap(PASSWORD))),
        ("CHAP-Password right", (chap(PASSWORD),)),
        ("CHAP-Password wrong", (chap(b"wrong"),)),
        ("CHAP-Password right, CHAP-Challenge empty", (chap(PASSWORD), attribute(60))),
        ("CHAP-Password right, CHAP-Challenge another", (chap(PASSWORD), attribute(60, b"other"))),
        ("Digest-Response alone", (attribute(103, "0" * 32),)),
        ("Digest-Response and the right User-Password", (PAP, attribute(103, "0" * 32))),
        ("draft-sterman's response (206), not hexadecimal", (attribute(206, "z" * 32), attribute(207, attribute(1, "r")))),
        ("MS-CHAP2-Response of 3 octets", (vendor(311, attribute(25, b"abc")),)),
        ("PortaBilling_Ignore_Password:YES of a client that may not say it", (avpair("h323-ivr-out=PortaBilling_Ignore_Password:YES"),)),
    ]
    rows += [(f"CHAP-Password of {size} octets", (chap(PASSWORD, size),)) for size in (0, 1, 16, 18, 253)]
    return [Kind("Proofs", name, (request(1, NODE, USER, *parts),)) for name, parts in rows]


def codes() -> list[Kind]:
    """Codes that are unknown, answers, or of the other port; Status-Server (RFC 5997)."""
    made = []
    for port in ("auth", "acct"):
        for code in (0, 6, 7, 13, 21, 26, 29, 50, 254, 255):
            made.append(Kind("Codes", f"code {code}, {port}", (request(code, *WHO),), port))
        for code, name in ((2, "Access-Accept"), (3, "Access-Reject"), (5, "Accounting-Response"), (11, "Access-Challenge"), (41, "Disconnect-ACK")):
            made.append(Kind("Codes", f"{name} sent to us, {port}", (request(code, SIGNATURE, *WHO),), port))
        for code, name in ((40, "Disconnect-Request"), (43, "CoA-Request")):
            made.append(Kind("Codes", f"{name} sent to us, {port}", (request(code, NODE, USER),), port))
        made += [
            Kind("Codes", f"Status-Server, {port}", (request(12, SIGNATURE),), port),
            Kind("Codes", f"Status-Server with NAS-Identifier of nobody, {port}", (request(12, SIGNATURE, attribute(32, "nobody")),), port),
            Kind("Codes", f"Status-Server unsigned, {port}", (request(12),), port),
            Kind("Codes", f"Status-Server of another secret, {port}", (request(12, SIGNATURE, secret=b"guess"),), port),
            Kind("Codes", f"Status-Server with 15 Proxy-States, {port}", (request(12, SIGNATURE, STATE * 15),), port),
            Kind("Codes", f"Status-Server that fills a packet with Proxy-State, {port}", (request(12, SIGNATURE, FULL),), port),
        ]
    made.append(Kind("Codes", "Accounting-Request on the port of authentication", (request(4, *REPORT),)))
    made.append(Kind("Codes", "Access-Request on the port of accounting", (request(1, SIGNATURE, *WHO),), "acct"))
    return made


def clients() -> list[Kind]:
    """Senders: strangers, the edges of a network, another environment."""
    rows = (
        ("a stranger, right secret", "127.0.0.2", WHO),
        ("a stranger with octets that are none", "127.0.0.2", ()),
        ("the last address of a client network", "127.0.1.255", WHO),
        ("one address behind a client network", "127.0.2.0", WHO),
        ("a client of another environment that names our node", "127.0.0.9", WHO),
        ("a client of another environment that names nobody", "127.0.0.9", (USER, PAP)),
    )
    made = [Kind("Clients", f"{name}: {source}", (request(1, *parts),), "auth", source) for name, source, parts in rows]
    made.append(Kind("Clients", "a stranger's accounting: 127.0.0.2", (request(4, *REPORT),), "acct", "127.0.0.2"))
    made.append(Kind("Clients", "accounting from another environment: 127.0.0.9", (request(4, *REPORT),), "acct", "127.0.0.9"))
    return made
