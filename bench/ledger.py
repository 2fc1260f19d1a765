"""
What clients were told: the ledger that radgen writes, one line per request, and what it adds up to per
session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """The requests of a call."""

    AUTH = "auth"
    AUTHZ = "authz"
    START = "start"
    INTERIM = "interim"
    STOP = "stop"


class Answer(StrEnum):
    """What came back; `NONE`: nothing, so that nobody knows whether the request took effect."""

    ACCEPT = "accept"
    REJECT = "reject"
    RESPONSE = "response"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Line:
    """
    One request: the account, the h323-conf-id, what was asked, the cumulative seconds it reported, the
    answer.
    """

    user: str
    session: str
    kind: Kind
    seconds: int
    answer: Answer
    tries: int


def read(path: Path) -> Iterator[Line]:
    """The lines of a ledger; ValueError when one is no ledger line."""
    with path.open() as lines:
        for text in lines:
            user, session, kind, seconds, answer, _, _, tries = text.rstrip("\n").split("\t")
            yield Line(user, session, Kind(kind), int(seconds), Answer(answer), int(tries))


@dataclass(slots=True)
class Told:
    """
    What a client knows of one session.

    Fields with `maybe` also count requests without an answer, whose effect nobody knows: the truth lies
    between the two. `opened`: by an authorization or by accounting; `seconds`: the most that was reported;
    `stopped`: by a Stop; `refused`: the authorization was rejected.
    """

    user: str
    opened: bool = False
    maybe_opened: bool = False
    seconds: int = 0
    maybe_seconds: int = 0
    stopped: bool = False
    maybe_stopped: bool = False
    refused: bool = False

    def add(self, line: Line) -> None:
        """Count one more request."""
        if line.kind is Kind.AUTH:
            return
        if line.answer is Answer.REJECT:
            self.refused = True
            return
        stop = line.kind is Kind.STOP
        self.maybe_opened = True
        self.maybe_seconds = max(self.maybe_seconds, line.seconds)
        self.maybe_stopped = self.maybe_stopped or stop
        if line.answer is not Answer.NONE:
            self.opened = True
            self.seconds = max(self.seconds, line.seconds)
            self.stopped = self.stopped or stop


def sessions(path: Path) -> dict[str, Told]:
    """What the client knows of each session, by h323-conf-id."""
    told: dict[str, Told] = {}
    for line in read(path):
        told.setdefault(line.session, Told(line.user)).add(line)
    return told
