"""
What event handlers yield, applied in the transaction that settles their notification (DESIGN.md 5.6); what it changes of accounts: `store.events_assign`.

The transaction says whose answer it is (setting portaswitch.cause), so that the handler is not told of what it caused. A task for sessions, an event more and
a fan-out are rows too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from portaswitch.errors import EffectRefused
from portaswitch.model.effect import AssignAlias, AssignCustomField, AssignRemoteId, AssignStatus, ChangeProduct, Effect, Emit, EndSessions, FanOut, Note
from portaswitch.model.notification import Notification
from portaswitch.store.events_assign import Assignments
from portaswitch.store.transaction import Cursor

#: Accounts that one transaction of a fan-out tells.
PAGE: Final = 1000

CAUSE: Final = "select set_config('portaswitch.cause', %s, true)"
RAISE: Final = "select raise_events(%(types)s::text[], %(entities)s::text[], %(keys)s::text[], %(lanes)s::int[], %(envs)s::int[], %(told)s::jsonb[])"
#: Events for the handler itself, which its own effects are not told of else.
OWN: Final = """
with told as (
    insert into event_queue (i_env, event_type, entity, variables, cause)
    select g.i_env, %(type)s, g.entity, g.variables, %(handler)s
    from unnest(%(entities)s::text[], %(envs)s::int[], %(told)s::jsonb[]) with ordinality g (entity, i_env, variables, no) order by g.no
    returning i_event, entity)
insert into event_notifications (i_event, i_handler, entity, lane) select i_event, %(handler)s, entity, %(lane)s from told
"""
SESSIONS: Final = """
insert into session_tasks (i_env, kind, i_node, session_key, i_account, arguments, lane)
select s.i_env, case when n.protocol = 'diameter' then %(diameter)s else %(radius)s end, s.i_node, s.session_key, s.i_account, %(arguments)s, 0
from sessions s join nodes n using (i_node)
where case %(kind)s when 'account' then s.i_account when 'customer' then s.i_customer end = %(number)s
    and (n.protocol = 'diameter' or n.coa_address is not null)
