"""
Many small writes as few statements: what is asked for in one turn of the reactor goes together, and what comes while statements run goes into the next one
(DESIGN.md 4, batches without a timer).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.interfaces.turn import Later, in_this_turn

T = TypeVar("T")
R = TypeVar("R")

#: Members of one statement.
MOST = 64


class Grouped(Generic[T, R]):
    """`run` takes some members and fires with one result for each, in their order. `abreast`: how many statements run at once."""

    def __init__(self, run: Callable[[Sequence[T]], Deferred[list[R]]], later: Later = in_this_turn, abreast: int = 2) -> None:
        self._run, self._later, self._room = run, later, abreast
        self._waiting: list[tuple[T, Deferred[R]]] = []

    def add(self, member: T) -> Deferred[R]:
        """Have it done; fails as the statement does that it is part of."""
        result: Deferred[R] = Deferred()
        self._waiting.append((member, result))
        if len(self._waiting) == MOST:
            self._next()
        elif len(self._waiting) == 1 and self._room:
            self._later(self._next)
        return result

    def _next(self) -> None:
        while self._room and self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._room -= 1
            done = self._run([member for member, _ in group])
            _ = done.addCallbacks(self._done, self._failed, callbackArgs=(group,), errbackArgs=(group,))

    def _done(self, results: list[R], group: list[tuple[T, Deferred[R]]]) -> None:
        self._room += 1
        self._next()
        for (_, waits), result in zip(group, results, strict=True):
            waits.callback(result)

    def _failed(self, failure: Failure, group: list[tuple[T, Deferred[R]]]) -> None:
        self._room += 1
        self._next()
        for _, waits in group:
            waits.errback(failure)
