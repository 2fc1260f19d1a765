"""
Spending budgets in decisions: what of them is left, what a session holds of them beside the money, and how a change moves them (docs/discounts.rst).

A budget is a counter of money: what it has used is what the account (or all credit accounts of its customer) was charged in the period, what it holds is the
money that sessions hold. So it needs no condition and no lock of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portaswitch.billing import periods
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import OWN, SHARED, Budget, SpendPeriod, Watched, key_of
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.charge import SourceKey, Take, held
from portaswitch.model.discount import ENDLESS, Counter, Counters, Reset, total
from portaswitch.model.ledger import CounterMove, View
from portaswitch.model.money import ZERO
from portaswitch.model.party import Account, Customer
from portaswitch.model.session import Quota

#: The billing periods (`periods.dates`) that budgets name themselves; the customer's own otherwise.
NAMED = {SpendPeriod.DAILY: periods.DAILY, SpendPeriod.WEEKLY: periods.WEEKLY, SpendPeriod.MONTHLY: periods.MONTHLY}
#: Ends of one period differ by no more when clocks change, or the customer's zone.
DAY = timedelta(days=1)
COUNTED_ONLY = Budget(None, SpendPeriod.MONTHLY)


def of(account: Account, customer: Customer, counters: Counters, catalogue: Catalogue) -> tuple[Watched, ...]:
    """
    The budgets that the use of an account counts for: its own, else its product's, and of a credit account its customer's; of a beneficiary those of its payer.
    What was once counted goes on being counted when the limit is taken away, so that one that is set again finds all that was spent.
    """
    product = catalogue.products.get((account.payer or account).i_product)
    own = account.budget or (product.budget if product is not None else None)
    if own is None and customer.budget is None and OWN not in counters.own and SHARED not in counters.shared:
        return ()
    found = [(own, False)]
    if account.billing_model is not BillingModel.DEBIT:
        found.append((customer.budget, True))
    return tuple([Watched(budget or COUNTED_ONLY, shared) for budget, shared in found if budget is not None or counters.find(key_of(shared)) is not None])


def row_of(view: View, shared: bool) -> Counter | None:
    """The counter of a budget in its running period; None where nothing is watched and nothing was."""
    key, counters = key_of(shared), view.counters
    row = counters.find(key)
    watched = next((one for one in counters.budgets if one.shared == shared), None)
    if watched is None or view.customer is None or counters.at is None:
        return row
    if row is not None and watched.budget.limit is None and row.end is not None and counters.at < row.end:
        return row
    start, end = bounds(watched.budget.period, counters.billing_period, counters.at, view.customer.timezone)
    if row is None:
        return Counter(key, start=start, end=end, relied=start, fresh=True)
    return row if runs(row.start, row.end, counters.at, end - start) else replace(row, used=ZERO, start=start, end=end)


def bounds(period: SpendPeriod, billing_period: int, at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The period of a budget that `at` is in; the end is no part of it."""
    start, end = periods.bounds(Reset.BILLING_PERIOD, NAMED.get(period, billing_period), at, zone)
    assert end is not None, "billing periods end"
    return start, end


def runs(start: datetime | None, end: datetime | None, at: datetime, long: timedelta) -> bool:
    """Whether the period of a counter goes on at `at`: it is not over, and as `long` as the budget has it (`spend_period` may have been changed)."""
    return start is not None and end is not None and at < end and abs(end - start - long) < DAY


def room(view: View, holds: tuple[Take, ...]) -> tuple[Decimal, Decimal] | None:
    """
    What the budgets leave to be spent: without regard to holds, and with those of all others taken off (`holds` are the asking key's own). Not below nothing,
    so that what is free may be used still. None: no budget limits.
    """
    rooms: list[tuple[Decimal, Decimal]] = []
    for watched in view.counters.budgets:
        row, limit = row_of(view, watched.shared), watched.budget.limit
        if limit is None or row is None:
            continue
        own = total(holds).get(watched.key, ZERO)
        rooms.append((max(limit - row.used, ZERO), max(limit - row.used - row.held + own, ZERO)))
    return (min([left for left, _ in rooms]), min([free for _, free in rooms])) if rooms else None


def takes(view: View, amount: Decimal) -> tuple[Take, ...]:
    """What an amount of money takes from the budgets."""
    if not amount:
        return ()
    return tuple([Take(watched.key, ZERO, amount) for watched in view.counters.budgets])


def along(view: View, quota: Quota) -> Quota:
    """The quota key with so much of the budgets held as it holds of money."""
    if not view.counters.budgets:
        return quota
    keys = [watched.key for watched in view.counters.budgets]
    others = tuple([take for take in quota.holds if take.key not in keys])
    return quota.holding((*others, *takes(view, held(others))), quota.granted)


def move(view: View, key: SourceKey, was: Decimal, now: Decimal, taken: Decimal, need: Decimal | None) -> CounterMove | None:
    """
    How the counter of a budget moves. `need` is what the change relied on (None: it happens whatever is left): then the budget must have room for that, or for
    what is taken and held more than before.
    """
    row = row_of(view, key.shared)
    if row is None:
        return None
    limit = next((watched.budget.limit for watched in view.counters.budgets if watched.shared == key.shared), None)
    more = ZERO if need is None else max(taken + now - was, need)
    most = ENDLESS if limit is None or more <= ZERO else limit - more
    return CounterMove(key, taken, now - was, -ENDLESS, most, row.relied, row.start, row.end, fresh=row.fresh)
