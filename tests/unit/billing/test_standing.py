"""Where living Internet sessions stand: which have to end, and the level of a policy with the time since when it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.local_time import zone_of
from portaswitch.billing.standing import LOOK_BACK, Standing, level_since, must_end, words
from portaswitch.model.access_policy import AccessPolicy, LevelName, Phase, Speed
from portaswitch.model.period import parse
from tests.unit.builders import money

PAID = Standing(True, 5, 5, 7, 7, None, money(1))
POOR = replace(PAID, hotline=money("0.5"), funds=money("0.5"))
NIGHTS = AccessPolicy(
    7, 1, "Home", phases=(Phase("Nights", parse("hr{22-5}"), LevelName.TURBO),), speeds={LevelName.TURBO: Speed(None, 100), LevelName.REGULAR: Speed(10, 20)}
)  # fmt: skip


class EndTests(SynchronousTestCase):
    """Each reason, and its neighbours."""

    def test_paid(self) -> None:
        """Blocked, another product or policy; what is not known of an old session is no reason, nor are funds: its grant bounds it."""
        old = replace(PAID, was_product=None, was_policy=None)
        self.assertFalse(any(map(must_end, (PAID, old, replace(PAID, funds=money(-3)), replace(PAID, funds=None)))))
        self.assertTrue(all(map(must_end, (replace(PAID, open_now=False), replace(PAID, product=6), replace(PAID, policy=0)))))

    def test_hotline(self) -> None:
        """More money than at its beginning ends it, unless the account may not be served anyhow; another product does not pay."""
        self.assertFalse(any(map(must_end, (POOR, replace(POOR, funds=money("0.4")), replace(POOR, product=6)))))
        self.assertTrue(all(map(must_end, (replace(POOR, funds=money("0.6")), replace(POOR, funds=None)))))
        owing = replace(POOR, hotline=money(-5))
        self.assertFalse(must_end(replace(owing, funds=money(-2))))
        self.assertTrue(must_end(replace(owing, funds=money(1))))
        self.assertFalse(must_end(replace(POOR, funds=money(9), open_now=False)))


class TurnTests(SynchronousTestCase):
    """The level and its beginning."""

    def test_since(self) -> None:
        """In the phase since it began, in the zone of the customer; without phases since long ago."""
        noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
        for at, name, since in ((noon, LevelName.REGULAR, noon.replace(hour=6)), (noon.replace(hour=23), LevelName.TURBO, noon.replace(hour=22))):
            level, begin = level_since(NIGHTS, at, zone_of("UTC"))
            self.assertEqual((level.name, begin), (name, since))
        level, begin = level_since(NIGHTS, noon, zone_of("Asia/Tokyo"))  # 21:00 there
        self.assertEqual((level.name, begin, level.until), (LevelName.REGULAR, noon - timedelta(hours=15), noon + timedelta(hours=1)))
        self.assertEqual(level_since(replace(NIGHTS, i_access_policy=8, phases=()), noon, zone_of("UTC"))[1], noon - LOOK_BACK)

    def test_words(self) -> None:
        """An unlimited direction is not named."""
        self.assertEqual(words(level_since(NIGHTS, datetime(2026, 3, 9, 23, tzinfo=UTC), zone_of("UTC"))[0]), {"policy": "turbo", "speed_down": 100})
