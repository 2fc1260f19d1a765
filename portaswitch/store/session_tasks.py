"""
Session tasks on PostgreSQL: asked for in the transaction that wants them, claimed as a lease, settled (DESIGN.md 5.7).

No row lock is held while a node is asked: a lease is a time in the row (`locked_until`). A process that dies with leases loses them by time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.interfaces.tasks import ITasks
from portaswitch.model.session_task import Claim, Outcome, SessionTask, Settled, TaskKind, Wish
from portaswitch.store.pages import removal, remove
from portaswitch.store.pool import Pool

#: The kinds of each wire; copies of accounting are claimed by themselves, as they are paced otherwise.
RADIUS, DIAMETER = frozenset((TaskKind.COA, TaskKind.POD)), frozenset((TaskKind.RAR, TaskKind.ASR))
COPIES = frozenset((TaskKind.COPY,))
#: Nodes with pending tasks by steps through the index, in any order, so that the limit of a pass starves none; of each its due tasks up to its room, those of
#: each kind and lane by the index of what waits: what is not due is not looked at. A copy goes behind the older ones of its session, which it needs not live.
CLAIM = """
with recursive waiting (i_node) as (
    (select i_node from session_tasks where status = 'pending' order by i_node limit 1)
    union all
    select (select t.i_node from session_tasks t where t.status = 'pending' and t.i_node > w.i_node order by t.i_node limit 1)
    from waiting w where w.i_node is not null
), spread as materialized (
    select i_node from waiting where i_node is not null order by random()
), due as (
    select d.i_task from spread w
    left join unnest(%(nodes)s::bigint[], %(rooms)s::int[]) r (i_node, room) using (i_node)
    cross join lateral (
        select o.i_task from unnest(%(kinds)s::text[]) k (kind) cross join (values (0), (1)) l (lane) cross join lateral (
            select t.i_task, t.next_try from session_tasks t
            where t.status = 'pending' and t.i_node = w.i_node and t.kind = k.kind and t.lane = l.lane
              and t.next_try <= now() and (t.locked_until is null or t.locked_until <= now())
              and (t.kind <> 'copy' or not exists (select from session_tasks e where e.session_key = t.session_key and e.status = 'pending' and e.kind = 'copy'
                   and e.i_task < t.i_task))
            order by t.next_try limit coalesce(r.room, %(room)s) for update skip locked) o
        order by l.lane, o.next_try, o.i_task limit coalesce(r.room, %(room)s)) d
    limit %(limit)s
), seen as (
    select t.i_task, s.opened, s.state, s.cli, s.cld, s.service,
           case when s.session_key is null and t.kind <> 'copy' then 'done' when t.expires <= now() then 'expired' else 'pending' end as status
    from due join session_tasks t using (i_task) left join sessions s on s.session_key = t.session_key and s.i_env = t.i_env
)
update session_tasks t
set status = seen.status, worker = %(worker)s, locked_until = now() + make_interval(secs => %(lease)s),
    attempts = case when seen.status = 'pending' and t.attempts < 32767 then t.attempts + 1 else t.attempts end,
    finished = case when seen.status <> 'pending' then now() end,
    last_error = case seen.status when 'done' then 'the session was over' else t.last_error end
from seen where t.i_task = seen.i_task
returning t.i_task, t.lane, t.kind, t.i_env, t.i_node, t.session_key, t.arguments, t.attempts, seen.status, seen.opened, seen.state, seen.cli, seen.cld,
    seen.service
"""
#: A re-authorization that was wanted once more while it was under way (its next_try is behind the claim, statements_parties), and whose session has not got
#: anything since: the client may have asked before there was more.
_MISSED = """(o.outcome = 'done' and t.kind = 'rar' and coalesce(t.next_try > t.locked_until - make_interval(secs => %(lease)s), false)
    and exists (select from sessions s where s.session_key = t.session_key and s.final))"""
#: Done is done whoever holds the lease; all else counts only for the attempt that it is of.
SETTLE = f"""
update session_tasks t
set status = case when o.outcome = 'again' or {_MISSED} then 'pending' else o.outcome end,
    finished = case when o.outcome <> 'again' and not {_MISSED} then now() end,
    next_try = case o.outcome when 'again' then least(now() + make_interval(secs => o.delay), t.expires) else t.next_try end,
    locked_until = null, worker = null, last_error = nullif(o.note, '')
from unnest(%(tasks)s::bigint[], %(attempts)s::int[], %(outcomes)s::text[], %(notes)s::text[], %(delays)s::int[])
     o (i_task, attempts, outcome, note, delay)
