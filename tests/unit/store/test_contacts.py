"""What is remembered of contacts: for how long, for how many messages, and what is dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.message import Callee, Contact
from portaswitch.store.contacts import LASTS, Contacts

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BOB = 1, ("b", "b@x")


def contact(i_account: int = 2, seconds: int = 3600, number: int = 1) -> Contact:
    """A contact that lasts so long."""
    return Contact(i_account, f"sip:{number}@192.0.2.1", "UDP", "192.0.2.1", 5060, "udp", "c", 1, NOW + timedelta(seconds=seconds), i_contact=number)


class ContactsTests(SynchronousTestCase):
    """A memory of three accounts."""

    def setUp(self) -> None:
        """Bob, to whom five more messages may be accepted."""
        self.now = NOW
        self.memory = Contacts(lambda: self.now, 3)
        self.memory.keep_callee(BOB, Callee(2, "b", (contact(),), 95), 5)

    def found(self, times: int = 1) -> list[bool]:
        """Whether Bob is known, so often."""
        return [self.memory.callee(BOB) is not None for _ in range(times)]

    def test_counted(self) -> None:
        """So many messages, then those that wait are counted again; who can't be reached is never remembered."""
        self.assertEqual(self.found(7), [True] * 5 + [False] * 2)
        self.memory.keep_callee(BOB, Callee(2, "b"), 100)
        self.assertEqual(self.found(), [False])

    def test_time(self) -> None:
        """Until one of the contacts is over, and a minute at most."""
        self.now = NOW + LASTS - timedelta(seconds=1)
        self.assertEqual(self.found(), [True])
        self.now = NOW + LASTS
        self.assertEqual(self.found(), [False])
        self.memory.keep(2, (contact(), contact(seconds=65)))
        self.now = NOW + timedelta(seconds=65)
        self.assertIsNone(self.memory.contacts(2))

    def test_changed(self) -> None:
        """What this process writes is known at once by all names."""
        self.memory.keep(2, (contact(number=9),))
        callee = self.memory.callee(BOB)
        assert callee is not None
        self.assertEqual([one.i_contact for one in callee.contacts], [9])
        self.memory.keep(2, ())
        self.assertEqual((self.found(), self.memory.contacts(2)), ([False], ()))

    def test_heard(self) -> None:
        """Others' changes are dropped, one's own are not; of subscribers an account, or all."""
        for payload, known in (("me/1 2,3", True), ("other/7 3", True), ("", True), ("other/7 3,2", False)):
            self.memory.heard(payload, "me/1")
            self.assertEqual(self.memory.contacts(2) is not None, known, payload)
        for payload, known in (("c:2", True), ("a:3", True), ("a:2", False), ("*", False)):
            self.memory.keep(2, (contact(),))
            self.memory.heard_of_subscriber(payload)
            self.assertEqual(self.memory.contacts(2) is not None, known, payload)

    def test_read_meanwhile(self) -> None:
        """What was dropped while the table was read is not remembered from that reading."""
        looking = self.memory.looking()
        self.assertTrue(looking.holds(2))
        self.memory.drop(2)
        self.assertEqual((looking.holds(2), looking.holds(3)), (False, True))
        self.memory.drop_all()
        self.assertFalse(looking.holds(3))
        self.memory.seen(looking)
        self.memory.drop(4)
        self.assertTrue(self.memory.looking().holds(4))

    def test_bounded(self) -> None:
        """The one that was written longest ago goes."""
        for number in (3, 4, 5):
            self.memory.keep(number, (contact(number),))
        self.assertEqual([self.memory.contacts(number) is not None for number in (2, 3, 4, 5)], [False, True, True, True])
