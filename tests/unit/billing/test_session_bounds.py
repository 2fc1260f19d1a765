"""What a client says of its quota beyond units, how accounting names a session, and the node by which a user comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.reserve import GRACE
from portaswitch.billing.session import decide
from portaswitch.model.catalogue import Protection, RatingEntry, ServicePolicy
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Decision, UnitRequest
from tests.unit.builders import FREE, Book, after, auth, catalogue, kept, money, plan, postpaid, prepaid, start, stop

SLICED = catalogue(ServicePolicy(protection=Protection.SLICE, slice=300))


def asking(**what: Any) -> UnitRequest:
    """What a client asks that can re-authorize: 300 s."""
    return replace(UnitRequest(requested=300, minimum=30), **what)


class NumberTests(SynchronousTestCase):
    """A session has the price of the number that it began with."""

    def test_another_number(self) -> None:
        """It is no leave for a call to a dearer one: whoever asks so is refused, and what the session holds stays as it was."""
        for first, second in ((FREE, "82123"), ("82123", FREE), ("82123", "33")):
            book = Book(prepaid())
            book.ask(auth(called=first))
            was = (book.held, book.sessions["7/s1"])
            told = book.ask(auth(at=1, called=second, key="7/auth/2"))
            self.assertEqual((told.refusal, told.grants), (Refusal.INVALID_ARGUMENT, ()), second)
            self.assertEqual((book.held, book.sessions["7/s1"]), was)

    def test_same_rate(self) -> None:
        """Another number of the same rate, or the same one written otherwise, goes on."""
        for number in ("82124", "+82-123", "82123"):
            book = Book(prepaid())
            book.ask(auth(called="82123"))
            self.assertIsNone(book.ask(auth(at=1, called=number, key="7/auth/2")).refusal, number)


class QuotaTests(SynchronousTestCase):
    """PortaBilling_Authorize and PortaBilling_Session, at 0.02 a minute."""

    def expiry(self, unit: UnitRequest, **what: Any) -> timedelta:
        """How long the hold of an authorization stays."""
        book = Book(prepaid(), SLICED)
        grant = book.ask(replace(auth(), units=(unit,), **what)).grants[0]
        assert grant.expires is not None
        return grant.expires - after(0)

    def test_most_funds(self) -> None:
        """No more money is set aside than the client wants, and what is granted costs no more."""
        book = Book(prepaid(), SLICED)
        grant = book.ask(replace(auth(), units=(asking(most_funds=money("0.05")),))).grants[0]
        self.assertEqual((grant.units, book.held), (150, money("0.05")))
        wide = Book(prepaid(), SLICED)
        self.assertEqual(wide.granted(replace(auth(), units=(asking(most_funds=money("5")),))), 300)

    def test_too_little_set_aside(self) -> None:
        """A bound below the least amount is 117, whether there is a limit or not; where the money would not do either, that is told."""
        ask = replace(auth(), units=(UnitRequest(requested=90, minimum=60, most_funds=money("0.01")),))
        for view in prepaid(), postpaid(), postpaid(None):
            self.assertIs(Book(view, SLICED).ask(ask).refusal, Refusal.FUNDS_SHORT)
        for view, why in ((prepaid("0.01"), Refusal.INSUFFICIENT_BALANCE), (prepaid("0"), Refusal.ZERO_BALANCE)):
            self.assertIs(Book(view, SLICED).ask(ask).refusal, why)

    def test_begins(self) -> None:
        """The seconds count from when the use will begin; a clock that is years ahead is believed for a day."""
        self.assertEqual(self.expiry(asking()), timedelta(seconds=300 + GRACE))
        self.assertEqual(self.expiry(asking(begins=after(60))), timedelta(seconds=360 + GRACE))
        self.assertEqual(self.expiry(asking(begins=after(-60))), timedelta(seconds=300 + GRACE))
        self.assertEqual(self.expiry(asking(begins=after(10**9))), timedelta(days=1, seconds=300 + GRACE))

    def test_lock_time(self) -> None:
        """PortaBilling_Session bounds how long funds are kept aside."""
        self.assertEqual(self.expiry(asking(), lock_seconds=120), timedelta(seconds=120))
        self.assertEqual(self.expiry(asking(), lock_seconds=10**6), timedelta(seconds=300 + GRACE))


class NameTests(SynchronousTestCase):
    """An Internet log-in names no session; its accounting does."""

    def test_brought(self) -> None:
        """What the Start names is kept for whoever has to disconnect the session, and is in the xDR; a repeated Start changes nothing."""
        book = Book(prepaid())
        book.ask(auth(kept=kept(call_id="one")))
        named = start(kept=kept(call_id="one", acct_session_id="81707b87", subscriber_ip="41.213.82.27", realm="cafe"))
        for key in "a", "b":
            book.ask(replace(named, key=key))
        (session,) = book.sessions.values()
        self.assertEqual(session.brought, {"acct_session_id": "81707b87", "subscriber_ip": "41.213.82.27"})
        self.assertEqual((session.version, book.held), (2, money(10)))
        book.ask(stop(60))
        self.assertEqual(book.xdrs[-1].subscriber_ip, "41.213.82.27")

    def test_nothing_brought(self) -> None:
        """A Start that names nothing new is no change."""
        book = Book(prepaid())
        book.ask(auth(kept=kept(call_id="one")))
        self.assertEqual(book.ask(start(kept=kept(call_id="one"))), Decision())
        self.assertEqual(len(book.changes), 1)


class AccessTests(SynchronousTestCase):
    """PortaOne-Access-Info names the node by which the user came."""

    def test_node(self) -> None:
        """The rating entry of that node counts, not that of the asking one."""
        known = catalogue(retail=plan())
        product = known.products[5]
        special = RatingEntry(33, 3, 8, "", 2, 0, ServicePolicy())  # node 8, the reseller's tariff
        known = replace(known, products={5: replace(product, entries=(*product.entries, special))})
        for node, tariff in ((0, "PrepaidCard"), (8, "Resale"), (7, "PrepaidCard")):
            decision = decide(prepaid(), replace(auth(), access_node=node), known).decision
            self.assertEqual(decision.facts.tariff, tariff)
