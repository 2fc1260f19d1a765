"""
Session tasks as an administrator's commands see them: those of a session, a disconnect that is wanted, a session that has to end in our books.

Every look-up names its environment (DESIGN.md 3.11).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portaswitch.model.actor import Actor
from portaswitch.model.session_task import TaskKind, Wish
from portaswitch.store.audit_trail import note
from portaswitch.store.pool import Pool
from portaswitch.store.session_tasks import wish
from portaswitch.store.transaction import Cursor


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as a list shows it. `note`: what the node answered last, or what is in the way; None: nothing to say (a plain acknowledgement)."""

    i_task: int
    kind: str
    status: str
    attempts: int
    note: str | None
    created: datetime
    next_try: datetime
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """A live session's node: its name, and the kind of task that ends the session; None where it can be told nothing."""

    i_node: int
    node: str
    i_account: int
    kind: TaskKind | None


#: Of a copy also what it says: copy start, copy stop.
KIND = "case t.kind when 'copy' then 'copy ' || lower(t.arguments ->> 'status') else t.kind end"
_LINE = f"select i_task, {KIND}, status, attempts, last_error, created, next_try, finished from session_tasks t where i_env = %s and "
_OF_SESSION = "session_key = %s order by i_task desc limit 20"
_REACH = (
    "select s.i_node, coalesce(n.name, s.i_node::text), s.i_account, case when n.coa_address is not null then 'pod' "
    "when coalesce(n.origin_host, n.origin_realm) is not null then 'asr' end from sessions s left join nodes n using (i_node) "
    "where s.i_env = %s and s.session_key = %s"
)
_PENDING = "select i_task from session_tasks where i_env = %s and session_key = %s and kind in ('pod', 'asr') and status = 'pending'"
#: Before an operator's eyes nothing else goes: a task that waits for its next try gets it now.
_NOW = "update session_tasks set next_try = now(), lane = 0 where i_task = %s and status = 'pending'"
#: The version makes whoever remembers the session read it again; the seconds are for a server whose clock is behind the database's.
_EXPIRE = "update sessions set expires = now() - interval '10 seconds', version = version + 1 where i_env = %s and session_key = %s returning 1"


async def tasks_of(pool: Pool, i_env: int, session_key: str) -> list[TaskLine]:
    """The newest tasks of a session, at most 20, the newest first."""
    return [TaskLine(*row) for row in await pool.query(_LINE + _OF_SESSION, (i_env, session_key))]


async def task(pool: Pool, i_env: int, i_task: int) -> TaskLine | None:
    """One task, or None."""
    rows = await pool.query(_LINE + "i_task = %s", (i_env, i_task))
    return TaskLine(*rows[0]) if rows else None


async def reach(pool: Pool, i_env: int, session_key: str) -> Reach | None:
    """Where a live session is; None when it is not live."""
    rows = await pool.query(_REACH, (i_env, session_key))
    if not rows:
        return None
    i_node, node, i_account, kind = rows[0]
    return Reach(i_node, node, i_account, TaskKind(kind) if kind else None)


async def want_disconnect(pool: Pool, actor: Actor, session_key: str, at: Reach, kind: TaskKind) -> int:
    """Ask for a disconnect, or find the one that is pending; gives its i_task. Audited as the actor's."""
    i_env = actor.i_env

    async def body(cursor: Cursor) -> int:
        while True:
            await wish(cursor, [Wish(kind, i_env, at.i_node, session_key, at.i_account, lane=0)])
            rows: list[tuple[Any, ...]] = await cursor.query(_PENDING, (i_env, session_key))
            if rows:  # else the pending one was settled between the two statements
                await cursor.execute(_NOW, (rows[0][0],))
                await note(cursor, actor, "session.disconnect", f"session:{session_key}", None, {"node": at.node, "i_task": rows[0][0]})
                return int(rows[0][0])

    return await pool.transaction(body)


async def expire(pool: Pool, actor: Actor, session_key: str) -> bool:
    """Let the expiry of a live session have passed, so that the sweeper of the running server ends it; False when it is not live. Audited as the actor's."""

    async def body(cursor: Cursor) -> bool:
        if not await cursor.query(_EXPIRE, (actor.i_env, session_key)):
            return False
        await note(cursor, actor, "session.expire", f"session:{session_key}", None, {"forced": True})
        return True

    return await pool.transaction(body)
