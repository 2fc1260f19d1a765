"""
Logs: how levels are meant, the billing log, and the server's own messages as JSON lines in a file (a terminal gets twistd's text).

Levels. debug: every step, switched on for one subscriber or node. info: what an operator expects to see once (start, stop, a reload). warn: a peer or a file
misbehaves, we go on. error: something is wrong on our side or beyond repair without an operator. critical: the process can't go on. Secrets are never passed
to a logger: types that hold them have a repr that hides them.

The billing log has one JSON line per request that the core decided, with the fixed keys of `KEYS` in that order (docs/logs.rst).

Files rotate by size and by day. One that can't be written (a full disk) stops nothing: its lines are counted, and it is told once.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import FilteringLogObserver, Logger, LogLevel, LogLevelFilterPredicate, globalLogPublisher, jsonFileLogObserver

from portaswitch.metrics import Counter
from portaswitch.model.request import AAARequest, Decision

#: The keys of a billing line: receipt (UTC), request id, kind, environment, node, user as asked, i_account, session, called number as dialled, calling number,
#: units used as reported, units granted (null: no limit), result word, seconds in the core.
KEYS = ("at", "id", "kind", "env", "node", "user", "account", "session", "called", "calling", "used", "granted", "result", "took")

_text: Callable[[str], str] = json.encoder.encode_basestring_ascii

_log = Logger("portaswitch")


def background(deferred: Deferred[Any], what: str) -> None:
    """Let `deferred` run on its own: nobody waits for it, and a failure of it is logged under the name `what`."""
    _ = deferred.addErrback(lambda failure: _log.failure("{what} failed", failure, what=what))


LOST = Counter("portaswitch_log_lines_lost_total", "Lines that could not be written to a log file", ("log",))


def _today() -> date:
    """The day of the log files, in UTC."""
    return datetime.now(UTC).date()


class RotatingFile:
    """
    A log file that turns when it has `rotate` octets and with the first line of another day (UTC); NAME.1 is the youngest of `keep` old ones.

    It is opened for appending, and again when it was moved or removed, so that any log rotation of the system may work on it too, copytruncate included.
    """

    def __init__(self, path: Path, rotate: int, keep: int, today: Callable[[], date] = _today) -> None:
        self.path, self.lost = path, 0
        self._rotate, self._keep, self._today = rotate, keep, today
        self._file: IO[bytes] | None = None
        self._day = today()
        self._told = False

    def write(self, text: str) -> None:
        """Append whole lines; those that can't be written are lost, counted, and told of once."""
        try:
            file = self._opened()
            octets = text.encode("utf-8", "backslashreplace")
            if self._told and os.fstat(file.fileno()).st_size:
                octets = b"\n" + octets  # the last line may have been cut in its middle
            written = file.write(octets)
            if written < len(octets):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if os.fstat(file.fileno()).st_size > self._rotate:
                self._turn()
        except OSError as error:
            self._failed(text.count("\n"), error)
        else:
            self._written()

    def flush(self) -> None:
        """Nothing waits: every write is flushed."""

    def close(self) -> None:
        """Close it; the next line opens it again, under its name (SIGHUP)."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:  # what a full disk did not take
                self._failed(0, error)

    def _opened(self) -> IO[bytes]:
        """The file under its name, of today."""
        if self._file is not None and self._moved(self._file):
            self.close()
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
            facts = os.fstat(self._file.fileno())
            if facts.st_size:
                self._day = datetime.fromtimestamp(facts.st_mtime, UTC).date()
        if self._day != self._today():
            self._day = self._today()
            if os.fstat(self._file.fileno()).st_size:
                self._turn()
                return self._opened()
        return self._file

    def _moved(self, file: IO[bytes]) -> bool:
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(file.fileno()))
        except FileNotFoundError:
            return True

    def _turn(self) -> None:
        self.close()
        for number in range(self._keep - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                os.replace(older, self.path.with_name(f"{self.path.name}.{number + 1}"))
        os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))

    def lose(self, lines: int) -> None:
        """Lines that found no room are counted."""
        self.lost += lines
        LOST.inc(self.path.name, by=lines)

    def _failed(self, lines: int, error: OSError) -> None:
        self.lose(lines)
        file, self._file = self._file, None
        if file is not None:
            _drop(file)
        if not self._told:
            self._told = True  # before it is told: the message may come here
            _log.error("{path} can't be written: {reason}; its lines are lost until it can (make room on the disk)", path=str(self.path), reason=error.strerror)

    def _written(self) -> None:
        if self._told:
            self._told = False
            _log.warn("{path} can be written again; {lost} lines were lost since the start", path=str(self.path), lost=self.lost)


def _drop(file: IO[bytes]) -> None:
    """Close a file whose buffer can't be written: closing tries once more."""
    with suppress(OSError):
        file.close()


class LineFile:
    """
    Lines that are gathered and written to a file by `flush` (a looping call); several processes may write to one.

    Not durable on purpose: what counts is in the database; a full disk loses lines, counted, and stops nothing. Between two writings at most `gather` lines are
    kept. A batch goes to the end of the file in one write, so that lines of other processes never fall into it.
    """

    def __init__(self, path: Path | None, rotate: int, keep: int, gather: int) -> None:
        self._file = None if path is None else RotatingFile(path, rotate, keep)
        self._gather = gather
        self._lines: list[str] = []

    @property
    def lost(self) -> int:
        """Lines that found no room."""
        return 0 if self._file is None else self._file.lost

    def add(self, line: str) -> None:
        """Gather one line, which ends with its newline."""
        if len(self._lines) < self._gather:
            self._lines.append(line)
        elif self._file is not None:
            self._file.lose(1)

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._lines or self._file is None:
            return
        lines, self._lines = self._lines, []
        self._file.write("".join(lines))

    def close(self) -> None:
        """Write the rest and close the file; a later line opens it again, under its name."""
        self.flush()
        if self._file is not None:
            self._file.close()


class BillingLog(LineFile):
    """The billing lines of this process."""

    def __init__(self, path: Path | None, rotate: int = 100_000_000, keep: int = 14, gather: int = 1_000_000) -> None:
        super().__init__(path, rotate, keep, gather)

    def line(self, request: AAARequest, decision: Decision, took: float) -> None:
        """Note one decided request."""
        if self._file is None:
            return
        unit = request.units[0] if request.units else None
        used = "null" if unit is None or unit.used is None else str(unit.used)
        grant = decision.grants[0].units if decision.grants else None
        result = "ok" if decision.refusal is None else decision.refusal.word
        parties = request.parties
        self.add(
            f'{{"at":"{request.received.isoformat()}","id":"{request.id}","kind":"{request.kind._value_}","env":{request.origin.i_env},'
            f'"node":{_text(request.origin.name)},"user":{_text(parties.user)},"account":{decision.facts.i_account or "null"},'
            f'"session":{_text(request.session)},'
            f'"called":{_text(parties.called)},"calling":{_text(parties.calling)},"used":{used},"granted":{"null" if grant is None else grant},'
            f'"result":"{result}","took":{took:.6f}}}\n'
        )


def log_to_file(path: Path, level: str, rotate: int = 100_000_000, keep: int = 14) -> RotatingFile:
    """Write the server's own messages of `level` and above as JSON lines to `path`, beside what goes to the terminal."""
    out = RotatingFile(path, rotate, keep)
    predicate = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    globalLogPublisher.addObserver(FilteringLogObserver(jsonFileLogObserver(cast(IO[str], out), recordSeparator=""), [predicate]))
    return out
