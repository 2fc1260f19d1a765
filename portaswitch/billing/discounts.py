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
    NOT_DRAWN,
    Assigned,
    Combine,
    Counter,
    Counters,
    Draw,
    Drawn,
    Draws,
    Item,
    ItemKind,
    Measure,
    Step,
    total,
)
from portaswitch.model.ledger import CounterMove, Pressed, View
from portaswitch.model.money import ZERO
from portaswitch.model.session import Opened, Quota, Session


def with_plans(view: View, catalogue: Catalogue, at: datetime) -> View:
    """The view with the discount plans and spending budgets that the account has, as of `at`; the very same one for an account without any."""
    account, customer, counters = view.account, view.customer, view.counters
    if account is None or customer is None:
        return view
    plans: tuple[Assigned, ...] = ()
    if catalogue.discount_plans:
        plans = _plans(catalogue, (*counters.addons, account.i_product), account.i_vd_plan, customer.i_vd_plan)
    watched = budgets.of(account, customer, counters, catalogue)
    if not plans and not watched and counters is NO_COUNTERS:
        return view
    seen = Counters(counters.own, counters.shared, counters.addons, counters.billing_period, plans, at, budgets=watched)
    return _with(view, seen)


def _with(view: View, counters: Counters) -> View:
    return View(view.account, view.customer, view.funds, view.customer_funds, view.session, view.resellers, counters)


def _plans(catalogue: Catalogue, products: tuple[int, ...], own: int, shared: int) -> tuple[Assigned, ...]:
    wanted = [(product.i_vd_plan, False) for number in products if (product := catalogue.products.get(number)) is not None and product.i_vd_plan]
    wanted += [(own, False), (shared, True)]
    return tuple([Assigned(plan, of_all) for number, of_all in dict.fromkeys(wanted) if (plan := catalogue.discount_plans.get(number)) is not None])


def drawn(view: View, opened: Opened, quota: Quota) -> Draws:
    """What the use of one quota key draws on, with what the key itself holds."""
    counters = view.counters
    if not counters.plans:
        return Drawn(quota.past) if quota.past else NOT_DRAWN
    own = total(quota.holds)
    draws: list[Draw] = []
    for plan, shared in counters.plans:
        for item in plan.items:
            if item.meets(opened.i_service, quota.rated):
                draws += _draws(view, opened, item, shared, plan.combine is Combine.FIRST, own)
    return Drawn(quota.past, tuple(draws)) if draws or quota.past else NOT_DRAWN


def _draws(view: View, opened: Opened, item: Item, shared: bool, first: bool, own: dict[SourceKey, Decimal]) -> Iterator[Draw]:
    unit = opened.unit
    if item.kind is ItemKind.WALLET:
        percent = item.steps[0].percent or HUNDRED
        for row in _wallets(view.counters, item):
            left = _left(row, own.get(row.key, ZERO), view.counters.at) // unit
            if left > 0:
                yield Draw(row.key, Measure.UNITS, (Step(ZERO, percent), Step(left)), unit, item.peak_level, True, first, item.split)
        return
    row = _row(view, item, shared)
    held = max(row.held - own.get(row.key, ZERO), ZERO)
    steps = sure(periods.steps_of(item, row), row.used, row.used + held)
    if view.counters.beyond:
        steps = tuple([replace(step, forbidden=False) for step in steps])
    if item.measure is Measure.UNITS and unit != 1:
        steps = _in_units(steps, unit)
    yield Draw(row.key, item.measure, steps, unit, item.peak_level, item.exclusive, first, item.split, _others(view, opened, held))


def _wallets(counters: Counters, item: Item) -> list[Counter]:
    """The wallets of an item that have begun, the one that expires first in front."""
    at = counters.at
    found = [
        row for row in counters.own.values()
        if row.key.source is Source.WALLET and row.i_vd_dg == item.i_vd_dg and (row.start is None or at is None or row.start <= at)
    ]  # fmt: skip
    return sorted(found, key=lambda row: (row.end is None, row.end, row.key.i_source))


