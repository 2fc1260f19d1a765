"""What a target allows: requests at once and a second."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import TransportFailed
from portaswitch.transports.limits import Gate


class GateTests(SynchronousTestCase):
    """Work starts when there is room, in order."""

    def setUp(self) -> None:
        """A clock, and what has started so far."""
        self.clock = Clock()
        self.started: list[tuple[float, Deferred[str]]] = []

    def work(self) -> Deferred[str]:
        """Note the start."""
        done: Deferred[str] = Deferred()
        self.started.append((self.clock.seconds(), done))
        return done

    def test_parallel(self) -> None:
        """The third of two at once waits until one has ended, whether well or badly."""
        gate = Gate(self.clock, 2, 0)
        results = [gate.run(self.work) for _ in range(3)]
        self.assertEqual(len(self.started), 2)
        self.started[0][1].errback(TransportFailed("lost"))
        self.assertEqual(len(self.started), 3)
        self.failureResultOf(results[0], TransportFailed)
        self.started[2][1].callback("c")
        self.assertEqual(self.successResultOf(results[2]), "c")

    def test_rate(self) -> None:
        """Five a second start a fifth of a second apart."""
        gate = Gate(self.clock, 10, 5)
        under_way = [gate.run(self.work) for _ in range(3)]
        self.clock.pump([0.1] * 5)
        self.assertEqual([round(at, 1) for at, _ in self.started], [0.0, 0.2, 0.4])
        self.assertNoResult(under_way[0])

    def test_withdrawn(self) -> None:
        """Cancelled before its turn, work never starts."""
        gate = Gate(self.clock, 1, 0)
        first, second = gate.run(self.work), gate.run(self.work)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.started[0][1].callback("a")
        self.assertEqual(self.successResultOf(first), "a")
        self.assertEqual(len(self.started), 1)

    def test_cancelled(self) -> None:
        """Cancelled in its turn, work is cancelled, and makes room for the next."""
        gate = Gate(self.clock, 1, 0)
        first, second = gate.run(self.work), gate.run(self.work)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(self.started), 2)
        self.started[1][1].callback("b")
        self.assertEqual(self.successResultOf(second), "b")

    def test_closed(self) -> None:
        """A closing gate fails what waits and what comes."""
        gate = Gate(self.clock, 1, 0)
        under_way, waiting = gate.run(self.work), gate.run(self.work)
        gate.close()
        self.failureResultOf(waiting, TransportFailed)
        self.started[0][1].callback("a")
        self.assertEqual(self.successResultOf(under_way), "a")
        self.failureResultOf(gate.run(self.work), TransportFailed)
