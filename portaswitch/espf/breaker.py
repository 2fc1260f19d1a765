"""
The circuit breaker of a target: one that does not answer is asked by one request from time to time, not by all that waits (DESIGN.md 5.4).

    closed     as much as the handler may    after FAILURES in a row > open
    open       nothing                       after the pause         > half-open
    half-open  one request                   answered > closed; not  > open, twice as long

A target that asks for a pause (Retry-After) gets it, whatever its state: it is not down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FAILURES: Final = 5
#: Seconds of the first pause, and of the longest.
FIRST, LONGEST = 5.0, 120.0


class Breaker:
    """Of one target of one handler instance; `seconds` is a monotonic clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures, self._pause, self._until, self._rests = 0, 0.0, 0.0, 0.0

    @property
    def open(self) -> bool:
        """True while the target counts as down, half-open too."""
        return self._pause > 0

    @property
    def room(self) -> int | None:
        """Requests that may be begun now; None: as many as the handler may."""
        if self.waits:
            return 0
        return 1 if self.open else None

    @property
    def waits(self) -> float:
        """Seconds to the next request that may be tried."""
        until = max(self._until if self.open else 0.0, self._rests)
        return max(until - self._seconds(), 0.0) if until else 0.0

    def rest(self, seconds: float) -> None:
        """The target wants no request for so long; at most as long as the longest pause, lest one odd answer stops all."""
        self._rests = self._seconds() + min(seconds, LONGEST)

    def worked(self) -> None:
        """The target answered."""
        self._failures, self._pause = 0, 0.0

    def failed(self) -> None:
        """It did not, or says that it can't."""
        self._failures += 1
        if self.open or self._failures >= FAILURES:
            self._pause = min(self._pause * 2 or FIRST, LONGEST)
            self._until = self._seconds() + self._pause
