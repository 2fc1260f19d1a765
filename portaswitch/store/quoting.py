"""What a quote is made on: an account as a decision sees it, and the vendors that may carry a use."""

from __future__ import annotations

from portaswitch.model.ledger import View
from portaswitch.store.pool import Pool
from portaswitch.store.views import parse, view_of

VENDORS = """
select host(c.remote_ip), v.name from connections c join vendors v using (i_vendor)
where v.i_env = %s and c.active and c.direction = 'to' and c.remote_ip is not null and c.i_tariff is not null order by v.name, c.name
"""


async def view(pool: Pool, i_env: int, account: str) -> View:
    """The view of an account (of the master of an alias), without a session; passwords stay sealed."""
    ((text,),) = await pool.query("select exchange_view(%s, %s, 0, '')::text", (i_env, account))
    return view_of(parse(text), lambda _: "")


async def vendors(pool: Pool, i_env: int) -> dict[str, str]:
    """The vendors of an environment by the addresses of their connections."""
    return dict(await pool.query(VENDORS, (i_env,)))
