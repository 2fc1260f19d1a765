"""
What the accept of an Internet session says beside the grant: the access policy's level, timeouts, the static address; and the hotline.

The facts' names (all text): service, framed_ip, policy, policy_level and policy_phase (the level in force: it is the type of the phase, whatever that is
called), phase (the phase's name), upload_rate and download_rate (bit/s, absent: unlimited), session_timeout, interim, idle_timeout (seconds), class (the
session's id, so that accounting finds it), portal (of a hotline). Attributes of policies go by policy and level, compiled with the catalogue, not by facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portaswitch.billing import closing, discounts, occupancy, reserve
from portaswitch.billing.access_policy import level_of
from portaswitch.billing.counters import report_all
from portaswitch.billing.local_time import zone_of
from portaswitch.billing.rating import is_free
from portaswitch.billing.transition import Outcome, changed, next_session, refused
from portaswitch.model.access_policy import AccessPolicy, Level, LevelName, PolicyState
from portaswitch.model.catalogue import Catalogue, Product
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant
from portaswitch.model.session import Quota, Session
from portaswitch.model.value import dataclass

SERVICES: Final = frozenset(("Netaccess", "Wifi", "Dialup", "Data"))
"""Service types whose sessions are Internet access."""

FUNDS: Final = frozenset((Refusal.ZERO_BALANCE, Refusal.CREDIT_LIMIT, Refusal.INSUFFICIENT_BALANCE))
"""Refusals that a hotline may stand for: the subscriber's own money is gone. Locked funds are not: they come back by themselves."""

NO_POLICY: Final = AccessPolicy(0, 0, "")
HOTLINE_SECONDS: Final = 900
"""The longest that a hotline lasts in one go: who has paid meanwhile gets in at the next try; a node that takes CoA is told before."""


def policy_of(view: View, product: Product, catalogue: Catalogue) -> AccessPolicy:
    """The account's own access policy, else its product's; without one there is a plain one that limits nothing."""
    own = view.account.i_access_policy if view.account is not None else 0
    return catalogue.access_policies.get(own or product.i_access_policy, NO_POLICY)


HOTLINED: Final = FUNDS | {Refusal.QUOTA_EXCEEDED}
"""The same with a quota that is used up."""


def beyond_quota(view: View, request: AAARequest, session: Session, policy: AccessPolicy) -> View:
    """
    The view where a used up quota is no end: the session goes on, at the exceeded level of its policy. Without a policy of its own, or where that level is the
    blocked one, the quota ends it.
    """
    if not view.counters.plans or not policy.name or policy.exceeded_level is LevelName.BLOCKED:
        return view
    for quota in report_all(session, request):
        if quota.legs and discounts.used_up(view, session.opened, quota, closing.due(view, quota, session.opened)[1]):
            return replace(view, counters=replace(view.counters, beyond=True))
    return view


def level_now(view: View, request: AAARequest, policy: AccessPolicy, state: PolicyState = PolicyState.NORMAL) -> Level:
    """The level that holds at the receipt of `request`, by the customer's time zone."""
    if view.counters.beyond and state is PolicyState.NORMAL:
        state = PolicyState.EXCEEDED
    return level_of(policy, request.received, zone_of(view.customer.timezone if view.customer is not None else "UTC"), state)


def noted(session: Session, product: Product, policy: AccessPolicy, catalogue: Catalogue) -> Session:
    """A session that begins, with its product and policy; `turns` says that its node is told by CoA when the level changes by its timetable."""
    node = catalogue.nodes.get(session.opened.i_node)
    turns = {"turns": "coa"} if node is not None and node.coa_address else {}
    began = {"i_product": str(product.i_product), "access_policy": str(policy.i_access_policy)}
    return replace(session, opened=replace(session.opened, kept={**session.opened.kept, **began, **turns}))


def told(facts: Facts, view: View, request: AAARequest, session: Session, policy: AccessPolicy, grants: tuple[Grant, ...]) -> Facts:
    """The facts of an accept with what an Internet session is told beside its grants."""
    level = level_now(view, request, policy)
    until = None if "turns" in session.opened.kept else level.until
    return replace(facts, more={**facts.more, **_common(view, session, policy, level), **_timeout(_seconds(grants, until, request.received))})


def _common(view: View, session: Session, policy: AccessPolicy, level: Level) -> dict[str, str]:
    more = {"service": session.opened.service_type, "interim": str(policy.interim), "class": session.opened.session}
    if policy.name:
        more |= {"policy": policy.name, "policy_level": level.name.value, "policy_phase": level.name.value}
    if view.account is not None and view.account.static_ip:
        more["framed_ip"] = view.account.static_ip
    optional = {"phase": level.phase, "upload_rate": level.upload, "download_rate": level.download, "idle_timeout": policy.idle_timeout}
    return more | {name: str(value) for name, value in optional.items() if value}


