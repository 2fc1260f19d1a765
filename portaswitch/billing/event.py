"""
One-shots: a use that is charged at once (a message), what it would cost, whether the funds are there, and a refund (Requested-Action, RFC 8506 6).

An event that names its session leaves that session behind, closed as it begins: it holds what was charged, which is what a refund may give back, and the
answer to a repetition. Further events of that session are uses of their own, each with its own price, side by side in it. One without leaves its key.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from portaswitch.billing import access, admission, closing, discounts, reserve
from portaswitch.billing.transition import Outcome, changed, facts_of, next_session, opened_now, refused
from portaswitch.model.catalogue import Catalogue, RatePlan
from portaswitch.model.charge import Charge
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO, plain
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Facts, Grant, Operation, UnitRequest
from portaswitch.model.session import Quota, Session, Status
from portaswitch.model.value import dataclass

COST, CREDIT, YES, NO = "cost", "credit", "yes", "no"
"""Facts of an answer: the price, in the account's currency; whether the funds reach."""

FOR_ALL: Final = UnitRequest()
MOST_USES: Final = 32
"""Uses of one session that a refund may still give back; a client that never begins another session must not make its row grow with each event."""


@dataclass(frozen=True, slots=True)
class Priced:
    """
    A use with its price: `session` is what it would open, `quota` the use of `units`, `charge` what that costs, `price` what of it the account pays.
    """

    session: Session
    quota: Quota
    units: int
    charge: Charge
    price: Decimal
    way: access.Access


