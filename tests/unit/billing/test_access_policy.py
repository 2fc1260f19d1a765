"""The chooser of levels: phases in their order, the customer's zone, states, and until when a level holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.access_policy import LOOK_AHEAD, level_of
from portaswitch.billing.local_time import zone_of
from portaswitch.model.access_policy import AccessPolicy, LevelName, Phase, PolicyAttribute, PolicyState, Speed
from portaswitch.model.period import parse
from tests.unit.model.test_period import periods

VANCOUVER, UTC_ZONE = zone_of("America/Vancouver"), zone_of("UTC")
NIGHTS, WEEKENDS = Phase("Nights", parse("hr{1am-5am}"), LevelName.TURBO), Phase("Weekends", parse("wd{sa su}"), LevelName.LIMITED, 1)
SPEEDS = {LevelName.REGULAR: Speed(2_000_000, 20_000_000), LevelName.LIMITED: Speed(64_000, 256_000)}
EVERY, REGULAR_ONLY = PolicyAttribute(None, "lte", "qci", "=", "9"), PolicyAttribute(LevelName.REGULAR, "lte", "arp", "=", "1")
POLICY = AccessPolicy(1, 1, "Home", phases=(NIGHTS, WEEKENDS), speeds=SPEEDS, attributes=(EVERY, REGULAR_ONLY), portal="https://portal.example/")


def utc(text: str) -> datetime:
    """A moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class LevelTests(SynchronousTestCase):
    """Which level holds."""

    def test_phases(self) -> None:
        """The lower one where they overlap, the default level outside; speeds and attributes are the level's."""
        night = level_of(POLICY, utc("2026-03-07 02:00"), UTC_ZONE)
        self.assertEqual((night.name, night.phase, night.upload, night.download), (LevelName.TURBO, "Nights", None, None))
        saturday = level_of(POLICY, utc("2026-03-07 08:00"), UTC_ZONE)
        self.assertEqual((saturday.name, saturday.phase, saturday.upload, saturday.attributes), (LevelName.LIMITED, "Weekends", 64_000, (EVERY,)))
        monday = level_of(POLICY, utc("2026-03-09 08:00"), UTC_ZONE)
        self.assertEqual((monday.name, monday.phase, monday.download, monday.attributes), (LevelName.REGULAR, "", 20_000_000, (EVERY, REGULAR_ONLY)))

    def test_the_customers_zone(self) -> None:
        """01:00 in Vancouver is 09:00 UTC in winter and 08:00 in summer."""
        for moment, name in (("2026-03-02 08:59", "regular"), ("2026-03-02 09:00", "turbo"), ("2026-03-10 07:59", "regular"), ("2026-03-10 08:00", "turbo")):
            self.assertEqual(level_of(POLICY, utc(moment), VANCOUVER).name, name, moment)

    def test_states(self) -> None:
        """Without quota the exceeded level whatever the time; without funds the blocked one where there is a portal."""
        at = utc("2026-03-07 02:00")
        self.assertEqual(level_of(POLICY, at, UTC_ZONE, PolicyState.EXCEEDED).name, LevelName.LIMITED)
        blocked = level_of(POLICY, at, UTC_ZONE, PolicyState.NO_FUNDS)
        self.assertEqual((blocked.name, blocked.until, blocked.phase), (LevelName.BLOCKED, None, ""))
        self.assertEqual(level_of(AccessPolicy(1, 1, "Bare"), at, UTC_ZONE, PolicyState.NO_FUNDS).name, LevelName.LIMITED)

    def test_until(self) -> None:
        """The next level, not the next phase: Friday's nights end in the regular level, Saturday's in the limited one; without phases never."""
        self.assertEqual(level_of(POLICY, utc("2026-03-06 02:00"), UTC_ZONE).until, utc("2026-03-06 06:00"))
        self.assertEqual(level_of(POLICY, utc("2026-03-06 08:00"), UTC_ZONE).until, utc("2026-03-07 00:00"))
        same = AccessPolicy(1, 1, "Same", phases=(Phase("Nights", parse("hr{1am-5am}"), LevelName.REGULAR),))
        self.assertIsNone(level_of(same, utc("2026-03-07 02:00"), UTC_ZONE).until)
        self.assertIsNone(level_of(AccessPolicy(1, 1, "Bare"), utc("2026-03-07 02:00"), UTC_ZONE).until)

    def test_remembered(self) -> None:
        """The stretch that is remembered is left in time, to either side, and is of that policy and zone alone."""
        inside, behind = utc("2026-03-06 02:00"), utc("2026-03-06 06:00")
        for at, name in ((inside, "turbo"), (behind, "regular"), (inside, "turbo"), (inside - timedelta(hours=2), "regular")):
            self.assertEqual(level_of(POLICY, at, UTC_ZONE).name, name)
        self.assertEqual(level_of(POLICY, inside, VANCOUVER).name, LevelName.REGULAR)
        self.assertEqual(level_of(AccessPolicy(1, 1, "Home", phases=(WEEKENDS,)), inside, UTC_ZONE).name, LevelName.REGULAR)
        one, two = Phase("One", parse("hr{1}"), LevelName.TURBO), Phase("Two", parse("hr{2}"), LevelName.TURBO)
        both = AccessPolicy(1, 1, "Both", phases=(one, two))
        self.assertEqual([level_of(both, utc(f"2026-03-06 0{hour}:30"), UTC_ZONE).phase for hour in (1, 2)], ["One", "Two"])

    @given(st.lists(st.tuples(periods(st.sampled_from(("wd", "hr"))), st.sampled_from(LevelName)), max_size=3), st.integers(0, 20 * 1440))
    @settings(max_examples=30, deadline=None)
    def test_hour_by_hour(self, parts: list[tuple[str, LevelName]], minute: int) -> None:
        """`until` is the first hour, in local time, at which another level holds (periods of whole hours, across the change of the clock)."""
        phases = tuple(Phase(f"p{number}", parse(text), level) for number, (text, level) in enumerate(parts))
        policy, at = AccessPolicy(1, 1, "Any", phases=phases), utc("2026-02-20 00:00") + timedelta(minutes=minute)
        level = level_of(policy, at, VANCOUVER)
        hour = at.replace(minute=0)
        steps = (hour + timedelta(hours=step) for step in range(1, 3 * 24))
        expected = next((moment for moment in steps if level_of(policy, moment, VANCOUVER).name is not level.name), None)
        if expected is not None:
            self.assertEqual(level.until, expected)
        else:
            self.assertTrue(level.until is None or hour + timedelta(days=2) < level.until <= at + LOOK_AHEAD)
