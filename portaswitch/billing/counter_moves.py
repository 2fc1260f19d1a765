"""
How a change moves counters and wallets, and the conditions that its prices relied on (docs/discounts.rst): what a use draws on is told by `discounts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from portaswitch.billing import budgets, periods
from portaswitch.billing.discounts import LEAST, drawn, row_of, with_counters
from portaswitch.model.budget import NO_ITEM
from portaswitch.model.charge import Source, SourceKey, Take
from portaswitch.model.discount import ENDLESS, HUNDRED, NO_COUNTERS, Counter, Counters, Draw, ItemKind, Measure, Met, Step, total
from portaswitch.model.ledger import CounterMove, Pressed, View
from portaswitch.model.money import ZERO
from portaswitch.model.session import Opened, Quota, Session


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
    return view if not rows else with_counters(view, view.counters.put(*rows))


def _known(view: View, key: SourceKey) -> tuple[Met | None, Counter] | None:
    """The item of a counter, where a plan still has it, and its row."""
    if key.source is Source.COUNTER:
        if key.i_source == NO_ITEM:
            budget = budgets.row_of(view, key.shared)
            return None if budget is None else (None, budget)
        met = view.counters.plans.by_key.get(key)
        if met is not None:
            return met, row_of(view, met)
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
            row = row_of(view, met)
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
    return with_counters(view, view.counters.put(*[applied(view.counters.find(move.key), move) for move in changes]))


def applied(row: Counter | None, move: CounterMove) -> Counter:
    """The row behind a change that was applied (None: it was made by it)."""
    if row is None:
        row = Counter(move.key, ZERO, ZERO, move.carried, move.start, move.end, move.start)
    elif move.start != row.relied:
        row = Counter(row.key, ZERO, row.held, move.carried, move.start, move.end, move.start, i_vd_dg=row.i_vd_dg)
    return row.moved(move.used, move.held)
