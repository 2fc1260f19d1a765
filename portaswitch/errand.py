"""
Coroutines that nobody cancels, for paths that thousands take a second: there `Deferred.fromCoroutine`, which copies a context and keeps what a cancellation
would need, costs more than what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from twisted.python.failure import Failure

T = TypeVar("T")
_UNDER_WAY: Final = object()


def run(work: Coroutine[Any, Any, T], done: Callable[..., object], failed: Callable[..., object], *about: object) -> None:
    """Run a coroutine that awaits Deferreds: `done` gets its result, or `failed` its Failure, and what it is `about`. What these raise is nobody's to catch."""
    _Errand(work, done, failed, about).go(None)


class _Errand:
    __slots__ = ("_about", "_done", "_failed", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any], done: Callable[..., object], failed: Callable[..., object], about: tuple[object, ...]) -> None:
        self._work, self._done, self._failed, self._about = work, done, failed, about

    def go(self, came: Any) -> None:
        """Go on to the next Deferred, or to the end."""
        result: Any = _UNDER_WAY
        try:
            waits = self._work.send(came) if not isinstance(came, Failure) else came.throwExceptionIntoGenerator(self._work)
        except StopIteration as end:
            result = end.value
        except Exception:
            result = Failure()
        if result is _UNDER_WAY:
            waits.addBoth(self.go)
        elif isinstance(result, Failure):
            self._failed(result, *self._about)
        else:
            self._done(result, *self._about)
