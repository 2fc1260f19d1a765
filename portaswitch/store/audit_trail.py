"""
Lines of the audit: who changed what, written in the transaction of the change where it has one.

They are those of `audit_log`, by day; secrets never come here, whoever calls leaves them out (`model.operation.audited`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from portaswitch.model.actor import Actor
from portaswitch.store.pool import Pool

NOTE: Final = (
    "insert into audit_log (i_env, i_user, actor, operation, entity, before, after, request_id) "
    "values (%(i_env)s, %(user)s, %(actor)s, %(operation)s, %(entity)s, %(before)s, %(after)s, %(request)s)"
)

Values = Mapping[str, Any]


class Executes(Protocol):
    """The cursor of an open transaction."""

    def execute(self, sql: str, params: Any = ()) -> Deferred[None]:
        """Run a statement for its effect."""


def note(into: Executes, actor: Actor, operation: str, entity: str, before: Values | None, after: Values | None) -> Deferred[None]:
    """A line in the transaction of `into`; of a change (`before` and `after`) only what differs."""
    return into.execute(NOTE, line(actor, operation, entity, before, after))


def record(pool: Pool, actor: Actor, operation: str, entity: str, after: Values) -> Deferred[None]:
    """A line about what has happened outside of any transaction: a backup, a file that was written again."""
    return pool.transaction(lambda cursor: note(cursor, actor, operation, entity, None, after))


def line(actor: Actor, operation: str, entity: str, before: Values | None, after: Values | None) -> dict[str, Any]:
    """The parameters of `NOTE`."""
    was, now = difference(before, after)
    return {
        "i_env": actor.i_env, "user": actor.i_user, "actor": actor.name, "operation": operation, "entity": entity, "before": was, "after": now,
        "request": actor.request_id,
    }  # fmt: skip


def difference(before: Values | None, after: Values | None) -> tuple[str | None, str | None]:
    """Of a change only what differs, of an addition or removal all; as JSON."""
    if before is None or after is None:
        return None if before is None else document(before), None if after is None else document(after)
    changed = [name for name in after if before.get(name) != after[name]]
    return document({name: before.get(name) for name in changed}), document({name: after[name] for name in changed})


def document(value: Any) -> str:
    """JSON in which amounts are strings of digits, and times ISO 8601."""
    return json.dumps(value, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
