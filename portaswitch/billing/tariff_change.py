"""
A price that changes while a data session goes on (RFC 8506 5.1.1): what was used before the change is charged at the old price, the rest at the new one.

The client is told of the change with the grant (Tariff-Time-Change) and reports both parts (Tariff-Change-Usage). The key is turned over: its use so far is
charged and has its xDR, and it begins anew with the plan in force. One who does not tell the parts apart has used all before. Sessions in seconds keep the
prices of their start (DESIGN.md 3.2).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from portaswitch.billing import access, closing, counter_moves
from portaswitch.billing.transition import ACCEPTED, Outcome, changed, next_session
from portaswitch.model.catalogue import Catalogue, in_force
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, UnitRequest
from portaswitch.model.session import Leg, Quota, Session, Status
from portaswitch.model.value import dataclass

CHANGE = "tariff_change"
"""The fact of an answer: when a price of the session changes next (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A request with what its keys used behind the change, and the outcome that charges what they used before."""

    request: AAARequest
    before: Outcome


def announced(session: Session, request: AAARequest, catalogue: Catalogue) -> datetime | None:
    """When the first price of the keys that are asked for changes while what is granted may be used; None: not in that time."""
    asked, found = {unit.key for unit in request.units if unit.requested is not None}, None
    until = request.received + timedelta(seconds=request.lock_seconds or 0)
    for quota in session.quotas:
        if quota.base is Base.OCTETS and quota.legs and quota.key in asked:
            plan = quota.legs[0].plan
            for version in catalogue.tariffs[plan.i_tariff].rates.get(plan.prefix, ()) if plan.i_tariff in catalogue.tariffs else ():
                if version.effective_from <= request.received:
                    break  # the newest come first
                if version.effective_from <= until and (found is None or version.effective_from < found):
                    found = version.effective_from
    return found


def turned(view: View, request: AAARequest, catalogue: Catalogue) -> Turned | None:
    """Turn over the reported keys whose price has changed; None where there are none. `request` has its usage in totals."""
    session = view.session
    if session is None or session.status is not Status.OPEN or view.account is None:
        return None
    old: dict[int, Quota] = {}
    quotas, units = list(session.quotas), list(request.units)
    for place, quota in enumerate(session.quotas):
        number = next((number for number, asked in enumerate(units) if asked.key == quota.key), None)
        legs = _legs_now(view, quota, request, catalogue) if number is not None and quota.base is Base.OCTETS and quota.legs else ()
        if number is None or not legs:
            continue
        asked = units[number]
        later = min(asked.later.get(quota.base, 0), (asked.used or 0) - quota.used)
        old[place] = quota.reported(max(quota.used, (asked.used or 0) - later))
        quotas[place] = Quota(quota.key, quota.base, legs, quota.rated, charged=(ZERO,) * len(legs), pieces=quota.pieces)
        units[number] = replace(asked, used=later)
    return _charged(view, session, request, old, quotas, units) if old else None


def _charged(view: View, session: Session, request: AAARequest, old: dict[int, Quota], quotas: list[Quota], units: list[UnitRequest]) -> Turned:
    pieces = closing.pieces(view, session, tuple([quota for quota in old.values() if quota.used]), request)
    after = next_session(session, view, request, ACCEPTED, tuple(quotas))
    return Turned(replace(request, units=tuple(units)), changed(view, request, after, ACCEPTED, hold=after.held - session.held, pieces=pieces))


def _legs_now(view: View, quota: Quota, request: AAARequest, catalogue: Catalogue) -> tuple[Leg, ...]:
    """The legs of a key at the prices in force now; () where they are those that it has."""
    plan = quota.legs[0].plan
    tariff = catalogue.tariffs.get(plan.i_tariff)
    now = in_force(tariff.rates.get(plan.prefix, ()), request.at) if tariff is not None else None
    way = access.find(view, request, catalogue) if now is not None and now.i_rate != plan.i_rate else Refusal.NOT_AVAILABLE
    legs = Refusal.NOT_AVAILABLE if isinstance(way, Refusal) else access.legs(view, replace(way, number=quota.rated), request.at, catalogue, request.session)
    return () if isinstance(legs, Refusal) else legs


def joined(before: Outcome, then: Outcome) -> Outcome:
    """Both outcomes as one: what was charged of the past, and what was decided on the view behind that."""
    first, second = before.change, then.change
    assert first is not None and first.session is not None
    if second is None or second.session is None:
        session = replace(first.session, answer=then.decision)
        return Outcome(then.decision, replace(first, decision=then.decision, session=session), replace(before.view, session=session))
    session = replace(second.session, version=first.session.version)
    taken = first.debit + first.hold  # by the past, on the rows as they are still
    spent = None if second.spent is None else (second.spent[0] - taken, second.spent[1] - (taken if first.shared else ZERO))
    change = replace(
        second, relied=first.relied, debit=first.debit + second.debit, hold=first.hold + second.hold, session=session,
        need=None if second.need is None else second.need + taken, xdrs=first.xdrs + second.xdrs, parties=first.parties + second.parties,
        frees=second.frees or first.frees, spent=spent, counters=counter_moves.together(first.counters, second.counters),
    )  # fmt: skip
    return Outcome(then.decision, change, replace(then.view, session=session), then.doubtful)
