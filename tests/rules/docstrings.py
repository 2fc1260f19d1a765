"""
The rule on docstrings: every public module, class, function and method has one.

Public is what no leading underscore hides, at any level. Overloads, property setters and what is nested in a
function need none. A method that one of our base classes or interfaces documents needs no second docstring:
pydoc shows that one. A vendor's handler needs them for the module and its classes: its methods are its
mapping.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.rules.source import Source

_FREE = frozenset({"overload", "setter", "deleter", "override"})

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Families:
    """What our classes document and whom they follow (bases and interfaces), by the class's bare name."""

    documented: dict[str, set[str]] = field(default_factory=dict)
    elders: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Iterable[Source]) -> Families:
        """Read the classes of all files; classes of one name count as one."""
        families = cls()
        for source in sources:
            for node in ast.walk(source.tree):
                if isinstance(node, ast.ClassDef):
                    families._add(node)
        return families

    def _add(self, node: ast.ClassDef) -> None:
        calls = [item for item in node.decorator_list if isinstance(item, ast.Call)]
        interfaces = [name for call in calls if _name(call.func) == "implementer" for name in call.args]
        self.elders.setdefault(node.name, set()).update(_name(base) for base in [*node.bases, *interfaces])
        methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        documented = {method.name for method in methods if ast.get_docstring(method)}
        self.documented.setdefault(node.name, set()).update(documented)

    def inherit(self, name: str) -> bool:
        """Whether `Class.method` is documented by an elder of the class."""
        holder, _, method = name.rpartition(".")
        waiting, seen = [holder.rpartition(".")[2]], set()
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting.extend(self.elders.get(one, ()))
        return any(method in self.documented.get(one, ()) for one in seen)


def docstring_faults(source: Source, families: Families) -> list[str]:
    """The public names of a file that have no docstring and inherit none."""
    faults = []
    if source.tree.body and ast.get_docstring(source.tree) is None:
        faults.append(source.fault(1, "the module has no docstring"))
    for name, node in _public(source.tree):
        mapping = source.path.startswith("handlers/") and not isinstance(node, ast.ClassDef)
        told = (ast.get_docstring(node) or "").strip() or families.inherit(name)
        if not mapping and not told:
            faults.append(source.fault(node.lineno, f"{name} has no docstring"))
    return faults


def _public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    for node in _statements(tree.body):
        if not isinstance(node, Definition) or node.name.startswith("_") or _free(node):
            continue
        name = f"{prefix}{node.name}"
        yield name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node, f"{name}.")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those under `if` and `try` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])


def _free(node: Definition) -> bool:
    return any(_name(item) in _FREE for item in node.decorator_list)


def _name(node: ast.expr) -> str:
    """The last part of a name: `a.Base[int]` is Base."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return str(getattr(node, "attr", getattr(node, "id", "")))
