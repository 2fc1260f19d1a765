"""
Uploads: many rows of one entity from a table with a head line, whole or not at all.

    action,imsi,iccid,ki        + or add (the default) adds a line, - or remove takes it away where nothing uses it

A file with faults changes nothing and names every line and column at fault. All lines are one transaction: an upload that is interrupted leaves what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import Entity, Field, Mark, NotPermitted, OperationRefused
from portaswitch.operations.entities import ENTITIES
from portaswitch.operations.reading import read
from portaswitch.operations.records import refuse_fields, settable

ACTIONS: Final = {"": "add", "+": "add", "add": "add", "-": "remove", "remove": "remove"}
PAGE: Final = 2000
"""Lines that are written at once."""

Progress = Callable[[int, int, str], None]
Prepare = Callable[[IWork, Actor, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: its number in the file, and its cells by the names of the head line; empty ones are left out."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    """What an entity's upload needs: its own preparation of new rows, and the condition (a field and its values) under which a row may be removed."""

    entity: Entity
    prepare: Prepare
    idle: tuple[str, tuple[Any, ...]]


def lines_of(rows: Sequence[Sequence[str]], head: Sequence[str]) -> list[Line]:
    """
    The lines below a head line, those that are empty left out; line 1 is the head. Cells at the end may be missing. Errors: OperationRefused where a line has
    more than the head: a comma that is not quoted has moved all behind it into other columns.
    """
    faults = [
        f"line {number}: has {len(row)} values, and the head line {len(head)}: quote values that have separators in them"
        for number, row in enumerate(rows, 2)
        if any(cell.strip() for cell in row[len(head) :])
    ]
    if faults:
        raise OperationRefused(faults)
    return [
        Line(number, {name: cell.strip() for name, cell in zip(head, row, strict=False) if cell.strip()})
        for number, row in enumerate(rows, 2)
        if any(cell.strip() for cell in row)
    ]


async def upload(work: IWork, actor: Actor, asked: Upload, head: Sequence[str], lines: Sequence[Line], progress: Progress) -> dict[str, int]:
    """
    Add and remove the rows of all lines. Gives how many of each.

    Errors: OperationRefused with all faults, each 'line N, COLUMN: ...'; NotPermitted for fields that the actor may not set.
    """
    entity = asked.entity
    fields = {field.name: field for field in settable(entity, change=False)}
    _refuse_head(head, fields)
    refuse_fields(entity, actor, {name: None for name in head if name != "action"})
    faults: list[str] = []
    adding, removing = _sorted(lines, fields.values(), entity, faults)
    await _refuse_doubles(work, entity, adding, removing, asked, faults)
    numbers = await _numbers(work, fields.values(), adding, faults)
    if faults:
        raise OperationRefused(sorted(faults, key=_place))
    rows = [dict(await asked.prepare(work, actor, {**values, **_resolved(fields.values(), values, numbers)})) for _, values in adding]
    for begin in range(0, len(rows), PAGE):
        await work.add_all(entity, rows[begin : begin + PAGE])
        progress(min(begin + PAGE, len(rows)), len(lines), "adding")
    await _refuse_foreign(work, actor, entity, [str(row[entity.key]) for row in rows])
    for begin in range(0, len(removing), PAGE):
        await work.remove_all(entity, [key for _, key in removing[begin : begin + PAGE]])
    done = {"added": len(rows), "removed": len(removing)}
    await work.note(f"{entity.name}.upload", f"{entity.name}:*", None, done)
    return done


def _refuse_head(head: Sequence[str], fields: Mapping[str, Field]) -> None:
    unknown = [name for name in head if name != "action" and name not in fields]
    faults = [f"line 1, {name or '(no name)'}: there is no such column; there are action, {', '.join(fields)}" for name in unknown]
    faults += [f"line 1, {name}: stands there twice" for name in sorted(set(head)) if head.count(name) > 1]
    faults += [f"line 1: the column {field.name} is missing" for field in fields.values() if field.has(Mark.REQUIRED) and field.name not in head]
    if faults:
        raise OperationRefused(faults)


Adding = list[tuple[int, dict[str, Any]]]
Removing = list[tuple[int, str]]


def _sorted(lines: Sequence[Line], fields: Iterable[Field], entity: Entity, faults: list[str]) -> tuple[Adding, Removing]:
    """The lines by what they want, their cells read."""
    adding: Adding = []
    removing: Removing = []
    key = entity.field(entity.key)
    for line in lines:
        action = ACTIONS.get(line.cells.get("action", ""))
        cells = {name: cell for name, cell in line.cells.items() if name != "action"}
        try:
            if action is None:
                raise OperationRefused([f"action: {line.cells['action']!r} is neither + nor -"])
            if action == "add":
                adding.append((line.number, read(fields, cells)))
            else:
                removing.append((line.number, str(read([key], {key.name: cells.get(key.name, "")})[key.name])))
        except OperationRefused as refused:
            faults += [f"line {line.number}, {fault}" for fault in refused.faults]
    return adding, removing


async def _refuse_doubles(work: IWork, entity: Entity, adding: Adding, removing: Removing, asked: Upload, faults: list[str]) -> None:
    """A key stands in the file once, is not there yet where it is added, and is there and idle where it is removed."""
    keys = [(number, str(values[entity.key])) for number, values in adding] + removing
    first: dict[str, int] = {}
    for number, key in keys:
        if first.setdefault(key, number) != number:
            faults.append(f"line {number}, {entity.key}: {key} stands in line {first[key]} too")
    known = {str(row[entity.key]): row for row in await work.with_keys(entity, list(first))}
    faults += [f"line {number}, {entity.key}: {values[entity.key]} exists already" for number, values in adding if str(values[entity.key]) in known]
    field, idle = asked.idle
    for number, key in removing:
        row = known.get(key)
        if row is None:
            faults.append(f"line {number}, {entity.key}: there is no {entity.name} {key}")
        elif row[field] not in idle:
            faults.append(f"line {number}, {entity.key}: {entity.name} {key} is in use ({field} {row[field]}): release it first")


async def _refuse_foreign(work: IWork, actor: Actor, entity: Entity, added: Sequence[str]) -> None:
    """NotPermitted, and the transaction ends without them, where rows that were added are not the actor's, as one that is added alone (`records.add`)."""
    if actor.realm is not Realm.ADMIN and len(await work.with_keys(entity, added)) < len(added):
        raise NotPermitted([f"{entity.name}.upload: rows like these would not be yours"])


Numbers = Mapping[tuple[str, str], int]


async def _numbers(work: IWork, fields: Iterable[Field], adding: Adding, faults: list[str]) -> Numbers:
    """The numbers of all names that lines refer to, each looked up once."""
    found: dict[tuple[str, str], int] = {}
    for field in fields:
        if not field.refers:
            continue
        missing = set()
        for number, values in adding:
            name = values.get(field.name)
            if name is None or (field.refers, name) in found:
                continue
            row = None if name in missing else await work.find(ENTITIES[field.refers], name)
            if row is None:
                missing.add(name)
                faults.append(f"line {number}, {field.name}: there is no {field.refers} {name}")
            else:
                found[field.refers, name] = row["_id"]
    return found


def _resolved(fields: Iterable[Field], values: Mapping[str, Any], numbers: Numbers) -> dict[str, int]:
    return {field.name: numbers[field.refers, values[field.name]] for field in fields if field.refers and values.get(field.name) is not None}


def _place(fault: str) -> tuple[int, str]:
    number = fault.removeprefix("line ").split(",")[0].split(":")[0]
    return int(number), fault
