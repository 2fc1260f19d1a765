"""
The text of response templates, read into lines (spec/radius.yaml, response_templates; docs/templates.rst).

    Mikrotik-Rate-Limit = '${upload_rate:128k}/${download_rate:512k}'
    <attribute name> <operation> <value template>

Nothing here knows attributes or variables; whatever is wrong with a text is in the faults, each with its place, and reading goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from portaswitch.model.value import dataclass

LONGEST: Final = 16384  # characters of one text
_HEAD: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,2}(?=[ \t]*(:=|\+=|=)))?)(?P<gap>[ \t]*)(?P<operation>:=|\+=|=)?[ \t]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPED: Final = frozenset("\\'$}")
_BLANKS: Final = " \t"


@dataclass(frozen=True, slots=True, order=True)
class TemplateFault:
    """One thing that is wrong with a text; line and column count from 1."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`${name:[modifier]default}`; `modifier` '' is none, `refers`: the default is the name of another variable. `column` is where it stands."""

    name: str
    column: int
    modifier: str = ""
    default: str = ""
    refers: bool = False
    bare: bool = False  # there is no default and no modifier


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment: the attribute's name (with its tag, if any), the operation (=, := or +=), and the value in parts, pieces of plain text between
    placeholders."""

    number: int
    column: int
    name: str
    operation: str
    parts: tuple[str | Placeholder, ...]

    def placeholders(self) -> Iterable[Placeholder]:
        """Those of the value, in their order."""
        return (part for part in self.parts if isinstance(part, Placeholder))


class _Broken(Exception):
    """The rest of a line can't be read."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at, self.reason = at, reason


def read_lines(text: str, faults: list[TemplateFault]) -> list[Line]:
    """The lines of a text, without empty ones and comments (#); what can't be read is added to `faults`."""
    if len(text) > LONGEST:
        faults.append(TemplateFault(1, 1, f"longer than {LONGEST} characters: use fewer lines"))
        return []
    lines = []
    for number, written in enumerate(text.split("\n"), 1):
        line = written.rstrip(" \t\r")
        start = len(line) - len(line.lstrip(_BLANKS))
        if start == len(line) or line[start] == "#":
            continue
        try:
            lines.append(_line(number, line, start))
        except _Broken as broken:
            faults.append(TemplateFault(number, broken.at + 1, broken.reason))
    return lines


def read_row(number: int, name: str, operation: str, value: str, faults: list[TemplateFault]) -> Line | None:
    """One line that a table holds in three columns: its value may have blanks without quotes. Columns of faults count in the value."""
    try:
        parts, _ = _Value(value, 0, quoted=value.startswith("'"), blanks=True).read()
    except _Broken as broken:
        faults.append(TemplateFault(number, broken.at + 1, broken.reason))
        return None
    return Line(number, 1, name, operation, parts)


def _line(number: int, line: str, start: int) -> Line:
    head = _HEAD.match(line, start)
    if head is None:
        raise _Broken(start, "no attribute name: write NAME = VALUE, or # before a comment")
    if head["operation"] is None:
        raise _Broken(head.end("gap"), "no operation behind the name: write = (unless present), := (instead of) or += (one more)")
    at = head.end()
    if at == len(line):
        raise _Broken(at, "no value: write '' for an empty one")
    parts, end = _Value(line, at, quoted=line[at] == "'", blanks=line[at] == "'").read()
    if end < len(line):
        raise _Broken(end, "something follows the closing quote: write \\' for a quote inside the value")
    return Line(number, start + 1, head["name"], head["operation"], parts)


class _Value:
    """Reads one value template from a place in a line."""

    def __init__(self, line: str, at: int, *, quoted: bool, blanks: bool) -> None:
        self._line, self._at, self._start, self._quoted, self._blanks = line, at + quoted, at, quoted, blanks
        self._parts: list[str | Placeholder] = []
        self._plain = ""

    def read(self) -> tuple[tuple[str | Placeholder, ...], int]:
        """The parts, and the place behind the value."""
        while self._at < len(self._line):
            sign = self._line[self._at]
            if sign == "'":
                if not self._quoted:
                    raise _Broken(self._at, "a quote inside a value without quotes: put the whole value into quotes, or write \\'")
                return self._ended(self._at + 1)
            if sign == "$" and self._line.startswith("{", self._at + 1):
                self._flush()
                self._parts.append(self._placeholder())
            else:
                self._plain += self._character("the value")
        if self._quoted:
            raise _Broken(self._start, "no closing quote: add ' at the end")
        return self._ended(self._at)

    def _ended(self, at: int) -> tuple[tuple[str | Placeholder, ...], int]:
        self._flush()
        return tuple(self._parts), at

    def _flush(self) -> None:
        if self._plain:
            self._parts.append(self._plain)
            self._plain = ""

    def _character(self, where: str) -> str:
        """The next character, an escaped one without its backslash."""
        sign = self._line[self._at]
        if sign == "\\":
            escaped = self._line[self._at + 1 : self._at + 2]
            if escaped not in _ESCAPED:
                raise _Broken(self._at, "a backslash stands before \\, ', $ or } only: write \\\\ for one")
            self._at += 2
            return escaped
        if sign in _BLANKS and not self._blanks:
            raise _Broken(self._at, f"a blank in {where}: put single quotes around the whole value")
        self._at += 1
        return sign

    def _placeholder(self) -> Placeholder:
        begin = self._at
        found = _NAME.match(self._line, begin + 2)
        if found is None:
            raise _Broken(begin + 2, "no variable name behind ${: letters, digits, point, - and _")
        self._at = found.end()
        sign = self._line[self._at : self._at + 1]
        if sign == "}":
            self._at += 1
            return Placeholder(found[0], begin + 1, bare=True)
        if sign != ":":
            raise _Broken(self._at, f"${{{found[0]} is not closed: write }} or : and a default" if not sign else "only : or } may follow a variable's name")
        self._at += 1
        modifier = self._line[self._at : self._at + 1]
        modifier = modifier if modifier in ("-", "=", "+", "?") else ""
        self._at += len(modifier)
        if modifier == "-":
            modifier = ""
        refers = _reference(self._line, self._at)
        return Placeholder(found[0], begin + 1, modifier, self._default(begin, refers), refers)

    def _default(self, begin: int, refers: bool) -> str:
        """Up to the closing brace, and behind it."""
        self._at += refers
        default = ""
        while self._at < len(self._line):
            if self._line[self._at] == "}":
                self._at += 1
                return default
            if self._line.startswith("${", self._at):
                raise _Broken(self._at, "placeholders do not nest: a default that is a variable is written $name")
            if self._line[self._at] == "'" and self._quoted:
                break
            default += self._character("a default")
        raise _Broken(begin, "the placeholder is not closed: add }")


def _reference(line: str, at: int) -> bool:
    """Whether the default that begins at `at` is a variable: $name and nothing else."""
    if not line.startswith("$", at):
        return False
    found = _NAME.match(line, at + 1)
    return found is not None and line.startswith("}", found.end())
