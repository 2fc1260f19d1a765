"""
Step 1, added duration: each portion of a use is lengthened by its own percentage and the parts are summed (mr15.add-duration); beyond the last portion
nothing is added. What comes out is what all further steps price; a fraction of a unit is a unit.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, ZERO
from portaswitch.model.pricing import Portion

HUNDRED = Decimal(100)


def lengthened(portions: tuple[Portion, ...], units: int) -> int:
    """The units that count for `units` used; it grows by one or more with each unit."""
    if not portions:
        return units
    added, left = ZERO, units
    for portion in portions:
        part = min(left, portion.units)
        added = EXACT.add(added, EXACT.multiply(portion.percent, Decimal(part)))
        left -= part
        if left <= 0:
            break
    return units + int(EXACT.divide(added, HUNDRED).to_integral_value(ROUND_CEILING))


def real(portions: tuple[Portion, ...], counted: int) -> int:
    """The most units used that count as at most `counted`: the inverse of `lengthened`, by one division a portion."""
    before, added = 0, ZERO
    for portion in portions:
        # before + n + (added + n * percent) / 100 <= counted, added in hundredths
        room = EXACT.subtract(Decimal((counted - before) * 100), added)
        more = int(EXACT.divide_int(room, EXACT.add(HUNDRED, portion.percent))) if room > ZERO else 0
        if more < portion.units:
            return before + more
        before += portion.units
        added = EXACT.add(added, EXACT.multiply(portion.percent, Decimal(portion.units)))
    return counted - int(EXACT.divide(added, HUNDRED).to_integral_value(ROUND_CEILING))


def segments(units: int, counted: int) -> tuple[Segment, ...]:
    """What was added, for the history; it costs nothing by itself."""
    return (Segment(ZERO, ZERO, name=f"lengthened from {units} to {counted}"),) if counted > units else ()
