"""
What setup.cfg ships, and what lies on the disk.

setup.cfg names every package (`find:` would leave out twisted.plugins), so a new one is easily forgotten and
would only be missed in an installed wheel.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import PurePosixPath

#: A folder of Twisted's that we add a file to: it has no `__init__.py` in our tree.
PLUGINS = "twisted.plugins"


def read(text: str) -> configparser.ConfigParser:
    """Parse a setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return parser


def listed(text: str) -> list[str]:
    """The lines of a multi-line value."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def package_faults(config: configparser.ConfigParser, paths: Iterable[str]) -> list[str]:
    """Compare `packages` with the folders of the Python files, given as paths from the root."""
    folders = {
        path.rpartition("/")[0] for path in paths if path.startswith("portaswitch/") and path.endswith(".py")
    }
    named = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
    faults = [f"{folder}/__init__.py is missing" for folder in sorted(folders - named)]
    wanted = {folder.replace("/", ".") for folder in folders} | {PLUGINS}
    shipped = set(listed(config["options"]["packages"]))
    faults += [f"setup.cfg does not list {name}" for name in sorted(wanted - shipped)]
    return faults + [f"setup.cfg lists {name}, which has no module" for name in sorted(shipped - wanted)]


def data_faults(config: configparser.ConfigParser, paths: Iterable[str]) -> list[str]:
    """The files of the package that no pattern of package_data ships."""
    patterns = [
        f"{package.replace('.', '/')}/{pattern}"
        for package, lines in config["options.package_data"].items()
        for pattern in listed(lines)
    ]
    data = [path for path in paths if path.startswith("portaswitch/") and not path.endswith((".py", ".pyc"))]
    return [
        f"setup.cfg ships no {path}"
        for path in data
        if not any(_matches(path, pattern) for pattern in patterns)
    ]


def _matches(path: str, pattern: str) -> bool:
    """Match part by part, since `*` stops at a slash in setup.cfg."""
    parts, wanted = PurePosixPath(path).parts, PurePosixPath(pattern).parts
    return len(parts) == len(wanted) and all(map(fnmatch, parts, wanted))
