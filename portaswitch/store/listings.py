"""
What an administrator's listings read: xDRs and sessions, one frozen value a row.

Read only, never part of a charge. Every look-up is an actor's: in its environment (DESIGN.md 3.11), and of its tree there
(`store.realms`). Money is `Decimal` in the currency of its row, times are aware UTC, quantities are base units of the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from portaswitch.model.actor import Actor, Realm
from portaswitch.store.pool import Pool
from portaswitch.store.realms import VENDORS_OWN, of_xdrs, within
from portaswitch.store.work_sql import standing

#: The fields of an xDR in the order of Appendix D of the guide (tests/spec/xdr.yaml), then what storage has
#: beside them.
XDR_FIELDS = (
    "id", "i_env", "h323_conf_id", "call_id", "cli", "cld", "setup_time", "connect_time", "disconnect_time",
    "bill_time", "disconnect_cause", "voice_quality", "used_quantity", "account_id", "i_account", "i_dest",
    "i_dest_group", "i_tariff", "i_rate", "charged_quantity", "charged_amount", "history", "peak_level",
    "i_vendor", "i_service", "i_accessibility", "i_customer", "h323_incoming_conf_id", "rating_pattern",
    "subscriber_ip", "split_order", "billing_model", "i_invoice", "revenue", "storage", "failed", "overrun", "i_node",
)  # fmt: skip

#: How far back the newest xDRs are looked for, step by step, so that only the partitions of the last days are
#: read; None: everything.
REACH = (timedelta(hours=1), timedelta(days=1), timedelta(days=8), None)

#: Words for the letters of sessions.status (model.session.Status).
SESSION_STATUS = {"o": "open", "p": "closed provisionally", "c": "closed"}


@dataclass(frozen=True, slots=True)
class XdrQuery:
    """
    Which xDRs are asked for, the newest first. `i_account` 0 and `session` '' mean any; `storage` holds
    letters of xdr.storage; `failed` True asks for failed attempts and nothing else; `last` 0 means no limit,
    `since` None no beginning, `until` None no end (both against bill_time; the end is not itself in it).
    """

    actor: Actor
    i_account: int = 0
    session: str = ""
    storage: str = "a"
    failed: bool = False
    last: int = 20
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class XdrLine:
    """
    An xDR as a list shows it. `used` in units, `charged` in units after rounding to intervals, `amount` what
    was debited.
    """

    id: int
    storage: str
    account: str | None
    session: str
    cli: str | None
    cld: str | None
    connect_time: datetime
    bill_time: datetime
    used: int
    charged: int
    amount: Decimal
    history: str
    failed: bool
    disconnect_cause: int | None


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as a list shows it; `used` and `granted` are sums over its quota keys."""

    key: str
    account: str
    status: str
    service: str
    cli: str
    cld: str
    used: int
    granted: int
    held: Decimal
    started: datetime
    updated: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """
    One quota key of a session (rating group '.' service identifier): cumulative units, and the money that it
    holds.
    """

    quota_key: str
    used: int
    granted: int
    held: Decimal
    expires: datetime


# -- xDRs ------------------------------------------------------------------------------------------

_XDR_LIST = """
select id, storage, account_id, h323_conf_id, cli, cld, connect_time, bill_time, used_quantity,
       charged_quantity, charged_amount, history, failed, disconnect_cause
from xdr where {seen} and i_env = %(i_env)s and failed = %(failed)s and storage = any (%(storage)s::"char"[])
"""


async def xdrs(pool: Pool, asked: XdrQuery, now: datetime) -> list[XdrLine]:
    """
    The xDRs that `asked` names. Without an account, session or beginning the latest partitions are read
    first, older ones only when needed.
    """
    if asked.since is not None:
        return await _xdrs(pool, asked, asked.since)
    if asked.i_account or asked.session or not asked.last:
        return await _xdrs(pool, asked, None)
    found: list[XdrLine] = []
    for reach in REACH:
        found = await _xdrs(pool, asked, None if reach is None else now - reach)
        if len(found) >= asked.last:
            break
    return found


async def _xdrs(pool: Pool, asked: XdrQuery, since: datetime | None) -> list[XdrLine]:
    sql, values = (
        _XDR_LIST.format(seen=of_xdrs(asked.actor)),
        dict[str, Any](**standing(asked.actor), failed=asked.failed, storage=list(asked.storage)),
    )
    if asked.i_account:
        sql, values["i_account"] = sql + " and i_account = %(i_account)s", asked.i_account
    if asked.session:
        sql, values["session"] = sql + " and h323_conf_id = %(session)s", asked.session
    if since is not None:
        sql, values["since"] = sql + " and bill_time >= %(since)s", since
    if asked.until is not None:
        sql, values["until"] = sql + " and bill_time < %(until)s", asked.until
    sql += " order by bill_time desc, id desc"
    if asked.last:
        sql, values["last"] = sql + " limit %(last)s", asked.last
    return [XdrLine(*row) for row in await pool.query(sql, values)]


