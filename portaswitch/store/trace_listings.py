"""
What the database knows of an account, number, SIM, session, NAS or peer, as lines of a trace: sessions with their holds, xDRs, usage set aside, session tasks,
events with their handlers, and changes by operators.

Read only. Every look-up names its environment (DESIGN.md 3.11).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from portaswitch.model.actor import Actor
from portaswitch.store.pool import Pool
from portaswitch.store.realms import of_xdrs, within
from portaswitch.store.task_listings import KIND
from portaswitch.store.work_sql import standing
from portaswitch.trace import masking
from portaswitch.trace.line import TraceLine
from portaswitch.trace.subject import Subject

#: Rows of each kind that are read at most, the newest.
MOST = 2000
#: An event's own time may be before the request that told of it.
EARLIER = timedelta(days=1)

_ACCOUNT = """
select a.i_account, array(select b.id from accounts b where b.i_account = a.i_account or b.i_master_account = a.i_account)
from accounts a where a.i_env = %(i_env)s and a.i_account = (
    select coalesce(i_master_account, i_account) from accounts where i_env = %(i_env)s and id = %(name)s)
"""
_SIM = """
select a.i_account, array(select b.id from accounts b where b.i_account = a.i_account or b.i_master_account = a.i_account)
from sim_cards s join accounts a using (i_account) where s.i_env = %(i_env)s and s.imsi = %(name)s
"""
_NODES = """
select i_node, name from nodes where i_env = %(i_env)s and (name = %(name)s or nas_identifier = %(name)s or host(nas_ip) = %(name)s)
"""
_CARDS = "select name from nodes where i_env = %s and profile = 'ivr'"

#: The columns by which a kind of subject is looked for, in tables that have them under these names.
_BY: Mapping[str, str] = {
    "account": "{t}.i_account = %(i_account)s", "imsi": "{t}.i_account = %(i_account)s",
    "number": "({t}.i_account = %(i_account)s or {t}.cli = %(name)s or {t}.cld = %(name)s or right({t}.cld, length(%(name)s)) = %(name)s)",
    "session": "{session}", "nas": "{node}", "peer": "{node}",
}  # fmt: skip

_SESSIONS = """
select s.session_key, s.i_account, s.status::text, s.service, s.cli, s.cld, s.held, s.expires, s.started, s.updated, {closed}, coalesce(n.name, ''),
       coalesce(q.used, 0), coalesce(q.granted, 0)
from {table} s left join nodes n using (i_node)
left join lateral (
    select sum((k ->> 'u')::bigint)::bigint used, sum((k ->> 'g')::bigint)::bigint granted from json_array_elements(s.state::json -> 'q') k
) q on true
where s.i_env = %(i_env)s and s.updated >= %(since)s and {by} order by s.updated desc limit %(most)s
"""
_XDRS = """
select x.id, x.storage::text, x.failed, x.h323_conf_id, x.i_account, x.cli, x.cld, x.bill_time, x.used_quantity, x.charged_amount, x.history,
       x.disconnect_cause, x.overrun
from xdr x
where x.i_env = %(i_env)s and {seen}
  and ((x.bill_time >= %(earlier)s and {by}) or (x.h323_conf_id = any (%(sessions)s) and %(i_account)s in (0, x.i_account)))
