"""
What operators work with, as data: entities with their fields, and the operations on them.

One table describes an entity to everybody: the command line makes its options of the fields, the store its statements, the API its keys, and the audit knows
what to leave out. An operation is a name, arguments, the privilege it takes, and a function in one transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from portaswitch.errors import PortaSwitchError
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.text_values import LINE, TextKind

Row = Mapping[str, Any]
"""Values by the names of fields. Of what exists also `_id`, its number, and of each reference FIELD its number under `_FIELD`."""


class Mark(Enum):
    """What is special about a field."""

    REQUIRED = "required"  # an addition must name it
    FILLED = "filled"  # it may be left out, and never be emptied
    FIXED = "fixed"  # it can't be changed later
    READ_ONLY = "read only"  # no person sets it
    SELF_CARE = "self care"  # customers and accounts may change it for themselves
    SECRET = "secret"  # sealed at rest, never shown, logged or audited
    HASHED = "hashed"  # of a secret: kept as a slow hash, by which it can be tried and not read
    DETAIL = "detail"  # left out of lists
    PLACE = "place"  # an argument that stands without its name, in the order of the fields
    MONEY = "money"  # changed with the privilege for money
    INTERNAL = "internal"  # for operators: in self-care it is not seen
    ADMIN = "admin"  # set by administrators: what a reseller pays


class Place(Enum):
    """Where a field's column is: in its entity's table, or in the one of its details. By these names `store.work_sql` calls the two."""

    OWN = "t"
    DETAILS = "d"


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field under the name that operators and the API use. `column` '' is the same name; `refers` is the entity whose number the column
    holds while people write the name. `place` says in which of its entity's two tables the column is.
    """

    name: str
    help: str
    kind: TextKind = LINE
    marks: frozenset[Mark] = frozenset()
    column: str = ""
    refers: str = ""
    place: Place = Place.OWN

    @property
    def stored(self) -> str:
        """The column."""
        return self.column or self.name

    def has(self, mark: Mark) -> bool:
        """Whether it bears a mark."""
        return mark in self.marks


@dataclass(frozen=True, slots=True)
class Entity:
    """
    A table as operators see it.

    `key` is the field by which people name a row (unique in the environment, or below its `parent`, the field that refers to the outer thing). `customer` and
    `account` are the columns that say whose a row is, '' when it belongs to the environment as a whole: then only administrators reach it. `privilege` is what
    adding, changing and removing takes. `environment` is the column of the environment, '' where the row is in that of its outer thing. `order` sorts lists.
    `details` is a second table with at most one row of the same identity, made with the first value that is set there. What is `shared` is the environment's,
    and resellers see it too, to build on; only administrators change it.
    """

    name: str
    help: str
    table: str
    identity: str
    key: str
    privilege: Privilege
    fields: tuple[Field, ...]
    customer: str = ""
    account: str = ""
    parent: str = ""
    order: str = ""
    environment: str = "i_env"
    details: str = ""
    shared: bool = False

    def field(self, name: str) -> Field:
        """The field of that name; KeyError when there is none."""
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(f"{self.name} has no field {name}")


class OperationRefused(PortaSwitchError):
    """An operation that was not done, and nothing was changed: all its faults, each a line that says what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults: tuple[str, ...] = tuple(faults)


class RefusedButNoted(OperationRefused):
    """An operation that was not done, while what it noted (a wrong try) stands: its transaction is committed."""


class NotPermitted(OperationRefused):
    """The actor may not do that at all."""


class NotThere(OperationRefused):
    """What the operation names does not exist where the actor can see: it says no more than that."""


class MayHaveHappened(PortaSwitchError):
    """The connection was lost while the operation committed: with its key it can be repeated, and is done once."""


Outcome = Row | list[Row]
Body = Callable[[Any, Actor, Mapping[str, Any]], Awaitable[Outcome]]
"""`(IWork, actor, values) -> what it gives`, inside one transaction; `values` by the names of the arguments, only those that were given."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A key, the operation that it stands for, and the digest of the values that were asked for."""

    key: str
    operation: str
    digest: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One of several who ask for the same operation at once: the values, and the request that joins it with the logs."""

    values: Mapping[str, Any]
    request: str | None = None


Together = Callable[[Any, Actor, Sequence[Asked]], Awaitable[Sequence[Outcome | OperationRefused]]]
"""`(IWork, actor, asked) -> what each gives`: many at once in one transaction. A refusal of one is its outcome, and keeps no other back."""


def any_values(values: Mapping[str, Any]) -> bool:
    """That any values may join others."""
    return True


@dataclass(frozen=True, slots=True)
class Operation:
    """
    Something an operator can do: `name` is 'entity.verb', or 'entity.thing.verb' for what belongs to an entity. Money moves only in operations of the
    privileges in `KEYED`, which take a key so that a repetition is done once (`operations.desk`). An operation that changes nothing is of the privilege READ.
    `secrets` are names in the answer that are told once and never kept. In self-care customers and accounts may only look, and do what is marked for it.
    `together` does many at once (no argument of it refers to anything); `joins` says of some values whether it may. `others` are privileges that open it too;
    who may set each field is asked again.
    """

    name: str
    help: str
    privilege: Privilege
    run: Body
    arguments: tuple[Field, ...] = ()
    examples: str = ""
    columns: tuple[str, ...] = field(default=())
    secrets: tuple[str, ...] = field(default=())
    self_care: bool = False
    together: Together | None = None
    joins: Callable[[Mapping[str, Any]], bool] = any_values
    others: frozenset[Privilege] = frozenset()

    def open_to(self, actor: Actor) -> bool:
        """Whether one of its privileges is the actor's."""
        return any(actor.may(privilege) for privilege in (self.privilege, *self.others))

    @property
    def words(self) -> tuple[str, str]:
        """Entity (with the thing that belongs to it) and verb."""
        entity, _, verb = self.name.rpartition(".")
        return entity, verb


KEYED: Final = frozenset({Privilege.MONEY, Privilege.RECHARGE})
"""What moves money."""

CLEAR: Final = "null"
"""What people write to empty a field."""


def audited(entity: Entity, row: Row) -> dict[str, Any]:
    """A row as the audit keeps it: without secrets."""
    return {one.name: row[one.name] for one in entity.fields if one.name in row and not one.has(Mark.SECRET)}
