"""Step 6, minimum and maximum charge: a use that is charged at all costs no less and no more, before it is rounded."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, SUM
from portaswitch.model.pricing import Terms


def bounded(terms: Terms, total: Decimal, per: Decimal) -> tuple[Decimal, list[Segment]]:
    """The total (a numerator) within the bounds, and what was added or taken off as a segment."""
    least, most = (None if bound is None else EXACT.multiply(bound, per) for bound in (terms.minimum, terms.maximum))
    if least is not None and total < least:
        return least, _segment("minimum adds", least, total, per)
    if most is not None and total > most:
        return most, _segment("maximum adds", most, total, per)
    return total, []


def _segment(name: str, wanted: Decimal, total: Decimal, per: Decimal) -> list[Segment]:
    exact = EXACT.divide(EXACT.subtract(wanted, total), per)
    return [Segment(exact, SUM.plus(exact), name=name)]
