"""
The parts that decisions are made of: how a session begins, takes reports and goes on, and how a decision becomes a change with the view behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import access, budgets, closing, counter_moves, occupancy, reserve
from portaswitch.billing.numbers_seen import counted
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Catalogue, Protection
from portaswitch.model.discount import NO_COUNTERS
from portaswitch.model.ledger import Change, CounterMove, Freed, Occupancy, Pressed, View
from portaswitch.model.money import ZERO, five
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Direction, Facts, Kind, UnitRequest
from portaswitch.model.session import Leg, Opened, Quota, Session, Status
from portaswitch.model.value import dataclass

ACCEPTED = Decision()
LIVING = frozenset((Kind.START, Kind.UPDATE))
#: Attributes by which a NAS knows a session, by the names of `AAARequest.kept`.
NAMING = ("acct_session_id", "multi_session_id", "subscriber_ip", "call_id", "nas_port", "nas_port_id")


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What was decided: the answer, the change it needs (None: none), and the view that the next request of the account is decided on. `doubtful`: the change
    stands for a refusal for funds, so that, as a refusal, it may not be made on money that is only remembered.
    """

    decision: Decision
    change: Change | None
    view: View
    doubtful: bool = False


def session_key(request: AAARequest) -> str:
    """The name of a request's session in the store: node and session id; '' for a request without a session."""
    return f"{request.origin.i_node}/{request.session}" if request.session else ""


def refused(view: View, refusal: Refusal, facts: Facts | None = None) -> Outcome:
    """A refusal: nothing changes; `facts` for the answer's attributes."""
    return Outcome(Decision(refusal=refusal, facts=facts or Facts()), None, view)


def refused_with_use(view: View, request: AAARequest, session: Session, used: Quota, refusal: Refusal, facts: Facts) -> Outcome:
    """
    A refusal that reports use: what the session has used stays known (its sweeper would charge less) and is held, where anything is held at all. A key that is
    new to a numbered session stays known too: its client waits for it.
    """
    before = next((quota for quota in session.quotas if quota.key == used.key), None)
    if view.session is None or not used.legs or (used is before and (request.number is None or any([quota is used for quota in view.session.quotas]))):
        return refused(view, refusal, facts)
    opened, decision = session.opened, Decision(refusal=refusal, facts=facts)
    if reserve.protection_of(opened.policy, opened.billing_model, UnitRequest(used.key, used.base), opened.service_type) is not Protection.NONE:
        used = reserve.covered(used, *closing.due(view, used, opened))
    quotas = tuple([used if quota.key == used.key else quota for quota in session.quotas])
    after = next_session(session, view, request, decision, quotas if before is not None else (*quotas, used))
    return changed(view, request, after, decision, hold=after.held - view.session.held)


def opened_now(view: View, request: AAARequest, catalogue: Catalogue, way: access.Access) -> Session | Refusal:
    """A session as it begins, with the plans of this moment."""
    # Who authorizes a session anew that we have never seen (a change of servers) has used something of it already.
    told = request.units[0].reported(Base.TIME) if way.service.base is Base.TIME and request.kind is Kind.AUTH else None
    since = request.at - timedelta(seconds=told) if told else request.at
    legs = access.legs(view, way, since, catalogue, request.session or request.key)
    if isinstance(legs, Refusal):
        return legs
    return begin(view, request, legs, way, since)


def unseen(view: View, request: AAARequest, catalogue: Catalogue) -> Session | None:
    """The session of accounting that was never authorized; without a rating entry or rate it has no legs and is recorded unpriced. None: no such account."""
    if view.account is None:
        return None
    way = access.find(view, request, catalogue)
    base = request.units[0].base if isinstance(way, Refusal) else way.service.base
    used = max((asked.reported(base) or 0 for asked in request.units), default=0)
    since = request.connected or closing.began(Quota(request.units[0].key, base, (), "", used), request) or request.at
    legs = way if isinstance(way, Refusal) else access.legs(view, way, since, catalogue, request.session or request.key)
    return begin(view, request, () if isinstance(legs, Refusal) else legs, None if isinstance(way, Refusal) else way, since)


