"""
Digest logins that come by RADIUS: RFC 5090 (attributes 103 to 122) and draft-sterman-aaa-sip (206, and 207 with sub-attributes). The arithmetic is that of
:mod:`portaswitch.wire.digest`.

    SIP client > SIP server (made the nonce) > Access-Request with the fields > is the response made from this password?

The nonce's age and its count are the business of who made the nonce, the RADIUS client
(RFC 5090 2.1.2). What is missing, unknown or no text is no proof: nothing here raises.
"""

from __future__ import annotations

from typing import Final

from portaswitch.wire.digest import Proof as Proof
from portaswitch.wire.digest import sensible
from portaswitch.wire.radius.packet import Packet

#: How the fields' names begin in the two wire forms.
RFC5090, STERMAN = "Digest-", "Sterman-Digest-"
#: Fields without which nothing is proven; the user's name may be that of User-Name.
REQUIRED: Final = ("Response", "Realm", "Nonce", "Method", "URI")
#: Fields of which two different values are a forgery or a defect: there is no saying which one the user's client meant.
SINGLE: Final = frozenset((*REQUIRED, "Username", "Qop", "Algorithm", "CNonce", "Nonce-Count", "Entity-Body-Hash"))


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
    return sensible(
        Proof(
            get("Username") or packet.text("User-Name") or "", told["Realm"], told["Nonce"], told["Method"], told["URI"], told["Response"],
            get("Qop", ""), get("Algorithm", "md5").lower(), get("CNonce", ""), get("Nonce-Count", ""), get("Entity-Body-Hash", ""),
            packet.get("Digest-Response") is not None,
        )
    )  # fmt: skip


def _unquoted(text: str) -> str:
    """The text without the quotes around it: RFC 5090 3 wants none, and some clients copy them from the SIP header."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
