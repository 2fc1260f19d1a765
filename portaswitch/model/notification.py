"""
A notification: one event on its way to one event handler, and what became of it (DESIGN.md 5.2 to 5.5).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from portaswitch.model.effect import Effect
from portaswitch.model.event import Event
from portaswitch.model.subscriber import Record
from portaswitch.model.value import dataclass


class Verdict(StrEnum):
    """What becomes of a notification. The words but `retry` are those of the tables event_notifications and event_history."""

    DONE = "done"
    RETRY = "retry"  # pending still: at a later time
    PARKED = "parked"  # an operator decides; it holds up nobody
    DROPPED = "dropped"  # the receiver does not want it, for good
    SUPERSEDED = "superseded"  # a newer event of the entity brought the vendor to the same state


@dataclass(frozen=True, slots=True)
class Notification:
    """
    A claimed notification. `attempts` counts this one. `known` are events of the entity that the handler had not been told of when this one was claimed, where
    that was asked for: the snapshot, which is read later, knows of all of them. Numbers are given before the commit, so that one with a lower number may come
    later than these. `progress` of a fan-out: the last account that was told, 0 at its beginning.
    """

    i_notification: int
    i_handler: int
    event: Event
    attempts: int = 1
    lane: int = 1
    external_key: str = ""
    known: tuple[int, ...] = ()
    progress: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """
    The end of one attempt. `note`: what is in the way ('': nothing to say); `delay` to the next attempt; `counted`: whether it counts against the
    limit of attempts (a target that is known to be down is not asked). `effects` and the new remote `record` (None: as it was) are written in the same
    transaction. `converged`: the vendor has the state of the snapshot, so that the other events of `notification.known` are superseded.
    """

    notification: Notification
    verdict: Verdict
    note: str = ""
    delay: timedelta = timedelta()
    counted: bool = True
    effects: tuple[Effect, ...] = ()
    record: Record | None = None
    converged: bool = False


@dataclass(frozen=True, slots=True)
class HandlerRow:
    """
    A handler instance as the database knows it. `i_env` None: an internal handler, for all environments. `stopped`: why it does not run although it is
    enabled, '' else. `waiting` and `parked` count its notifications; `oldest` is when the oldest waiting one came.
    """

    i_handler: int
    i_env: int | None
    name: str
    class_name: str
    description: str
    enabled: bool
    tier: str = "documented"
    internal: bool = False
    stopped: str = ""
    worker: str = ""
    events: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    waiting: int = 0
    parked: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """
    A handler instance of the configuration file, as it is told to the database. `subscribed` are the events that it gets, and `enabled` whether it runs, when
    the database does not know it yet.
    """

    name: str
    class_name: str
    i_env: int | None
    description: str = ""
    tier: str = "documented"
    api: str = ""
    internal: bool = False
    enabled: bool = False
    subscribed: tuple[str, ...] = ()
