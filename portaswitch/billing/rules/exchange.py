"""Step 7, the exchange: a tariff in another currency than that of who is charged is reckoned in its own and exchanged once, before it is rounded."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, SUM, plain
from portaswitch.model.pricing import Binding

ONE = Decimal(1)


def exchanged(bound: Binding, amount: Decimal, currency: str) -> tuple[Decimal, list[Segment]]:
    """The exact amount in the party's currency; the difference as a segment, so that the segments still add up."""
    if bound.exchange == ONE:
        return amount, []
    worth = EXACT.multiply(amount, bound.exchange)
    return worth, [Segment(EXACT.subtract(worth, amount), SUM.plus(EXACT.subtract(worth, amount)), name=f"exchange {currency} at {plain(bound.exchange)}")]
