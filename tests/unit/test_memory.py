"""The cycle collector in short turns."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.memory import GROWTH, YOUNG, Collector, resident


class Recorded:
    """What is asked of the interpreter's collector."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.new = 0

    def collect(self, generation: int = 2) -> int:
        """One dead object a pass."""
        self.asked.append(f"collect {generation}")
        return 1

    def get_count(self) -> tuple[int, int, int]:
        """So many new objects."""
        return self.new, 0, 0

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
        """A short pass comes when enough is new, and freezes what lives."""
        self.gc.asked.clear()
        self.gc.new = YOUNG - 1
        self.collector.young()
        self.assertEqual(self.gc.asked, [])
        self.gc.new = YOUNG
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
        dead: list[list[object]] = [[] for _ in range(YOUNG + 1000)]
        for one in dead:
            one.append(one)
        before = len(gc.get_objects())
        del dead
        collector.young()
        self.assertLess(len(gc.get_objects()), before - YOUNG)
        self.assertGreater(resident(), 1_000_000)
