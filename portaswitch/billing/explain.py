"""
Why a request was decided as it was: the steps of a decision as text, for the trace.

Made only for watched requests, from the same view and by the same functions that decided; the decision itself knows nothing of it. The view's money is that
before the decision. No secrets: of a password only whether it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from portaswitch.billing import access, admission, budgets, discounts, occupancy, plausible, reserve
from portaswitch.billing.counters import report_all
from portaswitch.billing.transition import Outcome
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import NO_ITEM
from portaswitch.model.catalogue import Catalogue, RatePlan, ServicePolicy
from portaswitch.model.charge import Source, SourceKey, held
from portaswitch.model.discount import ItemKind
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.party import BillStatus, Customer, SessionLimits
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, UnitRequest
from portaswitch.model.session import Opened, Session, Status
from portaswitch.model.value import dataclass

Steps = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was decided on, and by which rating entry (`way`), or why by none."""

    view: View
    request: AAARequest
    catalogue: Catalogue
    way: access.Access | Refusal


def explain(view: View, request: AAARequest, catalogue: Catalogue, outcome: Outcome) -> Steps:
    """The steps in the order of the decision: name and text."""
    view = discounts.with_plans(view, catalogue, request.received)
    asked = Asked(view, request, catalogue, access.find(view, request, catalogue))
    if view.session is not None and view.session.last_key == request.key and outcome.change is None:
        return (*_parties(asked), ("rule", "the same request was decided before: it gets the same answer"))
    steps = [*_parties(asked), *_funds(asked), *_counters(asked), *_session(view.session), *_price(asked), *_rule(asked, outcome)]
    return tuple([(name, text) for name, text in steps if text])


def _parties(asked: Asked) -> Iterator[tuple[str, str]]:
    account, customer = asked.view.account, asked.view.customer
    if account is None or customer is None:
        yield "account", "none of that name in the environment"
        return
    yield "account", f"#{account.i_account}, {account.billing_model.name.lower()}, {_status(account.bill_status, account.blocked)}"
    if account.payer is not None:
        yield "payer", f"{account.payer.id} (#{account.payer.i_account}), {_status(account.payer.bill_status, account.payer.blocked)}"
    if asked.request.credentials is not None:
        fits = admission.proven(account, asked.request.credentials)
        yield "password", f"{asked.request.credentials.login.value}, {'right' if fits else 'wrong'}"
    yield "customer", f"{customer.name} (#{customer.i_customer}), {_status(customer.bill_status, customer.blocked)}"
    for reseller, _ in asked.view.resellers:
        yield "reseller", f"{reseller.name} (#{reseller.i_customer}), {_status(reseller.bill_status, reseller.blocked)}"


def _status(letter: BillStatus, blocked: bool) -> str:
    words = [letter.name.lower()] if letter is not BillStatus.OPEN or not blocked else []
    return ", ".join([*words, *(["blocked"] if blocked else [])])


def _funds(asked: Asked) -> Iterator[tuple[str, str]]:
    view, account = asked.view, asked.view.account
    if account is None or view.customer is None:
        return
    own = () if view.session is None else tuple([take for quota in view.session.quotas for take in quota.holds])
    seen = reserve.within_budgets(view, reserve.funds_seen(view, held(own), asked.request.received), own)
    limit = "" if account.credit_limit is None else f", credit limit {_money(account.credit_limit)}"
    yield "funds", (
        f"balance {_money(view.funds.balance)} {account.currency}, held {_money(view.funds.held)}{limit}; available {_money(seen.gross)},"
        f" grantable to this session {_money(seen.grantable)}"
    )
    if account.billing_model is not BillingModel.DEBIT:
        above = view.customer.limit(asked.request.received)
        yield "customer funds", f"owes {_money(view.customer_funds.balance)}, held {_money(view.customer_funds.held)}, credit limit {_money(above)}"


