"""What a target allows: requests at once, and requests a second (DESIGN.md 5.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from portaswitch.errors import TransportFailed
from portaswitch.logs import background

T = TypeVar("T")


class Gate:
    """
    Lets at most `parallel` pieces of work run at once and start at most `rate` a second (0: no cap), first come first served.

    The rate is kept by spacing starts, so that no second sees a burst.
    """

    def __init__(self, clock: Any, parallel: int, rate: int) -> None:
        self._clock, self._free, self._gap = clock, max(parallel, 1), 1.0 / rate if rate else 0.0
        self._waiting: deque[Callable[[], None]] = deque()
        self._next = 0.0
        self._call: Any = None
        self._closed = False

    def run(self, work: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Run `work` when its turn comes; cancelling withdraws it, or cancels it. Errors: its own, TransportFailed when the gate closes first."""
        running: list[Deferred[T]] = []

        def withdrawn(_: Deferred[T]) -> None:
            if start in self._waiting:
                self._waiting.remove(start)
            for under_way in running:
                under_way.cancel()

        def over(outcome: Any) -> None:
            self._ended()
            if not result.called:
                result.callback(outcome)  # a Failure goes the other way by itself

        result: Deferred[T] = Deferred(withdrawn)

        def start() -> None:
            if self._closed:
                result.errback(TransportFailed("the connection was closed"))
                return
            self._free -= 1
            running.append(work())
            background(running[0].addBoth(over), "a request to a vendor")

        self._waiting.append(start)
        self._go_on()
        return result

    def close(self) -> None:
        """Refuse what waits and what comes."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft()()

    def _ended(self) -> None:
        self._free += 1
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._free > 0:
            wait = self._next - self._clock.seconds()
            if wait > 0:
                if self._call is None or not self._call.active():
                    self._call = self._clock.callLater(wait, self._go_on)
                return
            self._next = self._clock.seconds() + self._gap
            self._waiting.popleft()()
