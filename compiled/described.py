"""What `dataclasses` looks at and does, for classes that were written out (`compiled/written_out.py` of the source tree)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
Changes = dict[str, Any]
_COPIES: Final[dict[type[Any], tuple[frozenset[str], Callable[[Any, Changes], Any]]]] = {}
"""By class the names of its fields, and what copies one of it with other values in some of them."""


def described(made: type[Any], columns: Iterable[tuple[str, tuple[str, ...]]], copied: Callable[[Any, Changes], Any] | None = None) -> None:
    """
    Tell of the class's fields, as name and what it has no part in (`init`, `repr` ...): for `fields`, `asdict` and match statements.

    :param copied: the compiled form of `replace`, where the class can have one
    """
    words: dict[str, Any]
    told: list[Any] = []
    for name, without in columns:
        words = dict.fromkeys(without, False)
        told.append((name, Any, dataclasses.field(**words)))
    shadow = dataclasses.make_dataclass(made.__name__, told)
    for name in ("__dataclass_fields__", "__dataclass_params__", "__match_args__"):
        setattr(made, name, getattr(shadow, name))
    if copied is not None:
        _COPIES[made] = frozenset(name for name, _ in columns), copied


def asdict(value: Any) -> dict[str, Any]:
    """See `dataclasses.asdict`."""
    return dataclasses.asdict(value)


def replace(value: T, **changes: Any) -> T:
    """See `dataclasses.replace`, which reads and writes field by field in Python: a tenth of the server's time when this was written."""
    known = _COPIES.get(value.__class__)
    if known is None or not known[0].issuperset(changes):
        return cast(T, dataclasses.replace(cast(Any, value), **changes))  # names the one that is no field
    return cast(T, known[1](value, changes))
