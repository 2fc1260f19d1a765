"""Tables, their widths, and JSON documents."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.cli.output import Bar, Column, Output


@dataclass(frozen=True, slots=True)
class Line:
    """A record."""

    id: int
    name: str
    history: str
    amount: Decimal | None


COLUMNS = (
    Column("id", "id"),
    Column("name", "name", 2),
    Column("history", "history", 1),
    Column("amount", "amount"),
)
LINES = [Line(1, "first account", "one minute at 0.02", Decimal("0.02")), Line(20, "second", "nothing", None)]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def printed(width: int | None, as_json: bool = False, lines: list[Line] | None = None) -> str:
    """What the lines look like in a terminal of this width, None: in a pipe."""
    stream = io.StringIO()
    Output(stream, as_json, width).rows(COLUMNS, LINES if lines is None else lines, "no lines")
    return stream.getvalue()


class TableTests(SynchronousTestCase):
    """What people read."""

    def test_aligned(self) -> None:
        """Numbers stand at the right, text at the left, and a pipe gets every character."""
        self.assertEqual(
            printed(None),
            "id  name           history             amount\n"
            " 1  first account  one minute at 0.02    0.02\n"
            "20  second         nothing                  -\n",
        )

    def test_no_tabs(self) -> None:
        """Tables are aligned by blanks alone, and no line ends in one."""
        text = printed(None) + printed(40)
        self.assertNotIn("\t", text)
        self.assertEqual([line for line in text.splitlines() if line != line.rstrip()], [])

    def test_cut(self) -> None:
        """On a narrower terminal the column that yields first is cut, down to eight characters."""
        self.assertIn("first account  one minute…    0.02", printed(38))
        for width in range(27, 46):
            self.assertLessEqual(max(map(len, printed(width).splitlines())), width)

    def test_left_out(self) -> None:
        """When that is not enough it is left out, and the next one is whole again, or cut."""
        self.assertEqual(
            printed(30).splitlines()[:2], ["id  name           amount", " 1  first account    0.02"]
        )
        self.assertEqual(printed(22).splitlines()[1], " 1  first acc…    0.02")

    def test_nothing(self) -> None:
        """No records: a sentence for people, an empty list for programs."""
        self.assertEqual(printed(None, lines=[]), "no lines\n")
        self.assertEqual(json.loads(printed(None, True, [])), [])

    def test_old_terminal(self) -> None:
        """What a terminal's encoding lacks becomes a question mark and no error."""
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
        Output(stream).line("Zürich")
        self.assertEqual(raw.getvalue(), b"Z?rich\n")


class JsonTests(SynchronousTestCase):
    """What programs read."""

    def test_one_document(self) -> None:
        """A list of records with all fields, decimals as strings; lines for people are left out."""
        stream = io.StringIO()
        out = Output(stream, True)
        out.line("for people")
        out.rows(COLUMNS, LINES)
        out.fields({"a": 1})
        expected = {"id": 1, "name": "first account", "history": "one minute at 0.02", "amount": "0.02"}
        self.assertEqual(json.loads(stream.getvalue())[0], expected)

    def test_fields(self) -> None:
        """A record for people has a line a field."""
        stream = io.StringIO()
        Output(stream).fields({"id": 1, "amount": Decimal(10), "note": None})
        self.assertEqual(stream.getvalue(), "id      1\namount  10.00\nnote    -\n")


class BarTests(SynchronousTestCase):
    """The progress bar."""

    def test_terminal(self) -> None:
        """It is redrawn in place, not twice for the same, and taken away in the end."""
        self.patch(__import__("os"), "environ", {"TERM": "xterm"})
        stream = Terminal()
        bar = Bar(stream, 10)
        for done in (0, 1, 1, 2):
            bar(done, 2, "rates")
        bar.clear()
        parts = stream.getvalue().split("\r")
        self.assertEqual(
            [part.rstrip() for part in parts[1:4]],
            ["[..........]   0 % rates", "[#####.....]  50 % rates", "[##########] 100 % rates"],
        )
        self.assertEqual([part.strip() for part in parts[4:]], ["", ""])

    def test_pipe(self) -> None:
        """Nothing is drawn into a file."""
        stream = io.StringIO()
        bar = Bar(stream)
        bar(1, 2, "rates")
        bar.clear()
        self.assertEqual(stream.getvalue(), "")
