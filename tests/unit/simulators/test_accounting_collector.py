"""The simulated collector against accounting that is right and wrong, by octets."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.accounting_collector import (
    FRAMED_IP_ADDRESS,
    NAS_IDENTIFIER,
    SESSION,
    START,
    STATUS,
    STOP,
    USER_NAME,
    AccountingCollector,
)

SECRET = b"a test secret"
ADDRESS = bytes((10, 0, 0, 1))


def attributes(status: int, **other: bytes) -> list[tuple[int, bytes]]:
    """Those of a right request."""
    values = {"user": b"alice", "session": b"1", "nas": b"bras", "address": ADDRESS, **other}
    return [
        (USER_NAME, values["user"]), (STATUS, status.to_bytes(4, "big")), (SESSION, values["session"]), (NAS_IDENTIFIER, values["nas"]),
        (FRAMED_IP_ADDRESS, values["address"]),
    ]  # fmt: skip


def request(said: list[tuple[int, bytes]], code: int = 4, secret: bytes = SECRET) -> bytes:
    """An Accounting-Request (RFC 2866 3)."""
    body = b"".join(bytes((kind, len(octets) + 2)) + octets for kind, octets in said)
    head = struct.pack("!BBH", code, 9, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, octets: bytes, address: Any) -> None:
        """A datagram."""
        self.sent.append(octets)


class CollectorTests(SynchronousTestCase):
    """One collector."""

    def setUp(self) -> None:
        """It has nobody yet."""
        self.collector = AccountingCollector(SECRET)
        self.wire = Wire()
        wired: Any = self.collector
        wired.transport = self.wire

    def tell(self, octets: bytes) -> list[bytes]:
        """Its answers to a datagram."""
        self.wire.sent.clear()
        self.collector.datagramReceived(octets, ("192.0.2.1", 1))
        return list(self.wire.sent)

    def test_right(self) -> None:
        """Start gives, Start again changes nothing, Stop takes; each is answered with the right authenticator."""
        for status, subscribers in ((START, {"10.0.0.1": ("alice", "1")}), (START, {"10.0.0.1": ("alice", "1")}), (STOP, {}), (STOP, {})):
            asked = request(attributes(status))
            (answer,) = self.tell(asked)
            self.assertEqual((answer[:4], self.collector.subscribers), (struct.pack("!BBH", 5, 9, 20), subscribers))
            self.assertEqual(answer[4:], hashlib.md5(answer[:4] + asked[4:20] + SECRET).digest())

    def test_moved(self) -> None:
        """An address that is another session's by now stays that one's, whatever the old one says."""
        self.tell(request(attributes(START)))
        self.tell(request(attributes(START, user=b"bob", session=b"2")))
        self.tell(request(attributes(STOP)))
        self.assertEqual(self.collector.subscribers, {"10.0.0.1": ("bob", "2")})

    def test_wrong(self) -> None:
        """Silence to all that is no such request: secret, code, length, status, and each attribute that it needs."""
        right = attributes(START)
        wrong = [request(right, secret=b"other"), request(right, code=1), request(right) + b"x", b"", request(attributes(3)), request([*right, (1, b"")])[:-1]]
        wrong += [request([one for one in right if one is not left]) for left in right]
        for octets in wrong:
            self.assertEqual(self.tell(octets), [])
        self.assertEqual((self.collector.subscribers, self.collector.accounts, len(self.collector.wrong)), ({}, [], len(wrong)))
