"""Values as text: for tables, for JSON, and as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration import Step
from portaswitch.cli.text import cells, cut, moment, money, plain, printable, shown

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class ShownTests(SynchronousTestCase):
    """What stands in tables."""

    def test_money(self) -> None:
        """Two places at least, nothing lost, no exponent."""
        pairs = {
            "10": "10.00",
            "0.02367": "0.02367",
            "0.30": "0.30",
            "0.3000": "0.30",
            "-1E+3": "-1000.00",
            "1E-5": "0.00001",
        }
        self.assertEqual({text: money(Decimal(text)) for text in pairs}, pairs)

    def test_kinds(self) -> None:
        """Nothing, truth, times of other zones and lists."""
        self.assertEqual([shown(None), shown(""), shown(()), shown(0)], ["-", "-", "-", "0"])
        self.assertEqual([shown(True), shown(False), shown(("a", "b"))], ["yes", "no", "a, b"])
        self.assertEqual(shown(NOW.astimezone(timezone(timedelta(hours=5)))), "2026-01-31 12:00:00")

    def test_control_characters(self) -> None:
        """A called number from the wire can't steer the terminal."""
        self.assertEqual(printable("1\x1b[2J\n2"), "1\\x1b[2J\\n2")
        self.assertEqual(shown("a\tb"), "a\\tb")
        self.assertEqual(printable("Zürich 東京"), "Zürich 東京")

    def test_width(self) -> None:
        """Wide and combining characters count as a terminal draws them."""
        self.assertEqual([cells("abc"), cells("東京"), cells("e\u0301")], [3, 4, 1])
        self.assertEqual([cut("abcdef", 6), cut("abcdef", 4), cut("東京都", 5)], ["abcdef", "abc…", "東京…"])


class PlainTests(SynchronousTestCase):
    """What stands in JSON."""

    def test_values(self) -> None:
        """Decimals keep their digits, times their zone, records their fields, at any depth."""
        record = {
            "amount": Decimal("1E-5"),
            "at": NOW,
            "steps": [Step("x", "made")],
            "none": None,
            "ok": True,
        }
        self.assertEqual(
            plain(record),
            {
                "amount": "0.00001",
                "at": "2026-01-31T12:00:00+00:00",
                "steps": [{"what": "x", "done": "made"}],
                "none": None,
                "ok": True,
            },
        )


class MomentTests(SynchronousTestCase):
    """What operators type for a time."""

    def test_forms(self) -> None:
        """Dates and times are UTC unless they say more; spans count back from now."""
        day = datetime(2026, 1, 30, tzinfo=UTC)
        self.assertEqual(moment("2026-01-30", NOW), day)
        self.assertEqual(moment("2026-01-30T10:00", NOW), day + timedelta(hours=10))
        self.assertEqual(moment("2026-01-30T10:00+02:00", NOW), day + timedelta(hours=8))
        for text, span in (("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604800), ("1w", 604800)):
            self.assertEqual(NOW - moment(text, NOW), timedelta(seconds=span))

    def test_nonsense(self) -> None:
        """Everything else is refused with the forms that are known."""
        for text in ("", "now", "7", "d7", "2026-13-01", "999999999w"):
            error = self.assertRaises(ValueError, moment, text, NOW)
            self.assertIn("2026-01-31T10:00", str(error))
