"""
How a catalogue file is put together: things with optional keys, sections of things under their names, and the
short forms of rates.

Unlike a section of the configuration, a thing takes no defaults: what the file does not name must stay as the
database has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from portaswitch.config.catalogue_values import Prefix
from portaswitch.config.grammar import Kind, Node, Reader, ScalarKind, Unreadable, unknown_key
from portaswitch.config.kinds import children_of
from portaswitch.model.loading import Entry, Value

UNREAD: Final = frozenset({"*"})
"""The `broken` of an entry that is no mapping: it exists, so that nobody misses it, and says nothing."""


class Hidden(ScalarKind[str]):
    """A password or a secret: never quoted in a fault, and a file that holds it must not be public."""

    confidential = True

    def convert(self, node: Node) -> str:
        return node.text

    def describe(self) -> str:
        return "secret text, best as {file: PATH} or {env: NAME}"


class Thing(Kind[Entry]):
    """A mapping with some of the given keys."""

    def __init__(self, fields: Mapping[str, Kind[Value]]) -> None:
        self.fields = fields

    def read(self, node: Node, reader: Reader) -> Entry:
        return self.named("", node, reader)

    def named(self, name: str, node: Node, reader: Reader) -> Entry:
        """The thing of that name; it is there even when nothing of it can be read."""
        values: dict[str, Value] = {}
        broken: list[str] = []
        try:
            children = children_of(node, reader)
        except Unreadable:
            return Entry(name, {}, node, UNREAD)
        for key, child in children.items():
            kind = self.fields.get(key)
            if kind is None:
                reader.report(child, unknown_key(key, self.fields))
                continue
            try:
                values[key] = kind.read(child, reader)
            except Unreadable:
                broken.append(key)
        return Entry(name, values, node, frozenset(broken))

    def describe(self) -> str:
        return f"mapping with any of the keys {', '.join(self.fields)}"


class Section(Kind[tuple[Entry, ...]]):
    """Things under their names: `NAME: {...}`."""

    def __init__(self, name: ScalarKind[str], thing: Thing) -> None:
        self.name = name
        self.thing = thing

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        found = []
        for name, child in children_of(node, reader).items():
            try:
                written = self.name.read(Node(name, child.mark, child.key, name, quoted=True), reader)
            except Unreadable:
                continue
            found.append(self.thing.named(written, child, reader))
        return tuple(found)

    def describe(self) -> str:
        return f"things under their names ({self.name.describe()}), each a {self.thing.describe()}"


class Things(Kind[tuple[Entry, ...]]):
    """A list of things without names."""

    def __init__(self, thing: Thing) -> None:
        self.thing = thing

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        return tuple(self.thing.named("", item, reader) for item in items_of(node, reader, self.describe()))

    def describe(self) -> str:
        return f"list of: {self.thing.describe()}"


class Words(Kind[tuple[Entry, ...]]):
    """A list of names of things, each with its place."""

    def __init__(self, word: ScalarKind[str]) -> None:
        self.word = word

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        found: dict[str, Entry] = {}
        for item in items_of(node, reader, self.describe()):
            try:
                word = self.word.read(item, reader)
            except Unreadable:
                continue
            if word in found:
                reader.report(item, "stands in the list already: remove one of the two")
            found[word] = Entry(word, {}, item)
        return tuple(found.values())

    def describe(self) -> str:
        return f"list of: {self.word.describe()}"


class GroupSet(Thing):
    """A destination group set: `NAME: [PREFIX, ...]` for each of its groups, which become its `groups`."""

    def __init__(self, name: ScalarKind[str]) -> None:
        super().__init__({})
        self.name = name
        self.members = Words(Prefix())

    def named(self, name: str, node: Node, reader: Reader) -> Entry:
        try:
            children = children_of(node, reader)
        except Unreadable:
            return Entry(name, {}, node, UNREAD)
        groups = []
        for group, child in children.items():
            try:
                written = self.name.read(Node(group, child.mark, child.key, group, quoted=True), reader)
                groups.append(Entry(written, {"members": self.members.read(child, reader)}, child))
            except Unreadable:
                continue
        return Entry(name, {"groups": tuple(groups)}, node)

    def describe(self) -> str:
        return "groups under their names, each a list of prefixes"


SHORT: Final = {"first": ("interval_first",), "next": ("interval_n",), "price": ("price_first", "price_n")}
"""The short keys of a rate, and the long ones each stands for."""


class Rates(Kind[tuple[Entry, ...]]):
    """
    The rates of a tariff, in any of their forms: `PREFIX: {...}`, `PREFIX: PRICE`, `PREFIX: [{...}, ...]` for
    several dates, or a list whose items name their `destination` or `destinations` themselves. Each becomes
    one entry under its prefix, with long keys.
    """

    def __init__(self, thing: Thing, price: Kind[Value]) -> None:
        self.prefix = Prefix()
        self.item = Thing({**thing.fields, "destination": self.prefix, "destinations": Words(self.prefix)})
        self.thing = thing
        self.price = price

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        if isinstance(node.value, tuple):
            return tuple(rate for item in node.value for rate in self._item(item, reader))
        return tuple(
            rate
            for name, child in children_of(node, reader).items()
            for rate in self._of(name, child, reader)
        )

    def describe(self) -> str:
        return "rates by prefix, or a list of rates that name their destination"

    def _of(self, name: str, node: Node, reader: Reader) -> Iterator[Entry]:
        """The rates under one prefix."""
        try:
            prefix = self.prefix.read(Node(name, node.mark, node.key, name, quoted=True), reader)
        except Unreadable:
            return
        if isinstance(node.value, tuple):
            for item in node.value:
                yield long(self.thing.named(prefix, item, reader), node=item, reader=reader)
        elif node.is_scalar():
            try:
                yield long(Entry(prefix, {"price": self.price.read(node, reader)}, node), node, reader)
            except Unreadable:
                yield Entry(prefix, {}, node, UNREAD)
        else:
            yield long(self.thing.named(prefix, node, reader), node, reader)

    def _item(self, node: Node, reader: Reader) -> Iterator[Entry]:
        """The rates of one item of a list."""
        rate = long(self.item.read(node, reader), node, reader)
        values = {
            key: value for key, value in rate.values.items() if key not in ("destination", "destinations")
        }
        prefix = rate.text("destination")
        prefixes = [part.name for part in rate.parts("destinations")] + (
            [prefix] if prefix is not None else []
        )
        if not prefixes and not rate.broken:
            reader.report(
                node, "names no destination: write destination: PREFIX, or destinations: [PREFIX, ...]"
            )
        for prefix in prefixes:
            yield Entry(prefix, values, node, rate.broken)


def long(rate: Entry, node: Node, reader: Reader) -> Entry:
    """The rate with long keys instead of short ones; both for the same figure are a fault."""
    if rate.values.keys().isdisjoint(SHORT) and rate.broken.isdisjoint(SHORT):
        return rate
    values = dict(rate.values)
    broken = set(rate.broken)
    for short, longs in SHORT.items():
        if short in broken:
            broken.update(longs)
        if short not in values:
            continue
        value = values.pop(short)
        for key in longs:
            if key in rate.values:
                reader.report(node.find(key), f"{short} says the same already: keep one of the two")
            values[key] = value
    return Entry(rate.name, values, node, frozenset(broken))


def items_of(node: Node, reader: Reader, what: str) -> tuple[Node, ...]:
    """The items of a list; none of a key without a value."""
    if isinstance(node.value, tuple):
        return node.value
    if node.value is None:
        return ()
    raise reader.refuse(node, f"{node.shown()} stands where a list belongs: write [...], a {what}")
