"""A Diameter endpoint with a core, a map and transports that do as a test says; messages as octets."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from portaswitch.endpoints.diameter import DiameterEndpoint, DiameterProtocol
from portaswitch.endpoints.diameter_peers import DiameterPeer, DiameterPeers, LocalIdentity
from portaswitch.endpoints.diameter_requests import DEFAULT, Limits
from portaswitch.interfaces.billing import IBilling
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.request import AAARequest, Decision, Kind, Origin, Parties
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.codec import decode, encode
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.framing import Framer
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair
from tests.contract.origins import Origins
from tests.contract.ways import Ways
from tests.unit.builders import AT

DICTIONARY = Dictionary.standard()
IDENTITY = LocalIdentity("ocs.example.com", "example.com")
PGW, REALM = "pgw.example.com", "visited.example.net"
NODES = (
    Node(1, 1, "pgw", "", "", origin_host=PGW, origin_realm="example.com"),
    Node(2, 1, "visited", "", "", origin_realm=REALM, max_connections=2),
    Node(3, 1, "secure", "", "", origin_host="tls.example.com", require_tls=True),
    Node(4, 2, "elsewhere", "", "", origin_host="other.example.org"),
    Node(5, 1, "behind", "", "", origin_host="behind.example.com"),
    Node(6, 1, "bras", "192.0.2.1", "bras"),
)


def catalogue(*nodes: Node) -> Catalogue:
    """A catalogue of nodes alone."""
    return Catalogue(1, {}, {}, {}, {node.i_node: node for node in nodes}, {}, {}, {}, ())


@implementer(IBilling)
class Core:
    """Keeps what it is asked; decides when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[AAARequest, Deferred[Decision]]] = []
        self.error: Exception | None = None

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`."""
        if self.error is not None:
            raise self.error
        waiting: Deferred[Decision] = Deferred()
        self.asked.append((request, waiting))
        return waiting

    def decide(self, place: int = -1) -> None:
        """Decide one request."""
        self.asked.pop(place)[1].callback(Decision())


class Unfit(Exception):
    """What the map raises."""

    def __init__(self, result_code: int, failed_avp: bytes = b"") -> None:
        super().__init__("unfit")
        self.result_code, self.failed_avp = result_code, failed_avp


class Map:
    """A map of the least that there can be; `error` is raised instead of a request, `broken` instead of a reply."""

    Malformed = Unfit

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.broken: Exception | None = None
        self.peers: list[DiameterPeer] = []

    def to_request(self, ccr: Message, peer: DiameterPeer, at: Any, request_id: str) -> AAARequest:
        """A request that has the session's name."""
        self.peers.append(peer)
        if self.error is not None:
            raise self.error
        session = ccr.text("Session-Id") or ""
        return AAARequest(Kind.AUTH, request_id, Origin(peer.i_node, peer.i_env, peer.name), session, session, Parties("1"), at, at)

    def to_reply(self, ccr: Message, request: AAARequest, decision: Decision, peer: DiameterPeer, at: Any) -> Message:
        """The least CCA."""
        if self.broken is not None:
            raise self.broken
        reply = Message(ccr.flags & 0x40, ccr.code, ccr.application, ccr.hop_by_hop, ccr.end_to_end)
        pairs: list[Pair] = [
            ("Session-Id", request.session), ("Result-Code", 2001), ("Origin-Host", peer.local.origin_host), ("Origin-Realm", peer.local.origin_realm),
            ("Auth-Application-Id", 4), ("CC-Request-Type", ccr.get("CC-Request-Type") or 0), ("CC-Request-Number", ccr.get("CC-Request-Number") or 0),
        ]  # fmt: skip
        reply.body.pairs.extend(pairs)
        return reply


class Wire(StringTransport):
    """A TCP transport as far as the endpoint uses one."""

    def __init__(self) -> None:
        StringTransport.__init__(self)
        self.ended: list[str] = []

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Noted by nobody."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Noted by nobody."""

    def loseConnection(self) -> None:
        """We want to close."""
        self.ended.append("lose")

    def abortConnection(self) -> None:
        """We close whatever is left."""
        self.ended.append("abort")


class Caller:
    """A peer: its connection to the endpoint, and what it reads."""

    def __init__(self, endpoint: DiameterEndpoint, address: str = "192.0.2.5") -> None:
        made = endpoint.connection(address)
        if made is None:
            raise ConnectionRefusedError(address)
        self.protocol: DiameterProtocol = made
        self.wire = Wire()
        self._framer = Framer()
        made.makeConnection(self.wire)

    def say(self, *messages: bytes) -> list[Message]:
        """Send messages in one piece; gives what is answered at once."""
        self.protocol.dataReceived(b"".join(messages))
        return self.read()

    def read(self) -> list[Message]:
        """What was written since the last look."""
        octets = self.wire.value()
        self.wire.clear()
        return [decode(item, DICTIONARY) for item in self._framer.feed(octets) if isinstance(item, bytes)]


class World:
    """An endpoint with all of it."""

    def __init__(self, limits: Limits = DEFAULT, nodes: tuple[Node, ...] = NODES, ways: Ways | None = None) -> None:
        self.clock, self.core, self.map = Clock(), Core(), Map()
        self.table = DiameterPeers(catalogue(*nodes), IDENTITY)
        local = Local(IDENTITY.origin_host, IDENTITY.origin_realm, ("192.0.2.1",), 1)
        self.origins, self.ways = Origins({node.i_node: node.origin_host for node in nodes}), ways or Ways()
        self.endpoint = DiameterEndpoint(
            local, lambda: self.table, self.core, self.map, self.clock, lambda: AT, Identifiers(1, 2), limits, origins=self.origins, ways=self.ways,
        )  # fmt: skip

    def peer(self, host: str = PGW, realm: str = "example.com", more: list[Pair] | None = None) -> Caller:
        """A caller whose CER was sent; what was answered is still to be read."""
        caller = Caller(self.endpoint)
        caller.protocol.dataReceived(cer(host, realm, more))
        return caller

    def open(self, host: str = PGW, realm: str = "example.com", more: list[Pair] | None = None) -> Caller:
        """A peer that is connected."""
        caller = self.peer(host, realm, more)
        cea, *_ = caller.read()  # after it a DWR, where the peer was connected before
        if cea.get("Result-Code") != 2001:
            raise AssertionError(f"CEA {cea.integer('Result-Code')}")
        return caller


def request(code: int, body: list[Pair], application: int = 0, hop: int = 1, end: int | None = None, flags: int = 0x80) -> bytes:
    """A request of a peer."""
    return encode(flags, code, application, hop, hop + 1000 if end is None else end, body, DICTIONARY)


def cer(host: str = PGW, realm: str = "example.com", more: list[Pair] | None = None) -> bytes:
    """A CER for credit control."""
    return request(257, [("Origin-Host", host), ("Origin-Realm", realm), ("Auth-Application-Id", 4), *(more or [])])


def ccr(hop: int = 5, session: str = "s", flags: int = 0xC0, end: int | None = None, **changed: Any) -> bytes:
    """A sound CCR; `changed` AVPs by their names with _ for -, None leaves one out."""
    avps: dict[str, Any] = {
        "Session-Id": session, "Origin-Host": PGW, "Origin-Realm": "example.com", "Destination-Realm": "example.com", "Auth-Application-Id": 4,
        "Service-Context-Id": "32251@3gpp.org", "CC-Request-Type": 1, "CC-Request-Number": 0,
    }  # fmt: skip
    avps |= {name.replace("_", "-"): value for name, value in changed.items()}
    return request(272, [(name, value) for name, value in avps.items() if value is not None], 4, hop, end, flags)