def begin(view: View, request: AAARequest, legs: tuple[Leg, ...], way: access.Access | None, since: datetime) -> Session:
    """A session as it begins at `since`, not yet in the store (version 0); `way` None: nothing prices it."""
    account = view.account
    assert account is not None
    opened = Opened(
        request.session, account.i_env, request.origin.i_node, account.i_account, account.i_customer, account.id, request.parties.user,
        way.product.name if way else "",
        way.service.i_service if way else 0, way.service.service_type if way else request.service, way.service.unit if way else 1,
        way.entry.i_accessibility if way else 0, request.parties.calling, request.parties.called, way.number if way else request.parties.called,
        since, way.entry.policy if way else access.NO_POLICY, account.billing_model, request.kept, request.direction,
    )  # fmt: skip
    asked = request.units or (UnitRequest(),)
    charged = (ZERO,) * len(legs)
    quotas = tuple([Quota(unit.key, way.service.base if way else unit.base, legs, opened.number, charged=charged) for unit in asked])
    return Session("", 0, Status.OPEN, opened, quotas, request.received, request.received, "", ACCEPTED, request.connected)


def next_session(
    session: Session,
    view: View,
    request: AAARequest,
    decision: Decision,
    quotas: tuple[Quota, ...],
    status: Status | None = None,
    expires: datetime | None = None,
    connected: datetime | None = None,
    charged_at: datetime | None = None,
) -> Session:
    """The session's next value: one version up, with the request as its last one."""
    version = view.session.version if view.session is not None else 0
    return Session(
        session_key(request), version + 1, status or session.status, session.opened, quotas, expires or session.expires, request.received, request.key,
        decision, connected or session.connected, charged_at or session.charged_at, brought(session, request), counted(session.numbers, request),
        quotas[0].legs if session.opening_legs is None else session.opening_legs, session.refunded,
    )  # fmt: skip


def brought(session: Session, request: AAARequest) -> Mapping[str, str]:
    """What accounting has told so far of how the NAS knows the session (a disconnect must name it so); the very same mapping where nothing is new."""
    known = session.brought
    if request.kind not in LIVING:
        return known
    first, told = session.opened.kept, request.kept
    new = {name: told[name] for name in NAMING if name in told and told[name] != known.get(name, first.get(name))}
    return {**known, **new} if new else known


def changed(
    view: View,
    request: AAARequest,
    after: Session | None,
    decision: Decision,
    hold: Decimal = ZERO,
    need: Decimal | None = None,
    pieces: closing.Pieces = closing.NO_PIECES,
    aside: str = "",
    places: Occupancy | None = None,
    presses: tuple[Pressed, ...] = (),
) -> Outcome:
    """
    The change and the view behind it. A credit account's money moves on its customer too; `places` None: what no limit of sessions may refuse.
    """
    account, customer = view.account, view.customer
    assert account is not None and customer is not None
    places = places or occupancy.happening(customer)
    owes = account.billing_model.owes
    shared = account.billing_model is not BillingModel.DEBIT
    moves = _moves(view, after, pieces, need)
    change = Change(
        request.key, decision, account.i_account, account.revision, customer.i_customer, customer.revision, shared, owes, pieces.debit, hold, need,
        after, view.session.version if view.session is not None else 0, request.kind is Kind.EVENT and after is None, pieces.xdrs, pieces.parties, places,
        aside=aside, counters=moves, i_env=account.i_env,
        frees=_freed(view, request, after, shared, pieces.debit + hold < ZERO, moves) if moves or hold < ZERO or pieces.debit < ZERO else None, presses=presses,
        i_payer=account.payer.i_account if account.payer is not None else 0,
    )  # fmt: skip
    moved = occupancy.moved(view.session, after)
    way = after.opened.direction if moved and after is not None else Direction.OUTGOING
    locked_by = occupancy.behind(view.funds, request, places, after) if view.funds.locked_by or places.step else ""
    funds = _behind(view.funds, owes * pieces.debit, hold, moved, way, locked_by)
    customer_funds = view.customer_funds
    if shared or (moved and places.counted):
        money = (pieces.debit, hold) if shared else (ZERO, ZERO)
        customer_funds = _behind(view.customer_funds, *money, moved if places.counted else 0, way, "")
    behind = View(account, customer, funds, customer_funds, after if after is not None else view.session, view.resellers, view.counters)
    return Outcome(decision, change, counter_moves.moved(behind, change.counters) if change.counters else behind)


