"""
Rating: `rate(plan, wallets, usage, at) -> Charge`, one pure function for quote, hold, debit and xDR (DESIGN.md 3.1).

The steps run in order: connect fee, intervals; then the exact amount is rounded once to the figure. `longest` is its inverse: the most units that given
funds allow, found by arithmetic and settled by rating, so that the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from portaswitch.billing.rules import connect_fee, intervals
from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Charge, Segment, Source, Take, Usage, Wallet
from portaswitch.model.money import EXACT, QUANTA, SUM, ZERO, Rounding, round_amount

STEPS = (connect_fee.segments, intervals.segments)


def rate(plan: RatePlan, wallets: Sequence[Wallet], usage: Usage, at: datetime) -> Charge:
    """
    Price `usage` (cumulative units of the service's base) by `plan`, drawing on `wallets` first, for a session that began at `at`.

    No wallet kind is known yet, so `wallets` is empty and all is taken from money; `at` picks the peak level once there is more than one.
    """
    segments: tuple[Segment, ...] = ()
    for step in STEPS:
        segments += step(plan, usage.units)
    total, quantity = ZERO, 0
    for segment in segments:
        total += segment.amount
        quantity += segment.count * segment.length
    exact = SUM.plus(total)
    figure = round_amount(exact, plan.precision, plan.rounding)
    return Charge(figure, exact, quantity, segments, (Take(Source.MONEY, figure),) if figure else ())


def longest(plan: RatePlan, wallets: Sequence[Wallet], funds: Decimal, at: datetime) -> int | None:
    """
    The most units whose figure is at most `funds`: `rate(n).figure <= funds < rate(n + 1).figure`. None where the funds set no limit; 0 where nothing fits.

    Funds below nothing afford nothing, not even a free call: the caller asks before whether a free use is meant.
    """
    if funds < ZERO:
        return 0
    spendable = _spendable(plan, funds)
    most = intervals.affordable(plan, spendable - plan.connect_fee)
    if most is None:
        # Later intervals cost nothing or pay back: what limits is the dearest point, the first interval.
        return None
    return _settle(plan, wallets, funds, most, at)


def _spendable(plan: RatePlan, funds: Decimal) -> Decimal:
    """The largest exact amount whose figure is at most `funds`, or a little more where the method rounds down."""
    floor = funds.quantize(QUANTA[plan.precision], ROUND_DOWN, EXACT)
    return floor if plan.rounding is Rounding.AWAY else funds + QUANTA[1 if plan.rounding is Rounding.NICKEL else plan.precision]


def _settle(plan: RatePlan, wallets: Sequence[Wallet], funds: Decimal, units: int, at: datetime) -> int:
    """Step down (a few intervals at the most: the estimate is off by rounding only) until rating agrees that `units` are paid."""
    while units > 0 and rate(plan, wallets, Usage(units), at).figure > funds:
        units -= plan.interval_n if units > plan.interval_first else units
    return max(units, 0)
