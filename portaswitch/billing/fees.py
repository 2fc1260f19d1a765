"""
Fees that come by the calendar: which of a subscription's periods are to be charged, and how much for each (PORTABILLING.md a.8).

Pure: days in, amounts out. A period is one of the calendar (`periods.dates`); the first and the last one, of which only some days count, cost by days
where the subscription says so. An amount is rounded once, away from zero, to the subscription's decimals: 16.85306 is 16.86.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_UP, Decimal

from portaswitch.billing import periods
from portaswitch.model.discount import Reset
from portaswitch.model.value import dataclass

#: Parts that one charge takes at most, of an account that was forgotten for long: the next charge takes the rest.
MOST = 400


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a period costs (`fee`, of the account: with its quantity and discount), which period of the calendar it is (`periods.DAILY` ...), and whether it is
    charged when it begins (`advance`) or when it is over. `prorate`: a part of a period costs its days' share.
    """

    fee: Decimal
    billing_period: int
    advance: bool
    prorate: bool
    precision: int


@dataclass(frozen=True, slots=True)
class Part:
    """A period, or the days of it that count, and what they cost."""

    first: date
    last: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be charged now, up to and with which day all is charged then, and the day on which the next part is due (None: nothing follows)."""

    parts: tuple[Part, ...]
    billed_to: date | None
    next_due: date | None


def due(terms: Terms, start: date, finish: date | None, billed_to: date | None, today: date) -> Due:
    """What is due on `today` of a subscription that counts from `start` up to and with `finish` (None: it goes on), and is charged up to `billed_to`."""
    parts: list[Part] = []
    while len(parts) < MOST:
        day = start if billed_to is None else billed_to + periods.DAY
        if finish is not None and day > finish:
            return Due(tuple(parts), billed_to, None)
        first, after = periods.dates(Reset.BILLING_PERIOD, terms.billing_period, day) or (day, day + periods.DAY)
        last = after - periods.DAY if finish is None else min(finish, after - periods.DAY)
        when = day if terms.advance else last + periods.DAY
        if when > today:
            return Due(tuple(parts), billed_to, when)
        parts.append(Part(day, last, _amount(terms, (last - day).days + 1, (after - first).days)))
        billed_to = last
    return Due(tuple(parts), billed_to, today)


def _amount(terms: Terms, days: int, whole: int) -> Decimal:
    share = terms.fee * days / whole if terms.prorate and days < whole else terms.fee
    return share.quantize(Decimal(1).scaleb(-terms.precision), ROUND_UP)
