"""
The RADIUS endpoint: one protocol a port (1812 authentication, 1813 accounting).

    -> Access-Request       -> Accounting-Request      -> Status-Server
    <- Access-Accept/-Reject   <- Accounting-Response     <- Access-Accept or Accounting-Response

Every packet is answered exactly once, or dropped silently and counted by reason (DESIGN.md 3.10). No exception leaves `datagramReceived`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.duplicates import Duplicates, Entry, Peer
from portaswitch.endpoints.radius_addresses import AddressStep
from portaswitch.endpoints.radius_credentials import with_proof
from portaswitch.endpoints.radius_reply import Attributes, to_reply
from portaswitch.endpoints.radius_request import Unmappable, to_request
from portaswitch.endpoints.radius_trace import described, title, types_cards
from portaswitch.endpoints.strangers import Strangers
from portaswitch.endpoints.templates import Variables
from portaswitch.errors import DatabaseDown, Overloaded, PortaSwitchError
from portaswitch.interfaces.billing import IBilling
from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Node, RadiusClient
from portaswitch.model.request import AAARequest, Decision
from portaswitch.trace.tracer import Tracer, silent
from portaswitch.wire.radius.codec import Malformed, decode, encode_reply
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

RECEIVED = Counter("portaswitch_radius_received_total", "RADIUS packets received", ("port",))
DROPPED = Counter("portaswitch_radius_dropped_total", "RADIUS packets dropped without an answer", ("port", "reason"))
SENT = Counter("portaswitch_radius_sent_total", "RADIUS replies sent", ("port", "code"))
UNFIT = Counter("portaswitch_radius_templates_unfit_total", "Accepts sent without their response template, which would not have fitted", ("node",))

STATUS_SERVER = int(Code.STATUS_SERVER)
ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = int(Code.ACCESS_REQUEST), int(Code.ACCESS_ACCEPT), int(Code.ACCESS_REJECT)
NAMES = {int(code): code.name.lower().replace("_", "-") for code in Code}
#: Octets of Proxy-State in an Access-Request: they go back with the answer, which needs the other half of its packet for itself (a proxy adds about 20).
PROXY_STATES = 2048


@dataclass(frozen=True, slots=True)
class Port:
    """What a port is for: its name in metrics, the codes it takes, and the code that answers Status-Server."""

    name: str
    codes: frozenset[int]
    status_reply: int


AUTH = Port("auth", frozenset((int(Code.ACCESS_REQUEST), STATUS_SERVER)), int(Code.ACCESS_ACCEPT))
ACCT = Port("acct", frozenset((int(Code.ACCOUNTING_REQUEST), STATUS_SERVER)), int(Code.ACCOUNTING_RESPONSE))


@dataclass(frozen=True, slots=True)
class Limits:
    """`reject_delay` and `duplicate_window` in seconds, `waiting_per_peer` requests of one address."""

    reject_delay: float = 1.0
    duplicate_window: float = 10.0
    waiting_per_peer: int = 512


def _unanswerable(packet: Packet) -> str | None:
    """Why no answer could be written, told before money is held: it must return all Proxy-States (RFC 2865 5.33). An Accounting-Response has the room."""
    if packet.code != ACCESS_REQUEST or packet.get("Proxy-State") is None:
        return None
    return "proxy-state-size" if sum(len(state) + 2 for state in packet.proxy_states) > PROXY_STATES else None


@dataclass(slots=True)
class Pending:
    """A request on its way through the core; `node` is the one it speaks for."""

    packet: Packet
    peer: Peer
    client: RadiusClient
    node: Node
    entry: Entry
    request: AAARequest


class RadiusProtocol(DatagramProtocol):
    """Reads packets of one port. `clients` gives the client table in force; `now` the wall clock (aware UTC)."""

    _log = Logger()
    noisy = False

    def __init__(
        self,
        port: Port,
        billing: IBilling,
        clients: Callable[[], Clients],
        reactor: IReactorTime,
        now: Callable[[], datetime],
        limits: Limits = Limits(),
        prefix: str = "r",
        addresses: AddressStep | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._port, self._billing, self._clients, self._reactor, self._now, self._limits = port, billing, clients, reactor, now, limits
        self._dictionary = Dictionary.standard()
        self.duplicates = Duplicates(reactor.seconds, limits.duplicate_window)
        self._waiting: dict[str, int] = {}
        self._strangers = Strangers(reactor.seconds)
        self._prefix, self._number = prefix, 0
        self._addresses, self._tracer = addresses, tracer or silent()

    def startProtocol(self) -> None:
        """Take the socket's own sendto: Twisted's write looks at every address anew, which costs a fifth of an answer."""
        transport: Any = self.transport
        self._sendto: Callable[[bytes, Peer], Any] = transport.socket.sendto if hasattr(transport, "socket") else transport.write

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """One datagram; whatever it holds, nothing is raised."""
        RECEIVED.inc(self._port.name)
        peer = addr[0], addr[1]
        try:
            self._received(datagram, peer)
        except (Malformed, Unmappable) as fault:
            self._drop(fault.reason, peer)
        except Exception:
            self._drop("defect", peer)
            self._log.failure("a packet from {peer} met a defect of ours", peer=addr[0])

    def _received(self, datagram: bytes, peer: Peer) -> None:
        clients = self._clients()
        client = clients.find(peer[0])
        if client is None:
            self._stranger(peer)
            return
        packet = decode(datagram, client.secret, self._dictionary)
        reason = self._refuse(packet, client, clients)
        if reason is not None:
            self._drop(reason, peer)
            return
        entry = self.duplicates.find(peer, packet.identifier, packet.authenticator)
        if entry is not None:
            self._repeat(entry, peer)
        elif packet.code == STATUS_SERVER:
            self._send(encode_reply(packet, self._port.status_reply, [], client.secret, self._dictionary), peer, self._port.status_reply)
        else:
            self._ask(packet, peer, client, clients)

    def _refuse(self, packet: Packet, client: RadiusClient, clients: Clients) -> str | None:
        if packet.code not in self._port.codes:
            return "code"
        return clients.untrusted(client, packet) or _unanswerable(packet)

    def _repeat(self, entry: Entry, peer: Peer) -> None:
        """A retransmission: the same octets, or silence while the first one is still in progress."""
        if entry.reply is None:
            self._drop("in-progress", peer)
            return
        SENT.inc(self._port.name, "repeated")
        if self._tracer.watches:
            self._tracer.packet(peer, f"RADIUS {self._port.name} packet came again: the same answer went out again")
        self._write(entry.reply, peer)

    def _ask(self, packet: Packet, peer: Peer, client: RadiusClient, clients: Clients) -> None:
        node = clients.node(client, packet)
        if node is None:
            self._drop("unknown-node", peer)
            return
        if self._waiting.get(peer[0], 0) >= self._limits.waiting_per_peer:
            self._drop("peer-overload", peer)
            return
        self._number += 1
        request = to_request(packet, client, node, self._now(), f"{self._prefix}{self._number}", clients.catalogue)
        entry = self.duplicates.add(peer, packet.identifier, packet.authenticator)
        self._waiting[peer[0]] = self._waiting.get(peer[0], 0) + 1
        pending = Pending(packet, peer, client, node, entry, request)
        if self._tracer.watches:
            self._tracer.request(request, peer, title(packet.code), lambda: described(packet.attributes, self._dictionary), types_cards(node, request))
        decided = self._handle(request)
        if node.i_ip_pool and self._addresses is not None:
            decided = decided.addCallback(self._addresses.settle, request, node)
        _ = decided.addCallbacks(self._decided, self._undecided, callbackArgs=(pending,), errbackArgs=(pending,))

    def _handle(self, request: AAARequest) -> Deferred[Decision]:
        try:
            return self._billing.handle(request)
        except Exception:  # a defect of the core must not leave the request in progress for ever
            return fail()

    def _decided(self, decision: Decision, pending: Pending) -> None:
        self._settle(pending)
        try:
            code, attributes = to_reply(pending.request, decision, pending.node.profile)
            attributes = with_proof(code, attributes, pending.request.credentials)
            templated = self._templated(pending, decision, attributes) if code == ACCESS_ACCEPT else None
            attributes, reply = templated or (attributes, encode_reply(pending.packet, code, attributes, pending.client.secret, self._dictionary))
        except Exception:
            self._drop("defect", pending.peer)
            self._log.failure("an answer could not be written, request {request}", request=pending.request.id)
            self.duplicates.discard(pending.peer, pending.packet.identifier, pending.entry)
            return
        if self._tracer.watches:
            self._tracer.reply(pending.request, title(code), lambda: described(attributes, self._dictionary))
        if code == ACCESS_REJECT and self._limits.reject_delay:
            self._reactor.callLater(self._limits.reject_delay, self._answer, pending, reply, code)
        else:
            self._answer(pending, reply, code)

    def _templated(self, pending: Pending, decision: Decision, attributes: Attributes) -> tuple[Attributes, bytes] | None:
        """The accept as the response templates want it; None where there are none, or where what they make can't be sent."""
        template = self._clients().templates.find(pending.request, decision)
        if template is None:
            return None
        variables = Variables(pending.packet, pending.request, decision)
        try:
            made = template.apply(attributes, variables)
            return made, encode_reply(pending.packet, ACCESS_ACCEPT, made, pending.client.secret, self._dictionary)
        except ValueError as error:
            UNFIT.inc(pending.node.name)
            self._log.warn(
                "the response template of node {node} made an answer that can't be sent, the default one went out, request {request}: {error}",
                node=pending.node.name, request=pending.request.id, error=str(error),
            )  # fmt: skip
            return None

    def _answer(self, pending: Pending, reply: bytes, code: int) -> None:
        pending.entry.reply = reply
        self._send(reply, pending.peer, code)

    def _undecided(self, failure: Failure, pending: Pending) -> None:
        """No decision: silence, and the retransmission is a new try (RFC 2866 2: not able to record, no answer)."""
        self._settle(pending)
        self.duplicates.discard(pending.peer, pending.packet.identifier, pending.entry)
        if not failure.check(PortaSwitchError, CancelledError):
            self._log.failure("request {request} met a defect of ours", failure, request=pending.request.id)
        reason = "overload" if failure.check(Overloaded) else "database" if failure.check(DatabaseDown) else "undecided"
        self._drop(reason)
        if self._tracer.watches:
            self._tracer.unanswered(pending.request, f"not answered: {reason}")

    def _settle(self, pending: Pending) -> None:
        host = pending.peer[0]
        left = self._waiting[host] - 1
        if left:
            self._waiting[host] = left
        else:
            del self._waiting[host]

    def _send(self, reply: bytes, peer: Peer, code: int) -> None:
        SENT.inc(self._port.name, NAMES[code])
        self._write(reply, peer)

    def _write(self, reply: bytes, peer: Peer) -> None:
        try:
            self._sendto(reply, peer)
        except OSError:
            self._drop("unsendable", peer)  # the socket's buffer is full, or there is no way to the peer: it will ask again

    def _drop(self, reason: str, peer: Peer | None = None) -> None:
        DROPPED.inc(self._port.name, reason)
        if self._tracer.watches and peer is not None:
            self._tracer.packet(peer, f"RADIUS {self._port.name} packet dropped: {reason}")

    def _stranger(self, peer: Peer) -> None:
        """Nobody we know: silence, and one log line a minute for each address."""
        self._drop("unknown-client", peer)
        host = peer[0]
        if self._strangers.worth_a_line(host):
            self._log.warn("a RADIUS packet from {host}, which is no client: add it to radius_clients if it should be one", host=host)
