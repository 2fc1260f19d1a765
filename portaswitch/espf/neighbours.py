"""
External keys of the entities that are being told, so that no two deliveries speak of one key at once (DESIGN.md 5.3).

What the vendor is told of an entity depends on its record, and whoever takes a key changes the record of the one that had it:

    reading    records of a page are about to be read            enter     a delivery begins, with the keys of its record and those that it wants
    spoiled    a key was taken from it since: it is read anew     leave     what became of it is written
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from portaswitch.espf.verdicts import Ended
from portaswitch.model.notification import Verdict

#: Seconds after which one is tried again that waits for another entity's delivery.
BUSY_NEIGHBOUR: Final = 1.0

Keys = Mapping[str, Sequence[str]]


class Neighbours:
    """Those of one handler instance in this process; another process does not run it meanwhile."""

    def __init__(self) -> None:
        self._keys: dict[str, frozenset[tuple[str, str]]] = {}
        self._spoiled: set[str] = set()

    def reading(self) -> None:
        """What was changed before is seen by who reads now."""
        self._spoiled.clear()

    def spoiled(self, entity: str) -> bool:
        """Whether a key was taken from it since `reading`."""
        return entity in self._spoiled

    def enter(self, entity: str, keys: Iterable[Keys], shared: frozenset[str] = frozenset()) -> None:
        """A delivery speaks of these keys too from now on, but for those that are many entities'. Errors: `Ended` while another one does."""
        own = frozenset((name, value) for some in keys for name, values in some.items() if name not in shared for value in values if value)
        for other, held in self._keys.items():
            if other != entity and held & own:
                raise Ended(Verdict.RETRY, f"{other}, with which it has or wants a key in common, is being told", BUSY_NEIGHBOUR, asked=False)
        self._keys[entity] = self._keys.get(entity, frozenset()) | own

    def takes(self, entity: str) -> None:
        """The record of another entity is changed."""
        self._spoiled.add(entity)

    def leave(self, entity: str) -> None:
        """What became of its delivery is written."""
        self._keys.pop(entity, None)
