"""
Hints that somebody committed, for whoever looks for work: in this process at once, to others by NOTIFY after the commit (DESIGN.md 4).

NOTIFY inside a transaction that moves money would make commits wait for each other; here it is a statement of its own, and those of many commits are one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from portaswitch.store.pool import Pool

CHANNEL: Final = "provisioning"
#: Seconds between two notices: at most 20 a second.
APART: Final = 0.05


class Hints:
    """`committed` is called after commits; `told` are called then too. Polling is the truth: a notice that fails is forgotten."""

    def __init__(self, clock: Any, pool: Pool) -> None:
        self._clock, self._pool = clock, pool
        self.told: list[Callable[[], object]] = []
        self._call: Any = None
        self._more = False
        self._sent: Deferred[None] = succeed(None)

    def committed(self) -> None:
        """Tell whoever looks for work; the first of many at once, the rest together."""
        if self._call is not None:
            self._more = True
            return
        self._tell()

    def heard(self, payload: str) -> None:
        """Somebody committed, in this process or another one."""
        for told in self.told:
            told()

    def _tell(self) -> None:
        self._more = False
        self._call = self._clock.callLater(APART, self._later)
        self.heard("")
        self._sent = self._pool.execute(f"notify {CHANNEL}").addErrback(lambda _: None)

    def _later(self) -> None:
        self._call = None
        if self._more:
            self._tell()

    def close(self) -> Deferred[None]:
        """Tell what is still to be told; fires when it is."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._more:
            self._more = False
            return self._pool.execute(f"notify {CHANNEL}").addErrback(lambda _: None)
        return self._sent
