"""
`decide(view, request, catalogue) -> Outcome`: the one pure decision on every request (DESIGN.md 3).

It is folded over the requests that wait for an account, each on the view that the one before left. It reads no clock, no row and no configuration: what it
needs comes in, and what is to happen goes out as a `Change` that the ledger applies or turns back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import (
    access,
    address_copies,
    admission,
    closing,
    event,
    granting,
    increments,
    internet,
    keys,
    numbered,
    occupancy,
    plausible,
    purchase,
    reserve,
    reused,
    tariff_change,
)
from portaswitch.billing.budgets import along
from portaswitch.billing.callback import billed
from portaswitch.billing.conditions import first_holds
from portaswitch.billing.counter_moves import reheld
from portaswitch.billing.counters import report_all, timed
from portaswitch.billing.discounts import drawn as drawn_on
from portaswitch.billing.discounts import with_plans
from portaswitch.billing.final_units import noted
from portaswitch.billing.transition import ACCEPTED, Outcome, brought, changed, facts_of, next_session, opened_now, refused, unseen
from portaswitch.model.access_policy import AccessPolicy
from portaswitch.model.catalogue import Catalogue, Protection
from portaswitch.model.charge import Take, held
from portaswitch.model.discount import Draws
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Facts, Grant, Kind, Lock, Refusing, UnitRequest
from portaswitch.model.session import Quota, Session, Status

#: What a use costs, and takes from counters and wallets.
Due = tuple[Decimal, tuple[Take, ...]]
#: What a request keeps that ends an attempt without an answer (Acct-Status-Type Failed).
FAILED = "failed"


def decide(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """Decide one request on one view; a repeated key gets the stored answer."""
    session = view.session
    if session is not None and session.last_key == request.key and not _lingers(session, request):
        return Outcome(session.answer, None, view)
    if request.begun is not None and session is not None and reused.is_elders(session, request):
        return Outcome(ACCEPTED, None, view)
    view = with_plans(view, catalogue, request.received)
    if request.number is None:
        outcome = KINDS[request.kind](view, request, catalogue)
        return address_copies.copied(outcome, request, catalogue) if catalogue.collectors else outcome
    told = numbered.told_before(view, request)
    if told is not None:
        return told
    request = numbered.of_session(view, request)
    if view.session is not None and keys.too_many(view, request):
        return plausible.set_aside(view, request, view.session, "it has more quota keys than a session may have", Decision(refusal=Refusal.INVALID_ARGUMENT))
    turned = tariff_change.turned(view, request, catalogue)
    if turned is not None:
        return tariff_change.joined(turned.before, _numbered(turned.before.view, turned.request, catalogue))
    return _numbered(view, request, catalogue)


def _numbered(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """A request of a session that numbers them, with its usage in totals."""
    seen = keys.told_of(view, request, catalogue)
    outcome = noted(seen, request, numbered.with_use(seen, request, NUMBERED[request.kind](seen, request, catalogue)))
    return replace(outcome, view=view) if outcome.change is None else outcome


# -- AUTH: who is this, may they, for how long ----------------------------------------------------------------------------------------------------


def _auth(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    if view.session is not None and request.parties.user not in (view.session.opened.user, view.session.opened.account_id):
        return refused(view, Refusal.INVALID_ARGUMENT)  # a session owns its account: another user must not be paid by it
    refusal = admission.refuse(view, request.credentials, request.received)
    if refusal is not None:
        return refused(view, admission.card(view, refusal, request, catalogue))
    if not admission.entitled(view, request):
        return refused(view, Refusal.USER_DENIED, facts_of(view, request, None))
    if occupancy.in_use(view, request):
        return refused(view, Refusal.ACCOUNT_IN_USE, facts_of(view, request, None))
    found = access.find(view, request, catalogue)
    if not request.units and request.number is None:
        return _login(view, request, None if isinstance(found, Refusal) else found, catalogue)
    if view.session is not None and view.session.status is not Status.OPEN:
        return refused(view, Refusal.SESSION_OVER, facts_of(view, request, None))
    if isinstance(found, Refusal):
        return refused(view, found, facts_of(view, request, None))
    facts = facts_of(view, request, found, catalogue)
    undialled = admission.undialled(view, request, found)
    if undialled is not None:
        return refused(view, undialled, facts)
    if request.number is not None:
        return _credit(view, request, facts, found, catalogue)
    session = view.session or opened_now(view, request, catalogue, found)
    if isinstance(session, Refusal):
        return refused(view, session, facts)
    policy = internet.policy_of(view, found.product, catalogue) if found.service.service_type in internet.SERVICES else None
    if policy is not None and view.session is None:
        session = internet.noted(session, found.product, policy, catalogue)
    if policy is not None:
        view = internet.beyond_quota(view, request, session, policy)
    if policy is not None and (barred := internet.barred(view, request, session, facts, policy)) is not None:
        return barred
    if not session.quotas[0].legs:
        return refused(view, Refusal.CLD_BLOCKED, facts)  # its accounting came first, and nothing prices it
    if view.session is not None and access.leads_elsewhere(view, session, request, found, catalogue):
        return refused(view, Refusal.INVALID_ARGUMENT, facts)
    if view.session is None and occupancy.full(view, request.direction):
        return refused(view, Refusal.CALL_LIMIT, facts)
    if reserve.reseller_over_limit(view, request.received, catalogue.reseller_slack):
        return refused(view, Refusal.CREDIT_LIMIT, facts)
    why = plausible.why_impossible(session, report_all(session, request), request) if view.session is not None else ""
    if why:
        return plausible.set_aside(view, request, session, why, Decision(refusal=Refusal.INVALID_ARGUMENT, facts=facts))
    if purchase.buys(session, request.units[0]):
        return _bought(view, request, session, facts, found.product.breakage, policy)
    return granting.grant(view, request, session, facts, found.product.breakage, policy)


def _credit(view: View, request: AAARequest, facts: Facts, found: access.Access, catalogue: Catalogue) -> Outcome:
    """Credit control: reserve for each key at its own price; a key is refused alone (RFC 8506 5)."""
    if view.session is None and occupancy.full(view, request.direction):
        return refused(view, Refusal.CALL_LIMIT, facts)
    if reserve.reseller_over_limit(view, request.received, catalogue.reseller_slack):
        return _over_limit(view, request, facts, found, catalogue)
    session, asked, unpriced = keys.joined(view, view.session or keys.opened(view, request, found), request, found, catalogue)
    if unpriced and not asked.units and view.session is None and request.refusing is Refusing.SESSION:
        return refused(view, Refusal.CLD_BLOCKED, facts)
    why = plausible.why_impossible(session, report_all(session, asked), asked) if view.session is not None else ""
    if why:
        return plausible.set_aside(view, request, session, why, Decision(refusal=Refusal.INVALID_ARGUMENT, facts=facts))
    policy = internet.policy_of(view, found.product, catalogue)
    if policy is not internet.NO_POLICY and found.service.service_type in internet.SERVICES:
        data = internet.allowed(view, asked, session, facts, policy)
        if isinstance(data, Refusal):
            return refused(view, data, facts)
        view, asked, facts, unpriced = data.view, data.request, data.facts, (*unpriced, *data.shut)
    if (change := tariff_change.announced(session, asked, catalogue)) is not None:
        facts = replace(facts, more={**facts.more, tariff_change.CHANGE: change.isoformat()})
    return granting.grant(view, asked, session, facts, found.product.breakage, None, unpriced, catalogue)


def _over_limit(view: View, request: AAARequest, facts: Facts, found: access.Access, catalogue: Catalogue) -> Outcome:
    """A reseller is over its limit: nothing is granted."""
    if view.session is not None or request.refusing is Refusing.SESSION:
        return refused(view, Refusal.CREDIT_LIMIT, facts)
    session, asked, unpriced = keys.joined(view, keys.opened(view, request, found), request, found, catalogue)
    shut = tuple([Grant(one.key, session.quotas[0].base, 0, refusal=Refusal.CREDIT_LIMIT) for one in asked.units if one.requested is not None])
    return granting.grant(view, replace(asked, units=()), session, facts, found.product.breakage, None, (*unpriced, *shut), catalogue)


def _renew(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """A numbered session goes on; what comes behind its provisional end is charged, and told that it is over."""
    session = view.session
    if session is None or session.status is Status.OPEN:
        return _auth(view, request, catalogue)
    over = Decision(refusal=Refusal.UNKNOWN_SESSION)
    if report_all(session, request) is session.quotas:
        return Outcome(over, None, view)
    why = plausible.why_impossible(session, report_all(session, request), request)
    return plausible.set_aside(view, request, session, why, over) if why else _settle(view, request, session, Status.PROVISIONAL, catalogue, over)


def _login(view: View, request: AAARequest, way: access.Access | None, catalogue: Catalogue) -> Outcome:
    """An authentication: what is told of the account, and the login lock where it names its session."""
    decision = Decision(facts=facts_of(view, request, way, catalogue))
    places = occupancy.login(view, request, way.entry.policy if way is not None else None)
    return Outcome(decision, None, view) if places is None else changed(view, request, None, decision, places=places)


def _bought(view: View, request: AAARequest, session: Session, facts: Facts, breakage: Decimal, policy: AccessPolicy | None) -> Outcome:
    """Access sold as one purchase; without funds for it, the hotline of its policy."""
    outcome = purchase.buy(view, request, session, facts, breakage, lambda told: granting.told_of(facts, view, request, session, policy, told))
    refusal = outcome.decision.refusal
    if policy is not None and refusal in internet.HOTLINED and outcome.change is None:
        return internet.hotline(view, request, session, facts, policy, refusal)
    return outcome


# -- START, UPDATE: the session lives -------------------------------------------------------------------------------------------------------------


def _live(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """A Start or an Alive: open a session never seen, keep the reported use, and hold at least what it costs so far. Never refused: it is already happening."""
    if not request.units:
        return Outcome(ACCEPTED, None, view)  # a leg that is not rated: it must not fix number, price and hold
    session = view.session or unseen(view, request, catalogue)
    if session is None or session.status is Status.CLOSED:
        return Outcome(ACCEPTED, None, view)
    quotas = report_all(session, request)
    nothing_new = quotas is session.quotas
    why = "" if nothing_new else plausible.why_impossible(session, quotas, request)
    if why:
        return plausible.set_aside(view, request, session, why)
    if session.status is Status.PROVISIONAL:
        return Outcome(ACCEPTED, None, view) if nothing_new else _settle(view, request, session, Status.PROVISIONAL, catalogue)
    if nothing_new and view.session is not None and (request.connected is None or session.connected is not None):
        news = brought(session, request) is not session.brought or (catalogue.collectors and address_copies.due(session, request, catalogue))
        return _linger(view, request, session) if news or _lingers(session, request) else Outcome(ACCEPTED, None, view)
    pieces = increments.due(view, session, quotas, request, catalogue)
    return _goes_on(view, request, session, pieces.quotas or quotas, pieces)


def _goes_on(view: View, request: AAARequest, session: Session, quotas: tuple[Quota, ...], pieces: closing.Pieces) -> Outcome:
    """The living session behind a report: `quotas` covered by holds, its expiry moved, `pieces` charged."""
    draws = [drawn_on(view, session.opened, quota) for quota in quotas]
    dues = [closing.due(view, quota, session.opened, drawn) if quota.legs else (ZERO, ()) for quota, drawn in zip(quotas, draws, strict=True)]
    costs = [cost for cost, _ in dues]
    covered: list[Quota] = []
    seen = view
    for place, quota in enumerate(quotas):
        # What the keys have used goes before what any of them may take beyond it.
        before, behind = sum([held(other.holds) for other in covered], ZERO), sum(costs[place + 1 :], ZERO)
        covered.append(_cover(seen, request, session, quota, dues[place], before, behind, draws[place] if seen is view else None))
        if place + 1 < len(quotas):
            seen = reheld(seen, quota, covered[-1])
    quotas = tuple(covered)
    held_until = [reserve.hold_until(request.received, session.opened, quota, max(quota.granted - quota.used, 0)) for quota in quotas if quota.granted]
    expires = max([session.expires, _idle_until(session, request), *held_until])
    connected = session.connected or request.connected or closing.began(quotas[0], request) or request.at
    charged_at = request.received if pieces.quotas else None
    after = next_session(session, view, request, ACCEPTED, quotas, expires=expires, connected=connected, charged_at=charged_at)
    hold = after.held - (view.session.held if view.session is not None else ZERO)
    return changed(view, request, after, ACCEPTED, hold=hold, need=first_holds(quotas, costs) if view.session is None else None, pieces=pieces)


def _idle_until(session: Session, request: AAARequest) -> datetime:
    return request.received + timedelta(seconds=session.opened.policy.idle_timeout)


def _lingers(session: Session, request: AAARequest) -> bool:
    """Whether an Alive must be noted though its counters stand still: more than half of the session's idle time has passed since its expiry was moved."""
    if request.kind is not Kind.UPDATE or session.status is not Status.OPEN or not request.units:
        return False
    return (session.expires - request.received).total_seconds() * 2 < session.opened.policy.idle_timeout


