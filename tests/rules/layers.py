"""
The import rules of layers.yaml, read from syntax trees.

Imports inside functions and under TYPE_CHECKING count, and so do names given as text to import_module,
__import__ and namedAny: a layer that needs another one only sometimes needs it all the same.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

from tests.rules.source import Source, table

RULES: dict[str, Any] = table("layers.yaml")

_BY_TEXT = frozenset({"import_module", "__import__", "namedAny", "namedModule", "namedObject"})


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and absolute dotted name of all that a file imports (`from a import b` gives a.b)."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = _start(source, node)
            for alias in node.names:
                yield node.lineno, start if alias.name == "*" else f"{start}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in _BY_TEXT and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node.lineno, first.value


def _start(source: Source, node: ast.ImportFrom) -> str:
    """The absolute name that an import starts from, its dots resolved."""
    if not node.level:
        return node.module or ""
    parts = source.package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def below(name: str, start: str) -> bool:
    """Whether a dotted name is `start` or stands below it."""
    return name == start or name.startswith(start + ".")


def layer_faults(source: Source) -> list[str]:
    """What a module of the package imports from a layer that its own may not use."""
    layer = _layer(source.module)
    if layer is None or layer == "":
        return []
    allowed = RULES["layers"].get(layer)
    if allowed is None:
        return [source.fault(1, f"layer {layer} is not in layers.yaml: enter it with what it may import")]
    wanted = {"", layer, *RULES["common"], *allowed}
    return [
        source.fault(line, f"{layer} may not import {target} (allowed: {', '.join(sorted(wanted - {''}))})")
        for line, target in imports(source)
        if (other := _layer(target)) is not None
        and not any(other == name or below(other, name) for name in wanted)
    ]


def _layer(module: str) -> str | None:
    """The layer of a module: its longest entry, else its first name; '' for the package, None outside it."""
    if not below(module, "portaswitch"):
        return None
    parts = module.split(".")[1:]
    for size in range(len(parts), 1, -1):
        if ".".join(parts[:size]) in RULES["layers"]:
            return ".".join(parts[:size])
    if parts and parts[0].startswith("__"):
        return ""
    return parts[0] if parts else ""


def outside_faults(source: Source) -> list[str]:
    """What handlers, simulators and the plug-in import beyond their white list."""
    for start, allowed in RULES["outside"].items():
        if below(source.module, start):
            return [
                source.fault(line, f"{start} may import only {', '.join(allowed)}, not {target}")
                for line, target in imports(source)
                if not any(_permits(word, target) for word in allowed)
            ]
    return []


def _permits(word: str, target: str) -> bool:
    if word == "stdlib":
        return target.split(".")[0] in sys.stdlib_module_names
    return below(target, word)


def never_faults(source: Source) -> list[str]:
    """What a module imports from its layer's black list; the pure part of billing has Twisted on it too."""
    banned = [
        word for start, words in RULES["never"].items() if below(source.module, start) for word in words
    ]
    if below(source.module, "portaswitch.billing") and source.module not in RULES["deferred_billing"]:
        banned.append("twisted")
    return [
        source.fault(line, f"{source.module} must not import {target}")
        for line, target in imports(source)
        if target not in RULES["harmless"] and any(below(target, word) for word in banned)
    ]


def reactor_faults(source: Source) -> list[str]:
    """Where the global reactor is imported by a module that must take one as a parameter."""
    ours = source.module.split(".")[0] in {"portaswitch", "handlers"} or below(source.module, "tests.unit")
    if not ours or any(below(source.module, start) for start in RULES["reactor"]):
        return []
    return [
        source.fault(
            line, "the global reactor is for tap, cli and the plug-in: take a reactor or clock as a parameter"
        )
        for line, target in imports(source)
        if below(target, "twisted.internet.reactor")
    ]