def _counters(asked: Asked) -> Iterator[tuple[str, str]]:
    """Where the counters of the account's plans and its wallets stand."""
    counters = asked.view.counters
    names = {item.i_vd_dg: plan.name for plan, _ in counters.plans.assigned for item in plan.items}
    for row in (*counters.own.values(), *counters.shared.values()):
        wallet = row.key.source is Source.WALLET
        plan = names.get(row.i_vd_dg if wallet else row.key.i_source, "none in force")
        kept = f", held {_money(row.held)}" if row.held else ""
        if not wallet and row.key.i_source == NO_ITEM:
            yield "budget", f"{'of the customer: ' if row.key.shared else ''}spent {_money(row.used)}{kept}"
            continue
        yield (f"wallet #{row.key.i_source}" if wallet else "counter"), (
            f"plan {plan}: {_money(-row.used)} left{kept}" if wallet
            else f"plan {plan}, item {row.key.i_source}{' of the customer' if row.key.shared else ''}: used {_money(row.used)}{kept}"
        )  # fmt: skip


def _money(amount: Decimal | None) -> str:
    return "unlimited" if amount is None else f"{amount:f}"


def _session(session: Session | None) -> Iterator[tuple[str, str]]:
    if session is None:
        return
    quota = session.quotas[0]
    yield "session", f"{session.status.name.lower()} since {session.opened.started:%Y-%m-%d %H:%M:%S}, used {quota.used}, holds {_money(session.held)}"


def _price(asked: Asked) -> Iterator[tuple[str, str]]:
    """The rating entry with its plan and policy; of a session those of its start."""
    session, way = asked.view.session, asked.way
    if session is not None and session.quotas[0].legs:
        yield "plan", _plan(session.quotas[0].legs[0].plan, session.opened.number)
        yield "policy", _policy(session.opened.policy, asked, session.opened)
    elif not isinstance(way, Refusal):
        yield "product", f"{way.product.name}, service {way.service.name}, rating entry {way.entry.i_accessibility}"
        if asked.request.units:
            plan = asked.catalogue.tariffs[way.entry.i_tariff].find(way.number, asked.request.at)
            yield "plan", f"tariff {asked.catalogue.tariffs[way.entry.i_tariff].name} has no rate for {way.number}" if plan is None else _plan(plan, way.number)
            yield "policy", _policy(way.entry.policy, asked, None, way.service.service_type)


def _plan(plan: RatePlan, number: str) -> str:
    price = f"{_money(plan.price_first)} then {_money(plan.price_n)}" if plan.price_first != plan.price_n else _money(plan.price_n)
    fee = f", connect fee {_money(plan.connect_fee)}" if plan.connect_fee else ""
    forbidden = ", forbidden" if plan.forbidden else ""
    intervals = f"by {plan.interval_first}/{plan.interval_n}"
    return f"{number} is {plan.prefix} of tariff {plan.tariff}: {price} {plan.currency} per {plan.price_per}{fee}, {intervals}{forbidden}"


def _policy(policy: ServicePolicy, asked: Asked, opened: Opened | None, service_type: str = "") -> str:
    account = asked.view.account
    if account is None or not asked.request.units:
        return ""
    protection = reserve.protection_of(policy, account.billing_model, asked.request.units[0], opened.service_type if opened is not None else service_type)
    slice_ = f" of {policy.slice}" if protection.value == "slice" else ""
    return f"protection {protection.value}{slice_}, at least {policy.minimum}, at most {policy.max_units} units"


# -- which rule refused ---------------------------------------------------------------------------------------------------------------------------


def _rule(asked: Asked, outcome: Outcome) -> Iterator[tuple[str, str]]:
    refusal = outcome.decision.refusal
    if outcome.change is not None and outcome.change.aside:
        yield "set aside", outcome.change.aside
    if refusal is not None:
        told = (cause(asked) for cause in CAUSES.get(refusal, ()))
        yield "rule", f"{refusal.word}: {next((text for text in told if text), refusal.text)}"


def _account_status(asked: Asked) -> str:
    account = asked.view.account
    if account is None or (account.bill_status is BillStatus.OPEN and not account.blocked):
        return ""
    return f"the account is {_status(account.bill_status, account.blocked)}"


