"""Price lists as CSV: what may stand where, every fault at its line and column, and nothing of a hostile file gets through."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.price_upload import FIELDS, Asked, Faults, Mode, TariffFacts
from portaswitch.operations.price_file import LONGEST_LINE, PriceFile

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 2, 2, tzinfo=UTC)
VOICE, ITEMS = TariffFacts(1, "T", False), TariffFacts(1, "T", True)


def read(octets: bytes, asked: Asked | None = None, tariff: TariffFacts = VOICE, most: int = 100) -> tuple[list[dict[str, str]], Faults]:
    """The rows by field, as COPY would read them, and the faults."""
    file = PriceFile(io.BytesIO(octets), len(octets), asked or Asked("T"), Faults(most), NOW)
    lines = [line for batch in file(tariff) for line in batch]
    return [dict(zip(FIELDS, line.rstrip("\n").split("\t"), strict=True)) for line in lines], file.faults


class GoodTests(SynchronousTestCase):
    """What is understood."""

    def rows(self, text: str, asked: Asked | None = None, tariff: TariffFacts = VOICE) -> list[dict[str, str]]:
        """The rows of a text without faults."""
        rows, faults = read(text.encode(), asked, tariff)
        self.assertEqual(list(map(str, faults.shown())), [])
        return rows

    def test_forms(self) -> None:
        """Separators, a byte order mark, names of any case, quotes, ends of lines, blank lines: the same row."""
        for text in (
            "prefix,price\n44,0.1\n", "\ufeffPrefix;Price\r\n44;0.1\r\n", "DESTINATION\tRate\n\n+44\t 0.1 \n", 'price,"code"\n"0.1","44"',
        ):  # fmt: skip
            (row,) = self.rows(text)
            self.assertEqual((row["prefix"], row["price_first"], row["price_n"]), ("44", "0.1", "0.1"), text)
            self.assertEqual((row["interval_first"], row["effective_from"], row["connect_fee"], row["hidden"]), ("1", "-infinity", "\\N", "f"))

    def test_dates(self) -> None:
        """Of the row, else of the upload, else from ever."""
        text = "prefix,price,effective\n1,1,\n2,1,2026-03-01\n3,1,2026-03-01T12:00+02:00\n4,1,now\n5,1,always\n"
        dates = [row["effective_from"] for row in self.rows(text, Asked("T", since=MONDAY))]
        self.assertEqual(dates, [MONDAY.isoformat(), "2026-03-01T00:00:00+00:00", "2026-03-01T10:00:00+00:00", NOW.isoformat(), "-infinity"])

    def test_without_a_price(self) -> None:
        """A forbidden, discontinued or removed rate needs none."""
        rows = self.rows("prefix,price,forbidden,discontinued,action\n1,,1,,\n2,,,yes,\n3,,,,-\n")
        self.assertEqual([(row["price_n"], row["forbidden"], row["discontinued"]) for row in rows], [("0", "t", "f"), ("0", "f", "t"), ("0", "f", "t")])

    def test_levels(self) -> None:
        """Prices of other levels of the day have columns of their own; a rate that names none has none."""
        rows = self.rows(
            "prefix,price,off_peak_price,second_off_peak_interval_first,second_off_peak_price_first,second_off_peak_price_n,payback\n"
            "1,1,0.5,,,,\n2,1,,60,0.20,0.1,\n3,1,,,,,\n4,-1,-0.5,,,,1\n"
        )
        levels = [None if row["off_peak"] == "\\N" else json.loads(row["off_peak"]) for row in rows]
        self.assertEqual(levels, [
            {"off_peak": {"price_first": "0.5", "price_n": "0.5"}},
            {"second_off_peak": {"interval_first": "60", "price_first": "0.20", "price_n": "0.1"}},
            None, {"off_peak": {"price_first": "-0.5", "price_n": "-0.5"}},
        ])  # fmt: skip

    def test_formulas(self) -> None:
        """A formula stands instead of prices."""
        (row, other) = self.rows('prefix,price,formula,payback\n1,,"60*1@1.80, fee 0.5 random 25%",\n2,,60@-1,y\n')
        self.assertEqual(json.loads(row["formula"]), {"text": "60*1@1.80, fee 0.5 random 25%"})
        self.assertEqual((row["price_first"], row["price_n"], json.loads(other["formula"])), ("0", "0", {"text": "60@-1"}))

    def test_items(self) -> None:
        """Only a Quantity service has items by name."""
        self.assertEqual(self.rows("prefix,price\nsong,1\n|,2\n", tariff=ITEMS)[0]["prefix"], "song")
        self.assertEqual(read(b"prefix,price\nsong,1\n|,2\n")[1].total, 1)


class FaultTests(SynchronousTestCase):
    """What is refused, and where."""

    def faults(self, octets: bytes, asked: Asked | None = None) -> list[str]:
        """Line and column of each fault."""
        return [re.split(": ", str(fault))[0] for fault in read(octets, asked)[1].shown()]

    def test_several_in_a_line(self) -> None:
        """Each with the header's own name of its column."""
        text = b"Code,First,next,price_first,price_n,country\n1,1,1,1,1,CA\n4.42E+11,0,x,1.2.3,\"1,5\",Canada\n2,1,1,-1,1,\n"
        said = self.faults(text)
        self.assertEqual(
            said, ["line 3, Code", "line 3, First", "line 3, country", "line 3, next", "line 3, price_first", "line 3, price_n", "line 4, price_first"]
        )

    def test_levels_and_formulas(self) -> None:
        """Levels are whole and not negative, a formula can be read and stands alone; each with its column and, of a formula, its character."""
        head = b"prefix,price,off_peak_price_first,off_peak_price_n,Second off-peak price,formula\n"
        found = read(head + b'1,1,0.5,,,\n2,1,,0.5,-1,\n3,,,,,"60@1, fe 1"\n4,1,,,,60@1\n5,,,,1,60@1\n6,,,,,60@-1\n')[1].shown()
        self.assertEqual([re.split(": ", str(fault))[0] for fault in found], [
            "line 2, off_peak_price_n", "line 3, Second off-peak price", "line 3, off_peak_price_first", "line 4, formula", "line 5, price",
            "line 6, Second off-peak price", "line 7, formula",
        ])  # fmt: skip
        self.assertIn("'60@1, fe 1' is not a formula: character 7: an element belongs here", str(found[3]))
        self.assertEqual(self.faults(b"prefix,price,off_peak_price,off_peak_price_n\n"), ["line 1, off_peak_price"])
        self.assertEqual(self.faults(b"prefix,price,off_peak\n"), ["line 1, off_peak"])

    def test_lines(self) -> None:
        """No UTF-8, too long, quotes that do not match, too many values: the line is named and reading goes on."""
        long = b"9" * (LONGEST_LINE * 2)
        said = self.faults(b"prefix,price\n\xff,1\n" + long + b',1\n"4,1\n4,1,1\n4\nx,1\n')
        self.assertEqual(said, [*[f"line {number}" for number in range(2, 7)], "line 7, prefix"])

    def test_header(self) -> None:
        """Unknown, repeated and missing columns, all at once; rows are not read then."""
        self.assertEqual(self.faults(b"price,colour,Rate\nx,y,z\n"), ["line 1", "line 1, Rate", "line 1, colour"])
        self.assertEqual(self.faults(b""), ["line 1, column 1", "line 1"][::-1])
        self.assertEqual(self.faults(b"prefix,price,price_n\n"), ["line 1, price"])

    def test_dates_before_a_replacement(self) -> None:
        """A list that replaces from a date on says nothing of before."""
        asked = Asked("T", Mode.REPLACE, MONDAY)
        said = self.faults(b"prefix,price,from\n1,1,2026-02-01\n2,1,2026-02-03\n3,1,always\n4,1,31.12.2026\n", asked)
        self.assertEqual(said, [f"line {number}, from" for number in (2, 4, 5)])

    def test_all_are_counted(self) -> None:
        """Beyond those that are kept too."""
        faults = read(b"prefix,price\n" + b"x,y\n" * 500, most=7)[1]
        self.assertEqual((faults.total, len(faults.shown())), (1000, 7))


