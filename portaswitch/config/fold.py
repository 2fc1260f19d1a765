"""
YAML text folded into nodes, with everything that is wrong with it as YAML.

PyYAML's constructor is not used: it lets a repeated key pass (the last one wins, silently), makes numbers of
telephone numbers and floats of prices, and stops at its first complaint. The events of its parser are folded
here instead, without recursion, so that no depth of nesting can exhaust the stack. Anchors, aliases and tags
are refused: nothing we read needs them, and aliases are how ten lines become ten gigabytes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import field
from typing import Any, Protocol

import yaml

from portaswitch.config.collector import without_collector
from portaswitch.config.node import Fault, Mark, Node, joined, meaning
from portaswitch.model.value import dataclass

MAX_DEPTH = 32
"""Deepest nesting of lists and mappings."""

TELLING = 10_000
"""Events after which it is told how far the reading is: some tenths of a second."""

Told = Callable[[int, int], None]
"""Called with what is done, of how much."""


def unheard(done: int, whole: int) -> None:
    """Nobody is told."""


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser when the wheel has it: a catalogue is read five times faster than by PyYAML's own."""


class _Place(Protocol):
    """A mark of PyYAML, whichever parser made it; line and column count from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tree:
    """
    A file as nodes.

    `root` holds what could be read, an empty mapping when that is nothing. `faults` is what is wrong with the
    file as YAML. `complete` is False when parts of the file are not in the tree, so that a key that seems to
    be missing may only be out of sight.
    """

    root: Node
    faults: tuple[Fault, ...] = ()
    complete: bool = True


@dataclass(frozen=False, slots=True)
class _Open(ABC):
    """A list or mapping whose end has not come yet."""

    mark: Mark
    key: str

    @abstractmethod
    def child(self, own: Mark) -> tuple[Mark, str]:
        """Place and dotted key of the next value, which itself stands at `own`."""

    @abstractmethod
    def add(self, node: Node) -> Fault | None:
        """Take the next key or value; gives what is wrong with it."""

    @abstractmethod
    def skip(self) -> None:
        """Take the next key or value as one that can't be used."""

    @abstractmethod
    def closed(self) -> Node:
        """The node, of all that was taken."""


@dataclass(frozen=False, slots=True)
class _OpenList(_Open):
    """A list, whose items are counted from 0."""

    items: list[Node] = field(default_factory=list)

    def child(self, own: Mark) -> tuple[Mark, str]:
        return own, f"{self.key}[{len(self.items)}]"

    def add(self, node: Node) -> Fault | None:
        self.items.append(node)
        return None

    def skip(self) -> None:
        pass

    def closed(self) -> Node:
        return Node(tuple(self.items), self.mark, self.key)


@dataclass(frozen=False, slots=True)
class _OpenDocument(_OpenList):
    """The document, as a list of its root alone, which has no key."""

    def child(self, own: Mark) -> tuple[Mark, str]:
        return own, ""


@dataclass(frozen=True, slots=True)
class _Name:
    """
    A key whose value has not come yet; nameless when the key is unusable and the value is to be dropped.
    """

    mark: Mark
    name: str | None


@dataclass(frozen=False, slots=True)
class _OpenMapping(_Open):
    """A mapping, which takes keys and values in turn."""

    children: dict[str, Node] = field(default_factory=dict)
    waiting: _Name | None = None

    def child(self, own: Mark) -> tuple[Mark, str]:
        if self.waiting is None or self.waiting.name is None:
            return own, self.key
        return self.waiting.mark, joined(self.key, self.waiting.name)

    def add(self, node: Node) -> Fault | None:
        waiting = self.waiting
        if waiting is None:
            return self.name(node.text if node.is_scalar() else "", node.mark)
        if waiting.name is not None:
            self.children[waiting.name] = node
        self.waiting = None
        return None

    def name(self, text: str, mark: Mark) -> Fault | None:
        """Take the next key; '' is one that can't be used."""
        if text and text not in self.children:
            self.waiting = _Name(mark, text)
            return None
        self.waiting = _Name(mark, None)
        if not text:
            return Fault(mark, self.key, "a key must be one word of text, not empty, a list or a mapping")
        first = self.children[text].mark.line
        return Fault(mark, joined(self.key, text), f"this key stands already in line {first}: keep one of the two")

    def skip(self) -> None:
        self.waiting = _Name(self.mark, None) if self.waiting is None else None

    def closed(self) -> Node:
        return Node(self.children, self.mark, self.key)


class _TooDeep(Exception):
    """Nesting beyond MAX_DEPTH begins here."""

    def __init__(self, reason: str, mark: Mark) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mark = mark