def _no_account(asked: Asked) -> str:
    account = asked.view.account
    if account is None:
        return f"no account has the id of the request in environment {asked.request.origin.i_env}"
    return "" if account.billing_model in admission.SERVED_MODELS else f"accounts of the model {account.billing_model.name.lower()} are not served"


def _not_active(asked: Asked) -> str:
    account = asked.view.account
    if account is None or account.activation_date is None or asked.request.received >= account.activation_date:
        return ""
    return f"the account is not active before {_time(account.activation_date)}"


def _unused(asked: Asked) -> str:
    account = asked.view.account
    if account is None or account.inactive_from is None or asked.request.received < account.inactive_from:
        return ""
    return f"the account was not used for too long: it is inactive since {_time(account.inactive_from)}"


def _expired(asked: Asked) -> str:
    account = asked.view.account
    return f"the account expired at {_time(account.expiration_date)}" if account is not None and account.expiration_date is not None else ""


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _above(asked: Asked) -> str:
    """The customer, or the nearest reseller above it, that is not open."""
    chain: list[tuple[str, Customer]] = [("customer", asked.view.customer)] if asked.view.customer is not None else []
    for word, party in [*chain, *[("reseller", reseller) for reseller, _ in asked.view.resellers]]:
        if party.blocked or party.bill_status is not BillStatus.OPEN:
            return f"the {word} {party.name} is {_status(party.bill_status, party.blocked)}"
    return ""


def _no_entry(asked: Asked) -> str:
    account, request = asked.view.account, asked.request
    product = asked.catalogue.products.get(account.i_product) if account is not None else None
    if product is None:
        return "the account has no product"
    if not isinstance(asked.way, Refusal):
        return ""
    code = f" with access code {request.access_code}" if request.access_code else ""
    return f"product {product.name} has no rating entry for service {request.service or 'of the node'} at node {request.origin.name}{code}"


def _no_rate(asked: Asked) -> str:
    if isinstance(asked.way, Refusal):
        return ""
    tariff = asked.catalogue.tariffs[asked.way.entry.i_tariff]
    plan = tariff.find(asked.way.number, asked.request.at)
    if plan is None:
        return f"tariff {tariff.name} has no rate for {asked.way.number}"
    return f"tariff {tariff.name} forbids {plan.prefix}" if plan.forbidden else ""


def _barred(asked: Asked) -> str:
    return "" if isinstance(asked.way, Refusal) else f"call barring of the account or its customer forbids {asked.way.number}"


def _undialled(asked: Asked) -> str:
    return f"{asked.request.parties.called!r} is no number that can be dialled"


def _locked(asked: Asked) -> str:
    return f"session {asked.view.funds.locked_by} has the login lock of the account" if occupancy.in_use(asked.view, asked.request) else ""


def _full(asked: Asked) -> str:
    view = asked.view
    if view.account is None or view.customer is None:
        return ""
    told = [
        f"{word} has {funds.outgoing} outgoing and {funds.incoming} incoming sessions, of at most {_limits(limits)}"
        for word, limits, funds in (("account", view.account.sessions, view.funds), ("customer", view.customer.sessions, view.customer_funds))
        if limits != SessionLimits()
    ]
    return "; ".join(told)


def _limits(limits: SessionLimits) -> str:
    named = (("outgoing", limits.outgoing), ("incoming", limits.incoming), ("in all", limits.total))
    return ", ".join([f"{most} {word}" for word, most in named if most is not None])


def _reseller_limit(asked: Asked) -> str:
    for reseller, funds in asked.view.resellers:
        limit = reseller.limit(asked.request.received)
        if limit is not None and funds.balance >= limit:
            return f"reseller {reseller.name} owes {_money(funds.balance)}, its limit is {_money(limit)}"
    return ""


def _no_money(asked: Asked) -> str:
    seen = reserve.funds_seen(asked.view, ZERO, asked.request.received)
    breakage = ZERO if isinstance(asked.way, Refusal) else asked.way.product.breakage
    return f"available {_money(seen.gross)} is not above {_money(breakage)}, the breakage of the product"


