"""
State-based handlers: whether anything is to be said, what the record is before and after, and what a handler may know (DESIGN.md 5.5).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from portaswitch.handler import Condition, Event, Record, State, Subscriber

#: Events of both directions of each condition; one set of them must be subscribed, else the handler is not shown the condition.
DIRECTIONS: Final[Mapping[Condition, tuple[frozenset[str], ...]]] = {
    Condition.BLOCKED: (frozenset({"account/blocked", "account/unblocked"}),),
    Condition.SUSPENDED: (frozenset({"account/status/suspend", "account/status/unsuspend"}), frozenset({"account/status/changed"})),
    Condition.NO_FUNDS: (frozenset({"account/zeroavailablefunds", "account/availablefundsappear"}),),
    Condition.QUOTA_EXCEEDED: (frozenset({"account/service/quotaexceeded", "account/service/quotaavailable"}),),
    Condition.CLOSED: (frozenset({"account/status/closed"}), frozenset({"account/status/changed"})),
}


def in_snapshot(event: Event) -> bool:
    """Whether the snapshot of an account says all that the event does: not of what an outside system reports, nor of an owner of accounts."""
    return bool(event.i_account) and not event.type.startswith("Custom/")


def shown(subscriber: Subscriber, subscribed: Collection[str]) -> Subscriber:
    """The subscriber with those conditions only whose both directions the handler hears of."""
    heard = {name.lower() for name in subscribed}
    known = {condition for condition, sets in DIRECTIONS.items() if any(one <= heard for one in sets)}
    return subscriber if subscriber.conditions <= known else replace(subscriber, conditions=subscriber.conditions & known)


def digest(state: State) -> bytes:
    """What is confirmed of a state: a hash of its keys and values. Errors: TypeError, ValueError where they are no JSON."""
    document = {"keys": {name: list(values) for name, values in state.keys.items()}, "values": dict(state.values)}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).digest()


def underway(record: Record, wanted: State | None) -> Record:
    """
    The record while the vendor is asked: it may know the old keys, the new ones, or both, and in which state is open. Written before the first request, so that
    a process that dies then leaves no key behind of which nobody knows.
    """
    keys = dict(record.keys)
    for name, values in ({} if wanted is None else wanted.keys).items():
        keys[name] = tuple(dict.fromkeys((*keys.get(name, ()), *values)))
    return Record(record.remote_id, keys, None)


def confirmed(wanted: State | None, remote_id: str) -> Record:
    """The record after success."""
    return Record() if wanted is None else Record(remote_id, {name: tuple(values) for name, values in wanted.keys.items()}, digest(wanted))