def _moves(view: View, after: Session | None, pieces: closing.Pieces, need: Decimal | None) -> tuple[CounterMove, ...]:
    """What moves beside the money: counters and wallets, and the budgets with what is charged."""
    if view.counters is NO_COUNTERS:
        return ()
    return counter_moves.moves(view, after, (*pieces.takes, *budgets.takes(view, pieces.debit)), need)


def _freed(view: View, request: AAARequest, after: Session | None, shared: bool, money: bool, moves: tuple[CounterMove, ...]) -> Freed | None:
    """
    Whom a change leaves more for: `money` says that funds are free behind it which were not before; counters and wallets do by what they have less, or begin
    anew. A prepaid account without another session has nobody who could wait, unless it pays for others.
    """
    freed = [move for move in moves if move.used + move.held < ZERO or move.start != move.relied]
    if not money and not freed:
        return None
    asked = {one.key for one in request.units}
    itself = after is not None and after.status is Status.OPEN and any([quota.final and quota.key not in asked for quota in after.quotas])
    if any([move.key.shared for move in freed]):
        return Freed(True, False, itself)
    if shared and money:
        return Freed(True, True, itself)
    others = view.funds.outgoing + view.funds.incoming - (view.session is not None and view.session.status is Status.OPEN)
    account = view.account
    alone = account is None or (account.payer is None and not account.pays)
    return Freed(False, False, itself) if others > 0 or itself or not alone else None


def _behind(funds: Funds, balance: Decimal, held: Decimal, moved: int, way: Direction, locked_by: str) -> Funds:
    """What moves in a row behind a change: `moved` sessions of one direction more, or fewer."""
    incoming = moved if way is Direction.INCOMING else 0
    return Funds(funds.balance + balance, funds.held + held, funds.outgoing + moved - incoming, funds.incoming + incoming, locked_by)


def facts_of(
    view: View, request: AAARequest, way: access.Access | None, catalogue: Catalogue | None = None, figures: Mapping[str, str] | None = None
) -> Facts:
    """What the answer tells about the account, and of its own `figures`."""
    account, customer = view.account, view.customer
    if account is None or customer is None:
        return Facts()
    tariff = catalogue.tariffs.get(way.entry.i_tariff) if way is not None and catalogue is not None else None
    more = _more(view, request, way)
    return Facts(
        account.id, account.i_account, int(account.billing_model), account.currency, account.language or customer.language,
        way.product.name if way is not None else "", tariff.name if tariff is not None else "", view.funds.balance,
        reserve.funds_seen(view, ZERO, request.received).gross, way.product.breakage if way is not None else None, way.number if way is not None else "",
        way.number if way is not None else "", way.number if way is not None and view.resellers else "", more=more if figures is None else {**more, **figures},
    )  # fmt: skip


#: What most answers tell beyond the fixed facts: nothing.
NO_MORE: Mapping[str, str] = {}


def _more(view: View, request: AAARequest, way: access.Access | None) -> Mapping[str, str]:
    """
    The facts by name (docs/templates.rst) that cost nothing to know: how the request was let in, where that is not the ordinary way of a call, and the
    customer's figures when somebody who owes is authenticated.
    """
    account, customer = view.account, view.customer
    figures = not request.units and account is not None and customer is not None and account.billing_model is not BillingModel.DEBIT
    ordinary = way is None or (not way.entry.access_code and way.service.service_type == access.DEFAULT_SERVICE)
    if ordinary and not figures:
        return NO_MORE
    more: dict[str, str] = {}
    if way is not None and not ordinary:
        more["service"] = way.service.service_type
        if way.entry.access_code:
            more["access_code"] = way.entry.access_code
    if figures and customer is not None:
        limit = customer.limit(request.received)
        more["customer_balance"] = five(view.customer_funds.balance)
        if limit is not None:
            more["customer_credit_limit"] = five(limit)
    return more
