"""Requests that one source may send: a bucket that fills with time (floods), and less of it after wrong passwords (guessing). Bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from portaswitch.model.oldest import forget_oldest

#: Sources remembered; the longest silent go first.
MOST = 50_000
#: Requests that a wrong password costs: at a rate of 100 a second a guesser gets some 2 a second.
WRONG = 50


class Throttle:
    """`rate` requests a second of one address, and as many seconds' worth at once as `burst` says; 0: any number. `exempt` addresses are not counted."""

    def __init__(self, seconds: Callable[[], float], rate: int = 100, burst: float = 2.0, exempt: Iterable[str] = ()) -> None:
        self._seconds, self._rate, self._most, self._exempt = seconds, rate, rate * burst, frozenset(exempt)
        self._sources: dict[str, tuple[float, float]] = {}

    def passes(self, host: str) -> bool:
        """Whether a request of this address is looked at; it is counted."""
        if not self._rate or host in self._exempt:
            return True
        left = self._left(host)
        if left < 1:
            return False
        self._keep(host, left - 1)
        return True

    def wrong(self, host: str) -> None:
        """This address has sent a wrong password."""
        if self._rate and host not in self._exempt:
            self._keep(host, max(self._left(host) - WRONG, -self._most))

    def _left(self, host: str) -> float:
        left, since = self._sources.get(host, (self._most, 0.0))
        return min(self._most, left + (self._seconds() - since) * self._rate)

    def _keep(self, host: str, left: float) -> None:
        self._sources.pop(host, None)
        self._sources[host] = (left, self._seconds())
        forget_oldest(self._sources, MOST)
