"""
Signed requests by Standard Webhooks 1.0 (github.com/standard-webhooks): the receiver knows who sent a body, that it is whole, and that it is fresh.

    webhook-id: the same at every attempt     webhook-timestamp: seconds of this attempt
    webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one a secret, with a blank between, so that a secret is replaced without a gap
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from portaswitch.handler.options import WEBHOOK_SECRET


def signatures(secrets: Sequence[str], identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of an attempt; none without secrets. Secrets are as `webhook_secret` reads them."""
    if not secrets:
        return {}
    content = f"{identity}.{timestamp}.".encode() + body
    signed = [base64.b64encode(hmac.digest(base64.b64decode(one.removeprefix(WEBHOOK_SECRET)), content, hashlib.sha256)).decode() for one in secrets]
    return {"webhook-id": identity, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(f"v1,{one}" for one in signed)}
