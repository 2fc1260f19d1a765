"""
A price list as a CSV file, read a line at a time: which columns there are, and what may stand in each (docs/rates.rst).

Everything that is wrong with a line is said with its number and column, and reading goes on. The result are lines for COPY, in which nothing of the
file is left that was not understood.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Final

from portaswitch.model.price_upload import ALWAYS, FIELDS, Asked, Faults, Mode, TariffFacts
from portaswitch.operations.price_values import CONVERTERS, NULL, Refused, prefix_of, time_of, truth

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
    "off_peak": ("off_peak",),
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
ACTIONS: Final = {"": False, "+": False, "add": False, "-": True, "remove": True, "delete": True}
DEFAULTS: Final = {
    "format": "E.164", "country": NULL, "description": "", "interval_first": "1", "interval_n": "1", "connect_fee": NULL, "off_peak": NULL, "formula": NULL,
}  # fmt: skip
PRICES: Final = ("price_first", "price_n")


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
        read = _Row(self, fields, tariff, self._asked, self._since, self._now)
        batch: list[str] = []
        for text in lines:
            if not text or text.isspace():
                continue
            cells = _split(text, separator)
            if cells is None:
                self.fault("", "the quotes do not match: write \"\" for a quote inside a quoted value")
            elif len(cells) != len(fields) and not (len(cells) > len(fields) and not any(cells[len(fields) :])):
                self.fault("", f"has {len(cells)} values, and the header has {len(fields)}")
            elif any(cells) and (row := read(self._line, cells)) is not None:
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
        if "price" in fields and not self._titles.keys().isdisjoint(PRICES):
            self.fault("price", "says the same as price_first and price_n: keep one or the two others")
        return tuple(fields) if self.faults.total == before else ()


class _Row:
    """Makes the rows of one file."""

    def __init__(self, file: PriceFile, fields: tuple[str, ...], tariff: TariffFacts, asked: Asked, since: str, now: datetime) -> None:
        self._file, self._tariff, self._asked, self._since, self._now = file, tariff, asked, since, now
        self._columns = [(place, field, self._converter(field)) for place, field in enumerate(fields)]
        self._priced_once = "price" in fields
        self._dates: dict[str, str] = {}

    def _converter(self, field: str) -> Callable[[str], str | bool]:
        if field == "prefix":
            return lambda text: prefix_of(text, self._tariff.items)
        if field == "effective_from":
            return self._date
        return truth if field in ("forbidden", "hidden", "discontinued", "payback") else _action if field == "action" else CONVERTERS[field]

    def _date(self, text: str) -> str:
        known = self._dates.get(text)
        if known is not None:
            return known
        at = time_of(text, self._now)
        if self._asked.mode is Mode.REPLACE and self._asked.since is not None and (at is None or at < self._asked.since):
            raise Refused(f"{text} is before --effective-from: rates of before stay as they are when a list is replaced from a date on")
        self._dates[text] = found = ALWAYS if at is None else at.isoformat()
        return found

    def __call__(self, line: int, cells: Sequence[str]) -> str | None:
        """The row as a line for COPY; None when something is wrong with it, after a report of all that is."""
        values: dict[str, str | bool] = {}
        wrong = False
        for place, field, convert in self._columns:
            text = cells[place].strip()
            if not text and field != "prefix":
                continue
            try:
                values[field] = convert(text)
            except Refused as refused:
                wrong = True
                self._file.fault(field, str(refused))
        if "price" in values:
            values["price_first"] = values["price_n"] = values.pop("price")
        ends = bool(values.get("discontinued")) or bool(values.get("action"))
        if not wrong:
            wrong = self._money(values, ends or bool(values.get("forbidden")))
        if wrong:
            return None
        values["line"] = str(line)
        values["discontinued"] = ends
        return "\t".join([_copied(field, values.get(field), self._since) for field in FIELDS]) + "\n"

    def _money(self, values: dict[str, str | bool], free: bool) -> bool:
        """Report what is wrong with the prices; gives whether something is."""
        missing = [field for field in PRICES if field not in values]
        values.update(dict.fromkeys(missing, "0"))
        found = {} if free else dict.fromkeys(missing, "there is no price: write one, or 1 in the column forbidden or discontinued")
        if not values.get("payback"):
            negative = [field for field in (*PRICES, "connect_fee") if str(values.get(field, "")).startswith("-")]
            found |= {field: f"{values[field]} is negative: a rate that pays back has 1 in the column payback" for field in negative}
        if self._priced_once:
            found = {"price" if field in PRICES else field: reason for field, reason in found.items()}
        for field, reason in found.items():
            self._file.fault(field, reason)
        return bool(found)


def _copied(field: str, value: str | bool | None, since: str) -> str:
    """A field as COPY reads it."""
    if value is None:
        return since if field == "effective_from" else DEFAULTS.get(field, "f")
    if value is True or value is False:
        return "t" if value else "f"
    return value


def _action(text: str) -> bool:
    """Whether a row ends its rate."""
    ends = ACTIONS.get(text.lower())
    if ends is None:
        raise Refused(f"{text[:40]!r} is no action: write + (or nothing) for a rate that comes, - for one that ends")
    return ends


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
