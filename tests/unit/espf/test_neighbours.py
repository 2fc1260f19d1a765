"""Which deliveries of one handler wait for each other, since they speak of one external key."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.neighbours import Keys, Neighbours
from portaswitch.espf.verdicts import Ended
from portaswitch.model.notification import Verdict

ONE, TWO, THREE = "account:1", "account:2", "account:3"
CARD: Keys = {"imsi": ("001",)}
OTHER: Keys = {"imsi": ("002",), "msisdn": ("447",)}


class NeighbourTests(SynchronousTestCase):
    """Those that are being told."""

    def setUp(self) -> None:
        """One of them has a card."""
        self.neighbours = Neighbours()
        self.neighbours.enter(ONE, (CARD,))

    def refused(self, entity: str, *keys: Keys) -> Ended:
        """Why one has to wait."""
        with self.assertRaises(Ended) as caught:
            self.neighbours.enter(entity, keys)
        end: Ended = caught.exception
        return end

    def test_key_in_common(self) -> None:
        """Who wants or has a key of another one that is being told waits, without an attempt that counts; when that one is through it goes on."""
        end = self.refused(TWO, OTHER, CARD)
        self.assertEqual((end.verdict, end.asked, end.delay > 0), (Verdict.RETRY, False, True))
        self.neighbours.leave(ONE)
        self.neighbours.enter(TWO, (OTHER, CARD))
        self.refused(ONE, CARD)

    def test_nothing_in_common(self) -> None:
        """Others go side by side; a value of another name, an empty one and those that many have are nothing in common."""
        self.neighbours.enter(TWO, ({"msisdn": ("001",)},))
        self.neighbours.enter(ONE, ({"iccid": ("",), "package": ("sports",)},), frozenset({"package"}))
        self.neighbours.enter(THREE, ({"iccid": ("",), "package": ("sports",)},), frozenset({"package"}))

    def test_more_keys(self) -> None:
        """Who takes a key speaks of all keys of the one that had it, and of its own as before."""
        self.neighbours.enter(ONE, (OTHER,))
        self.refused(TWO, {"msisdn": ("447",)})
        self.refused(TWO, CARD)

    def test_one_that_waits_holds_nothing(self) -> None:
        """Its keys are free for others."""
        self.refused(TWO, OTHER, CARD)
        self.neighbours.enter(THREE, (OTHER,))

    def test_spoiled(self) -> None:
        """A record that was read before a key was taken from it is no longer right, until it is read again."""
        self.neighbours.reading()
        self.assertFalse(self.neighbours.spoiled(TWO))
        self.neighbours.takes(TWO)
        self.assertTrue(self.neighbours.spoiled(TWO))
        self.neighbours.reading()
        self.assertFalse(self.neighbours.spoiled(TWO))
