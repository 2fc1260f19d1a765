"""
A price list as a CSV file, read a line at a time: which columns there are, and what may stand in each (docs/rates.rst).

Everything that is wrong with a line is said with its number and column, and reading goes on. The result are lines for COPY, in which nothing of the
file is left that was not understood.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Final

from portaswitch.model import formula
from portaswitch.model.price_level import LEVELS
from portaswitch.model.price_upload import ALWAYS, FIELDS, Asked, Faults, Mode, TariffFacts
from portaswitch.operations.price_levels import COLUMNS, copied, level_faults, levels_of
from portaswitch.operations.price_levels import SLOTS as LEVEL_SLOTS
from portaswitch.operations.price_values import CONVERTERS, NULL, Refused, prefix_of, time_of

LONGEST_LINE: Final = 65536
"""Octets in a line."""
BATCH: Final = 5000
"""Rows that are handed on together."""
SEPARATORS: Final = ",;\t"

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "prefix": ("prefix", "destination", "dest", "code"),
    "format": ("format",),
    "country": ("country", "country_code"),
    "description": ("description", "name", "destination_name"),
    "interval_first": ("interval_first", "first_interval", "first"),
    "interval_n": ("interval_n", "next_interval", "interval_next", "next"),
    "price_first": ("price_first", "first_price"),
    "price_n": ("price_n", "next_price", "price_next"),
    "price": ("price", "rate"),
    "connect_fee": ("connect_fee", "connection_fee"),
    **COLUMNS,
    "formula": ("formula",),
    "forbidden": ("forbidden",),
    "hidden": ("hidden",),
    "discontinued": ("discontinued",),
    "payback": ("payback",),
    "effective_from": ("effective_from", "effective", "effective_date", "from"),
    "action": ("action",),
}
"""The columns, and what a header may call each; letters of any case, with blanks or - for _."""

FIELD_OF: Final = {name: field for field, names in NAMES.items() for name in names}
DEFAULTS: Final = {
    "format": "E.164", "country": NULL, "description": "", "interval_first": "1", "interval_n": "1", "connect_fee": NULL, "off_peak": NULL, "formula": NULL,
    "price_first": "", "price_n": "", "line": "", "prefix": "", **dict.fromkeys(LEVEL_SLOTS, ""),
}  # fmt: skip
"""What a row has in COPY's words where the file is silent; elsewhere no. A price of "" is missing."""
PRICES: Final = ("price_first", "price_n")
SLOTS: Final = (*FIELDS, "payback", "action", *LEVEL_SLOTS)
LINE, DISCONTINUED, PRICE_FIRST, PRICE_N, FEE, OFF_PEAK, FORMULA, PAYBACK, ENDS = map(
    SLOTS.index, ("line", "discontinued", "price_first", "price_n", "connect_fee", "off_peak", "formula", "payback", "action")
)
FIRST_LEVEL: Final = SLOTS.index(LEVEL_SLOTS[0])
REMEMBERED: Final = 10_000
"""Texts of one column whose meaning is remembered."""

_Column = tuple[int, int, str, dict[str, str], Callable[[str], str]]
"""Its place in the file and in a row, its field, what texts of it became, and how a new one is read."""


