"""
Octets of Diameter messages, made by the standard library alone: what a client sends must not depend on a codec of ours. What comes back is read by
python-diameter, which is none of ours either.
"""

from __future__ import annotations

from typing import Any, Final

from diameter.message import Message as Foreign

REQUEST, PROXIABLE, ERROR, RETRANSMITTED = 0x80, 0x40, 0x20, 0x10
MANDATORY, VENDOR = 0x40, 0x80
TGPP: Final = 10415
CER, RAR, ACR, CCR, ASR, DWR, DPR = 257, 258, 271, 272, 274, 280, 282
#: Codes of AVPs that tests look at in answers.
SESSION_ID, RESULT, ORIGIN_HOST, ORIGIN_REALM, FAILED = 263, 268, 264, 296, 279
OCS, REALM, PGW = "ocs.example.com", "example.com", "pgw.example.com"


def number(value: int, size: int = 4) -> bytes:
    """A number of some octets."""
    return value.to_bytes(size, "big", signed=value < 0)


def avp(code: int, value: bytes | str | int = b"", vendor: int = 0, flags: int = MANDATORY, length: int | None = None) -> bytes:
    """An AVP, padded; an int has four octets. `length` is a lie where it is given."""
    octets = value.encode() if isinstance(value, str) else number(value) if isinstance(value, int) else value
    head = (12 if vendor else 8) + len(octets)
    bits = flags | VENDOR if vendor else flags
    size = head if length is None else length
    return number(code) + bytes([bits]) + number(size, 3) + (number(vendor) if vendor else b"") + octets + bytes(-len(octets) % 4)


def message(
    code: int, *avps: bytes, flags: int = REQUEST, application: int = 0, hop: int = 1, end: int = 1, version: int = 1, length: int | None = None
) -> bytes:
    """A message; `length` is a lie where it is given."""
    body = b"".join(avps)
    size = 20 + len(body) if length is None else length
    return bytes([version]) + number(size, 3) + bytes([flags]) + number(code, 3) + number(application) + number(hop) + number(end) + body


def origin(host: str = PGW, realm: str = REALM) -> bytes:
    """Who sends."""
    return avp(ORIGIN_HOST, host) + avp(ORIGIN_REALM, realm)


def cer(host: str = PGW, realm: str = REALM, *more: bytes) -> bytes:
    """A CER for credit control."""
    return message(CER, origin(host, realm), avp(257, b"\0\1\x7f\0\0\1"), avp(266, 0), avp(269, "tests", flags=0), avp(258, 4), *more)


def ccr_body(session: str, kind: int = 1, step: int = 0, *more: bytes, host: str = PGW) -> bytes:
    """The AVPs that every CCR has."""
    return b"".join((
        avp(SESSION_ID, session), origin(host), avp(283, REALM), avp(258, 4), avp(461, "32260@3gpp.org"), avp(416, kind), avp(415, step), *more,
    ))  # fmt: skip


def ccr(hop: int, body: bytes, end: int | None = None, flags: int = REQUEST | PROXIABLE) -> bytes:
    """A CCR of these AVPs."""
    return message(CCR, body, flags=flags, application=4, hop=hop, end=hop + 5000 if end is None else end)


def subscriber(name: str, kind: int = 0) -> bytes:
    """Subscription-Id."""
    return avp(443, avp(450, kind) + avp(444, name))


def call(calling: str, called: str) -> bytes:
    """Service-Information of an outgoing call."""
    parties = avp(831, calling, TGPP) + avp(832, called, TGPP)
    return avp(873, avp(876, avp(823, avp(825, "MO", TGPP), TGPP) + parties, TGPP), TGPP)


def seconds(requested: int | None = None, used: int | None = None) -> bytes:
    """One MSCC by time."""
    parts = [avp(437, avp(420, requested))] if requested is not None else []
    parts += [avp(446, avp(420, used))] if used is not None else []
    return avp(456, b"".join(parts))


class Answer:
    """A message that came, read by python-diameter."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.code, self.flags = int.from_bytes(octets[5:8], "big"), octets[4]
        self.hop, self.end = int.from_bytes(octets[12:16], "big"), int.from_bytes(octets[16:20], "big")
        foreign: Any = Foreign.from_bytes(octets, plain_msg=True)
        self._avps = foreign.avps

    @property
    def result(self) -> int | None:
        """Its Result-Code."""
        found: int | None = self.find(RESULT)
        return found

    def find(self, *path: int) -> Any:
        """The value of the first AVP on a path of codes; None where there is none."""
        found: Any = self._avps
        for code in path:
            found = next((one.value for one in found if one.code == code), None)
            if found is None:
                return None
        return found
