"""Periods in time zones: daylight saving, and the next change against a minute-by-minute search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.local_time import matches, next_change, zone_of
from portaswitch.model.period import parse
from tests.unit.model.test_period import periods

MINUTE = timedelta(minutes=1)
#: Zones, and days (UTC) on which their clocks are put on or back: by an hour, by half an hour, and never.
TURNS = (
    ("America/Vancouver", datetime(2026, 3, 8, tzinfo=UTC)),
    ("America/Vancouver", datetime(2025, 11, 2, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 6, 1, tzinfo=UTC)),
)


def utc(text: str) -> datetime:
    """A moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class ZoneTests(SynchronousTestCase):
    """Local time in the period, UTC outside."""

    def test_the_hour_that_is_left_out(self) -> None:
        """02:00 to 02:59 does not exist on that night: nothing of it is in the period, and the next change is the day after."""
        zone, period = zone_of("America/Vancouver"), parse("hr{2}")
        self.assertFalse(matches(period, utc("2026-03-08 10:30"), zone))
        self.assertEqual(next_change(period, utc("2026-03-08 08:30"), zone), utc("2026-03-09 09:00"))

    def test_the_hour_that_comes_twice(self) -> None:
        """01:00 to 01:59 lasts two hours; its second half hour ends with the first round and comes again."""
        zone = zone_of("America/Vancouver")
        self.assertEqual(next_change(parse("hr{1}"), utc("2025-11-02 08:00"), zone), utc("2025-11-02 10:00"))
        self.assertEqual(next_change(parse("hr{1} min{30-59}"), utc("2025-11-02 08:45"), zone), utc("2025-11-02 09:00"))
        self.assertEqual(next_change(parse("hr{1} min{30-59}"), utc("2025-11-02 09:00"), zone), utc("2025-11-02 09:30"))

    def test_fractions_of_a_second(self) -> None:
        """A change is at a whole second."""
        since = utc("2026-06-01 08:59:59.900000")
        self.assertEqual(next_change(parse("hr{9}"), since, zone_of("UTC")), utc("2026-06-01 09:00"))

    def test_a_zone_that_nobody_knows(self) -> None:
        """Counts as UTC: a wrong name must not stop anybody's service."""
        self.assertEqual(zone_of("Mars/Olympus").key, "UTC")
        self.assertEqual(zone_of("../etc/passwd").key, "UTC")

    @given(st.sampled_from(TURNS), st.integers(0, 1439), periods(st.sampled_from(("wd", "hr", "min"))))
    @settings(max_examples=60, deadline=None)
    def test_minute_by_minute(self, turn: tuple[str, datetime], minute: int, text: str) -> None:
        """Across changes of the clock, too, it is the first minute at which the answer is another one."""
        zone, since, period = zone_of(turn[0]), turn[1] + minute * MINUTE, parse(text)
        here = matches(period, since, zone)
        naive = (since + step * MINUTE for step in range(1, 2 * 1440 + 1))
        expected = next((moment for moment in naive if matches(period, moment, zone) != here), None)
        self.assertEqual(next_change(period, since, zone, timedelta(days=2)), expected)
