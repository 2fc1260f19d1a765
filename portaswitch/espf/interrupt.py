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


class _Alarm:
    """
    The timer signal of steps, installed with the first one. Almost all steps end before it rings: only from its first ring on is it measured what a step
    computes, which costs the others nothing.
    """

    def __init__(self) -> None:
        self._installed = False
        self._seconds, self._computed, self._until = 0.0, 0.0, 0.0

    def set(self, seconds: float) -> None:
        """A step begins."""
        if not self._installed:
            signal.signal(signal.SIGALRM, self._ring)
            self._installed = True
        self._seconds, self._until = seconds, 0.0
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 4)

    def stop(self) -> None:
        """It ended."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._seconds = 0.0

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._seconds:  # it was on its way when the step ended
            return
        if not self._until:
            self._computed, self._until = time.thread_time() + self._seconds / 2, time.monotonic() + self._seconds * (ASLEEP - 1)
        elif time.thread_time() >= self._computed or time.monotonic() >= self._until:
            raise StepTooLong


_alarm = _Alarm()


def interrupted(step: Callable[[], T], seconds: float = STEP) -> T:
    """
    What `step` gives. Errors: its own, `StepTooLong` once it has run for so many seconds and then computed for half as many, or slept for ten times as long.
    The interruption is a timer signal (SIGALRM), which is repeated while the step catches it; outside of the main thread, where signals do not reach, there is
    no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return step()
    _alarm.set(seconds)
    try:
        return step()
    finally:
        _alarm.stop()
