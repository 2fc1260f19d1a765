"""
The life of customers and accounts: which bill status may follow which, and blocks.

    open > suspended > open          by an operator or for an unpaid invoice
    open, suspended > deactivated    out of use for a while (of a customer: provisionally terminated)
    open > exported, inactive        served by another system; not in use yet
    all > closed                     for good
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Entity, Field, Mark, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import mapped
from portaswitch.operations.records import a, change, key_fields

FOLLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("suspended", "deactivated", "exported", "inactive", "closed"),
    "suspended": ("open", "deactivated", "closed"),
    "deactivated": ("open", "closed"),
    "exported": ("open", "closed"),
    "inactive": ("open", "closed"),
    "closed": (),
}
"""By status, what may follow it. Closed is the end."""

LETTERS: Final = {"open": "O", "suspended": "S", "deactivated": "D", "exported": "E", "inactive": "I", "closed": "C"}
"""bill_status."""

The = Callable[[IWork, Mapping[str, Any]], Awaitable[Row]]
"""Finds and locks the row that the arguments name."""


def follow(what: str, status: str, wanted: str) -> None:
    """OperationRefused when that status can't follow; `what` names whose it is."""
    if wanted in FOLLOWS[status]:
        return
    after = ", ".join(FOLLOWS[status]) or "nothing"
    raise OperationRefused([f"{what} is {status}: {'it is that already' if status == wanted else f'{wanted} can not follow'} (what can: {after})"])


async def turn(work: IWork, entity: Entity, before: Row, wanted: str, verb: str) -> Row:
    """Give a locked row another bill status."""
    follow(f"{entity.name} {before[entity.key]}", before["status"], wanted)
    return await change(work, entity, (), before, {"status": LETTERS[wanted]}, verb)


def refuse_closed(entity: Entity, row: Row) -> None:
    """OperationRefused when it is closed: nothing changes any more."""
    if row["status"] == "closed":
        raise OperationRefused([f"{entity.name} {row[entity.key]} is closed: open another one"])


def blocks(entity: Entity, the: The) -> tuple[Operation, Operation]:
    """`block` and `unblock`."""

    def made(verb: str, blocked: bool, text: str) -> Operation:
        async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
            before = await the(work, values)
            refuse_closed(entity, before)
            return await change(work, entity, (), before, {"blocked": blocked}, verb)

        return Operation(f"{entity.name}.{verb}", text, Privilege.SERVICE, run, key_fields(entity))

    return (
        made("block", True, f"block {a(entity)}: it may use nothing, fees go on"),
        made("unblock", False, f"lift the block of {a(entity)}"),
    )


def turns(entity: Entity, the: The, verbs: Mapping[str, tuple[str, str]]) -> tuple[Operation, ...]:
    """Operations that give one status each (`verbs`: verb to status and help), and `status` for any but closed."""

    def made(verb: str, status: str, text: str) -> Operation:
        async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
            return await turn(work, entity, await the(work, values), status, verb)

        return Operation(f"{entity.name}.{verb}", text, Privilege.SELL, run, key_fields(entity))

    async def any_status(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        return await turn(work, entity, await the(work, values), values["to"], "status")

    kind = mapped({status: status for status in LETTERS if status != "closed"})
    to = Field("to", "its new bill status", kind, frozenset({Mark.PLACE, Mark.REQUIRED}))
    text = f"change the bill status of {a(entity)}, where it may follow the one that it has"
    status = Operation(f"{entity.name}.status", text, Privilege.SELL, any_status, (*key_fields(entity), to))
    return (*(made(verb, *what) for verb, what in verbs.items()), status)
