"""
Which counters and wallets a use of an account draws on, and how a change moves them (docs/discounts.rst).

Plans go in the order of PORTABILLING.md a.9: add-ons by priority, the product, the account, the customer. Other sessions may have parts of a counter set aside
that they will use or give back; a use is priced by the least that it is sure to get whichever they do (`sure`), so that what is held for it is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from portaswitch.billing import budgets, periods
from portaswitch.model.budget import NO_ITEM
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
from portaswitch.model.ledger import CounterMove, Pressed, View
from portaswitch.model.money import ZERO
from portaswitch.model.session import Opened, Quota, Session

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
    return _with(view, seen)


def _with(view: View, counters: Counters) -> View:
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
    item, unit, row = met.item, opened.unit, _row(view, met)
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


def _row(view: View, met: Met) -> Counter:
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


# -- moving -------------------------------------------------------------------------------------------------------------------------------------------


def settled(view: View, quota: Quota, takes: tuple[Take, ...]) -> View:
    """The view behind the settlement of one quota key: `takes` are used, and what it held is free."""
    if view.counters is NO_COUNTERS:
        return view
    used, held = total(takes), total(quota.holds)
    return _put(view, [(key, used.get(key, ZERO), -held.get(key, ZERO)) for key in {**used, **held}])


def reheld(view: View, before: Quota, after: Quota) -> View:
    """The view behind a quota key that holds something else."""
    if view.counters is NO_COUNTERS or before is after:
        return view
    was, now = total(before.holds), total(after.holds)
    return _put(view, [(key, ZERO, now.get(key, ZERO) - was.get(key, ZERO)) for key in {**was, **now}])


def _put(view: View, moved: Iterable[tuple[SourceKey, Decimal, Decimal]]) -> View:
    rows = [found[1].moved(used, held) for key, used, held in moved if (found := _known(view, key)) is not None]
    return view if not rows else _with(view, view.counters.put(*rows))


def _known(view: View, key: SourceKey) -> tuple[Met | None, Counter] | None:
    """The item of a counter, where a plan still has it, and its row."""
    if key.source is Source.COUNTER:
        if key.i_source == NO_ITEM:
            budget = budgets.row_of(view, key.shared)
            return None if budget is None else (None, budget)
        met = view.counters.plans.by_key.get(key)
        if met is not None:
            return met, _row(view, met)
    row = view.counters.find(key)
    return None if row is None else (None, row)


def moves(view: View, after: Session | None, takes: tuple[Take, ...], need: Decimal | None = None) -> tuple[CounterMove, ...]:
    """
    How the counters and wallets move from the session of `view` to `after`, when `takes` are used, with the conditions that the prices relied on. `need`:
    the money that is relied on (None: none), which budgets must leave.
    """
    before, behind, used = _held(view.session), _held(after), total(takes)
    asked = [watched.key for watched in view.counters.budgets] if need else []
    found = []
    for key in {**before, **behind, **used, **dict.fromkeys(asked, ZERO)}:
        was, now, taken = before.get(key, ZERO), behind.get(key, ZERO), used.get(key, ZERO)
        if not taken and was == now and key not in asked:
            continue
        if key.i_source == NO_ITEM and key.source is Source.COUNTER:
            found.append(budgets.move(view, key, was, now, taken, need))
        elif (known := _known(view, key)) is not None:
            found.append(_move(view, known, was, now, used))
    return tuple([move for move in found if move is not None])


def floored(view: View, after: Session, moves: tuple[CounterMove, ...]) -> tuple[CounterMove, ...]:
    """The moves, and those of what the session draws on beside them, on the condition that no less is used and held than `view` says."""
    if view.counters is NO_COUNTERS:
        return moves
    found = {move.key: move for move in moves}
    for quota in after.quotas:
        if quota.final:
            for draw in _draws_of(view, after.opened, quota):
                known = _known(view, draw.key)
                if known is not None and draw.key not in found and not known[1].fresh:
                    found[draw.key] = _move(view, known, ZERO, ZERO, {})
    rows = [(move, _known(view, move.key)) for move in found.values()]
    return tuple([move if known is None else replace(move, floor=known[1].used + known[1].held) for move, known in rows])


def _draws_of(view: View, opened: Opened, quota: Quota) -> tuple[Draw, ...]:
    found = drawn(view, opened, quota)
    return found.draws if found else ()


def pressed(view: View, opened: Opened, before: Quota, after: Quota, least: int) -> tuple[Pressed, ...]:
    """
    The counters of which less than `least` units of rating are left when a key that held as `before` in `view` holds as `after`, while other sessions hold
    more (DESIGN.md 3.3).
    """
    found, was, now, wanted = [], total(before.holds), total(after.holds), Decimal(least * opened.unit)
    for met in view.counters.plans.met(opened.i_service, after.rated):
        if met.item.kind is ItemKind.QUOTA and met.item.measure is Measure.UNITS and met.limit is not None:
            row = _row(view, met)
            others = row.held - was.get(row.key, ZERO)
            if met.limit + row.carried - row.used - others - now.get(row.key, ZERO) < wanted < others:
                found.append(Pressed(row.key, wanted))
    return tuple(found)


def _held(session: Session | None) -> dict[SourceKey, Decimal]:
    """What all quota keys of a session hold together."""
    if session is None:
        return {}
    if len(session.quotas) == 1:
        return total(session.quotas[0].holds)
    return total(tuple([take for quota in session.quotas for take in quota.holds]))


#: The steps of a wallet, whose use is its balance below zero.
WALLET_STEPS = (Step(-ENDLESS, HUNDRED), Step(ZERO))


def _move(view: View, known: tuple[Met | None, Counter], was: Decimal, now: Decimal, used: dict[SourceKey, Decimal]) -> CounterMove:
    """How a counter or wallet moves of which a session held so much and holds so much now, when all of `used` is used."""
    met, row = known
    if row.key.source is Source.WALLET:
        return _of_wallet(view, row, was, now, used)
    taken = used.get(row.key, ZERO)
    least, most = _condition(() if met is None else periods.steps_of(met.item, row), row, was, now, taken)
    limit = notify = None
    if met is not None and met.limit is not None:
        spent = met.limit + row.carried
        limit = spent if met.tells else None
        notify = None if met.item.notify is None else spent * met.item.notify / HUNDRED
    return CounterMove(row.key, taken, now - was, least, most, row.relied, row.start, row.end, row.carried, limit, notify, row.fresh)


def _of_wallet(view: View, row: Counter, was: Decimal, now: Decimal, used: dict[SourceKey, Decimal]) -> CounterMove:
    """The same of a wallet; only the last one that is emptied of those that pay for the same use leaves its quota used up."""
    taken = used.get(row.key, ZERO)
    least, most = _condition(WALLET_STEPS, row, was, now, taken)
    limit = ZERO if taken and _last(view.counters, row, used) else None
    return CounterMove(row.key, taken, now - was, least, most, row.relied, None, row.end, row.carried, limit, None, row.fresh)


def _last(counters: Counters, row: Counter, used: dict[SourceKey, Decimal]) -> bool:
    """Whether no other wallet of the item has units behind this use, or is emptied by it later."""
    if row.used + used[row.key] < ZERO:
        return True
    others = [other for other in counters.own.values() if other.i_vd_dg == row.i_vd_dg and other.key.source is Source.WALLET and other is not row]
    at, order = counters.at, list(used)
    for other in others:
        begun = at is None or ((other.start is None or other.start <= at) and (other.end is None or at < other.end))
        if begun and other.used + used.get(other.key, ZERO) < ZERO:
            return False
        if other.key in used and order.index(other.key) > order.index(row.key):
            return False
    return True


def _condition(steps: tuple[Step, ...], row: Counter, was: Decimal, now: Decimal, taken: Decimal) -> tuple[Decimal, Decimal]:
    """
    What the row must still say, as `CounterMove` has it. Inside one step: that it is so. Across several: that it is as it was. What only gives back relies on
    nothing.
    """
    if not steps or (not taken and now <= was):
        return LEAST, ENDLESS
    beyond = taken + now
    reached, end = row.used + row.held - was + beyond, ENDLESS
    for step in reversed(steps):
        if step.threshold <= row.used:
            if reached <= end:
                return step.threshold if step.threshold > ZERO else LEAST, end - beyond + was
            break
        end = step.threshold
    return row.used, row.used + row.held


def together(first: tuple[CounterMove, ...], then: tuple[CounterMove, ...]) -> tuple[CounterMove, ...]:
    """The moves of two changes as those of one: `then` was decided on the view behind `first`."""
    if not first:
        return then
    before, behind = {move.key: move for move in first}, {move.key: move for move in then}
    return tuple([_both(before.get(key), behind.get(key)) for key in sorted({**before, **behind})])


def _both(one: CounterMove | None, other: CounterMove | None) -> CounterMove:
    if one is None or other is None:
        found = one or other
        assert found is not None
        return found
    taken = one.used + one.held
    return replace(
        other, used=one.used + other.used, held=one.held + other.held, least=max(one.least, other.least - one.used), most=min(one.most, other.most - taken),
        relied=one.relied, fresh=one.fresh, floor=None if other.floor is None else other.floor - taken,
    )  # fmt: skip


def moved(view: View, changes: tuple[CounterMove, ...]) -> View:
    """The view behind a change that was applied."""
    return _with(view, view.counters.put(*[applied(view.counters.find(move.key), move) for move in changes]))


def applied(row: Counter | None, move: CounterMove) -> Counter:
    """The row behind a change that was applied (None: it was made by it)."""
    if row is None:
        row = Counter(move.key, ZERO, ZERO, move.carried, move.start, move.end, move.start)
    elif move.start != row.relied:
        row = Counter(row.key, ZERO, row.held, move.carried, move.start, move.end, move.start, i_vd_dg=row.i_vd_dg)
    return row.moved(move.used, move.held)


def used_up(view: View, opened: Opened, quota: Quota, takes: tuple[Take, ...]) -> bool:
    """Whether a quota that the use is counted by is used up, with what it `takes` beyond what is settled; what others hold is not."""
    taken, over = total(takes), False
    for met in view.counters.plans.met(opened.i_service, quota.rated):
        if met.item.kind is ItemKind.QUOTA and met.limit is not None:
            row = _row(view, met)
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