on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr') do nothing
"""
#: Kinds of session tasks by what is wanted: on RADIUS, on Diameter.
KINDS: Final[Mapping[str, tuple[str, str]]] = {"disconnect": ("pod", "asr"), "change": ("coa", "rar"), "reauthorize": ("coa", "rar")}

#: Entity, environment and variables of events.
Told = list[tuple[str, int | None, Mapping[str, Any]]]

#: The accounts of each kind of scope, each of its ways to them by an index that has their order: {behind} is what belongs behind its conditions.
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": (
        """select y.i_account from (with recursive below (i_customer) as (select %(number)s::bigint
        union all select c.i_customer from customers c join below b on c.i_parent = b.i_customer) select i_customer from below) b
        cross join lateral (select x.i_account from accounts x where x.i_customer = b.i_customer {behind}) y""",
    ),
    "product": (
        "select x.i_account from accounts x where x.i_product = %(number)s {behind}",
        """select x.i_account from account_addons x where x.i_product = %(number)s and x.addon_effective_from <= now()
        and (x.addon_effective_to is null or x.addon_effective_to > now()) {behind}""",
    ),
    "payer": ("select x.i_account from accounts x where x.i_payer = %(number)s {behind}",),
    "site": ("select x.i_account from accounts x where x.i_customer_site = %(number)s {behind}",),
    "subscriber": ("select x.i_account from accounts x where x.i_subscriber = %(number)s {behind}",),
    "access_policy": (
        "select x.i_account from accounts x where x.i_access_policy = %(number)s {behind}",
        """select y.i_account from products p cross join lateral (
        select x.i_account from accounts x where x.i_product = p.i_product {behind}) y where p.i_access_policy = %(number)s""",
        """select y.i_account from products p cross join lateral (
        select x.i_account from account_addons x where x.i_product = p.i_product and x.addon_effective_from <= now()
        and (x.addon_effective_to is null or x.addon_effective_to > now()) {behind}) y where p.i_access_policy = %(number)s""",
    ),
}
BEHIND: Final = "and x.i_account > %(progress)s order by x.i_account limit %(page)s"
#: The next page of a scope, and which of it is told.
FAN_OUT: Final = """
with page as materialized (select i_account from ({ways}) w order by i_account limit %(page)s)
select a.i_account, a.i_env, a.i_master_account is null {funded} from page join accounts a using (i_account) order by a.i_account
"""
FUNDED: Final = """and exists (select from accounts y where y.i_account = coalesce(a.i_payer, a.i_account)
    and y.billing_model = 1 and y.credit_limit is null)"""


def fan(kind: str, funded: bool) -> str:
    """The statement for a kind of scope; `funded`: only accounts that pay in advance are told."""
    ways = " union ".join(f"({way.format(behind=BEHIND)})" for way in SCOPES[kind])
    return FAN_OUT.format(ways=ways, funded=FUNDED if funded else "")


async def apply_effects(cursor: Cursor, notification: Notification, effects: tuple[Effect, ...]) -> int:
    """
    Apply them in order. Gives 0, or the last account that a fan-out has told when more are to come.

    Errors: EffectRefused with the reason for an operator.
    """
    await cursor.query(CAUSE, (str(notification.i_handler),))
    assignments, progress = Assignments(cursor, notification), 0
    if any(isinstance(effect, AssignAlias | AssignCustomField | AssignStatus | ChangeProduct) for effect in effects):
        await assignments.lock()
    for effect in effects:
        match effect:
            case FanOut():
                progress = await _fan_out(cursor, notification, effect)
            case Emit(type, entity, variables):
                await _raise(cursor, type, [(entity, notification.event.i_env, variables)], notification.lane)
            case EndSessions():
                await _end_sessions(cursor, effect)
            case AssignRemoteId():
                await assignments.remote_id(effect)  # it is in the record
            case Note():
                pass  # it is in the log
            case _:
                await assignments.put(effect)
    return progress


async def _end_sessions(cursor: Cursor, effect: EndSessions) -> None:
    kind, _, number = effect.entity.partition(":")
    if effect.kind not in KINDS or kind not in ("account", "customer") or not number.isdigit():
        raise EffectRefused(f"{effect.kind} of {effect.entity} is nothing that can be done to sessions: {', '.join(KINDS)} of account:N or customer:N")
    radius, diameter = KINDS[effect.kind]
    values = {"kind": kind, "number": int(number), "radius": radius, "diameter": diameter, "arguments": json.dumps(dict(effect.arguments))}
    await cursor.execute(SESSIONS, values)


async def _fan_out(cursor: Cursor, notification: Notification, effect: FanOut) -> int:
    """Tell the next page of accounts. A long fan-out is bulk, whatever it began as."""
    kind, _, number = effect.scope.partition(":")
    if kind not in SCOPES or not number.isdigit():
        raise EffectRefused(f"{effect.scope} is no scope of accounts: customer:N, product:N, payer:N, site:N, subscriber:N or access_policy:N")
    rows = await cursor.query(fan(kind, effect.funded), {"number": int(number), "progress": notification.progress, "page": PAGE})
    whole = len(rows) < PAGE
    lane = notification.lane if whole and notification.progress == 0 else 1
    told: Told = [(f"account:{number}", i_env, {"i_env": i_env, "i_account": number, **effect.variables}) for number, i_env, wanted in rows if wanted]
    if told and effect.receivers == "self":
        await cursor.execute(OWN, {"type": effect.type, "handler": notification.i_handler, "lane": lane, **_columns(told)})
    elif told:
        await _raise(cursor, effect.type, told, lane)
    return 0 if whole else int(rows[-1][0])


async def _raise(cursor: Cursor, type: str, told: Told, lane: int) -> None:
    """Events for whoever wants them (schema/functions/raise_events.sql)."""
    await cursor.query(RAISE, {"types": [type] * len(told), "keys": [None] * len(told), "lanes": [lane] * len(told), **_columns(told)})


def _columns(told: Told) -> dict[str, list[Any]]:
    return {
        "entities": [entity for entity, _, _ in told], "envs": [i_env for _, i_env, _ in told],
        "told": [json.dumps(dict(variables)) for _, _, variables in told],
    }  # fmt: skip
