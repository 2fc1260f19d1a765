"""
Where events come from, as data: `schema/event_sources.yaml`, and its sources as SQL over the rows `o` (old) and `n` (new).

A source names a column of the row before or after a change, or of a row that such a column leads to; the grammar is at the head of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import yaml

FILE: Final = "event_sources.yaml"

_LOOKUP = re.compile(r"^(\w+)\.(\w+) by (.+)$")
#: The kinds of change.
CHANGES: Final = ("insert", "update", "delete")
_ALIAS: Final = {"old": "o", "new": "n"}


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table whose changed rows raise events; the fields are explained at the head of the file."""

    name: str
    area: str
    key: tuple[str, ...]
    apart: bool
    changes: tuple[str, ...]
    entity: str


@dataclass(frozen=True, slots=True)
class EventSource:
    """One event; the fields are explained at the head of the file. `entity`, `key` and `i_env` are empty where it has none of its own."""

    name: str
    tables: tuple[str, ...]
    changes: tuple[str, ...]
    when: str
    operation: tuple[str, ...]
    variables: Mapping[str, str]
    secret: tuple[str, ...]
    entity: str
    key: str
    urgent: str
    i_env: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All tables and events in the order of the file."""

    tables: tuple[TableSource, ...]
    events: tuple[EventSource, ...]


def read_sources(text: str | None = None) -> Sources:
    """The sources of the package, or of a text; KeyError names a field that is missing."""
    if text is None:
        text = resources.files("portaswitch.store").joinpath("schema", FILE).read_text("utf-8")
    document = yaml.safe_load(text)
    return Sources(
        tuple(_table(name, entry) for name, entry in document["tables"].items()),
        tuple(_event(entry) for entry in document["events"]),
    )


def _table(name: str, entry: Mapping[str, Any]) -> TableSource:
    return TableSource(name, entry["area"], tuple(entry["key"]), bool(entry.get("apart", False)), tuple(entry.get("changes", CHANGES)), entry["entity"])


def _event(entry: Mapping[str, Any]) -> EventSource:
    urgent = entry.get("urgent", False)
    return EventSource(
        name=entry["name"],
        tables=tuple(entry["tables"]),
        changes=tuple(entry["changes"]),
        when=entry.get("when", ""),
        operation=tuple(entry["operation"]),
        variables=dict(entry["variables"]),
        secret=tuple(entry.get("secret", ())),
        entity=entry.get("entity", ""),
        key=entry.get("key", ""),
        urgent=urgent if isinstance(urgent, str) else str(urgent).lower(),
        i_env=entry.get("i_env", entry["variables"].get("i_env", "")),
    )


# -- sources as SQL ------------------------------------------------------------------------------------------------------------------------------------------


def to_sql(source: str, change: str) -> str:
    """The expression of a variable's source, for one kind of change (insert, update, delete). A row that this kind lacks gives null."""
    parts = [part for part in (_part_sql(part, change) for part in source.split(" or ")) if part != "null"]
    if len(parts) > 1:
        return f"coalesce({', '.join(parts)})"
    return parts[0] if parts else "null"


def condition_sql(condition: str, change: str) -> str:
    """A condition with its rows' aliases; what it says of a row that this kind of change lacks is said of nulls."""
    return re.sub(r"\b(old|new|row)\.\w+", lambda found: _part_sql(found[0], change), condition)


def names_sql(source: str, change: str) -> str:
    """`KIND:SOURCE or ...` as a text: 'account:17' of the first that is not null."""
    parts = []
    for part in source.split(" or "):
        kind, _, column = part.partition(":")
        value = to_sql(column, change)
        if value != "null":
            parts.append(f"'{kind}:' || {value}")
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0]


def secret_sql(source: str, change: str, table: str, key: str) -> str:
    """
    A reference in a secret's place, null where there is none: 'secret:accounts.password:17' can be filled in from that row, the value before a change
    ('secret:accounts.password:17:before') is kept nowhere.
    """
    value = to_sql(source, change)
    if value == "null":
        return value
    side, _, column = value.partition(".")
    before = " || ':before'" if side == _ALIAS["old"] else ""
    return f"case when {value} is not null then 'secret:{table}.{column}:' || {side}.{key}{before} end"


def _part_sql(part: str, change: str) -> str:
    lookup = _LOOKUP.match(part)
    if lookup is not None:
        table, column, key = lookup.groups()
        last = key.split(" by ")[0].rpartition(".")[2]
        wanted = _part_sql(key, change)
        return "null" if wanted == "null" else f"(select {table}.{column} from {table} where {table}.{last} = {wanted})"
    side, _, column = part.partition(".")
    if side == "row":
        side = "old" if change == "delete" else "new"
    lacks = {"insert": "old", "delete": "new"}.get(change)
    return "null" if side == lacks else f"{_ALIAS[side]}.{column}"
