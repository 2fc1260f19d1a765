"""
The size rules: a file of Python or SQL has at most 400 lines, a function at most 60, the SQL function
exchange 300.

A function's length runs from its first decorator or `def` to its last line, docstring included.
"""

from __future__ import annotations

import re

from tests.rules.source import Source, functions

FILE_LINES = 400
FUNCTION_LINES = 60
EXCHANGE_LINES = 300

_EXCHANGE = re.compile(r"create\s+(?:or\s+replace\s+)?function\s+(?:\w+\.)?exchange\s*\(", re.I)
_QUOTE = re.compile(r"\$\w*\$")


def file_faults(path: str, text: str) -> dict[str, str]:
    """The fault of a file that is too long, under its path; nothing when it is not."""
    lines = len(text.splitlines())
    if lines <= FILE_LINES:
        return {}
    return {path: f"{path}: {lines} lines, at most {FILE_LINES}: split it by what its parts are for"}


def function_faults(source: Source) -> dict[str, str]:
    """The faults of functions that are too long, under `path:qualified.name`."""
    faults = {}
    for name, node in functions(source.tree):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        lines = (node.end_lineno or node.lineno) - first + 1
        if lines > FUNCTION_LINES:
            text = source.fault(first, f"{name} has {lines} lines, at most {FUNCTION_LINES}")
            faults[f"{source.path}:{name}"] = text
    return faults


def exchange_lines(text: str) -> int | None:
    """
    How many lines the SQL function exchange takes, from `create` to the end of its body; None without one.
    """
    start = _EXCHANGE.search(text)
    if start is None:
        return None
    opening = _QUOTE.search(text, start.end())
    end = text.find(opening.group(), opening.end()) if opening else -1
    stop = len(text) if end < 0 else end
    return text.count("\n", start.start(), stop) + 1
