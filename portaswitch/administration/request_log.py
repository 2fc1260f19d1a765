"""The billing log of this machine, read for the requests of one session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from portaswitch.trace.reading import files


def requests_of(directory: Path, i_env: int, session: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """
    The lines of a session that were received from `since` to `until`, in their order; none where there is no log here. Lines are all but in the order of their
    times, so their place is found by halving.
    """
    found: list[dict[str, Any]] = []
    for path in files(directory, "billing.log"):  # as many as `logging.keep` has left
        try:
            with path.open("rb") as file:
                found += _of_file(file, i_env, session, since.isoformat(), until.isoformat())
        except OSError:
            continue
    return found


def _of_file(file: IO[bytes], i_env: int, session: str, since: str, until: str) -> Iterator[dict[str, Any]]:
    mark = json.dumps(session).encode()
    file.seek(_place(file, since))
    for line in file:
        if mark not in line:
            if _at(line) > until:
                return
            continue
        told = _read(line)
        if told.get("session") == session and told.get("env") == i_env and since <= str(told.get("at")) <= until:
            yield told


def _place(file: IO[bytes], since: str) -> int:
    """Where the first line of that time or a later one begins."""
    low, high = 0, file.seek(0, 2)
    while high - low > 4096:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        if _at(file.readline()) < since:
            low = middle
        else:
            high = middle
    file.seek(low)
    return low + len(file.readline()) if low else 0


def _at(line: bytes) -> str:
    """The time of a line, '~' (behind all times) behind the last one."""
    return line[7:39].split(b'"')[0].decode("ascii", "replace") if line.startswith(b'{"at":"') else "~"


def _read(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
