"""
`account locations`: files that a network leaves of where subscribers are (LU and MUR files), each line an operation of its own. Files may come late, twice and
in any order: `account.locate` keeps the newest, so one that was read by half is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from portaswitch.administration.opening import asked, desk
from portaswitch.interfaces.work import IOperations
from portaswitch.model.actor import Actor
from portaswitch.model.operation import NotThere, OperationRefused
from portaswitch.model.text_values import instant, name
from portaswitch.store.database import Database

ABOUT: Final = ("number", "location", "at")
"""What a line tells; files call the columns what they like."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a subscriber was, by its number, and since when."""

    number: str
    location: str
    at: datetime


@dataclass(slots=True)
class Located:
    """What came of a file: locations that are kept, that were known newer, and numbers that are no account's."""

    kept: int = 0
    older: int = 0
    unknown: list[str] = field(default_factory=list)


def newest(head: Sequence[str], rows: Sequence[Sequence[str]], columns: Mapping[str, str]) -> list[Seen]:
    """
    The newest line of each number; `columns` are the names of the file's columns by `ABOUT`. Errors: OperationRefused with all faults, by line.
    """
    missing = [f"line 1: the column {columns[what]} is missing" for what in ABOUT if columns[what] not in head]
    if missing:
        raise OperationRefused(missing)
    places = {what: list(head).index(columns[what]) for what in ABOUT}
    found: dict[str, Seen] = {}
    faults: list[str] = []
    for line, cells in enumerate(rows, 2):
        if not any(cells):
            continue
        try:
            texts = {what: cells[place].strip() for what, place in places.items()}
            seen = Seen(name(texts["number"]).removeprefix("+"), name(texts["location"]), instant(texts["at"]))
        except (ValueError, IndexError) as reason:
            faults.append(f"line {line}: {reason if isinstance(reason, ValueError) else 'has too few columns'}")
            continue
        if seen.number not in found or found[seen.number].at < seen.at:
            found[seen.number] = seen
    if faults:
        raise OperationRefused(faults)
    return list(found.values())


async def locate_all(database: Database, actor: Actor, seen: Sequence[Seen]) -> Located:
    """Keep these locations. Errors: DatabaseDown; what was kept until then stays."""
    done, operations = Located(), desk(database)
    for one in seen:
        await _locate(operations, actor, one, done)
    return done


async def _locate(operations: IOperations, actor: Actor, one: Seen, done: Located) -> None:
    values = {"id": one.number, "location": one.location, "at": one.at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    try:
        answer = await asked(operations.operate(actor, "account.locate", values))
    except NotThere as refused:
        if "custom field" in str(refused):
            raise
        done.unknown.append(one.number)
        return
    if isinstance(answer, Mapping) and answer["kept"]:
        done.kept += 1
    else:
        done.older += 1
