"""
The peer state machine of RFC 6733 5.6 as one table; the comments beside its rows are the RFC's.

Everything that decides which state follows which is in this file. What the actions do is :mod:`.peer`'s. An
event that has no row in a state is none that the RFC allows there: its connection is closed and the state
stays. "I" is the connection that we opened, "R" the one that the peer opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from types import MappingProxyType
from typing import Final


class State(IntEnum):
    """RFC 6733 5.6; of whole numbers, since each message hashes a state and an event."""

    CLOSED = auto()
    WAIT_CONN_ACK = auto()
    WAIT_I_CEA = auto()
    WAIT_CONN_ACK_ELECT = auto()
    WAIT_RETURNS = auto()
    R_OPEN = auto()
    I_OPEN = auto()
    CLOSING = auto()


class Event(IntEnum):
    """RFC 6733 5.6.2, those of Open states said by connection where the RFC says them so."""

    START = auto()
    STOP = auto()
    TIMEOUT = auto()
    R_CONN_CER = auto()
    I_RCV_CONN_ACK = auto()
    I_RCV_CONN_NACK = auto()
    I_RCV_CEA = auto()
    I_RCV_NON_CEA = auto()
    I_PEER_DISC = auto()
    R_PEER_DISC = auto()
    WIN_ELECTION = auto()
    SEND_MESSAGE = auto()
    I_RCV_MESSAGE = auto()
    R_RCV_MESSAGE = auto()
    I_RCV_DWR = auto()
    R_RCV_DWR = auto()
    I_RCV_DWA = auto()
    R_RCV_DWA = auto()
    I_RCV_DPR = auto()
    R_RCV_DPR = auto()
    I_RCV_DPA = auto()
    R_RCV_DPA = auto()


class Action(Enum):
    """RFC 6733 5.6.3; Process-CER is done before R-Conn-CER is said, for a CER that can't be taken is none."""

    I_SND_CONN_REQ = auto()
    I_SND_CER = auto()
    R_ACCEPT = auto()
    R_REJECT = auto()
    R_SND_CEA = auto()
    PROCESS_CEA = auto()
    ELECT = auto()
    CLEANUP = auto()
    ERROR = auto()
    I_DISC = auto()
    R_DISC = auto()
    SND_MESSAGE = auto()
    PROCESS = auto()
    PROCESS_DWR = auto()
    PROCESS_DWA = auto()
    SND_DPR = auto()
    SND_DPA = auto()


_S, _E, _A = State, Event, Action
Row = tuple[tuple[Action, ...], State]


def _open(state: State, receive: Mapping[str, Event], disc: Action) -> dict[tuple[State, Event], Row]:
    """The rows of R-Open and I-Open, which are the same for their connection."""
    return {
        # R-Open        Send-Message     R-Snd-Message    R-Open
        (state, _E.SEND_MESSAGE): ((_A.SND_MESSAGE,), state),
        #               R-Rcv-Message    Process          R-Open
        (state, receive["message"]): ((_A.PROCESS,), state),
        #               R-Rcv-DWR        Process-DWR,     R-Open
        #                                R-Snd-DWA
        (state, receive["DWR"]): ((_A.PROCESS_DWR,), state),
        #               R-Rcv-DWA        Process-DWA      R-Open
        (state, receive["DWA"]): ((_A.PROCESS_DWA,), state),
        #               R-Conn-CER       R-Reject         R-Open
        (state, _E.R_CONN_CER): ((_A.R_REJECT,), state),
        #               Stop             R-Snd-DPR        Closing
        (state, _E.STOP): ((_A.SND_DPR,), _S.CLOSING),
        #               R-Rcv-DPR        R-Snd-DPA        Closing
        (state, receive["DPR"]): ((_A.SND_DPA,), _S.CLOSING),
        #               R-Peer-Disc      R-Disc           Closed
        (state, receive["disc"]): ((disc,), _S.CLOSED),
    }