CELLS = st.one_of(st.sampled_from(("", "44", "0.1", "-1", "1", "t", "now", "always", "E.212", '{"a": 1}', "CA", "-", "2026-01-01")), st.text(max_size=12))
HEADS = "prefix price_first price_n connect_fee interval_n country description effective_from off_peak_price hidden action format".split()


class LawTests(SynchronousTestCase):
    """Whatever the file is."""

    @settings(deadline=None)
    @given(st.lists(st.lists(CELLS, min_size=len(HEADS), max_size=len(HEADS)), max_size=10), st.sampled_from(",;\t"))
    def test_a_row_is_whole_or_a_fault(self, table: list[list[str]], separator: str) -> None:
        """Every row either comes out in COPY's words, each field of its kind, or has a fault of its own line."""
        out = io.StringIO()
        csv.writer(out, delimiter=separator, lineterminator="\n").writerows([HEADS, *table])
        text = out.getvalue().encode("utf-8", "surrogatepass")
        rows, faults = read(text)
        good = {int(row["line"]) for row in rows}
        self.assertTrue(good.isdisjoint({fault.line for fault in faults.shown()}))
        for row in rows:
            self.assertRegex(row["prefix"], r"\A([0-9]{1,20}|[A-Z]+|\|)\Z")
            self.assertGreaterEqual(Decimal(row["price_first"]), 0)
            self.assertGreaterEqual(int(row["interval_n"]), 1)
            self.assertIn(row["hidden"], ("t", "f"))
            self.assertRegex(row["country"], r"\A([A-Z]{2}|\\N)\Z")

    @settings(deadline=None)
    @given(st.binary(max_size=300))
    def test_any_octets(self, octets: bytes) -> None:
        """Nothing but faults and rows comes of them."""
        read(octets)
        rows, faults = read(b"prefix,price\n" + octets)
        self.assertEqual(len({row["line"] for row in rows}), len(rows))
        self.assertGreaterEqual(faults.total, len(faults.shown()))
