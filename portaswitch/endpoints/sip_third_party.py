"""
Third-party registrars (the guide: third_party_registrars): each registration is told to other servers, and nobody waits for them. What is lost is made good by
the client's next renewal, which is told as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portaswitch.endpoints.sip import SipServer
from portaswitch.endpoints.sip_courier import via
from portaswitch.endpoints.sip_ports import Datagrams, UdpPort
from portaswitch.endpoints.sip_register import Registered
from portaswitch.logs import background
from portaswitch.metrics import Counter
from portaswitch.wire.sip import build
from portaswitch.wire.sip.message import Response
from portaswitch.wire.sip.uri import SipUri

FORWARDED = Counter("portaswitch_sip_registrations_forwarded_total", "Registrations told to third-party registrars, by their answer", ("status",))


class ThirdParties:
    """`port` gives the UDP socket that the requests leave by; `places` are host and port of each registrar."""

    def __init__(self, server: SipServer, port: Callable[[], UdpPort | None], places: Sequence[tuple[str, int]]) -> None:
        self._server, self._port, self._places = server, port, tuple(places)

    def tell(self, registered: Registered) -> None:
        """Forward a registration, and forget it."""
        port = self._port()
        owner = registered.request.known.recipient.uri
        if port is None or not isinstance(owner, SipUri):
            return
        for host, number in self._places:
            place = Datagrams(port, host, number)
            try:
                request = build.request("REGISTER", f"sip:{_host(host)}:{number}", [*via(place), *_headers(registered, owner, port)])
            except ValueError:
                FORWARDED.inc("unsendable")
                continue
            background(self._server.ask(request, place).addCallback(_count), "telling a third-party registrar")


def _headers(registered: Registered, owner: SipUri, port: UdpPort) -> list[tuple[str, str]]:
    """The user as it registered with us, at our own address: what is sent there comes to us."""
    known = registered.request.known
    host, number = port.sent_by
    return [
        ("Max-Forwards", "70"), ("From", f"<{owner}>;tag={build.tag_of(registered.request.headers)}"), ("To", f"<{owner}>"),
        ("Call-ID", f"{known.call_id}~r"), ("CSeq", f"{known.cseq.number} REGISTER"),
        ("Contact", f"<sip:{owner.user}@{_host(host)}:{number}>"), ("Expires", str(_lasts(registered))),
    ]  # fmt: skip


def _lasts(registered: Registered) -> int:
    """Seconds until the last contact ends; 0 when none is left."""
    seconds = [round((contact.expires - registered.at).total_seconds()) for contact in registered.contacts]
    return max(seconds, default=0)


def _host(text: str) -> str:
    return f"[{text}]" if ":" in text else text


def _count(response: Response | None) -> None:
    FORWARDED.inc("0" if response is None else str(response.status))
