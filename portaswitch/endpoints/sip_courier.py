"""
Carrying an accepted message on: a MESSAGE of ours to a contact of its recipient, or to a peer (RFC 3428 8; the guide's Appendix C, part 2).

Call-ID, CSeq and tag are made of the message, so that one which is sent again after a crash is the same request to whom has it already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from portaswitch.endpoints.sip import METHODS, SipServer
from portaswitch.endpoints.sip_domains import Peer
from portaswitch.endpoints.sip_ports import Datagrams, Place, StreamPlace, TcpPort, UdpPort
from portaswitch.endpoints.sip_trace import SipTrace
from portaswitch.interfaces.messages import ICourier
from portaswitch.metrics import Counter
from portaswitch.model.message import Contact, Text
from portaswitch.model.request import AAARequest
from portaswitch.trace.tracer import silent
from portaswitch.wire.sip import build
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.admission import LARGEST_ON_DATAGRAMS
from portaswitch.wire.sip.message import Essentials, Request, Response
from portaswitch.wire.sip.transactions import branch_of
from portaswitch.wire.sip.uri import Uri, escaped
from portaswitch.wire.sip.values import CSeq, NameAddr, Via, call_id, media_type

SENT = Counter("portaswitch_sip_messages_sent_total", "MESSAGE requests of ours, by what came of them", ("status",))
TOO_LARGE, UNSENDABLE, NO_WAY = 513, 400, 0
ALLOW = ", ".join(METHODS)
#: Of every delivering MESSAGE.
CSEQ, CSEQ_TEXT = CSeq(2, "MESSAGE"), "2 MESSAGE"


@implementer(ICourier)
class Courier:
    """`ports` are the sockets by name; `worker` names this process; `own_edge` gives its address as an edge node, `now` the time of day."""

    def __init__(
        self,
        server: SipServer,
        ports: Callable[[], Mapping[str, UdpPort | TcpPort]],
        peers: Mapping[str, Peer],
        worker: str,
        own_edge: Callable[[], str] = lambda: "",
        trace: SipTrace | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._server, self._ports, self._peers, self._worker, self._own_edge = server, ports, peers, worker, own_edge
        self._trace, self._now = trace or SipTrace(silent()), now

    def deliver(self, text: Text, contact: Contact) -> Deferred[int] | None:
        """See `ICourier.deliver`."""
        place = self._place(contact)
        if place is None:
            return None
        recipient = _address(text.recipient)
        route: tuple[tuple[str, str], ...] = ()
        if contact.edge and contact.edge != self._own_edge():
            host = f"[{contact.host}]" if ":" in contact.host else contact.host
            route = (("Route", f"<sip:{contact.edge};lr;pinhole={contact.transport}:{host}:{contact.port};ep>"),)
            recipient = f"{_address(text.recipient.rpartition('@')[0] + '@' + contact.edge)};transport=UDP;lr"  # as the guide's example has it
        if _too_large(text, place):  # for this way: its recipient may yet register by another one
            return succeed(NO_WAY)
        return self._ask(text, contact.uri, place, recipient, route)

    def hand_over(self, text: Text) -> Deferred[int]:
        """See `ICourier.hand_over`."""
        peer = self._peers.get(text.peer)
        port = None if peer is None else self._udp("", peer.host)
        if peer is None or port is None:
            return succeed(0)
        user, _, domain = text.recipient.rpartition("@")
        host = domain if domain in peer.domains else f"[{peer.host}]" if ":" in peer.host else peer.host
        target = f"sip:{escaped(user)}{'@' * bool(user)}{host}" + ("" if domain in peer.domains else f":{peer.port}")
        place = Datagrams(port, peer.host, peer.port)
        return succeed(TOO_LARGE) if _too_large(text, place) else self._ask(text, target, place, target)

    def address_of(self, peer: str) -> str:
        """See `ICourier.address_of`."""
        known = self._peers.get(peer)
        return "" if known is None else known.host

    def _ask(self, text: Text, target: str, place: Place, recipient: str, route: tuple[tuple[str, str], ...] = ()) -> Deferred[int]:
        try:
            request = _request(text, target, place, recipient, route)
        except ValueError:  # what somebody wrote into a contact or a header can't be sent
            SENT.inc(str(UNSENDABLE))
            return succeed(UNSENDABLE)
        watched = self._trace.sent(text, request, place, self._now())
        return self._server.ask(request, place).addCallback(self._status, watched)

    def _status(self, response: Response | None, watched: AAARequest | None) -> int:
        status = 0 if response is None else response.status
        SENT.inc(str(status))
        self._trace.came_back(watched, status)
        return status

    def _place(self, contact: Contact) -> Place | None:
        """The way to a contact from this process; None when it is another's connection, or gone."""
        if contact.edge and contact.edge != self._own_edge():
            host, _, number = contact.edge.rpartition(":")
            port = self._udp("", host)
            return None if port is None else Datagrams(port, host.strip("[]"), int(number))
        if not contact.flow:
            port = self._udp(contact.listener, contact.host)
            return None if port is None else Datagrams(port, contact.host, contact.port)
        known = self._ports().get(contact.listener)
        flow = known.flows.get(contact.flow) if isinstance(known, TcpPort) and contact.worker == self._worker else None
        return None if flow is None else StreamPlace(flow)

    def _udp(self, name: str, host: str) -> UdpPort | None:
        """The UDP socket of that name, else any of the same family."""
        ports = self._ports()
        known = ports.get(name)
        if isinstance(known, UdpPort):
            return known
        six = ":" in host
        return next((port for port in ports.values() if isinstance(port, UdpPort) and (":" in port.sent_by[0]) is six), None)


