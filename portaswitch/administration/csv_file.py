"""
One exported file: CSV (RFC 4180, UTF-8, a line of names first) under a temporary name, renamed when all of it is on the disk; then its control file.

A reader takes a CSV file when its control file is there, and never sees half of one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from portaswitch.errors import StartError

#: Amounts are added without a loss, whatever their number.
SUM = Context(prec=100)
#: A text that begins so is a formula to spreadsheets; one with an apostrophe gets another, so that one can always be taken off again.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def guarded(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula; a number with its sign stays as it is."""
    if not text.startswith(FORMULA) or (text[0] in "+-" and text[1:].isascii() and text[1:].isdigit()):
        return text
    return f"'{text}"


class CsvFile:
    """Writes `name`.csv into `folder`; in a `with` statement, at whose end what is not finished is removed."""

    def __init__(self, folder: Path, name: str, fields: Sequence[str], raw: bool = False) -> None:
        """`raw`: texts as they are, for readers that are no spreadsheets."""
        self.path, self._part = folder / f"{name}.csv", folder / f".{name}.csv.part"
        self._control = folder / f"{name}.control.json"
        self._raw, self._text = raw, io.StringIO()
        self._writer = csv.writer(self._text)
        self._sha = hashlib.sha256()
        self._id, self._amount, self._tariff = (fields.index(field) for field in ("id", "charged_amount", "i_tariff"))
        self._ids: list[int] = []
        self._sums: dict[Any, Decimal] = {}
        self.rows = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self._part, "wb", opener=lambda path, flags: os.open(path, flags, 0o640))
        except OSError as error:
            raise _unwritable(self._part, error) from error
        self._writer.writerow(fields)
        self._flush()

    def __enter__(self) -> CsvFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Rows in the order of the fields."""
        for row in rows:
            self._sums[row[self._tariff]] = SUM.add(self._sums.get(row[self._tariff], Decimal(0)), row[self._amount])
        self._writer.writerows([[self._shown(value) for value in row] for row in rows])
        self._ids += (rows[0][self._id], rows[-1][self._id])
        self._ids = [self._ids[0], self._ids[-1]]
        self.rows += len(rows)
        self._flush()

    @property
    def ids(self) -> tuple[int, int]:
        """The first and the last id written."""
        return self._ids[0], self._ids[-1]

    def sums(self, currencies: Mapping[Any, str]) -> dict[str, str]:
        """The amounts by currency, as digits; `currencies` by i_tariff. What no tariff rated is no money."""
        total: dict[str, Decimal] = {}
        for tariff, amount in self._sums.items():
            if tariff is not None or amount:
                currency = currencies.get(tariff, "?")
                total[currency] = SUM.add(total.get(currency, Decimal(0)), amount)
        return {currency: format(amount, "f") for currency, amount in sorted(total.items())}

    @property
    def sha256(self) -> str:
        """Of all that was written, in hexadecimal."""
        return self._sha.hexdigest()

    def keep(self, control: Mapping[str, Any]) -> None:
        """All of it is on the disk under its name, then the control file with what `control` says."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self._part, self.path)
            part = self._control.with_name(f".{self._control.name}.part")
            with part.open("w", encoding="utf-8") as written:
                written.write(json.dumps(control, indent=2) + "\n")
                written.flush()
                os.fsync(written.fileno())
            os.replace(part, self._control)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if self._raw else guarded(value)
        return format(value, "f") if isinstance(value, Decimal) else value

    def _flush(self) -> None:
        octets = self._text.getvalue().encode("utf-8")
        self._text.seek(0)
        self._text.truncate()
        self._sha.update(octets)
        try:
            self._file.write(octets)
        except OSError as error:
            raise _unwritable(self._part, error) from error


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unwritable(path: Path, error: OSError) -> StartError:
    return StartError(f"{path} can't be written ({error.strerror}): see to the folder and its space, and run the export again; nothing is lost")
