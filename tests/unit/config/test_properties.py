"""Whatever stands in the file, loading gives settings or a ConfigError, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config import Settings
from portaswitch.config.grammar import Group, Section, declared, node_of, read_text
from portaswitch.config.node import Mark, meaning
from portaswitch.config.settings import load_text
from portaswitch.errors import ConfigError


def names(shape: type[Group]) -> Iterator[str]:
    """Every key of the grammar, so that random trees get past the first section."""
    for item in declared(shape):
        yield item.key
        if isinstance(item.kind, Section):
            yield from names(item.kind.shape)


KEYS = st.sampled_from(sorted(set(names(Settings)) | {"file", "env", "class", "calix", "<<"})) | st.text(
    max_size=8
)
WORDS = st.sampled_from(
    [
        "embedded",
        "radius",
        "udp:5060",
        "tls:1:certificate=/:key=/",
        "90s",
        "1812",
        "/dev/zero",
        "PATH",
        "a@b",
        "::1",
        "[::1]",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS | st.dates()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=40,
)
QUICK = settings(
    max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


class PropertyTests(SynchronousTestCase):
    """Random trees and random text."""

    def outcome(self, text: str) -> None:
        """Settings, or faults that are each one line and name the file."""
        try:
            found = load_text(text, "f.yaml", {"PATH": "/bin"})
        except ConfigError as error:
            self.assertTrue(error.faults)
            for fault in error.faults:
                self.assertTrue(fault.startswith("f.yaml"), fault)
                self.assertEqual(len(fault.splitlines()), 1, fault)
        else:
            self.assertIsInstance(found, Settings)

    @QUICK
    @given(
        st.dictionaries(st.sampled_from(sorted(item.key for item in declared(Settings))), TREES, max_size=6)
    )
    def test_trees(self, tree: dict[str, Any]) -> None:
        """What a YAML writer makes of any tree."""
        self.outcome(yaml.safe_dump(tree, allow_unicode=True))

    @QUICK
    @given(st.text(alphabet=st.sampled_from("ab:-? \n\t[]{},'\"#&*!|>%@`\\0~\x00\ud800é"), max_size=60))
    def test_text(self, text: str) -> None:
        """Text that looks a little like YAML."""
        self.outcome(text)

    @QUICK
    @given(TREES)
    def test_nodes_keep_what_was_dumped(self, tree: Any) -> None:
        """
        Text, whole numbers, truth values and nothing survive writing and reading, at any depth, with places.
        """
        known = _known(tree)
        read = read_text(yaml.safe_dump(known, allow_unicode=True), "f.yaml")
        if not read.faults:
            self.assertEqual(read.root.plain(), node_of(known, Mark("f.yaml")).plain())
            self.assertGreaterEqual(read.root.mark.line, 1)


def _known(tree: Any) -> Any:
    """
    The part of a tree whose meaning YAML 1.1 and ours share: no floats and dates, no words that we read in
    another way.
    """
    if isinstance(tree, dict):
        return {name: _known(value) for name, value in tree.items() if name and name.isprintable()}
    if isinstance(tree, list):
        return [_known(item) for item in tree]
    if isinstance(tree, str):
        return tree if meaning(tree) == tree else "x"
    return tree if tree is None or isinstance(tree, int) else 0
