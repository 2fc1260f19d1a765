"""Where results go: aligned tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import IO, Any

from portaswitch.cli.text import cells, cut, plain, shown

#: No column is cut below that many characters.
NARROWEST = 8
GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column of a table: the field it shows, its title, and what happens where the terminal is too narrow:
    columns of `yields` 1 are cut, then left out, then those of 2 and so on are cut; those of 0 never.
    """

    field: str
    title: str
    yields: int = 0


class Output:
    """
    The results of one command.

    `width` is that of the terminal in columns, None where the output is no terminal: then nothing is cut.
    """

    def __init__(self, stream: IO[str], as_json: bool = False, width: int | None = None) -> None:
        self.as_json = as_json
        self._stream, self._width = stream, width

    @classmethod
    def on(cls, stream: IO[str], as_json: bool) -> Output:
        """The output on a stream, as wide as its terminal if it is one."""
        return cls(stream, as_json, shutil.get_terminal_size().columns if stream.isatty() else None)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads this on a terminal."""
        return self._width is not None

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where the output is none."""
        return self._width

    def flush(self) -> None:
        """Show now what was written: for commands that go on."""
        self._stream.flush()

    def record(self, text: str) -> None:
        """One JSON object of many, on a line of its own; nothing in tables."""
        if self.as_json:
            self._write(text)

    def line(self, text: str = "") -> None:
        """A line for people; nothing in JSON."""
        if not self.as_json:
            self._write(text)

    def document(self, value: object) -> None:
        """The JSON document; nothing in tables."""
        if self.as_json:
            self._write(json.dumps(plain(value), indent=2, ensure_ascii=False))

    def rows(self, columns: Sequence[Column], records: Sequence[Any], none: str = "nothing found") -> None:
        """
        Records as a table, or as a JSON list with all their fields; `none` is said where there are no
        records.
        """
        self.document(list(records))
        if not records:
            self.line(none)
            return
        self.table(columns, [record if isinstance(record, Mapping) else asdict(record) for record in records])

    def table(self, columns: Sequence[Column], records: Sequence[Mapping[str, object]]) -> None:
        """A table for people, even where it has no rows; nothing in JSON."""
        body = [[shown(record[column.field]) for column in columns] for record in records]
        columned = list(zip(*body, strict=True)) or [()] * len(columns)
        widths = [
            max(cells(text) for text in (column.title, *texts))
            for column, texts in zip(columns, columned, strict=True)
        ]
        kept = self._narrow(columns, widths)
        right = [bool(records) and all(_is_number(record[c.field]) for record in records) for c in columns]
        for texts in [[column.title for column in columns], *body]:
            self.line(_row([(texts[place], widths[place], right[place]) for place in kept]))

    def fields(self, record: Mapping[str, object]) -> None:
        """One record for people, a line a field; nothing in JSON."""
        width = max(map(cells, record), default=0)
        for name, value in record.items():
            self.line(f"{name}{' ' * (width - cells(name))}{GAP}{shown(value)}")

    def _narrow(self, columns: Sequence[Column], widths: list[int]) -> list[int]:
        """
        Take from the columns that yield what the terminal has too little; the places of the columns that
        stay.
        """
        places = list(range(len(columns)))
        for rank in sorted({column.yields for column in columns} - {0}):
            while self._excess(widths, places) > 0:
                wide = [p for p in places if columns[p].yields == rank and widths[p] > NARROWEST]
                if not wide:
                    break
                widths[max(wide, key=lambda place: widths[place])] -= 1
            if rank == 1 and self._excess(widths, places) > 0:
                places = [place for place in places if columns[place].yields != 1]
        return places

    def _excess(self, widths: Sequence[int], places: Sequence[int]) -> int:
        """By how many columns of the terminal a table of these places is too wide."""
        if self._width is None:
            return 0
        return sum(widths[place] for place in places) + len(GAP) * (len(places) - 1) - self._width

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
        except UnicodeEncodeError:
            # A terminal in an old encoding: better a question mark than no table.
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            self._stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool))


def _row(fields: Sequence[tuple[str, int, bool]]) -> str:
    """One line of a table: text, width, and whether it stands at the right, for each column."""
    parts = []
    for text, width, is_right in fields:
        text = cut(text, width)
        padding = " " * (width - cells(text))
        parts.append(padding + text if is_right else text + padding)
    return GAP.join(parts).rstrip()


class Bar:
    """A progress bar on a terminal, redrawn in place; elsewhere nothing is drawn."""

    def __init__(self, stream: IO[str], width: int = 30) -> None:
        self._stream, self._cells = stream, width
        self._drawn = -1
        self._on = stream.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show `done` of `total`; `what` is being worked on."""
        promille = 1000 * done // total if total else 1000
        if not self._on or promille == self._drawn:
            return
        self._drawn = promille
        full = self._cells * promille // 1000
        bar = "#" * full + "." * (self._cells - full)
        self._stream.write(f"\r[{bar}] {promille // 10:3d} % {cut(what, 30):30}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._on and self._drawn >= 0:
            self._stream.write("\r" + " " * (self._cells + 40) + "\r")
            self._stream.flush()
