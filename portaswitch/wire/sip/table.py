"""
The transactions of RFC 3261 17 as one table, with what RFC 4320 and RFC 6026 mend: state and event give the next state and what is done.

An event that a state has no row for changes nothing and does nothing: a late provisional response, a timer that lost its race, a second final answer of the
user.
Each timer runs in the states of :data:`TIMERS`; it starts with the first of them and stops when a state without it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Final

from portaswitch.model.value import dataclass


class State(Enum):
    """States; which of them a kind of transaction has is told by its rows."""

    __hash__ = object.__hash__  # members are one of a kind; Enum's own hash is a call of Python at each look into the tables

    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Event(Enum):
    """What happens, but for timers. A client receives responses, a server sends them for its user."""

    __hash__ = object.__hash__  # members are one of a kind; Enum's own hash is a call of Python at each look into the tables

    REQUEST = "the request again"
    ACK = "ACK"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300 to 699"
    ERROR = "the transport fails"


class Timer(Enum):
    """RFC 3261 table 4, RFC 6026 8.6; ACKS is Timer I. TRYING and LATE are RFC 4320's, without letters."""

    __hash__ = object.__hash__  # members are one of a kind; Enum's own hash is a call of Python at each look into the tables

    E = "request again"
    F = "no answer"
    G = "response again"
    H = "no ACK"
    ACKS = "I: ACKs again"
    J = "requests again"
    K = "responses again"
    L = "2xx and ACKs again"
    TRYING = "100 is due"
    LATE = "the client has given up"


class Act(Enum):
    """What is done: `SEND` the message at hand, `RESEND` the last one, `PASS` it to the user, tell the user of `TIMEOUT` or `FAILED`, `HURRY`: send a 100."""

    SEND = "send"
    RESEND = "resend"
    PASS = "pass"
    TIMEOUT = "timeout"
    FAILED = "failed"
    HURRY = "hurry"


class Kind(Enum):
    """The machines. A client's INVITE has none here: this server calls nobody."""

    __hash__ = object.__hash__  # members are one of a kind; Enum's own hash is a call of Python at each look into the tables

    CLIENT = "non-INVITE client"
    SERVER = "non-INVITE server"
    INVITE_SERVER = "INVITE server"


Row = tuple[State, tuple[Act, ...]]
_TRYING, _PROCEEDING, _COMPLETED = State.TRYING, State.PROCEEDING, State.COMPLETED
_CONFIRMED, _ACCEPTED, _TERMINATED = State.CONFIRMED, State.ACCEPTED, State.TERMINATED

#: The first state of each kind. What a client sends first is sent on entering it.
FIRST: Final[Mapping[Kind, State]] = {Kind.CLIENT: _TRYING, Kind.SERVER: _TRYING, Kind.INVITE_SERVER: _PROCEEDING}

#: The timers that run in a state. A timer that two states in a row have goes on.
TIMERS: Final[Mapping[tuple[Kind, State], tuple[Timer, ...]]] = {
    (Kind.CLIENT, _TRYING): (Timer.E, Timer.F),
    (Kind.CLIENT, _PROCEEDING): (Timer.E, Timer.F),
    (Kind.CLIENT, _COMPLETED): (Timer.K,),
    (Kind.SERVER, _TRYING): (Timer.TRYING, Timer.LATE),
    (Kind.SERVER, _PROCEEDING): (Timer.LATE,),
    (Kind.SERVER, _COMPLETED): (Timer.J,),
    (Kind.INVITE_SERVER, _COMPLETED): (Timer.G, Timer.H),
    (Kind.INVITE_SERVER, _CONFIRMED): (Timer.ACKS,),
    (Kind.INVITE_SERVER, _ACCEPTED): (Timer.L,),
}