def _short(asked: Asked) -> str:
    least, seen = asked.request.units[0] if asked.request.units else UnitRequest(), reserve.funds_seen(asked.view, ZERO, asked.request.received)
    return f"available {_money(seen.gross)} does not pay for the least that may be granted (the client's minimum is {least.minimum or 'not given'})"


def _quota(asked: Asked) -> str:
    """The counters of quotas, which may be used up by others of the customer."""
    told = []
    for plan, shared in asked.view.counters.plans.assigned:
        for item in plan.items:
            row = asked.view.counters.find(SourceKey(Source.COUNTER, item.i_vd_dg, shared, item.peak_level or 0))
            if item.kind is ItemKind.QUOTA and row is not None:
                whose = "the customer's" if shared else "the account's"
                told.append(f"{_money(row.used)} used and {_money(row.held)} held of {whose} quota in plan {plan.name}")
    return "; ".join(told)


def _budget(asked: Asked) -> str:
    """What each budget in force is used up to."""
    told = []
    for watched in asked.view.counters.budgets:
        row = budgets.row_of(asked.view, watched.shared)
        if row is not None and watched.budget.limit is not None:
            whose = f"{'the customer' if watched.shared else 'the account'}'s {watched.budget.period.value} budget of {_money(watched.budget.limit)}"
            told.append(f"{_money(row.used)} spent and {_money(row.held)} held of {whose}")
    return "; ".join(told)


def _held(asked: Asked) -> str:
    seen = reserve.within_budgets(asked.view, reserve.funds_seen(asked.view, ZERO, asked.request.received))
    return f"of {_money(seen.gross)} available, {_money(seen.grantable)} is not held by other sessions"


def _over(asked: Asked) -> str:
    session = asked.view.session
    if session is not None and session.status is not Status.OPEN:
        return f"the session is {session.status.name.lower()}"
    return "the greatest length of a session is reached (max_units of the policy)"


def _argument(asked: Asked) -> str:
    session, request = asked.view.session, asked.request
    if session is None:
        return ""
    if request.parties.user not in (session.opened.user, session.opened.account_id):
        return "the session belongs to another account"
    return plausible.why_impossible(session, report_all(session, request), request)


def _wrong(asked: Asked) -> str:
    login = asked.request.credentials.login.value if asked.request.credentials is not None else ""
    return f"the proof ({login}) does not fit the service password of the account"


#: What can be behind a refusal, the first that is counts.
CAUSES: Mapping[Refusal, tuple[Callable[[Asked], str], ...]] = {
    Refusal.INVALID_ACCOUNT: (_no_account, _account_status),
    Refusal.INVALID_CARD: (_no_account,),
    Refusal.INVALID_PASSWORD: (_wrong,),
    Refusal.USER_SUSPENDED: (_account_status, _above),
    Refusal.USER_DENIED: (_account_status, _not_active, _unused, _above),
    Refusal.CARD_EXPIRED: (_expired,),
    Refusal.NOT_AVAILABLE: (_no_entry,),
    Refusal.CLD_BLOCKED: (_no_rate,),
    Refusal.CLD_BARRED: (_barred,),
    Refusal.CLD_DIAL_ERROR: (_undialled,),
    Refusal.ACCOUNT_IN_USE: (_locked,),
    Refusal.CALL_LIMIT: (_full,),
    Refusal.CREDIT_LIMIT: (_reseller_limit, _no_money),
    Refusal.ZERO_BALANCE: (_no_money,),
    Refusal.INSUFFICIENT_BALANCE: (_short,),
    Refusal.QUOTA_EXCEEDED: (_quota,),
    Refusal.SPEND_LIMIT: (_budget,),
    Refusal.FUNDS_LOCKED: (_held,),
    Refusal.FUNDS_SHORT: (_held,),
    Refusal.SESSION_OVER: (_over,),
    Refusal.INVALID_ARGUMENT: (_argument,),
}
