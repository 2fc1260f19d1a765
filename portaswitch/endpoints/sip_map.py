"""Between SIP and the values of the core: requests to log-ins and drafts, refusals to statuses."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from portaswitch.endpoints.sip_domains import Party
from portaswitch.model.message import Draft
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Credentials, Kind, Login, Origin, Parties
from portaswitch.model.verify import Verify
from portaswitch.wire.sip.challenge import Login as DigestLogin
from portaswitch.wire.sip.grammar import printable
from portaswitch.wire.sip.message import Request

if TYPE_CHECKING:
    from portaswitch.endpoints.sip_login import Claim

_FUNDS: Final = (402, "Payment Required")
#: The SIP column of the table of refusals; what isn't here is 403 with its text. 401 is a new challenge.
STATUSES: Final = {
    Refusal.INVALID_ACCOUNT: (401, "Unauthorized"),
    Refusal.INVALID_PASSWORD: (401, "Unauthorized"),
    Refusal.INVALID_CARD: (401, "Unauthorized"),
    Refusal.ZERO_BALANCE: _FUNDS,
    Refusal.CREDIT_LIMIT: _FUNDS,
    Refusal.INSUFFICIENT_BALANCE: _FUNDS,
    Refusal.FUNDS_LOCKED: _FUNDS,
    Refusal.FUNDS_SHORT: _FUNDS,
    Refusal.SPEND_LIMIT: _FUNDS,
    Refusal.CALL_LIMIT: (480, "Too Many Sessions"),
    Refusal.CLD_UNASSIGNED: (404, "Not Found"),
    Refusal.CLD_DIAL_ERROR: (484, "Address Incomplete"),
    Refusal.CLD_TMP_UNAVAIL: (480, "Temporarily Unavailable"),
}


def status_of(refusal: Refusal) -> tuple[int, str]:
    """Status and phrase of a refusal."""
    return STATUSES.get(refusal, (403, refusal.text))


def to_login(id: str, origin: Origin, account: str, identity: str, source: str, verify: Verify, at: datetime) -> AAARequest:
    """Who is this, and may they be `identity` (user@domain)? Nothing is held or opened."""
    credentials = Credentials(Login.DIGEST, verify)
    parties = Parties(account, calling=identity.partition("@")[0], identity=identity)
    return AAARequest(Kind.AUTH, id, origin, "", f"sip/login/{id}", parties, at, at, credentials=credentials, kept={"subscriber_ip": source})


def key_of(request: Request, origin: Origin, sender: str, login: DigestLogin) -> str:
    """
    The name of a message, under which it is paid and kept once: From, Call-ID, CSeq, nonce and its count (DESIGN.md 3.4). A client that lost our answer and
    sends the request in a new transaction has the same.
    """
    known, proof = request.known, login.proof
    parts = (str(origin.i_env), sender, known.call_id, str(known.cseq.number), proof.nonce, proof.count.lower())
    return sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:40]


def to_draft(request: Request, claim: Claim, sender: Party, called: Party, key: str) -> Draft:
    """The message of a sender who says who it is."""
    kind = request.headers.first("Content-Type") or "text/plain"
    return Draft(
        claim.id, claim.origin, key, claim.accounts[0],
        printable(sender.address), printable(sender.number), printable(called.address), printable(called.number),
        tuple(printable(name) for name in called.names), printable(kind), request.body, printable(request.known.call_id), claim.source,
        request.expires or 0, called.peer.name, called.peer.host, claim.accounts[1:], Credentials(Login.DIGEST, claim.verify),
    )  # fmt: skip
