"""Things that are due at times, kept by ticks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.wheel import NEVER, Wheel


class WheelTests(SynchronousTestCase):
    """When they are given out."""

    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 90))), st.sampled_from((1, 20)))
    def test_never_early(self, steps: list[tuple[int, int]], tick: int) -> None:
        """Each once, at its time or less than a tick behind it, the earliest tick first."""
        wheel: Wheel[int] = Wheel(tick)
        now, given_out, kept = 0, list[int](), list[int]()
        for length, pause in steps:
            end = wheel.put(now + length, now + length)
            kept.append(now + length)
            self.assertTrue(0 <= end - now - length < tick)
            self.assertEqual((len(wheel), wheel.soonest <= end), (len(kept) - len(given_out), True))
            now += pause
            for when, due in wheel.taken(now):
                self.assertTrue(all(0 <= when - time < tick for time in due) and when <= now)
                given_out += due
        given_out += [time for _, due in wheel.taken(now + 500) for time in due]
        self.assertEqual((sorted(given_out), len(wheel), wheel.soonest), (sorted(kept), 0, NEVER))

    def test_kept(self) -> None:
        """Only what is wanted stays, and what is put in meanwhile comes too."""
        wheel: Wheel[str] = Wheel(10)
        for when, thing in ((5, "a"), (7, "b"), (15, "c"), (25, "d")):
            wheel.put(when, thing)
        wheel.keep(lambda end, thing: thing in "bd" and end <= 30)
        self.assertEqual((len(wheel), wheel.soonest), (2, 10))
        seen = []
        for end, things in wheel.taken(30):
            seen.append((end, things))
            if end == 10:
                wheel.put(11, "e")
        self.assertEqual(seen, [(10, ["b"]), (20, ["e"]), (30, ["d"])])
