"""
The arithmetic of digest logins that come by RADIUS: RFC 5090 (attributes 103 to 122) and draft-sterman-aaa-sip (206, and 207 with
sub-attributes).

    SIP client > SIP server (made the nonce) > Access-Request with the fields > is the response made from this password?

Hashes and qop are those of RFC 7616 and RFC 8760. The nonce's age and its count are the business of who made the nonce, the RADIUS client
(RFC 5090 2.1.2). What is missing, unknown or no text is no proof: nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5, sha256
from hmac import compare_digest
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.radius.packet import Packet

#: How the fields' names begin in the two wire forms.
RFC5090, STERMAN = "Digest-", "Sterman-Digest-"
#: Fields without which nothing is proven; the user's name may be that of User-Name.
REQUIRED: Final = ("Response", "Realm", "Nonce", "Method", "URI")
#: Fields of which two different values are a forgery or a defect: there is no saying which one the user's client meant.
SINGLE: Final = frozenset((*REQUIRED, "Username", "Qop", "Algorithm", "CNonce", "Nonce-Count", "Entity-Body-Hash"))
SESSION: Final = "-sess"


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


#: By name in small letters (RFC 7616 3.3: names are compared without case), less the suffix of session variants.
HASHES: Final[dict[str, Callable[[str], str]]] = {"md5": _md5, "sha-256": _sha256}


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """
    The fields of a digest login, as the user's client made them, without surrounding quotes; `read` checks that they make sense together.

    `qop` is '', auth or auth-int as it was written; `algorithm` in small letters; `standard`: it came by RFC 5090's attributes.
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
    standard: bool = True

    def matches(self, password: str) -> bool:
        """The response was made from this password; compared in constant time, hexadecimal digits without case."""
        return compare_digest(self.computed(password).encode(), self.response.lower().encode())

    def computed(self, password: str) -> str:
        """The right response for this password: 32 or 64 hexadecimal digits (RFC 7616 3.4.1; without qop RFC 2617 3.2.2.1)."""
        return self._computed(password, self.method)

    def response_auth(self, password: str) -> str | None:
        """
        Digest-Response-Auth of the Access-Accept, by which the SIP server shows its client that it knows the password too (RFC 5090 2.2.3,
        RFC 7616 3.5). None where RFC 5090 does not want it: for auth-int, whose hash covers an answer that only the SIP server knows, and in the
        older wire form, which has no such attribute.
        """
        return self._computed(password, "") if self.standard and self.qop.lower() != "auth-int" else None

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


def fields(packet: Packet) -> dict[str, str] | None:
    """
    The fields by their RFC 5090 names less `Digest-`: Response, Realm, Nonce, Method ...; empty ones are absent ones.

    From the attributes of RFC 5090 when they hold a response, else from those of draft-sterman-aaa-sip; never from both. None when a value is no
    text (NUL or not UTF-8), or a field has two values.
    """
    prefix = RFC5090 if packet.get("Digest-Response") is not None else STERMAN
    found: dict[str, str] = {}
    for name, value in packet.attributes:
        if not name.startswith(prefix):
            continue
        if not isinstance(value, str):
            return None
        field, text = name.removeprefix(prefix), _unquoted(value)
        if text and found.setdefault(field, text) != text and field in SINGLE:
            return None
    return found


def read(packet: Packet) -> Proof | None:
    """
    The digest login of an Access-Request; None where it can't be right for any password: a field is missing, no text or given twice, or the
    algorithm or qop is not known (AKA is not).

    Digest-Username serves the arithmetic only; whose password it is tried with is User-Name's to say, and the two may differ (RFC 5090 3.13).
    Without Digest-Username the name is User-Name's.
    """
    told = fields(packet)
    if told is None or not all(map(told.get, REQUIRED)):
        return None
    get = told.get
    username, algorithm, qop = get("Username") or packet.text("User-Name") or "", get("Algorithm", "md5").lower(), get("Qop", "")
    cnonce, count, body_hash = get("CNonce", ""), get("Nonce-Count", ""), get("Entity-Body-Hash", "")
    if not username or algorithm.removesuffix(SESSION) not in HASHES or qop.lower() not in ("", "auth", "auth-int"):
        return None
    if (qop or algorithm.endswith(SESSION)) and not cnonce:
        return None
    if (qop and not count) or (qop.lower() == "auth-int" and not body_hash):
        return None
    return Proof(
        username, told["Realm"], told["Nonce"], told["Method"], told["URI"], told["Response"], qop, algorithm, cnonce, count, body_hash,
        packet.get("Digest-Response") is not None,
    )  # fmt: skip


def _unquoted(text: str) -> str:
    """The text without the quotes around it: RFC 5090 3 wants none, and some clients copy them from the SIP header."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
