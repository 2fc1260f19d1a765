"""
Octets of hostile packets, made by the standard library alone: what is wrong with them must not depend on a codec of ours.

A `Make` gives a datagram for an Identifier. Parts are attributes as octets; `password` and `chap` depend on the authenticator and are functions of it;
`SIGNATURE` is the place of a right Message-Authenticator.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from typing import Final

SECRET: Final = b"testing123"
CODES: Final = {2: "Access-Accept", 3: "Access-Reject", 5: "Accounting-Response"}
CISCO, MIKROTIK, WIMAX, NOBODY = 9, 14988, 24757, 0x00FFFFFF

Make = Callable[[int], bytes]
Hidden = Callable[[bytes], bytes]
Part = bytes | Hidden
#: Replaced by the right Message-Authenticator, wherever it stands.
SIGNATURE: Final = bytes((80, 18)) + bytes(16)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of hostile packet: the group and the name that the table shows, the packets, the port and whom they come from."""

    group: str
    name: str
    makes: tuple[Make, ...]
    port: str = "auth"
    source: str = "127.0.0.1"


def attribute(code: int, value: bytes | str = b"", length: int | None = None) -> bytes:
    """An attribute; `length` is a lie where it is given."""
    octets = value.encode() if isinstance(value, str) else value
    return bytes((code, len(octets) + 2 if length is None else length)) + octets


def number(code: int, value: int) -> bytes:
    """An attribute of 32 bits."""
    return attribute(code, value.to_bytes(4, "big"))


def vendor(who: int, *inner: bytes) -> bytes:
    """A Vendor-Specific with these sub-attributes."""
    return attribute(26, who.to_bytes(4, "big") + b"".join(inner))


def cisco(code: int, value: bytes | str) -> bytes:
    """One attribute of Cisco's."""
    return vendor(CISCO, attribute(code, value))


def avpair(value: bytes | str) -> bytes:
    """A Cisco-AVPair."""
    return cisco(1, value)


def password(plain: bytes, secret: bytes = SECRET, octets: int = 0) -> Hidden:
    """User-Password, hidden (RFC 2865 5.2); cut or filled up to `octets` where they are given."""

    def hide(vector: bytes) -> bytes:
        padded, hidden, chain = plain.ljust(max(16, -(-len(plain) // 16) * 16), b"\0"), b"", vector
        for at in range(0, len(padded), 16):
            key = md5(secret + chain).digest()
            chain = bytes(one ^ other for one, other in zip(padded[at : at + 16], key, strict=True))
            hidden += chain
        return attribute(2, hidden.ljust(octets, b"x")[:octets] if octets else hidden)

    return hide


def chap(plain: bytes, size: int = 17) -> Hidden:
    """CHAP-Password over the authenticator (RFC 2865 5.3), cut or filled up to `size`."""

    def respond(vector: bytes) -> bytes:
        return attribute(3, (b"\7" + md5(b"\7" + plain + vector).digest()).ljust(size, b"x")[:size])

    return respond


def header(code: int, identifier: int, length: int, vector: bytes) -> bytes:
    """The first 20 octets, whatever they say."""
    return bytes((code, identifier, length >> 8 & 255, length & 255)) + vector


def request(
    code: int, *parts: Part, vector: bytes | None = None, secret: bytes = SECRET, lie: int = 0, tail: bytes = b"", digested: bool | None = None
) -> Make:
    """
    A request, right but for what its parts hold. `lie` is added to the Length field, `tail` follows the packet; `vector` is random, or the digest of the packet
    in accounting (`digested` says otherwise).
    """
    computed = code in (4, 40, 43) if digested is None else digested

    def make(identifier: int) -> bytes:
        random = (os.urandom(16) if vector is None else vector) if not computed else bytes(16)
        body = b"".join(part if isinstance(part, bytes) else part(random) for part in parts)
        head = header(code, identifier, 20 + len(body) + lie, b"")
        at = sum(len(part if isinstance(part, bytes) else part(random)) for part in parts[: _place(parts)])
        if _place(parts) < len(parts):
            body = body[: at + 2] + hmac.digest(secret, head + random + body, "md5") + body[at + 18 :]
        if computed:
            random = md5(head + bytes(16) + body + secret).digest() if vector is None else vector
        return head + random + body + tail

    return make


def _place(parts: tuple[Part, ...]) -> int:
    """Which part is the signature; their number where none is."""
    return next((place for place, part in enumerate(parts) if part is SIGNATURE), len(parts))


def raw(code: int, rest: bytes) -> Make:
    """Code, Identifier and these octets: a packet that is none."""
    return lambda identifier: bytes((code, identifier)) + rest


def outcome(answer: bytes, asked: bytes, secret: bytes) -> str:
    """What an answer says, once its authenticator and signature are right: 'Access-Reject 1'. ValueError for one that is not."""
    vector = asked[4:20]
    if md5(answer[:4] + vector + answer[20:] + secret).digest() != answer[4:20]:
        raise ValueError("wrong Response Authenticator")
    if len(answer) != int.from_bytes(answer[2:4], "big") or len(answer) > 4096:
        raise ValueError("wrong length")
    if answer[0] != 5:
        signed = answer[:4] + vector + answer[20:22] + bytes(16) + answer[38:]
        if answer[20:22] != b"\x50\x12" or answer[22:38] != hmac.digest(secret, signed, "md5"):
            raise ValueError("an access answer whose first attribute is no right Message-Authenticator")
    told = re.search(rb"h323-return-code=(\d+)", answer)
    return f"{CODES[answer[0]]} {told[1].decode()}" if answer[0] == 3 and told else CODES[answer[0]]
