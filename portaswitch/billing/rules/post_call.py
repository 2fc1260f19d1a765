"""Step 5, surcharges behind the last interval: a percentage of all that was charged till then, then a fixed amount; once a use is charged at all."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.charge import Segment
from portaswitch.model.money import EXACT, SUM, plain
from portaswitch.model.pricing import Terms

HUNDRED = Decimal(100)


def charged(terms: Terms, total: Decimal, per: Decimal) -> tuple[Decimal, list[Segment]]:
    """The total (a numerator) with the surcharges, and their segments."""
    segments = []
    if terms.post_call_percent:
        share = EXACT.divide(EXACT.multiply(total, terms.post_call_percent), HUNDRED)
        exact = EXACT.divide(share, per)
        segments.append(Segment(exact, SUM.plus(exact), name=f"post-call {plain(terms.post_call_percent)}%"))
        total = EXACT.add(total, share)
    if terms.post_call:
        segments.append(Segment(terms.post_call, terms.post_call, name="post-call"))
        total = EXACT.add(total, EXACT.multiply(terms.post_call, per))
    return total, segments
