"""
What is shared by everything that reads one file: its faults so far, and the values that stand elsewhere.

`{file: PATH}` is the stripped content of a file, `{env: NAME}` an environment variable; either may stand for
any scalar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portaswitch.config.node import Fault, Node, one_line, within
from portaswitch.config.tree import read_octets, why

LARGEST_VALUE: Final = 1024 * 1024
"""Most octets that `{file: PATH}` reads."""


class Refused(Exception):
    """Raised by `ScalarKind.convert`: the value is wrong for the reason given, which says what is right."""


class Unreadable(Exception):
    """There is no value, and the reader has been told why; the one who asked goes on with the next."""


class Reader:
    """
    One reading: where `{file: ...}` begins, the environment, and what was found so far: `faults`, and
    `public`, the dotted keys of values from files that every user can read.

    `folder` is the folder of the configuration file; `complete` is False when parts of the file are not in
    the tree.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, complete: bool = True) -> None:
        self.folder = folder
        self.complete = complete
        self.faults: list[Fault] = []
        self.public: set[str] = set()
        self._environ = environ

    def report(self, node: Node, reason: str) -> None:
        """One more fault at this node."""
        self.faults.append(node.fault(reason))

    def refuse(self, node: Node, reason: str) -> Unreadable:
        """One more fault at this node, as something to raise."""
        self.report(node, reason)
        return Unreadable(reason)

    def has_fault_at(self, key: str) -> bool:
        """True when a fault is about this dotted key, something inside it, or a section around it."""
        return any(within(fault.key, key) or within(key, fault.key) for fault in self.faults if fault.key)

    def resolved(self, node: Node, *, confidential: bool = False) -> Node:
        """
        The node itself, or for `{file: PATH}` and `{env: NAME}` a text node with what they stand for;
        `confidential` files must not be public.
        """
        origin = origin_of(node)
        if origin is None:
            return node
        how, named = origin
        if not named.is_scalar() or not named.text:
            raise self.refuse(
                node, f"{{{how}: ...}} takes one {'path' if how == 'file' else 'name of a variable'}"
            )
        if how == "env":
            return self._variable(node, named.text)
        return self._content(node, named.text, confidential=confidential)

    def _variable(self, node: Node, name: str) -> Node:
        value = self._environ.get(name)
        if value is None:
            raise self.refuse(
                node, f"the environment variable {one_line(name)} is not set: export it before the start"
            )
        return self._text(node, value, f"the environment variable {one_line(name)}")

    def _content(self, node: Node, name: str, *, confidential: bool) -> Node:
        path = self.folder / name
        try:
            content = read_octets(path, LARGEST_VALUE).decode("utf-8")
            public = path.stat().st_mode & 0o004
        except UnicodeDecodeError:
            raise self.refuse(node, f"{one_line(name)} is not UTF-8 text") from None
        except (OSError, ValueError) as error:
            reason = f"{one_line(name)} can't be read: {why(error)}; paths begin at the folder of this file"
            raise self.refuse(node, reason) from None
        if public:
            self.public.add(node.key)
        if public and confidential:
            reason = f"every user can read {one_line(name)}, which holds a secret: chmod o-r it"
            raise self.refuse(node, reason)
        return self._text(node, content.strip(), f"the file {one_line(name)}")

    def _text(self, node: Node, text: str, source: str) -> Node:
        if re.search("[\0\ud800-\udfff]", text):
            raise self.refuse(node, f"{source} holds octets that are not text")
        return Node(text, node.mark, node.key, text, quoted=True, source=source)


def origin_of(node: Node) -> tuple[str, Node] | None:
    """("file" or "env", what it names) when the node stands for a value that is elsewhere."""
    if isinstance(node.value, dict) and len(node.value) == 1:
        for how in ("file", "env"):
            if how in node.value:
                return how, node.value[how]
    return None
