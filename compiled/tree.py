"""The copy of the sources that is compiled."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from compiled.fitness import unfit
from compiled.written_out import DESCRIBED, written_out

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("portaswitch", "twisted", "handlers", "config", "setup.cfg", "pyproject.toml", "README.rst")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")

SETUP = """\
from mypyc.build import mypycify
from setuptools import setup

setup(ext_modules=mypycify(["--config-file=setup.cfg", *{files}], opt_level={level!r}, debug_level="0", multi_file=True))
"""


def chosen() -> list[str]:
    """The modules of modules.txt."""
    lines = [line.strip() for line in (ROOT / "compiled" / "modules.txt").read_text().splitlines()]
    named = [line for line in lines if line and not line.startswith("#")]
    found = {name for line in named if not line.startswith("-") for name in _modules(line)}
    return sorted(found - {line.removeprefix("-") for line in named if line.startswith("-")})


def _modules(name: str) -> Iterator[str]:
    place = ROOT.joinpath(*name.split("."))
    if not place.is_dir():
        yield name
    for path in sorted(place.rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def divided() -> tuple[list[str], dict[str, str]]:
    """Those that are compiled, and those that stay interpreted with why."""
    why = {name: unfit(ast.parse(_path(ROOT, name).read_text())) for name in chosen()}
    return [name for name, reason in why.items() if not reason], {name: reason for name, reason in why.items() if reason}


def heirs(compiled: list[str]) -> list[str]:
    """Classes of interpreted modules whose base is compiled, which the interpreter refuses: their modules have to be compiled too."""
    bases = {(name, node.name) for name in compiled for node in ast.parse(_path(ROOT, name).read_text()).body if isinstance(node, ast.ClassDef)}
    found = []
    for folder in ("portaswitch", "handlers", "twisted"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ".".join(path.relative_to(ROOT).with_suffix("").parts) not in compiled:
                found += [f"{path.relative_to(ROOT)}: {heir}" for heir in _inheriting(ast.parse(path.read_text()), bases)]
    return found


def _inheriting(module: ast.Module, bases: set[tuple[str, str]]) -> Iterator[str]:
    known = {
        alias.asname or alias.name: (node.module or "", alias.name) for node in ast.walk(module) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                first, _, rest = ast.unparse(base).partition("[")[0].partition(".")
                place, name = known.get(first, ("", ""))
                if (place, name) in bases or (f"{place}.{name}", rest) in bases:
                    yield f"{node.name} inherits from {ast.unparse(base)}"


def _path(root: Path, name: str) -> Path:
    return root.joinpath(*name.split(".")).with_suffix(".py")


def make(into: Path, compiled: list[str], level: str, jobs: int) -> None:
    """
    The copy, ready to be built by setuptools.

    :param into: a folder, whose old copy is written over: what did not change is not compiled again
    :param compiled: modules
    :param level: of gcc's optimization
    """
    into.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.rmtree(into / part, ignore_errors=True)
            shutil.copytree(source, into / part, ignore=LEFT_OUT)
        else:
            shutil.copyfile(source, into / part)
    paths = {_path(into, name) for name in compiled}
    for path in (into / "portaswitch").rglob("*.py"):
        path.write_text(written_out(path.read_text(), str(path.relative_to(into)), path in paths))
    shutil.copyfile(ROOT / "compiled" / "described.py", _path(into, DESCRIBED))
    with (into / "setup.cfg").open("a") as settings:
        settings.write(f"\n[build_ext]\nparallel = {jobs}\n")
    files = sorted(str(path.relative_to(into)) for path in paths)
    (into / "setup.py").write_text(SETUP.format(files=json.dumps(files), level=level))
