"""
What the server itself has to tell a network element about a session (DESIGN.md 5.7): a row of session_tasks as the endpoint gets it, and
what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from portaswitch.model.value import dataclass


class TaskKind(StrEnum):
    """The kinds that RADIUS (RFC 5176, RFC 2866) and Diameter (RFC 8506 5.5, RFC 6733 8.5) carry; `message` is another endpoint's."""

    COA = "coa"  # CoA-Request: the session goes on otherwise
    POD = "pod"  # Disconnect-Request: it ends
    RAR = "rar"  # Re-Auth-Request: it is to be authorized again
    ASR = "asr"  # Abort-Session-Request: it ends
    COPY = "copy"  # Accounting-Request to a collector: an address became a subscriber's, or is no longer


@dataclass(frozen=True, slots=True)
class Wish:
    """
    A task that is wanted. `arguments`: for a CoA what shall change, by the names of the node's profile (`policy`, `speed_down` ...).
    `lane` 0 goes before 1. `expires`: after that it is no longer worth doing; None: never.
    """

    kind: TaskKind
    i_env: int
    i_node: int
    session_key: str
    i_account: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    lane: int = 1
    expires: datetime | None = None


class AddressStatus(StrEnum):
    """Acct-Status-Type of a copy (RFC 2866 5.1)."""

    START = "Start"  # the address is the subscriber's
    STOP = "Stop"  # it is no longer


@dataclass(frozen=True, slots=True)
class AddressCopy:
    """
    What a collector is told of a session's address (a task of kind COPY): `i_node` is the collector, `at` the time of the event (aware UTC), `facts` are
    those of the session then, by the names of `endpoints.profiles.FACTS`, since the session may be over when the copy is sent.
    """

    i_node: int
    status: AddressStatus
    at: datetime
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SessionTask:
    """
    A task that this process has claimed, for the time of its lease. `attempts` counts this one. `facts` are those of its session, by the names
    of `endpoints.profiles.FACTS`; of a COPY those of its time.
    """

    i_task: int
    kind: TaskKind
    i_env: int
    i_node: int
    session_key: str
    arguments: Mapping[str, Any]
    attempts: int
    facts: Mapping[str, str]


class Outcome(StrEnum):
    """What becomes of a task."""

    DONE = "done"
    FAILED = "failed"
    AGAIN = "again"  # pending still: at a later time


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of one attempt. `note`: what the node answered, or what is in the way ('': nothing to say); `delay`: seconds to the next attempt."""

    task: SessionTask
    outcome: Outcome
    note: str = ""
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a pass claims: the tasks to do now, and how many were ended without being sent, by kind: the session is gone, the time is over."""

    tasks: tuple[SessionTask, ...]
    gone: Mapping[TaskKind, int]
    expired: Mapping[TaskKind, int]
