"""
One peer: the state machine of RFC 6733 5.6 (:mod:`.states`) with its watchdog, its lanes and what it waits for.

Its inputs are events, with time as an argument; its outputs are values (:mod:`.outputs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from portaswitch.wire.diameter.capabilities import CAPABILITIES, DISCONNECT, WATCHDOG, Local
from portaswitch.wire.diameter.codec import BASE, encode, encode_answer
from portaswitch.wire.diameter.definitions import REQUEST
from portaswitch.wire.diameter.faults import Result
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair
from portaswitch.wire.diameter.outputs import (
    Close,
    Connect,
    Connection,
    Down,
    Output,
    Restarted,
    Send,
    Unanswered,
    Up,
)
from portaswitch.wire.diameter.states import OPEN, TABLE, Action, Event, State
from portaswitch.wire.diameter.watchdog import Duty, Watchdog

#: Disconnect-Cause of a peer that comes back by itself (RFC 6733 5.4.3).
REBOOTING: Final = 0
#: How long each state may last that waits for the other side, in seconds.
PATIENCE: Final = 10.0
#: How long a DPA, or the end of the connection after ours, may take.
FAREWELL: Final = 5.0


class Peer:
    """
    :ivar name: its Origin-Host.
    :ivar state: RFC 6733 5.6.
    :ivar initiator: the connection that we opened.
    :ivar responder: the one that it opened.
    :ivar requests: commands and contexts of our requests that wait for answers, by hop-by-hop identifier.
    :ivar deadline: when the state times out, None for never.
    :ivar origin_state: its Origin-State-Id, the highest that it sent.
    :ivar cause: the Disconnect-Cause of its DPR, None when it sent none on its last connection.
    """

    __slots__ = (
        "_cer",
        "_identifiers",
        "_local",
        "_message",
        "_reason",
        "cause",
        "deadline",
        "farewell",
        "initiator",
        "name",
        "origin_state",
        "requests",
        "responder",
        "state",
        "watchdog",
    )

    def __init__(self, name: str, local: Local, identifiers: Identifiers, watchdog: Watchdog) -> None:
        self.name = name
        self.state = State.CLOSED
        self.watchdog = watchdog
        self.initiator: Connection | None = None
        self.responder: Connection | None = None
        self.requests: dict[int, tuple[int, object]] = {}
        self.deadline: float | None = None
        self.origin_state: int | None = None
        self.cause: int | None = None
        self.farewell = REBOOTING
        self._local = local
        self._identifiers = identifiers
        self._cer: Message | None = None
        self._message: Message | None = None
        self._reason = ""

    @property
    def open(self) -> Connection | None:
        """The connection on which messages flow."""
        if self.state is State.R_OPEN:
            return self.responder
        return self.initiator if self.state is State.I_OPEN else None

    def happens(
        self,
        event: Event,
        now: float,
        connection: Connection | None = None,
        message: Message | None = None,
        reason: str = "",
    ) -> list[Output]:
        """
        One row of the table.

        :param connection: of R-Conn-CER and I-Rcv-Conn-Ack the new one.
        :param message: what was received.
        :param reason: why, for Close and Down.
        """
        row = TABLE.get((self.state, event))
        if row is None:
            return []
        actions, state = row
        before, self.state = self.state, state
        self._message, self._reason = message, reason or event.name
        outputs: list[Output] = []
        for action in actions:
            outputs += _DO[action](self, now, connection)
        if self.state is not before:
            outputs += self._entered(before, now)
        # Elect may have won, which is an event of its own.
        if Action.ELECT in actions and self._local.host.lower() > self.name.lower():
            outputs += self.happens(Event.WIN_ELECTION, now)
        return outputs

    def _entered(self, before: State, now: float) -> list[Output]:
        """What goes with a new state, whatever the way to it."""
        outputs: list[Output] = []
        if before in OPEN:
            outputs += [Unanswered(self.name, context) for _, context in self.requests.values()]
            outputs.append(Down(self.name, self._reason))
            self.requests.clear()
            self.watchdog.lost()
        if self.state in OPEN:
            self.deadline = None
            outputs += self.duties(self.watchdog.up(now), now)
        elif self.state is State.CLOSED:
            self.deadline = None
        else:
            self.deadline = now + (FAREWELL if self.state is State.CLOSING else PATIENCE)
        return outputs

    def duties(self, duties: list[Duty], now: float) -> list[Output]:
        """What the watchdog wants."""
        outputs: list[Output] = []
        for duty in duties:
            if duty is Duty.SEND_DWR:
                outputs += self._request(self.open, WATCHDOG, self._local.stateful_origin)
            else:
                event = Event.R_PEER_DISC if self.state is State.R_OPEN else Event.I_PEER_DISC
                outputs += self.happens(event, now, reason="watchdog")
        return outputs

    def _request(self, connection: Connection | None, code: int, body: list[Pair]) -> list[Output]:
        """A request of the base protocol, which keeps connections."""
        hop_by_hop, end_to_end = self._identifiers.hop_by_hop(), self._identifiers.end_to_end()
        octets = encode(REQUEST, code, BASE, hop_by_hop, end_to_end, body, self._local.dictionary)
        return [Send(connection, octets)]

    def _answer(self, connection: Connection | None, body: list[Pair], request: Message | None) -> list[Output]:
        """The answer to a request of the base protocol."""
        if request is None:
            return []
        return [Send(connection, encode_answer(request, body, self._local.dictionary))]

    def _capable(self, message: Message | None) -> list[Output]:
        """The peer's CER or CEA was taken."""
        if message is None:
            return []
        risen = self._state_of(message)
        self.cause = None
        return [Up(self.name, message, risen)]

    def _state_of(self, message: Message) -> bool:
        """Keep the highest Origin-State-Id; whether it has risen (RFC 6733 8.16)."""
        value = message.integer("Origin-State-Id")
        # Zero is what senders say that keep none.
        if not value:
            return False
        risen = self.origin_state is not None and value > self.origin_state
        self.origin_state = max(value, self.origin_state or 0)
        return risen

    def outlived(self, cer: Message) -> bool:
        """A CER of a peer that restarted since we last heard of it."""
        value = cer.integer("Origin-State-Id")
        return bool(value and self.origin_state and value > self.origin_state)

    # The actions, each with time and the new connection.

    def _snd_conn_req(self, now: float, connection: Connection | None) -> list[Output]:
        return [Connect(self.name)]

    def _snd_cer(self, now: float, connection: Connection | None) -> list[Output]:
        self.initiator = connection
        return self._request(connection, CAPABILITIES, self._local.capabilities())

    def _accept(self, now: float, connection: Connection | None) -> list[Output]:
        self.responder, self._cer = connection, self._message
        return []

    def _reject(self, now: float, connection: Connection | None) -> list[Output]:
        body: list[Pair] = [("Result-Code", int(Result.ELECTION_LOST)), *self._local.capabilities()]
        return [*self._answer(connection, body, self._message), Close(connection, "second connection of a peer")]

    def _snd_cea(self, now: float, connection: Connection | None) -> list[Output]:
        cer, self._cer = self._cer, None
        body: list[Pair] = [("Result-Code", int(Result.SUCCESS)), *self._local.capabilities(cer)]
        return [*self._answer(self.responder, body, cer), *self._capable(cer)]

    def _process_cea(self, now: float, connection: Connection | None) -> list[Output]:
        return self._capable(self._message)

    def _nothing(self, now: float, connection: Connection | None) -> list[Output]:
        return []

    def _error(self, now: float, connection: Connection | None) -> list[Output]:
        return [*self._i_disc(now, connection), *self._r_disc(now, connection)]

    def _i_disc(self, now: float, connection: Connection | None) -> list[Output]:
        old, self.initiator = self.initiator, None
        return [] if old is None else [Close(old, self._reason)]

    def _r_disc(self, now: float, connection: Connection | None) -> list[Output]:
        old, self.responder = self.responder, None
        return [] if old is None else [Close(old, self._reason)]

    def _process_dwr(self, now: float, connection: Connection | None) -> list[Output]:
        risen = self._message is not None and self._state_of(self._message)
        body: list[Pair] = [("Result-Code", int(Result.SUCCESS)), *self._local.stateful_origin]
        told: list[Output] = [Restarted(self.name, self.origin_state or 0)] if risen else []
        return [*told, *self.duties(self.watchdog.heard(now), now), *self._answer(self.open, body, self._message)]

    def _process_dwa(self, now: float, connection: Connection | None) -> list[Output]:
        return self.duties(self.watchdog.answered(now), now)

    def _process(self, now: float, connection: Connection | None) -> list[Output]:
        return self.duties(self.watchdog.heard(now), now)

    def _snd_dpr(self, now: float, connection: Connection | None) -> list[Output]:
        body: list[Pair] = [*self._local.origin, ("Disconnect-Cause", self.farewell)]
        return self._request(self.responder or self.initiator, DISCONNECT, body)

    def _snd_dpa(self, now: float, connection: Connection | None) -> list[Output]:
        if self._message is not None:
            self.cause = self._message.integer("Disconnect-Cause")
        body: list[Pair] = [("Result-Code", int(Result.SUCCESS)), *self._local.origin]
        return self._answer(self.responder or self.initiator, body, self._message)


_A = Action
_DO: Final[Mapping[Action, Callable[[Peer, float, Connection | None], list[Output]]]] = MappingProxyType(
    {
        _A.I_SND_CONN_REQ: Peer._snd_conn_req,
        _A.I_SND_CER: Peer._snd_cer,
        _A.R_ACCEPT: Peer._accept,
        _A.R_REJECT: Peer._reject,
        _A.R_SND_CEA: Peer._snd_cea,
        _A.PROCESS_CEA: Peer._process_cea,
        _A.ELECT: Peer._nothing,
        _A.CLEANUP: Peer._nothing,
        _A.ERROR: Peer._error,
        _A.I_DISC: Peer._i_disc,
        _A.R_DISC: Peer._r_disc,
        _A.SND_MESSAGE: Peer._nothing,
        _A.PROCESS: Peer._process,
        _A.PROCESS_DWR: Peer._process_dwr,
        _A.PROCESS_DWA: Peer._process_dwa,
        _A.SND_DPR: Peer._snd_dpr,
        _A.SND_DPA: Peer._snd_dpa,
    }
)
