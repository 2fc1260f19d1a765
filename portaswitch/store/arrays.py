"""
Array literals: how columns of many rows travel to PostgreSQL in one parameter each (`unnest`).

psycopg2's own lists become ARRAY[...] expressions, which the server has to parse element by element; one
literal is ten times cheaper.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

Element = None | bool | int | Decimal | str | bytes | datetime | dict[str, str] | dict[str, dict[str, str]] | list[dict[str, str]]
"""What a column of ours may hold; mappings and lists go to jsonb."""


def quote(text: str) -> str:
    """A text as an element, which is not quoted as a field of a row is (`literals.quote`); NUL, which PostgreSQL's text can't hold, is replaced."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\ufffd")
    return f'"{text}"'


def array(values: Iterable[Element]) -> str:
    """The literal of a one-dimensional array; the statement names its type."""
    return "{" + ",".join(map(element, values)) + "}"


def element(value: Element) -> str:
    """One element of an array literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return quote("\\x" + value.hex())
    if isinstance(value, datetime):
        return quote(value.isoformat())
    return quote(value if isinstance(value, str) else json.dumps(value))
