"""Log-ins at an outside system: one at a time, whose failure is that of all who waited for it, since systems lock accounts after some that they refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import CancelledError, DeferredLock

T = TypeVar("T")


class LogIns:
    """Of one target. After a failure of the kind `final` nobody is let in again: the handler stops, and starts with new ones."""

    def __init__(self, final: type[Exception]) -> None:
        self._final = final
        self._turn = DeferredLock()
        self._failure: Exception | None = None
        self._failures = 0

    async def run(self, log_in: Callable[[], Awaitable[T]]) -> T:
        """What `log_in` gives when its turn comes. Errors: its own, or those of one that failed while this one waited; who is cancelled is heard by nobody."""
        seen = self._failures
        await self._turn.acquire()
        try:
            if self._failure is not None and (self._failures != seen or isinstance(self._failure, self._final)):
                raise self._failure.with_traceback(None)
            return await self._tried(log_in)
        finally:
            self._turn.release()

    async def _tried(self, log_in: Callable[[], Awaitable[T]]) -> T:
        try:
            return await log_in()
        except CancelledError:
            raise
        except Exception as error:
            self._failure, self._failures = error, self._failures + 1
            raise
