"""A price list on its way into a tariff: what is asked, what is wrong with the file, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portaswitch.errors import PortaSwitchError

FIELDS = (
    "line", "prefix", "format", "country", "description", "effective_from", "discontinued", "forbidden", "hidden", "interval_first", "interval_n",
    "price_first", "price_n", "connect_fee", "off_peak", "formula",
)  # fmt: skip
"""What a row of a price list has on its way, in this order."""

ALWAYS = "-infinity"
"""The date of a rate that has been in force from ever, as PostgreSQL writes it."""


class Mode(StrEnum):
    """What becomes of rates that the file does not name."""

    ADD = "add"  # they stay
    REPLACE = "replace"  # they go, or end at the date of the upload


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One upload. `since` is when rows without a date of their own come into force, None from ever. `destinations`: prefixes that the environment
    does not have are added to its destinations, else they are faults. `dry_run`: everything but the last step.
    """

    tariff: str
    mode: Mode = Mode.ADD
    since: datetime | None = None
    destinations: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, order=True)
class LineFault:
    """One thing that is wrong with a line (from 1); `column` is as the file's header names it, '' for the whole line."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.column}' if self.column else ''}: {self.reason}"


class Faults:
    """All faults of a file: each is counted, the first `most` are kept."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self._kept: list[LineFault] = []

    def add(self, line: int, column: str, reason: str) -> None:
        """One more."""
        self.count(1)
        if len(self._kept) < self.most:
            self._kept.append(LineFault(line, column, reason))

    def count(self, number: int) -> None:
        """So many more, which are not shown."""
        self.total += number

    def shown(self) -> list[LineFault]:
        """Those that are kept, in the order of the file."""
        return sorted(self._kept)


@dataclass(frozen=True, slots=True)
class TariffFacts:
    """What the rows of a file depend on: `items` says whether destinations may be names of items (a Quantity service)."""

    i_tariff: int
    name: str
    items: bool


class Rows(Protocol):
    """The rows of a file as they are read: lines in the text format of COPY, with the fields of `FIELDS`; faults are in `faults`."""

    faults: Faults

    def __call__(self, tariff: TariffFacts) -> Iterator[list[str]]:
        """Read the file once, some thousand rows at a time."""

    def column(self, field: str) -> str:
        """How the file's header calls a field."""

    @property
    def progress(self) -> tuple[int, int]:
        """Octets that were read, and of the whole file."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did: rates that are new, have other figures, are as they were, are gone; and destinations that were new."""

    tariff: str
    rows: int
    created: int
    changed: int
    same: int
    removed: int
    ended: int
    destinations: int
    dry_run: bool


class UploadError(PortaSwitchError):
    """The upload was not done and the tariff is as it was; the text says why and what to do."""


class UploadRefused(UploadError):
    """The file is wrong; `faults` are in its order, the first of `total`."""

    def __init__(self, file: str, faults: list[LineFault], total: int) -> None:
        super().__init__(f"{file}: {total} faults, and nothing was changed; the first: {faults[0]}")
        self.file, self.faults, self.total = file, faults, total
