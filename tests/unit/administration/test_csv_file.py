"""Exported files: what they hold, what spreadsheets make of them, and what a failure leaves."""

from __future__ import annotations

import csv
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration.csv_file import CsvFile, guarded
from portaswitch.errors import StartError

FIELDS = ("id", "CLI", "i_tariff", "charged_amount")
ROWS = [(1, "+16045550193", 7, Decimal("0.02367")), (2, '=cmd|"/c calc"!A1', 7, Decimal("1E-5")), (5, None, 8, Decimal(3))]


class CsvFileTests(SynchronousTestCase):
    """Files in a folder of the test's own."""

    def setUp(self) -> None:
        """The folder, not made yet."""
        self.folder = Path(self.mktemp()) / "out"

    def written(self, rows: list[Any], raw: bool = False) -> CsvFile:
        """A file that was kept."""
        with CsvFile(self.folder, "xdr-000001", FIELDS, raw) as file:
            file.add(rows[:1])
            file.add(rows[1:])
            file.keep({"rows": file.rows, "sha256": file.sha256})
        return file

    def test_content(self) -> None:
        """The names, the rows, no exponent; the control file's digest is that of the file."""
        file = self.written(ROWS)
        with file.path.open(newline="", encoding="utf-8") as text:
            head, *rows = csv.reader(text)
        self.assertEqual(head, list(FIELDS))
        self.assertEqual(rows, [["1", "+16045550193", "7", "0.02367"], ["2", guarded(str(ROWS[1][1])), "7", "0.00001"], ["5", "", "8", "3"]])
        control = json.loads((self.folder / "xdr-000001.control.json").read_text())
        self.assertEqual(control, {"rows": 3, "sha256": hashlib.sha256(file.path.read_bytes()).hexdigest()})
        self.assertEqual((file.ids, file.sums({7: "CAD", 8: "USD"})), ((1, 5), {"CAD": "0.02368", "USD": "3"}))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["xdr-000001.control.json", "xdr-000001.csv"])

    def test_raw(self) -> None:
        """Texts as they are where no spreadsheet reads them."""
        self.assertIn('=cmd|""/c calc""!A1', self.written(ROWS, raw=True).path.read_text())

    def test_nothing_half(self) -> None:
        """A failure inside leaves neither a file nor a part of one."""
        try:
            with CsvFile(self.folder, "xdr-000001", FIELDS) as file:
                file.add(ROWS)
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_unwritable(self) -> None:
        """A folder that is a file: one line that says where."""
        self.folder.parent.mkdir(parents=True)
        self.folder.write_text("")
        error = self.assertRaises(StartError, CsvFile, self.folder, "xdr-000001", FIELDS)
        self.assertIn(str(self.folder), str(error))

    @settings(deadline=None)
    @given(st.text())
    def test_guarded(self, text: str) -> None:
        """No formula comes through, and one apostrophe taken off gives the text again."""
        shown = guarded(text)
        self.assertEqual(shown.removeprefix("'"), text)
        harmless = shown[:1] in "+-" and shown[1:].isascii() and shown[1:].isdigit()
        self.assertTrue(harmless or not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n")))

    def test_numbers_stay(self) -> None:
        """Numbers in international form are no formulas."""
        self.assertEqual([guarded(text) for text in ("+16045550193", "-5", "+1-2", "", "'a")], ["+16045550193", "-5", "'+1-2", "", "''a"])
