"""
The operators' pages of handlers: each handler of handlers/ has one, and what it generates is current.

    python -m tests.rules.handler_pages      writes the generated parts anew
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from portaswitch.espf.loader import Loader
from portaswitch.espf.pages import BEGIN, END, file_name, generated, table
from portaswitch.handler import EventHandler
from tests.rules.source import ROOT

PAGES = ROOT / "docs" / "handlers"
INDEX = PAGES / "index.rst"
#: What a page tells beside what is generated.
SECTIONS = ("What it needs", "What it does", "How to try it")
_PART = re.compile(re.escape(BEGIN) + r".*?" + re.escape(END), re.DOTALL)


def shipped() -> list[EventHandler]:
    """The handlers of handlers/."""
    loader = Loader([ROOT / "handlers"])
    loader.scan()
    return list(loader.handlers().values())


def current(text: str, part: str) -> str:
    """A page with its generated part as it should be."""
    return _PART.sub(lambda _: part, text)


def wanted() -> Iterator[tuple[Path, str]]:
    """Each page and its generated part."""
    handlers = shipped()
    yield INDEX, table(handlers)
    for handler in handlers:
        yield PAGES / file_name(handler), generated(handler)


def faults() -> list[str]:
    """Pages that are missing, lack a section, or are not current."""
    found = []
    for path, part in wanted():
        name = path.relative_to(ROOT)
        text = path.read_text("utf-8") if path.exists() else ""
        if not text:
            found.append(f"{name}: is missing")
        elif current(text, part) != text or not _PART.search(text):
            found.append(f"{name}: is not current: run python -m tests.rules.handler_pages")
        if path != INDEX:
            found += [f"{name}: has no section {section!r}" for section in SECTIONS if f"\n{section}\n---" not in text]
    pages = {path for path, _ in wanted()}
    return found + [f"{path.relative_to(ROOT)}: belongs to no handler" for path in PAGES.glob("*.rst") if path not in pages]


def write() -> None:
    """Write the generated parts anew."""
    for path, part in wanted():
        path.write_text(current(path.read_text("utf-8"), part), "utf-8")


if __name__ == "__main__":
    write()
