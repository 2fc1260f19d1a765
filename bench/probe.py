"""
One RADIUS request by hand, to see whether a server is there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
from dataclasses import dataclass

SECRET = "testing123"
"""The shared secret of every server of the bench; all listen on loopback only."""

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Wire:
    """Where a server listens on loopback."""

    auth_port: int
    acct_port: int


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!BB", kind, len(value) + 2) + value


def access_request(user: str, password: str) -> bytes:
    """
    An Access-Request with PAP and a Message-Authenticator (RFC 2865 5.2, RFC 3579 3.2); the password
    has at most 16 octets.
    """
    authenticator = os.urandom(16)
    mask = hashlib.md5(SECRET.encode() + authenticator).digest()
    hidden = bytes(a ^ b for a, b in zip(password.encode().ljust(16, b"\0"), mask, strict=True))
    after = (
        _attribute(1, user.encode())
        + _attribute(2, hidden)
        + _attribute(4, socket.inet_aton(HOST))
        + _attribute(32, b"bench.example")
    )
    header = struct.pack("!BBH", 1, os.urandom(1)[0], 38 + len(after)) + authenticator
    signature = hmac.digest(SECRET.encode(), header + _attribute(80, bytes(16)) + after, "md5")
    return header + _attribute(80, signature) + after


def ask(wire: Wire, user: str = "user1", password: str = "pw1", seconds: float = 0.5) -> int | None:
    """The code of the answer to one Access-Request (2 accept, 3 reject); None when none comes in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        asking.connect((HOST, wire.auth_port))
        request = access_request(user, password)
        try:
            asking.send(request)
            answer = asking.recv(4096)
        except OSError:
            return None
    return answer[0] if len(answer) >= 20 and answer[1] == request[1] else None


def answers(wire: Wire) -> bool:
    """True when the server answers, whatever it says."""
    return ask(wire) is not None
