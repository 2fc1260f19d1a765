"""
The MD5 constructions of RADIUS: authenticators, Message-Authenticator, hidden passwords, CHAP, salted values.

All are what the protocol prescribes, none is a choice of ours; of them only Message-Authenticator gives
integrity (CVE-2024-3596).
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Final

from portaswitch.wire.radius.md5 import Digest, md5

#: Sixteen zeros: the authenticator of a request while it is signed, a Message-Authenticator while it is
#: computed.
ZEROS: Final = bytes(16)

#: Octets of an MD5 block: the size of an HMAC pad (RFC 2104 2).
_BLOCK: Final = 64

_INNER: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))


@lru_cache(maxsize=4096)
def _pads(secret: bytes) -> tuple[Digest, Digest]:
    """
    HMAC's inner and outer state after their first block, which depends on the secret alone (RFC 2104 4).
    """
    key = (md5(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    return md5(key.translate(_INNER)), md5(key.translate(_OUTER))


def message_authenticator(secret: bytes, packet: bytes) -> bytes:
    """
    HMAC-MD5 of a packet whose authenticator and Message-Authenticator the caller has set as RFC 2869 5.14
    says.
    """
    inner, outer = _pads(secret)
    state = inner.copy()
    state.update(packet)
    result = outer.copy()
    result.update(state.digest())
    return result.digest()


def authenticator(head: bytes, vector: bytes, attributes: bytes, secret: bytes) -> bytes:
    """
    The Response Authenticator (RFC 2865 3), and with sixteen zeros as the vector that of an accounting, CoA
    or Disconnect request (RFC 2866 3, RFC 5176 2.3).

    :param head: code, identifier and length, the first four octets of the packet.
    :param vector: the request's authenticator, or zeros.
    """
    return md5(head + vector + attributes + secret).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    """Exclusive or of two blocks of 16 octets."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(16, "big")


def _hide(plain: bytes, secret: bytes, vector: bytes) -> bytes:
    """The chain of RFC 2865 5.2 over whole blocks, each keyed by the hidden block before it."""
    hidden = []
    for start in range(0, len(plain), 16):
        vector = _xor(plain[start : start + 16], md5(secret + vector).digest())
        hidden.append(vector)
    return b"".join(hidden)


def _reveal(hidden: bytes, secret: bytes, vector: bytes) -> bytes:
    """The reverse of the chain of RFC 2865 5.2; a short last block counts as padded with zeros."""
    plain = []
    for start in range(0, len(hidden), 16):
        block = hidden[start : start + 16].ljust(16, b"\0")
        plain.append(_xor(block, md5(secret + vector).digest()))
        vector = block
    return b"".join(plain)


def hide_password(password: bytes, secret: bytes, vector: bytes) -> bytes:
    """
    User-Password as it travels (RFC 2865 5.2): 16 to 128 octets.

    :raises ValueError: for a password over 128 octets.
    """
    if len(password) > 128:
        raise ValueError("a password has at most 128 octets (RFC 2865 5.2)")
    return _hide(password.ljust(max(16, -(-len(password) // 16) * 16), b"\0"), secret, vector)


def reveal_password(hidden: bytes, secret: bytes, vector: bytes) -> bytes:
    """
    The password of a User-Password, its padding of NULs removed (RFC 2865 5.2); nonsense if the secret
    differs.
    """
    return _reveal(hidden, secret, vector).rstrip(b"\0")


def hide_salted(value: bytes, secret: bytes, vector: bytes) -> bytes:
    """
    A salted value as Tunnel-Password and the MPPE keys travel (RFC 2868 3.5, RFC 2548 2.4.2), without a tag.

    :raises ValueError: for a value over 239 octets, which no attribute can hold.
    """
    if len(value) > 239:
        raise ValueError("a salted value has at most 239 octets (RFC 2868 3.5)")
    salt = bytes((secrets.randbits(7) | 0x80, secrets.randbits(8)))
    plain = bytes((len(value),)) + value
    return salt + _hide(plain.ljust(-(-len(plain) // 16) * 16, b"\0"), secret, vector + salt)


def reveal_salted(hidden: bytes, secret: bytes, vector: bytes) -> bytes | None:
    """The value inside a salted one (RFC 2868 3.5), or None when its length says that it can't be one."""
    if len(hidden) < 18 or len(hidden) % 16 != 2:
        return None
    plain = _reveal(hidden[2:], secret, vector + hidden[:2])
    return plain[1 : 1 + plain[0]] if plain[0] < len(plain) else None


def chap_response(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """CHAP-Password: the CHAP identifier and the 16 octets of response (RFC 2865 5.3, RFC 1994 4.1)."""
    octet = bytes((identifier,))
    return octet + md5(octet + password + challenge).digest()
