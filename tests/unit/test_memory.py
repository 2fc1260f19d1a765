"""The cycle collector in short turns."""

from __future__ import annotations

import gc
from collections import deque

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.memory import GROWTH, Collector, resident


class Recorded:
    """What is asked of the interpreter's collector."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def collect(self, generation: int = 2) -> int:
        """One dead object a pass."""
        self.asked.append(f"collect {generation}")
        return 1

    def freeze(self) -> None:
        """Noted."""
        self.asked.append("freeze")

    def unfreeze(self) -> None:
        """Noted."""
        self.asked.append("unfreeze")

    def disable(self) -> None:
        """Noted."""
        self.asked.append("disable")


class CollectorTests(SynchronousTestCase):
    """A process of 100 octets."""

    def setUp(self) -> None:
        """A collector whose first pass is over."""
        self.gc, self.size = Recorded(), 100
        self.collector = Collector(self.gc, lambda: self.size)

    def test_start(self) -> None:
        """The automatic collector is switched off, and what the start made is looked through once."""
        self.assertEqual(self.gc.asked, ["disable", "unfreeze", "collect 2", "freeze"])

    def test_young(self) -> None:
        """A short pass freezes what lives."""
        self.gc.asked.clear()
        self.collector.young()
        self.assertEqual(self.gc.asked, ["collect 0", "freeze"])

    def test_grown(self) -> None:
        """A full pass comes when the process has doubled, and counts from there."""
        self.gc.asked.clear()
        self.size = GROWTH * 100
        self.collector.grown()
        self.assertEqual(self.gc.asked, [])
        self.size += 1
        self.collector.grown()
        self.collector.grown()
        self.assertEqual(self.gc.asked, ["unfreeze", "collect 2", "freeze"])

    def test_interpreter(self) -> None:
        """The real one finds a cycle that died young, and leaves the process's own setting to whoever asks for it back."""
        self.addCleanup(gc.enable)
        self.addCleanup(gc.unfreeze)
        collector = Collector()
        dead: list[list[object]] = [[] for _ in range(6000)]
        for one in dead:
            one.append(one)
        before = len(gc.get_objects())
        del dead
        collector.young()
        self.assertLess(len(gc.get_objects()), before - 5000)
        self.assertGreater(resident(), 1_000_000)

    def test_replaced(self) -> None:
        """While what is remembered is replaced, the interpreter counts nothing new; it is frozen all the same, so no pass grows."""
        self.addCleanup(gc.enable)
        self.addCleanup(gc.unfreeze)
        remembered = deque([[place] for place in range(6000)])
        collector = Collector()
        for place in range(6000):
            remembered.append([place])
            remembered.popleft()
        self.assertGreater(len(gc.get_objects(generation=0)), 5000)
        collector.young()
        self.assertLess(len(gc.get_objects(generation=0)), 5000)
