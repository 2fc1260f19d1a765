"""
Finds handlers in folders and keeps them current while the server runs (DESIGN.md 5.9).

Each file is a module of its own, named by its contents' digest, so that an edit makes a new module beside the old one. A file that can't be imported, or
whose handler does not keep the contract, is shown by name with its error, and what it held before stays. Of two handlers of one name the first found counts
and both are shown.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from twisted.logger import Logger

from portaswitch.espf.contract import faults_of
from portaswitch.espf.interrupt import StepTooLong, interrupted
from portaswitch.handler import EventHandler, IEventHandler
from portaswitch.model.value import dataclass

#: Seconds that the import of a file may take.
IMPORT: Final = 5.0
#: Octets of a file: more is no mapping.
LARGEST: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class HandlerFile:
    """A file as it was found: its handlers (of an earlier version where this one has an `error`)."""

    path: Path
    stamp: tuple[int, int, int]
    handlers: tuple[EventHandler, ...] = ()
    error: str = ""


class Loader:
    """Over some folders, the shipped one first. `scan` is cheap where nothing has changed: it asks for times and sizes only."""

    _log = Logger()

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self.files: dict[Path, HandlerFile] = {}

    def scan(self) -> bool:
        """Read what is new or changed, forget what is gone; whether anything is otherwise than before."""
        seen: set[Path] = set()
        changed = False
        for path in self._paths():
            seen.add(path)
            stamp = _stamp(path)
            known = self.files.get(path)
            if stamp is not None and (known is None or known.stamp != stamp):
                self.files[path] = self._read(path, stamp, known)
                changed = True
        for path in [path for path in self.files if path not in seen]:
            del self.files[path]
            changed = True
        return changed

    def handlers(self) -> dict[str, EventHandler]:
        """The handlers that count, by name."""
        found: dict[str, EventHandler] = {}
        for _, handler in self._listed():
            found.setdefault(handler.name, handler)
        return found

    def problems(self) -> list[tuple[str, str]]:
        """What an operator has to see: (file, error) of broken files, and of handlers whose name is taken."""
        found = [(str(file.path), file.error) for file in self.files.values() if file.error]
        first: dict[str, Path] = {}
        for file, handler in self._listed():
            if first.setdefault(handler.name, file.path) != file.path:
                found.append((str(file.path), f"{handler.name} is in {first[handler.name]} too, which counts: give one of them another name"))
        return found

    def place(self, name: str) -> str:
        """The file of a handler, '' where there is none."""
        return next((str(file.path) for file, handler in self._listed() if handler.name == name), "")

    def _listed(self) -> Iterator[tuple[HandlerFile, EventHandler]]:
        order = {folder: number for number, folder in enumerate(self._folders)}
        for file in sorted(self.files.values(), key=lambda file: (order[file.path.parent], file.path)):
            for handler in file.handlers:
                yield file, handler

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            try:
                yield from sorted(path for path in folder.glob("*.py") if not path.name.startswith((".", "_", "test_")))
            except OSError as error:
                self._log.warn("{folder} can't be read: {reason}", folder=str(folder), reason=error.strerror)

    def _read(self, path: Path, stamp: tuple[int, int, int], known: HandlerFile | None) -> HandlerFile:
        before = known or HandlerFile(path, stamp)
        try:
            handlers = handlers_in(path)
        except Broken as error:
            return replace(before, stamp=stamp, error=str(error))
        return HandlerFile(path, stamp, handlers)


class Broken(Exception):
    """A file that holds no handler which can be taken; the text says why."""


def handlers_in(path: Path) -> tuple[EventHandler, ...]:
    """The handlers of a file. Errors: `Broken`."""
    module = _imported(path)
    found: dict[int, Any] = {id(value): value for value in vars(module).values() if not isinstance(value, type) and IEventHandler.providedBy(value)}
    if not found:
        raise Broken("it holds no handler: write `name = ClassName()` below the class")
    faults = [f"{getattr(handler, 'name', '?')} {fault}" for handler in found.values() for fault in _checked(handler)]
    if faults:
        raise Broken("; ".join(faults))
    return tuple(found.values())


def _checked(handler: Any) -> list[str]:
    try:
        return interrupted(lambda: faults_of(handler))
    except (Exception, StepTooLong) as error:  # a property of a foreign class
        return [f"can't be checked ({type(error).__name__}: {error})"]


def _imported(path: Path) -> ModuleType:
    """The file as a new module. It is in sys.modules while it is imported only: dataclasses want to find it there."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise Broken(f"it can't be read: {error.strerror}") from error
    if len(source) > LARGEST:
        raise Broken(f"it is larger than {LARGEST >> 10} KiB")
    name = f"portaswitch.plugins.{path.stem}_{hashlib.sha256(source).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise Broken("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        interrupted(lambda: exec(compile(source, str(path), "exec"), vars(module)), IMPORT)
    except SyntaxError as error:
        raise Broken(f"line {error.lineno}: {error.msg}") from error
    except StepTooLong as error:
        raise Broken(f"its import takes longer than {IMPORT:.0f} s") from error
    except (Exception, SystemExit) as error:
        raise Broken(f"{type(error).__name__}: {error}") from error
    finally:
        sys.modules.pop(name, None)
    return module


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs after every change: time, size and inode; None where it is gone."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino
