"""What `dataclasses` looks at and does, for classes that were written out (`compiled/written_out.py` of the source tree)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def described(made: type[Any], columns: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Tell of the class's fields, as name and what it has no part in (`init`, `repr` ...): for `fields`, `asdict` and match statements."""
    words: dict[str, Any]
    told: list[Any] = []
    for name, without in columns:
        words = dict.fromkeys(without, False)
        told.append((name, Any, dataclasses.field(**words)))
    shadow = dataclasses.make_dataclass(made.__name__, told)
    for name in ("__dataclass_fields__", "__dataclass_params__", "__match_args__"):
        setattr(made, name, getattr(shadow, name))


def asdict(value: Any) -> dict[str, Any]:
    """See `dataclasses.asdict`."""
    return dataclasses.asdict(value)


def replace(value: T, **changes: Any) -> T:
    """See `dataclasses.replace`."""
    return cast(T, dataclasses.replace(cast(Any, value), **changes))
