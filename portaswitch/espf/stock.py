"""
Notifications that a runner has claimed ahead of their turn: as many as are delivered in a moment, so that a fast receiver never waits for the database, and the
events of a slow one stay in the queue, where a newer balance may still replace an older one and an urgent event comes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from portaswitch.handler import Record, Subscriber
from portaswitch.model.notification import Notification
from portaswitch.model.value import dataclass

#: Seconds of deliveries that are kept in stock, and after which one whose turn did not come goes back to the queue: far less than its lease.
AHEAD, OLD = 0.25, 5.0
#: Seconds over which the pace of deliveries is measured.
WINDOW: Final = 0.1


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification with what was read for it."""

    notification: Notification
    subscriber: Subscriber | None
    record: Record


class Stock:
    """`seconds` is a monotonic clock; never more than `most`."""

    def __init__(self, seconds: Callable[[], float], most: int) -> None:
        self._seconds, self._most = seconds, most
        self._lanes: tuple[deque[Claimed], deque[Claimed]] = deque(), deque()
        self._filled = self._since = seconds()
        self._ended, self._wanted, self._pressing = 0, 0, 0

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._lanes[0]) + len(self._lanes[1])

    @property
    def lacks(self) -> int:
        """How many more the present pace wants, and the next ones of entities whose urgent ones ended."""
        self._measure()
        return max(self._wanted - self.size, self._pressing)

    @property
    def ample(self) -> bool:
        """Whether half of what the pace wants is there still, and no urgent one ended, behind which the next of its entity may wait."""
        return 0 < self._wanted <= 2 * self.size and not self._pressing

    @property
    def old(self) -> bool:
        """Whether it stands still."""
        return self.size > 0 and self._seconds() - self._filled > OLD

    def add(self, claimed: Claimed) -> None:
        """Put one in; its turn comes after those of its lane."""
        self._lanes[1 if claimed.notification.lane else 0].append(claimed)
        self._filled = self._seconds()

    def take(self) -> Claimed:
        """The next one: what users wait for first. IndexError when there is none."""
        return (self._lanes[0] or self._lanes[1]).popleft()

    def clear(self) -> list[Claimed]:
        """All that there is, taken out."""
        found = [*self._lanes[0], *self._lanes[1]]
        for lane in self._lanes:
            lane.clear()
        return found

    def ended(self, lane: int) -> None:
        """A delivery came to its end."""
        self._ended += 1
        self._pressing += lane == 0

    def asked(self) -> None:
        """The queue was asked for more."""
        self._pressing = 0

    def _measure(self) -> None:
        passed = self._seconds() - self._since
        if passed < WINDOW:
            return
        self._wanted = min(int(self._ended / passed * AHEAD), self._most)
        self._ended, self._since = 0, self._seconds()
