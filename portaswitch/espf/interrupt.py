"""A time limit on handlers' code: a step that loops is interrupted, so that it takes the reactor with it for a second and not for ever (DESIGN.md 5.9)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

T = TypeVar("T")

#: Seconds that one step, between two requests, may compute; handlers are mappings, which take microseconds.
STEP: Final = 1.0
#: On a busy machine seconds pass without a step having had them, so computing is measured; a step that sleeps computes nothing: it gets so many times as long.
ASLEEP: Final = 10


class StepTooLong(BaseException):
    """A handler's step did not end in time. No Exception, so that a handler that catches those does not catch this."""


def interrupted(step: Callable[[], T], seconds: float = STEP) -> T:
    """
    What `step` gives. Errors: its own, `StepTooLong` once it computed for so many seconds, or slept for ten times as long. The interruption is a timer signal
    (SIGALRM), which is repeated while the step catches it; outside of the main thread, where signals do not reach, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return step()
    computed, until = time.thread_time() + seconds, time.monotonic() + seconds * ASLEEP

    def ring(number: int, frame: FrameType | None) -> None:
        if time.thread_time() >= computed or time.monotonic() >= until:
            raise StepTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 4)
    try:
        return step()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
