"""
Many things that are due at times, kept by ticks: putting one in and taking it out cost the same however many there are. It is told what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Behind all times.
NEVER: Final = 1 << 62


class Wheel(Generic[T]):
    """Times and `tick` are milliseconds; what is due within a tick is given out together, at its end."""

    __slots__ = ("_order", "_size", "_ticks", "tick")

    def __init__(self, tick: int = 1) -> None:
        self.tick = tick
        self._ticks: dict[int, list[T]] = {}
        self._order: list[int] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def soonest(self) -> int:
        """When the next things are given out; NEVER when there are none."""
        return self._order[0] if self._order else NEVER

    def put(self, when: int, thing: T) -> int:
        """Keep a thing until a time; gives the end of its tick."""
        end = -(-when // self.tick) * self.tick
        together = self._ticks.get(end)
        if together is None:
            self._ticks[end] = [thing]
            heappush(self._order, end)
        else:
            together.append(thing)
        self._size += 1
        return end

    def taken(self, now: int) -> Iterator[tuple[int, list[T]]]:
        """Take out what is due, tick by tick; what is put in meanwhile may come too."""
        while self._order and self._order[0] <= now:
            end = heappop(self._order)
            things = self._ticks.pop(end)
            self._size -= len(things)
            yield end, things

    def keep(self, wanted: Callable[[int, T], bool]) -> None:
        """Forget all things but those that are wanted, by tick and thing."""
        left = {end: kept for end, things in self._ticks.items() if (kept := [thing for thing in things if wanted(end, thing)])}
        self._ticks, self._order, self._size = left, list(left), sum(map(len, left.values()))
        heapify(self._order)
