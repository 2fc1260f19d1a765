"""What waits for a batch and what flies in one: the words of `billing.batch`."""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from portaswitch.model.ledger import Change, Member
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Decision, Kind

#: Whom a request waits behind: its account's number, or the name under which it is looked for.
Lane = int | tuple[int, str]


@dataclass(slots=True)
class Waiting:
    """A request in the queue; `since` in seconds of the clock. From its first flight to its answer nothing else of its session (or key) may fly."""

    request: AAARequest
    session_key: str
    #: What no two members in flight may share: the session, of a one-shot the key; '' for what only reads.
    alone: str
    since: float
    done: Deferred[Decision]
    tries: int = 0
    withdrawn: bool = False
    #: The refusal that was decided, with the failed attempt that is to be kept before it is told.
    note: Change | None = None


@dataclass(slots=True)
class Aboard:
    """A member on its way: the account it was looked up by (0: by name or session), and the change that was decided, if any."""

    waiting: Waiting
    i_account: int
    change: Change | None


@dataclass(slots=True)
class Flight:
    """One batch: its members, and the money and sessions as they will be when it is applied."""

    members: list[Member] = field(default_factory=list)
    aboard: list[Aboard] = field(default_factory=list)
    funds: dict[int, Funds] = field(default_factory=dict)
    customer_funds: dict[int, Funds] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)


def only_reads(request: AAARequest) -> bool:
    """An authentication that names no session: whatever is decided, nothing changes, so it is decided once, on the money as it is."""
    return request.kind is Kind.AUTH and not request.units and not request.login and request.number is None
