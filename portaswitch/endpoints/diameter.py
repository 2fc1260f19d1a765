"""
The Diameter endpoint: connections, and what the node of `wire.diameter` wants done with them (RFC 6733).

    octets > node (framing, codec, peer machine, watchdog) > Deliver > diameter_requests > core
    socket < Send, Close < node                            <  answer <

Peers are known by the table of nodes; all else ends at its CER. No exception leaves `dataReceived`: a defect costs the connection that met it, nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import uniform
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.endpoints.diameter_agents import DiameterAgents
from portaswitch.endpoints.diameter_peers import DiameterPeer, DiameterPeers
from portaswitch.endpoints.diameter_requests import DEFAULT, CreditControl, Limits, Requests, origin_of
from portaswitch.endpoints.diameter_restart import Restarts
from portaswitch.endpoints.strangers import Strangers
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.diameter_agents import IDiameterAgents
from portaswitch.interfaces.diameter_origins import IDiameterOrigins
from portaswitch.metrics import Counter, Gauge
from portaswitch.trace.tracer import Tracer, silent
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message
from portaswitch.wire.diameter.node import Node
from portaswitch.wire.diameter.outputs import Answered, Close, Connection, Deliver, Down, Output, Refused, Restarted, Send, Unanswered, Up

REFUSED = Counter("portaswitch_diameter_refused_total", "Diameter messages that were refused with this Result-Code before they were a request", ("result",))
CONNECTIONS = Gauge("portaswitch_diameter_connections", "Diameter connections open now, those before their CER included")
PEERS = Gauge("portaswitch_diameter_peers", "Diameter peers connected now")
DOWN = Counter("portaswitch_diameter_peer_down_total", "Diameter peers that were connected and are not any more", ("node", "reason"))
REJECTED = Counter("portaswitch_diameter_connections_rejected_total", "Connections closed at once: too many in all, or unnamed of one address", ("reason",))
DEFECTS = Counter("portaswitch_diameter_defects_total", "Connections that were ended because their octets met a defect of ours")

#: Connections in all, and of one address that have not said who they are.
MOST_CONNECTIONS, MOST_UNNAMED = 4096, 16
#: Seconds that a connection may take to send its last octets.
LINGER: Final = 5.0
#: Disconnect-Cause of a peer that is no longer in the table (RFC 6733 5.4.3).
NOT_WANTED: Final = 2
#: Reasons for which reading a connection pauses.
STALLED, BACKLOG = "stalled", "backlog"


@implementer(IPushProducer)
class DiameterProtocol(Protocol):
    """One connection. It reads no further while its peer does not read our answers, or while too many of its requests wait."""

    def __init__(self, endpoint: DiameterEndpoint, host: str) -> None:
        self._endpoint, self.host = endpoint, host
        self._paused: set[str] = set()
        self._end: Any = None

    @property
    def secure(self) -> bool:
        """It is TLS."""
        return ISSLTransport.providedBy(self.transport)

    def connectionMade(self) -> None:
        """Answers leave at once; a dead connection is found even where nobody speaks."""
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        transport.registerProducer(self, True)
        self._endpoint.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """Octets; whatever they hold, nothing is raised."""
        self._endpoint.received(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        if self._end is not None and self._end.active():
            self._end.cancel()
        self._endpoint.lost(self)

    def send(self, octets: bytes) -> None:
        """Write a message."""
        transport: Any = self.transport
        transport.write(octets)

    def leave(self, clock: Any) -> None:
        """Close, once what was sent is written or LINGER is over."""
        transport: Any = self.transport
        transport.unregisterProducer()
        transport.resumeProducing()  # the other side's end is seen by reading
        transport.loseConnection()
        self._end = clock.callLater(LINGER, transport.abortConnection)

    def cut(self) -> None:
        """Close now."""
        transport: Any = self.transport
        transport.abortConnection()

    def hold(self, reason: str) -> None:
        """Read no more for this reason."""
        self._paused.add(reason)
        transport: Any = self.transport
        transport.pauseProducing()

    def let_go(self, reason: str) -> None:
        """This reason is over."""
        self._paused.discard(reason)
        if not self._paused:
            transport: Any = self.transport
            transport.resumeProducing()

    def pauseProducing(self) -> None:
        """Our answers pile up: take no more requests."""
        self.hold(STALLED)

    def resumeProducing(self) -> None:
        """They are written."""
        self.let_go(STALLED)

    def stopProducing(self) -> None:
        """The connection is gone, which `connectionLost` tells."""


class DiameterFactory(Factory):
    """Makes connections, as many as there may be."""

    noisy = False

    def __init__(self, endpoint: DiameterEndpoint) -> None:
        self._endpoint = endpoint

    def buildProtocol(self, addr: Any) -> DiameterProtocol | None:
        """A connection from this address; None closes it."""
        return self._endpoint.connection(getattr(addr, "host", ""))


class DiameterEndpoint:
    """
    All connections of a process. `peers` gives the table in force, `local` is who we are on the wire; `reactor` is the clock, `now` the wall clock (aware UTC),
    `identifiers` those of our own requests; `tw` seconds of the watchdog (RFC 3539); `origins` remembers the clients' restarts, `ways`
    who is behind which agent; `others` counts the requests that were decided beside those that close their sessions.
    """

    _log = Logger()

    def __init__(
        self, local: Local, peers: Callable[[], DiameterPeers], billing: IBilling, mapping: CreditControl, reactor: Any, now: Callable[[], datetime],
        identifiers: Identifiers, limits: Limits = DEFAULT, tw: float = 30.0, prefix: str = "d", tracer: Tracer | None = None, *,
        origins: IDiameterOrigins, ways: IDiameterAgents, others: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        self._peers, self._reactor = peers, reactor
        self._node = Node(local, self._admit, identifiers, lambda: uniform(-2, 2), tw)
        realms = peers().local.realms
        self._requests = Requests(billing, mapping, local, realms, now, prefix, tracer or silent(), self._answer, self._hold, self._let_go, limits)
        self._restarts = Restarts(billing, origins, reactor, now, prefix, others)
        self._agents = DiameterAgents(ways, lambda name: name in self._realms and self._node.ready(name), self._behind, reactor)
        self._connections: dict[DiameterProtocol, str] = {}
        self._realms: dict[str, str] = {}
        self._held: dict[DiameterProtocol, str] = {}
        self._strangers = Strangers(reactor.seconds)
        self._emptied: Deferred[None] | None = None
        self.factory = DiameterFactory(self)
        CONNECTIONS.read = lambda: len(self._connections)
        PEERS.read = lambda: len(self._realms)
        self._do: dict[type[Any], Callable[[Any], None]] = {
            Send: self._sends, Close: self._closes, Deliver: self._delivers, Up: self._up, Down: self._down, Refused: self._refused,
            Restarted: lambda output: self._restarted(self._sender(output.peer), output.state),
            Answered: lambda output: output.context.callback(output.message), Unanswered: lambda output: output.context.callback(None),
        }  # fmt: skip

    # -- connections ------------------------------------------------------------------------------------------------------------------------------

    def connection(self, host: str) -> DiameterProtocol | None:
        """A new connection from an address, None where there are too many."""
        if len(self._connections) >= MOST_CONNECTIONS:
            REJECTED.inc("all")
            return None
        if sum(name == "" and one.host == host for one, name in self._connections.items()) >= MOST_UNNAMED:
            REJECTED.inc("unnamed")
            return None
        return DiameterProtocol(self, host)

    def opened(self, connection: DiameterProtocol) -> None:
        """It is there."""
        self._connections[connection] = ""
        self._perform(self._node.connected(connection, self._reactor.seconds()))

    def received(self, connection: DiameterProtocol, octets: bytes) -> None:
        """Octets of it."""
        try:
            self._perform(self._node.received(connection, octets, self._reactor.seconds()))
        except Exception:
            DEFECTS.inc()
            self._log.failure("octets from {host} met a defect of ours", host=connection.host)
            self._perform(self._node.lost(connection, self._reactor.seconds()))
            connection.leave(self._reactor)

    def lost(self, connection: DiameterProtocol) -> None:
        """It is gone."""
        self._connections.pop(connection, None)
        self._held.pop(connection, None)
        self._perform(self._node.lost(connection, self._reactor.seconds()))
        if not self._connections and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def tick(self) -> None:
        """Watchdogs and time-outs; to be called about every second."""
        self._perform(self._node.tick(self._reactor.seconds()))

    def swapped(self) -> None:
        """The table has changed: whoever is in it no longer has to go."""
        for name, realm in list(self._realms.items()):
            if self._peers().find(name, realm) is None:
                self._perform(self._node.stop(self._reactor.seconds(), NOT_WANTED, name))

    def drain(self) -> None:
        """Take no new requests: they are answered 3004, so that clients go elsewhere."""
        self._requests.limits = Limits(0, 0)
        self._restarts.stop()

    def stop(self) -> Deferred[None]:
        """Take leave of all peers (REBOOTING); fires when all connections are closed."""
        gone: Deferred[None] = Deferred()
        if not self._connections:
            gone.callback(None)
            return gone
        self._emptied = gone
        self._perform(self._node.stop(self._reactor.seconds()))
        for connection, name in list(self._connections.items()):
            if not name:
                connection.leave(self._reactor)
        return gone

    def cut(self) -> None:
        """End what is still there without another word."""
        for connection in list(self._connections):
            connection.cut()

    # -- requests of ours -------------------------------------------------------------------------------------------------------------------------

    def ready(self) -> dict[int, int]:
        """The nodes that requests of ours may go to now (i_node), each with the number of its hosts."""
        found: dict[int, int] = {}
        for name, realm in self._realms.items():
            peer = self._peers().find(name, realm)
            if peer is not None and self._node.ready(name):
                found[peer.i_node] = found.get(peer.i_node, 0) + 1
        for peer in self._agents.reachable():
            found[peer.i_node] = found.get(peer.i_node, 0) + (peer.origin_host not in self._realms)
        return found

    def hosts(self, i_node: int) -> list[DiameterPeer]:
        """The hosts of a node that requests of ours may go to, themselves or by an agent."""
        found = [self._peers().find(name, realm) for name, realm in self._realms.items() if self._node.ready(name)]
        found += [peer for peer in self._agents.reachable() if peer.origin_host not in self._realms]
        return [peer for peer in found if peer is not None and peer.i_node == i_node]

    def ask(self, peer: str, flags: int, code: int, application: int, body: list[Any]) -> Deferred[Message | None]:
        """
        Send a request to a host, by its agent where it isn't connected itself; fires with the answer, None when the connection is lost before. Cancelling
        forgets it: a late answer is counted among what was refused. LookupError when the peer isn't ready, ValueError as encode.
        """
        way = peer if peer in self._realms else self._agents.way(peer)
        answered: Deferred[Message | None] = Deferred(lambda cancelled: self._node.forget(way, cancelled))
        self._perform(self._node.request(way, flags, code, application, body, answered))
        return answered

    async def learn(self) -> None:
        """Tell other processes, and hear from them, who is behind which agent; to be called every few seconds. Errors: `DatabaseDown`."""
        await self._agents.learn(tuple(self._realms))

    # -- what the node wants ----------------------------------------------------------------------------------------------------------------------

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            self._do[type(output)](output)

    def _sends(self, output: Send) -> None:
        connection: Any = output.connection
        if connection is not None:
            connection.send(output.octets)

    def _closes(self, output: Close) -> None:
        connection: Any = output.connection
        connection.leave(self._reactor)

    def _delivers(self, output: Deliver) -> None:
        sender = self._sender(output.peer)
        if sender is None:
            return  # it is being told to go
        host, realm = origin_of(output.message)
        host, realm = host.lower(), realm.lower()
        state = output.message.integer("Origin-State-Id") or 0
        if self._agents.heard(sender, host, realm, state):
            self._restarted(self._behind(sender.origin_host, host, realm), state)
        self._requests.deliver(output, self._peers().speaker(sender, host, realm))

    def _answer(self, delivered: Deliver, octets: bytes) -> None:
        for output in self._node.answer(delivered, octets):
            self._do[type(output)](output)

    def _sender(self, name: str) -> DiameterPeer | None:
        return self._peers().find(name, self._realms.get(name, ""))

    def _behind(self, agent: str, host: str, realm: str) -> DiameterPeer | None:
        """Whom requests of a host speak for that an agent brings, under the host's own name."""
        sender = self._sender(agent)
        speaker = self._peers().speaker(sender, host, realm) if sender is not None else None
        return replace(speaker, origin_host=host, origin_realm=realm) if speaker is not None and speaker is sender else speaker

    def _up(self, output: Up) -> None:
        _, realm = origin_of(output.capabilities)
        self._realms[output.peer] = realm.lower()
        peer = self._sender(output.peer)
        if peer is not None:
            self._log.info("Diameter peer {host} of node {node} is connected", host=output.peer, node=peer.name)
        self._restarted(peer, output.capabilities.integer("Origin-State-Id") or 0)

    def _down(self, output: Down) -> None:
        peer = self._sender(output.peer)
        self._realms.pop(output.peer, None)
        node = peer.name if peer is not None else ""
        DOWN.inc(node, output.reason if output.reason in REASONS else "lost")
        self._log.info("Diameter peer {host} of node {node} is gone: {reason}", host=output.peer, node=node, reason=output.reason)

    def _restarted(self, peer: DiameterPeer | None, state: int) -> None:
        if peer is not None and self._requests.limits.waiting:  # who drains leaves it to whoever hears of it next
            self._restarts.heard(peer, state)

    def _refused(self, output: Refused) -> None:
        REFUSED.inc(str(output.fault.result))
        connection: Any = output.connection
        if self._strangers.worth_a_line(output.peer or connection.host):
            self._log.warn(
                "a Diameter message of {peer} was refused with {result}: {reason} (further ones of a minute are only counted)",
                peer=output.peer or connection.host, result=output.fault.result, reason=output.fault.text,
            )  # fmt: skip

    def _admit(self, connection: Connection, cer: Message) -> Fault | None:
        """Why a CER is not taken: nobody we know, without TLS, or more hosts of its realm than there may be."""
        host, realm = origin_of(cer)
        peer = self._peers().find(host, realm)
        if peer is None:
            return Fault(Result.UNKNOWN_PEER, "unknown peer: no node has this Origin-Host or Origin-Realm")
        asking: Any = connection
        if peer.require_tls and not asking.secure:
            return Fault(Result.NO_COMMON_SECURITY, "this peer has to come over TLS")
        others = [name for name in self._realms if name != peer.origin_host and self._of(name, peer.i_node)]
        if not peer.node.origin_host and len(others) >= peer.max_connections:
            return Fault(Result.UNABLE_TO_COMPLY, "as many hosts of this realm are connected as may be")
        self._connections[asking] = peer.origin_host
        return None

    def _of(self, name: str, i_node: int) -> bool:
        peer = self._sender(name)
        return peer is not None and peer.i_node == i_node

    # -- back-pressure ----------------------------------------------------------------------------------------------------------------------------

    def _hold(self, delivered: Deliver) -> None:
        connection: Any = delivered.connection
        if connection not in self._held and connection in self._connections:
            self._held[connection] = delivered.peer
            connection.hold(BACKLOG)

    def _let_go(self) -> None:
        if not self._held:
            return
        for connection, peer in list(self._held.items()):
            if self._requests.room(peer):
                del self._held[connection]
                connection.let_go(BACKLOG)


#: Reasons that a metric may have as label; what else there is counts as lost.
REASONS: Final = frozenset(("watchdog", "disconnected", "stopped", "replaced by a new connection", "lost"))
