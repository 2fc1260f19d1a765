"""
PortaBilling_Authorize, the quota that a NAS asks for: `base=session-time;min=5;max=10;max_funds=1.5;expires=...;max_expires=...` (spec/radius.yaml).

It comes once for every base that the NAS can count in. One of them will be granted, so they are one UnitRequest with alternatives: the first asked for, and the
base of the session's service picks (`UnitRequest.in_base`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from portaswitch.endpoints import portaone
from portaswitch.endpoints.lenient import IGNORED, amount, instant, positive
from portaswitch.model.request import Base, UnitRequest

AUTHORIZE = "PortaBilling_Authorize"
#: Rating bases as they are written. The text names session-time and quantity; octets is this server's word for volume.
BASES = {"session-time": Base.TIME, "sessiontime": Base.TIME, "session_time": Base.TIME, "quantity": Base.QUANTITY, "octets": Base.OCTETS}
#: Without the attribute the server decides how much.
AS_MUCH = (UnitRequest(requested=0),)


def units_asked(texts: Sequence[str]) -> tuple[UnitRequest, ...]:
    """One request of units, from the values of all PortaBilling_Authorize; of a base that repeats the last counts, a base that is unknown is as if absent."""
    if not texts:
        return AS_MUCH
    wishes: dict[Base, UnitRequest] = {}
    for text in texts:
        wish, faults = _wish(text)
        if faults:
            IGNORED.inc(AUTHORIZE, by=faults)
        if wish is not None:
            wishes[wish.base] = wish
    if not wishes:
        return AS_MUCH
    first, *others = wishes.values()
    return (replace(first, alternatives=tuple(others)),) if others else (first,)


@lru_cache(512)
def _wish(text: str) -> tuple[UnitRequest | None, int]:
    """
    One attribute, and how many parts of it were not understood. Remembered, since a client asks for the same amounts all day.

    `most` binds: a minimum above it is lowered to it. Where the units are seconds that begin at a known time, that tells when they end.
    """
    options = portaone.parse(text)
    base = BASES.get(options.get("base", "").lower() or Base.TIME.value)
    if base is None:
        return None, 1
    texts = [options.get("min"), options.get("max"), portaone.either(options, "max_funds"), options.get("expires"), portaone.either(options, "max_expires")]
    minimum, most, funds, begins, ends = positive(texts[0]), positive(texts[1]), amount(texts[2]), instant(texts[3]), instant(texts[4])
    faults = sum([1 for given, value in zip(texts, (minimum, most, funds, begins, ends), strict=True) if given and value is None])
    if ends is not None and begins is not None and ends <= begins:
        ends, faults = None, faults + 1
    if ends is None and begins is not None and most is not None and base is Base.TIME:
        ends = _later(begins, most)
    if minimum is not None and most is not None:
        minimum = min(minimum, most)
    return UnitRequest(base=base, requested=most or 0, minimum=minimum, most_funds=funds, begins=begins, ends=ends), faults


def _later(begins: datetime, seconds: int) -> datetime | None:
    try:
        return begins + timedelta(seconds=seconds)
    except OverflowError:
        return None
