"""
The statements of `store.work`, made from the data that describes an entity.

Every name in them comes from an `Entity`, every value travels as a parameter. Who asks is part of each statement: an actor's rows are those of its environment,
and of its tree there (`reached`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import Entity, Field, Mark

#: The customers below a reseller, at any depth, and itself.
TREE = """(with recursive tree as (
    select i_customer from customers where i_env = %(i_env)s and i_customer = %(own_customer)s
    union all select c.i_customer from customers c join tree t on c.i_parent = t.i_customer)
select i_customer from tree)"""

Entities = Mapping[str, Entity]


def standing(actor: Actor) -> dict[str, Any]:
    """The parameters that every statement takes."""
    return {"i_env": actor.i_env, "own_customer": actor.i_customer, "own_account": actor.i_account}


def reached(entities: Entities, entity: Entity, actor: Actor, row: str = "t") -> str:
    """The condition that `row` is one that the actor reaches, to change it."""
    return _within(entities, entity, actor, row, _owned)


def seen(entities: Entities, entity: Entity, actor: Actor, row: str = "t") -> str:
    """The condition that `row` is one that the actor sees: what it reaches, and for resellers what is shared."""
    return _within(entities, entity, actor, row, _visible)


def _within(entities: Entities, entity: Entity, actor: Actor, row: str, owned: Callable[[Entity, Actor, str], str]) -> str:
    if entity.parent:
        outer = entities[entity.field(entity.parent).refers]
        inner = f"{row}_"
        column = entity.field(entity.parent).stored
        return (
            f"exists (select 1 from {outer.table} {inner} where {inner}.{outer.identity} = {row}.{column} and {_within(entities, outer, actor, inner, owned)})"
        )
    return f"{row}.i_env = %(i_env)s and {owned(entity, actor, row)}"


def _visible(entity: Entity, actor: Actor, row: str) -> str:
    return "true" if entity.shared and actor.realm is Realm.RESELLER else _owned(entity, actor, row)


def _owned(entity: Entity, actor: Actor, row: str) -> str:
    match actor.realm:
        case Realm.ADMIN:
            return "true"
        case Realm.RESELLER:
            return f"{row}.{entity.customer} in {TREE}" if entity.customer else "false"
        case Realm.CUSTOMER:
            return f"{row}.{entity.customer} = %(own_customer)s" if entity.customer and not _managed(entity) else "false"
        case Realm.ACCOUNT:
            return f"{row}.{entity.account} = %(own_account)s" if entity.account else "false"


def _managed(entity: Entity) -> bool:
    """Whether the owner is who manages a thing that is sold, which says nothing of who has it."""
    return entity.customer == "i_managed_by"


def shown(entities: Entities, field: Field) -> str:
    """What is read for a field: of a reference the name, of a secret only whether there is one."""
    if field.has(Mark.SECRET):
        return f"{column(field)} is not null"
    if field.refers:
        other = entities[field.refers]
        return f"(select r.{other.field(other.key).stored} from {other.table} r where r.{other.identity} = {column(field)})"
    return column(field)


def column(field: Field) -> str:
    """The column of a field in the statements that read."""
    return f'{field.place.value}."{field.stored}"'


def selection(entities: Entities, entity: Entity) -> tuple[list[str], str]:
    """The names of what a row holds, and the select list."""
    names, parts = ["_id"], [f"t.{entity.identity}"]
    for field in entity.fields:
        names.append(field.name)
        parts.append(shown(entities, field))
        if field.refers:
            names.append(f"_{field.name}")
            parts.append(column(field))
    return names, ", ".join(parts)


def select(entities: Entities, entity: Entity, actor: Actor, condition: str) -> tuple[list[str], str]:
    """The names of the columns, and the statement that reads the rows that are seen, and for which a condition holds."""
    names, parts = selection(entities, entity)
    details = f" left join {entity.details} d on d.{entity.identity} = t.{entity.identity}" if entity.details else ""
    return names, f"select {parts} from {entity.table} t{details} where {condition} and {seen(entities, entity, actor)}"


LOCK = " for no key update of t"
"""Locks the row that is read as a charge does; it is read as it is when the lock is got."""


def insert(entity: Entity, columns: Mapping[str, str]) -> str:
    """The statement that adds a row; `columns` are the parameters by column."""
    own = {entity.environment: "i_env"} if entity.environment else {}
    named = {**own, **columns}
    names = ", ".join(f'"{column}"' for column in named)
    values = ", ".join(f"%({parameter})s" for parameter in named.values())
    return f"insert into {entity.table} ({names}) values ({values}) returning {entity.identity}"


def insert_all(entity: Entity, columns: Sequence[str], types: Mapping[str, str]) -> str:
    """The statement that adds many rows; the parameter of a column is `all_COLUMN`, an array literal."""
    names = ", ".join(f'"{column}"' for column in columns)
    arrays = ", ".join(f"%(all_{column})s::{types[column]}[]" for column in columns)
    own, value = (f"{entity.environment}, ", "%(i_env)s, ") if entity.environment else ("", "")
    return f"insert into {entity.table} ({own}{names}) select {value}v.* from unnest({arrays}) v"


def update(entities: Entities, entity: Entity, actor: Actor, columns: Mapping[str, str]) -> str:
    """The statement that changes a reached row."""
    settings = ", ".join(f'"{column}" = %({parameter})s' for column, parameter in columns.items())
    return f"update {entity.table} t set {settings} where t.{entity.identity} = %(number)s and {reached(entities, entity, actor)}"


def detail(entities: Entities, entity: Entity, actor: Actor, columns: Mapping[str, str]) -> str:
    """The statement that changes the details of a reached row, or makes them."""
    names = "".join(f', "{column}"' for column in columns)
    values = "".join(f", %({parameter})s" for parameter in columns.values())
    settings = ", ".join(f'"{column}" = excluded."{column}"' for column in columns)
    return (
        f"insert into {entity.details} ({entity.identity}, i_env{names}) select t.{entity.identity}, t.i_env{values} from {entity.table} t "
        f"where t.{entity.identity} = %(number)s and {reached(entities, entity, actor)} on conflict ({entity.identity}) do update set {settings}"
    )


def delete(entities: Entities, entity: Entity, actor: Actor) -> str:
    """The statement that removes a reached row."""
    return f"delete from {entity.table} t where t.{entity.identity} = %(number)s and {reached(entities, entity, actor)}"
