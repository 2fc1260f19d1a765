"""
Bounded memories: a dictionary whose oldest entries go when it has too many.

A dictionary finds its first entry by passing the places of all that were removed before it, so that taking the oldest one each time costs as many steps as
entries went since it was last built anew: a hundred microseconds, where two hundred thousand sessions are remembered. So some go at once.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

TOGETHER: Final = 256
"""Entries that go at once, at most; few enough that freeing them is no turn that others wait for."""


def forget_oldest(entries: dict[Key, Value], most: int) -> None:
    """Keep at most `most`; once there are more, an eighth of them (TOGETHER at most) makes room for those that follow."""
    if len(entries) > most:
        for key in list(islice(entries, len(entries) - most + min(TOGETHER, most // 8))):
            del entries[key]
