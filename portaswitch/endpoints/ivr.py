"""
Pairs inside h323-ivr-out, PortaBilling's own attributes from the NAS (spec/radius.yaml, custom_to_server): `Packet.ivr_out` reads all spellings, here is what
they mean.

Of a pair that may come once the last counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from portaswitch.endpoints import portaone
from portaswitch.endpoints.lenient import IGNORED, positive
from portaswitch.model.request import Lock
from portaswitch.model.value import dataclass

Pairs = Mapping[str, list[str]]
LOCKS = {lock.value: lock for lock in Lock if lock is not Lock.DEFAULT}
#: The longest lock that is believed, in seconds: what RADIUS' own times can say. Behind it the calendar ends.
LONGEST = 2**32 - 1


def last(ivr: Pairs, name: str) -> str:
    """The last value of a pair; '' where it is absent."""
    values = ivr.get(name)
    return values[-1] if values else ""


def access_code(ivr: Pairs) -> str:
    """PortaBilling_AccessCode, or what Quintum calls it."""
    return last(ivr, "PortaBilling_AccessCode") or last(ivr, "ACCESSCODE")


@dataclass(frozen=True, slots=True)
class SessionControl:
    """PortaBilling_Session: what becomes of the lock, for how many seconds at most (None: as the policy says), and the stage that it opens."""

    lock: Lock = Lock.DEFAULT
    seconds: int | None = None
    stage: str = ""
    faults: int = 0


NO_CONTROL = SessionControl()


def session_control(ivr: Pairs) -> SessionControl:
    """`lock|nolock|unlock|ignore[;open=stage][;expires=s][;max_expires=s]`; of two times the shorter bounds the lock. What is none of it is counted."""
    text = last(ivr, "PortaBilling_Session")
    if not text:
        return NO_CONTROL
    control = _session_control(text)
    if control.faults:
        IGNORED.inc("PortaBilling_Session", by=control.faults)
    return control


@lru_cache(256)
def _session_control(text: str) -> SessionControl:
    word, _, rest = text.partition(";")
    lock = LOCKS.get(word.strip().lower())
    options = portaone.parse(rest)
    told = [value for value in (options.get("expires"), portaone.either(options, "max_expires")) if value]
    times = [seconds for value in told if (seconds := positive(value)) is not None and seconds <= LONGEST]
    faults = len(told) - len(times) + (1 if lock is None and word.strip() else 0)
    return SessionControl(lock or Lock.DEFAULT, min(times, default=None), options.get("open", ""), faults)
