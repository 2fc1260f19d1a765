"""
Values that know their place: what a YAML file becomes before anybody asks what it means.

A `Node` is a scalar, a list or a mapping together with the file, line and column it stands at and its dotted
key, so that whoever finds something wrong with it, here or in the catalogue loader, can say where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal

from portaswitch.errors import ConfigError
from portaswitch.model.value import dataclass

Scalar = None | bool | int | Decimal | str
"""
What one YAML scalar can mean to us; a number with a fraction is a `Decimal`, because a price must never
become a float.
"""

Plain = Scalar | tuple["Plain", ...] | dict[str, "Plain"]
"""A tree without places."""

_SHOWN = 60
"""Longest piece of an operator's value that a fault quotes, in characters."""

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,39})")
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,39})\.[0-9]{1,40}")
_NUMERIC = "-0123456789"
"""How a number begins."""
_WORDS: Mapping[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; line and column count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """
    One thing that is wrong: where, the dotted key (empty when it is about no key), and a reason that says
    what to do about it.
    """

    mark: Mark
    key: str
    reason: str

    def __str__(self) -> str:
        named = f"{one_line(self.key)}: " if self.key else ""
        return f"{self.mark}: {named}{self.reason}"


def config_error(faults: Sequence[Fault]) -> ConfigError:
    """The exception for these faults, in the order of the file, each said once."""
    return ConfigError(list(dict.fromkeys(str(fault) for fault in sorted(faults))))


@dataclass(frozen=True, slots=True)
class Node:
    """
    A value and its place.

    `mark` is the place of the key for a value of a mapping (that is the line an operator looks for), else of
    the value itself. `text` is a scalar as it was written, so that an account id `0123` or `420123456789`
    keeps every digit; `quoted` scalars are always text. `source` says where a value came from that does not
    stand in the file itself ("environment variable X", "file X"): such a value is never quoted in a fault.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node] = field(repr=False)
    mark: Mark
    key: str = ""
    text: str = field(default="", repr=False)
    quoted: bool = False
    source: str = ""

    def fault(self, reason: str) -> Fault:
        """A fault at this place."""
        return Fault(self.mark, self.key, reason)

    def find(self, dotted: str) -> Node:
        """
        The node at that key below this one (`radius.auth_port`), or the deepest one on the way to it that
        exists.
        """
        found = self
        for name in dotted.split("."):
            if not isinstance(found.value, Mapping) or name not in found.value:
                break
            found = found.value[name]
        return found

    def plain(self) -> Plain:
        """The same tree as ordinary values, without places; lists become tuples."""
        if isinstance(self.value, tuple):
            return tuple(item.plain() for item in self.value)
        if isinstance(self.value, Mapping):
            return {name: child.plain() for name, child in self.value.items()}
        return self.value

    def is_scalar(self) -> bool:
        """True when the value is one word, number, truth value or nothing."""
        return not isinstance(self.value, (tuple, dict))

    def shown(self) -> str:
        """
        The value as a fault may quote it: short, on one line, and not at all when it came from a file or the
        environment.
        """
        if self.source:
            return f"the content of {self.source}"
        if isinstance(self.value, tuple):
            return "a list"
        if isinstance(self.value, Mapping):
            return "a mapping"
        return f"'{one_line(self.text)}'" if self.quoted else one_line(self.text) or "nothing"


def one_line(text: str) -> str:
    """The text cut to what fits into a message, with everything that is not printable escaped."""
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", short)


def meaning(text: str) -> Scalar:
    """
    What an unquoted YAML scalar means here.

    Narrower than YAML 1.1, which takes 12:30 for 750, 021 for 17 and `no` for false: only true and false,
    null, whole numbers without leading zeros and plain fractions have a meaning; everything else is text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return text


def joined(parent: str, name: str) -> str:
    """The dotted key of a child of a mapping."""
    return f"{parent}.{name}" if parent else name


def within(key: str, outer: str) -> bool:
    """True when a dotted key is the outer one or inside it."""
    return key == outer or key.startswith((f"{outer}.", f"{outer}["))


def node_of(value: object, mark: Mark, key: str = "") -> Node:
    """
    A node for an ordinary Python value that stands in no file: how defaults go through the same rules as what
    an operator writes.
    """
    if isinstance(value, Mapping):
        return Node(
            {str(name): node_of(child, mark, joined(key, str(name))) for name, child in value.items()},
            mark,
            key,
        )
    if isinstance(value, (list, tuple)):
        return Node(tuple(node_of(item, mark, f"{key}[{at}]") for at, item in enumerate(value)), mark, key)
    if value is None:
        return Node(None, mark, key, "null")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Node(
        text if isinstance(value, str) else meaning(text), mark, key, text, quoted=isinstance(value, str)
    )
