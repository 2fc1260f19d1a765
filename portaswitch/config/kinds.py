"""What a kind of value is, and the kinds that are made of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from portaswitch.config.node import Node
from portaswitch.config.reader import Reader, Refused, Unreadable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Kind(ABC, Generic[T_co]):
    """How one value is written, read and described."""

    @abstractmethod
    def read(self, node: Node, reader: Reader) -> T_co:
        """
        The value of this node. A part that is wrong is reported and left out; Unreadable when nothing is
        left, after a report.
        """

    @abstractmethod
    def describe(self) -> str:
        """What an operator may write, with range and unit, as it stands in the reference."""


class ScalarKind(Kind[T_co]):
    """A kind that is written as one scalar, directly or as `{file: PATH}` or `{env: NAME}`."""

    confidential = False
    """
    True for secrets: faults don't quote the value, and a file it comes from must not be readable by everyone.
    """

    def read(self, node: Node, reader: Reader) -> T_co:
        found = reader.resolved(node, confidential=self.confidential)
        if not found.is_scalar():
            raise reader.refuse(node, f"{found.shown()} stands where one value belongs: {self.describe()}")
        if found.value is None:
            raise reader.refuse(node, f"there is no value: write {self.describe()}, or remove the key")
        try:
            return self.convert(found)
        except Refused as refused:
            raise reader.refuse(
                node, f"{'the value' if self.confidential else found.shown()} {refused}"
            ) from None

    @abstractmethod
    def convert(self, node: Node) -> T_co:
        """
        The value of a scalar node, mostly from its `text`. Refused carries the rest of a sentence that begins
        with the value: "is not a ...".
        """


class ListOf(Kind[tuple[T, ...]]):
    """A list of one kind, at least `least` of them; no scalar twice."""

    def __init__(self, item: Kind[T], *, least: int = 0) -> None:
        self.item = item
        self._least = least

    def read(self, node: Node, reader: Reader) -> tuple[T, ...]:
        if not isinstance(node.value, tuple):
            reason = (
                f"{node.shown()} stands where a list belongs: write [...], each item {self.item.describe()}"
            )
            raise reader.refuse(node, reason)
        if len(node.value) < self._least:
            raise reader.refuse(
                node, f"the list is too short: write at least {self._least} of {self.item.describe()}"
            )
        items: list[T] = []
        for child in node.value:
            try:
                item = self.item.read(child, reader)
            except Unreadable:
                continue
            if isinstance(self.item, ScalarKind) and item in items:
                reader.report(child, "stands in the list already: remove one of the two")
            items.append(item)
        return tuple(items)

    def describe(self) -> str:
        return f"list of: {self.item.describe()}"


class MappingOf(Kind[Mapping[str, T]]):
    """A mapping from names of one kind to values of another; nothing is the empty mapping."""

    def __init__(self, name: ScalarKind[str], value: Kind[T]) -> None:
        self.name = name
        self.value = value

    def read(self, node: Node, reader: Reader) -> Mapping[str, T]:
        found: dict[str, T] = {}
        for name, child in children_of(node, reader).items():
            try:
                written = self.name.read(Node(name, child.mark, child.key, name, quoted=True), reader)
                found[written] = self.value.read(child, reader)
            except Unreadable:
                continue
        return found

    def describe(self) -> str:
        return f"mapping of names ({self.name.describe()}) to: {self.value.describe()}"


class OrNone(Kind[T | None]):
    """Another kind, or `null` for none."""

    def __init__(self, kind: Kind[T]) -> None:
        self._kind = kind

    def read(self, node: Node, reader: Reader) -> T | None:
        return None if node.value is None else self._kind.read(node, reader)

    def describe(self) -> str:
        return f"{self._kind.describe()}, or null for none"


class Rest(Kind[T_co], ABC):
    """The kind of the one field of a section that takes all keys which the other fields don't."""


def children_of(node: Node, reader: Reader) -> Mapping[str, Node]:
    """
    The children of a mapping; none of a key without a value, as is left when all below it is commented out.
    """
    if isinstance(node.value, dict):
        return node.value
    if node.value is None:
        return {}
    raise reader.refuse(
        node, f"{node.shown()} stands where keys with values belong: write KEY: VALUE lines below it"
    )
