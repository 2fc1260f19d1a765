"""Periods of spending budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.operations.wallets import period_start

VANCOUVER = ZoneInfo("America/Vancouver")


class PeriodTests(SynchronousTestCase):
    """By the calendar of a zone."""

    def test_begin(self) -> None:
        """The day, the week from Monday, the month; where the clocks change the offset is that of the beginning."""
        sunday = datetime(2026, 3, 9, 3, 30, tzinfo=UTC)  # 8 March 20:30 in Vancouver, the day that the clocks change
        began = {period: period_start(sunday, period, VANCOUVER).astimezone(UTC) for period in ("daily", "weekly", "monthly")}
        self.assertEqual(began, {
            "daily": datetime(2026, 3, 8, 8, tzinfo=UTC), "weekly": datetime(2026, 3, 2, 8, tzinfo=UTC), "monthly": datetime(2026, 3, 1, 8, tzinfo=UTC),
        })  # fmt: skip
