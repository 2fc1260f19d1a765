"""
Access bought as one purchase: the longest use that the funds pay for is charged when it is authorized, and turned into that use (mikrotik.5).

What is not used is not given back; what is used beyond it (a NAS that does not end the session in time) is charged at the end like any other use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from portaswitch.billing import closing, counters, discounts, occupancy, reserve
from portaswitch.billing.transition import Outcome, changed, next_session, refused_with_use
from portaswitch.model.catalogue import Protection
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest, Decision, Facts, Grant, UnitRequest
from portaswitch.model.session import Quota, Session


def buys(session: Session, asked: UnitRequest) -> bool:
    """Whether what this session asks for is bought."""
    opened = session.opened
    return reserve.protection_of(opened.policy, opened.billing_model, asked, opened.service_type) is Protection.PURCHASE


#: What an accept tells, made from its grants.
Tell = Callable[[tuple[Grant, ...]], Facts]


def buy(view: View, request: AAARequest, session: Session, facts: Facts, breakage: Decimal, tell: Tell) -> Outcome:
    """
    Sell the session its use, or tell again what is left of it. How much the client asks for does not matter: all funds are taken. Of several quota keys the
    first is meant.
    """
    asked, quota = request.units[0], session.quotas[0]
    told = counters.reported(quota, asked, counters.part_of(request))
    if told.bought > told.used:
        return _told_again(view, request, session, told, tell)
    opened, plan = session.opened, quota.legs[0].plan
    held = session.held if view.session is not None else ZERO
    funds = reserve.within_budgets(view, reserve.funds_seen(view, held, request.received), told.holds).beyond(breakage)
    least = UnitRequest(quota.key, quota.base, requested=0, used=told.used)
    drawn = discounts.drawn(view, opened, told)
    made = reserve.reserve(told, least, plan, opened.policy, Protection.PURCHASE, funds, opened.unit, opened.started, drawn)
    if made is None or made.units is None:
        wanted = -(-told.used // opened.unit) + reserve.least_units(least, opened.policy, opened.unit)
        refusal = reserve.why_not(plan, opened.billing_model, told.charged[0], wanted, opened.policy, funds, breakage, opened.unit, opened.started, drawn)
        return refused_with_use(view, request, session, told, refusal, facts)
    return _sold(view, request, session, told, -(-told.used // opened.unit) * opened.unit + made.units, tell)


def _sold(view: View, request: AAARequest, session: Session, told: Quota, bought: int, tell: Tell) -> Outcome:
    """The purchase: one xDR, the money moved now, nothing held."""
    piece = closing.piece(view, session, told.reported(bought), request, closing.cover(view, session, request.received))
    behind = replace(piece.quotas[0], used=told.used, granted=bought, bought=bought)
    expires = max(session.expires, reserve.hold_until(request.received, session.opened, told, bought - told.used))
    grants = (Grant(told.key, told.base, bought - told.used, expires, last=True),)
    decision = Decision(grants, None, tell(grants))
    after = next_session(session, view, request, decision, (behind, *session.quotas[1:]), expires=expires)
    freed = after.held - (view.session.held if view.session is not None else ZERO)
    places = occupancy.authorized(view, request, expires)
    return changed(view, request, after, decision, hold=freed, need=piece.debit + freed, pieces=piece, places=places)


def _told_again(view: View, request: AAARequest, session: Session, told: Quota, tell: Tell) -> Outcome:
    """Authorized again: what was bought and is left."""
    grants = (Grant(told.key, told.base, told.bought - told.used, session.expires, last=True),)
    decision = Decision(grants, None, tell(grants))
    if told is session.quotas[0]:
        return Outcome(decision, None, view)
    return changed(view, request, next_session(session, view, request, decision, (told, *session.quotas[1:])), decision)
