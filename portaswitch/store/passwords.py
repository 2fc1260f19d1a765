"""Passwords of operators and API users: kept as salted slow hashes (scrypt, RFC 7914), so that a copy of the database opens no door."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Final

#: Cost, block size and parallelism: about 16 MiB and 50 ms a try.
_COST: Final = (2**14, 8, 1)
_OCTETS: Final = 32


def hashed(password: str) -> str:
    """A new hash of a password: 'scrypt$N$r$p$salt$hash'."""
    salt = os.urandom(16)
    return "$".join(("scrypt", *map(str, _COST), _text(salt), _text(_derived(password, salt, *_COST))))


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one of a hash, in constant time; False for a hash that is none. Takes long: call it in a thread."""
    try:
        kind, cost, block, parallel, salt, known = kept.split("$")
        derived = _derived(password, base64.b64decode(salt), int(cost), int(block), int(parallel))
        return kind == "scrypt" and hmac.compare_digest(derived, base64.b64decode(known))
    except ValueError:
        return False


def token_hash(token: str) -> bytes:
    """The hash by which a token is looked up. A token is long and random, so a fast one is enough."""
    return hashlib.sha256(token.encode()).digest()


def _derived(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=64 * 1024 * 1024, dklen=_OCTETS)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
