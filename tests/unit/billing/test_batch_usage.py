"""The queue and usage: a refusal that keeps what was used is told on money that was read, and what was set aside is counted and warned of."""

from __future__ import annotations

from dataclasses import replace

from twisted.logger import LogLevel, capturedLogs

from portaswitch.billing.flight import SUSPECTS
from portaswitch.model.party import Funds
from tests.unit.billing.deck import BatchCase
from tests.unit.builders import CARD, auth, money, stop


class RefusedWithUseTests(BatchCase):
    """A re-authorization that is refused on remembered money, and reports use."""

    def used_up(self) -> None:
        """A session that has used all its money, of a remembered card."""
        self.know(CARD)
        self.ask(auth(minimum=1))
        self.deck.land_all()

    def test_read_first(self) -> None:
        """It is refused, and its use kept, only when the money has been read."""
        self.used_up()
        (done,) = self.ask(auth(at=90, minimum=1, used=90))
        self.assertEqual([member.change for member in self.deck.land()], [None])
        self.assertEqual(self.word(done), "waits")
        self.deck.land_all()
        self.assertEqual((self.word(done), self.deck.sessions["7/s1"].quotas[0].used), ("insufficient_balance", 90))

    def test_topped_up_meanwhile(self) -> None:
        """A payment that nobody told us of: granted."""
        self.used_up()
        view = self.deck.views[101]
        self.deck.views[101] = replace(view, funds=Funds(view.funds.balance + money(1), view.funds.held))
        (done,) = self.ask(auth(at=90, minimum=1, used=90))
        self.deck.land_all()
        self.assertEqual((self.word(done), self.deck.sessions["7/s1"].quotas[0].granted), ("ok", 120))


class SuspectTests(BatchCase):
    """A report that can't be true."""

    def test_counted_and_warned(self) -> None:
        """Once, when it is kept; with the user and the reason."""
        before = SUSPECTS.get()
        with capturedLogs() as events:
            self.know(CARD)
            self.ask(auth())
            self.deck.land_all()
            (done,) = self.ask(stop(10**6, at=60))
            self.deck.land_all()
        (warned,) = [event for event in events if event.get("log_level") is LogLevel.warn]
        self.assertEqual((self.word(done), SUSPECTS.get() - before), ("ok", 1))
        self.assertEqual((warned["user"], warned["why"]), (CARD, "it used more seconds than have passed"))
        self.assertEqual(self.deck.views[101].funds, Funds(money("0.03"), money(0)))