def _linger(view: View, request: AAARequest, session: Session) -> Outcome:
    """
    Move the expiry, note how the NAS knows the session, and nothing else; under a key of its own, as the counters, and so the Alive's key, are those of the
    one before.
    """
    request = replace(request, key=f"{request.key}@{int(request.received.timestamp())}")
    after = next_session(session, view, request, ACCEPTED, session.quotas, expires=max(session.expires, _idle_until(session, request)))
    return changed(view, request, after, ACCEPTED)


def _cover(
    view: View, request: AAARequest, session: Session, quota: Quota, due: Due, before: Decimal, behind: Decimal, known: Draws | None
) -> Quota:
    """
    Hold what the use so far costs and takes (`due`) where the protection holds at all; a session that was never authorized gets its first slice, or the whole,
    as far as the funds go. `before` is held by this request's other keys, which the view's counters know already, `behind` the cost of those that follow.
    `known`: what it draws on, where that was looked up on this view.
    """
    opened = session.opened
    if not quota.legs:
        return quota
    protection = reserve.protection_of(opened.policy, opened.billing_model, UnitRequest(quota.key, quota.base), opened.service_type)
    if protection is Protection.NONE:
        return quota
    if view.session is None:
        asked = UnitRequest(quota.key, quota.base, requested=0, used=quota.used)
        funds = reserve.within_budgets(view, reserve.funds_seen(view, -before - behind, request.received), taken=behind)
        drawn = drawn_on(view, opened, quota) if known is None else known
        made = reserve.reserve(quota, asked, quota.legs[0].plan, opened.policy, protection, funds, opened.unit, opened.started, drawn)
        if made is not None:
            quota = quota.holding(made.holds, quota.used + (made.units or 0))
    return along(view, reserve.covered(quota, *due))


