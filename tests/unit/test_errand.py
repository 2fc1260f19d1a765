"""Coroutines that are run without a Deferred of their own."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errand import run


class ErrandTests(SynchronousTestCase):
    """What is told, and when."""

    def setUp(self) -> None:
        self.told: list[Any] = []

    def done(self, result: object, *about: object) -> None:
        """It ended."""
        self.told.append((result, *about))

    def failed(self, failure: Failure, *about: object) -> None:
        """It raised."""
        self.told.append((failure.type, *about))

    def test_waits(self) -> None:
        """It goes on as each Deferred fires, those that have fired before at once, and ends with its result."""
        first, second = Deferred[int](), Deferred[int]()

        async def work() -> int:
            return await succeed(1) + await first + await second

        run(work(), self.done, self.failed, "sum", 3)
        first.callback(10)
        self.assertEqual(self.told, [])
        second.callback(100)
        self.assertEqual(self.told, [(111, "sum", 3)])
        self.assertEqual(self.successResultOf(second), None)

    def test_failures(self) -> None:
        """A failure is raised where it was awaited; one that is not caught there ends it, and is nobody else's."""
        waits = [Deferred[None](), Deferred[None]()]

        async def work() -> None:
            try:
                await waits[0]
            except KeyError:
                await waits[1]

        run(work(), self.done, self.failed)
        waits[0].errback(KeyError("caught"))
        self.assertEqual(self.told, [])
        waits[1].errback(ValueError("not caught"))
        self.assertEqual(self.told, [(ValueError,)])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_at_once(self) -> None:
        """What never waits is over at once, a returned None too."""

        async def work(error: Exception | None) -> None:
            if error is not None:
                raise error

        run(work(None), self.done, self.failed)
        run(work(KeyError()), self.done, self.failed, 1)
        self.assertEqual(self.told, [(None,), (KeyError, 1)])
