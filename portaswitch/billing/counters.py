"""
Counters: what a request reports of each quota key, as the session's cumulative use.

A wire may tell several figures at once (seconds and octets of one Internet session): the one of the session's own base counts. A figure that is lower than
the one before changes nothing (PROTOCOLS.md 1.3.5): a repeated or late report, a NAS that lost its counter, and a counter of 32 bits that wrapped look the
same, and the first is by far the most frequent. A wrapped delta is never charged; a Stop that looks wrapped is shown to an operator (`plausible`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest, Base, QuotaKey, Report, UnitRequest
from portaswitch.model.session import Quota, Session

#: A session's sub-sessions whose figures are kept; of more, the oldest are taken as over for good (their use stays counted).
MOST_PARTS = 256


def part_of(request: AAARequest) -> str:
    """The sub-session that reports (cisco-pdsn.2): its counters start from nothing; '' where the session has no parts."""
    return request.kept.get("part", "")


def seconds(request: AAARequest, key: QuotaKey, base: Base) -> int | None:
    """The session time that a request reports beside or as the use of a key in `base`; None where it tells none."""
    for asked in request.units:
        if asked.key == key:
            return asked.reported(base) if base is Base.TIME else asked.counters.get(Base.TIME)
    return None


def timed(session: Session, request: AAARequest) -> AAARequest:
    """
    A Stop that tells no duration (a SIP proxy's, which sends no Acct-Session-Time) lasted from what its Start said to the event; who was never connected used
    nothing.
    """
    first, begin = session.quotas[0], session.connected
    if begin is None or first.base is not Base.TIME or part_of(request) or not request.units:
        return request
    asked = request.units[0]
    if asked.key != first.key or asked.report is not Report.FINAL or asked.reported(Base.TIME) is not None:
        return request
    lasted = request.at - begin
    seconds = max(1, (lasted + timedelta(milliseconds=500)) // timedelta(seconds=1)) if lasted > timedelta() else 0
    told = replace(asked, used=seconds, counters={**asked.counters, Base.TIME: seconds} if asked.counters else asked.counters)
    return replace(request, units=(told, *request.units[1:]))


def in_own_base(asked: UnitRequest, base: Base) -> UnitRequest:
    """
    What is asked, in the session's own base. A client that did not ask in it gets what the server thinks right: its amounts are of another kind. That it can
    re-authorize it has shown all the same.
    """
    if asked.base is base:
        return asked
    found = asked.in_base(base)
    if found.base is base:  # what was used is reported with the first
        return replace(found, used=asked.used, counters=asked.counters, key=asked.key)
    return replace(asked, requested=None if asked.requested is None else 0, minimum=None if asked.minimum is None else 1)


def report_all(session: Session, request: AAARequest) -> tuple[Quota, ...]:
    """The quotas with what the request reports of each, a key that the session has not got included; the very same tuple where nothing new is reported."""
    quotas, part = session.quotas, part_of(request)
    for asked in request.units:
        for place, quota in enumerate(quotas):
            if quota.key == asked.key:
                told = reported(quota, asked, part)
                if told is not quota:
                    quotas = (*quotas[:place], told, *quotas[place + 1 :])
                break
        else:
            if asked.reported(quotas[0].base):
                quotas = (*quotas, reported(beside(quotas[0], asked), asked, part))
    return quotas


def beside(elder: Quota, asked: UnitRequest) -> Quota:
    """A quota key new to a session: priced as its elder, with nothing used, held or charged."""
    return Quota(asked.key, elder.base, elder.legs, elder.rated, charged=tuple(ZERO for _ in elder.legs))


def reported(quota: Quota, asked: UnitRequest, part: str = "") -> Quota:
    """The quota with the reported use; a counter that went back or repeats changes nothing (it never lowers, DESIGN.md 3.4)."""
    used = asked.reported(quota.base)
    if used is None:
        return quota
    if part:
        return _of_part(quota, part, used)
    return quota if used <= quota.used else quota.reported(used)


def _of_part(quota: Quota, part: str, used: int) -> Quota:
    """The session's use is the sum over its parts of each one's highest figure."""
    before = next((highest for name, highest in quota.parts if name == part), 0)
    if used <= before:
        return quota
    others = tuple([one for one in quota.parts if one[0] != part])
    return quota.of_parts(quota.used + used - before, (*others[-MOST_PARTS + 1 :], (part, used)))
