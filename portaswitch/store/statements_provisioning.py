"""Named statements about what outside systems report, and about API users (`store.work_statements`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: A group of the environment or of all, in its own spelling.
_GROUP = """
select name from provisioning_groups where lower(name) = lower(%(group)s) and (i_env is null or i_env = %(i_env)s) order by i_env nulls last limit 1
"""
_GROUPS = "select name, i_env is null from provisioning_groups where i_env is null or i_env = %(i_env)s order by i_env nulls first, name"
_GROUP_ADD = "insert into provisioning_groups (i_env, name) values (%(i_env)s, %(name)s) returning name"
_GROUP_REMOVE = "delete from provisioning_groups where i_env = %(i_env)s and name = %(name)s returning name"
#: The status that an account had in a group (null: none), with the one that it has now.
_STATUS = """
with before as (select status from provisioning_status where i_account = %(account)s and "group" = %(group)s)
insert into provisioning_status (i_account, "group", status, message, updated) values (%(account)s, %(group)s, %(status)s, %(message)s, now())
on conflict (i_account, "group") do update set status = excluded.status, message = excluded.message, updated = excluded.updated
returning (select status from before), updated
"""
_STATUSES = """
select "group", status, message, updated from provisioning_status p join accounts a using (i_account)
where p.i_account = %(account)s and a.i_env = %(i_env)s order by "group"
"""
_REPORT = """
insert into external_reports (i_env, i_account, source, kind, details) values (%(i_env)s, %(account)s, %(source)s, %(kind)s, %(details)s)
returning i_external_report, received
"""
_TOKEN = "update api_users set token = %(token)s where i_env = %(i_env)s and i_user = %(user)s returning i_user"

STATEMENTS: Final[Mapping[str, str]] = {
    "provisioning.group": _GROUP,
    "provisioning.groups": _GROUPS,
    "provisioning.group_add": _GROUP_ADD,
    "provisioning.group_remove": _GROUP_REMOVE,
    "provisioning.status": _STATUS,
    "provisioning.statuses": _STATUSES,
    "provisioning.report": _REPORT,
    "user.token": _TOKEN,
}
