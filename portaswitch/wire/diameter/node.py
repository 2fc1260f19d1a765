"""
This node among its peers: connections to messages, messages to peers (RFC 6733 5).

The caller owns sockets and clock: it says what happened, with the time in seconds of any steady clock, and
does what the returned values ask, in their order. Nothing is ever raised for what a peer sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from portaswitch.wire.diameter import capabilities
from portaswitch.wire.diameter.capabilities import CAPABILITIES, DISCONNECT, WATCHDOG, Local
from portaswitch.wire.diameter.codec import BASE, LIMITS, decode, encode, encode_error
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.framing import Framer
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair
from portaswitch.wire.diameter.outputs import Answered, Close, Connection, Deliver, Output, Refused, Send
from portaswitch.wire.diameter.peer import PATIENCE, REBOOTING, Peer
from portaswitch.wire.diameter.states import OPEN, Event, State
from portaswitch.wire.diameter.walk import Limits
from portaswitch.wire.diameter.watchdog import LEAST_TW, Health, Watchdog

#: Events of a message of the base protocol, by command and whether it is a request, for I and for R.
_EVENTS = {
    (WATCHDOG, True): (Event.I_RCV_DWR, Event.R_RCV_DWR),
    (WATCHDOG, False): (Event.I_RCV_DWA, Event.R_RCV_DWA),
    (DISCONNECT, True): (Event.I_RCV_DPR, Event.R_RCV_DPR),
    (DISCONNECT, False): (Event.I_RCV_DPA, Event.R_RCV_DPA),
}
_MESSAGE = (Event.I_RCV_MESSAGE, Event.R_RCV_MESSAGE)
_GONE = (Event.I_PEER_DISC, Event.R_PEER_DISC)

#: Peers that are remembered, those apart that are connected.
MOST_PEERS = 10_000
#: Why a sound CER of this connection is not taken, None when it is: peers must be known (RFC 6733 5.3).
Admit = Callable[[Connection, Message], Fault | None]


@dataclass(slots=True)
class _Lane:
    """
    A connection.

    :ivar peer: whose it is, None before its CER.
    :ivar ours: we opened it.
    :ivar deadline: until when a CER must have come, or a held one is taken; None for never.
    :ivar held: the CER of a connected peer, while it is found out whether its old connection is alive.
    :ivar owed: requests delivered and not answered, by hop-by-hop and end-to-end identifier.
    """

    framer: Framer
    peer: Peer | None
    ours: bool
    deadline: float | None
    held: Message | None = None
    owed: dict[tuple[int, int], int] = field(default_factory=dict)


class Node:
    """
    :ivar peers: those of which something was heard or wanted, by Origin-Host in small letters.
    """

    def __init__(
        self,
        local: Local,
        admit: Admit,
        identifiers: Identifiers,
        jitter: Callable[[], float],
        tw: float = 30.0,
        limits: Limits = LIMITS,
    ) -> None:
        """
        :param admit: asked with every sound CER.
        :param jitter: gives -2 to 2 seconds (RFC 3539 3.4.1).
        :param tw: seconds of the watchdog.
        """
        self.peers: dict[str, Peer] = {}
        self._local = local
        self._admit = admit
        self._identifiers = identifiers
        self._jitter = jitter
        self._tw = tw
        self._limits = limits
        self._lanes: dict[Connection, _Lane] = {}
        # Peers whose second connection waits: asked about with every message, and nearly always none.
        self._doubted: set[str] = set()

    def connected(self, connection: Connection, now: float, peer: str | None = None) -> list[Output]:
        """
        A connection is there.

        :param peer: the name in the Connect that it was opened for, None for one that came in.
        """
        if peer is None:
            self._lanes[connection] = _Lane(Framer(self._limits), None, False, now + PATIENCE)
            return []
        known = self._peer(peer)
        if known.state not in (State.WAIT_CONN_ACK, State.WAIT_CONN_ACK_ELECT):
            return [Close(connection, "no longer wanted")]
        self._lanes[connection] = _Lane(Framer(self._limits), known, True, None)
        return self._done(known.happens(Event.I_RCV_CONN_ACK, now, connection))

    def failed(self, peer: str, now: float) -> list[Output]:
        """The connection that a Connect asked for can't be had."""
        return self._done(self._peer(peer).happens(Event.I_RCV_CONN_NACK, now))

    def start(self, peer: str, now: float) -> list[Output]:
        """Connect to a peer, unless there is a connection or one under way."""
        return self._done(self._peer(peer).happens(Event.START, now))

    def stop(self, now: float, cause: int = REBOOTING, peer: str | None = None) -> list[Output]:
        """Take leave of a peer, or of all, a connection that waits included; a Disconnect-Cause of RFC 6733 5.4.3 says why."""
        outputs: list[Output] = []
        for known in [self._peer(peer)] if peer is not None else list(self.peers.values()):
            known.farewell = cause
            outputs += known.happens(Event.STOP, now, reason="stopped")
            if known.name in self._doubted:
                outputs += [Close(connection, "stopped") for connection, _ in self._held(known)]
        return self._done(outputs)

    def received(self, connection: Connection, octets: bytes, now: float) -> list[Output]:
        """Octets came; all messages that they complete are dealt with, in order."""
        outputs: list[Output] = []
        lane = self._lanes.get(connection)
        if lane is None:
            return outputs
        for item in lane.framer.feed(octets):
            # A message before may have closed the connection.
            if self._lanes.get(connection) is not lane:
                break
            if isinstance(item, Fault):
                outputs.append(Refused(lane.peer.name if lane.peer else None, connection, item))
                outputs += self._close(connection, lane, now, item.text)
            else:
                message = decode(item, self._local.dictionary, self._limits, self._local.applications)
                outputs += self._message(connection, lane, message, now)
        return outputs

    def lost(self, connection: Connection, now: float) -> list[Output]:
        """The other side has closed the connection, or it broke."""
        lane = self._lanes.get(connection)
        if lane is None:
            return []
        # There is nothing left to close.
        return [o for o in self._close(connection, lane, now, "lost") if o != Close(connection, "lost")]

    def tick(self, now: float) -> list[Output]:
        """Time has passed; to be called about every second, or when :attr:`deadline` says."""
        outputs: list[Output] = []
        for connection, lane in list(self._lanes.items()):
            if lane.deadline is not None and lane.deadline <= now and connection in self._lanes:
                if lane.held is None:
                    outputs += self._close(connection, lane, now, "no CER")
                else:
                    outputs += self._succeed(connection, lane, now)
        for peer in list(self.peers.values()):
            if peer.deadline is not None and peer.deadline <= now:
                outputs += self._done(peer.happens(Event.TIMEOUT, now))
            watchdog = peer.watchdog
            if watchdog.deadline is not None and watchdog.deadline <= now:
                outputs += self._done(peer.duties(watchdog.expired(now), now))
        return outputs

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` has something to do, None for never."""
        found = [lane.deadline for lane in self._lanes.values()]
        for peer in self.peers.values():
            found += [peer.deadline, peer.watchdog.deadline]
        return min((time for time in found if time is not None), default=None)

    def ready(self, peer: str) -> bool:
        """Requests of ours may go to a peer: it is connected and its watchdog trusts it."""
        known = self.peers.get(peer.lower())
        return known is not None and known.state in OPEN and known.watchdog.health is Health.OKAY

    def request(
        self, peer: str, flags: int, code: int, application: int, body: Iterable[Pair], context: object
    ) -> list[Output]:
        """
        A request of ours; its answer comes as Answered with the context, or the context as Unanswered.

        :raises LookupError: when the peer isn't ready.
        :raises ValueError: as :func:`.codec.encode`.
        """
        if not self.ready(peer):
            raise LookupError(f"{peer} is not connected, or does not answer")
        known = self._peer(peer)
        hop_by_hop, end_to_end = self._identifiers.hop_by_hop(), self._identifiers.end_to_end()
        octets = encode(flags, code, application, hop_by_hop, end_to_end, body, self._local.dictionary)
        known.requests[hop_by_hop] = code, context
        return [Send(known.open, octets)]

    def forget(self, peer: str, context: object) -> None:
        """A request of ours is no longer waited for: an answer that still comes is one to no request, and a lost connection gives nothing back."""
        known = self.peers.get(peer.lower())
        if known is not None:
            known.requests = {hop_by_hop: one for hop_by_hop, one in known.requests.items() if one[1] is not context}

    def answer(self, delivered: Deliver, octets: bytes) -> list[Output]:
        """
        Send the answer to a delivered request, once: nothing when it was answered before, or when its
        connection is gone (the peer will ask again).
        """
        lane = self._lanes.get(delivered.connection)
        message = delivered.message
        key = (message.hop_by_hop, message.end_to_end)
        if lane is None or lane.peer is None or lane.peer.open != delivered.connection or not lane.owed.get(key):
            return []
        lane.owed[key] -= 1
        if not lane.owed[key]:
            del lane.owed[key]
        return [Send(delivered.connection, octets)]

    def _peer(self, name: str) -> Peer:
        """The peer of a name, which host names have in any case of letters."""
        key = name.lower()
        if key not in self.peers:
            if len(self.peers) >= MOST_PEERS:
                # Of the others only the Origin-State-Id is lost.
                self.peers = {known: peer for known, peer in self.peers.items() if peer.state is not State.CLOSED}
            self.peers[key] = Peer(key, self._local, self._identifiers, Watchdog(self._tw, self._jitter))
        return self.peers[key]

    def _done(self, outputs: list[Output]) -> list[Output]:
        """Forget the connections that the outputs close."""
        for output in outputs:
            if isinstance(output, Close):
                self._lanes.pop(output.connection, None)
        return outputs

    def _close(self, connection: Connection, lane: _Lane, now: float, reason: str) -> list[Output]:
        """End a connection, and let its peer know."""
        self._lanes.pop(connection, None)
        peer = lane.peer
        outputs: list[Output] = []
        if peer is not None and connection in (peer.initiator, peer.responder):
            outputs = self._done(peer.happens(_GONE[not lane.ours], now, reason=reason))
            outputs += self._heir(peer, now)
        return outputs if any(o == Close(connection, reason) for o in outputs) else [*outputs, Close(connection, reason)]

    def _message(self, connection: Connection, lane: _Lane, message: Message, now: float) -> list[Output]:
        """One message of a connection."""
        peer = lane.peer
        if peer is None:
            return self._first(connection, lane, message, now)
        if peer.state in OPEN and peer.open == connection:
            outputs = self._flow(connection, lane, peer, message, now)
            if peer.name in self._doubted:
                # One that takes leave makes room: its client goes over to the connection that waits.
                outputs += self._outlive(peer, now) if peer.state in OPEN else self._heir(peer, now)
            return outputs
        if lane.ours and peer.state in (State.WAIT_I_CEA, State.WAIT_RETURNS):
            return self._cea(connection, lane, peer, message, now)
        event = _EVENTS.get((message.code, message.is_request))
        if peer.state is State.CLOSING and event is not None and message.fault is None:
            return self._done(peer.happens(event[not lane.ours], now, connection, message, "disconnected"))
        # Nothing else is legal while a connection opens or closes.
        return []

    def _first(self, connection: Connection, lane: _Lane, cer: Message, now: float) -> list[Output]:
        """What comes first must be a CER (RFC 6733 5.6); anything else ends the connection."""
        if lane.held is not None or not capabilities.is_request(cer, CAPABILITIES):
            return self._close(connection, lane, now, "a message before its CER was answered")
        name = (cer.text("Origin-Host") or "").lower()
        fault = cer.fault or self._admit(connection, cer) or capabilities.objection(cer, self._local)
        if fault is not None:
            # A CEA has to have these whatever it says (RFC 6733 5.3.2), but for one with the E bit.
            origin = self._local.origin if fault.is_protocol_error else self._local.capabilities()
            answer = encode_error(cer, fault, origin, self._local.dictionary)
            refused = Refused(name or None, connection, fault)
            return [refused, Send(connection, answer), *self._close(connection, lane, now, fault.text)]
        peer = self._peer(name)
        if peer.state in OPEN or peer.state is State.CLOSING:
            return self._second(connection, lane, peer, cer, now)
        return self._enter(connection, lane, peer, cer, now)

    def _enter(self, connection: Connection, lane: _Lane, peer: Peer, cer: Message, now: float) -> list[Output]:
        """R-Conn-CER."""
        lane.peer, lane.held, lane.deadline = peer, None, None
        return self._done(peer.happens(Event.R_CONN_CER, now, connection, cer))

    def _second(self, connection: Connection, lane: _Lane, peer: Peer, cer: Message, now: float) -> list[Output]:
        """
        A CER of a peer that is connected. RFC 6733 has it rejected, but a peer that crashed must get back in:
        it is taken at once when it has restarted or its old connection is suspect or closing, and else when
        the old connection doesn't answer a DWR.
        """
        others = self._held(peer)
        lane.held = cer
        doubtful = peer.state is State.CLOSING or peer.watchdog.health is Health.SUSPECT
        if doubtful or peer.outlived(cer):
            return self._succeed(connection, lane, now, peer)
        if others:
            return self._enter(connection, lane, peer, cer, now)
        lane.deadline = now + LEAST_TW
        self._doubted.add(peer.name)
        return self._done(peer.duties(peer.watchdog.ask(), now))

    def _outlive(self, peer: Peer, now: float) -> list[Output]:
        """The old connection is alive, so the one that waits is too many."""
        outputs: list[Output] = []
        for connection, lane in self._held(peer):
            cer = lane.held
            lane.held = None
            outputs += self._done(peer.happens(Event.R_CONN_CER, now, connection, cer))
        self._doubted.discard(peer.name)
        return outputs

    def _held(self, peer: Peer) -> list[tuple[Connection, _Lane]]:
        """The connections that wait for a peer's old one to prove dead."""
        return [
            (connection, lane)
            for connection, lane in self._lanes.items()
            if lane.held is not None and (lane.held.text("Origin-Host") or "").lower() == peer.name
        ]

    def _succeed(self, connection: Connection, lane: _Lane, now: float, peer: Peer | None = None) -> list[Output]:
        """The held CER's connection takes the place of the old one."""
        cer = lane.held
        if cer is None:
            return []
        peer = peer or self._peer(cer.text("Origin-Host") or "")
        lane.held = None
        outputs: list[Output] = []
        for old, event in ((peer.initiator, Event.I_PEER_DISC), (peer.responder, Event.R_PEER_DISC)):
            if old is not None:
                outputs += self._done(peer.happens(event, now, reason="replaced by a new connection"))
        return outputs + self._enter(connection, lane, peer, cer, now)

    def _heir(self, peer: Peer, now: float) -> list[Output]:
        """Let the connection in that waited for one which is gone now."""
        outputs: list[Output] = []
        self._doubted.discard(peer.name)
        for connection, lane in self._held(peer):
            outputs += self._succeed(connection, lane, now, peer)
        return outputs

    def _cea(self, connection: Connection, lane: _Lane, peer: Peer, message: Message, now: float) -> list[Output]:
        """What comes first on a connection of ours must be a CEA of success from the peer that was called."""
        name = (message.text("Origin-Host") or "").lower()
        good = message.code == CAPABILITIES and not message.is_request and message.fault is None
        if good and message.get("Result-Code") == Result.SUCCESS and name == peer.name:
            objection = capabilities.objection(message, self._local)
            if objection is None:
                return self._done(peer.happens(Event.I_RCV_CEA, now, connection, message))
        if peer.state is State.WAIT_RETURNS:
            # Lost on this connection, but the peer's own may still win.
            return self._close(connection, lane, now, "refused")
        return self._done(peer.happens(Event.I_RCV_NON_CEA, now, connection, message, "refused"))

    def _flow(self, connection: Connection, lane: _Lane, peer: Peer, message: Message, now: float) -> list[Output]:
        """A message on an open connection."""
        outputs: list[Output] = []
        fault = message.fault
        if fault is not None and message.is_request:
            outputs += self._done(peer.happens(_MESSAGE[not lane.ours], now))
            answer = encode_error(message, fault, self._local.origin, self._local.dictionary)
            return [*outputs, Refused(peer.name, connection, fault), Send(connection, answer)]
        event = _EVENTS.get((message.code, message.is_request)) if message.application == BASE else None
        if event is not None:
            return self._done(peer.happens(event[not lane.ours], now, connection, message, "disconnected"))
        outputs += self._done(peer.happens(_MESSAGE[not lane.ours], now))
        if not message.is_request:
            return [*outputs, *self._match(connection, peer, message)]
        if message.code == CAPABILITIES:
            fault = Fault(Result.UNABLE_TO_COMPLY, "capabilities were exchanged before")
            answer = encode_error(message, fault, self._local.origin, self._local.dictionary)
            return [*outputs, Refused(peer.name, connection, fault), Send(connection, answer)]
        key = (message.hop_by_hop, message.end_to_end)
        lane.owed[key] = lane.owed.get(key, 0) + 1
        return [*outputs, Deliver(peer.name, connection, message)]

    def _match(self, connection: Connection, peer: Peer, message: Message) -> list[Output]:
        """The request that an answer is for; an answer to none is dropped (RFC 6733 6.2.1)."""
        code, context = peer.requests.get(message.hop_by_hop, (None, None))
        if code != message.code:
            return [Refused(peer.name, connection, Fault(Result.UNABLE_TO_COMPLY, "an answer to no request"))]
        del peer.requests[message.hop_by_hop]
        return [Answered(peer.name, context, message)]
