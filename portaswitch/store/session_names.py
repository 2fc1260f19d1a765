"""`ISessionNames` on PostgreSQL: one statement, by the index of sessions with made-up names; what it finds was written with the session's own transactions."""

from __future__ import annotations

import psycopg2
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.session_names import ISessionNames
from portaswitch.model.request import AAARequest, Kind
from portaswitch.store.pool import Pool

#: A session of that name of its own comes first: a node gives its names again when it restarts. Closed ones are asked for only by what is no Start.
FIND = """
with who as (
    select coalesce(i_master_account, i_account) i_account from accounts where i_env = %(i_env)s and id = %(user)s
), known as (
    select s.session_key, s.cli, s.opened::json -> 'k' as k, s.state::json -> 'br' ->> 'acct_session_id' as told, true as live
    from sessions s join who using (i_account) where s.i_node = %(i_node)s and s.session_key like '%%/auth-%%'
    union all
    select s.session_key, '', null, s.state::json -> 'br' ->> 'acct_session_id', false
    from sessions_closed s join who using (i_account) where not %(start)s and s.i_node = %(i_node)s and s.session_key like '%%/auth-%%'
)
select session_key, told is not null from known
where (told = %(name)s or (%(start)s and told is null and live and cli = %(calling)s and coalesce(k ->> 'nas_port', '') = %(port)s
       and coalesce(k ->> 'nas_port_id', '') = %(port_id)s))
  and not exists (select from sessions o where o.session_key = %(own)s)
  and (%(start)s or not exists (select from sessions_closed o where o.session_key = %(own)s))
order by told is not null desc, live desc limit 2
"""


@implementer(ISessionNames)
class SessionNames:
    """Looks with the connections of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def made_up(self, request: AAARequest) -> Deferred[str]:
        """See `ISessionNames.made_up`."""
        kept, origin = request.kept, request.origin
        values = {
            "i_env": origin.i_env, "user": request.parties.user, "i_node": origin.i_node, "start": request.kind is Kind.START, "name": request.session,
            "calling": request.parties.calling, "port": kept.get("nas_port", ""), "port_id": kept.get("nas_port_id", ""),
            "own": f"{origin.i_node}/{request.session}",
        }  # fmt: skip
        return self._pool.query(FIND, values).addCallbacks(_name, _down)


def _name(rows: list[tuple[str, bool]]) -> str:
    """One that is known by the name, else the only candidate."""
    return rows[0][0].partition("/")[2] if rows and (rows[0][1] or len(rows) == 1) else ""


def _down(failure: Failure) -> Failure:
    return Failure(DatabaseDown(failure.getErrorMessage().strip())) if failure.check(psycopg2.Error) else failure
