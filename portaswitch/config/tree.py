"""Reading a YAML file into nodes; a file that can't be read is a fault like any other."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from pathlib import Path

from portaswitch.config.fold import Fold, Told, Tree, unheard
from portaswitch.config.node import Fault, Mark, Node, one_line

__all__ = ["MAX_OCTETS", "Tree", "read_octets", "read_text", "read_tree", "why"]

MAX_OCTETS = 64 * 1024 * 1024
"""Largest file that is read, in octets."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(text: str, file: str, told: Told = unheard) -> Tree:
    """The tree of this YAML text; `file` is the name that its faults carry, `told` how far the reading is. Raises nothing."""
    forbidden = _FORBIDDEN.search(text)
    if forbidden is None:
        return Fold(file).run(text, told)
    starts = [0] + [found.end() for found in re.finditer("\n", text)]
    line = bisect_right(starts, forbidden.start())
    mark = Mark(file, line, forbidden.start() - starts[line - 1] + 1)
    return _unread(
        Fault(mark, "", f"the character {one_line(forbidden[0])} is not allowed in YAML: remove it")
    )


def read_tree(path: str | os.PathLike[str], told: Told = unheard) -> Tree:
    """
    The tree of this file, which faults name as it is given here; `told` how far the reading is. Raises nothing: a file that can't be read is
    a fault too.
    """
    name = os.fspath(path)
    try:
        octets = read_octets(Path(path), MAX_OCTETS)
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        column = error.start - octets.rfind(b"\n", 0, error.start)
        return _unread(Fault(Mark(name, line, column), "", "not UTF-8 text: save the file as UTF-8"))
    except (OSError, ValueError) as error:
        return _unread(
            Fault(Mark(name), "", f"can't be read: {why(error)}; give the path of a readable YAML file")
        )
    return read_text(text, name, told)


def read_octets(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most so many octets; OSError or ValueError says why not."""
    # Without O_NONBLOCK a named pipe in the place of the file would stop the start for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is not an ordinary file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most} octets")
    return content


def why(error: OSError | ValueError) -> str:
    """The reason alone, without number and path, in lower case as the middle of a sentence."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason[:1].lower() + reason[1:]


def _unread(fault: Fault) -> Tree:
    return Tree(Node({}, Mark(fault.mark.file, 1, 1)), (fault,), complete=False)