def _seconds(grants: tuple[Grant, ...], until: datetime | None, at: datetime) -> int | None:
    """How long the session may last: as granted, where that is time, and not beyond `until`. None: nothing limits it."""
    limits = [grant.units for grant in grants if grant.base is Base.TIME and grant.units is not None and grant.refusal is None]
    if until is not None:
        limits.append(max(1, int((until - at).total_seconds())))
    return min(limits) if limits else None


def _timeout(seconds: int | None) -> Mapping[str, str]:
    return {} if seconds is None else {"session_timeout": str(seconds)}


# -- credit control -------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the policy leaves of a credit control request: the view it is decided on, what is asked, the facts, and groups that are refused."""

    view: View
    request: AAARequest
    facts: Facts
    shut: tuple[Grant, ...] = ()


def allowed(view: View, request: AAARequest, session: Session, facts: Facts, policy: AccessPolicy) -> Allowed | Refusal:
    """
    A data session under its policy. A used up quota is no end where the exceeded level is not the blocked one (speeds are the PCRF's matter). At the blocked
    level by its timetable nothing is granted; with a portal its groups are sent there, and free ones stay usable.
    """
    told = {"portal": policy.portal, "filter": _filter(policy)}
    facts = replace(facts, more={**facts.more, **{name: text for name, text in told.items() if text}}) if any(told.values()) else facts
    if policy.phases and level_now(view, request, policy).name is LevelName.BLOCKED:
        if not policy.portal:
            return Refusal.USER_DENIED
        paid = {quota.key for quota in session.quotas if quota.legs and not is_free(quota.legs[0].plan)}
        shut = tuple([Grant(one.key, one.base, 0, refusal=Refusal.USER_DENIED) for one in request.units if one.requested is not None and one.key in paid])
        units = tuple([replace(one, requested=None) if one.key in paid else one for one in request.units])
        return Allowed(view, replace(request, units=units), facts, shut)
    seen = beyond_quota(view, request, session, policy)
    if seen.counters.plans and policy.name and policy.exceeded_level is not LevelName.BLOCKED and not seen.counters.beyond:
        seen = replace(seen, counters=replace(seen.counters, follows=True))
    return Allowed(seen, request, facts)


def _filter(policy: AccessPolicy) -> str:
    """Filter-Id of the blocked level, for clients that restrict access instead of redirecting."""
    return next((one.value for one in policy.attributes if one.name == "Filter-Id" and one.level is LevelName.BLOCKED), "")


# -- blocked and without funds --------------------------------------------------------------------------------------------------------------------


def barred(view: View, request: AAARequest, session: Session, facts: Facts, policy: AccessPolicy) -> Outcome | None:
    """The answer while the policy's level is the blocked one, or the session is a hotline already; None: neither."""
    if not session.quotas[0].legs and "hotline" in session.opened.kept:
        return hotline(view, request, session, facts, policy, Refusal.SESSION_OVER)
    if level_now(view, request, policy).name is not LevelName.BLOCKED:
        return None
    return hotline(view, request, session, facts, policy, Refusal.USER_DENIED)


def hotline(view: View, request: AAARequest, session: Session, facts: Facts, policy: AccessPolicy, refusal: Refusal) -> Outcome:
    """
    In place of a refusal, where the policy has a portal: a session at the blocked level, which nothing prices and which ends after a quarter of an hour at
    most. One that was paid for until now is not turned into it: it is refused, and ends. So is a hotline that asks again (`refusal` says why).
    """
    if not policy.portal or view.session is not None:
        return refused(view, refusal, facts)
    level = level_now(view, request, policy, PolicyState.NO_FUNDS)
    why = {"hotline": "yes"}
    if refusal in FUNDS:  # it ends when more money than now is there
        gross = reserve.funds_seen(view, ZERO, request.received).gross
        why["hotline_funds"] = str(ZERO if gross is None else gross)
    opened = replace(session.opened, kept={**session.opened.kept, **why})
    quotas = tuple([Quota(quota.key, quota.base, (), quota.rated) for quota in session.quotas])
    grants = tuple([Grant(quota.key, quota.base, HOTLINE_SECONDS if quota.base is Base.TIME else None, last=True) for quota in quotas])
    more = {**_common(view, session, policy, level), "portal": policy.portal, "session_timeout": str(HOTLINE_SECONDS)}
    decision = Decision(grants, None, replace(facts, more={**facts.more, **more}))
    expires = request.at + timedelta(seconds=HOTLINE_SECONDS + opened.policy.idle_timeout)
    after = next_session(replace(session, opened=opened, quotas=quotas), view, request, decision, quotas, expires=expires)
    return replace(changed(view, request, after, decision, hold=ZERO, places=occupancy.authorized(view, request, expires)), doubtful=True)
