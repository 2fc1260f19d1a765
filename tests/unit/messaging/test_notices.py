"""What the server tells subscribers by texts of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from portaswitch.interfaces.messages import INotices, INotifier
from portaswitch.interfaces.rest import Rest
from portaswitch.messaging.notices import Notices
from portaswitch.model.message import Notice, Occasion

LOW = Notice(7, Occasion.BALANCE, 1, "101", {"balance": "0.90", "currency": "CAD"})
PAID = Notice(8, Occasion.TOPUP, 1, "102", {"amount": "5.00", "balance": "6.00", "currency": "CAD"})


@implementer(INotices, INotifier)
class World:
    """A table of what is to be told, and who tells it."""

    def __init__(self, *waiting: Notice) -> None:
        self.waiting = list(waiting)
        self.looked: list[tuple[list[Occasion], Decimal]] = []
        self.texts: list[tuple[str, str, str]] = []

    def notice(self, occasions: Collection[Occasion], low: Decimal, rest: Rest) -> Deferred[None]:
        """The table."""
        self.looked.append((list(occasions), low))
        return succeed(None)

    def unsent(self, limit: int) -> Deferred[list[Notice]]:
        """The table."""
        return succeed(self.waiting[:limit])

    def sent(self, notices: Sequence[Notice]) -> Deferred[None]:
        """The table."""
        self.waiting = [notice for notice in self.waiting if notice not in notices]
        return succeed(None)

    def purge(self, rest: Rest) -> Deferred[None]:
        """The table."""
        return succeed(None)

    def notify(self, i_env: int, account: str, text: str, key: str = "") -> Deferred[bool]:
        """Who tells it."""
        self.texts.append((account, text, key))
        return succeed(True)


class NoticesTests(SynchronousTestCase):
    """One pass."""

    def run_once(self, world: World, texts: dict[Occasion, str]) -> None:
        """A pass with these texts."""
        self.successResultOf(Deferred.fromCoroutine(Notices(world, world, texts, Decimal(1)).run()))

    def test_told(self) -> None:
        """Each notice as its occasion's text, under a key of its own; then nothing is left."""
        world = World(LOW, PAID)
        self.run_once(world, {Occasion.BALANCE: "{balance} {currency} left", Occasion.TOPUP: "{amount} more"})
        self.assertEqual(world.looked, [([Occasion.BALANCE, Occasion.TOPUP], Decimal(1))])
        self.assertEqual(world.texts, [("101", "0.90 CAD left", "notice/7"), ("102", "5.00 more", "notice/8")])
        self.assertEqual(world.waiting, [])

    def test_off(self) -> None:
        """Without a text nothing is looked for; what was noticed before its text was taken away is not told."""
        world = World(LOW)
        self.run_once(world, {})
        self.assertEqual((world.looked, world.texts), ([], []))
        self.run_once(world, {Occasion.TOPUP: "x"})
        self.assertEqual((world.texts, world.waiting), ([], []))
