"""
The arithmetic of digest log-ins (RFC 7616, RFC 8760; without qop RFC 2617 3.2.2.1), whichever wire they come by: SIP itself, or RADIUS on behalf of a SIP
server.

The nonce's age and its count are the business of who made the nonce. Nothing here raises for what a client wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5, sha256
from hmac import compare_digest
from typing import Final

from portaswitch.model.value import dataclass

SESSION: Final = "-sess"


def _octets(text: str) -> bytes:
    """The octets as the client hashed them: a lone surrogate stands for one that is no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _md5(text: str) -> str:
    return md5(_octets(text), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return sha256(_octets(text)).hexdigest()


#: By name in small letters (RFC 7616 3.3: names are compared without case), less the suffix of session variants.
HASHES: Final[dict[str, Callable[[str], str]]] = {"md5": _md5, "sha-256": _sha256}


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """
    The fields of a digest login, as the user's client made them, without surrounding quotes; :func:`sensible` checks that they make sense together.

    `qop` is '', auth or auth-int as it was written; `algorithm` in small letters; `mutual`: the answer has a place for a proof of ours.
    """

    username: str
    realm: str
    nonce: str
    method: str
    uri: str
    response: str
    qop: str = ""
    algorithm: str = "md5"
    cnonce: str = ""
    count: str = ""
    body_hash: str = ""
    mutual: bool = True

    def matches(self, password: str) -> bool:
        """The response was made from this password; compared in constant time, hexadecimal digits without case."""
        return compare_digest(self.computed(password).encode(), _octets(self.response.lower()))

    def computed(self, password: str) -> str:
        """The right response for this password: 32 or 64 hexadecimal digits (RFC 7616 3.4.1; without qop RFC 2617 3.2.2.1)."""
        return self._computed(password, self.method)

    def response_auth(self, password: str) -> str | None:
        """
        What shows the client that the server knows the password too: rspauth (RFC 7616 3.5), over RADIUS Digest-Response-Auth (RFC 5090 2.2.3). None for
        auth-int, whose hash covers an answer that isn't made yet, and where the wire form has no place for it.
        """
        return self._computed(password, "") if self.mutual and self.qop.lower() != "auth-int" else None

    def _computed(self, password: str, method: str) -> str:
        digest = HASHES[self.algorithm.removesuffix(SESSION)]
        secret = digest(f"{self.username}:{self.realm}:{password}")
        if self.algorithm.endswith(SESSION):
            secret = digest(f"{secret}:{self.nonce}:{self.cnonce}")
        body = f":{self.body_hash.lower()}" if self.qop.lower() == "auth-int" else ""
        asked = digest(f"{method}:{self.uri}{body}")
        if not self.qop:
            return digest(f"{secret}:{self.nonce}:{asked}")
        return digest(f"{secret}:{self.nonce}:{self.count}:{self.cnonce}:{self.qop}:{asked}")


def sensible(proof: Proof) -> Proof | None:
    """The proof, or None where it can't be right for any password: a field is missing, or the algorithm or qop is not known (AKA is not)."""
    needed = (proof.username, proof.realm, proof.nonce, proof.method, proof.uri, proof.response)
    qop = proof.qop.lower()
    if not all(needed) or proof.algorithm.removesuffix(SESSION) not in HASHES or qop not in ("", "auth", "auth-int"):
        return None
    if (qop or proof.algorithm.endswith(SESSION)) and not proof.cnonce:
        return None
    return None if (qop and not proof.count) or (qop == "auth-int" and not proof.body_hash) else proof
