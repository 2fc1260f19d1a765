"""
The final state of a session (RFC 8506 5.6): its client has been given the last that the funds pay for, or nothing, and asks no more of its own accord.

Each quota key is in it or not, by the last answer that was about it. Who adds funds later has the client asked to ask again (Re-Auth-Request), and the next
grant that is not the last ends it. So the answer relies on there being no more than was seen: else who added it has met no session that waits (`relying`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portaswitch.billing import counter_moves
from portaswitch.billing.transition import Outcome, changed, next_session
from portaswitch.model.ledger import View
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, QuotaKey
from portaswitch.model.session import Quota, Session, Status

SHORT: Final = frozenset((
    Refusal.ZERO_BALANCE, Refusal.CREDIT_LIMIT, Refusal.INSUFFICIENT_BALANCE, Refusal.QUOTA_EXCEEDED, Refusal.FUNDS_LOCKED, Refusal.FUNDS_SHORT,
    Refusal.SPEND_LIMIT,
))  # fmt: skip
"""Refusals for want of funds, credit or quota."""

BARRED: Final = SHORT | {Refusal.USER_DENIED, Refusal.USER_SUSPENDED, Refusal.CARD_EXPIRED}
"""Refusals of a whole request that an operator may lift: of those, and of accounts that are blocked, suspended or expired."""


def noted(view: View, request: AAARequest, outcome: Outcome) -> Outcome:
    """
    The outcome of a numbered request with each key's final state in its session. A last part may not be told on money that is only remembered, no more than a
    refusal: a top-up that was made elsewhere would come to nothing.
    """
    if outcome.change is not None and outcome.change.session is None:
        return outcome
    session = view.session if outcome.change is None else outcome.change.session
    if session is None or session.status is not Status.OPEN or request.kind is Kind.EVENT or view.account is None:
        return outcome
    decision = outcome.decision
    if decision.refusal is None and not any([grant.last or grant.refusal for grant in decision.grants]) and not any([q.final for q in session.quotas]):
        return outcome  # as nearly always
    ends = _ends(request, decision)
    if outcome.change is not None and any([grant.last for grant in decision.grants]):
        outcome = replace(outcome, doubtful=True)
    if any(ends.values()):
        return relying(view, _told(view, request, outcome, session, ends))
    return _told(view, request, outcome, session, ends)


def _told(view: View, request: AAARequest, outcome: Outcome, session: Session, ends: dict[QuotaKey, bool]) -> Outcome:
    quotas = tuple([_marked(quota, ends.get(quota.key, quota.final)) for quota in session.quotas])
    if all([new is old for new, old in zip(quotas, session.quotas, strict=True)]):
        return outcome
    if outcome.change is None:
        decision = outcome.decision
        return changed(view, request, next_session(session, view, request, decision, quotas), decision)
    after = replace(session, quotas=quotas)
    return replace(outcome, change=replace(outcome.change, session=after), view=replace(outcome.view, session=after))


def relying(view: View, outcome: Outcome) -> Outcome:
    """The outcome on the condition that no less is spent and held, of money and of the counters that the session draws on, than `view` says."""
    change, account = outcome.change, view.account
    if change is None or change.session is None or account is None:
        return outcome
    funds, above = view.funds, view.customer_funds
    spent = change.owes * funds.balance + funds.held, above.balance + above.held
    return replace(outcome, change=replace(change, spent=spent, counters=counter_moves.floored(view, change.session, change.counters)))


def _ends(request: AAARequest, decision: Decision) -> dict[QuotaKey, bool]:
    """The keys that the request is about: whether nothing follows. One for which nothing is asked any more is over, and nobody waits for it."""
    ends = {asked.key: False for asked in request.units if asked.requested is None}
    if decision.refusal is not None:
        asking = [asked.key for asked in request.units if asked.requested is not None]
        return ends | dict.fromkeys(asking, True) if decision.refusal in BARRED else ends
    return ends | {grant.key: grant.last or grant.refusal in SHORT for grant in decision.grants}


def _marked(quota: Quota, final: bool) -> Quota:
    return quota if quota.final is final else replace(quota, final=final)
