"""
CSV files with a header whose lines become entries: every line and column at fault is told with its place, `FILE:LINE:COLUMN: name: reason`
(COLUMN counts the cells of the line from 1).

An empty cell says nothing. Columns that are known and not taken (`Table.left`) are skipped, and the file remembers which there were.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from portaswitch.config.grammar import Fault, Mark, Node, Refused, ScalarKind
from portaswitch.config.node import one_line
from portaswitch.config.tree import read_octets, why
from portaswitch.model.loading import Entry, Section, Value

MAX_OCTETS: Final = 1 << 30
"""Largest file that is read."""

REMEMBERED: Final = 1000
"""Different texts of a column that are remembered."""

NONE: Final = frozenset[str]()
_NOWHERE: Final = Mark("")


@dataclass(frozen=True, slots=True)
class Column:
    """
    What a column becomes: the key of the entry ('' is its name), and how a cell is read.

    `of`: the cell is the number that the old installation gave to something of that section; the key gets its name. A column of names for the same key
    goes first.
    """

    key: str
    kind: ScalarKind[Value]
    of: Section | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """
    One kind of file: its columns by name, the one that names an entry (`name`), the one with the old installation's number of it (`number`),
    the keys that every line must have, and known columns that are not taken.
    """

    file: str
    section: Section
    name: str
    columns: Mapping[str, Column]
    number: str = ""
    needed: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """The place of a line of a file."""

    sheet: Sheet = field(repr=False)
    number: int

    def find(self, dotted: str) -> Cell | Line:
        """The place of the cell that a key came from."""
        for at, name in enumerate(self.sheet.header):
            column = self.sheet.table.columns.get(name)
            if name == dotted or (column is not None and column.key == dotted):
                return self.cell(at)
        return self

    def cell(self, at: int) -> Cell:
        """The place of the cell of that index, from 0."""
        return Cell(self, Mark(self.sheet.path, self.number, at + 1), self.sheet.header[at])

    def fault(self, reason: str) -> Fault:
        """A fault of the line."""
        return Fault(Mark(self.sheet.path, self.number, 1), "", reason)


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of one cell."""

    line: Line
    mark: Mark
    name: str

    def find(self, dotted: str) -> Cell | Line:
        """Another cell of the same line."""
        return self.line.find(dotted)

    def fault(self, reason: str) -> Fault:
        """A fault of the cell."""
        return Fault(self.mark, self.name, reason)


