"""Lines of a trace for people: aligned, a line a thing, what it tells in detail below it; and for programs: a JSON object a line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from datetime import date
from typing import Any

from portaswitch.administration.tracing import TraceLine
from portaswitch.cli.text import cells, plain, printable

#: Columns of the kind, the least of the request's id, and where nothing says how wide the paper is.
KIND, ID, WIDE = 8, 8, 150
#: What is told in one line rather than in one below the other.
RUNNING = ("packet", "reply", "event", "change", "xdr", "drop", "task")


class Page:
    """Writes lines one below the other; remembers the day and the session, which are told where they change, and the widest id."""

    def __init__(self, width: int | None = None) -> None:
        self._width = max(width or WIDE, 60)
        self._day: date | None = None
        self._id, self._session = ID, ""

    def lines(self, line: TraceLine) -> list[str]:
        """A line of the trace as lines of text."""
        self._id = max(self._id, cells(line.id))
        day = [] if line.at.date() == self._day else [f"--- {line.at:%Y-%m-%d} (UTC)"]
        self._day = line.at.date()
        head = f"{line.at:%H:%M:%S}.{line.at.microsecond // 1000:03d}  {line.id:{self._id}}  {line.kind:{KIND}}  "
        text = printable(line.text + self._whose(line))
        wrapped = textwrap.wrap(text, self._width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False, drop_whitespace=True)
        return [*day, *wrapped, *self._details(line, len(head))]

    def _whose(self, line: TraceLine) -> str:
        """Who and where, behind what happened; a session only where it is another one than before."""
        told = []
        if line.kind in ("packet", "drop") and line.peer:
            told.append(f"from {line.peer}")
        if line.node and line.kind in ("packet", "decision", "task"):
            told.append(f"node {line.node}")
        if line.kind == "decision":
            told += [f"{word} {text}" for word, text in (("user", line.user), ("from", line.calling), ("to", line.called)) if text]
        if line.session and line.session != self._session and line.kind != "packet":
            told.append(f"session {line.session}")
            self._session = line.session
        return f" [{', '.join(told)}]" if told else ""

    def _details(self, line: TraceLine, indent: int) -> list[str]:
        space = " " * indent
        facts = [(printable(name), printable(text)) for name, text in line.facts if line.kind != "decision" or name not in ("called", "calling")]
        if line.kind in RUNNING:
            told = "; ".join(f"{name}={text}" for name, text in facts)
            return textwrap.wrap(told, self._width, initial_indent=space, subsequent_indent=space, break_on_hyphens=False)
        return [part for name, text in facts for part in self._fact(name, text, space)]

    def _fact(self, name: str, text: str, space: str) -> list[str]:
        first = f"{space}{name:14}  "
        return textwrap.wrap(text, self._width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False) or [first.rstrip()]


def as_json(line: TraceLine) -> str:
    """The line as a JSON object: all fields, `facts` as a list of pairs."""
    record: dict[str, Any] = plain(line)
    return json.dumps(record, ensure_ascii=False)


def headed(count: int, since: str, missing: Sequence[str]) -> str:
    """What is said under a trace."""
    told = f"({count} lines since {since})" if count else f"nothing since {since}"
    return "; ".join([told, *missing])
