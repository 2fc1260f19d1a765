"""
What rating produces: a `Charge` of segments (how the amount came about) and takes (where it is taken from).

A hold is a tuple of takes too, so that what is returned goes back to where it came from, at the price it had (DESIGN.md 3.1).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portaswitch.model.money import ZERO, plain
from portaswitch.model.value import dataclass


class Source(StrEnum):
    """Where a take comes from."""

    MONEY = "money"
    COUNTER = "counter"  # a discount or quota counter
    WALLET = "wallet"  # bought units


class SourceKey(NamedTuple):
    """
    A counter (of item `i_source`, level of the day `level`; `shared`: the customer's, else the account's) or a wallet (`i_source` is its row), as seen from an
    account.
    """

    source: Source
    i_source: int
    shared: bool = False
    level: int = 0


#: Money has no rows to tell apart.
CASH = SourceKey(Source.MONEY, 0)


@dataclass(frozen=True, slots=True)
class Take:
    """
    Part of a charge or hold: `amount` of money, or `units` of the counter or wallet of `key` in its own measure (units, or money it counts; then `amount` is
    nothing).
    """

    key: SourceKey
    amount: Decimal
    units: int | Decimal = 0

    @property
    def source(self) -> Source:
        """Where it is taken from."""
        return self.key.source


@dataclass(frozen=True, slots=True)
class Segment:
    """
    One step of a charge: `count` times `length` units at `price` per `price_per` units, `name`d by the level of the day; or a fixed `name`d amount (count 0),
    or a mere note (of no amount). `amount` is exact. `percent` was taken off; `part` numbers the parts that a discount splits a use into; `draws`: how much of
    the counter or wallet at each place one unit takes (money: as a numerator over price_per).
    """

    amount: Decimal
    price: Decimal
    count: int = 0
    length: int = 0
    price_per: int = 1
    name: str = ""
    percent: Decimal = ZERO
    part: int = 0
    draws: tuple[tuple[int, Decimal], ...] = ()

    @property
    def units(self) -> int:
        """The units charged by this step."""
        return self.count * self.length

    @property
    def text(self) -> str:
        """The step in the history: 'connect 0.05', '30@0.02/60', '7*6@0.02/60' (seven times 6 units at 0.02 for 60), 'off-peak 60@0.01/60 -10%'."""
        if not self.count:
            return f"{self.name} {plain(self.price)}" if self.price else self.name
        times = f"{self.count}*" if self.count > 1 else ""
        name = f"{self.name} " if self.name else ""
        off = f" -{plain(self.percent)}%" if self.percent else ""
        return f"{name}{times}{self.length}@{plain(self.price)}/{self.price_per}{off}"


@dataclass(frozen=True, slots=True)
class Usage:
    """A use to rate, in base units of the service; cumulative from the start of the session."""

    units: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a crossed threshold makes of a use: its `units`, the figure of all `units` up to its end, and its segments."""

    units: int
    figure: Decimal
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """
    The result of rating one use by one plan.

    `exact` is the sum of the segments, `figure` the same rounded once by the tariff: the figure of the xDR and of the debit. `quantity` are the units
    charged, after rounding to intervals. `history` keeps the exact steps. `parts`: () where the use is one whole.
    """

    figure: Decimal
    exact: Decimal
    quantity: int
    segments: tuple[Segment, ...]
    takes: tuple[Take, ...]
    peak_level: int = 0
    parts: tuple[Part, ...] = ()

    @property
    def history(self) -> str:
        """The charging steps as text: 'connect 0.05 + 30@0.02/60 + 7*6@0.02/60 = 0.074'."""
        steps = " + ".join(segment.text for segment in self.segments)
        return f"{steps or 'free'} = {plain(self.exact)}"


NOTHING = Charge(ZERO, ZERO, 0, (), ())


def held(takes: tuple[Take, ...]) -> Decimal:
    """How much money the takes hold."""
    total = ZERO
    for take in takes:
        if take.key.source is Source.MONEY:
            total += take.amount
    return total
