"""
Signed requests by Standard Webhooks 1.0 (github.com/standard-webhooks): the receiver knows who sent a body, that it is whole, and that it is fresh.

    webhook-id: the same at every attempt     webhook-timestamp: seconds of this attempt
    webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one a secret, with a blank between, so that a secret is replaced without a gap
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
#: Octets that a secret has (Standard Webhooks, "Signature scheme").
_SHORTEST, _LONGEST = 24, 64


def secret(text: str) -> bytes:
    """The octets of 'whsec_<base64>'. ValueError: it is none, or not of 24 to 64 octets."""
    try:
        octets = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        octets = b""
    if not text.startswith(_PREFIX) or not _SHORTEST <= len(octets) <= _LONGEST:
        raise ValueError(f"is a secret of {_SHORTEST} to {_LONGEST} octets: whsec_ and their base64")
    return octets


def signatures(secrets: Sequence[str], identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of an attempt; none without secrets."""
    if not secrets:
        return {}
    content = f"{identity}.{timestamp}.".encode() + body
    signed = [base64.b64encode(hmac.digest(secret(one), content, hashlib.sha256)).decode() for one in secrets]
    return {"webhook-id": identity, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(f"v1,{one}" for one in signed)}
