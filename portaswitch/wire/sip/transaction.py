"""One transaction: a state, its timers and what was sent last. It knows no clock and no socket: times are arguments, what is to be done are values."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum

from portaswitch.model.value import dataclass
from portaswitch.wire.sip.build import answer, to_octets
from portaswitch.wire.sip.message import Message, Request, Response
from portaswitch.wire.sip.table import FIRST, GROWING, ROWS, Act, Clocks, Event, Kind, State, Timer, clocks, lasts
from portaswitch.wire.sip.wheel import NEVER


class Trouble(Enum):
    """Why a transaction ended without what its user waited for."""

    TIMEOUT = "timeout"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for the wire, to the place of the transaction."""

    transaction: Transaction
    octets: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message for the user: a new request, a response to one of ours, the ACK of a 2xx."""

    transaction: Transaction
    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """The user hears that there will be no answer, or that its answer may not have arrived."""

    transaction: Transaction
    trouble: Trouble


Output = Send | Deliver | Failed


class Transaction:
    """
    A machine of :mod:`.table`. Times are milliseconds of a clock that never goes back.

    :ivar key: by which its messages are known.
    :ivar request: the request that began it.
    :ivar place: where its messages go, whatever that is to who sends them (an address, a connection).
    :ivar again: when the timer fires that comes before the end of its state, `ends` when the one that ends it does; NEVER: it does not run.
    :ivar noted: when :class:`.Transactions` looks at it next.
    """

    __slots__ = ("_clocks", "_fired", "_last", "_request", "again", "ends", "key", "kind", "noted", "place", "reliable", "state")

    def __init__(self, kind: Kind, key: Hashable, request: Request, place: object, reliable: bool) -> None:
        self.kind = kind
        self.key = key
        self._request: Request | None = request
        self.place = place
        self.reliable = reliable
        self.state = FIRST[kind]
        self.again = self.ends = self.noted = NEVER
        self._clocks: Clocks | None = None
        self._fired = 0
        self._last: bytes | None = None

    @property
    def request(self) -> Request:
        """
        The request that began it.

        :raises ValueError: when it has its final answer: thousands that only wait for repetitions are not to keep theirs.
        """
        if self._request is None:
            raise ValueError("the request of a transaction that is completed is not kept")
        return self._request

    @property
    def earliest(self) -> int:
        """When its next timer fires; NEVER: none runs."""
        return self.again if self.again < self.ends else self.ends

    @property
    def over(self) -> bool:
        """Nothing happens any more."""
        return self.state is State.TERMINATED

    def begin(self, now: int) -> list[Output]:
        """Start the timers of the first state; a client sends its request, a server has one for its user."""
        self._enter(self.state, now)
        if self.kind is not Kind.CLIENT:
            return [Deliver(self, self.request)]
        self._last = to_octets(self.request)
        return [Send(self, self._last)]

    def happens(self, event: Event | Timer, now: int, message: Message | None = None) -> list[Output]:
        """
        Go the way of the table's row, if there is one.

        :param message: what was received, or what the user sends.
        """
        row = ROWS[self.kind].get((self.state, event))
        if isinstance(event, Timer):
            self._stopped(event)
        if row is None:
            return []
        state, acts = row
        outputs = [output for act in acts if (output := self._done(act, message)) is not None]
        return outputs + self._enter(state, now)

    def answers(self, response: Response, now: int) -> list[Output]:
        """The user of a server answers."""
        return self.happens(event_of(response), now, response)

    def leave(self) -> None:
        """End it at once, whatever it waits for; nothing is kept."""
        self.state, self.again, self.ends = State.TERMINATED, NEVER, NEVER
        self._request = self._last = None

    def due(self, now: int) -> list[Output]:
        """Fire the timers whose time has come, the earliest first."""
        outputs: list[Output] = []
        while self._clocks is not None and (when := self.earliest) <= now:
            timer = self._clocks.again if self.again <= self.ends else self._clocks.end
            outputs += self.happens(timer, when) if timer is not None else []
        return outputs

    def _stopped(self, timer: Timer) -> None:
        """A timer has fired."""
        running = self._clocks
        if running is not None and timer is running.again:
            self.again = NEVER
            self._fired += timer in GROWING
        elif running is not None and timer is running.end:
            self.ends = NEVER

    def _enter(self, state: State, now: int) -> list[Output]:
        """Come to a state: a timer that it has in common with the one before goes on, its others start."""
        self.state = state
        if state is State.COMPLETED:
            self._request = None
            if self.kind is Kind.CLIENT:
                self._last = None  # it is sent no more
        before, running = self._clocks, clocks(self.kind, state, self.reliable)
        self._clocks = running
        if self.again == NEVER or before is None or running.again is not before.again:
            length = running.first
            if self._fired and running.again in GROWING:
                length = lasts(running.again, state, self.reliable, self._fired)
            self.again = NEVER if length is None else now + length
        if self.ends == NEVER or before is None or running.end is not before.end:
            self.ends = NEVER if running.length is None else now + running.length
            if running.length == 0 and running.end is not None:
                return self.happens(running.end, now)
        return []

    def _done(self, act: Act, message: Message | None) -> Output | None:
        match act:
            case Act.SEND if message is not None:
                self._last = to_octets(message)
                return Send(self, self._last)
            case Act.HURRY:
                self._last = to_octets(answer(self.request, 100))
                return Send(self, self._last)
            case Act.RESEND if self._last is not None:
                return Send(self, self._last)
            case Act.PASS if message is not None:
                return Deliver(self, message)
            case Act.TIMEOUT:
                return Failed(self, Trouble.TIMEOUT)
            case Act.FAILED:
                return Failed(self, Trouble.TRANSPORT)
        return None


def event_of(response: Response) -> Event:
    """What a response is to a transaction."""
    if response.status < 200:
        return Event.PROVISIONAL
    return Event.SUCCESS if response.status < 300 else Event.FAILURE
