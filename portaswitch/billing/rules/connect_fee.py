"""Step 1, the connect fee: a fixed amount at answer, once a session (PORTABILLING.md b). A use of no units was never connected."""

from __future__ import annotations

from portaswitch.model.catalogue import RatePlan
from portaswitch.model.charge import Segment


def segments(plan: RatePlan, units: int) -> tuple[Segment, ...]:
    """The fee as one segment, or nothing."""
    if not plan.connect_fee or units <= 0:
        return ()
    return (Segment(plan.connect_fee, plan.connect_fee, name="connect"),)
