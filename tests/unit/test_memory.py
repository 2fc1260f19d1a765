"""The cycle collector in short turns."""

from __future__ import annotations

import gc
from collections import deque

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.memory import CLEAN, GROWTH, RARELY, SMALL, Collector, resident


class Recorded:
    """What is asked of the interpreter's collector."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dead = 1

    def collect(self, generation: int = 2) -> int:
        """So many dead objects a pass."""
        self.asked.append(f"collect {generation}")
        return self.dead

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
    """A process of SMALL octets."""

    def setUp(self) -> None:
        """A collector whose first pass is over."""
        self.gc, self.size = Recorded(), SMALL
        self.collector = Collector(self.gc, lambda: self.size)

    def test_start(self) -> None:
        """The automatic collector is switched off, and what the start made is looked through once."""
        self.assertEqual(self.gc.asked, ["disable", "unfreeze", "collect 2", "freeze"])

    def test_young(self) -> None:
        """A short pass freezes what lives."""
        self.gc.asked.clear()
        self.collector.young()
        self.assertEqual(self.gc.asked, ["collect 0", "freeze"])

    def test_clean(self) -> None:
        """Behind a minute that found nothing few passes look, though all freeze; a find has all of them look again."""
        self.gc.dead = 0
        self.pass_by(CLEAN)
        self.assertEqual(self.pass_by(2 * RARELY), (2, 2 * RARELY))
        self.gc.dead = 1
        self.assertEqual(self.pass_by(RARELY), (1, RARELY))
        self.gc.dead = 0
        self.assertEqual(self.pass_by(CLEAN), (CLEAN, CLEAN))
        self.assertEqual(self.pass_by(RARELY), (1, RARELY))

    def pass_by(self, passes: int) -> tuple[int, int]:
        """How many of so many passes looked, and how many froze."""
        self.gc.asked.clear()
        for _ in range(passes):
            self.collector.young()
        return self.gc.asked.count("collect 0"), self.gc.asked.count("freeze")

    def test_grown(self) -> None:
        """A full pass comes when the process has doubled, and counts from there."""
        self.gc.asked.clear()
        self.size = GROWTH * SMALL
        self.collector.grown()
        self.assertEqual(self.gc.asked, [])
        self.size += 1
        self.collector.grown()
        self.collector.grown()
        self.assertEqual(self.gc.asked, ["unfreeze", "collect 2", "freeze"])

    def test_small(self) -> None:
        """A process that fills its memories behind its start is not looked through."""
        self.size = SMALL // 10
        self.collector.full()
        self.gc.asked.clear()
        self.size = SMALL
        self.collector.grown()
        self.assertEqual(self.gc.asked, [])
        self.size += 1
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
