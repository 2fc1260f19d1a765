"""
Reservations: how much is granted for one quota key, and what is held for it, by the overdraft protection of the service policy (DESIGN.md 3.3).

Under whole and slice the sum of grants never exceeds the funds, since each grant's price is held before it is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import budgets, discounts
from portaswitch.billing.rating import cut, highest, is_free, longest, rate
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Protection, RatePlan, ServicePolicy
from portaswitch.model.charge import CASH, Source, Take, Usage, held
from portaswitch.model.discount import NOT_DRAWN, Draws, total
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.party import least
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Base, UnitRequest
from portaswitch.model.session import Opened, Quota
from portaswitch.model.value import dataclass

#: The service type that debit accounts buy as one purchase.
BOUGHT = "Wifi"


#: Seconds a session may take from its authorization to its connection, and a Stop from the end of the grant to us.
GRACE = 300
BELIEVED = timedelta(days=1)
NOTHING_ASKED = UnitRequest()


@dataclass(frozen=True, slots=True)
class FundsSeen:
    """
    The two figures of DESIGN.md 3.6: `gross` without regard to holds, `grantable` with the holds of all other sessions taken off. None: no limit. `budget`:
    what spending budgets leave of them, without regard to holds; `grantable` is within them.
    """

    gross: Decimal | None
    grantable: Decimal | None
    budget: Decimal | None = None

    def at_most(self, most: Decimal | None) -> FundsSeen:
        """The same where the client wants no more than `most` set aside (PortaBilling_Authorize, max_funds; None: it does not say)."""
        if most is None or (self.grantable is not None and self.grantable <= most):
            return self
        return FundsSeen(self.gross, most, self.budget)

    def beyond(self, breakage: Decimal) -> FundsSeen:
        """The same where funds that are no more than the product's `breakage` count as none: they pay for nothing, and only what is free may be used."""
        if not breakage or self.gross is None or self.gross > breakage or self.grantable is None:
            return self
        return FundsSeen(self.gross, min(self.grantable, ZERO), self.budget)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is granted (units from now, None: nothing limits) and held for one quota key."""

    units: int | None
    holds: tuple[Take, ...] = ()
    last: bool = False
    retained: int = 0


def funds_seen(view: View, own_hold: Decimal, at: datetime) -> FundsSeen:
    """Both figures for the account of `view`; `own_hold` is what the asking session holds itself, which is no obstacle to it."""
    account, customer = view.account, view.customer
    if account is None or customer is None:
        return FundsSeen(ZERO, ZERO)
    if account.billing_model is BillingModel.DEBIT:
        return FundsSeen(view.funds.balance, view.funds.balance - view.funds.held + own_hold)
    limit = customer.cautious_limit(at)
    own = None if account.credit_limit is None else account.credit_limit - view.funds.balance
    above = None if limit is None else limit - view.customer_funds.balance
    return FundsSeen(
        least(own, above),
        least(
            None if own is None else own - view.funds.held + own_hold,
            None if above is None else above - view.customer_funds.held + own_hold,
        ),
    )


def within_budgets(view: View, funds: FundsSeen, holds: tuple[Take, ...] = (), taken: Decimal = ZERO) -> FundsSeen:
    """
    The funds as far as spending budgets let them be used; `holds` are those of the asking key, which are no obstacle to it, `taken` is what other keys take in
    the same change.
    """
    room = budgets.room(view, holds) if view.counters.budgets else None
    return funds if room is None else FundsSeen(funds.gross, least(funds.grantable, max(room[1] - taken, ZERO)), room[0])


def reseller_over_limit(view: View, at: datetime, slack: Decimal = ZERO) -> bool:
    """True while any reseller of the chain is over its limit, or within `slack` of it, as its folded figure may be behind by so much (DESIGN.md 3.7)."""
    for reseller, funds in view.resellers:
        limit = reseller.limit(at)
        if limit is not None and funds.balance >= limit - slack:
            return True
    return False


def protection_of(policy: ServicePolicy, model: BillingModel, asked: UnitRequest, service_type: str = "") -> Protection:
    """
    The policy's protection; without one, debit accounts are held whole, or by slices where the client shows that it can re-authorize (it sends a minimum), and
    buy their wireless access at once (mikrotik.5); credit accounts are checked only, and never buy.
    """
    if policy.protection is not None:
        return Protection.NONE if policy.protection is Protection.PURCHASE and model is not BillingModel.DEBIT else policy.protection
    if model is not BillingModel.DEBIT:
        return Protection.NONE
    if service_type == BOUGHT:
        return Protection.PURCHASE
    return Protection.SLICE if asked.minimum is not None else Protection.WHOLE


def reserve(
    quota: Quota, asked: UnitRequest, plan: RatePlan, policy: ServicePolicy, protection: Protection, funds: FundsSeen, unit: int, at: datetime,
    drawn: Draws = NOT_DRAWN,
) -> Reservation | None:
    """
    Reserve for `asked`; None when the funds don't reach the least that may be granted.

    All reckoning is cumulative: what the session used or was granted before, plus the new grant, is priced as one use, so slices cost what the whole costs.
    """
    start, least = -(-start_of(quota, asked) // unit), least_units(asked, policy, unit)
    charged = quota.charged[0] if quota.charged else ZERO
    free = is_free(plan)
    reckoned = None if funds.grantable is None or free else funds.grantable + charged
    most = None if free and not drawn else longest(plan, drawn, reckoned, at, policy.max_units // unit)
    left = (policy.max_units // unit if most is None else min(most, policy.max_units // unit)) - start
    wanted = left
    if asked.requested or protection is Protection.SLICE:
        wanted = max(-(-(asked.requested or policy.slice) // unit), least)
        fair = discounts.share(drawn.draws, start - (quota.quantity if quota.past else 0)) if drawn and protection is Protection.SLICE else None
        wanted = wanted if fair is None else min(wanted, max(fair, least))
    units = min(wanted, left)
    if units < least:
        return None
    holds = () if free and not drawn else _holds(plan, start + units, charged, protection, funds, at, drawn)
    if funds.grantable is None and most is None and protection is not Protection.SLICE and not asked.requested:
        return Reservation(None, holds)
    return Reservation(units * unit, holds, last=units == left and most is not None, retained=max(asked.requested or 0, units * unit) - units * unit)


def goes_on(
    view: View, opened: Opened, quota: Quota, asked: UnitRequest, plan: RatePlan, protection: Protection, funds: FundsSeen, made: Reservation
) -> bool:
    """Whether a part that is the last of a quota is followed by more: nothing but the quota ends it, and its end is none (`billing.internet`)."""
    beyond = replace(view, counters=replace(view.counters, beyond=True))
    more = reserve(quota, asked, plan, opened.policy, protection, funds, opened.unit, opened.started, discounts.drawn(beyond, opened, quota))
    return more is not None and (not more.last or (more.units or 0) > (made.units or 0))


def least_units(asked: UnitRequest, policy: ServicePolicy, unit: int) -> int:
    """The least number of the service's units worth granting: the client's minimum, and the policy's unless the client wants no more."""
    return max(1, -(-max(asked.minimum or 1, min(policy.minimum, asked.requested or policy.minimum)) // unit))


def start_of(quota: Quota, asked: UnitRequest) -> int:
    """Where the new grant begins: behind the reported use, or behind all that was granted when a re-authorizing client reports none."""
    if asked.minimum is not None and asked.reported(quota.base) is None:
        return max(quota.used, quota.granted)
    return quota.used


def hold_until(at: datetime, opened: Opened, quota: Quota, units: int | None, asked: UnitRequest = NOTHING_ASKED) -> datetime:
    """
    When nobody can be using the grant any more: its seconds, from when the client means to begin, and the grace; of bases that are no time, when the client
    thinks that it will be used up, else the policy's idle time. A client's clock is believed for a day.
    """
    if quota.base is Base.TIME:
        begins = at if asked.begins is None else min(max(at, asked.begins), at + BELIEVED)
        return begins + timedelta(seconds=(opened.policy.max_units if units is None else units) + GRACE)
    idle = at + timedelta(seconds=opened.policy.idle_timeout)
    return idle if asked.ends is None else max(idle, min(asked.ends, at + BELIEVED) + timedelta(seconds=GRACE))


def _holds(
    plan: RatePlan, units: int, charged: Decimal, protection: Protection, funds: FundsSeen, at: datetime, drawn: Draws
) -> tuple[Take, ...]:
    if protection is Protection.NONE:
        return ()
    charge = rate(plan, drawn, Usage(units), at) if drawn else None
    more = _counted(charge.takes) if charge is not None else ()
    if is_free(plan):
        return more
    if protection in (Protection.WHOLE, Protection.PURCHASE) and funds.grantable is not None:
        amount = funds.grantable
    else:
        figure = charge.figure if charge is not None and plan.pricing is None else highest(plan, units, at, drawn)
        amount = figure - charged
    return (Take(CASH, amount), *more) if amount > ZERO else more


def _counted(takes: tuple[Take, ...]) -> tuple[Take, ...]:
    return tuple([take for take in takes if take.source is not Source.MONEY])


def covered(quota: Quota, cost: Decimal, takes: tuple[Take, ...] = ()) -> Quota:
    """The quota with at least what its use so far costs and takes held; it was used, so nobody asks whether it is there."""
    money = held(quota.holds)
    if money >= cost and not takes:
        return quota
    have = total(quota.holds)
    lacks = [take for take in takes if have.get(take.key, ZERO) < take.units]
    if money >= cost and not lacks:
        return quota
    short = {take.key for take in lacks}
    money = max(money, cost)
    kept = [take for take in _counted(quota.holds) if take.key not in short]
    return quota.holding((*((Take(CASH, money),) if money > ZERO else ()), *kept, *lacks), quota.granted)


def why_not(
    plan: RatePlan,
    model: BillingModel,
    charged: Decimal,
    wanted: int,
    policy: ServicePolicy,
    funds: FundsSeen,
    breakage: Decimal,
    unit: int,
    at: datetime,
    drawn: Draws = NOT_DRAWN,
) -> Refusal:
    """
    Why `wanted` units (of the service, cumulative, the least that would do) could not be granted: no money at all, money that others hold, or too little of
    it: different refusals (DESIGN.md 3.6). Of money that others hold, all of it is funds_locked 114, and a part that leaves too little 117.
    """
    ends = cut(plan)
    if wanted > policy.max_units // unit or (ends is not None and wanted > ends):
        return Refusal.SESSION_OVER  # nothing but the session's greatest length is in the way
    if drawn and not in_quota(plan, drawn, wanted, at):
        return Refusal.QUOTA_EXCEEDED
    if funds.budget is not None and (funds.gross is None or funds.gross > breakage) and _short_of(plan, drawn, funds.budget + charged, wanted, at):
        return Refusal.SPEND_LIMIT
    if funds.gross is None and funds.budget is not None:
        return Refusal.FUNDS_SHORT if funds.grantable is not None and funds.grantable > ZERO else Refusal.FUNDS_LOCKED
    if funds.gross is None:
        return Refusal.SESSION_OVER
    if funds.gross <= breakage:
        return Refusal.ZERO_BALANCE if model is BillingModel.DEBIT else Refusal.CREDIT_LIMIT
    if _short_of(plan, drawn, funds.gross + charged, wanted, at):
        return Refusal.INSUFFICIENT_BALANCE
    return Refusal.FUNDS_SHORT if funds.grantable is not None and funds.grantable > ZERO else Refusal.FUNDS_LOCKED


def _short_of(plan: RatePlan, drawn: Draws, funds: Decimal, wanted: int, at: datetime) -> bool:
    most = longest(plan, drawn, funds, at)
    return most is not None and most < wanted


def in_quota(plan: RatePlan, drawn: Draws, wanted: int, at: datetime) -> bool:
    """Whether so many units are within all quotas, whatever they cost."""
    most = longest(plan, drawn, None, at)
    return most is None or wanted <= most