@dataclass(slots=True)
class Sheet:
    """One file that was read: its lines with their cells by place, and the faults so far."""

    path: str
    table: Table
    header: tuple[str, ...] = ()
    lines: list[tuple[Line, list[str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        """Columns of the file that are known and not taken."""
        return [name for name in self.header if name in self.table.left]

    def places(self) -> dict[str, int]:
        """The index of each column."""
        return {name: at for at, name in enumerate(self.header)}


def read_sheet(path: Path, table: Table) -> Sheet:
    """The file at `path`; raises nothing: what is wrong with it is in `faults`."""
    sheet = Sheet(str(path), table)
    try:
        text = read_octets(path, MAX_OCTETS).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        sheet.faults.append(Fault(Mark(sheet.path, line, 1), "", "not UTF-8 text: save the file as UTF-8"))
        return sheet
    except (OSError, ValueError) as error:
        sheet.faults.append(Fault(Mark(sheet.path), "", f"can't be read: {why(error)}"))
        return sheet
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _read(sheet, reader)
    except csv.Error as error:
        place = Line(sheet, reader.line_num)
        sheet.faults.append(place.fault(f'is no line of a CSV file ({error}): quote cells with ", and a " in them as ""'))
    return sheet


def _read(sheet: Sheet, reader: Iterator[list[str]]) -> None:
    number = 1
    for cells in reader:
        line, number = Line(sheet, number), int(getattr(reader, "line_num", number)) + 1
        if not cells:
            continue
        if not sheet.header:
            sheet.header = tuple(name.strip() for name in cells)
            sheet.faults.extend(_header_faults(sheet, line))
        elif len(cells) == len(sheet.header):
            sheet.lines.append((line, cells))
        else:
            sheet.faults.append(line.fault(f"has {len(cells)} cells, and the header {len(sheet.header)}: correct the commas and quotes of the line"))
    if not sheet.header:
        sheet.faults.append(Fault(Mark(sheet.path), "", "is empty: the first line names the columns"))


def _header_faults(sheet: Sheet, line: Line) -> Iterator[Fault]:
    table, seen = sheet.table, set[str]()
    known = {table.name, table.number, *table.columns, *table.left} - {""}
    for at, name in enumerate(sheet.header):
        if name in seen:
            yield line.cell(at).fault("stands in the header twice: remove one of the two columns")
        elif name not in known:
            near = difflib.get_close_matches(name[:64], sorted(known), 1)
            hint = f"did you mean {near[0]}?" if near else "remove it, or name it as docs/migration.rst does"
            yield Fault(line.cell(at).mark, "", f"unknown column {one_line(name) or '(without a name)'}: {hint}")
        seen.add(name)
    if table.name and table.name not in seen:
        yield line.fault(f"there is no column {table.name}, which names what a line is about")
    for key in table.needed:
        ways = [name for name, column in table.columns.items() if column.key == key]
        if seen.isdisjoint(ways):
            yield line.fault(f"there is no column {' or '.join(ways)}")


class Reading:
    """
    The values of one column. The first different texts and what they mean are remembered: most columns have few (currencies, flags, products).
    """

    def __init__(self, column: Column, at: int, named: Mapping[Section, Mapping[str, str]]) -> None:
        self.column, self.at = column, at
        self._names = None if column.of is None else named.get(column.of, {})
        self._known: dict[str, Value] = {}

    def value(self, text: str, line: Line) -> Value | Fault:
        """The value of a cell, or what is wrong with it."""
        if self._names is not None:
            return self._names.get(text) or line.cell(self.at).fault(f"{one_line(text)} is nobody's number in the folder: add its line, or give the name")
        if text in self._known:
            return self._known[text]
        kind = self.column.kind
        node = Node(text, _NOWHERE, "", text, quoted=True)
        try:
            value = kind.convert(node)
        except Refused as refused:
            return line.cell(self.at).fault(f"{'the value' if kind.confidential else node.shown()} {refused}")
        if len(self._known) < REMEMBERED and not kind.confidential:
            self._known[text] = value
        return value


def entries_of(sheet: Sheet, named: Mapping[Section, Mapping[str, str]]) -> Iterator[tuple[Line, Entry]]:
    """
    The entries of a sheet with their lines, in its order; `named` gives the names behind the old installation's numbers. Faults go to the sheet.

    A line whose own name can't be read gives none; where the table has no column for the name, the line's number is the name.
    """
    table, places = sheet.table, sheet.places()
    columns = [Reading(column, at, named) for name, at in places.items() if (column := table.columns.get(name)) is not None and column.key]
    columns.sort(key=lambda reading: reading.column.of is not None)
    naming = None if table.name not in places else Reading(table.columns[table.name], places[table.name], named)
    if naming is None and table.name:
        return
    for line, cells in sheet.lines:
        name = str(line.number)
        if naming is not None:
            name = cells[naming.at]
            found = naming.value(name, line) if name else line.cell(naming.at).fault("is empty: every line has one")
            if isinstance(found, Fault):
                sheet.faults.append(found)
                continue
        yield line, _entry(sheet, line, name, cells, columns)


def _entry(sheet: Sheet, line: Line, name: str, cells: Sequence[str], columns: Sequence[Reading]) -> Entry:
    values: dict[str, Value] = {}
    broken: set[str] = set()
    for reading in columns:
        text, key = cells[reading.at], reading.column.key
        if not text or key in values or key in broken:
            continue
        found = reading.value(text, line)
        if isinstance(found, Fault):
            sheet.faults.append(found)
            broken.add(key)
        else:
            values[key] = found
    for key in sheet.table.needed:
        if key not in values and key not in broken:
            place = line.find(key)
            sheet.faults.append(place.fault("is empty: every line has one" if isinstance(place, Cell) else f"names no {key}"))
            broken.add(key)
    return Entry(name, values, line, frozenset(broken) if broken else NONE)
