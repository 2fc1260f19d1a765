"""What a quote is made on: an account as a decision sees it, and the vendors that may carry a use."""

from __future__ import annotations

from portaswitch.model.actor import Actor, Realm
from portaswitch.model.ledger import NO_VIEW, View
from portaswitch.store.listings import account_number
from portaswitch.store.pool import Pool
from portaswitch.store.realms import within
from portaswitch.store.views import parse, view_of
from portaswitch.store.work_sql import standing

#: Of several at one address the one that charges (`catalogue.CONNECTIONS`).
VENDORS = """
select address, vendor from (
    select distinct on (host(c.remote_ip)) host(c.remote_ip) address, v.name vendor, c.name from connections c join vendors v using (i_vendor)
    where v.i_env = %s and c.active and c.direction = 'to' and c.remote_ip is not null and c.i_tariff is not null
    order by host(c.remote_ip), c.i_connection) f
order by vendor, name
"""


_RESELLERS = "select i_customer from customers where i_env = %(i_env)s and i_customer = any (%(resellers)s) and {seen}"


async def view(pool: Pool, actor: Actor, account: str) -> View:
    """The view of an account (of the master of an alias) that the actor sees, without a session; passwords stay sealed."""
    if await account_number(pool, actor, account) is None:
        return NO_VIEW
    ((text,),) = await pool.query("select exchange_view(%s, %s, 0, '')::text", (actor.i_env, account))
    return view_of(parse(text), lambda _: "")


async def vendors(pool: Pool, actor: Actor) -> dict[str, str]:
    """The vendors of the environment by the addresses of their connections; what they cost is told to administrators alone."""
    return dict(await pool.query(VENDORS, (actor.i_env,))) if actor.realm is Realm.ADMIN else {}


async def resellers(pool: Pool, actor: Actor, of: View) -> frozenset[int]:
    """Those of the resellers above an account whose charges the actor sees."""
    if actor.in_self_care:
        return frozenset()
    values = {**standing(actor), "resellers": [reseller.i_customer for reseller, _ in of.resellers]}
    return frozenset([row[0] for row in await pool.query(_RESELLERS.format(seen=within(actor, "i_customer", "null")), values)])
