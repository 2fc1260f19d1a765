"""Duplicate detection: what is the same request, how long it is remembered, and how much of it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.duplicates import Duplicates

PEER, OTHER = ("192.0.2.1", 1000), ("192.0.2.2", 1000)
ONE, TWO = b"1" * 16, b"2" * 16


class DuplicateTests(SynchronousTestCase):
    """A memory of 10 s and three requests of each address."""

    def setUp(self) -> None:
        """A new one."""
        self.clock = Clock()
        self.known = Duplicates(self.clock.seconds, 10.0, 3)

    def test_same(self) -> None:
        """Address, port, Identifier and authenticator: any other is another request."""
        entry = self.known.add(PEER, 5, ONE)
        self.assertIs(self.known.find(PEER, 5, ONE), entry)
        for other in ((PEER, 5, TWO), (PEER, 6, ONE), ((PEER[0], 1001), 5, ONE), (OTHER, 5, ONE)):
            self.assertIsNone(self.known.find(*other))

    def test_replaced(self) -> None:
        """The same Identifier with another authenticator replaces; the old one's end does not hurt the new one."""
        old = self.known.add(PEER, 5, ONE)
        new = self.known.add(PEER, 5, TWO)
        self.known.discard(PEER, 5, old)
        self.assertEqual((self.known.find(PEER, 5, ONE), self.known.find(PEER, 5, TWO)), (None, new))
        self.known.discard(PEER, 5, new)
        self.assertIsNone(self.known.find(PEER, 5, TWO))

    def test_window(self) -> None:
        """Old ones go when new ones of the peer come, and by sweeping when it is silent."""
        self.known.add(PEER, 1, ONE)
        self.known.add(OTHER, 1, ONE)
        self.clock.advance(10.5)
        self.known.add(PEER, 2, ONE)
        self.assertEqual((self.known.find(PEER, 1, ONE), len(self.known)), (None, 2))
        self.known.sweep()
        self.assertEqual((self.known.find(OTHER, 1, ONE), len(self.known)), (None, 1))
        self.clock.advance(10.5)
        self.known.sweep()
        self.assertEqual((len(self.known), len(self.known._order)), (0, 0))

    def test_flood(self) -> None:
        """A flood pushes out its own entries only, oldest first."""
        kept = self.known.add(OTHER, 1, ONE)
        for identifier in range(200):
            self.known.add(PEER, identifier, ONE)
        self.assertEqual((len(self.known), self.known.find(OTHER, 1, ONE)), (4, kept))
        self.assertEqual([self.known.find(PEER, identifier, ONE) is not None for identifier in (196, 197, 199)], [False, True, True])

    def test_discarded_ones_do_not_pile_up(self) -> None:
        """Requests that failed leave nothing behind that grows."""
        for number in range(1000):
            self.known.discard(PEER, number % 256, self.known.add(PEER, number % 256, ONE))
        self.assertEqual(len(self.known), 0)
        self.assertLessEqual(len(self.known._order[PEER[0]]), 3)
