"""Number translation: from what a node dials to E.164, by the node's rules (data), and the pattern a use is rated by."""

from __future__ import annotations

from collections.abc import Sequence

from portaswitch.model.catalogue import DialRule


def translate(number: str, rules: Sequence[DialRule]) -> str:
    """
    Replace the longest prefix that a rule names; a leading plus goes, and blanks, points, dashes and brackets of a digit string too.

    Rules are prefixes and not patterns on purpose: they come out of a table, run on every call, and must not be able to loop.
    """
    bare = _bare(number)
    best: DialRule | None = None
    for rule in rules:
        if bare.startswith(rule.prefix) and (best is None or len(rule.prefix) > len(best.prefix)):
            best = rule
    return bare if best is None else best.replace + bare[len(best.prefix) :]


def dialled(number: str) -> bool:
    """Whether a number may be dialled at all: digits, * and # (spec/radius.yaml, PortaBilling_Original_DNIS)."""
    return number.isascii() and (number.isdigit() or (number != "" and number.translate(_KEYS) == ""))


def _bare(number: str) -> str:
    if number.isdigit():
        return number
    digits = number.translate(_NOISE)
    return digits.removeprefix("+") if digits.removeprefix("+").isdigit() else number


_KEYS = str.maketrans("", "", "0123456789*#")
_NOISE = str.maketrans("", "", " .-()")