# -- STOP, EXPIRE, ON_OFF: the session is over ----------------------------------------------------------------------------------------------------


def _stop(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    if not request.units:
        return _unlock(view, request)
    session = view.session or unseen(view, request, catalogue)
    if session is None or session.status is Status.CLOSED:
        return Outcome(ACCEPTED, None, view)
    request = timed(session, request)
    if session.status is Status.PROVISIONAL and _unanswered(session, request):
        return Outcome(ACCEPTED, None, view)  # it is over already, and nothing is new
    if FAILED in request.kept and session.connected is not None:
        return Outcome(ACCEPTED, None, view)  # an attempt beside the one that was answered
    why = plausible.why_wrapped(session, request) or plausible.why_impossible(session, report_all(session, request), request)
    if why:
        return plausible.set_aside(view, request, session, why)
    # Behind an attempt that failed, or a leg that nobody answered, the same session may have another one, whose Stop must count.
    over = Status.PROVISIONAL if FAILED in request.kept or _unanswered(session, request) else Status.CLOSED
    outcome = _settle(view, request, session, over, catalogue)
    if view.session is None and outcome.change is not None and report_all(session, request) is session.quotas:
        return replace(outcome, change=replace(outcome.change, attempt=request.session))  # a refused attempt has its xDR already
    return outcome


def _unanswered(session: Session, request: AAARequest) -> bool:
    """Whether a Stop tells that nothing was used: of a gateway that hunts, which reports each leg of the call in the same session, and of others who end it."""
    return request.number is None and [asked.reported(session.quotas[0].base) for asked in request.units] == [0]


def _unlock(view: View, request: AAARequest) -> Outcome:
    """A leg that is not rated: it may say `unlock`, which frees the session's holds and its login lock; first, twice or never it changes nothing else."""
    session, places = view.session, occupancy.released(view)
    if request.lock is not Lock.UNLOCK:
        return Outcome(ACCEPTED, None, view)
    if session is None or session.status is not Status.OPEN or not session.held:
        locked = view.funds.locked_by != "" and view.funds.locked_by == occupancy.locker(request)
        return changed(view, request, None, ACCEPTED, places=places) if locked else Outcome(ACCEPTED, None, view)
    after = next_session(session, view, request, ACCEPTED, tuple(quota.holding((), quota.granted) for quota in session.quotas))
    return changed(view, request, after, ACCEPTED, hold=-session.held, places=places)


def _expire(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """The sweeper, or a restarted node: charge what was reported, free the holds, close provisionally."""
    session = view.session
    if session is None or session.status is not Status.OPEN or (request.kind is Kind.EXPIRE and session.expires > request.at):
        return Outcome(ACCEPTED, None, view)
    return _settle(view, request, session, Status.PROVISIONAL, catalogue)


def _settle(view: View, request: AAARequest, session: Session, status: Status, catalogue: Catalogue, decision: Decision = ACCEPTED) -> Outcome:
    """Charge what each quota key used beyond what it was charged, write its xDRs, free its holds. Real use is charged whatever the funds are."""
    session = billed(view, session, request, catalogue)
    # Who carried nothing is no vendor: the next leg of a call may go by another one.
    used = tuple(access.with_vendor(session, quota, request, catalogue) if quota.used else quota for quota in report_all(session, request))
    pieces = closing.pieces(view, session, used, request)
    connected = session.connected or request.connected
    after = next_session(session, view, request, decision, pieces.quotas, status, connected=connected)
    freed = view.session.held if view.session is not None else ZERO
    return changed(view, request, after, decision, hold=-freed, pieces=pieces)


KINDS = {
    Kind.AUTH: _auth,
    Kind.START: _live,
    Kind.UPDATE: _live,
    Kind.STOP: _stop,
    Kind.EVENT: event.decide,
    Kind.EXPIRE: _expire,
    Kind.ON_OFF: _expire,
}
#: Of sessions that number their requests.
NUMBERED = {Kind.AUTH: _renew, Kind.UPDATE: _renew, Kind.STOP: _stop, Kind.EVENT: event.decide}
