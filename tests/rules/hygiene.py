"""
Small rules on the text of the code: no skipped test, no swallowed error, no float near money, no path to a
neighbour of the checkout.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.rules.source import Source, functions

_SKIPPERS = frozenset({"skipIf", "skipUnless", "expectedFailure", "SkipTest", "skipTest"})
_BROAD = frozenset({"Exception", "BaseException"})

#: A folder that stands beside the checkout on some machines only. In two parts, or this file would break its
#: own rule.
NEIGHBOURS = tuple(start + "shared" for start in ("../", "/work/"))


def skip_faults(source: Source) -> list[str]:
    """Where a test file skips or excuses a test: trial's `skip` and `todo`, and unittest's forms."""
    faults = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            names = [
                target for item in node.body for target in _targets(item) if isinstance(target, ast.Name)
            ]
            faults += [
                source.fault(name.lineno, f"{name.id} =") for name in names if name.id in {"skip", "todo"}
            ]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            marks = [target for target in _targets(node) if isinstance(target, ast.Attribute)]
            faults += [
                source.fault(mark.lineno, f".{mark.attr} =")
                for mark in marks
                if mark.attr in {"skip", "todo"}
            ]
        elif isinstance(node, ast.Name | ast.Attribute) and (
            _name(node) in _SKIPPERS or _is_unittest_skip(node)
        ):
            faults.append(source.fault(node.lineno, _name(node)))
    return faults


def _is_unittest_skip(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "skip" and _name(node.value) == "unittest"


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _name(node: ast.AST | None) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def swallow_faults(source: Source) -> list[str]:
    """
    Where an error of any kind vanishes: a bare `except`, `except Exception: pass`, `suppress(Exception)`.
    """
    faults = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            silent = all(isinstance(item, ast.Pass | ast.Continue) or _is_text(item) for item in node.body)
            if node.type is None or (silent and _broad(node.type)):
                faults.append(
                    source.fault(node.lineno, "an except that swallows every error: name the error or log it")
                )
        elif isinstance(node, ast.Call) and _name(node.func) == "suppress" and any(map(_broad, node.args)):
            faults.append(source.fault(node.lineno, "suppress() of every error: name the error"))
    return faults


def _broad(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_broad(item) for item in node.elts)
    return _name(node) in _BROAD


def _is_text(node: ast.stmt) -> bool:
    """A docstring or `...` used as a statement."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def float_faults(source: Source) -> dict[str, str]:
    """Float literals and float() calls, under `path:qualified.name` of the function that holds them."""
    holders = {node: name for name, node in functions(source.tree)}
    faults = {}
    for holder, node in _held(source.tree, "", holders):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        call = isinstance(node, ast.Call) and _name(node.func) == "float"
        if isinstance(node, ast.Constant | ast.Call) and (literal or call):
            text = "a float near money: use Decimal, or int for counts"
            faults[f"{source.path}:{holder}"] = source.fault(node.lineno, text)
    return faults


def _held(
    node: ast.AST, holder: str, holders: dict[ast.FunctionDef | ast.AsyncFunctionDef, str]
) -> Iterator[tuple[str, ast.AST]]:
    """Yield each node below with the name of the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        inner = (
            holders.get(child, holder)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            else holder
        )
        yield inner, child
        yield from _held(child, inner, holders)


def neighbour_faults(path: str, text: str) -> list[str]:
    """Where a file names a folder beside the checkout."""
    return [
        f"{path}:{number}: names a folder outside the checkout"
        for number, line in enumerate(text.splitlines(), 1)
        if any(name in line for name in NEIGHBOURS)
    ]
