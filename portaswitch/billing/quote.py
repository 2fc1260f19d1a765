"""
A quote: what a use would cost, and how long the funds allow it, by the very decisions that a call makes (DESIGN.md 3.1).

The use is authorized and stopped on a view of now, by `decide`; what comes out is looked at and never applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import discounts, reserve
from portaswitch.billing.rating import is_free, longest
from portaswitch.billing.session import decide
from portaswitch.model.catalogue import Catalogue, RatePlan, Tariff
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Kind, Report, UnitRequest
from portaswitch.model.session import Leg, Role, Session
from portaswitch.model.value import dataclass
from portaswitch.model.xdr import Xdr

#: How long a use lasts that is not counted in seconds.
AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Price:
    """What one party would be charged: its xDR and the plan behind it; `via` is the address of the vendor's connection ('' not a vendor's)."""

    leg: Leg
    xdr: Xdr
    via: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """
    The quote of one use. `refusal`: why it would not be authorized (it is priced all the same, where anything prices it); `granted` the units of the first
    authorization (None: no limit); `longest` the most units that the funds and the policy allow at all (None: no limit); `most` the policy's own limit.
    """

    refusal: Refusal | None
    base: Base
    granted: int | None
    longest: int | None
    most: int
    prices: tuple[Price, ...]
    session: Session | None


def quote(view: View, request: AAARequest, catalogue: Catalogue, used: int, addresses: Sequence[str] = ()) -> Quote:
    """
    The quote of `used` units, asked for by the authorization `request`; `addresses` are those of the vendors' connections that may carry it. A use of no units
    costs nothing: it was never connected.
    """
    asked = decide(view, request, catalogue)
    opening = asked.change.session if asked.change is not None else None
    behind = asked.view if opening is not None else view
    bought = asked.change.xdrs if asked.change is not None and opening is not None else ()
    prices: list[Price] = []
    ended: Session | None = None
    for address in ("", *addresses):
        change = decide(behind, _stop(request, opening, used, address), catalogue).change
        ended = change.session if change is not None and change.session is not None else ended
        if change is not None and ended is not None:
            prices += _prices(ended, (*bought, *change.xdrs), address)
    session = opening or ended
    grant = asked.decision.grants[0] if asked.decision.grants else None
    product = catalogue.products.get(view.account.i_product) if view.account is not None else None
    reach = _reach(discounts.with_plans(view, catalogue, request.received), session, request.received, ZERO if product is None else product.breakage)
    base = session.quotas[0].base if session is not None else request.units[0].base
    most = session.opened.policy.max_units if session is not None else 0
    return Quote(asked.decision.refusal, base, grant.units if grant is not None else 0, reach, most, tuple(prices), session)


def _stop(request: AAARequest, opening: Session | None, used: int, address: str) -> AAARequest:
    """The end of the use as accounting would tell it."""
    base = opening.quotas[0].base if opening is not None else request.units[0].base
    at = request.at + (timedelta(seconds=used) if base is Base.TIME else AN_HOUR)
    kept = {**request.kept, "remote_address": address}
    units = (UnitRequest(request.units[0].key, base, used=used, report=Report.FINAL),)
    return replace(request, kind=Kind.STOP, key=f"{request.key}/stop", units=units, at=at, received=at, credentials=None, connected=request.at, kept=kept)


def _prices(session: Session, xdrs: Sequence[Xdr], address: str) -> list[Price]:
    """The xDRs of account and resellers, or with an address that of the vendor behind it alone."""
    found = []
    for row in xdrs:
        for leg in session.quotas[0].legs:
            vendor = leg.role is Role.VENDOR
            party = row.i_vendor if vendor else row.i_customer if leg.role is Role.CUSTOMER else row.i_account
            if not row.failed and row.storage._value_ == leg.role._value_ and party == leg.i_party and vendor == bool(address):
                found.append(Price(leg, row, address))
    return found


def _reach(view: View, session: Session | None, at: datetime, breakage: Decimal) -> int | None:
    """The most units that the free funds pay for, within the policy."""
    if session is None or not session.quotas[0].legs:
        return 0
    plan, unit, most = session.quotas[0].legs[0].plan, session.opened.unit, session.opened.policy.max_units
    drawn = discounts.drawn(view, session.opened, replace(session.quotas[0], holds=(), past=()))
    funds = reserve.within_budgets(view, reserve.funds_seen(view, ZERO, at)).beyond(breakage).grantable
    if not drawn and (funds is None or is_free(plan)):
        return None
    paid = longest(plan, drawn, None if is_free(plan) else funds, at)
    return None if paid is None else min(paid, most // unit) * unit


def in_force_since(tariff: Tariff | None, plan: RatePlan) -> datetime | None:
    """Since when a rate of a tariff is in force; None when the tariff has it no longer."""
    versions = tariff.rates.get(plan.prefix, ()) if tariff is not None else ()
    return next((version.effective_from for version in versions if version.plan is not None and version.plan.i_rate == plan.i_rate), None)

