"""
The audit as operators read it: who changed what and when, the newest first.

Only administrators read it, and of their environment: a line says what somebody else did, with amounts and comments of rows that may have changed hands since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Field, Mark, NotPermitted, NotThere, Operation, OperationRefused, Outcome
from portaswitch.model.text_values import LINE, TextKind, instant, positive
from portaswitch.operations.entities import ENTITIES

PAGE: Final = 50
"""Lines when nobody says how many."""
MOST: Final = 10_000
"""Lines of one answer."""
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")
_NUMBERED: Final = re.compile(r"#\d{1,18}")


def since(text: str) -> datetime | timedelta:
    """A time, or how long ago: 90s, 15m, 2h, 7d, 4w."""
    found = _AGO.fullmatch(text) if text.isascii() else None
    return instant(text) if found is None else timedelta(seconds=int(found[1]) * UNITS[found[2]])


def lines(text: str) -> int:
    """How many lines, 1 to MOST."""
    found = positive(text)
    if found > MOST:
        raise ValueError(f"is too many for one answer: at most {MOST}; --since and --entity narrow it")
    return found


async def _list(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    if actor.realm is not Realm.ADMIN:
        raise NotPermitted(["audit.list: only administrators read the audit"])
    begin = values.get("since")
    if isinstance(begin, timedelta):
        begin = await work.now() - begin
    entity, kind = await _wanted(work, values.get("entity") or "")
    asked = {"entity": entity, "kind": kind, "by": values.get("by"), "operation": values.get("operation"), "since": begin, "last": values.get("last") or PAGE}
    names: dict[str, str | None] = {}
    rows: list[Mapping[str, Any]] = []
    for i_audit, at, who, operation, what, before, after, request in await work.ask("audit.list", asked):
        if what not in names:
            names[what] = await _name(work, what)
        told = {"i_audit": i_audit, "at": at, "actor": who, "operation": operation, "entity": what, "name": names[what], "change": change(before, after)}
        rows.append({**told, "before": before, "after": after, "request_id": request})
    return rows


async def _wanted(work: IWork, text: str) -> tuple[str | None, str | None]:
    """The entity as the log has it, or the kind of all of them, of what a person writes: account, account:10086610975, account:#17, load:demo.yaml."""
    kind, colon, name = text.partition(":")
    if not colon:
        return None, kind or None
    if _NUMBERED.fullmatch(name):
        return f"{kind}:{name[1:]}", None
    entity = ENTITIES.get(kind)
    if entity is None:
        return text, None
    if entity.parent:
        raise OperationRefused([f"entity: a {kind} has a name only inside its {entity.parent}: give its number, as {kind}:#17"])
    row = await work.find(entity, name)
    if row is None:
        raise NotThere([f"there is no {kind} {name}; one that is gone is found by its number, as {kind}:#17"])
    return f"{kind}:{row['_id']}", None


async def _name(work: IWork, what: str) -> str | None:
    """What people call an entity of the log; None when it is gone, or no row."""
    kind, _, number = what.partition(":")
    entity = ENTITIES.get(kind)
    if entity is None or not number.isdigit():
        return None
    row = await work.get(entity, int(number))
    return None if row is None else str(row[entity.key])


def change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """A line of what changed: `balance 10 > 15`; of an addition what it is, of a removal what it was."""
    if before is None or after is None:
        row = before if after is None else after
        return ", ".join(f"{name} {value}" for name, value in (row or {}).items() if value is not None)
    return ", ".join(f"{name} {_said(before.get(name))} > {_said(value)}" for name, value in after.items())


def _said(value: object) -> str:
    return "-" if value is None else str(value)


DETAIL: Final = frozenset({Mark.DETAIL})
LIST: Final = Operation(
    "audit.list",
    "list who changed what, the newest first",
    Privilege.READ,
    _list,
    (
        Field("entity", "only of one thing (account:10086610975; account:#17 by its number; load:demo.yaml) or of one kind (account)", LINE, DETAIL),
        Field("by", "only of this actor: cli:root, or root whatever the way", LINE, DETAIL),
        Field("since", "only from then on", TextKind("date or time, UTC, or how long ago: 90s, 15m, 2h, 7d, 4w", since), DETAIL),
        Field("operation", "only this operation (account.topup) or those on one kind (account)", LINE, DETAIL),
        Field("last", f"at most so many (default {PAGE})", TextKind(f"whole number from 1 to {MOST}", lines), DETAIL),
    ),
    "portaswitch audit list --since 2h\nportaswitch audit list --entity account:10086610975\nportaswitch audit list --by root --operation account.topup --json",
    ("at", "actor", "operation", "entity", "name", "change"),
)

OPERATIONS: Final = (LIST,)
