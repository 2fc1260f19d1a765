"""What a node wants done, as values: its methods return them in the order in which they are to be done."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from portaswitch.wire.diameter.faults import Fault
from portaswitch.wire.diameter.message import Message

#: What the caller calls a connection.
Connection = Hashable


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection to this peer, and say :meth:`.Node.connected` or :meth:`.Node.failed`."""

    peer: str


@dataclass(frozen=True, slots=True)
class Send:
    """Write octets to a connection."""

    connection: Connection
    octets: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection once what was sent is written; the node has forgotten it."""

    connection: Connection
    reason: str


@dataclass(frozen=True, slots=True)
class Up:
    """
    Messages may flow.

    :ivar capabilities: the peer's CER or CEA.
    :ivar restarted: its Origin-State-Id is higher than before: its sessions have died (RFC 6733 8.16).
    """

    peer: str
    capabilities: Message
    restarted: bool


@dataclass(frozen=True, slots=True)
class Restarted:
    """A connected peer's Origin-State-Id has risen to `state`: its sessions have died (RFC 6733 8.16)."""

    peer: str
    state: int


@dataclass(frozen=True, slots=True)
class Down:
    """
    No more messages; requests of ours that were not answered are given back as :class:`Unanswered` before.
    """

    peer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """A sound request of an application, to be answered with :meth:`.Node.answer`."""

    peer: str
    connection: Connection
    message: Message


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request of ours; look at its fault."""

    peer: str
    context: object
    message: Message


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request of ours whose connection is gone."""

    peer: str
    context: object


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A message that the node dealt with itself, for the counters: answered with the fault's Result-Code, or
    dropped when it was an answer.
    """

    peer: str | None
    connection: Connection
    fault: Fault


Output = Connect | Send | Close | Up | Restarted | Down | Deliver | Answered | Unanswered | Refused
