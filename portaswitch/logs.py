"""
Logs: how levels are meant, the billing log, and the server's own messages as JSON lines in a file (a terminal gets twistd's text).

Levels. debug: every step, switched on for one subscriber or node. info: what an operator expects to see once (start, stop, a reload). warn: a peer or a file
misbehaves, we go on. error: something is wrong on our side or beyond repair without an operator. critical: the process can't go on. Secrets are never passed
to a logger: types that hold them have a repr that hides them.

The billing log has one JSON line per request that the core decided, with the fixed keys of `KEYS` in that order (docs/logs.rst).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import FilteringLogObserver, Logger, LogLevel, LogLevelFilterPredicate, globalLogPublisher, jsonFileLogObserver
from twisted.python.logfile import LogFile

from portaswitch.model.request import AAARequest, Decision

#: The keys of a billing line: receipt (UTC), request id, kind, environment, node, user as asked, i_account, session, called number as dialled, calling number,
#: units used as reported, units granted (null: no limit), result word, seconds in the core.
KEYS = ("at", "id", "kind", "env", "node", "user", "account", "session", "called", "calling", "used", "granted", "result", "took")

_text: Callable[[str], str] = json.encoder.encode_basestring_ascii

_log = Logger("portaswitch")


def background(deferred: Deferred[Any], what: str) -> None:
    """Let `deferred` run on its own: nobody waits for it, and a failure of it is logged under the name `what`."""
    _ = deferred.addErrback(lambda failure: _log.failure("{what} failed", failure, what=what))


class LineFile:
    """
    Lines that are gathered and written to a file by `flush` (a looping call), rotated by size; several processes may write to one.

    Not durable on purpose: what counts is in the database; a full disk loses lines, counted, and stops nothing. Between two writings at most `gather` lines are
    kept. A batch goes to the end of the file in one write, so that lines of other processes never fall into it.
    """

    def __init__(self, path: Path | None, rotate: int, keep: int, gather: int) -> None:
        self._path, self._rotate, self._keep, self._gather = path, rotate, keep, gather
        self._lines: list[str] = []
        self._file: IO[bytes] | None = None
        self.lost = 0

    def add(self, line: str) -> None:
        """Gather one line, which ends with its newline."""
        if len(self._lines) < self._gather:
            self._lines.append(line)
        else:
            self.lost += 1

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._lines or self._path is None:
            return
        lines, self._lines = self._lines, []
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            octets = "".join(lines).encode()
            written = self._file.write(octets)
            if written < len(octets):  # no room for more
                self.lost += octets.count(b"\n", written)
            if self._file.tell() > self._rotate:
                self._turn()
        except OSError:
            self.lost += len(lines)
            self._close()

    def close(self) -> None:
        """Write the rest and close the file."""
        self.flush()
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                self.lost += 1
            self._file = None

    def _turn(self) -> None:
        assert self._path is not None and self._file is not None
        mine = self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        self._close()
        if not mine:
            return  # another process has turned it: go on in the new one
        for number in range(self._keep - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                os.replace(older, self._path.with_name(f"{self._path.name}.{number + 1}"))
        os.replace(self._path, self._path.with_name(f"{self._path.name}.1"))


class BillingLog(LineFile):
    """The billing lines of this process."""

    def __init__(self, path: Path | None, rotate: int = 100_000_000, keep: int = 10, gather: int = 1_000_000) -> None:
        super().__init__(path, rotate, keep, gather)

    def line(self, request: AAARequest, decision: Decision, took: float) -> None:
        """Note one decided request."""
        if self._path is None:
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


def log_to_file(path: Path, level: str, rotate: int = 10_000_000, keep: int = 10) -> None:
    """Write the server's own messages of `level` and above as JSON lines to `path`, beside what goes to the terminal; rotated by size."""
    out = LogFile(path.name, str(path.parent), rotateLength=rotate, maxRotatedFiles=keep)
    predicate = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    globalLogPublisher.addObserver(FilteringLogObserver(jsonFileLogObserver(cast(IO[str], out), recordSeparator=""), [predicate]))
