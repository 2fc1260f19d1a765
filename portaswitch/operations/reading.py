"""
From what people write to values: every argument by its kind, every name of a thing to its number. All faults come at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.operation import CLEAR, Entity, Field, Mark, OperationRefused
from portaswitch.operations.entities import ENTITIES

Texts = Mapping[str, str | None]

_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What the database takes in no text: NUL, and the surrogates that JSON can name (RFC 8259 8.2)."""

NEAR: Final = 200
"""Names that are looked through for one that may have been meant."""


def read(fields: Iterable[Field], texts: Texts) -> dict[str, Any]:
    """
    The values of the fields that are named. References stay names. None, or the word null, is no value.

    Errors: OperationRefused with all faults: unknown names, texts that are none of their kind, required fields that are missing.
    """
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    faults = [_unknown(name, known) for name in texts if name not in known]
    for name, field in known.items():
        if name not in texts:
            if field.has(Mark.REQUIRED):
                faults.append(f"{name} is missing: {field.help} ({field.kind.hint})")
            continue
        try:
            values[name] = _value(field, texts[name])
        except ValueError as reason:
            faults.append(f"{name}: {_quoted(field, texts[name])} {reason}")
    if faults:
        raise OperationRefused(faults)
    return values


def _value(field: Field, text: str | None) -> Any:
    if text is None or text == CLEAR:
        if field.has(Mark.REQUIRED) or field.has(Mark.FILLED):
            raise ValueError("is no value, and one is needed")
        return None
    if _NO_TEXT.search(text):
        raise ValueError("holds a NUL, or a half of a character")
    return field.kind.convert(text)


def _quoted(field: Field, text: str | None) -> str:
    """A text in a fault, cut; never that of a secret."""
    if field.has(Mark.SECRET):
        return "the value"
    shown = repr(text if text is not None else CLEAR)
    return shown if len(shown) <= 60 else f"{shown[:57]}...'"


def _unknown(name: str, known: Mapping[str, Field]) -> str:
    close = get_close_matches(name, known, 1)
    return f"{name}: there is no such field" + (f": did you mean {close[0]}?" if close else f" (there are {', '.join(known)})")


async def resolve(work: IWork, fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """
    The values with numbers in the place of names, which the actor has to reach.

    Errors: OperationRefused with all names that are not there.
    """
    found: dict[str, Any] = dict(values)
    faults = []
    for field in fields:
        name = values.get(field.name)
        if not field.refers or name is None:
            continue
        entity = ENTITIES[field.refers]
        row = await work.find(entity, name)
        if row is None:
            faults.append(f"{field.name}: there is no {field.refers} {name}{await _near(work, entity, str(name))}")
        else:
            found[field.name] = row["_id"]
    if faults:
        raise OperationRefused(faults)
    return found


async def _near(work: IWork, entity: Entity, name: str) -> str:
    """What may have been meant: a name that the actor sees and that begins alike; else where to look."""
    names = [str(row[entity.key]) for row in await work.listing(entity, {}, name[:2], NEAR)]
    close = get_close_matches(name, names, 1)
    return f": did you mean {close[0]}?" if close else f" (see `portaswitch {entity.name.replace('.', ' ')} list`)"
