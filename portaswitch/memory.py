"""
The cycle collector in short turns: what a request makes is freed by reference counts, so the interpreter's own collector finds next to nothing and yet keeps
the reactor for tenths of a second while it looks through the sessions and accounts that are remembered.

Here each object is looked at once, while it is young: ten times a second what is new, some thousands at the highest rate; what is still alive is frozen, that
is never looked at again. Cycles that were frozen alive and died later are found by a full pass, which comes only when the process has grown much.

Looking costs a microsecond for each object that goes on living: a seventh of all time, where memories were full, which found nothing. So behind a minute
without a find only some passes look, until one finds something; the others freeze what is new unseen.

The interpreter's own count of new objects can't say when it is time: it goes down with every old object that dies, so it stands still while what is remembered
is replaced, and the next pass takes as long as all that came meanwhile (36 ms after ten seconds, seen).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from resource import getpagesize
from typing import Any

from portaswitch.metrics import Counter

PASSES = Counter("portaswitch_collector_passes_total", "Passes of the cycle collector", ("kind",))
FOUND = Counter("portaswitch_collector_found_total", "Objects in dead cycles that the collector has found")

#: Seconds between short passes: at 5,000 requests a second some three milliseconds each.
YOUNG = 0.1
#: Passes without a find behind which only one in `RARELY` looks.
CLEAN = 640
RARELY = 16
#: A full pass comes when the process is so many times as large as behind the last one.
GROWTH = 2
#: Octets up to which it has not grown but fills its memories: behind a minute of service a full pass took 0.7 s, and found nothing.
SMALL = 512 * 2**20
STATM = Path("/proc/self/statm")


def resident() -> int:
    """Octets of memory that the process has now; 0 where the system does not tell."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


class Collector:
    """Takes the place of the automatic collector from its making on. `collector` is the module gc, `size` the memory of the process in octets."""

    def __init__(self, collector: Any = gc, size: Callable[[], int] = resident) -> None:
        self._gc, self._size = collector, size
        self._gc.disable()
        #: Short passes since the last find.
        self._clean = 0
        self._last = 0
        self.full()

    def young(self) -> None:
        """A short pass over what is new; to be called every `YOUNG` seconds."""
        self._clean += 1
        if self._clean <= CLEAN or self._clean % RARELY == 0:
            self._look()
        self._gc.freeze()

    def _look(self) -> None:
        PASSES.inc("young")
        if found := self._gc.collect(0):
            FOUND.inc(by=found)
            self._clean = 0

    def grown(self) -> None:
        """A full pass, where the process has grown much since the last one; to be called once a minute."""
        if self._size() > max(GROWTH * self._last, SMALL):
            self.full()

    def full(self) -> None:
        """Look through everything: seconds, where much is remembered."""
        self._gc.unfreeze()
        PASSES.inc("full")
        FOUND.inc(by=self._gc.collect())
        self._gc.freeze()
        self._last = self._size()