_CLIENT: Final[Mapping[tuple[State, Event | Timer], Row]] = {
    # 17.1.2.2, figure 6: "If timer E fires ... the request is passed to the transport layer again."
    (_TRYING, Timer.E): (_TRYING, (Act.RESEND,)),
    # "If Timer F fires while the client transaction is still in the Trying state, the TU is informed of the timeout, and [it] enters Terminated."
    (_TRYING, Timer.F): (_TERMINATED, (Act.TIMEOUT,)),
    # "If a provisional response is received in Trying, the response is passed to the TU and [it] moves to Proceeding."
    (_TRYING, Event.PROVISIONAL): (_PROCEEDING, (Act.PASS,)),
    # "If a final response (status codes 200-699) is received in Trying, it is passed to the TU and [it] transitions to Completed."
    (_TRYING, Event.SUCCESS): (_COMPLETED, (Act.PASS,)),
    (_TRYING, Event.FAILURE): (_COMPLETED, (Act.PASS,)),
    # 17.1.4: "the client transaction informs the TU that a transport error has occurred and transitions to Terminated."
    (_TRYING, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    # "If Timer E fires while in Proceeding, the request is retransmitted, and Timer E reset with T2."
    (_PROCEEDING, Timer.E): (_PROCEEDING, (Act.RESEND,)),
    (_PROCEEDING, Timer.F): (_TERMINATED, (Act.TIMEOUT,)),
    (_PROCEEDING, Event.PROVISIONAL): (_PROCEEDING, (Act.PASS,)),
    (_PROCEEDING, Event.SUCCESS): (_COMPLETED, (Act.PASS,)),
    (_PROCEEDING, Event.FAILURE): (_COMPLETED, (Act.PASS,)),
    (_PROCEEDING, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    # "The Completed state exists to buffer additional response retransmissions": they have no row. "If Timer K fires ... Terminated."
    (_COMPLETED, Timer.K): (_TERMINATED, ()),
}

_SERVER: Final[Mapping[tuple[State, Event | Timer], Row]] = {
    # 17.2.2, figure 8: "Once in Trying, any further request retransmissions are discarded": no row. "If the TU passes a provisional response ... Proceeding."
    (_TRYING, Event.PROVISIONAL): (_PROCEEDING, (Act.SEND,)),
    # "If the TU passes a final response while in Trying, [it] enters Completed, and the response is sent."
    (_TRYING, Event.SUCCESS): (_COMPLETED, (Act.SEND,)),
    (_TRYING, Event.FAILURE): (_COMPLETED, (Act.SEND,)),
    # RFC 4320 4.1: no 100 before the client's Timer E has grown to T2; then there must be one.
    (_TRYING, Timer.TRYING): (_PROCEEDING, (Act.HURRY,)),
    # RFC 4320 4.2: "MUST NOT send 408 to a non-INVITE"; "an element that can not respond before the transaction expires will not send a final response at all".
    (_TRYING, Timer.LATE): (_TERMINATED, ()),
    (_PROCEEDING, Timer.LATE): (_TERMINATED, ()),
    # "If a retransmission of the request is received while in Proceeding, the most recently sent provisional response MUST be [re]transmitted."
    (_PROCEEDING, Event.REQUEST): (_PROCEEDING, (Act.RESEND,)),
    (_PROCEEDING, Event.PROVISIONAL): (_PROCEEDING, (Act.SEND,)),
    (_PROCEEDING, Event.SUCCESS): (_COMPLETED, (Act.SEND,)),
    (_PROCEEDING, Event.FAILURE): (_COMPLETED, (Act.SEND,)),
    # 17.2.4: the user is told, and the transaction terminates.
    (_PROCEEDING, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    # "While in Completed, the server transaction MUST pass the final response to the transport layer whenever a retransmission of the request is received."
    (_COMPLETED, Event.REQUEST): (_COMPLETED, (Act.RESEND,)),
    # "Any other final responses passed by the TU MUST be discarded while in Completed": no row.
    (_COMPLETED, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    (_COMPLETED, Timer.J): (_TERMINATED, ()),
}

_INVITE_SERVER: Final[Mapping[tuple[State, Event | Timer], Row]] = {
    # 17.2.1, figure 7, as RFC 6026 figure 5 has it: "any number of provisional responses".
    (_PROCEEDING, Event.PROVISIONAL): (_PROCEEDING, (Act.SEND,)),
    (_PROCEEDING, Event.REQUEST): (_PROCEEDING, (Act.RESEND,)),
    # RFC 6026 7.1: a 2xx leads to Accepted, no longer to Terminated, so that the INVITE sent again is not a new call.
    (_PROCEEDING, Event.SUCCESS): (_ACCEPTED, (Act.SEND,)),
    (_PROCEEDING, Event.FAILURE): (_COMPLETED, (Act.SEND,)),
    (_PROCEEDING, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    # "If timer G fires, the response is passed to the transport layer once more"; "when a retransmission of the request is received, ... the response".
    (_COMPLETED, Timer.G): (_COMPLETED, (Act.RESEND,)),
    (_COMPLETED, Event.REQUEST): (_COMPLETED, (Act.RESEND,)),
    # "If an ACK is received while in Completed, [it] MUST transition to Confirmed", where G stops.
    (_COMPLETED, Event.ACK): (_CONFIRMED, ()),
    # "If timer H fires while in Completed, it implies that the ACK was never received": the user is told.
    (_COMPLETED, Timer.H): (_TERMINATED, (Act.TIMEOUT,)),
    (_COMPLETED, Event.ERROR): (_TERMINATED, (Act.FAILED,)),
    # "The purpose of Confirmed is to absorb any additional ACK messages": no row.
    (_CONFIRMED, Timer.ACKS): (_TERMINATED, ()),
    # RFC 6026 7.1: the INVITE again is absorbed (no row), ACKs and further 2xx pass, a transport error is told and leaves the state.
    (_ACCEPTED, Event.ACK): (_ACCEPTED, (Act.PASS,)),
    (_ACCEPTED, Event.SUCCESS): (_ACCEPTED, (Act.SEND,)),
    (_ACCEPTED, Event.ERROR): (_ACCEPTED, (Act.FAILED,)),
    (_ACCEPTED, Timer.L): (_TERMINATED, ()),
}

ROWS: Final[Mapping[Kind, Mapping[tuple[State, Event | Timer], Row]]] = {
    Kind.CLIENT: _CLIENT,
    Kind.SERVER: _SERVER,
    Kind.INVITE_SERVER: _INVITE_SERVER,
}

#: RFC 3261 17.1.1.1 and 17.1.2.2, in milliseconds.
T1: Final = 500
T2: Final = 4000
T4: Final = 5000


#: Timers whose length depends on how often they have fired.
GROWING: Final = frozenset((Timer.E, Timer.G))
#: Timers that fire before the one with which their state ends.
BETWEEN: Final = frozenset((*GROWING, Timer.TRYING))


@dataclass(frozen=True, slots=True)
class Clocks:
    """
    The timers of a state: the one that comes again or before its end, with its first length, and the one that ends it, with its length (:func:`lasts`). None:
    it has none.
    """

    again: Timer | None
    first: int | None
    end: Timer | None
    length: int | None


@cache
def clocks(kind: Kind, state: State, reliable: bool) -> Clocks:
    """The timers that run in a state."""
    timers = TIMERS.get((kind, state), ())
    again = next((timer for timer in timers if timer in BETWEEN), None)
    end = next((timer for timer in timers if timer not in BETWEEN), None)
    return Clocks(again, again and lasts(again, state, reliable, 0), end, end and lasts(end, state, reliable, 0))


def lasts(timer: Timer, state: State, reliable: bool, fired: int) -> int | None:
    """
    Milliseconds until a timer fires, 0 for at once, None for never (RFC 3261 table 4).

    :param fired: how often it has fired in this transaction, which doubles E and G up to T2; in Proceeding E is T2 (17.1.2.2).
    """
    match timer:
        case Timer.E | Timer.G:
            growing = T2 if state is State.PROCEEDING else min(T1 << min(fired, 10), T2)
            return None if reliable else growing
        case Timer.ACKS | Timer.K:
            return 0 if reliable else T4
        case Timer.J:
            return 0 if reliable else 64 * T1
        case Timer.TRYING:
            return T2 - T1  # 500 + 1000 + 2000: the sum of E's lengths before T2
        case _:
            return 64 * T1
