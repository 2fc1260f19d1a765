"""
Money is `Decimal`, exact in between and rounded once.

Exact amounts travel unrounded through rating; the figure of an xDR is rounded once, by the tariff's precision and method, and that figure is the one
that is debited (DESIGN.md 3.1).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from enum import StrEnum

ZERO = Decimal(0)

#: Enough digits for 10^15 units at 10^-5 with room for percentages; rating never leaves this context by rounding.
EXACT = Context(prec=40)

#: The exact amount of a charge is its segments' sum brought to fewer digits than the segments have: thirds that add up to a whole are that whole, and rounding
#: away from zero doesn't see a 1 in the fortieth digit.
SUM = Context(prec=30)

#: The most decimals an amount may have anywhere (h323-credit-amount and the xDR carry five).
MAX_PRECISION = 5

QUANTA = tuple(Decimal(1).scaleb(-n) for n in range(MAX_PRECISION + 1))
NICKEL = Decimal("0.05")


class Rounding(StrEnum):
    """The rounding methods of a tariff (PORTABILLING.md b)."""

    AWAY = "away"  # away from zero, the default
    HALF = "half"  # to the nearest, a half away from zero
    NICKEL = "nickel"  # to the nearest five cents, whatever the precision


def round_amount(amount: Decimal, precision: int = MAX_PRECISION, method: Rounding = Rounding.AWAY) -> Decimal:
    """Round an exact amount to the figure that is charged: `precision` decimals (0 to 5), by `method`."""
    if method is Rounding.NICKEL:
        return EXACT.multiply(EXACT.divide(amount, NICKEL).quantize(QUANTA[0], ROUND_HALF_UP, EXACT), NICKEL)
    return amount.quantize(QUANTA[precision], ROUND_UP if method is Rounding.AWAY else ROUND_HALF_UP, EXACT)


def plain(amount: Decimal) -> str:
    """The amount as digits without exponent and without trailing zeros behind the point: '0.02', '10', '0'."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def cents(amount: Decimal) -> str:
    """An amount with two places, never more than it is: '10.00' (h323-credit-amount and available-funds in the guide's examples)."""
    return format(amount.quantize(QUANTA[2], ROUND_FLOOR), "f")


def five(amount: Decimal) -> str:
    """An amount with five places, never more than it is: '10.00000' (PortaBilling_AccountBalance)."""
    return format(amount.quantize(QUANTA[5], ROUND_FLOOR), "f")
