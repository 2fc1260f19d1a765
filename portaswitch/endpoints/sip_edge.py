"""
The edge node, where edge and gateway run apart (the guide's Appendix C): clients register at it, and it hands their messages over to the gateway, whose
deliveries come back by it.

    client > MESSAGE > edge > + PortaOne-Requested-URI, PortaSIP-Notify, a Via, one hop less > gateway
    gateway > MESSAGE, Route: <sip:edge;lr;pinhole=UDP:host:port;ep> > edge > the client's pinhole
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from portaswitch.endpoints.sip import ABILITIES, PassedOn, Passing, Reply, SipServer, Told, refusing
from portaswitch.endpoints.sip_courier import via
from portaswitch.endpoints.sip_message import NOTIFY, REQUESTED
from portaswitch.endpoints.sip_ports import Datagrams, Place, StreamPlace, TcpPort, UdpPort
from portaswitch.wire.sip import build
from portaswitch.wire.sip.admission import admit, forwarding
from portaswitch.wire.sip.grammar import named
from portaswitch.wire.sip.headers import Headers
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.uri import SipUri

#: The kind of NAT that the guide's example shows; what others there are is not told.
NAT_TYPE: Final = 4
#: Hops that are left where a request does not say (RFC 3261 16.6 step 3).
HOPS: Final = 70


class Edge:
    """Answers MESSAGE on an edge node. `gateway` is host and port; `ports` are the sockets by name."""

    def __init__(self, server: SipServer, ports: Callable[[], Mapping[str, UdpPort | TcpPort]], gateway: tuple[str, int]) -> None:
        self._server, self._ports, self._gateway = server, ports, gateway

    async def answer(self, request: Request, place: Place) -> Told:
        """The answer of the gateway, or of the client whom the gateway means."""
        fault = admit(request, ABILITIES, place.transport != "UDP") or forwarding(request, schemes=frozenset(ABILITIES.schemes))
        if fault is not None:
            return refusing(fault)
        if any(hop.sent_by in self._server.ours for hop in request.known.vias):
            return Passing(482)
        if place.host == self._gateway[0] and request.routes:
            return await self._inward(request)
        return await self._outward(request)

    async def _outward(self, request: Request) -> Told:
        """Of what the gateway refuses nothing is kept here: else requests without a log-in would fill the table (RFC 3261 26.3.2.4)."""
        host, number = self._gateway
        user = request.uri.user if isinstance(request.uri, SipUri) else ""
        target = f"sip:{user}{'@' * bool(user)}{f'[{host}]' if ':' in host else host}:{number}"
        port = self._udp()
        if port is None:
            return Reply(503)
        more = [(REQUESTED, request.target)]
        top = request.via
        received = named(top.parameters, "received")
        if received and received != top.host:
            more.append((NOTIFY, f"NAT={received};NAT-type={NAT_TYPE}"))
        told = await self._forward(request, target, request.headers.without(REQUESTED, NOTIFY), more, Datagrams(port, host, number))
        return PassedOn(told) if isinstance(told, Response) and told.status >= 300 else told

    async def _inward(self, request: Request) -> Reply | Response:
        place = self._pinhole(request)
        if place is None:
            return Reply(480)
        return await self._forward(request, request.target, request.headers.without("Route"), [], place)

    async def _forward(self, request: Request, target: str, headers: Headers, more: list[tuple[str, str]], place: Place) -> Reply | Response:
        left = HOPS if request.max_forwards is None else request.max_forwards - 1
        kept = [(name, str(left) if name == "Max-Forwards" else value) for name, value in headers.without("Content-Length")]
        try:
            forwarded = build.request(request.method, target, [*via(place), *kept, *more], request.body)
        except ValueError:
            return Reply(400)
        response = await self._server.ask(forwarded, place)
        return Reply(0) if response is None else _without_us(response)

    def _pinhole(self, request: Request) -> Place | None:
        """The place that the gateway's Route names."""
        route = request.routes[0].uri
        told = named(route.parameters, "pinhole") if isinstance(route, SipUri) else None
        transport, _, rest = (told or "").partition(":")
        host, _, number = rest.rpartition(":")
        if not number.isascii() or not number.isdigit() or not 0 < int(number) < 65536:
            return None
        host = host.strip("[]")
        if transport == "UDP":
            port = self._udp()
            return None if port is None else Datagrams(port, host, int(number))
        ports = [port for port in self._ports().values() if isinstance(port, TcpPort) and port.transport == transport]
        flow = next((flow for port in ports if (flow := port.at(host, int(number))) is not None), None)
        return None if flow is None else StreamPlace(flow)

    def _udp(self) -> UdpPort | None:
        return next((port for port in self._ports().values() if isinstance(port, UdpPort)), None)


def _without_us(response: Response) -> Response:
    """The response less our own Via, which is the topmost (RFC 3261 16.7 step 3)."""
    rest = (response.headers.all("Via") or [])[1:]
    headers = response.headers.without("Via", "Content-Length").before(*(("Via", value) for value in rest))
    return build.response(response.status, headers, response.body, response.reason)
