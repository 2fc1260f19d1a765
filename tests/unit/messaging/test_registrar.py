"""What a REGISTER makes of the contacts of an account (RFC 3261 10.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from portaswitch.interfaces.messages import ILocations
from portaswitch.messaging.registrar import Registrar
from portaswitch.model.message import Callee, Contact
from portaswitch.model.registration import Bound, NotBound, Registration, Terms, Wish

NOW = datetime(2026, 11, 29, tzinfo=UTC)
TERMS = Terms(shortest=60, longest=7200, usual=3600, most=3)


def contact(uri: str, call_id: str = "", cseq: int = 0) -> Contact:
    """A contact by its URI."""
    return Contact(0, uri, "UDP", "192.0.2.1", 5060, "udp", call_id, cseq, NOW)


def asked(*wishes: Wish, call_id: str = "a", cseq: int = 1, everything: bool = False) -> Registration:
    """A REGISTER of account 7."""
    return Registration(7, call_id, cseq, wishes, everything, str.__eq__)


@implementer(ILocations)
class Table:
    """The contacts of one account."""

    def __init__(self) -> None:
        self.rows: list[Contact] = []

    def callee(self, i_env: int, names: Sequence[str]) -> Deferred[Callee | None]:
        """Not asked for here."""
        return succeed(None)

    def contacts(self, i_account: int) -> Deferred[list[Contact]]:
        """All of them."""
        return succeed(self.rows)

    def bind(self, i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Deferred[Bound]:
        """As the real one: nothing is changed when `change` raises."""

        async def work() -> Bound:
            self.rows = list(change(self.rows))
            return Bound(self.rows)

        return Deferred.fromCoroutine(work())

    def missed(self, i_account: int) -> None:
        """Not asked for here."""

    def lost(self, worker: str, flows: Sequence[str]) -> Deferred[None]:
        """Not asked for here."""
        return succeed(None)


class RegistrarTests(SynchronousTestCase):
    """One account."""

    def setUp(self) -> None:
        """No contacts yet."""
        self.table = Table()
        self.registrar = Registrar(self.table, lambda: NOW, TERMS)

    def register(self, registration: Registration) -> list[tuple[str, int]] | NotBound:
        """URIs and seconds left behind a REGISTER, or why not."""
        done = self.successResultOf(self.registrar.register(registration))
        return done if isinstance(done, NotBound) else [(one.uri, int((one.expires - NOW) / timedelta(seconds=1))) for one in done.contacts]

    def test_times(self) -> None:
        """What is asked for within the terms; the usual time where it does not say; too short a time is refused, 0 removes."""
        self.assertEqual(self.register(asked(Wish(contact("a"), None))), [("a", 3600)])
        self.assertEqual(self.register(asked(Wish(contact("a"), 2**32 - 1), cseq=2)), [("a", 7200)])
        self.assertEqual(self.register(asked(Wish(contact("a"), 59), cseq=3)), NotBound.TOO_BRIEF)
        self.assertEqual(self.register(asked(Wish(contact("a"), 60), cseq=4)), [("a", 60)])
        self.assertEqual(self.register(asked(Wish(contact("a"), 0), cseq=5)), [])

    def test_order(self) -> None:
        """Of one Call-ID a request that isn't newer changes nothing, for no contact; another Call-ID (a phone that restarted) may."""
        self.register(asked(Wish(contact("a"), 100), cseq=5))
        self.assertEqual(self.register(asked(Wish(contact("b"), 100), Wish(contact("a"), 0), cseq=5)), NotBound.OUT_OF_ORDER)
        self.assertEqual([one.uri for one in self.table.rows], ["a"])
        self.assertEqual(self.register(asked(everything=True, cseq=4)), NotBound.OUT_OF_ORDER)
        self.assertEqual(self.register(asked(Wish(contact("a"), 0), call_id="b", cseq=1)), [])

    def test_many(self) -> None:
        """No more than the terms allow; all go with the star."""
        three = [Wish(contact(name), 100) for name in "abc"]
        self.assertEqual(self.register(asked(*three)), [("a", 100), ("b", 100), ("c", 100)])
        self.assertEqual(self.register(asked(Wish(contact("d"), 100), cseq=2)), NotBound.TOO_MANY)
        self.assertEqual(self.register(asked(cseq=2)), [("a", 100), ("b", 100), ("c", 100)])
        self.assertEqual(self.register(asked(everything=True, cseq=3)), [])

    @given(some.lists(some.tuples(some.sampled_from("abcd"), some.sampled_from((None, 0, 59, 60, 9999)), some.integers(1, 9)), max_size=12))
    def test_laws(self, steps: list[tuple[str, int | None, int]]) -> None:
        """Whatever is asked in whatever order: never two of one URI, never too many, never for longer or shorter than the terms."""
        self.table.rows = []
        for uri, seconds, cseq in steps:
            before, done = list(self.table.rows), self.register(asked(Wish(contact(uri), seconds), cseq=cseq))
            if isinstance(done, NotBound):
                self.assertEqual(self.table.rows, before)
            uris = [one.uri for one in self.table.rows]
            self.assertEqual(len(uris), len(set(uris)))
            self.assertLessEqual(len(uris), TERMS.most)
            self.assertTrue(all(60 <= (one.expires - NOW).total_seconds() <= 7200 for one in self.table.rows))
