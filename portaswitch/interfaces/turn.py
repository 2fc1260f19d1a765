"""
Turns of the reactor: what one of them reads from all sockets is best asked of the database together, so what comes first waits for the others until the turn is
over, which is the time that their reading takes.
"""

from __future__ import annotations

from collections.abc import Callable

#: Has something done when this turn of the reactor is over (`reactor.callLater(0, ...)`).
Later = Callable[[Callable[[], None]], object]


def in_this_turn(work: Callable[[], None]) -> None:
    """A `Later` that waits for nothing else, where there are no turns."""
    work()
