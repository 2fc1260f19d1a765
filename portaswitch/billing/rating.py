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
from portaswitch.model.money import EXACT, NICKEL, QUANTA, SUM, ZERO, Rounding, round_amount

HALF = Decimal("0.5")
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
        total = EXACT.add(total, segment.amount)
        quantity += segment.count * segment.length
    exact = SUM.plus(total)
    figure = round_amount(exact, plan.precision, plan.rounding)
    return Charge(figure, exact, quantity, segments, (Take(Source.MONEY, figure),) if figure else ())


def longest(plan: RatePlan, wallets: Sequence[Wallet], funds: Decimal, at: datetime) -> int | None:
    """
    The most units whose figure is at most `funds`: `rate(n).figure <= funds < rate(n + 1).figure`. None where the funds set no limit; 0 where nothing fits.

    By arithmetic in the numerators, so exact: amounts are compared before they are divided. Funds below nothing afford nothing, not even a free call.
    """
    if funds < ZERO:
        return 0
    dearest, reached = _dearest(plan, funds)
    return intervals.affordable(plan, EXACT.subtract(dearest, plan.connect_fee), reached)


def _dearest(plan: RatePlan, funds: Decimal) -> tuple[Decimal, bool]:
    """The bound on exact amounts whose figure is at most `funds`, and whether the bound itself is such an amount."""
    if plan.rounding is Rounding.NICKEL:
        nickels = EXACT.divide_int(funds, NICKEL)
        return EXACT.multiply(EXACT.add(nickels, HALF), NICKEL), False
    floor = funds.quantize(QUANTA[plan.precision], ROUND_DOWN, EXACT)
    if plan.rounding is Rounding.AWAY:
        return floor, True
    return EXACT.add(floor, EXACT.multiply(QUANTA[plan.precision], HALF)), False
