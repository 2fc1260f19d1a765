"""
The grammar of our configuration: sections as frozen dataclasses whose fields say how they are written.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LoggingSettings(Group):
        level: str = declare(Choice("debug", "info"), "Least important level that is logged.", default="info")

    logging = read(read_tree(path), Section(LoggingSettings))

A `Kind` reads one node. Whatever it finds wrong it gives to the `Reader` with its place, and reading goes on,
so that all faults come out at once (synapse's configuration errors, certbot's `require`). `{file: PATH}` and
`{env: NAME}` may stand for any scalar. The catalogue loader uses the same parts: `read_tree`, `Node.fault`,
`config_error`, or kinds of its own with `read`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from portaswitch.config.kinds import Kind, ListOf, MappingOf, OrNone, Rest, ScalarKind, children_of
from portaswitch.config.node import Fault, Mark, Node, config_error, joined, node_of
from portaswitch.config.reader import Reader, Refused, Unreadable
from portaswitch.config.tree import Tree, read_text, read_tree

__all__ = [
    "Conflict",
    "Declared",
    "Fault",
    "Group",
    "Kind",
    "ListOf",
    "MappingOf",
    "Mark",
    "Node",
    "OrNone",
    "Reader",
    "Refused",
    "Rest",
    "ScalarKind",
    "Secret",
    "Section",
    "Tree",
    "Unreadable",
    "config_error",
    "declare",
    "declared",
    "node_of",
    "read",
    "read_text",
    "read_tree",
    "unknown_key",
]

T = TypeVar("T")
G = TypeVar("G", bound="Group")

_REQUIRED: Final = object()
_DECLARED: Final = "portaswitch.config"


class Secret:
    """A value that no repr, format, log line or error text shows; only `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"), other._value.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))


@dataclass(frozen=True, slots=True)
class Conflict:
    """
    Values that are right alone and wrong together: their dotted keys below the section, the first of which is
    shown, and the reason.
    """

    keys: tuple[str, ...]
    reason: str


class Group:
    """
    The base of every section: a frozen dataclass whose fields are declared with `declare`; its docstring is
    in the reference.
    """

    __slots__ = ()

    def conflicts(self) -> Iterable[Conflict]:
        """Rules about several values; asked only for values that are right alone."""
        return ()


@dataclass(frozen=True, slots=True)
class Declared:
    """
    One field of a section: attribute name, key in the file, kind, help and default as it would be written.
    """

    name: str
    key: str
    kind: Kind[Any]
    help: str
    default: object

    @property
    def required(self) -> bool:
        """True when there is no default."""
        return self.default is _REQUIRED

    def default_value(self) -> Any:
        """The default, read by the rules of the file."""
        return _default(self.kind, self.key, self.default)


def declare(kind: Kind[T], text: str, *, default: object = _REQUIRED, key: str = "") -> T:
    """
    A field of a `Group`, for use as its class-level value (the dataclass must be kw_only).

    `text` is the help; `default` is as an operator would write it ("2s"), without one the key is required;
    `key` is given where the key in the file is no Python name. The result is a dataclass field, typed as the
    value that the attribute will have.
    """
    metadata = {_DECLARED: (key, kind, text, default)}
    if default is _REQUIRED:
        return cast(T, dataclasses.field(metadata=metadata))
    return dataclasses.field(default_factory=lambda: _default(kind, key, default), metadata=metadata)


def declared(shape: type[Group]) -> tuple[Declared, ...]:
    """The declared fields of a section, in their order."""
    found = []
    for item in dataclasses.fields(cast(Any, shape)):
        key, kind, text, default = item.metadata[_DECLARED]
        found.append(Declared(item.name, key or item.name, kind, text, default))
    return tuple(found)


def _default(kind: Kind[T], key: str, default: object) -> T:
    reader = Reader(Path(), {})
    try:
        value = kind.read(node_of(default, Mark("(default)"), key), reader)
    except Unreadable:
        raise config_error(reader.faults) from None
    if reader.faults:
        raise config_error(reader.faults)
    return value


class Section(Kind[G]):
    """
    A mapping whose keys are the declared fields of one dataclass; nothing is the section with all its
    defaults.
    """

    def __init__(self, shape: type[G]) -> None:
        self.shape = shape

    def read(self, node: Node, reader: Reader) -> G:
        children = dict(children_of(node, reader))
        values: dict[str, Any] = {}
        rests: list[Declared] = []
        for item in declared(self.shape):
            if isinstance(item.kind, Rest):
                rests.append(item)
            else:
                self._field(item, node, children.pop(item.key, None), reader, values)
        for item in rests:
            values[item.name] = item.kind.read(Node(children, node.mark, node.key), reader)
        if not rests:
            self._unknown(children, reader)
        return self._made(node, values, reader)

    def describe(self) -> str:
        return f"section with the keys {', '.join(item.key for item in declared(self.shape))}"

    def _field(
        self, item: Declared, node: Node, child: Node | None, reader: Reader, values: dict[str, Any]
    ) -> None:
        """
        One field: what is written, or the default; after a fault the default too, so that the rest can still
        be looked at.
        """
        if child is not None:
            try:
                values[item.name] = item.kind.read(child, reader)
                return
            except Unreadable:
                pass
        elif item.required and reader.complete:
            missing = Node(None, node.mark, joined(node.key, item.key))
            reader.report(missing, f"is required: write {item.kind.describe()}")
        if not item.required:
            values[item.name] = item.default_value()

    def _unknown(self, children: Mapping[str, Node], reader: Reader) -> None:
        for name, child in children.items():
            reader.report(child, unknown_key(name, (item.key for item in declared(self.shape))))

    def _made(self, node: Node, values: dict[str, Any], reader: Reader) -> G:
        if len(values) < len(declared(self.shape)):
            raise Unreadable(f"{node.key} lacks a required key")
        made = self.shape(**values)
        for conflict in made.conflicts():
            keys = [joined(node.key, key) for key in conflict.keys]
            if not any(reader.has_fault_at(key) for key in keys):
                found = [node.find(key) for key in conflict.keys]
                written = [child for child in found if child.key in keys]
                reader.faults.append(Fault([*written, node][0].mark, keys[0], conflict.reason))
        return made


def unknown_key(name: str, known: Iterable[str]) -> str:
    """The reason of a fault about a key that means nothing, with the nearest one that does."""
    names = list(known)
    near = difflib.get_close_matches(name[:64], names, 1)
    return (
        f"unknown key: did you mean {near[0]}?" if near else f"unknown key: known here are {', '.join(names)}"
    )


def read(tree: Tree, kind: Kind[T], *, environ: Mapping[str, str] | None = None) -> T:
    """
    The value of a whole file, or ConfigError with everything that is wrong with it, as YAML and as what it
    says.

    `environ` stands for the process's environment.
    """
    folder = Path(tree.root.mark.file).parent
    reader = Reader(folder, os.environ if environ is None else environ, complete=tree.complete)
    reader.faults.extend(tree.faults)
    try:
        value = kind.read(tree.root, reader)
    except Unreadable:
        raise config_error(reader.faults) from None
    if reader.faults:
        raise config_error(reader.faults)
    return value
