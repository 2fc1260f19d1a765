"""Which parts of periods are due, and what they cost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import periods
from portaswitch.billing.fees import MOST, Due, Part, Terms, due

MONTHLY = Terms(Decimal("30"), periods.MONTHLY, advance=True, prorate=True, precision=2)
OVER = Terms(Decimal("30"), periods.MONTHLY, advance=False, prorate=True, precision=2)


def told(found: Due) -> list[tuple[str, str, str]]:
    """Parts as texts."""
    return [(part.first.isoformat(), part.last.isoformat(), str(part.amount)) for part in found.parts]


class DueTests(SynchronousTestCase):
    """What is charged on a day."""

    def test_in_advance(self) -> None:
        """The rest of the first month by its days, at once; the next one on its first day."""
        found = due(MONTHLY, date(2026, 11, 21), None, None, date(2026, 11, 21))
        self.assertEqual(found, Due((Part(date(2026, 11, 21), date(2026, 11, 30), Decimal("10.00")),), date(2026, 11, 30), date(2026, 12, 1)))
        self.assertEqual(due(MONTHLY, date(2026, 11, 21), None, found.billed_to, date(2026, 11, 30)).parts, ())
        self.assertEqual(told(due(MONTHLY, date(2026, 11, 21), None, found.billed_to, date(2026, 12, 1))), [("2026-12-01", "2026-12-31", "30.00")])

    def test_at_the_end(self) -> None:
        """A month is charged on the day behind its last one."""
        found = due(OVER, date(2026, 11, 21), None, None, date(2026, 11, 30))
        self.assertEqual(found, Due((), None, date(2026, 12, 1)))
        self.assertEqual(told(due(OVER, date(2026, 11, 21), None, None, date(2026, 12, 1))), [("2026-11-21", "2026-11-30", "10.00")])

    def test_ends(self) -> None:
        """The days until it ends are charged, and nothing behind them."""
        found = due(OVER, date(2026, 11, 1), date(2026, 12, 3), date(2026, 11, 30), date(2026, 12, 4))
        self.assertEqual((told(found), found.next_due), ([("2026-12-01", "2026-12-03", "2.91")], None))
        self.assertEqual(due(OVER, date(2026, 12, 4), date(2026, 12, 3), None, date(2026, 12, 4)), Due((), None, None))

    def test_whole(self) -> None:
        """Without shares the first days cost as much as a month; a week begins on Monday."""
        whole = Terms(Decimal("7"), periods.WEEKLY, advance=True, prorate=False, precision=2)
        self.assertEqual(told(due(whole, date(2026, 11, 29), None, None, date(2026, 11, 30))), [
            ("2026-11-29", "2026-11-29", "7.00"), ("2026-11-30", "2026-12-06", "7.00"),
        ])  # fmt: skip

    def test_rounding(self) -> None:
        """Up, to the decimals of the subscription."""
        terms = Terms(Decimal("16.85306"), periods.MONTHLY, advance=True, prorate=True, precision=2)
        self.assertEqual(due(terms, date(2026, 11, 1), None, None, date(2026, 11, 1)).parts[0].amount, Decimal("16.86"))

    def test_catches_up(self) -> None:
        """What was missed for long comes in parts, some hundred at a time, and goes on at once."""
        daily = Terms(Decimal("1"), periods.DAILY, advance=True, prorate=True, precision=0)
        found = due(daily, date(2020, 1, 1), None, None, date(2026, 1, 1))
        self.assertEqual((len(found.parts), found.next_due), (MOST, date(2026, 1, 1)))
