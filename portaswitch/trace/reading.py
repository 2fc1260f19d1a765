"""
Lines of billing.log and trace.log of any number of processes: those from a moment on, also from files that have turned, and new ones as they are written.

Logs are written by processes that may be killed, on disks that may be full: what is no whole line is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from portaswitch.trace.line import TraceLine, from_billing, from_record

Read = Callable[[Mapping[str, Any]], TraceLine]

#: The logs and how their lines are read.
LOGS: Mapping[str, Read] = {"billing.log": from_billing, "trace.log": from_record}
#: The log of which every line is read: a packet there does not name its account, but its request does.
WHOLE = "trace.log"
#: Lines are in the order of their writing, which is that of their times but for this.
ORDER = timedelta(seconds=60)
_AT = b'{"at":"'


def files(folder: Path, name: str) -> list[Path]:
    """A log and what it was before it turned, the oldest first."""
    found = [(int(path.name.rpartition(".")[2]), path) for path in folder.glob(f"{name}.*") if path.name.rpartition(".")[2].isdigit()]
    old = [path for _, path in sorted(found, reverse=True)]
    return [*old, folder / name] if (folder / name).exists() else old


def read(folders: Sequence[Path], since: datetime, needles: Sequence[bytes]) -> Iterator[TraceLine]:
    """The lines from `since` on that have one of the needles (of trace.log all), file after file. Files that can't be read raise OSError."""
    for folder in folders:
        for name, make in LOGS.items():
            for path in files(folder, name):
                if path.stat().st_mtime >= (since - ORDER).timestamp():
                    yield from _of_file(path, since, () if name == WHOLE else needles, make)


def _of_file(path: Path, since: datetime, needles: Sequence[bytes], make: Read) -> Iterator[TraceLine]:
    with path.open("rb") as file:
        file.seek(_begin(file, (since - ORDER).isoformat().encode()))
        for octets in file:
            line = line_of(octets, needles, make)
            if line is not None and line.at >= since:
                yield line


def line_of(octets: bytes, needles: Sequence[bytes], make: Read) -> TraceLine | None:
    """The line that the octets are, if it has one of the needles (none given: any); None also for what is no line."""
    if needles and not any(needle in octets for needle in needles):
        return None
    try:
        return make(json.loads(octets))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _begin(file: IO[bytes], since: bytes) -> int:
    """Where lines of `since` or later begin, found by halving: a log may have a hundred megabytes."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > 65536:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        octets = file.readline()
        if octets.startswith(_AT) and octets[len(_AT) : len(_AT) + len(since)] < since:
            low = middle
        else:
            high = middle
    if low == 0:
        return 0
    file.seek(low)
    file.readline()
    return file.tell()


class Tail:
    """The lines that come into one log, also when the file turns or is only made later."""

    def __init__(self, folder: Path, name: str, needles: Sequence[bytes]) -> None:
        self._path, self._needles, self._make = folder / name, () if name == WHOLE else needles, LOGS[name]
        self._file: IO[bytes] | None = None
        self._rest = b""
        self._open()
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[TraceLine]:
        """What came since the last time."""
        found = self._new()
        if self._turned():
            self.close()
            self._open()
            found += self._new()
        return found

    def close(self) -> None:
        """Read no more."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._rest = b""

    def _open(self) -> None:
        try:
            self._file = self._path.open("rb")
        except OSError:
            self._file = None

    def _new(self) -> list[TraceLine]:
        if self._file is None:
            return []
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        found = (line_of(octets, self._needles, self._make) for octets in whole)
        return [line for line in found if line is not None]

    def _turned(self) -> bool:
        try:
            there = self._path.stat()
        except OSError:
            return False
        return self._file is None or not os.path.samestat(there, os.fstat(self._file.fileno()))
