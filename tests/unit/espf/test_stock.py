"""What a runner claims ahead of its turn."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.stock import AHEAD, OLD, WINDOW, Claimed, Stock
from portaswitch.model.notification import Notification
from portaswitch.model.subscriber import NO_RECORD
from tests.unit.espf.fakes import event


def claimed(number: int, lane: int = 1) -> Claimed:
    """A notification that was claimed."""
    return Claimed(Notification(number, 1, event(number=number), lane=lane), None, NO_RECORD)


class StockTests(SynchronousTestCase):
    """`Stock`."""

    def setUp(self) -> None:
        """Nothing in it."""
        self.clock = Clock()
        self.stock = Stock(self.clock.seconds, 200)

    def pace(self, ended: int) -> None:
        """So many deliveries end within the time over which the pace is measured."""
        for _ in range(ended):
            self.stock.ended(1)
        self.clock.advance(WINDOW)

    def test_as_much_as_is_delivered_in_a_moment(self) -> None:
        """Nothing for who has delivered nothing, never more than the most, and half of it is enough."""
        self.assertEqual((self.stock.lacks, self.stock.ample), (0, False))
        self.pace(40)
        self.assertEqual(self.stock.lacks, int(40 / WINDOW * AHEAD))
        for number in range(50):
            self.stock.add(claimed(number))
        self.assertTrue(self.stock.ample)
        self.stock.take()
        self.assertFalse(self.stock.ample)
        self.pace(1000)
        self.assertEqual(self.stock.lacks + self.stock.size, 200)
        self.clock.advance(60)
        self.assertEqual(self.stock.lacks, 0)

    def test_lanes(self) -> None:
        """What users wait for comes first; after an urgent one the queue is asked whatever there is."""
        for number, lane in ((1, 1), (2, 0), (3, 1), (4, 0)):
            self.stock.add(claimed(number, lane))
        self.assertEqual([self.stock.take().notification.i_notification for _ in range(4)], [2, 4, 1, 3])
        self.pace(4)
        self.assertEqual(self.stock.lacks, 10)
        for number in range(10):
            self.stock.add(claimed(number))
        self.stock.ended(0)
        self.assertEqual((self.stock.ample, self.stock.lacks), (False, 1))
        self.stock.asked()
        self.assertEqual((self.stock.ample, self.stock.lacks), (True, 0))

    def test_what_stands_still(self) -> None:
        """It goes back long before its lease ends."""
        self.stock.add(claimed(1))
        self.assertFalse(self.stock.old)
        self.clock.advance(OLD + 1)
        self.assertTrue(self.stock.old)
        self.assertEqual([one.notification.i_notification for one in self.stock.clear()], [1])
        self.assertEqual((self.stock.size, self.stock.old), (0, False))