def decide(view: View, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """Decide an event."""
    if request.operation is Operation.REFUND:
        return _refund(view, request)
    priced = _priced(view, request, catalogue)
    if isinstance(priced, Refusal):
        return refused(view, priced)
    facts = facts_of(view, request, priced.way, catalogue, {COST: plain(priced.price)})
    grants = (Grant(priced.quota.key, priced.quota.base, priced.units),)
    if request.operation is Operation.PRICE:
        return Outcome(Decision(grants, None, facts), None, view)
    funds = _funds(view, request)
    short = _short(view, request, priced, catalogue, funds)
    if request.operation is Operation.BALANCE:
        return Outcome(Decision(grants, None, replace(facts, more={**facts.more, CREDIT: NO if short else YES})), None, view)
    return refused(view, short) if short else _debit(view, request, priced, Decision(grants, None, facts), funds)


def _priced(view: View, request: AAARequest, catalogue: Catalogue) -> Priced | Refusal:
    """The use that is asked for, or why it is not served."""
    before = view.session
    if before is not None and before.status is not Status.CLOSED:
        return Refusal.INVALID_ARGUMENT  # a session that lives has its own requests
    if before is not None and not _owns(view, before, request):
        return Refusal.INVALID_ARGUMENT  # a session owns its account: another user's events must not be paid by it
    refusal = admission.refuse(view, request.credentials, request.received)
    if refusal is not None:
        return refusal
    if not admission.entitled(view, request):
        return Refusal.USER_DENIED
    way = access.find(view, request, catalogue)
    if isinstance(way, Refusal):
        return way
    refusal = admission.undialled(view, request, way)
    if refusal is not None:
        return refusal
    if request.units and request.units[0].rated:
        way = replace(way, number=request.units[0].rated)
    session = opened_now(view, request, catalogue, way)  # whatever its session was charged before, this is another use, at its own price
    if isinstance(session, Refusal):
        return session
    quota, units = access.with_vendor(session, session.quotas[0], request, catalogue), _units(request, session.quotas[0])
    if not quota.legs:
        return Refusal.CLD_BLOCKED
    own = next((asked.most_funds for asked in request.units if asked.most_funds is not None), None)
    if own is not None:
        quota, units = _at_own_price(quota, own), session.opened.unit
    quota = quota.reported(units)
    charge = closing.price(view, quota, session.opened)
    return Priced(session, quota, units, charge, charge.figure, way)


def _owns(view: View, session: Session, request: AAARequest) -> bool:
    """Whether the user that a request names, by any id, is the one that its session has been charged to."""
    aliases = view.account.aliases if view.account is not None else ()
    return not {session.opened.user, session.opened.account_id, *aliases}.isdisjoint((request.parties.user, *request.parties.others))


def _units(request: AAARequest, quota: Quota) -> int:
    """The units that are asked for, all together; what is asked in another base than the service's is one use."""
    if request.number is None:
        return sum(asked.requested or 0 for asked in request.units)
    return sum((asked.requested or 1) if asked.base is quota.base else 1 for asked in request.units)


def _at_own_price(quota: Quota, amount: Decimal) -> Quota:
    """The quota of a use whose price the client knows (CC-Money): the account pays that, resellers what their tariffs say."""
    first, *others = quota.legs
    plan = replace(first.plan, price_first=amount, price_n=amount, price_per=1, interval_first=1, interval_n=1, connect_fee=ZERO, pricing=None)
    return replace(quota, legs=(replace(first, plan=plan), *others))


def _short(view: View, request: AAARequest, priced: Priced, catalogue: Catalogue, seen: reserve.FundsSeen) -> Refusal | None:
    """Why the funds don't reach; None: they do."""
    if reserve.reseller_over_limit(view, request.received, catalogue.reseller_slack):
        return Refusal.CREDIT_LIMIT
    opened, breakage = priced.session.opened, priced.way.product.breakage
    funds = seen.beyond(breakage)
    plan: RatePlan = priced.quota.legs[0].plan
    wanted, used, drawn = -(-priced.quota.used // opened.unit), priced.quota.used, discounts.drawn(view, opened, priced.quota)
    if drawn and not reserve.in_quota(plan, drawn, wanted, request.at):
        return Refusal.QUOTA_EXCEEDED
    if funds.grantable is None or priced.price <= max(funds.grantable, ZERO):
        return None
    policy = replace(opened.policy, max_units=max(opened.policy.max_units, used))
    return reserve.why_not(plan, opened.billing_model, priced.quota.charged[0], wanted, policy, funds, breakage, opened.unit, request.at, drawn)


def _funds(view: View, request: AAARequest) -> reserve.FundsSeen:
    return reserve.within_budgets(view, reserve.funds_seen(view, ZERO, request.received))


def _debit(view: View, request: AAARequest, priced: Priced, decision: Decision, seen: reserve.FundsSeen) -> Outcome:
    """Charge it, on the condition that the funds are there still."""
    pieces = closing.pieces(view, priced.session, (priced.quota,), request, known=priced.charge)
    limited = seen.grantable is not None
    after = None
    if request.session and request.text is None:  # a message is over with its charge: its key alone tells a repetition
        before = () if view.session is None else tuple([quota for quota in view.session.quotas if _left(quota) > ZERO])
        after = next_session(view.session or priced.session, view, request, decision, (*pieces.quotas, *before)[:MOST_USES], Status.CLOSED)
    return changed(view, request, after, decision, need=priced.price if priced.price > ZERO and limited else None, pieces=pieces)


# -- refund ---------------------------------------------------------------------------------------------------------------------------------------


def _refund(view: View, request: AAARequest) -> Outcome:
    """Give back what the named session was charged, or the part that is asked for; never more than is left of it, whoever gave the rest back."""
    session, account = view.session, view.account
    if session is None or account is None:
        return refused(view, Refusal.UNKNOWN_SESSION)
    if session.status is not Status.CLOSED:
        return refused(view, Refusal.INVALID_ARGUMENT)
    pieces = _given_back(view, request, session)
    if not pieces.xdrs:
        return refused(view, Refusal.INVALID_ARGUMENT)
    decision = Decision(facts=Facts(account.id, account.i_account, currency=account.currency, more={COST: plain(-pieces.debit)}))
    after = next_session(session, view, request, decision, pieces.quotas)
    return changed(view, request, after, decision, pieces=pieces)


def _given_back(view: View, request: AAARequest, session: Session) -> closing.Pieces:
    """The pieces of a refund of the money or the units that are named, or of all, the latest use first; without xDRs where nothing is left of that."""
    asked = request.units[0] if request.units else FOR_ALL
    quotas: list[Quota] = []
    given, most = closing.NO_PIECES, session.charged - session.refunded
    for quota in session.quotas:
        amount, used = _amount(view, session, quota, asked, most)
        if amount > ZERO:
            told = closing.given_back(session, quota, request, amount)
            given = closing.Pieces((), given.debit + told.debit, given.xdrs + told.xdrs, given.parties + told.parties)
            asked, quota, most = _rest(asked, quota, amount), told.quotas[0].reported(used), most - amount
        quotas.append(quota)
    return replace(given, quotas=tuple(quotas))


def _amount(view: View, session: Session, quota: Quota, asked: UnitRequest, most: Decimal) -> tuple[Decimal, int]:
    """What is to be given back to the account of one use, at most what is left of its charge and of all (`most`), and the units that stay used."""
    left = min(_left(quota), most)
    if asked.most_funds is not None:
        return min(asked.most_funds, left), quota.used
    if not asked.requested or asked.base is not quota.base or asked.requested >= quota.used:
        return left, 0
    used = quota.used - asked.requested
    return min(left, -closing.cost(view, quota.of_parts(used, ()), session.opened) if left > ZERO else ZERO), used


def _rest(asked: UnitRequest, quota: Quota, amount: Decimal) -> UnitRequest:
    """What of a refund is still to come from earlier uses, when `amount` is given back of one."""
    if asked.most_funds is not None:
        return replace(asked, most_funds=asked.most_funds - amount)
    if not asked.requested or asked.base is not quota.base:
        return asked
    more = asked.requested - quota.used
    return replace(asked, requested=more) if more > 0 else replace(asked, most_funds=ZERO)


def _left(quota: Quota) -> Decimal:
    """What a refund may give back of a use: what the account was charged for it, less what went back."""
    return quota.charged[0] if quota.legs else ZERO
