"""
Sessions whose requests are numbered (credit control, RFC 8506 5): they begin with an AUTH and with nothing else, report deltas, and each number counts once.

    AUTH (CCR-I) opens; UPDATE (CCR-U) reports and asks for more; STOP (CCR-T) reports and ends; a key that reports and asks for nothing is over

The rest of the core reckons with what a session has used in all: `of_session` adds the deltas up. What was used stays known whatever the answer is: its client
reports it once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portaswitch.billing import budgets, closing, reserve
from portaswitch.billing.counters import report_all
from portaswitch.billing.numbers_seen import seen
from portaswitch.billing.transition import Outcome, changed, next_session, refused
from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Counting, Kind, Report, UnitRequest
from portaswitch.model.session import Opened, Quota, Session, Status

OPENING: Final = frozenset((Kind.AUTH, Kind.EVENT))
GRACE: Final = timedelta(seconds=reserve.GRACE)


def told_before(view: View, request: AAARequest) -> Outcome | None:
    """The answer to a request that changes nothing: of a session that nobody opened or that is over, or a number that has counted; None for all others."""
    session = view.session
    if session is None:
        return None if request.kind in OPENING else refused(view, Refusal.UNKNOWN_SESSION)
    if seen(session.numbers, request):
        return Outcome(session.answer, None, view)  # the client has had its own answer, or it would not have gone on
    if session.status is Status.CLOSED and request.kind is not Kind.EVENT:
        return refused(view, Refusal.UNKNOWN_SESSION)
    return None


def of_session(view: View, request: AAARequest) -> AAARequest:
    """The request as its session has it: the parties and the service of the beginning (it owns its account, DESIGN.md 3.5), and usage in totals."""
    session = view.session
    if session is None or request.kind is Kind.EVENT:
        return request
    opened = session.opened
    parties = request.parties
    if (parties.user, parties.calling, parties.called) != (opened.user, opened.cli, opened.cld):
        parties = replace(parties, user=opened.user, calling=opened.cli, called=opened.cld)
    units = tuple([_total(session, asked) for asked in request.units])
    if not units and request.kind is Kind.STOP:
        units = (UnitRequest(session.quotas[0].key, session.quotas[0].base, used=session.quotas[0].used, report=Report.FINAL),)
    return replace(request, parties=parties, service=opened.service_type, direction=opened.direction, units=units)


def _total(session: Session, asked: UnitRequest) -> UnitRequest:
    """Deltas of the base that the key is counted in, on top of what it had used; a known key that reports nothing has used nothing since."""
    if asked.counting is Counting.TOTAL:
        return asked
    quota = next((quota for quota in session.quotas if quota.key == asked.key), None)
    told = asked.reported(session.quotas[0].base if quota is None else quota.base)
    used = told if quota is None else quota.used + (told or 0)
    return replace(asked, used=used, counters={}, counting=Counting.TOTAL)


def sized(asked: UnitRequest, request: AAARequest, policy: ServicePolicy) -> UnitRequest:
    """What is asked, "as much as you think right" being the policy's slice: whoever numbers its requests can come again."""
    return replace(asked, requested=policy.slice) if request.number is not None and asked.requested == 0 else asked


def held_until(session: Session, request: AAARequest) -> datetime:
    """When at least the session is given up: some time behind the lock that its client was told of (Validity-Time)."""
    if request.number is None or request.lock_seconds is None:
        return session.expires
    return max(session.expires, request.received + timedelta(seconds=request.lock_seconds) + GRACE)


def ended(view: View, quota: Quota, opened: Opened) -> Quota:
    """A key for which nothing more is asked: what it used stays held until it is charged, its rest is free (DESIGN.md 3.3)."""
    return _kept(view, quota.holding((), quota.used), opened)


def with_use(view: View, request: AAARequest, outcome: Outcome) -> Outcome:
    """The outcome; a refusal of a living session keeps the use that the request reports, and its number."""
    session = view.session
    if outcome.change is not None or outcome.decision.refusal is None or session is None or session.status is not Status.OPEN or view.account is None:
        return outcome
    quotas = report_all(session, request)
    if quotas is session.quotas:
        return outcome
    after = next_session(session, view, request, outcome.decision, tuple([_kept(view, quota, session.opened) for quota in quotas]))
    return changed(view, request, after, outcome.decision, hold=after.held - session.held)


def _kept(view: View, quota: Quota, opened: Opened) -> Quota:
    """The quota with what its use costs held, where anything is held at all."""
    asked = UnitRequest(quota.key, quota.base, minimum=1)
    if not quota.legs or reserve.protection_of(opened.policy, opened.billing_model, asked, opened.service_type) is Protection.NONE:
        return quota
    cost, takes = closing.due(view, quota, opened)
    return budgets.along(view, reserve.covered(quota, cost, takes)) if cost > ZERO or takes else quota
