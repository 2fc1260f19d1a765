"""
The project's own source as the rules read it: which files there are, their syntax trees and module names.

A rule is a function from a `Source` to the faults it finds, so that each can be tried on a bad sample; a
fault is one line, `file:line: what is wrong`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: The checkout that the tests run in.
ROOT = Path(__file__).resolve().parents[2]

#: Folders that hold nothing we wrote: these at the top, and caches at any level.
_FOREIGN = frozenset({".git", ".venv", ".hypothesis", ".mypy_cache", ".ruff_cache", "build", "dist", "var"})


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the root with slashes, its text, and its tree (made from the text)."""

    path: str
    text: str
    tree: ast.Module = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", ast.parse(self.text, self.path))

    @property
    def module(self) -> str:
        """The dotted name: portaswitch/store/ledger.py is portaswitch.store.ledger."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        if self.path.endswith("__init__.py"):
            return self.module
        return self.module.rpartition(".")[0]

    def fault(self, line: int, text: str) -> str:
        """Word a fault of this file."""
        return f"{self.path}:{line}: {text}"


def files(*suffixes: str, under: str = "") -> Iterator[Path]:
    """Yield our files with one of the suffixes ('' takes all), sorted, below the folder `under`."""
    for folder, folders, names in os.walk(ROOT / under):
        folders[:] = sorted(name for name in folders if not _foreign(name, Path(folder) == ROOT))
        for name in sorted(names):
            if name.endswith(suffixes or ("",)):
                yield Path(folder, name)


def _foreign(folder: str, top: bool) -> bool:
    if folder == "__pycache__" or (top and folder in _FOREIGN):
        return True
    return top and (folder.endswith(".egg-info") or folder.startswith("_trial_temp"))


def relative(path: Path) -> str:
    """A path from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


def sources(*under: str) -> Iterator[Source]:
    """Yield the Python files below the folders (all of the checkout's without one)."""
    for folder in under or ("",):
        for path in files(".py", under=folder):
            yield Source(relative(path), path.read_text("utf-8"))


def table(name: str) -> Any:
    """Read a YAML table that stands beside the rules."""
    return yaml.safe_load((Path(__file__).parent / name).read_text("utf-8"))


def functions(
    tree: ast.AST, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield each function of a tree, nested ones too, with its qualified name (Ledger.exchange)."""
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, name)
