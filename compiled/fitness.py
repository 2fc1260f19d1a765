"""Whether mypyc compiles a module as it is meant: of what it takes otherwise than the interpreter, or refuses, the module stays interpreted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

ENUMS = {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"}


def unfit(tree: ast.Module) -> str:
    """Why a module stays interpreted; '' for none."""
    return next(_reasons(tree), "")


def _reasons(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and node.orelse:
            yield f"line {node.lineno}: another branch for type checkers, which is the one that would be compiled"
        elif isinstance(node, ast.ClassDef):
            yield from _of_class(node)
        elif isinstance(node, ast.FunctionDef):
            yield from _of_function(node)


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    if {ast.unparse(base) for base in node.bases} & ENUMS and "__init__" in methods:
        yield f"line {node.lineno}: an enumeration's members are made before their class is"


def _of_function(node: ast.FunctionDef) -> Iterator[str]:
    caught: dict[str, set[str]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef) and part is not node and part.decorator_list:
            yield f"line {part.lineno}: a decorated function within a function"
        if isinstance(part, ast.ExceptHandler) and part.name and part.type:
            caught.setdefault(part.name, set()).add(ast.unparse(part.type))
    for name, kinds in caught.items():
        if len(kinds) > 1:
            yield f"line {node.lineno}: exceptions of several classes under one name, {name}"