def _too_large(text: Text, place: Place) -> bool:
    """Whether a text must not go that way, for want of congestion control (RFC 3428 8); it is counted."""
    if place.transport != "UDP" or len(text.body) <= LARGEST_ON_DATAGRAMS:
        return False
    SENT.inc(str(TOO_LARGE))
    return True


def via(place: Place) -> tuple[tuple[str, str], ...]:
    """The Via of a request of ours with a new branch; rport asks for the answer to be sent to where the request came from (RFC 3581 3)."""
    host, port = place.sent_by
    branch = branch_of(token_bytes(12))
    return (("Via", f"SIP/2.0/{place.transport} {host}:{port};branch={branch};rport"),)


def _request(text: Text, target: str, place: Place, recipient: str, route: tuple[tuple[str, str], ...]) -> Request:
    """
    The MESSAGE that carries a text.

    :raises ValueError: where one can't be made of it.
    """
    sender, call, tag = _address(text.sender), _call_id(text), sha256(text.key.encode()).hexdigest()[:8]
    if media_type(text.content_type) is None:
        raise ValueError(f"{text.content_type!r} is no type")
    host, port = place.sent_by
    hop = Via(place.transport, host, port, (("branch", branch_of(token_bytes(12))), ("rport", None)))
    said = Essentials((hop,), NameAddr(_uri(sender), "", (("tag", tag),)), NameAddr(_uri(recipient)), call, CSEQ)
    headers = (
        ("Via", str(hop)), ("Max-Forwards", "70"), *route, ("To", f"<{recipient}>"), ("From", f"<{sender}>;tag={tag}"), ("Call-ID", call),
        ("CSeq", CSEQ_TEXT), ("Allow", ALLOW), ("Content-Type", text.content_type),
    )  # fmt: skip
    return build.request("MESSAGE", target, headers, text.body, said)


def _uri(text: str) -> Uri:
    address = uris.read(text)
    if address is None:
        raise ValueError(f"{text!r} is no URI")
    return address


def _call_id(text: Text) -> str:
    known = call_id(f"{text.call_id}~1o")
    if known is None:
        raise ValueError(f"{text.call_id!r} is no Call-ID")
    return known


def _address(text: str) -> str:
    user, at, domain = text.rpartition("@")
    return f"sip:{escaped(user)}{at if user else ''}{domain}"