class PriceFile:
    """One file, opened for reading octets; `size` is how many it has, `faults` fills while it is read."""

    def __init__(self, stream: IO[bytes], size: int, asked: Asked, faults: Faults, now: datetime) -> None:
        self._stream, self._size, self._asked, self._now = stream, size, asked, now
        self._done = 0
        self._line = 0
        self._titles: dict[str, str] = {}
        self.faults = faults
        self._since = ALWAYS if asked.since is None else asked.since.isoformat()

    @property
    def progress(self) -> tuple[int, int]:
        """See `Rows.progress`."""
        return self._done, self._size

    def column(self, field: str) -> str:
        """See `Rows.column`."""
        return self._titles.get(field, field)

    def __call__(self, tariff: TariffFacts) -> Iterator[list[str]]:
        """See `Rows`."""
        lines = self._lines()
        header = next(lines, "")
        separator = max(SEPARATORS, key=lambda one: sum(_plain(word) in FIELD_OF for word in _split(header, one) or ()))
        fields = self._header(_split(header, separator) or ())
        if not fields:
            return
        read_row = _Row(self, fields, tariff, self._asked, self._since, self._now)
        batch: list[str] = []
        for text in lines:
            if not text or text.isspace():
                continue
            cells = _split(text, separator)
            if cells is None:
                self.fault("", "the quotes do not match: write \"\" for a quote inside a quoted value")
            elif len(cells) != len(fields) and not (len(cells) > len(fields) and not any(cells[len(fields) :])):
                self.fault("", f"has {len(cells)} values, and the header has {len(fields)}")
            elif any(cells) and (row := read_row(self._line, cells)) is not None:
                batch.append(row)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def fault(self, field: str, reason: str) -> None:
        """One more fault of the line that is being read."""
        self.faults.add(self._line, self._titles.get(field, field), reason)

    def _lines(self) -> Iterator[str]:
        """The lines without their ends; one that is too long or no text is a fault and left out."""
        while octets := self._stream.readline(LONGEST_LINE):
            self._line += 1
            self._done += len(octets)
            if len(octets) == LONGEST_LINE and not octets.endswith(b"\n"):
                self.fault("", f"is longer than {LONGEST_LINE} octets")
                while octets and not octets.endswith(b"\n"):
                    octets = self._stream.readline(LONGEST_LINE)
                    self._done += len(octets)
                continue
            try:
                yield octets.decode("utf-8-sig" if self._line == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                self.fault("", "is not UTF-8 text: save the file as CSV UTF-8")

    def _header(self, titles: Sequence[str]) -> tuple[str, ...]:
        """The field of each column; none when the header is wrong, after a report of all that is."""
        self._line = 1
        before, fields = self.faults.total, []
        for number, title in enumerate(titles, 1):
            field = FIELD_OF.get(_plain(title), "")
            if not field:
                self.fault(title or f"column {number}", f"no such column: write one of {', '.join(NAMES)}")
            elif field in self._titles:
                self.fault(title, f"the same as {self._titles[field]}: keep one of the two")
            else:
                self._titles[field] = title.strip()
            fields.append(field)
        if "prefix" not in fields:
            self.fault("", "the first line must name the columns, and one of them must be prefix")
        for both in ("price", *(f"{level}_price" for level in LEVELS)):
            if both in fields and not self._titles.keys().isdisjoint((f"{both}_first", f"{both}_n")):
                self.fault(both, f"says the same as {both}_first and {both}_n: keep one or the two others")
        return tuple(fields) if self.faults.total == before else ()


class _Row:
    """
    Makes the rows of one file. A million rows have few different values in most columns, so what a text becomes is remembered by column.
    """

    def __init__(self, file: PriceFile, fields: tuple[str, ...], tariff: TariffFacts, asked: Asked, since: str, now: datetime) -> None:
        self._file, self._tariff, self._asked, self._now = file, tariff, asked, now
        self._priced_once = "price" in fields
        self._twice = [SLOTS.index(f"{level}_price_first") for level in LEVELS if f"{level}_price" in fields]
        self._levelled = not set(fields).isdisjoint(COLUMNS)
        self._levels: dict[tuple[str, ...], str] = {}
        self._empty = [since if field == "effective_from" else DEFAULTS.get(field, "f") for field in SLOTS]
        self._columns = [self._column(place, field) for place, field in enumerate(fields)]

    def _column(self, place: int, field: str) -> _Column:
        slot = SLOTS.index(f"{field}_first" if field.endswith("price") else field)
        # A prefix must be there; of everything else an empty cell is as no column.
        known = {} if field == "prefix" else {"": self._empty[slot]}
        return place, slot, field, known, self._converter(field)

    def _converter(self, field: str) -> Callable[[str], str]:
        if field == "prefix":
            return lambda text: prefix_of(text, self._tariff.items)
        if field == "effective_from":
            return self._date
        return CONVERTERS[field]

    def _date(self, text: str) -> str:
        at = time_of(text, self._now)
        if self._asked.mode is Mode.REPLACE and self._asked.since is not None and (at is None or at < self._asked.since):
            raise Refused(f"{text} is before --effective-from: rates of before stay as they are when a list is replaced from a date on")
        return ALWAYS if at is None else at.isoformat()

    def __call__(self, line: int, cells: Sequence[str]) -> str | None:
        """The row as a line for COPY; None when something is wrong with it, after a report of all that is."""
        row = self._empty.copy()
        row[LINE] = str(line)
        wrong = False
        for place, slot, field, known, convert in self._columns:
            text = cells[place]
            found = known.get(text)
            if found is None:
                found = self._converted(field, text.strip(), known, convert)
                if found is None:
                    wrong = True
                    continue
                if len(known) < REMEMBERED:
                    known[text] = found
            row[slot] = found
        if wrong:
            return None
        if self._priced_once:
            row[PRICE_N] = row[PRICE_FIRST]
        if row[ENDS] == "t":
            row[DISCONTINUED] = "t"
        first, further = row[PRICE_FIRST], row[PRICE_N]
        if not first or not further or first[0] == "-" or further[0] == "-" or row[FEE][0] == "-" or row[FORMULA] != NULL:
            wrong = self._refused(row)
        if self._levelled and self._levels_refused(row):
            wrong = True
        if wrong:
            return None
        return "\t".join(row[: len(FIELDS)]) + "\n"

    def _converted(self, field: str, text: str, known: Mapping[str, str], convert: Callable[[str], str]) -> str | None:
        """What a text that was not seen before becomes; None after a report."""
        if text in known:
            return known[text]
        try:
            return convert(text)
        except Refused as refused:
            self._file.fault(field, str(refused))
            return None

    def _refused(self, row: list[str]) -> bool:
        """Report what is wrong with prices that are missing or negative, and fill in those that need not be there; gives whether something is wrong."""
        has_formula = row[FORMULA] != NULL
        free = has_formula or "t" in (row[DISCONTINUED], row[SLOTS.index("forbidden")])
        found = self._formula_faults(row) if has_formula else {}
        for field in (*PRICES, "connect_fee"):
            slot = SLOTS.index(field)
            shown = "price" if self._priced_once and field in PRICES else field
            if not row[slot]:
                row[slot] = "0"
                if not free:
                    found[shown] = "there is no price: write one, or 1 in the column forbidden or discontinued"
            elif has_formula and field in PRICES:
                found[shown] = "stands beside a formula: keep one of the two"
            elif row[slot][0] == "-" and row[PAYBACK] != "t":
                found[shown] = f"{row[slot]} is negative: a rate that pays back has 1 in the column payback"
        for field, reason in found.items():
            self._file.fault(field, reason)
        return bool(found)

    def _formula_faults(self, row: list[str]) -> dict[str, str]:
        """A formula pays back only where the row says so."""
        text = json.loads(row[FORMULA].replace("\\\\", "\\"))["text"]
        if row[PAYBACK] == "t" or all(element.amount >= 0 for element in formula.parse(text)):
            return {}
        return {"formula": "has a negative amount: a rate that pays back has 1 in the column payback"}

    def _levels_refused(self, row: list[str]) -> bool:
        """Put the levels of the day into the row, or report what is wrong with them; gives whether something is wrong."""
        for slot in self._twice:
            row[slot + 1] = row[slot]
        cells = *row[FIRST_LEVEL : FIRST_LEVEL + len(LEVEL_SLOTS)], row[PAYBACK], "" if row[FORMULA] == NULL else "t"
        known = self._levels.get(cells)
        if known is None:
            levels = levels_of(cells[: len(LEVEL_SLOTS)])
            found = level_faults(levels, row[PAYBACK] == "t", row[FORMULA] != NULL)
            for field, reason in found.items():
                self._file.fault(field if SLOTS.index(field) not in self._twice else field.removesuffix("_first"), reason)
            if found:
                return True
            known = copied(levels)
            if len(self._levels) < REMEMBERED:
                self._levels[cells] = known
        row[OFF_PEAK] = known
        return False


def _plain(title: str) -> str:
    """The name of a column as the table of names has it."""
    return re.sub(r"[\s.-]+", "_", title.strip().lower())


def _split(text: str, separator: str) -> list[str] | None:
    """The values of a line; None when its quotes do not match."""
    if '"' not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return None
