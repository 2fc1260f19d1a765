"""
What the sources of events (portaswitch/store/schema/event_sources.yaml) name, against the text of the create table statements.

tests/server/test_schema.py runs the same sources in a migrated database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "portaswitch" / "store" / "schema" / "tables"
SPEC = ROOT / "tests" / "spec"

_COMMENT = re.compile(r"--[^\n]*")
_CREATE = re.compile(r"create table (\w+) \(")
_ADD_COLUMN = re.compile(r"alter table (\w+) add column (?:if not exists )?(\w+)")
_CONSTRAINT = frozenset({"check", "unique", "primary", "foreign", "constraint", "exclude"})
_FIELD = re.compile(r"\b(old|new|row)\.(\w+)")
_LOOKUP = re.compile(r"^(\w+)\.(\w+) by (.+)$")


def columns(sql: str) -> dict[str, frozenset[str]]:
    """
    Column names by table, from the text of create table and alter table ... add column statements.

    `like` takes over the other table's columns.
    """
    text = _COMMENT.sub("", sql)
    found: dict[str, set[str]] = {}
    for created in _CREATE.finditer(text):
        names = found.setdefault(created[1], set())
        for item in _items(text, created.end()):
            word, _, rest = item.partition(" ")
            if word == "like":
                names |= found[rest.split()[0]]
            elif word not in _CONSTRAINT:
                names.add(word.strip('"'))
    for added in _ADD_COLUMN.finditer(text):
        found[added[1]].add(added[2])
    return {table: frozenset(names) for table, names in found.items()}


def _items(text: str, start: int) -> Iterator[str]:
    """The comma separated items between the parenthesis opened just before `start` and its closing one."""
    depth, begin, quoted = 0, start, False
    for at in range(start, len(text)):
        quoted ^= text[at] == "'"
        if quoted:
            continue
        if text[at] == ")" and depth == 0 or text[at] == "," and depth == 0:
            yield " ".join(text[begin:at].split())
            begin = at + 1
            if text[at] == ")":
                return
        depth += (text[at] == "(") - (text[at] == ")")


def schema_columns() -> dict[str, frozenset[str]]:
    """Column names by table of the whole schema, from its text."""
    return columns("\n".join(path.read_text() for path in sorted(TABLES.glob("*.sql"))))


def unknown_columns(source: str, table: str, known: dict[str, frozenset[str]]) -> list[str]:
    """What `source` (or a condition) reads of `table` or by a look-up and the schema lacks: table.column."""
    missing: list[str] = []
    for part in source.split(" or "):
        lookup = _LOOKUP.match(part)
        if lookup is not None:
            other, column, key = lookup.groups()
            wanted = {column, last_column(key)}
            missing += [f"{other}.{name}" for name in sorted(wanted - known.get(other, frozenset()))]
            missing += unknown_columns(key, table, known)
        else:
            read = [name for _, name in _FIELD.findall(part)]
            missing += [f"{table}.{name}" for name in read if name not in known.get(table, frozenset())]
    return missing


def last_column(source: str) -> str:
    """The name of the column that `source` gives: `a.x by row.y` gives x."""
    return source.split(" by ")[0].rpartition(".")[2]


def well_formed(source: str) -> bool:
    """Whether `source` keeps to the grammar of event_sources.yaml."""
    return all(re.fullmatch(r"(\w+\.\w+ by )*(old|new|row)\.\w+", part) for part in source.split(" or "))


def rows_read(source: str) -> frozenset[str]:
    """Which of old, new and row `source` reads."""
    return frozenset(which for which, _ in _FIELD.findall(source))
