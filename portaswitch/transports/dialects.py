"""
Line protocols, free of I/O: what a command looks like on the wire, and how octets become answers.

MML: Huawei's man-machine language (an answer ends with a line `---    END`). Osmocom's CTRL interface: IPA frames (length, 0xEE, 0x00) around
`GET 3 subscriber...`; the number ties an answer to its command.
"""

from __future__ import annotations

import re
from typing import Protocol

from portaswitch.errors import NotSendable
from portaswitch.handler.targets import OSMO_CTRL, Dialect

#: No answer is longer: an unbounded one would fill the memory.
LONGEST_ANSWER = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_IPA_CONTROL = b"\xee\x00"


class Codec(Protocol):
    """One connection's codec."""

    def encode(self, text: str) -> bytes:
        """A command as octets. Errors: NotSendable where its text would end it early."""

    def feed(self, data: bytes) -> list[str]:
        """The answers that are whole now, in order. Errors: NotSendable for octets that are no answer."""


class LineCodec:
    """Text commands; answers end by a mark of the dialect, or are one line each."""

    def __init__(self, dialect: Dialect) -> None:
        self._end = dialect.end
        self._mark = re.compile(dialect.answer_end) if dialect.answer_end else None
        self._kept = b""
        self._lines: list[str] = []
        self._size = 0

    def encode(self, text: str) -> bytes:
        """See `Codec`."""
        mark = self._end.strip()
        if _CONTROL.search(text) or (mark and mark in text.rstrip(mark)):
            raise NotSendable("a command with an end mark or control characters inside")
        return (text.removesuffix(mark) + self._end).encode()

    def feed(self, data: bytes) -> list[str]:
        """See `Codec`."""
        self._kept += data
        self._size += len(data)
        if self._size > LONGEST_ANSWER:
            raise NotSendable("an answer without an end")
        *lines, self._kept = self._kept.split(b"\n")
        answers = []
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            self._lines.append(text)
            if self._mark is None or self._mark.fullmatch(text.strip()):
                answers.append("\n".join(self._lines))
                self._lines, self._size = [], 0
        if answers:
            self._size = len(self._kept) + sum(len(line) + 1 for line in self._lines)
        return answers


class OsmoCodec:
    """The CTRL interface: `GET name` and `SET name value` get their number here; traps, which nobody asked for, are passed over."""

    def __init__(self) -> None:
        self._kept = b""
        self._number = 0

    def encode(self, text: str) -> bytes:
        """See `Codec`."""
        verb, _, rest = text.partition(" ")
        if verb not in ("GET", "SET") or not rest or _CONTROL.search(rest):
            raise NotSendable("a CTRL command is GET or SET, a name and a value")
        self._number = self._number % 0x7FFFFFFF + 1
        octets = f"{verb} {self._number} {rest}".encode()
        return (len(octets) + 1).to_bytes(2, "big") + _IPA_CONTROL + octets

    def feed(self, data: bytes) -> list[str]:
        """See `Codec`."""
        self._kept += data
        answers = []
        while len(self._kept) >= 3:
            length = int.from_bytes(self._kept[:2], "big")
            if len(self._kept) < 3 + length:
                break
            frame, self._kept = self._kept[2 : 3 + length], self._kept[3 + length :]
            text = frame[2:].decode("utf-8", "replace")
            if frame[:2] == _IPA_CONTROL and not text.startswith("TRAP"):
                answers.append(text)
        return answers


def codec(dialect: Dialect) -> Codec:
    """A new connection's codec."""
    return OsmoCodec() if dialect is OSMO_CTRL else LineCodec(dialect)
