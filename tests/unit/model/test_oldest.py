"""Bounded memories keep their newest entries, and do not look for the oldest one each time."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.oldest import TOGETHER, forget_oldest


class _Counted(dict[int, None]):
    """Counts how often somebody goes through it."""

    passes = 0

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        return super().__iter__()


class ForgetOldestTests(SynchronousTestCase):
    """`forget_oldest` after each new entry."""

    @given(st.integers(0, 60), st.lists(st.integers(0, 100), max_size=200))
    def test_keeps_the_newest(self, most: int, keys: list[int]) -> None:
        """Never more than `most`, always the newest, and at least seven eighths of what may be kept."""
        entries: dict[int, None] = {}
        newest: list[int] = []
        for key in keys:
            entries.pop(key, None)
            entries[key] = None
            newest = [*[one for one in newest if one != key], key]
            forget_oldest(entries, most)
            self.assertLessEqual(len(entries), most)
            self.assertEqual(list(entries), newest[len(newest) - len(entries) :])
            self.assertGreaterEqual(len(entries), min(len(newest), most - most // 8))
            newest = list(entries)

    def test_some_at_once(self) -> None:
        """One way through the entries a batch of them, not one an entry."""
        entries, most, more = _Counted(), 10_000, 50 * TOGETHER
        for key in range(most + more):
            entries[key] = None
            forget_oldest(entries, most)
        self.assertLessEqual(entries.passes, more / TOGETHER + 1)
        self.assertEqual(next(iter(entries)), most + more - len(entries))