def _left(row: Counter, own: Decimal, at: datetime | None) -> Decimal:
    """What a wallet has for a use that holds `own` of it; of an expired one that alone."""
    if row.end is not None and at is not None and row.end <= at:
        return own
    return -row.used - row.held + own


def _row(view: View, item: Item, shared: bool) -> Counter:
    """The counter of an item, in the running period."""
    counters, account, customer = view.counters, view.account, view.customer
    assert account is not None and customer is not None and counters.at is not None
    key = SourceKey(Source.COUNTER, item.i_vd_dg, shared, item.peak_level or 0)
    activated = None if shared else account.activation_date
    return periods.current(item, key, counters.find(key), counters.billing_period, counters.at, customer.timezone, activated)


def sure(steps: tuple[Step, ...], low: Decimal, high: Decimal) -> tuple[Step, ...]:
    """
    The steps of a use that begins somewhere from `low` to `high`, by its own units: the least percent of all places where each unit may be, forbidden where any
    is.
    """
    if low == high:
        first, *more = [step for step in steps if step.threshold <= low][-1:] + [step for step in steps if step.threshold > low]
        return (Step(ZERO, first.percent, first.forbidden), *[Step(step.threshold - low, step.percent, step.forbidden) for step in more])
    more = [step for step in steps if step.threshold > low]
    if len(more) < 2:  # most counters are far from their one step, or behind it: the same without a search
        first = [step for step in steps if step.threshold <= low][-1]
        return _before(first, more[0], low, high) if more else (Step(ZERO, first.percent, first.forbidden),)
    cuts = sorted({ZERO, *(step.threshold - edge for step in steps for edge in (low, high) if step.threshold > edge)})
    return tuple([_least(steps, low, high, cut) for cut in cuts])


def _before(first: Step, last: Step, low: Decimal, high: Decimal) -> tuple[Step, ...]:
    """The steps of such a use that is in `first`, or partly in `last` already, the only one behind it."""
    either = min(first.percent, last.percent), first.forbidden or last.forbidden
    there = Step(last.threshold - low, last.percent, last.forbidden)
    if last.threshold <= high:
        return Step(ZERO, *either), there
    return Step(ZERO, first.percent, first.forbidden), Step(last.threshold - high, *either), there


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


def _known(view: View, key: SourceKey) -> tuple[Item | None, Counter] | None:
    """The item of a counter, where a plan still has it, and its row."""
    if key.source is Source.COUNTER and key.i_source == NO_ITEM:
        budget = budgets.row_of(view, key.shared)
        return None if budget is None else (None, budget)
    row = view.counters.find(key)
    if key.source is Source.COUNTER:
        for plan, shared in view.counters.plans:
            if shared == key.shared:
                for item in plan.items:
                    if item.i_vd_dg == key.i_source:
                        return item, _row(view, item, shared)
    return None if row is None else (None, row)


def moves(view: View, after: Session | None, takes: tuple[Take, ...], need: Decimal | None = None) -> tuple[CounterMove, ...]:
    """
    How the counters and wallets move from the session of `view` to `after`, when `takes` are used, with the conditions that the prices relied on. `need`:
    the money that is relied on (None: none), which budgets must leave.
    """
    before, behind, used = _held(view.session), _held(after), total(takes)
    asked = [watched.key for watched in view.counters.budgets] if need else []
    found = []
    for key in sorted({**before, **behind, **used, **dict.fromkeys(asked, ZERO)}):
        was, now, taken = before.get(key, ZERO), behind.get(key, ZERO), Decimal(used.get(key, ZERO))
        if not taken and was == now and key not in asked:
            continue
        if key.source is Source.COUNTER and key.i_source == NO_ITEM:
            found.append(budgets.move(view, key, was, now, taken, need))
        elif (known := _known(view, key)) is not None:
            found.append(_move(*known, was, now, taken))
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
                    found[draw.key] = _move(*known, ZERO, ZERO, ZERO)
    rows = [(move, _known(view, move.key)) for move in found.values()]
    return tuple([move if known is None else replace(move, floor=known[1].used + known[1].held) for move, known in rows])


