"""Times of h323 attributes: zones by name, laxity of clocks, and nothing that raises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.h323_time import MONTHS, elapsed, parse

TEXT = "00:16:21.164 PST Fri Mar 9 2007"
NO_ZONES: dict[str, str] = {}
WORDS = st.one_of(st.text(max_size=12), st.sampled_from(("UTC", "PST", "America", "../../etc/passwd", "posix", "Fri", "Mar", "9", "2007", "00:16:21", "\0")))


class TimeTests(SynchronousTestCase):
    """One parser."""

    def test_examples(self) -> None:
        """Example 03's times: Pacific time, and the duration that they tell."""
        begin, ended = parse(TEXT, {}), parse("00:17:31.893 PST Fri Mar 9 2007", {})
        assert begin is not None and ended is not None
        self.assertEqual(begin, datetime(2007, 3, 9, 8, 16, 21, 164000, UTC))
        self.assertEqual((ended - begin).total_seconds(), 70.729)
        self.assertIs(begin.tzinfo, UTC)

    def test_zones(self) -> None:
        """The node's own meaning of a name first, then what all equipment means, then IANA names; an unknown one is no time."""
        hours = {name: (parse(TEXT.replace("PST", name), {"PST": "Asia/Manila", "XYZ": "Europe/Paris", "BAD": "No/Where"}) or datetime.min).hour
                 for name in ("PST", "XYZ", "UTC", "GMT", "CET", "EDT", "Asia/Tokyo", "BAD", "QQQ")}  # fmt: skip
        self.assertEqual(hours, {"PST": 16, "XYZ": 23, "UTC": 0, "GMT": 0, "CET": 23, "EDT": 4, "Asia/Tokyo": 15, "BAD": 0, "QQQ": 0})
        self.assertEqual([parse(TEXT.replace("PST", name), {}) for name in ("BAD", "QQQ")], [None, None])

    def test_no_summer_time(self) -> None:
        """An abbreviation says itself whether it is summer time: a gateway that knows none writes EST in July, and means five hours."""
        july = "12:00:00 {} Wed Jul 1 2026"
        hours = {name: (parse(july.format(name), {}) or datetime.min).hour for name in ("EST", "EDT", "PST", "PDT", "CET", "CEST", "EET", "EEST")}
        self.assertEqual(hours, {"EST": 17, "EDT": 16, "PST": 20, "PDT": 19, "CET": 11, "CEST": 10, "EET": 10, "EEST": 9})
        self.assertEqual((parse(july.format("EST"), {"EST": "America/New_York"}) or datetime.min).hour, 16)  # its operator knows better

    def test_clock_put_back(self) -> None:
        """The hour that comes twice in autumn is told apart by the zone's name, whether a node explains it or not: a call of 20 minutes is none of -40."""
        for zones in (NO_ZONES, {"PDT": "America/Los_Angeles", "PST": "America/Los_Angeles"}):
            self.assertEqual(parse("01:50:00 PDT Sun Nov 1 2026", zones), datetime(2026, 11, 1, 8, 50, tzinfo=UTC))
            self.assertEqual(parse("01:10:00 PST Sun Nov 1 2026", zones), datetime(2026, 11, 1, 9, 10, tzinfo=UTC))
            self.assertEqual(elapsed("01:50:00 PDT Sun Nov 1 2026", "01:10:00 PST Sun Nov 1 2026", zones), timedelta(minutes=20))

    def test_elapsed(self) -> None:
        """Two times of one zone that nobody has explained are apart by as much as they say; of two such zones, nobody can tell."""
        begin, end = "12:00:00 CST Wed Jul 1 2026", "12:01:10.5 CST Wed Jul 1 2026"
        lasted = timedelta(seconds=70, milliseconds=500)
        self.assertEqual([elapsed(begin, end, zones) for zones in (NO_ZONES, {"CST": "No/Where"}, {"CST": "Asia/Shanghai"})], [lasted] * 3)
        self.assertEqual(elapsed(f"*{begin}", f".{end}", {}), lasted)
        self.assertEqual(elapsed(end, begin, {}), -lasted)
        others = ((begin, end.replace("CST", "IST")), (begin, end.replace("CST", "UTC")), (begin, None), (None, end), ("", ""), ("x", "x"), ("x y", "x y"))
        self.assertEqual([elapsed(since, until, {}) for since, until in others], [None] * len(others))

    def test_lax(self) -> None:
        """An unsynchronized clock's mark, a wrong weekday, no fraction, a fraction of any length."""
        for text in ("*" + TEXT, "." + TEXT, TEXT.replace("Fri", "Mon"), TEXT.replace(".164", ".164000999"), TEXT.replace("Mar 9", "Mar 09")):
            self.assertEqual(parse(text, {}), datetime(2007, 3, 9, 8, 16, 21, 164000, UTC), text)
        self.assertEqual(parse(TEXT.replace(".164", ""), {}), datetime(2007, 3, 9, 8, 16, 21, 0, UTC))
        self.assertEqual(parse(TEXT.replace(".164", ".5"), {}), datetime(2007, 3, 9, 8, 16, 21, 500000, UTC))

    def test_every_month(self) -> None:
        """Months by their English names."""
        found = [parse(f"12:00:00 UTC Mon {name} 1 2026", {}) for name in MONTHS]
        self.assertEqual([one and one.month for one in found], list(range(1, 13)))

    def test_no_time(self) -> None:
        """What is absent, short, or beyond the calendar."""
        changed = [TEXT.replace(*one) for one in (("Mar 9", "Mar 32"), ("Mar", "Mai"), ("00:", "24:"))]
        changed += [TEXT.replace("2007", year) for year in ("0", "1969", "2107", "9999")]
        wrong = ("", "0", "00:16 PST Fri Mar 9 2007", *changed)
        self.assertEqual([parse(text, {}) for text in (None, *wrong)], [None] * (len(wrong) + 1))
        self.assertIsNone(parse("00:00:00 Asia/Tokyo Mon Jan 1 1", {}))

    @settings(max_examples=200, deadline=None)
    @given(st.lists(WORDS, max_size=8))
    @example(["00:00:00", "America", "Fri", "Mar", "9", "2007"])
    @example(["00:00:00", "/etc/passwd", "Fri", "Mar", "9", "2007"])
    @example(["00:00:00.-5", "UTC", "Fri", "Mar", "9", "2007"])
    @example(["00:00:00.²", "UTC", "Fri", "Mar", "9", "2007"])
    @example(["00:00:00", "x" * 300, "Fri", "Mar", "9", "2007"])
    @example(["00:00:00", "zone.tab", "Fri", "Mar", "9", "2007"])
    @example(["00:00:00", "\ud800", "Fri", "Mar", "9", "2007"])
    def test_anything(self, words: list[str]) -> None:
        """Any words give a time or none, and never an error."""
        found = parse(" ".join(words), {})
        self.assertTrue(found is None or found.tzinfo is UTC)
