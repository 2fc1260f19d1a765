"""
What prices a use beyond the two intervals of a plain rate: levels of the day, free units, surcharges, bounds, portions, a formula (docs/rating.rst).

A plan without any of it has no `Pricing`, and is rated by the shortest way.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass


class Mode(StrEnum):
    """Which level of the day counts for a use that has seconds in several."""

    SPLIT = "split"  # each interval has the level that it begins in
    STARTS = "starts"  # all of it has the level of its beginning
    FINISHES = "finishes"  # all of it has the level of its end
    BOTH = "both"  # off-peak where it begins and ends in the same one, else peak


class FreeUnits(StrEnum):
    """What the free units of a tariff are."""

    SHORT = "short"  # a use that is not longer costs nothing at all; a longer one costs as if there were none
    FIRST = "first"  # the first units of every use cost nothing


@dataclass(frozen=True, slots=True)
class Figures:
    """The intervals and prices of one level of the day, as those of a plan."""

    interval_first: int
    interval_n: int
    price_first: Decimal
    price_n: Decimal


@dataclass(frozen=True, slots=True)
class Portion:
    """The next `units` of a use are lengthened by `percent` (add-duration)."""

    units: int
    percent: Decimal


class Kind(StrEnum):
    """The elements of a formula."""

    INTERVAL = "interval"  # `count` times (0: without end) `units` at `amount` per price_per units
    FEE = "fee"  # a fixed surcharge of `amount`
    CONNECT = "connect"  # the same, of the connect fee
    SHARE = "share"  # a surcharge of `amount` percent of what is charged so far
    DISCONNECT = "disconnect"  # the use is cut here, `units` sooner or later


@dataclass(frozen=True, slots=True)
class Element:
    """
    One element of a formula; `chance` in percent of sessions (100: in all). A `tricky` surcharge is charged, but is left out of the length that is announced.
    """

    kind: Kind
    amount: Decimal = ZERO
    count: int = 1
    units: int = 0
    chance: Decimal = Decimal(100)
    tricky: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a tariff says for all its rates. `off_peak` and `second_off_peak` are periods ('': none), the second one before the first where both hold; `post_call`
    is a fixed surcharge behind the last interval, `post_call_percent` one of all that was charged till then; `minimum` and `maximum` bound a charged use.
    """

    off_peak: str = ""
    second_off_peak: str = ""
    mode: Mode = Mode.SPLIT
    free_units: int = 0
    free_mode: FreeUnits = FreeUnits.SHORT
    post_call: Decimal = ZERO
    post_call_percent: Decimal = ZERO
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    portions: tuple[Portion, ...] = ()


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Binding:
    """
    What a plan needs to know of the session: the zone of the charged party, the seconds of one unit (0: units are no time), the `seed` of its chances, and
    what one unit of the tariff's currency is worth in the party's.
    """

    zone: str = "UTC"
    seconds: int = 1
    seed: int = 0
    exchange: Decimal = Decimal(1)


UNBOUND = Binding()


@dataclass(frozen=True, slots=True)
class Pricing:
    """All of it: what the tariff says, the off-peak and second off-peak figures of the rate (() or one: as peak), its formula, the session."""

    terms: Terms = NO_TERMS
    levels: tuple[Figures, ...] = ()
    formula: tuple[Element, ...] = ()
    bound: Binding = UNBOUND

    @property
    def has_levels(self) -> bool:
        """Whether the time of the day matters."""
        return bool(self.levels) and bool(self.terms.off_peak or self.terms.second_off_peak)
