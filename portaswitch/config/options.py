"""
Options of event handlers: whatever an operator writes, kept with its places until the handler's own
declaration judges it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portaswitch.config.grammar import Node, Reader, Rest, Unreadable
from portaswitch.config.kinds import children_of
from portaswitch.config.node import Plain, within
from portaswitch.config.reader import origin_of


class Options(Mapping[str, Plain]):
    """
    What an event handler is given: plain values (lists as tuples, fractions as Decimal), which only the
    handler's own declaration gives a meaning.

    Its repr shows names only, since any value may be a secret. `place(name)` is for the fault of whoever
    checks the options ("file:line:column: dotted key"); `public` names the options with a value from a
    `{file: ...}` that every user can read, which a secret option has to refuse.
    """

    def __init__(
        self, values: Mapping[str, Plain], places: Mapping[str, str], public: frozenset[str]
    ) -> None:
        self._values = dict(values)
        self._places = dict(places)
        self.public = public

    def place(self, name: str) -> str:
        """Where the option is written; empty when it is not."""
        return self._places.get(name, "")

    def __getitem__(self, name: str) -> Plain:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Options {', '.join(sorted(self._values))}>"


class OptionsKind(Rest[Options]):
    """All the other keys of a handler, with `{file: ...}` and `{env: ...}` filled in at any depth."""

    def read(self, node: Node, reader: Reader) -> Options:
        children = children_of(node, reader)
        values: dict[str, Plain] = {}
        for name, child in children.items():
            try:
                values[name] = self._filled(child, reader)
            except Unreadable:
                continue
        public = (
            name for name, child in children.items() if any(within(key, child.key) for key in reader.public)
        )
        places = {name: f"{child.mark}: {child.key}" for name, child in children.items()}
        return Options(values, places, frozenset(public))

    def describe(self) -> str:
        return "the options that the handler declares"

    def _filled(self, node: Node, reader: Reader) -> Plain:
        if origin_of(node) is not None:
            return reader.resolved(node).text
        if isinstance(node.value, tuple):
            return tuple(self._filled(item, reader) for item in node.value)
        if isinstance(node.value, Mapping):
            return {name: self._filled(child, reader) for name, child in node.value.items()}
        return node.value
