"""What an explanation of an xDR reads: the xDRs of its session, the session itself, and the names behind the ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portaswitch.model.actor import Actor
from portaswitch.model.session import Session
from portaswitch.store.documents import session_of
from portaswitch.store.listings import XDR_FIELDS
from portaswitch.store.pool import Pool
from portaswitch.store.realms import of_xdrs, within
from portaswitch.store.work_sql import standing

#: xDRs of one session that are looked at; a session of many pieces has more.
MOST = 1000
SIBLINGS = f"select {', '.join(XDR_FIELDS)} from xdr where i_env = %(i_env)s and h323_conf_id = %(session)s and {{seen}} order by id limit {MOST}"
SESSION = """
select row_to_json(s)::text from {table} s where s.i_env = %(i_env)s and s.i_account = %(i_account)s and {seen}
  and s.session_key = any (array(select i_node || '/' || %(session)s from nodes where i_env = %(i_env)s))
order by s.version desc limit 1
"""
NAMES = """
select 'account', a.i_account, a.id, a.currency, a.billing_model, coalesce(y.id, '') from accounts a left join accounts y on y.i_account = a.i_payer
where a.i_account = any (%(accounts)s::bigint[])
union all select 'customer', i_customer, name, currency, 0, '' from customers where i_customer = any (%(customers)s::bigint[])
union all select 'vendor', i_vendor, name, currency, 0, '' from vendors where i_vendor = any (%(vendors)s::bigint[])
"""
WAITING = "select role, i_party, count(*) from pending_charges group by 1, 2"


@dataclass(frozen=True, slots=True)
class Party:
    """The name of an account, customer or vendor, its currency, and of an account the billing model (0: no account) and who pays for it ('': itself)."""

    name: str
    currency: str
    model: int
    payer: str = ""


async def siblings(pool: Pool, actor: Actor, session: str) -> list[dict[str, Any]]:
    """All fields of the xDRs of a session that the actor sees, by id."""
    rows = await pool.query(SIBLINGS.format(seen=of_xdrs(actor)), {**standing(actor), "session": session})
    return [dict(zip(XDR_FIELDS, row, strict=True)) for row in rows]


async def session(pool: Pool, actor: Actor, row: Mapping[str, Any]) -> Session | None:
    """The session of an xDR, live or closed; None when its days are over, for an attempt that opened none, and when it is not the actor's."""
    values = {**standing(actor), "i_account": row["i_account"], "session": row["h323_conf_id"]}
    for table in ("sessions", "sessions_closed"):
        rows = await pool.query(SESSION.format(table=table, seen=within(actor, "s.i_customer", "s.i_account")), values)
        if rows:
            return session_of(json.loads(rows[0][0]))
    return None


async def parties(pool: Pool, rows: list[dict[str, Any]]) -> dict[tuple[str, int], Party]:
    """The parties of xDRs, by kind and id."""
    wanted = {f"{kind}s": [row[f"i_{kind}"] for row in rows if row[f"i_{kind}"]] for kind in ("account", "customer", "vendor")}
    return {(kind, number): Party(*told) for kind, number, *told in await pool.query(NAMES, wanted)}


async def waiting(pool: Pool) -> set[tuple[str, int]]:
    """The resellers and vendors whose balances wait for charges to be folded into them, by role and id."""
    return {(role, number) for role, number, _ in await pool.query(WAITING)}
