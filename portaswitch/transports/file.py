"""
Batch files: rows that come close together share a file, whose number has no gap; it appears whole or not at all, and may wait for an acknowledgement.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from portaswitch.errors import NotSendable, TransportFailed
from portaswitch.handler.requests import File, Reply, Request
from portaswitch.handler.targets import FileTarget
from portaswitch.interfaces.transport import ITransport
from portaswitch.transports.carried import carried

#: Rows are gathered for that long, at most so many a file.
GATHER = 1.0
MOST_ROWS = 10_000
#: How often an acknowledgement is looked for.
LOOK = 1.0


@implementer(ITransport)
class FileTransport:
    """The transport of a `FileTarget`. The reply comes when the file is on disk, or when its acknowledgement is there (its text is the body)."""

    def __init__(self, reactor: Any, name: str, target: FileTarget, values: Mapping[str, Any]) -> None:
        self.name = name
        self._reactor, self._target, self._folder = reactor, target, Path(values[target.directory])
        self._rows: list[tuple[tuple[str, ...], Deferred[Reply]]] = []
        self._call: Any = None

    def send(self, request: Request) -> Deferred[Reply]:
        """See `ITransport`."""
        try:
            row = carried(request, File, self.name).row
        except NotSendable as error:
            return fail(error)
        written: Deferred[Reply] = Deferred()
        self._rows.append((row, written))
        if len(self._rows) >= MOST_ROWS:
            self._write()
        elif self._call is None or not self._call.active():
            self._call = self._reactor.callLater(GATHER, self._write)
        return written

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self._write()
        return succeed(None)

    def _write(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            name = self._batch([row for row, _ in rows])
        except OSError as error:
            for _, written in rows:
                written.errback(TransportFailed(f"{self.name}: {os.strerror(error.errno or 0)}"))
            return
        waiting = [written for _, written in rows]
        if self._target.acknowledgement:
            self._look(name, waiting, self._reactor.seconds() + self._target.seconds)
        else:
            _answer(waiting, Reply(body=name))

    def _batch(self, rows: list[tuple[str, ...]]) -> str:
        counter = self._folder / f".{self.name.replace('/', '-')}.sequence"
        number = int(counter.read_text() or 0) + 1 if counter.exists() else 1
        name = self._target.pattern.format(date=datetime.now(UTC).strftime("%Y%m%d"), sequence=f"{number:08d}")
        text = StringIO()
        csv.writer(text).writerows(rows)
        _put(self._folder / name, text.getvalue())
        _put(counter, str(number))
        return name

    def _look(self, name: str, waiting: list[Deferred[Reply]], until: float) -> None:
        """The acknowledgement's text answers all rows of its file; one that stays away fails them, and they are sent again in a later file."""
        path = self._folder / self._target.acknowledgement.format(name=name)
        if path.exists():
            _answer(waiting, Reply(body=path.read_text("utf-8", "replace")))
        elif self._reactor.seconds() >= until:
            for written in waiting:
                written.errback(TransportFailed(f"{self.name}: no acknowledgement of {name}"))
        else:
            self._reactor.callLater(LOOK, self._look, name, waiting, until)


def _answer(waiting: list[Deferred[Reply]], reply: Reply) -> None:
    for written in waiting:
        written.callback(reply)


def _put(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    beside = path.with_name(f"{path.name}.tmp")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