async def xdr(pool: Pool, actor: Actor, number: int) -> dict[str, Any] | None:
    """
    All fields of one xDR by name, or None. Those of vendors have values for administrators only.
    """
    sql = f"select {', '.join(XDR_FIELDS)} from xdr where i_env = %(i_env)s and id = %(number)s and {of_xdrs(actor)}"
    rows = await pool.query(sql, {**standing(actor), "number": number})
    if not rows:
        return None
    unseen = {} if actor.realm is Realm.ADMIN else dict.fromkeys(VENDORS_OWN)
    return {**dict(zip(XDR_FIELDS, rows[0], strict=True)), **unseen}


# -- sessions --------------------------------------------------------------------------------------

_SESSION = """
select s.session_key, a.id, s.status, s.service, s.cli, s.cld, coalesce(q.used, 0), coalesce(q.granted, 0),
       s.held, s.started, s.updated, s.expires
from {table} s join accounts a using (i_account)
left join lateral (
    select sum((k ->> 'u')::bigint)::bigint used, sum((k ->> 'g')::bigint)::bigint granted
    from json_array_elements(s.state::json -> 'q') k
) q on true
where s.i_env = %(i_env)s and {seen} and """
_OF_ACCOUNT = """(%(i_account)s = 0 or s.i_account = %(i_account)s)
order by s.started desc limit nullif(%(limit)s, 0)"""
#: A session's key, or its id alone at any node of the environment; in a form that the indexes serve.
_NAMED = """s.session_key = any (
    array(select i_node || '/' || %(name)s from nodes where i_env = %(i_env)s) || %(name)s::text)
order by s.version desc limit 1"""
_QUOTAS = """
select k ->> 'k', (k ->> 'u')::bigint, (k ->> 'g')::bigint,
       coalesce((select sum((t ->> 'a')::numeric) from json_array_elements(k -> 'h') t), 0), s.expires
from (select * from {table} where session_key = %s order by version desc limit 1) s,
     json_array_elements(s.state::json -> 'q') k
"""


async def sessions(pool: Pool, actor: Actor, i_account: int, limit: int) -> list[SessionLine]:
    """
    The live sessions that the actor sees (of one account unless `i_account` is 0), the newest first, at most
    `limit` (0: all).
    """
    values = {**standing(actor), "i_account": i_account, "limit": limit}
    rows = await pool.query(_sessions_in("sessions", actor) + _OF_ACCOUNT, values)
    return [_session(row) for row in rows]


def _sessions_in(table: str, actor: Actor) -> str:
    return _SESSION.format(table=table, seen=within(actor, "s.i_customer", "s.i_account"))


async def session(pool: Pool, actor: Actor, name: str) -> tuple[SessionLine, list[QuotaLine]] | None:
    """
    A session by its key (node '/' session id) or by the session id alone, with its quota keys; a live one,
    else the latest of those closed in the last days; None when there is neither.
    """
    for table in ("sessions", "sessions_closed"):
        rows = await pool.query(_sessions_in(table, actor) + _NAMED, {**standing(actor), "name": name})
        if rows:
            line = _session(rows[0])
            quotas = await pool.query(_QUOTAS.format(table=table), (line.key,))
            return line, [QuotaLine(*row) for row in quotas]
    return None


def _session(row: tuple[Any, ...]) -> SessionLine:
    return SessionLine(row[0], row[1], SESSION_STATUS.get(row[2], row[2]), *row[3:])


# -- accounts --------------------------------------------------------------------------------------

_ACCOUNT = "select coalesce(i_master_account, i_account) from accounts where i_env = %(i_env)s and id = %(name)s and {seen}"


async def account_number(pool: Pool, actor: Actor, name: str) -> int | None:
    """The i_account behind an id, for an alias that of its master; None when the actor sees no such account."""
    sql = _ACCOUNT.format(seen=within(actor, "i_customer", "coalesce(i_master_account, i_account)"))
    rows = await pool.query(sql, {**standing(actor), "name": name})
    return int(rows[0][0]) if rows else None


#: Where a name of the operator's leads to its row.
_NUMBERS = {
    "account": "select coalesce(i_master_account, i_account) from accounts where i_env = %s and id = %s",
    "customer": "select i_customer from customers where i_env = %s and name = %s",
    "service": "select i_service from services where i_env = %s and lower(name) = lower(%s)",
    "node": "select i_node from nodes where i_env = %s and name = %s",
}


async def number_of(pool: Pool, i_env: int, kind: str, name: str) -> int | None:
    """The row id of an account, customer, service or node by its name; None when there is none. An alias is its master."""
    rows = await pool.query(_NUMBERS[kind], (i_env, name))
    return int(rows[0][0]) if rows else None
