"""RADIUS clients as the operator sees them, and what the server saw of them (DESIGN.md 3.11: by environment)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.model.catalogue import Seen
from portaswitch.store.pool import Pool

#: Several processes may have seen the client: the latest without counts, and the time since when all were signed is void when it is not after that.
KEEP = """
update radius_clients set seen_without = m.unsigned, seen_proxy_state = greatest(seen_proxy_state, %(proxy_state)s::timestamptz),
    seen_authenticator = case
        when seen_authenticator > coalesce(m.unsigned, '-infinity') then least(seen_authenticator, %(authenticator)s::timestamptz)
        when %(authenticator)s::timestamptz > coalesce(m.unsigned, '-infinity') then %(authenticator)s::timestamptz end
from (select greatest(seen_without, %(without)s::timestamptz) unsigned from radius_clients where i_client = %(i_client)s) m
where i_client = %(i_client)s
"""
LIST = """
select c.address::text, n.name, c.require_message_authenticator, c.limit_proxy_state, c.ignore_password, c.seen_authenticator, c.seen_without,
       c.seen_proxy_state, masklen(c.address) = case family(c.address) when 4 then 32 else 128 end
from radius_clients c left join nodes n using (i_node) where c.i_env = %s order by c.address
"""


@dataclass(frozen=True, slots=True)
class ClientLine:
    """
    A RADIUS client as a list shows it; the secret is not. `signed_since`, `unsigned_last`, `proxied_last`: see `model.catalogue.Seen`.

    `signature` is what holds for its next Access-Request: required, not required, or open (auto, which learns from the first one).
    """

    address: str
    node: str | None
    require_message_authenticator: str
    limit_proxy_state: str
    ignore_password: bool
    signature: str
    signed_since: datetime | None
    unsigned_last: datetime | None
    proxied_last: datetime | None


def keep_seen(pool: Pool, i_client: int, seen: Seen) -> Deferred[Any]:
    """Keep what was seen of a client; it causes no reload of the catalogue."""
    values = {"i_client": i_client, "authenticator": seen.authenticator, "without": seen.without, "proxy_state": seen.proxy_state}
    return pool.execute(KEEP, values)


async def clients(pool: Pool, i_env: int) -> list[ClientLine]:
    """The RADIUS clients of an environment, by address."""
    return [_line(row) for row in await pool.query(LIST, (i_env,))]


def _line(row: tuple[Any, ...]) -> ClientLine:
    address, node, require, limit, ignore, signed, unsigned, proxied, single = row
    if require != "auto":
        signature = "required" if require == "yes" else "not required"
    elif not single or unsigned is not None:
        signature = "not required"
    else:
        signature = "open" if signed is None else "required"
    return ClientLine(address, node, require, limit, ignore, signature, signed, unsigned, proxied)