order by x.bill_time desc, x.id desc limit %(most)s
"""
_TASKS = """
select t.i_task, {kind}, t.status, t.attempts, t.last_error, t.created, t.finished, t.session_key, coalesce(t.i_account, 0), coalesce(n.name, '')
from session_tasks t left join nodes n using (i_node)
where t.i_env = %(i_env)s and greatest(t.created, t.finished) >= %(since)s and {by} order by t.i_task desc limit %(most)s
"""
_ORPHANS = """
select i_orphan, received, reason, request from orphans where i_env = %(i_env)s and received >= %(since)s order by i_orphan desc limit %(most)s
"""
#: Handlers that are still to be told, and those that were.
_EVENTS = """
select e.i_event, e.event_type, e.created, e.variables, h.name, n.status, n.attempts, n.last_error, n.next_try, null::timestamptz
from event_queue e left join event_notifications n using (i_event) left join event_handlers h using (i_handler)
where e.entity = any (%(entities)s) and e.created >= %(since)s
union all
select e.i_event, e.event_type, e.created, e.variables, h.name, e.status, e.attempts, e.last_error, null, e.finished
from event_history e left join event_handlers h using (i_handler)
where e.entity = any (%(entities)s) and e.finished >= %(since)s
order by 1 limit %(most)s
"""
_CHANGES = """
select at, actor, operation, entity, before, after from audit_log where i_env = %(i_env)s and entity = any (%(entities)s) and at >= %(since)s
order by at limit %(most)s
"""

_WITHIN = """
select a.i_account, (select max(l.at) from audit_log l where l.entity = 'account:' || a.i_account and l.i_env = a.i_env and l.operation = 'account.move')
from accounts a where a.i_env = %(i_env)s and a.i_account = any (%(accounts)s::bigint[]) and {seen}
"""


async def subject(pool: Pool, i_env: int, kind: str, name: str) -> Subject:
    """What `name` means; a name that the database does not know is still one that logs may have."""
    values = {"i_env": i_env, "name": name}
    cards = frozenset([row[0] for row in await pool.query(_CARDS, (i_env,))])
    if kind in ("nas", "peer"):
        rows = await pool.query(_NODES, values)
        return Subject(kind, i_env, name, frozenset([name, *[row[1] for row in rows]]), 0, tuple([row[0] for row in rows]), cards)
    if kind == "session":
        return Subject(kind, i_env, name, frozenset((name, name.partition("/")[2] or name)), cards=cards)
    rows = await pool.query(_SIM if kind == "imsi" else _ACCOUNT, values)
    more = frozenset([found for row in rows for found in row[1]]) if kind != "number" else frozenset()
    return Subject(kind, i_env, name, frozenset((name,)) | more, rows[0][0] if rows else 0, (), cards)


async def with_sessions(pool: Pool, asked: Subject, since: datetime) -> Subject:
    """The subject with its sessions, by which its accounting is known where that names nobody."""
    if asked.kind in ("nas", "peer", "session"):
        return asked
    found = await _sessions(pool, asked, since, ())
    return replace(asked, sessions=frozenset([(line.node, line.session) for line in found if line.session]))


async def rows(pool: Pool, actor: Actor, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    """
    All lines from `since` on, in no order; xDRs and openings of sessions may have earlier times. `sessions`: ids that logs have, so that an xDR is found
    whatever the clock of its NAS says. The actor sees no others of the xDRs here; of the rest that is asked by their accounts (`within_reach`).
    """
    found = await _xdrs(pool, actor, asked, since, sessions)
    for read in (_sessions, _tasks, _orphans, _events):
        found += await read(pool, asked, since, sessions)
    return found


async def within_reach(pool: Pool, actor: Actor, accounts: Collection[int]) -> dict[int, datetime | None]:
    """Those of the accounts that the actor sees, each with the time when it came to its customer from another one (None: it never did)."""
    sql = _WITHIN.format(seen=within(actor, "a.i_customer", "a.i_account"))
    return dict(await pool.query(sql, {**standing(actor), "accounts": list(accounts)}))


async def resellers_of(pool: Pool, actor: Actor) -> frozenset[int]:
    """The resellers that the actor sees."""
    sql = f"select i_customer from customers c where c.i_env = %(i_env)s and c.i_customer_type <> 1 and {within(actor, 'c.i_customer', 'null')}"
    return frozenset([number for (number,) in await pool.query(sql, standing(actor))])


def _values(asked: Subject, since: datetime, sessions: Sequence[str]) -> dict[str, Any]:
    entities = [f"account:{asked.i_account}"] if asked.i_account else []
    ids = [*sorted(asked.names), *sessions] if asked.kind == "session" else list(sessions)
    return {
        "i_env": asked.i_env, "i_account": asked.i_account, "name": asked.name, "nodes": list(asked.i_nodes), "sessions": ids, "since": since,
        "earlier": since - EARLIER, "most": MOST, "entities": entities,
    }  # fmt: skip


def _by(asked: Subject, table: str, session: str, node: str) -> str:
    return _BY[asked.kind].format(t=table, session=session, node=node)


_KEYED = "({t}.session_key = any (%(sessions)s) or {t}.session_key = any (array(select n.i_node || '/' || x from nodes n, unnest(%(sessions)s::text[]) x)))"


async def _sessions(pool: Pool, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    found: list[TraceLine] = []
    by = _by(asked, "s", _KEYED.format(t="s"), "s.i_node = any (%(nodes)s)")
    for table, closed in (("sessions", "null::timestamptz"), ("sessions_closed", "s.closed")):
        for row in await pool.query(_SESSIONS.format(table=table, closed=closed, by=by), _values(asked, since, sessions)):
            found += _session(asked, since, *row)
    return found


def _session(
    asked: Subject, since: datetime, key: str, i_account: int, status: str, service: str, cli: str, cld: str, held: object, expires: datetime,
    started: datetime, updated: datetime, closed: datetime | None, node: str, used: int, granted: int,
) -> list[TraceLine]:  # fmt: skip
    def line(at: datetime, kind: str, text: str) -> TraceLine:
        return TraceLine(at, kind, text, env=asked.i_env, node=node, account=i_account, session=key.partition("/")[2])

    lines = [line(started, "session", f"opened: {service or 'no service'}, {cli or '-'} to {cld or '-'}")] if started >= since - EARLIER else []
    if closed is not None:
        return [*lines, line(closed, "session", "closed" if status == "c" else "closed provisionally")]
    return [*lines, line(updated, "hold", f"the session holds {held} until {expires:%Y-%m-%d %H:%M:%S}: {used} used, {granted} granted")]


async def _xdrs(pool: Pool, actor: Actor, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    by = _by(asked, "x", "x.h323_conf_id = any (%(sessions)s)", "x.h323_conf_id = any (%(sessions)s)")
    values = {**standing(actor), **_values(asked, since, sessions)}
    found = await pool.query(_XDRS.format(by=by, seen=of_xdrs(actor, "x")), values)
    return [_xdr(asked, *row) for row in reversed(found)]


def _xdr(
    asked: Subject, number: int, storage: str, failed: bool, session: str, i_account: int | None, cli: str | None, cld: str | None, bill_time: datetime,
    used: int, amount: object, history: str, cause: int | None, overrun: object,
) -> TraceLine:  # fmt: skip
    owner = {"a": "", "c": " (reseller)", "v": " (vendor)"}.get(storage, "")
    text = "failed attempt" + (f", cause {cause}" if cause is not None else "") if failed else f"{used} used, {amount} charged{owner}"
    told = [("xdr", str(number)), ("cli", cli), ("cld", cld), ("billed", f"{bill_time:%Y-%m-%d %H:%M:%S}"), ("history", history)]
    if overrun:
        told.append(("overrun", str(overrun)))
    return TraceLine(
        bill_time, "xdr", text, env=asked.i_env, account=i_account or 0, session=session, facts=tuple((name, value) for name, value in told if value),
    )  # fmt: skip


async def _tasks(pool: Pool, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    if asked.kind == "number" and not asked.i_account:
        return []
    kind = "account" if asked.kind == "number" else asked.kind
    by = _BY[kind].format(t="t", session=_KEYED.format(t="t"), node="t.i_node = any (%(nodes)s)")
    found: list[TraceLine] = []
    rows = await pool.query(_TASKS.format(by=by, kind=KIND), _values(asked, since, sessions))
    for i_task, word, status, attempts, note, created, finished, key, i_account, node in rows:
        told = f"{status} after {attempts} attempts" + (f": {note}" if note else "")
        for at, text in ((created, f"{word} wanted" + ("" if finished else f", {told}")), (finished, f"{word} {told}")):
            if at is not None and at >= since:
                facts = (("task", str(i_task)),)
                found.append(TraceLine(at, "task", text, env=asked.i_env, node=node, account=i_account, session=key.partition("/")[2], facts=facts))
    return found


async def _orphans(pool: Pool, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    found = [_orphan(asked, *row) for row in await pool.query(_ORPHANS, _values(asked, since, sessions))]
    return [line for line in found if asked.means(line) or line.session in sessions]


def _orphan(asked: Subject, number: int, received: datetime, reason: str, text: str) -> TraceLine:
    request = json.loads(text)
    user, session, called, calling = (str(request.get(name, "")) for name in ("user", "session", "called", "calling"))
    told = f"{request.get('kind', '')} set aside: {request.get('why') or reason} (portaswitch orphan show {number})"
    return TraceLine(received, "usage", told, env=asked.i_env, user=user, session=session, called=called, calling=calling)


async def _events(pool: Pool, asked: Subject, since: datetime, sessions: Sequence[str]) -> list[TraceLine]:
    values = _values(asked, since, sessions)
    if not values["entities"]:
        return []
    found: dict[tuple[object, ...], TraceLine] = {}

    def add(key: object, at: datetime, kind: str, text: str, facts: tuple[tuple[str, str], ...]) -> None:
        if at >= since:
            found[kind, key] = TraceLine(at, kind, text, env=asked.i_env, account=asked.i_account, facts=facts)

    for number, word, created, variables, handler, status, attempts, error, next_try, finished in await pool.query(_EVENTS, values):
        add(number, created, "event", word, _told(variables))
        if handler is not None:
            later = f", next try {next_try:%H:%M:%S}" if status == "pending" and next_try is not None else ""
            text = f"{handler}: {word} {status} after {attempts} attempts{later}" + (f": {masking.masked('error', error)}" if error else "")
            add((number, handler), finished or created, "handler", text, ())
    for at, actor, operation, entity, before, after in await pool.query(_CHANGES, values):
        add((at, operation), at, "change", f"{operation} of {entity} by {actor}", _differing(before or {}, after or {}))
    return list(found.values())


def _told(variables: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, masking.masked(name, str(value))) for name, value in variables.items())


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a change changed: name and new value."""
    return tuple((name, masking.masked(name, str(value))) for name, value in after.items() if before.get(name) != value)


