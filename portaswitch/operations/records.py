"""
The operations that every entity has: list, show, add, change, remove. What an entity needs beside them stands in its own module.

    OPERATIONS = (*record_operations(ACCOUNT, rules=(one_currency,), verbs=("list", "show", "add", "change")), block, unblock)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Entity, Field, Mark, NotPermitted, NotThere, Operation, OperationRefused, Outcome, Row, audited
from portaswitch.model.text_values import LINE, NAME, NATURAL
from portaswitch.operations.final_units import tell_change

Rule = Callable[[IWork, Row | None, Row], AsyncIterator[str]]
"""`(work, the row as it was, the row as it would be) -> faults`, asked at an addition (was: None) and a change. References are names, their numbers `_NAME`."""

Prepare = Callable[[IWork, Actor, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""What a new row gets where nobody names it: `(work, actor, values) -> values`."""

VERBS = ("list", "show", "add", "change", "remove")
PAGE = 50
"""Rows of a list when nobody says how many."""

Going = Callable[[IWork, Row], Awaitable[None]]
"""Asked of a locked row before it is removed; raises OperationRefused when it has to stay."""


async def as_named(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `Prepare` of what needs none."""
    return values


async def anything_goes(work: IWork, row: Row) -> None:
    """The `Going` of what nothing of its own keeps."""


def record_operations(
    entity: Entity, rules: Sequence[Rule] = (), verbs: Iterable[str] = VERBS, prepare: Prepare = as_named, going: Going = anything_goes
) -> tuple[Operation, ...]:
    """The plain operations of an entity."""
    made = {
        "list": lambda: _listing(entity),
        "show": lambda: _showing(entity),
        "add": lambda: _adding(entity, rules, prepare),
        "change": lambda: _changing(entity, rules),
        "remove": lambda: _removing(entity, going),
    }
    return tuple(made[verb]() for verb in verbs)


def key_fields(entity: Entity) -> tuple[Field, ...]:
    """The arguments that name one row: its outer thing, then its key."""
    placed = frozenset({Mark.PLACE, Mark.REQUIRED})
    key = entity.field(entity.key)
    parent = entity.field(entity.parent) if entity.parent else None
    fields = [] if parent is None else [Field(parent.name, parent.help, NAME, placed, refers=parent.refers)]
    return (*fields, Field(key.name, f"{entity.name}: {key.help}", LINE, placed))


def settable(entity: Entity, change: bool) -> tuple[Field, ...]:
    """The fields that people may set, at an addition or a change."""
    return tuple(field for field in entity.fields if not field.has(Mark.READ_ONLY) and not (change and field.has(Mark.FIXED)))


def a(entity: Entity) -> str:
    """An entity with its article, as help texts say it."""
    return f"{'an' if entity.name[0] in 'aeiou' else 'a'} {entity.name.replace('.', ' ')}"


async def the(work: IWork, entity: Entity, values: Mapping[str, Any], lock: bool = False) -> Row:
    """The row that the arguments of `key_fields` name; NotThere when there is none where the actor can see."""
    name = values[entity.key]
    row = await work.find(entity, str(name), values.get(entity.parent, 0) if entity.parent else 0, lock)
    if row is None:
        raise NotThere([f"there is no {entity.name} {name}"])
    return row


async def refuse_faults(rules: Sequence[Rule], work: IWork, before: Row | None, after: Row) -> None:
    """Ask all rules; OperationRefused with everything that they say."""
    faults = [fault for rule in rules async for fault in rule(work, before, after)]
    if faults:
        raise OperationRefused(faults)


def _listing(entity: Entity) -> Operation:
    filters = tuple(Field(field.name, f"only with this {field.name}", field.kind, refers=field.refers) for field in entity.fields if _filters(entity, field))
    more = Field("limit", f"at most so many (default {PAGE}), 0: all", NATURAL)
    begin = Field("begin", f"only those whose {entity.key} begins so", LINE, frozenset({Mark.PLACE}))

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        conditions = {name: value for name, value in values.items() if name not in ("limit", "begin")}
        return [dict(row) for row in await work.listing(entity, conditions, values.get("begin") or "", values.get("limit", PAGE))]

    columns = tuple(field.name for field in entity.fields if not field.has(Mark.DETAIL))
    return Operation(f"{entity.name}.list", f"list {entity.help}", Privilege.READ, run, (*filters, begin, more), columns=columns)


def _filters(entity: Entity, field: Field) -> bool:
    return field.name != entity.key and not field.has(Mark.SECRET) and (bool(field.refers) or not field.has(Mark.DETAIL))


def _showing(entity: Entity) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        return await the(work, entity, values)

    return Operation(f"{entity.name}.show", f"show one {entity.name}", Privilege.READ, run, key_fields(entity))


def _adding(entity: Entity, rules: Sequence[Rule], prepare: Prepare) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        refuse_shared(entity, actor)
        refuse_fields(entity, actor, values)
        return await add(work, entity, rules, await prepare(work, actor, values))

    return Operation(f"{entity.name}.add", f"add {a(entity)}", entity.privilege, run, settable(entity, change=False))


async def add(work: IWork, entity: Entity, rules: Sequence[Rule], values: Mapping[str, Any]) -> Row:
    """Add a row of resolved values, after all rules; it is audited. Gives the row."""
    number = await work.add(entity, values)
    row = await work.get(entity, number)
    if row is None:
        # The row exists inside this transaction, which now ends without it: it would belong to somebody else.
        raise NotPermitted([f"{a(entity)} like that would not be yours"])
    await refuse_faults(rules, work, None, row)
    await work.note(f"{entity.name}.add", f"{entity.name}:{number}", None, audited(entity, row))
    return row


def _changing(entity: Entity, rules: Sequence[Rule]) -> Operation:
    keys = key_fields(entity)
    names = {field.name for field in keys}
    fields = tuple(_kept(field) for field in settable(entity, change=True) if field.name not in names)
    renamed = Field("rename", f"its new {entity.key}", entity.field(entity.key).kind)

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        refuse_shared(entity, actor)
        before = await the(work, entity, values, lock=True)
        asked = {name: value for name, value in values.items() if name not in names and name != "rename"}
        if "rename" in values:
            asked[entity.key] = values["rename"]
        refuse_fields(entity, actor, asked)
        return await change(work, entity, rules, before, asked)

    # Whoever has the privilege for money sets limits, and nothing else of it.
    others = frozenset({Privilege.MONEY}) if any(field.has(Mark.MONEY) for field in fields) else frozenset()
    return Operation(f"{entity.name}.change", f"change {a(entity)}", Privilege.SERVICE, run, (*keys, renamed, *fields), self_care=True, others=others)


def _kept(field: Field) -> Field:
    """A field of a change: who leaves it out keeps what there is."""
    return replace(field, marks=field.marks - {Mark.REQUIRED} | {Mark.FILLED}) if field.has(Mark.REQUIRED) else field


async def change(work: IWork, entity: Entity, rules: Sequence[Rule], before: Row, values: Mapping[str, Any], operation: str = "change") -> Row:
    """
    Set fields of a locked row, after all rules; it is audited under the name of the operation. Gives the row as it is now.

    That the actor may set these fields was asked before (`refuse_fields`, or the operation's own privilege).
    """
    if not values:
        return before
    number = before["_id"]
    changed = await work.change(entity, number, values)
    after = await work.get(entity, number) if changed else None
    if after is None:
        raise NotPermitted([f"the {entity.name} would not be yours any more"])
    await refuse_faults(rules, work, before, after)
    secrets = {field.name: "changed" for field in entity.fields if field.has(Mark.SECRET) and field.name in values}
    await work.note(f"{entity.name}.{operation}", f"{entity.name}:{number}", audited(entity, before), {**audited(entity, after), **secrets})
    await tell_change(work, entity, before, after)
    return after


def refuse_fields(entity: Entity, actor: Actor, values: Mapping[str, Any]) -> None:
    """NotPermitted when the actor may not set one of these fields, each named."""
    faults = [f"{name}: you may not set it" for name in values if not may_set(entity, actor, entity.field(name))]
    if faults:
        raise NotPermitted(faults)


def refuse_shared(entity: Entity, actor: Actor) -> None:
    """NotPermitted for a reseller on what all of the environment build on."""
    if entity.shared and actor.realm is not Realm.ADMIN:
        raise NotPermitted([f"{entity.name}: is the environment's: you may use it, and an administrator changes it"])


def may_set(entity: Entity, actor: Actor, field: Field) -> bool:
    """Whether the actor may set a field: by its role, and in self-care only what is marked for it."""
    if field.has(Mark.ADMIN) and actor.realm is not Realm.ADMIN:
        return False
    if actor.in_self_care:
        return field.has(Mark.SELF_CARE) and actor.may(Privilege.SERVICE)
    if field.has(Mark.MONEY):
        return actor.may(Privilege.MONEY)
    return actor.may(entity.privilege) or (field.has(Mark.SELF_CARE) and actor.may(Privilege.SERVICE))


def _removing(entity: Entity, going: Going) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        refuse_shared(entity, actor)
        row = await the(work, entity, values, lock=True)
        await going(work, row)
        await work.remove(entity, row["_id"])
        await work.note(f"{entity.name}.remove", f"{entity.name}:{row['_id']}", audited(entity, row), None)
        return row

    return Operation(f"{entity.name}.remove", f"remove {a(entity)}", entity.privilege, run, key_fields(entity))

