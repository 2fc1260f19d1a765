"""Messages that are proven and charged in one request: whose they are, who carries them, and what is kept with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import attempts
from portaswitch.billing.session import decide
from portaswitch.billing.tries import Tries
from portaswitch.model.ledger import Member
from portaswitch.model.message import Charge, Text
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Credentials, Decision, Kind, Login, Parties
from portaswitch.model.verify import Verify
from portaswitch.store import texts
from tests.unit.builders import AT, CARD, CARRIER, RATED, Book, catalogue, event, kept, money, prepaid, request

TEXT = Text(1, 7, "key", "alias", "a@x", "b@x", 102, "text/plain", b"\x00hi", "call", AT, AT, Charge.SETTLED)


class Word(Verify):
    """A password that is right or not."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def __call__(self, password: str) -> bool:
        """Compared as it is."""
        return self._word == password


def message(word: str = "right", identity: str = f"{CARD}@sip.example", **what: Any) -> AAARequest:
    """A message of the card, which says who it is."""
    parties = Parties(CARD, "6045550193", RATED, identity=identity)
    return replace(event(1), parties=parties, session="sip-1", credentials=Credentials(Login.DIGEST, Word(word)), text=TEXT, **what)


class MessageTests(SynchronousTestCase):
    """A prepaid account with a password."""

    def setUp(self) -> None:
        """Ten dollars."""
        view = prepaid()
        assert view.account is not None
        self.view = replace(view, account=replace(view.account, password="right"))

    def test_proven(self) -> None:
        """A wrong password, and another's address, are refused and cost nothing; no attempt is kept for who has not proven who it is."""
        for asked, refusal in ((message("wrong"), Refusal.INVALID_PASSWORD), (message(identity="102@sip.example"), Refusal.USER_DENIED)):
            outcome = decide(self.view, asked, catalogue())
            self.assertEqual((outcome.decision.refusal, outcome.change), (refusal, None))
        self.assertIsNone(attempts.failed(self.view, message("wrong"), Decision(refusal=Refusal.INVALID_PASSWORD), catalogue()))

    def test_carrier(self) -> None:
        """The peer that takes a message to the outside is charged as a vendor."""
        book = Book(self.view)
        self.assertIsNone(book.ask(message(kept=kept(remote_address=CARRIER))).refusal)
        self.assertEqual([row.storage.value for row in book.xdrs], ["a", "v"])
        self.assertLess(book.balance, money(10))

    def test_kept(self) -> None:
        """The text goes with its change, under the id of who pays; not with a change that only keeps a refused attempt, nor without one."""
        asked = message()
        outcome = decide(self.view, asked, catalogue())
        self.assertEqual(texts.of([Member(asked, "7/sip-1", 101)]), "")
        (row,) = json.loads(texts.of([Member(request(Kind.AUTH), "", 101, outcome.change), Member(asked, "7/sip-1", 101, outcome.change)]))
        self.assertEqual((row["pos"], row["key"], row["account"], row["body"], row["charge"]), (2, "key", CARD, "006869", "settled"))
        refused = attempts.failed(self.view, asked, Decision(refusal=Refusal.ZERO_BALANCE), catalogue())
        assert refused is not None
        self.assertEqual(texts.of([Member(asked, "7/sip-1", 101, refused)]), "")

    def test_guessing(self) -> None:
        """Wrong passwords of messages count as those of log-ins do."""
        tries = Tries(2, 60, Clock().seconds)
        for _ in range(2):
            self.assertFalse(tries.exceeded(message("wrong")))
            tries.told(message("wrong"), Decision(refusal=Refusal.INVALID_PASSWORD))
        self.assertTrue(tries.exceeded(message()))
