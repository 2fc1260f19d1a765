"""Tables that operators bring: CSV as spreadsheets write it."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from portaswitch.model.operation import OperationRefused

SEPARATORS = ",;\t"
LARGEST = 256 << 20
"""Octets of a file; a million lines of an inventory have a tenth of it."""


def read_table(name: str) -> tuple[list[str], list[list[str]]]:
    """
    The head line (names in small letters, blanks as underscores) and the lines below it; `-` is standard input.

    UTF-8, with or without a mark at its beginning; separated by the one of comma, semicolon and tab that the head line has most of. Errors: OperationRefused.
    """
    try:
        octets = sys.stdin.buffer.read(LARGEST + 1) if name == "-" else _octets(Path(name))
        text = octets.decode("utf-8-sig")
    except OSError as error:
        raise OperationRefused([f"{name}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise OperationRefused([f"{name}, line {line}: is not UTF-8: save it as CSV in UTF-8"]) from error
    first = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise OperationRefused([f"{name}: is no CSV file ({error})"]) from error
    if not rows:
        raise OperationRefused([f"{name}: is empty: the first line has the names of the columns"])
    return [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in rows[0]], rows[1:]


def _octets(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise OperationRefused([f"{path}: is larger than {LARGEST >> 20} MiB: cut it into parts"])
    return path.read_bytes()