TABLE: Final[Mapping[tuple[State, Event], Row]] = MappingProxyType(
    {
        # state         event            action           next state
        # Closed        Start            I-Snd-Conn-Req   Wait-Conn-Ack
        (_S.CLOSED, _E.START): ((_A.I_SND_CONN_REQ,), _S.WAIT_CONN_ACK),
        #               R-Conn-CER       R-Accept,        R-Open
        #                                Process-CER,
        #                                R-Snd-CEA
        (_S.CLOSED, _E.R_CONN_CER): ((_A.R_ACCEPT, _A.R_SND_CEA), _S.R_OPEN),
        # Wait-Conn-Ack I-Rcv-Conn-Ack   I-Snd-CER        Wait-I-CEA
        (_S.WAIT_CONN_ACK, _E.I_RCV_CONN_ACK): ((_A.I_SND_CER,), _S.WAIT_I_CEA),
        #               I-Rcv-Conn-Nack  Cleanup          Closed
        (_S.WAIT_CONN_ACK, _E.I_RCV_CONN_NACK): ((_A.CLEANUP,), _S.CLOSED),
        #               R-Conn-CER       R-Accept,        Wait-Conn-Ack/
        #                                Process-CER      Elect
        (_S.WAIT_CONN_ACK, _E.R_CONN_CER): ((_A.R_ACCEPT,), _S.WAIT_CONN_ACK_ELECT),
        #               Timeout          Error            Closed
        (_S.WAIT_CONN_ACK, _E.TIMEOUT): ((_A.ERROR,), _S.CLOSED),
        # Wait-I-CEA    I-Rcv-CEA        Process-CEA      I-Open
        (_S.WAIT_I_CEA, _E.I_RCV_CEA): ((_A.PROCESS_CEA,), _S.I_OPEN),
        #               R-Conn-CER       R-Accept,        Wait-Returns
        #                                Process-CER,
        #                                Elect
        (_S.WAIT_I_CEA, _E.R_CONN_CER): ((_A.R_ACCEPT, _A.ELECT), _S.WAIT_RETURNS),
        #               I-Peer-Disc      I-Disc           Closed
        (_S.WAIT_I_CEA, _E.I_PEER_DISC): ((_A.I_DISC,), _S.CLOSED),
        #               I-Rcv-Non-CEA    Error            Closed
        (_S.WAIT_I_CEA, _E.I_RCV_NON_CEA): ((_A.ERROR,), _S.CLOSED),
        #               Timeout          Error            Closed
        (_S.WAIT_I_CEA, _E.TIMEOUT): ((_A.ERROR,), _S.CLOSED),
        # Wait-Conn-Ack/ I-Rcv-Conn-Ack  I-Snd-CER,Elect  Wait-Returns
        # Elect
        (_S.WAIT_CONN_ACK_ELECT, _E.I_RCV_CONN_ACK): ((_A.I_SND_CER, _A.ELECT), _S.WAIT_RETURNS),
        #               I-Rcv-Conn-Nack  R-Snd-CEA        R-Open
        (_S.WAIT_CONN_ACK_ELECT, _E.I_RCV_CONN_NACK): ((_A.R_SND_CEA,), _S.R_OPEN),
        #               R-Peer-Disc      R-Disc           Wait-Conn-Ack
        (_S.WAIT_CONN_ACK_ELECT, _E.R_PEER_DISC): ((_A.R_DISC,), _S.WAIT_CONN_ACK),
        #               R-Conn-CER       R-Reject         Wait-Conn-Ack/Elect
        (_S.WAIT_CONN_ACK_ELECT, _E.R_CONN_CER): ((_A.R_REJECT,), _S.WAIT_CONN_ACK_ELECT),
        #               Timeout          Error            Closed
        (_S.WAIT_CONN_ACK_ELECT, _E.TIMEOUT): ((_A.ERROR,), _S.CLOSED),
        # Wait-Returns  Win-Election     I-Disc,R-Snd-CEA R-Open
        (_S.WAIT_RETURNS, _E.WIN_ELECTION): ((_A.I_DISC, _A.R_SND_CEA), _S.R_OPEN),
        #               I-Peer-Disc      I-Disc,R-Snd-CEA R-Open
        (_S.WAIT_RETURNS, _E.I_PEER_DISC): ((_A.I_DISC, _A.R_SND_CEA), _S.R_OPEN),
        #               I-Rcv-CEA        R-Disc           I-Open
        (_S.WAIT_RETURNS, _E.I_RCV_CEA): ((_A.R_DISC, _A.PROCESS_CEA), _S.I_OPEN),
        #               R-Peer-Disc      R-Disc           Wait-I-CEA
        (_S.WAIT_RETURNS, _E.R_PEER_DISC): ((_A.R_DISC,), _S.WAIT_I_CEA),
        #               R-Conn-CER       R-Reject         Wait-Returns
        (_S.WAIT_RETURNS, _E.R_CONN_CER): ((_A.R_REJECT,), _S.WAIT_RETURNS),
        #               Timeout          Error            Closed
        (_S.WAIT_RETURNS, _E.TIMEOUT): ((_A.ERROR,), _S.CLOSED),
        **_open(
            _S.R_OPEN,
            {
                "message": _E.R_RCV_MESSAGE,
                "DWR": _E.R_RCV_DWR,
                "DWA": _E.R_RCV_DWA,
                "DPR": _E.R_RCV_DPR,
                "disc": _E.R_PEER_DISC,
            },
            _A.R_DISC,
        ),
        **_open(
            _S.I_OPEN,
            {
                "message": _E.I_RCV_MESSAGE,
                "DWR": _E.I_RCV_DWR,
                "DWA": _E.I_RCV_DWA,
                "DPR": _E.I_RCV_DPR,
                "disc": _E.I_PEER_DISC,
            },
            _A.I_DISC,
        ),
        # Closing       I-Rcv-DPA        I-Disc           Closed
        (_S.CLOSING, _E.I_RCV_DPA): ((_A.I_DISC,), _S.CLOSED),
        #               R-Rcv-DPA        R-Disc           Closed
        (_S.CLOSING, _E.R_RCV_DPA): ((_A.R_DISC,), _S.CLOSED),
        #               Timeout          Error            Closed
        (_S.CLOSING, _E.TIMEOUT): ((_A.ERROR,), _S.CLOSED),
        #               I-Peer-Disc      I-Disc           Closed
        (_S.CLOSING, _E.I_PEER_DISC): ((_A.I_DISC,), _S.CLOSED),
        #               R-Peer-Disc      R-Disc           Closed
        (_S.CLOSING, _E.R_PEER_DISC): ((_A.R_DISC,), _S.CLOSED),
    }
)

#: The states in which messages of applications flow.
OPEN: Final = frozenset({State.R_OPEN, State.I_OPEN})
