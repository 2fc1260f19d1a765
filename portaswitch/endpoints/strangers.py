"""Who is told of in the log although nobody we know: one line a minute for each, whatever floods come."""

from __future__ import annotations

from collections.abc import Callable

#: Seconds between two log lines on one stranger, and how many strangers are remembered.
EVERY, MOST = 60.0, 1000


class Strangers:
    """Remembers whom the log has told of. `seconds` is a steady clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def worth_a_line(self, name: str) -> bool:
        """Whether the log should tell of this one now."""
        now = self._seconds()
        if now - self._told.get(name, -EVERY) < EVERY:
            return False
        for oldest, told in list(self._told.items()) if len(self._told) >= MOST else ():
            if now - told < EVERY:
                break
            del self._told[oldest]
        if len(self._told) >= MOST:
            return False  # so many strangers in a minute are forged; the counter tells
        self._told.pop(name, None)
        self._told[name] = now
        return True

    def __len__(self) -> int:
        return len(self._told)
