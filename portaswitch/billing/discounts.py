"""
Which counters and wallets a use of an account draws on, and how a change moves them (docs/discounts.rst).

Plans go in the order of PORTABILLING.md a.9: add-ons by priority, the product, the account, the customer. Other sessions may have parts of a counter set aside
that they will use or give back; a use is priced by the least that it is sure to get whichever they do (`sure`), so that what is held for it is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from portaswitch.billing import budgets, periods
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.charge import Source, SourceKey, Take
from portaswitch.model.discount import (
    ENDLESS,
    HUNDRED,
    NO_COUNTERS,
    NO_PLANS,
    NOT_DRAWN,
    Assigned,
    Counter,
    Counters,
    Draw,
    Drawn,
    Draws,
    Item,
    ItemKind,
    Measure,
    Met,
    Plans,
    Step,
    total,
)
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.session import Opened, Quota

#: Sets of plans that are kept read out; of more, all are looked up anew.
MOST_SETS = 10_000
LEAST = -ENDLESS


def with_plans(view: View, catalogue: Catalogue, at: datetime) -> View:
    """The view with the discount plans and spending budgets that the account has, as of `at`; the very same one for an account without any."""
    account, customer, counters = view.account, view.customer, view.counters
    if account is None or customer is None:
        return view
    plans = NO_PLANS
    if catalogue.discount_plans:
        products, payer = (*counters.addons, account.i_product), account.payer
        if payer is not None:
            products = (*products, *payer.addons, payer.i_product)
        plans = _plans(catalogue, (account.i_vd_plan, customer.i_vd_plan, *products))
    watched = budgets.of(account, customer, counters, catalogue)
    if not plans.assigned and not watched and counters is NO_COUNTERS:
        return view
    seen = Counters(counters.own, counters.shared, counters.addons, counters.billing_period, plans, at, budgets=watched)
    return with_counters(view, seen)


def with_counters(view: View, counters: Counters) -> View:
    """The view with these counters and wallets."""
    return View(view.account, view.customer, view.funds, view.customer_funds, view.session, view.resellers, counters)


def _plans(catalogue: Catalogue, numbers: tuple[int, ...]) -> Plans:
    """The plans of an account with these numbers: its own plan, its customer's, its products in their order."""
    found = catalogue.plan_sets.get(numbers)
    if found is None:
        own, shared, *products = numbers
        having = [catalogue.products[number] for number in products if number in catalogue.products]
        wanted = dict.fromkeys([*[(product.i_vd_plan, False) for product in having], (own, False), (shared, True)])
        plans = [Assigned(catalogue.discount_plans[number], of_all) for number, of_all in wanted if number in catalogue.discount_plans]
        if len(catalogue.plan_sets) >= MOST_SETS:
            catalogue.plan_sets.clear()
        found = catalogue.plan_sets[numbers] = Plans(tuple(plans)) if plans else NO_PLANS
    return found


def drawn(view: View, opened: Opened, quota: Quota) -> Draws:
    """What the use of one quota key draws on, with what the key itself holds."""
    counters = view.counters
    if not counters.plans.assigned:
        return Drawn(quota.past) if quota.past else NOT_DRAWN
    own = total(quota.holds)
    draws: list[Draw] = []
    for met in counters.plans.met(opened.i_service, quota.rated):
        if met.item.kind is ItemKind.WALLET:
            draws += _of_wallets(counters, opened, met, own)
        else:
            draws.append(_of_counter(view, opened, met, own))
    return Drawn(quota.past, tuple(draws)) if draws or quota.past else NOT_DRAWN


def _of_wallets(counters: Counters, opened: Opened, met: Met, own: dict[SourceKey, Decimal]) -> Iterator[Draw]:
    item, unit = met.item, opened.unit
    for row in _wallets(counters, item):
        left = _left(row, own.get(row.key, ZERO), counters.at) // unit
        if left > 0:
            yield Draw(row.key, Measure.UNITS, (Step(ZERO, item.steps[0].percent or HUNDRED), Step(left)), unit, item.peak_level, True, met.first, item.split)


def _of_counter(view: View, opened: Opened, met: Met, own: dict[SourceKey, Decimal]) -> Draw:
    item, unit, row = met.item, opened.unit, row_of(view, met)
    held = max(row.held - own.get(met.key, ZERO), ZERO)
    steps = sure(periods.steps_of(item, row), row.used, row.used + held)
    if view.counters.beyond:
        steps = tuple([replace(step, forbidden=False) for step in steps])
    if unit != 1 and item.measure is Measure.UNITS:
        steps = _in_units(steps, unit)
    others = _others(view, opened, held) if item.kind is ItemKind.QUOTA else 0
    return Draw(met.key, item.measure, steps, unit, item.peak_level, item.exclusive, met.first, item.split, others)


