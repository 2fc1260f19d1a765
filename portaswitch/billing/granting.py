"""
Reserving for what is asked: what each quota key is granted, what is held for it, and until when (DESIGN.md 3.3).

    quota as reported > the funds that are there for it > `reserve` > a Grant, and the Takes that are held for it
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import closing, increments, internet, numbered, occupancy, reserve
from portaswitch.billing.announcing import told as announced
from portaswitch.billing.budgets import along
from portaswitch.billing.conditions import need_of
from portaswitch.billing.counter_moves import pressed, reheld
from portaswitch.billing.counters import beside, in_own_base, part_of, reported
from portaswitch.billing.discounts import drawn as drawn_on
from portaswitch.billing.transition import Outcome, changed, next_session, refused_with_use
from portaswitch.model.access_policy import AccessPolicy
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.charge import held
from portaswitch.model.ledger import Pressed, View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Facts, Grant, QuotaKey, Refusing, UnitRequest
from portaswitch.model.session import Opened, Quota, Session


def grant(
    view: View,
    request: AAARequest,
    session: Session,
    facts: Facts,
    breakage: Decimal,
    policy: AccessPolicy | None,
    refusals: tuple[Grant, ...] = (),
    catalogue: Catalogue | None = None,
) -> Outcome:
    """
    Reserve for every quota key that is asked for; keys that are not named stay as they are. `policy` None: no Internet session. `refusals` of other keys go
    into the answer; with a `catalogue` a session whose turn it is is charged for what it used.
    """
    quotas = {quota.key: quota for quota in session.quotas}
    template, was_held = session.quotas[0], view.session.held if view.session is not None else ZERO
    grants, expires, part = list(refusals), numbered.held_until(session, request), part_of(request)
    seen, presses = view, tuple[Pressed, ...]()
    alone = len(request.units) + len(refusals) == 1 and "portal" not in facts.more and (view.session is not None or request.refusing is Refusing.SESSION)
    several = len(request.units) > 1 or catalogue is not None  # of one key that holds money nobody asks what it leaves
    for asked in request.units:
        quota = quotas.get(asked.key) or beside(template, asked)
        asked = in_own_base(asked, quota.base)
        quota = reported(quota, asked, part)
        if asked.requested is None and request.number is not None:
            quotas[asked.key] = numbered.ended(view, quota, session.opened)
            continue
        asked = numbered.sized(asked, request, session.opened.policy)
        there = reserve.funds_seen(view, _own_hold(was_held, quotas, asked.key), request.received)
        funds = reserve.within_budgets(seen, there, quota.holds).beyond(breakage)
        granted, reserved = _reserve_one(seen, session.opened, quota, asked, funds, breakage)
        if granted.refusal is not None and alone:
            if policy is not None and granted.refusal in internet.HOTLINED:
                return internet.hotline(view, request, session, facts, policy, granted.refusal)
            return refused_with_use(view, request, session, reserved, granted.refusal, facts)
        if policy is None and seen.counters.plans.assigned:
            presses += pressed(seen, session.opened, quota, reserved, reserve.least_units(asked, session.opened.policy, session.opened.unit))
        if several or not held(reserved.holds):
            seen = reheld(seen, quota, reserved)
        quotas[asked.key] = reserved
        grants.append(granted)
        expires = max(expires, _bounded(reserve.hold_until(request.received, session.opened, reserved, granted.units, asked), request))
    told = tuple([Grant(one.key, one.base, one.units, expires, one.last, one.retained, one.refusal) for one in grants])
    facts = told_of(facts, view, request, session, policy, told)
    decision = Decision(told, None, facts if any([one.units is not None for one in told]) else replace(facts, limited=False))
    return _noted(view, seen, request, session, tuple(quotas.values()), decision, expires, presses, catalogue)


def _noted(
    view: View,
    seen: View,
    request: AAARequest,
    session: Session,
    behind: tuple[Quota, ...],
    decision: Decision,
    expires: datetime,
    presses: tuple[Pressed, ...],
    catalogue: Catalogue | None,
) -> Outcome:
    """The session with `behind`, and what its holds and its pieces move."""
    pieces = increments.due(seen, session, behind, request, catalogue) if catalogue is not None else closing.NO_PIECES
    charged_at = request.received if pieces.quotas else None
    after = next_session(session, view, request, decision, pieces.quotas or behind, expires=expires, charged_at=charged_at)
    delta = after.held - (view.session.held if view.session is not None else ZERO)
    need = need_of(seen, after, request, decision.grants, delta + pieces.debit)
    places = occupancy.authorized(view, request, expires)
    return changed(view, request, after, decision, hold=delta, need=need, pieces=pieces, places=places, presses=presses)


def told_of(facts: Facts, view: View, request: AAARequest, session: Session, policy: AccessPolicy | None, grants: tuple[Grant, ...]) -> Facts:
    """The facts of an accept; `policy` None: no Internet session."""
    return announced(facts, view, request, session, grants) if policy is None else internet.told(facts, view, request, session, policy, grants)


def _own_hold(was_held: Decimal, quotas: dict[QuotaKey, Quota], key: QuotaKey) -> Decimal:
    """Of the session's own hold what is for this key: not what its other keys hold by now."""
    for other in quotas.values():
        if other.holds and other.key != key:
            was_held -= held(other.holds)
    return was_held


def _reserve_one(view: View, opened: Opened, quota: Quota, asked: UnitRequest, funds: reserve.FundsSeen, breakage: Decimal) -> tuple[Grant, Quota]:
    plan, at, unit = quota.legs[0].plan, opened.started, opened.unit
    protection = reserve.protection_of(opened.policy, opened.billing_model, asked, opened.service_type)
    drawn = drawn_on(view, opened, quota)
    made = reserve.reserve(quota, asked, plan, opened.policy, protection, funds.at_most(asked.most_funds), unit, at, drawn)
    start = reserve.start_of(quota, asked)
    if made is None:
        if asked.most_funds is not None and reserve.reserve(quota, asked, plan, opened.policy, protection, funds, unit, at, drawn) is not None:
            return Grant(asked.key, quota.base, 0, refusal=Refusal.FUNDS_SHORT), quota  # nothing but the client's own max_funds is in the way
        wanted = -(-start // unit) + reserve.least_units(asked, opened.policy, unit)
        refusal = reserve.why_not(plan, opened.billing_model, quota.charged[0], wanted, opened.policy, funds, breakage, unit, at, drawn)
        return Grant(asked.key, quota.base, 0, refusal=refusal), quota
    units = quota.granted if made.units is None else start + made.units
    last = made.last and not (view.counters.follows and reserve.goes_on(view, opened, quota, asked, plan, protection, funds, made))
    return Grant(asked.key, quota.base, made.units, last=last, retained=made.retained), along(view, quota.holding(made.holds, units))


def _bounded(expires: datetime, request: AAARequest) -> datetime:
    """Not beyond what PortaBilling_Session allows the lock and the funds set aside (spec/radius.yaml: expires, max_expires)."""
    return expires if request.lock_seconds is None else min(expires, request.received + timedelta(seconds=request.lock_seconds))
