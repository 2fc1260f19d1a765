"""
Usage that can't be true is set aside whole, alarmed, and decided by an operator (DESIGN.md 3.3): nothing of such a report is charged.

What is doubted is only what no clock and no line could have done. A NAS whose clock is wrong by a zone, whose packets come hours late or whose Start got lost
reports true usage: so of two clocks (the event's and ours) the one counts that believes more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from portaswitch.billing import closing, counters
from portaswitch.billing.transition import ACCEPTED, Outcome, changed, next_session
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest, Base, Decision, Kind
from portaswitch.model.session import Quota, Session, Status

#: Seconds used may exceed the wall time since the session's start by so much and a hundredth.
TOLERANCE = 300
#: How far the end of a use may lie before us: the widest step between two time zones; a clock that is wrong by its zone is no wrong usage.
CLOCKS = timedelta(hours=26)
#: Seconds that a session may have lasted of which nothing was known before its report.
LONGEST_UNSEEN = 366 * 86400
#: Bits a second, both directions together, that no access line of one user carries.
TOP_RATE = 100_000_000_000
#: Units that one key of a session may have used.
MOST_USED = 2**53
#: A counter of 32 bits that falls by more than half of its range at a session's end has wrapped rather than gone back.
WRAPPED = 2**31


def why_impossible(session: Session, told: tuple[Quota, ...], request: AAARequest) -> str:
    """Why what `request` reports beyond `session` (the quotas `told`) can't be true; '' where it can."""
    if request.at - request.received > CLOCKS:
        return "it ends in the future"
    known = {quota.key: quota for quota in session.quotas}
    for quota in told:
        if quota is known.get(quota.key):
            continue
        why = _too_much(quota) or _too_long(session, quota, request) or _too_fast(session, quota, request)
        if why:
            return why
    return ""


def _too_much(quota: Quota) -> str:
    """Whatever the unit is: reports add up, and an xDR has 64 bits for them."""
    return "no counter holds so much" if quota.used > MOST_USED else ""


def _too_long(session: Session, quota: Quota, request: AAARequest) -> str:
    seconds = quota.used if quota.base is Base.TIME else 0
    if not session.version:
        return "it lasted longer than a year, and nothing was known of it" if seconds > LONGEST_UNSEEN else ""
    return "it used more seconds than have passed" if seconds > _passed(session, request) * 101 // 100 + TOLERANCE else ""


def _too_fast(session: Session, quota: Quota, request: AAARequest) -> str:
    if quota.base is not Base.OCTETS:
        return ""
    most = _passed(session, request) + TOLERANCE if session.version else LONGEST_UNSEEN
    seconds = counters.seconds(request, quota.key, quota.base)
    if seconds is not None and not quota.parts:
        most = min(seconds + TOLERANCE // 5, most)
    top = session.opened.policy.top_rate or TOP_RATE
    return f"more octets than {top} bits a second carry" if quota.used * 8 > top * max(most, 0) else ""


def _passed(session: Session, request: AAARequest) -> int:
    """
    The seconds since the session's start, by the clock that tells more: ours since we knew of it, or that of the events since the use began, which may be wrong
    but is wrong by the same at both ends.
    """
    opened = session.opened.started
    passed = max(request.at, request.received) - opened
    if session.connected is not None:
        passed = max(passed, request.at - session.connected)
    return max(0, int(passed.total_seconds()) + 1)


def why_wrapped(session: Session, request: AAARequest) -> str:
    """Why a Stop's octets are believed to have wrapped: they are far below what was reported before. Nothing is charged for them; an operator decides."""
    if request.kind is not Kind.STOP or counters.part_of(request):
        return ""
    for asked in request.units:
        used = asked.reported(Base.OCTETS)
        for quota in session.quotas:
            if quota.base is Base.OCTETS and quota.key == asked.key and used is not None and quota.used - used > WRAPPED:
                return "a counter of 32 bits has wrapped"
    return ""


def set_aside(view: View, request: AAARequest, session: Session, why: str, decision: Decision = ACCEPTED) -> Outcome:
    """
    The change that keeps the report for an operator and charges nothing of it: a Stop closes the session, charged by what it reported before, with its holds
    freed; any other report leaves it as it was.
    """
    if not session.version:  # what the report says of the beginning is no more to be believed
        session = replace(session, opened=replace(session.opened, started=request.received), connected=None)
    before = view.session.held if view.session is not None else ZERO
    if request.kind is not Kind.STOP:
        after = next_session(session, view, request, decision, session.quotas)
        return changed(view, request, after, decision, hold=after.held - before, aside=why)
    pieces = closing.pieces(view, session, session.quotas, request, f"set aside: {why}")
    after = next_session(session, view, request, decision, pieces.quotas, Status.CLOSED)
    return changed(view, request, after, decision, hold=-before, pieces=pieces, aside=why)
