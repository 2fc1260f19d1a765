"""The money that a decision relied on: the condition of its change (`Change.need`), which the row decides."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.billing import closing, reserve
from portaswitch.billing.counters import in_own_base
from portaswitch.billing.rating import is_free
from portaswitch.model.charge import held
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest, Grant
from portaswitch.model.session import Quota, Session


def need_of(view: View, session: Session, request: AAARequest, told: tuple[Grant, ...], delta: Decimal) -> Decimal | None:
    """
    The room that the grants relied on: what is held more than before. Where nothing is held, the price of the least grant: what was checked is a condition
    too, but not all the funds, or every charge on a busy account would turn its authorizations back.
    """
    checked = [grant.key for grant in told if grant.units and grant.refusal is None]
    if not checked:
        return None
    if delta or session.held:
        return delta  # also where no more is held than before: remembered funds may be gone, and the same hold would be granted twice
    quota, opened = next(quota for quota in session.quotas if quota.key == checked[0]), session.opened
    asked = in_own_base(next(asked for asked in request.units if asked.key == quota.key), quota.base)
    least = reserve.least_units(asked, opened.policy, opened.unit)
    price = closing.cost(view, quota.reported(quota.used + least * opened.unit), opened)
    if price > ZERO:
        return price
    return ZERO if view.counters.plans and not is_free(quota.legs[0].plan) else None  # units that a counter makes free: not for who is overdrawn


def first_holds(quotas: tuple[Quota, ...], costs: list[Decimal]) -> Decimal | None:
    """What a session never authorized takes, where that is beyond its use: it must be there still. What was used is held whatever there is."""
    holds = [held(quota.holds) for quota in quotas]
    beyond = any(hold > cost for hold, cost in zip(holds, costs, strict=True))
    return sum(holds, ZERO) if beyond else None
