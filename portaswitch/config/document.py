"""
The reference of the configuration, made from the grammar so that it can't drift from it.

    python -m portaswitch.config.document > docs/configuration.rst
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from typing import Final

from portaswitch.config.grammar import Declared, Group, Kind, MappingOf, Rest, Section, declared
from portaswitch.config.sections import Settings

_HEAD: Final = """\
Configuration
=============

.. Made by ``python -m portaswitch.config.document > docs/configuration.rst``; do not edit.

One YAML file, ``config/portaswitch.yaml`` in the distribution, configures a process. Every key may be left
out unless it says *required*; the shipped file holds every key with its default.
``portaswitch --config FILE check`` reports everything that is wrong with a file at once, one line a fault::

    config/portaswitch.yaml:12:3: radius.auth_port: 70000 is not a port (1 to 65535, or 0 for any free one)

How values are written
----------------------

duration
    ``1500ms``, ``90s``, ``5m``, ``2h``, ``7d``; a plain number is seconds.

size
    ``64KiB``, ``10MiB``, ``1GiB``; a plain number is octets.

path
    A relative path begins at the working directory in which the process was started.

listen string
    ``udp:PORT:interface=ADDRESS``, ``tcp:PORT:interface=ADDRESS`` or
    ``tls:PORT:interface=ADDRESS:certificate=PATH:key=PATH``. Without ``interface`` it is 127.0.0.1; an IPv6
    address stands in brackets (``interface=[::1]``), and a colon inside a path is written ``\\:``. The
    certificate file is a PEM chain; the key must not be readable by every user.

``{file: PATH}`` and ``{env: NAME}``
    May stand for any single value: the content of a file without the white space around it, or an
    environment variable. PATH is relative to the folder of the configuration file; a file that holds a
    secret must not be readable by every user.

YAML is read narrowly: a repeated or unknown key, an anchor, an alias and a tag are faults; numbers with
leading zeros stay text, digit for digit; ``null`` means none where the reference says so.
"""


def reference() -> str:
    """The reference as reStructuredText."""
    return "\n".join([_HEAD, *_section("", Settings)])


def _section(path: str, shape: type[Group]) -> Iterator[str]:
    """One section with its keys, then the sections inside it."""
    inner: list[tuple[str, type[Group]]] = []
    yield from _heading(path or "Top level", shape)
    for item in declared(shape):
        name = f"{path}.{item.key}" if path else item.key
        group = _group(item.kind)
        if group is not None:
            inner.append((f"{name}.NAME" if isinstance(item.kind, MappingOf) else name, group))
        if not isinstance(item.kind, Section):
            yield from _key(name, item)
    for name, group in inner:
        yield from _section(name, group)


def _heading(title: str, shape: type[Group]) -> Iterator[str]:
    yield from (title, "-" * len(title), "")
    yield from (re.sub("`+([^`]+)`+", r"``\1``", inspect.getdoc(shape) or ""), "")


def _group(kind: Kind[object]) -> type[Group] | None:
    """The section that a kind holds, or None."""
    held = kind.value if isinstance(kind, MappingOf) else kind
    return held.shape if isinstance(held, Section) else None


def _key(name: str, item: Declared) -> Iterator[str]:
    """One key: what it is for, what may be written, and the default."""
    kind = item.kind.describe() if _group(item.kind) is None else "mapping of names to sections, see below"
    end = "Required." if item.required else f"Default: ``{written(item.default)}``."
    if isinstance(item.kind, Rest):
        name, end = f"{name.rpartition('.')[0]}.*", "None is required here."
    about = re.sub("`+([^`]+)`+", r"``\1``", item.help)
    yield from (f"``{name}``", f"    {about}", "", f"    {kind[:1].upper()}{kind[1:]}. {end}", "")


def written(default: object) -> str:
    """A default as an operator would write it, on one line."""
    if default is None:
        return "null"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, (list, tuple)):
        return f"[{', '.join(written(item) for item in default)}]"
    if isinstance(default, dict):
        return json.dumps(default)
    text = str(default)
    return text if re.fullmatch(r"[A-Za-z0-9./_-]*", text) else json.dumps(text)


if __name__ == "__main__":
    sys.stdout.write(reference())
