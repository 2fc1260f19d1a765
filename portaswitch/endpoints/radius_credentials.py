"""What a RADIUS packet proves of its user: PAP, CHAP; a proof that is not known is right for no password."""

from __future__ import annotations

from hmac import compare_digest

from portaswitch.model.catalogue import RadiusClient
from portaswitch.model.request import Credentials, Login, Verify
from portaswitch.wire.radius.packet import Packet


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


class NeverVerify(Verify):
    """A proof of a kind that is not known, or two proofs at once (RFC 2865 5.44): right for no password."""

    __slots__ = ()

    def __call__(self, password: str) -> bool:
        """Always False."""
        return False


#: Proofs that are not looked at yet: a request with one is not a request without any.
OTHER_PROOFS = ("Digest-Response", "Sterman-Digest-Response", "EAP-Message")
NOT_ASKED = Credentials(Login.NONE, NeverVerify())


def credentials(packet: Packet, client: RadiusClient, ignore_password: str) -> Credentials:
    """The proof in an Access-Request; `ignore_password` is PortaBilling_Ignore_Password, which only clients that may say it are heard on."""
    if client.ignore_password and ignore_password.upper() == "YES":
        return NOT_ASKED
    given, chap = packet.user_password(client.secret), packet.get("CHAP-Password") is not None
    if (chap and given is not None) or any(packet.get(name) is not None for name in OTHER_PROOFS):
        return Credentials(Login.DIGEST, NeverVerify())
    if chap:
        return Credentials(Login.CHAP, ChapVerify(packet))
    return Credentials(Login.PAP, PapVerify((given or b"").rstrip(b"\0")))