def _wallets(counters: Counters, item: Item) -> list[Counter]:
    """The wallets of an item that have begun, the one that expires first in front."""
    at = counters.at
    found = [
        row for row in counters.own.values()
        if row.key.source is Source.WALLET and row.i_vd_dg == item.i_vd_dg and (row.start is None or at is None or row.start <= at)
    ]  # fmt: skip
    return found if len(found) < 2 else sorted(found, key=lambda row: (row.end is None, row.end, row.key.i_source))


def _left(row: Counter, own: Decimal, at: datetime | None) -> Decimal:
    """What a wallet has for a use that holds `own` of it; of an expired one that alone."""
    if row.end is not None and at is not None and row.end <= at:
        return own
    return -row.used - row.held + own


def row_of(view: View, met: Met) -> Counter:
    """The counter of an item, in the running period."""
    counters, account, customer = view.counters, view.account, view.customer
    assert account is not None and customer is not None and counters.at is not None
    row = (counters.shared if met.shared else counters.own).get(met.key)
    if row is not None and row.end is not None and counters.at < row.end:
        return row
    activated = None if met.shared else (account.payer or account).activation_date
    return periods.current(met.item, met.key, row, counters.billing_period, counters.at, customer.timezone, activated)


def sure(steps: tuple[Step, ...], low: Decimal, high: Decimal) -> tuple[Step, ...]:
    """
    The steps of a use that begins somewhere from `low` to `high`, by its own units: the least percent of all places where each unit may be, forbidden where any
    is.
    """
    if len(steps) == 1:
        return steps
    more = [step for step in steps if step.threshold > low]
    first = steps[max(len(steps) - len(more) - 1, 0)]
    if first.threshold:
        first = Step(ZERO, first.percent, first.forbidden)
    if not more:
        return (first,)
    if low == high:
        return (first, *[Step(step.threshold - low, step.percent, step.forbidden) for step in more])
    if len(more) == 1:  # most counters are far from their last step, or behind it: the same without a search
        return _before(first, more[0], low, high)
    cuts = sorted({ZERO, *(step.threshold - edge for step in steps for edge in (low, high) if step.threshold > edge)})
    return tuple([_least(steps, low, high, cut) for cut in cuts])


def _before(first: Step, last: Step, low: Decimal, high: Decimal) -> tuple[Step, ...]:
    """The steps of such a use that is in `first`, or partly in `last` already, the only one behind it."""
    either = min(first.percent, last.percent), first.forbidden or last.forbidden
    there = Step(last.threshold - low, last.percent, last.forbidden)
    if last.threshold <= high:
        return Step(ZERO, *either), there
    return first, Step(last.threshold - high, *either), there


def _least(steps: tuple[Step, ...], low: Decimal, high: Decimal, cut: Decimal) -> Step:
    ends = [*[step.threshold for step in steps[1:]], ENDLESS]
    met = [step for step, end in zip(steps, ends, strict=True) if step.threshold <= high + cut and low + cut < end]
    return Step(cut, min([step.percent for step in met]), any([step.forbidden for step in met]))


def _in_units(steps: tuple[Step, ...], unit: int) -> tuple[Step, ...]:
    """The steps in units of rating: each such unit belongs to the step that it begins in."""
    found: dict[Decimal, Step] = {}
    for step in steps:
        place = (step.threshold / unit).to_integral_value(ROUND_CEILING)
        found[place] = replace(step, threshold=place)
    return tuple(found.values())


def _others(view: View, opened: Opened, held: Decimal) -> int:
    """The other sessions on a counter: those of the account, and as many as can hold what others hold of it."""
    own = view.funds.outgoing + view.funds.incoming - (view.session is not None)
    return max(own, int((held / max(opened.policy.slice, 1)).to_integral_value(ROUND_CEILING)), 0)


def used_up(view: View, opened: Opened, quota: Quota, takes: tuple[Take, ...]) -> bool:
    """Whether a quota that the use is counted by is used up, with what it `takes` beyond what is settled; what others hold is not."""
    taken, over = total(takes), False
    for met in view.counters.plans.met(opened.i_service, quota.rated):
        if met.item.kind is ItemKind.QUOTA and met.limit is not None:
            row = row_of(view, met)
            over = row.used + taken.get(row.key, ZERO) >= met.limit + row.carried
            if met.item.exclusive is not over:  # an exclusive one leaves those behind it no part, or, used up, is none itself
                break
    return over


def share(draws: tuple[Draw, ...], along: int) -> int | None:
    """
    The most units of a slice that begins `along` units behind what is settled: what is left of a quota divided by one more than the other sessions on it
    (DESIGN.md 3.3). None: no quota limits.
    """
    quotas = [(int(step.threshold), draw) for draw in draws if draw.measure is Measure.UNITS for step in draw.steps if step.forbidden]
    if len(quotas) > 1 and any([draw.exclusive for _, draw in quotas]):  # one behind the other
        return (sum([end for end, _ in quotas]) - along) // (max([draw.others for _, draw in quotas]) + 1)
    shares = [(end - along) // (draw.others + 1) for end, draw in quotas]
    return min(shares) if shares else None
