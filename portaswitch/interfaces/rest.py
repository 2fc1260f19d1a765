"""Rests between the pages of long work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

#: Waits between two pages; False says that the work has to end, because the server does (`jobs.Paged.rest`).
Rest = Callable[[], Coroutine[Any, Any, bool]]


async def at_once() -> bool:
    """No rest, for who asks for the whole."""
    return True