class Fold:
    """The events of one document, folded into its tree."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stack: list[_Open] = [_OpenDocument(Mark(file, 1, 1), "")]
        self._documents = 0
        self._faults: list[Fault] = []
        self._lost: list[Mark] = []

    def run(self, text: str, told: Told = unheard) -> Tree:
        """Everything up to the end of the text, or to the first place where it stops being YAML. `told` how many characters are read, of how many."""
        try:
            with without_collector():
                self._read(text, told)
        except _TooDeep as error:
            self._stop(error.mark, error.reason)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # ValueError and OverflowError come out of PyYAML's own scanner: absurd escapes and versions.
            self._stop(*self._syntax(error, text))
        return self._tree()

    def _read(self, text: str, told: Told) -> None:
        """The loop: a file of 100,000 lines has a million events."""
        take: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if not number % TELLING:
                told(event.start_mark.index if event.start_mark else 0, len(text))
            taken = take.get(type(event))
            if taken is not None:
                taken(event)
            elif type(event) is yaml.DocumentStartEvent:
                self._documents += 1
                if self._documents > 1:
                    self._fault(event, "a second document begins here: keep one document in a file")
                    take.clear()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        mark, key = self._child(event)
        text, top = event.value, self._stack[-1]
        if isinstance(top, _OpenMapping) and top.waiting is None:
            fault = top.name(text, mark)
        else:
            quoted = not event.implicit[0]
            fault = top.add(Node(text if quoted else meaning(text), mark, key, text, quoted))
        if fault is not None:
            self._faults.append(fault)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        mark, key = self._child(event)
        if len(self._stack) > MAX_DEPTH:
            raise _TooDeep(f"lists and mappings are nested deeper than {MAX_DEPTH} levels", mark)
        self._stack.append(
            _OpenMapping(mark, key) if isinstance(event, yaml.MappingStartEvent) else _OpenList(mark, key)
        )

    def _end(self, event: yaml.Event) -> None:
        self._add(self._stack.pop().closed())

    def _alias(self, event: yaml.Event) -> None:
        self._fault(event, "aliases (*name) are not used here: write the value out, or quote text that begins with *")
        self._stack[-1].skip()

    def _add(self, node: Node) -> None:
        fault = self._stack[-1].add(node)
        if fault is not None:
            self._faults.append(fault)

    def _child(self, event: yaml.NodeEvent) -> tuple[Mark, str]:
        """Place and key of a value; anchors and tags on it are faults."""
        start = event.start_mark
        place = self._stack[-1].child(Mark(self._file) if start is None else Mark(self._file, start.line + 1, start.column + 1))
        if event.anchor is not None:
            self._faults.append(Fault(*place, "anchors (&name) are not used here: remove it, or quote text that begins with &"))
        if getattr(event, "tag", None) not in (None, "!"):
            self._faults.append(Fault(*place, "tags (!name) are not used here: remove it, or quote text that begins with !"))
        return place

    def _mark(self, mark: _Place | None) -> Mark:
        return Mark(self._file) if mark is None else Mark(self._file, mark.line + 1, mark.column + 1)

    def _fault(self, event: yaml.Event, reason: str) -> None:
        """Something that is left out of the tree."""
        mark, key = self._stack[-1].child(self._mark(event.start_mark))
        self._lost.append(mark)
        self._faults.append(Fault(mark, key, reason))

    def _syntax(self, error: Exception, text: str) -> tuple[Mark, str]:
        """Where and why the text is not YAML; no part of the text is quoted, since it may hold a secret."""
        if not isinstance(error, yaml.MarkedYAMLError):
            return Mark(self._file), "not YAML: an escape or a version number is out of range"
        here = self._mark(error.problem_mark or error.context_mark)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        begun = self._mark(error.context_mark).line
        if begun not in (0, here.line):
            reason += f" (begun in line {begun})"
        lines = text.splitlines()[here.line - 1 : here.line]
        tab = any(re.match(r" *\t", line) for line in lines)
        advice = "indent with spaces, not tabs" if tab else "look at this line and the one before it"
        return here, f"not YAML: {reason}; {advice}"

    def _stop(self, mark: Mark, reason: str) -> None:
        """Nothing below this place is read."""
        self._lost.append(mark)
        self._faults.append(Fault(mark, self._stack[-1].key, f"{reason}; all below it is unread"))

    def _tree(self) -> Tree:
        """Close what is still open, which happens after a syntax fault only."""
        while len(self._stack) > 1:
            self._add(self._stack.pop().closed())
        document = self._stack[0].closed().value
        root = document[0] if isinstance(document, tuple) and document else Node({}, Mark(self._file, 1, 1))
        return Tree(root, tuple(self._faults), complete=not self._lost)
