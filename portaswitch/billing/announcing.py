"""
What a caller is told of how long the call may be, where that is not the limit: tricky surcharges count against the limit only (PORTABILLING.md b).

Told to a client that can announce another duration than it enforces (proclaim-duration of spec/radius.yaml); to others the limit is all there is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portaswitch.billing import discounts, reserve
from portaswitch.billing.counters import reported
from portaswitch.billing.rating import announced
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest, Facts, Grant
from portaswitch.model.session import Session

#: What such a client says of itself (`AAARequest.kept`), and the fact that it gets: units of the service's base.
PROCLAIMS: Final = "proclaim_duration"
ANNOUNCED: Final = "announced"


def told(facts: Facts, view: View, request: AAARequest, session: Session, grants: tuple[Grant, ...]) -> Facts:
    """The facts with what is announced of the first grant, where that ends with the funds, and by a tricky surcharge sooner than the caller is told."""
    quota, opened = session.quotas[0], session.opened
    pricing = quota.legs[0].plan.pricing if quota.legs else None
    if PROCLAIMS not in request.kept or pricing is None or not grants or not grants[0].last or not any(element.tricky for element in pricing.formula):
        return facts
    asked = request.units[0]
    quota, held = reported(quota, asked), session.held if view.session is not None else ZERO
    funds = reserve.within_budgets(view, reserve.funds_seen(view, held, request.received), quota.holds).at_most(asked.most_funds)
    if funds.grantable is None:
        return facts
    drawn, most = discounts.drawn(view, opened, quota), opened.policy.max_units // opened.unit
    found = announced(quota.legs[0].plan, drawn, funds.grantable + quota.charged[0], opened.started, most)
    units = (most if found is None else min(found, most)) * opened.unit - reserve.start_of(quota, asked)
    return replace(facts, more={**facts.more, ANNOUNCED: str(max(units, grants[0].units or 0))})
