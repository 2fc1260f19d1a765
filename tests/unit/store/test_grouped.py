"""Many small writes as few statements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.store.grouped import MOST, Grouped


class GroupedTests(SynchronousTestCase):
    """A statement that the test ends."""

    def setUp(self) -> None:
        """One statement at a time."""
        self.running: list[tuple[Sequence[int], Deferred[list[str]]]] = []

        def run(members: Sequence[int]) -> Deferred[list[str]]:
            self.running.append((members, Deferred()))
            return self.running[-1][1]

        self.grouped: Grouped[int, str] = Grouped(run, abreast=1)

    def test_groups(self) -> None:
        """The first goes alone, what comes meanwhile together, in order, up to the most of a statement."""
        results = [self.grouped.add(number) for number in range(MOST + 3)]
        self.assertEqual([members for members, _ in self.running], [[0]])
        self.running[0][1].callback(["0"])
        self.assertEqual(list(self.running[1][0]), list(range(1, MOST + 1)))
        self.running[1][1].callback([str(number) for number in self.running[1][0]])
        self.assertEqual(list(self.running[2][0]), [MOST + 1, MOST + 2])
        self.assertEqual([self.successResultOf(result) for result in results[: MOST + 1]], [str(number) for number in range(MOST + 1)])
        self.assertNoResult(results[-1])

    def test_failure(self) -> None:
        """A statement that fails is everybody's who is part of it, and nobody else's."""
        first, second, third = (self.grouped.add(number) for number in range(3))
        self.running[0][1].callback(["0"])
        self.running[1][1].errback(ValueError())
        self.successResultOf(first)
        self.failureResultOf(second, ValueError)
        self.failureResultOf(third, ValueError)
        fourth = self.grouped.add(4)
        self.running[2][1].callback(["4"])
        self.assertEqual(self.successResultOf(fourth), "4")


class TurnTests(SynchronousTestCase):
    """What comes in one turn of the reactor goes together."""

    def test_one_statement(self) -> None:
        """Nothing before the turn is over but a full statement; then all the others."""
        clock, running = Clock(), list[Sequence[int]]()

        def run(members: Sequence[int]) -> Deferred[list[str]]:
            running.append(members)
            return Deferred()

        grouped: Grouped[int, str] = Grouped(run, partial(clock.callLater, 0))
        for number in range(MOST + 2):
            _ = grouped.add(number)
        self.assertEqual([len(members) for members in running], [MOST])
        clock.advance(0)
        self.assertEqual(running[1:], [[MOST, MOST + 1]])
