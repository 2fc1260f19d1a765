"""
What a vendor's system does on HTTP, as data: operations with their templates and answers, and the laws of its records. `template` has the system that does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.simulators.matching import KINDS


class Effect(Enum):
    """What an operation does to the record of its key."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    QUERY = "query"
    RENAME = "rename"  # the new key is the field `new`
    LOGIN = "login"  # fields `user` and `password`; its answer has {token}
    POLL = "poll"  # what became of {order}: its answer has {state} PENDING, DONE or FAILED
    ADD = "add"  # {item} becomes a member of the record, or changes as one
    DROP = "drop"  # {item} is none any more


#: Why an operation has the answer that it has, and the HTTP status of that answer where the description has none.
STATUS = {"done": 200, "accepted": 202, "refused": 400, "denied": 401, "missing": 404, "exists": 409, "busy": 503}


@dataclass(frozen=True)
class Answer:
    """An answer: the body is a template of values, of the record's fields, and of {error}."""

    status: int
    body: str = ""
    kind: str = "json"


@dataclass(frozen=True)
class Operation:
    """
    An operation. `sets` are fields that it sets by being called; with `later` it is done that many seconds after it was accepted.

    `replies` are its answers by outcome; those that it has not are the description's, else empty.
    """

    name: str
    effect: Effect
    method: str
    path: str
    kind: str = "json"
    body: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    later: int = 0
    replies: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """
    A vendor: the field that is the key; `user` and `password` of HTTP Basic or of a log-in, whose token is then sent in the header `token`.

    Its laws: no two records have the same value of a field that is `unique`; a field that is `known` has one of these values. A field without a value
    breaks neither.
    """

    key: str
    operations: tuple[Operation, ...]
    unique: tuple[str, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replies: Mapping[str, Answer] = field(default_factory=dict)
    user: str = ""
    password: str = ""
    token: str = ""


def described(data: Mapping[str, Any]) -> Description:
    """Read a description; ValueError or TypeError when it has words that are not known."""
    rest = dict(data)
    operations = tuple(_operation(name, dict(values)) for name, values in rest.pop("operations").items())
    return Description(operations=operations, replies=_answers(rest.pop("replies", {})), **rest)


def _operation(name: str, values: dict[str, Any]) -> Operation:
    effect, replies, kind = Effect(values.pop("effect")), _answers(values.pop("replies", {})), values.get("kind", "json")
    if kind not in KINDS:
        raise ValueError(f"{name}: kind {kind} is none of {', '.join(KINDS)}")
    return Operation(name, effect, replies=replies, **values)


def _answers(data: Mapping[str, Any]) -> dict[str, Answer]:
    if strange := set(data) - set(STATUS):
        raise ValueError(f"outcome {min(strange)} is none of {', '.join(STATUS)}")
    return {outcome: Answer(**{"status": STATUS[outcome], **values}) for outcome, values in data.items()}