def _draws_of(view: View, opened: Opened, quota: Quota) -> tuple[Draw, ...]:
    found = drawn(view, opened, quota)
    return found.draws if found else ()


def pressed(view: View, opened: Opened, quota: Quota, least: int) -> tuple[Pressed, ...]:
    """The counters of which less than `least` units of rating are left behind a key's grant, while other sessions hold more (DESIGN.md 3.3)."""
    found, own = [], total(quota.holds)
    for plan, shared in view.counters.plans:
        for item in plan.items:
            if item.kind is ItemKind.QUOTA and item.measure is Measure.UNITS and item.limit is not None and item.meets(opened.i_service, quota.rated):
                row, wanted = _row(view, item, shared), Decimal(least * opened.unit)
                if item.limit + row.carried - row.used - row.held < wanted < row.held - own.get(row.key, ZERO):
                    found.append(Pressed(row.key, wanted))
    return tuple(found)


def _held(session: Session | None) -> dict[SourceKey, Decimal]:
    """What all quota keys of a session hold together."""
    return {} if session is None else total(tuple([take for quota in session.quotas for take in quota.holds]))


def _move(item: Item | None, row: Counter, was: Decimal, now: Decimal, taken: Decimal) -> CounterMove:
    wallet = row.key.source is Source.WALLET
    steps = (Step(-ENDLESS, HUNDRED), Step(ZERO)) if wallet else () if item is None else periods.steps_of(item, row)
    least, most = _condition(steps, row, was, now, taken)
    limit = notify = None
    if wallet:
        limit = ZERO
    elif item is not None and item.limit is not None:
        limit = item.limit + row.carried if item.kind is ItemKind.QUOTA else None
        notify = None if item.notify is None else (item.limit + row.carried) * item.notify / HUNDRED
    start = None if wallet else row.start
    return CounterMove(row.key, taken, now - was, least, most, row.relied, start, row.end, row.carried, limit, notify, row.fresh)


def _condition(steps: tuple[Step, ...], row: Counter, was: Decimal, now: Decimal, taken: Decimal) -> tuple[Decimal, Decimal]:
    """
    What the row must still say, as `CounterMove` has it. Inside one step: that it is so. Across several: that it is as it was. What only gives back relies on
    nothing.
    """
    if not steps or (not taken and now <= was):
        return -ENDLESS, ENDLESS
    high, beyond = row.used + row.held - was, taken + now
    ends = [*[step.threshold for step in steps[1:]], ENDLESS]
    for step, end in zip(steps, ends, strict=True):
        if step.threshold <= row.used and high + beyond <= end:
            return step.threshold if step.threshold > ZERO else -ENDLESS, end - beyond + was
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
    taken = total(takes)
    for plan, shared in view.counters.plans:
        for item in plan.items:
            if item.kind is ItemKind.QUOTA and item.limit is not None and item.meets(opened.i_service, quota.rated):
                row = _row(view, item, shared)
                if row.used + taken.get(row.key, ZERO) >= item.limit + row.carried:
                    return True
    return False


def share(draws: tuple[Draw, ...], along: int) -> int | None:
    """
    The most units of a slice that begins `along` units behind what is settled: what is left of a quota divided by one more than the other sessions on it
    (DESIGN.md 3.3). None: no quota limits.
    """
    shares = [
        int(step.threshold - along) // (draw.others + 1)
        for draw in draws if draw.measure is Measure.UNITS
        for step in draw.steps if step.forbidden
    ]  # fmt: skip
    return min(shares) if shares else None
