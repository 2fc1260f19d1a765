"""
Quota keys with prices of their own: each rating group is a destination of the tariff (PORTABILLING.md, content-based charging), so that of one session some
traffic is free, some is paid, and some is not sold at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portaswitch.billing import access
from portaswitch.billing.transition import begin
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import WHOLE, AAARequest, Grant, Kind, UnitRequest
from portaswitch.model.session import Leg, Quota, Session

MOST_KEYS: Final = 256
"""Quota keys of one session: a P-GW has some dozens of rating groups, and each costs time at every request."""

Joined = tuple[Session, AAARequest, tuple[Grant, ...]]
NOTHING: Final[tuple[Leg, ...]] = ()


def opened(view: View, request: AAARequest, way: access.Access) -> Session:
    """A session as it begins, before its keys have joined: one that nothing prices stands for them (a client may open it first and ask later)."""
    return begin(view, replace(request, units=()), NOTHING, way, request.at)


def joined(view: View, session: Session, request: AAARequest, way: access.Access, catalogue: Catalogue) -> Joined:
    """
    The session with the keys that the request brings, the request without those that have no price, and their refusals. The use of such a key is recorded all
    the same. Prices are those of the session's beginning.
    """
    known = {quota.key: quota for quota in session.quotas if not _stands_in(quota)}
    asks: list[UnitRequest] = []
    refusals: list[Grant] = []
    for asked in request.units:
        quota = known.get(asked.key)
        if quota is None:
            legs = _legs(view, session, asked, way, catalogue)
            quota = Quota(asked.key, way.service.base, legs, asked.rated or way.number, charged=(ZERO,) * len(legs))
        if quota.legs or asked.requested is None or asked.reported(quota.base):
            known[asked.key] = quota
        if quota.legs or asked.requested is None:
            asks.append(asked)
        else:
            refusals.append(Grant(asked.key, quota.base, 0, refusal=Refusal.CLD_BLOCKED))
    same = len(asks) == len(request.units) and len(known) == len(session.quotas)
    if same and all([quota.legs and known.get(quota.key) is quota for quota in session.quotas]):
        return session, request, ()  # it goes on with the keys that it has
    quotas = tuple(sorted(known.values(), key=lambda quota: not quota.legs)) or session.quotas
    return replace(session, quotas=quotas), replace(request, units=tuple(asks)), tuple(refusals)


def too_many(view: View, request: AAARequest) -> bool:
    """Whether the request brings more keys than a session may have."""
    session = view.session
    if session is None or request.kind is Kind.EVENT or len(session.quotas) + len(request.units) <= MOST_KEYS:
        return False
    return len({quota.key for quota in session.quotas} | {asked.key for asked in request.units}) > MOST_KEYS


def told_of(view: View, request: AAARequest, catalogue: Catalogue) -> View:
    """The view whose session knows the keys, new to it, of which the request reports use: whatever becomes of the request, they have their own prices."""
    session = view.session
    if session is None or view.account is None or request.kind is Kind.EVENT:
        return view
    known, base = {quota.key for quota in session.quotas}, session.quotas[0].base
    new = tuple([replace(asked, requested=None) for asked in request.units if asked.key not in known and asked.reported(base)])
    if not new:
        return view
    way = access.find(view, request, catalogue)
    if isinstance(way, Refusal):
        quotas = (*session.quotas, *[Quota(asked.key, base, NOTHING, asked.rated) for asked in new])
        return replace(view, session=replace(session, quotas=quotas))
    return replace(view, session=joined(view, session, replace(request, units=new), way, catalogue)[0])


def _stands_in(quota: Quota) -> bool:
    return quota.key == WHOLE and not quota.legs and not quota.used


def _legs(view: View, session: Session, asked: UnitRequest, way: access.Access, catalogue: Catalogue) -> tuple[Leg, ...]:
    legs = access.legs(view, replace(way, number=asked.rated or way.number), session.opened.started, catalogue, session.opened.session)
    return NOTHING if isinstance(legs, Refusal) else legs
