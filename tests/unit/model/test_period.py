"""Periods of local time: the language, its edges, and the search for the next change against a naive one."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.period import LIMITS, PeriodError, parse

MONDAY = datetime(2026, 3, 9)
MINUTE = timedelta(minutes=1)

#: (period, times in it, times not in it): the examples of the module's documentation and the edges between them.
CASES = (
    ("wd {Mon-Fri} hr {9am-4pm}", ("2026-03-09 09:00:00", "2026-03-13 16:59:59"), ("2026-03-09 17:00:00", "2026-03-14 10:00:00")),
    ("wd {Mon Wed Fri} hr {9am-4pm}, wd{Tue Thu} hr {9am-2pm}", ("2026-03-09 16:00", "2026-03-10 14:59"), ("2026-03-10 15:00", "2026-03-08 10:00")),
    ("wk {1 3 5} wd {Mon}", ("2026-03-02", "2026-03-16", "2026-03-30"), ("2026-03-09", "2026-03-17")),
    ("mo {Nov-Feb}", ("2026-11-01", "2026-02-28 23:59:59", "2026-01-01"), ("2026-03-01", "2026-10-31 23:59:59")),
    ("mo {Jan Feb} mo {Nov Dec}", ("2026-12-31", "2026-01-01"), ("2026-03-01",)),
    ("minute { 0-29 }", ("2026-03-09 11:29:59",), ("2026-03-09 11:30",)),
    ("hour { 12am-11am }", ("2026-03-09", "2026-03-09 11:59:59"), ("2026-03-09 12:00",)),
    ("sec {0-4 10-14}", ("2026-03-09 11:29:04", "2026-03-09 11:29:10"), ("2026-03-09 11:29:05",)),
    ("hr{6pm-5am}", ("2026-03-09 18:00", "2026-03-09 05:59:59"), ("2026-03-09 06:00", "2026-03-09 17:59:59")),
    ("hr{12noon 12am 1PM}", ("2026-03-09 12:30", "2026-03-09 00:30", "2026-03-09 13:00"), ("2026-03-09 01:00", "2026-03-09 11:00")),
    ("year{2026} YD{1 366}", ("2026-01-01",), ("2027-01-01", "2026-12-31")),
    ("yd{366}", ("2028-12-31",), ("2026-12-31",)),
    ("yr{26-28}", ("2026-01-01", "2028-12-31"), ("2029-01-01", "2025-12-31")),
    ("yr{2028-2026}", ("2027-01-01",), ("2025-01-01",)),
    ("wday{1}", ("2026-03-08",), ("2026-03-09",)),
    ("wday{Saturday-mondays}", ("2026-03-07", "2026-03-08", "2026-03-09"), ("2026-03-10",)),
    ("mday { 31 - 2 }", ("2026-03-31", "2026-04-02"), ("2026-04-30",)),
    ("wk{6}", ("2026-08-30",), ("2026-08-29",)),
    ("wk{1}", ("2026-03-01", "2026-03-07"), ("2026-03-08",)),  # a month that begins with a Sunday
    ("", ("2026-03-09",), ()),
    ("  Always ", ("2026-03-09",), ()),
    ("None", (), ("2026-03-09",)),
    ("never", (), ("2026-03-09",)),
)

#: (text, where it goes wrong, what is said)
WRONG = (
    ("wd{mon", 1, "a scale belongs here"),
    ("foo{1}", 1, "foo is no scale"),
    ("wd{mon} hr{24}", 12, "24 is no value of hr"),
    ("hr{13am}", 4, "13am is no value"),
    ("hr{0am}", 4, "0am is no value"),
    ("hr{11noon}", 4, "11noon is no value"),
    ("wd{mon},", 9, "nothing between two commas"),
    ("yr{150}", 4, "1970 and later"),
    ("hr{  }", 4, "the braces are empty"),
    ("mo{1-13}", 6, "13 is no value of mo"),
    ("mo{smarch}", 4, "smarch is no value of mo"),
    ("hr{9--10}", 5, "a value or a range"),
    ("hr{9} x", 7, "a scale belongs here"),
    ("!wd{mon}", 1, "a scale belongs here"),
    ("none, hr{9}", 1, "a scale belongs here"),
)

SCALES = st.sampled_from(tuple(LIMITS))


@st.composite
def periods(draw: st.DrawFn, scales: st.SearchStrategy[str] = SCALES) -> str:
    """Up to three parts of up to three scales each, ranges of any direction."""

    def one(code: str) -> str:
        value = st.integers(*LIMITS[code])
        ranges = draw(st.lists(st.tuples(value, st.one_of(st.none(), value)), min_size=1, max_size=3))
        return f"{code}{{{' '.join(f'{first}' if last is None else f'{first}-{last}' for first, last in ranges)}}}"

    parts = draw(st.lists(st.lists(scales, min_size=1, max_size=3), min_size=1, max_size=3))
    return ", ".join(" ".join(one(code) for code in part) for part in parts)


TIMES = st.integers(0, 4 * 366 * 1440).map(lambda minute: datetime(2026, 1, 1) + minute * MINUTE)


class LanguageTests(SynchronousTestCase):
    """What texts mean."""

    def test_examples(self) -> None:
        """Each example has its times inside and outside."""
        for text, inside, outside in CASES:
            period = parse(text)
            for told in inside:
                self.assertTrue(period.matches(datetime.fromisoformat(told)), (text, told))
            for told in outside:
                self.assertFalse(period.matches(datetime.fromisoformat(told)), (text, told))

    def test_errors_say_where(self) -> None:
        """The character and what belongs there."""
        for text, place, reason in WRONG:
            error = self.assertRaises(PeriodError, parse, text)
            self.assertEqual(error.place, place, text)
            self.assertIn(reason, str(error))

    @given(st.text(st.sampled_from("wdhrminsec{}- ,019ampon"), max_size=24))
    def test_any_text_compiles_or_says_where(self, text: str) -> None:
        """Nothing but a period or a PeriodError within the text comes of it."""
        try:
            parse(text)
        except PeriodError as error:
            self.assertTrue(1 <= error.place <= len(text) + 1, (text, error.place))


class ChangeTests(SynchronousTestCase):
    """`next_change`."""

    def test_examples(self) -> None:
        """Ends of hours, over midnight, months, years, and never."""
        for text, since, until in (
            ("wd{mon-fri} hr{9-16}", "2026-03-09 10:20:30", "2026-03-09 17:00:00"),
            ("wd{mon-fri} hr{9-16}", "2026-03-13 17:00:00", "2026-03-16 09:00:00"),
            ("hr{22-5}", "2026-03-09 23:00:00", "2026-03-10 06:00:00"),
            ("hr{22-23}, hr{0-5}", "2026-03-09 23:00:00", "2026-03-10 06:00:00"),
            ("sec{30-59}", "2026-03-09 23:00:10", "2026-03-09 23:00:30"),
            ("mo{2} md{29}", "2026-03-09 00:00:00", "2028-02-29 00:00:00"),
            ("mo{2} md{29} wd{tue}", "2026-03-09 00:00:00", "2028-02-29 00:00:00"),
            ("yr{2030}", "2026-03-09 00:00:00", "2030-01-01 00:00:00"),
            ("yr{2020-2026}", "2026-03-09 00:00:00", "2027-01-01 00:00:00"),
        ):
            self.assertEqual(parse(text).next_change(datetime.fromisoformat(since)), datetime.fromisoformat(until), (text, since))
        for text in ("", "never", "yr{2020}", "md{31} mo{2}", "hr{0-23}"):
            self.assertIsNone(parse(text).next_change(MONDAY, timedelta(days=800)), text)

    def test_the_horizon_is_kept(self) -> None:
        """A change at the horizon is told, one behind it is not."""
        period = parse("md{20}")
        self.assertEqual(period.next_change(MONDAY, timedelta(days=11)), datetime(2026, 3, 20))
        self.assertIsNone(period.next_change(MONDAY, timedelta(days=10, hours=23)))

    @given(periods(st.sampled_from(("wk", "md", "wd", "hr", "min"))), TIMES)
    @settings(max_examples=60, deadline=None)
    def test_minute_by_minute(self, text: str, since: datetime) -> None:
        """The next change is the first minute, of two days, at which the answer is another one."""
        period, within = parse(text), timedelta(days=2)
        here = period.matches(since)
        naive = (since + step * MINUTE for step in range(1, 2 * 1440 + 1))
        self.assertEqual(period.next_change(since, within), next((moment for moment in naive if period.matches(moment) != here), None))

    @given(periods(), TIMES)
    @settings(max_examples=100, deadline=None)
    def test_nothing_changes_before(self, text: str, since: datetime) -> None:
        """At the change the answer is another one, and a second before it is the old one."""
        period = parse(text)
        found = period.next_change(since, timedelta(days=400))
        if found is not None:
            self.assertNotEqual(period.matches(found), period.matches(since))
            self.assertEqual(period.matches(found - timedelta(seconds=1)), period.matches(since))
