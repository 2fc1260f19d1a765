"""
What a RADIUS packet proves of its user: PAP, CHAP, digest; a proof that is not understood is right for no password.

`credentials` reads the proof of an Access-Request, `with_proof` adds to the answer what the proof's protocol wants there.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from portaswitch.model.catalogue import RadiusClient
from portaswitch.model.request import Credentials, Login
from portaswitch.model.verify import Verify
from portaswitch.wire.radius import digest
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code, Packet

ACCESS_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
Attributes = list[tuple[str, Value]]
#: Octets of an EAP packet without data, and the code of EAP-Failure (RFC 3748 4.2).
EAP_HEADER, EAP_FAILURE = 4, 4


class PapVerify(Verify):
    """User-Password (RFC 2865 5.2), already revealed; absent counts as empty."""

    __slots__ = ("_given",)

    def __init__(self, given: bytes) -> None:
        self._given = given

    def __call__(self, password: str) -> bool:
        """Compared in constant time."""
        return compare_digest(password.encode(), self._given)


class ChapVerify(Verify):
    """CHAP-Password (RFC 2865 5.3)."""

    __slots__ = ("_packet",)

    def __init__(self, packet: Packet) -> None:
        self._packet = packet

    def __call__(self, password: str) -> bool:
        """The response is computed from the packet's challenge."""
        return self._packet.chap_matches(password.encode())


class DigestVerify(Verify):
    """
    A digest login in either wire form (RFC 5090, draft-sterman).

    `response_auth` is Digest-Response-Auth for the answer, once the right password was seen and where RFC 5090 wants it.
    """

    __slots__ = ("_proof", "response_auth")

    def __init__(self, proof: digest.Proof) -> None:
        self._proof = proof
        self.response_auth: str | None = None

    def __call__(self, password: str) -> bool:
        """The response was made from this password."""
        right = self._proof.matches(password)
        self.response_auth = self._proof.response_auth(password) if right else None
        return right


class NeverVerify(Verify):
    """A proof of a kind that is not understood, or two proofs at once (RFC 2865 5.44): right for no password."""

    __slots__ = ()

    def __call__(self, password: str) -> bool:
        """Always False."""
        return False


class EapVerify(NeverVerify):
    """
    EAP, which this server does not speak: rejected, whatever the client may ask for besides (RFC 3579 3.1).

    `failure` is the EAP-Failure that ends the user's conversation (RFC 3748 4.2: it repeats the Identifier); None for an EAP-Start, which has none.
    """

    __slots__ = ("failure",)

    def __init__(self, message: Value) -> None:
        started = isinstance(message, bytes) and len(message) >= EAP_HEADER
        self.failure = bytes((EAP_FAILURE, message[1], 0, EAP_HEADER)) if isinstance(message, bytes) and started else None


#: Attributes that belong to a digest login: a request with one of them is not a request without any proof.
DIGEST_PROOFS = (
    "Digest-Response", "Sterman-Digest-Response", "Digest-Realm", "Sterman-Digest-Realm", "Digest-Nonce", "Sterman-Digest-Nonce", "Digest-Method",
    "Sterman-Digest-Method", "Digest-URI", "Sterman-Digest-URI", "Digest-Username", "Sterman-Digest-Username",
)  # fmt: skip
#: Attributes of proofs that are not understood.
OTHER_PROOFS = ("MS-CHAP-Challenge", "MS-CHAP-Response", "MS-CHAP2-Response", "MS-CHAP-CPW-1", "MS-CHAP-CPW-2", "ARAP-Password")
NOT_ASKED = Credentials(Login.NONE, NeverVerify())
#: The login of what is not understood, and of a digest that can't be right.
NEVER = Credentials(Login.DIGEST, NeverVerify())


def credentials(packet: Packet, client: RadiusClient, ignore_password: str) -> Credentials:
    """The proof in an Access-Request; `ignore_password` is PortaBilling_Ignore_Password, which only clients that may say it are heard on."""
    get = packet.get
    message = get("EAP-Message")
    if message is not None:
        return Credentials(Login.DIGEST, EapVerify(message))
    if client.ignore_password and ignore_password.upper() == "YES":
        return NOT_ASKED
    given, chap = packet.user_password(client.secret), get("CHAP-Password") is not None
    if _has(packet, DIGEST_PROOFS):
        return NEVER if chap or given is not None or _has(packet, OTHER_PROOFS) else _digest(packet)
    if (chap and given is not None) or _has(packet, OTHER_PROOFS):
        return NEVER
    if chap:
        return Credentials(Login.CHAP, ChapVerify(packet))
    return Credentials(Login.PAP, PapVerify((given or b"").rstrip(b"\0")))


def _has(packet: Packet, names: tuple[str, ...]) -> bool:
    get = packet.get
    for name in names:  # a bare loop: a generator costs more than the look-ups, and every Access-Request comes here
        if get(name) is not None:
            return True
    return False


def _digest(packet: Packet) -> Credentials:
    proof = digest.read(packet)
    return NEVER if proof is None else Credentials(Login.DIGEST, DigestVerify(proof))


def with_proof(code: int, attributes: Attributes, proof: Credentials | None) -> Attributes:
    """
    The attributes of an Access answer with what the request's proof wants in it.

    After a digest login the Access-Accept has Digest-Response-Auth (RFC 5090 2.2.3). After EAP the Access-Reject has an EAP-Failure, and then no
    Reply-Message (RFC 3579 2.6.3, 2.6.5).
    """
    verify = None if proof is None else proof.verify
    if isinstance(verify, DigestVerify):
        if code == ACCESS_ACCEPT and verify.response_auth is not None:
            return [*attributes, ("Digest-Response-Auth", verify.response_auth)]
    elif isinstance(verify, EapVerify) and verify.failure is not None and code != ACCESS_ACCEPT:
        return [*(pair for pair in attributes if pair[0] != "Reply-Message"), ("EAP-Message", verify.failure)]
    return attributes