where t.i_task = o.i_task and t.status = 'pending' and (o.outcome = 'done' or (t.attempts = o.attempts and t.worker = %(worker)s))
"""
#: The same wish twice is one task (index session_tasks_once).
WISH = """
insert into session_tasks (i_env, kind, i_node, session_key, i_account, arguments, lane, expires)
select * from unnest(%s::int[], %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::jsonb[], %s::smallint[], %s::timestamptz[])
on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar') do nothing
"""
#: Copies that were taken are many, and nobody asks for them for long.
PURGE = removal(
    "session_tasks",
    "t.finished < now() - interval '2 days' and (t.finished < now() - make_interval(days => %s) or (t.kind = 'copy' and t.status = 'done'))",
    "t.finished",
)
#: Of a kind that no process claims any more.
ABANDONED = removal("session_tasks", "t.status = 'pending' and t.expires < now() - make_interval(days => %s)", "t.i_node")


class Executes(Protocol):
    """A pool, or the cursor of an open transaction."""

    def execute(self, sql: str, params: Any = ()) -> Deferred[None]:
        """Run a statement for its effect."""


def wish(into: Executes, wishes: Sequence[Wish]) -> Deferred[None]:
    """Ask for tasks in the transaction of `into`; a disconnect or re-authorization that is pending already is not asked for twice."""
    columns = [
        [one.i_env for one in wishes], [one.kind.value for one in wishes], [one.i_node for one in wishes], [one.session_key for one in wishes],
        [one.i_account for one in wishes], [json.dumps(dict(one.arguments)) for one in wishes], [one.lane for one in wishes],
        [one.expires for one in wishes],
    ]  # fmt: skip
    return into.execute(WISH, columns)


async def purge(pool: Pool, days: int, rest: Rest = at_once) -> None:
    """Forget tasks that were finished so many days ago, or expired with nobody to claim them; copies that were taken after two."""
    for statement in (PURGE, ABANDONED):
        await remove(pool, statement, (days,), rest)


@implementer(ITasks)
class SessionTasks:
    """
    Implements `ITasks`. `worker` names this process among those that share the table; `lease` is in seconds, longer than a request may take; `kinds` are those
    that are claimed.
    """

    def __init__(self, pool: Pool, worker: str, lease: float, kinds: frozenset[TaskKind] = RADIUS) -> None:
        self._pool, self._worker, self._lease, self._kinds = pool, worker, lease, sorted(kind.value for kind in kinds)

    def claim(self, rooms: Mapping[int, int], room: int, limit: int) -> Deferred[Claim]:
        """See `ITasks.claim`."""
        values = {
            "nodes": list(rooms), "rooms": list(rooms.values()), "room": room, "limit": limit, "worker": self._worker, "lease": self._lease,
            "kinds": self._kinds,
        }  # fmt: skip
        return self._pool.query(CLAIM, values).addCallback(_claim)

    def settle(self, settled: Sequence[Settled]) -> Deferred[None]:
        """See `ITasks.settle`."""
        values = {
            "tasks": [one.task.i_task for one in settled], "attempts": [one.task.attempts for one in settled],
            "outcomes": [one.outcome.value for one in settled], "notes": [one.note.replace("\0", "") for one in settled],
            "delays": [one.delay for one in settled], "worker": self._worker, "lease": self._lease,
        }  # fmt: skip
        return self._pool.execute(SETTLE, values)


def _claim(rows: list[tuple[Any, ...]]) -> Claim:
    """Order is lane, then age: an update gives its rows in any order."""
    tasks: list[SessionTask] = []
    ended: dict[str, dict[TaskKind, int]] = {Outcome.DONE.value: {}, "expired": {}}
    for i_task, _, kind, i_env, i_node, key, arguments, attempts, status, *session in sorted(rows, key=lambda row: (row[1], row[0])):
        if status == "pending":
            facts = arguments["facts"] if kind == TaskKind.COPY else _facts(*session)
            tasks.append(SessionTask(i_task, TaskKind(kind), i_env, i_node, key, arguments, attempts, facts))
        else:
            counts = ended[status]
            counts[TaskKind(kind)] = counts.get(TaskKind(kind), 0) + 1
    return Claim(tuple(tasks), ended[Outcome.DONE.value], ended["expired"])


def _facts(opened: str, state: str, cli: str, cld: str, service: str) -> dict[str, str]:
    """The facts of a session's row, by their names in profiles (`endpoints.profiles.FACTS`); documents.opened_text wrote `opened`, state_text `state`."""
    document = json.loads(opened)
    return {
        **document.get("k", {}), **json.loads(state).get("br", {}),
        "session": document.get("s", ""), "account": document.get("a", ""), "user": document.get("us", ""),
        "calling": cli, "called": cld, "service": service,
    }  # fmt: skip
