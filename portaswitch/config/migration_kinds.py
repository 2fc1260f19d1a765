"""How PortaBilling writes values that a catalogue file writes otherwise: codes, Y and N, secret codes of SIM cards."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portaswitch.config.catalogue_kinds import Hidden
from portaswitch.config.grammar import Node, Refused, ScalarKind


class Coded(ScalarKind[str]):
    """A word of ours, written as it is or as PortaBilling's code for it; a code without a word is refused with its reason (`never`)."""

    def __init__(self, words: Mapping[str, str], never: Mapping[str, str] | None = None) -> None:
        self.words = words
        self.never = never or {}

    def convert(self, node: Node) -> str:
        word = self.words.get(node.text) or (node.text if node.text in self.words.values() else None)
        if word is None:
            raise Refused(self.never.get(node.text) or f"is not one of {self.describe()}")
        return word

    def describe(self) -> str:
        return ", ".join(f"{code} ({word})" for code, word in self.words.items())


class Flag(ScalarKind[bool]):
    """A truth value: Y or N."""

    _words = {"Y": True, "N": False, "1": True, "0": False, "true": True, "false": False}

    def convert(self, node: Node) -> bool:
        found = self._words.get(node.text)
        if found is None:
            raise Refused("is neither Y nor N")
        return found

    def describe(self) -> str:
        return "Y or N"


class Code(Hidden):
    """A secret code of a given form: never quoted."""

    def __init__(self, what: str, pattern: str) -> None:
        self._what, self._pattern = what, re.compile(pattern)

    def convert(self, node: Node) -> str:
        if not self._pattern.fullmatch(node.text):
            raise Refused(f"is not {self._what}")
        return node.text

    def describe(self) -> str:
        return self._what
