"""`decide`: several quota keys in one session, and the money laws under any order of packets."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.ledger import View
from portaswitch.model.request import AAARequest, Kind, QuotaKey, UnitRequest
from portaswitch.model.session import Status
from tests.unit.builders import CARRIER, Book, alive, auth, catalogue, expire, kept, money, plan, postpaid, prepaid, request, start, stop, unlock
from tests.unit.rows import read_back

SLICE = ServicePolicy(protection=Protection.SLICE)


class QuotaTests(SynchronousTestCase):
    """Several quota keys in one session."""

    def ask(self, at: float, *units: UnitRequest) -> AAARequest:
        """An authorization of these keys."""
        return request(Kind.AUTH, at=at, units=units)

    def test_own_keys(self) -> None:
        """Each key has its own grant and hold; one that is not named stays; one refused alone does not harm the others."""
        one, two = UnitRequest(QuotaKey(1), requested=60, minimum=1), UnitRequest(QuotaKey(2), requested=60, minimum=1)
        book = Book(prepaid("0.05"), catalogue(SLICE))
        self.assertEqual([grant.units for grant in book.ask(self.ask(0, one, two)).grants], [60, 60])
        self.assertEqual(book.held, money("0.04"))
        grants = book.ask(self.ask(1, replace(one, used=30))).grants
        self.assertEqual([(grant.key.rating_group, grant.units) for grant in grants], [(1, 60)])
        self.assertEqual(book.held, money("0.05"))
        grants = book.ask(self.ask(2, replace(one, used=40), replace(two, used=10))).grants
        self.assertEqual([(grant.units, grant.refusal and grant.refusal.word) for grant in grants], [(50, None), (50, None)])

    def test_key_that_comes_later(self) -> None:
        """A key new to the session begins with nothing used, nothing held and nothing charged, whatever its elder has."""
        one, two = UnitRequest(QuotaKey(1), requested=60, minimum=1), UnitRequest(QuotaKey(2), requested=60, minimum=1)
        book = Book(prepaid("1"), catalogue(SLICE))
        book.ask(self.ask(0, one))
        book.ask(self.ask(1, replace(one, used=30)))
        book.ask(self.ask(2, two))
        quota = book.sessions["7/s1"].quotas[1]
        self.assertEqual((quota.key, quota.used, quota.granted, quota.charged), (QuotaKey(2), 0, 60, (money(0),)))
        self.assertEqual(book.held, money("0.05"))


class RestartTests(SynchronousTestCase):
    """A session that was read back from its row goes on as if it had been remembered."""

    def again(self, book: Book) -> None:
        """Write the session as the store does, and read it."""
        book.sessions["7/s1"] = read_back(book.sessions["7/s1"], book.changes[0].session)

    def test_late_vendor(self) -> None:
        """The vendor that a late report named is still charged the difference by the next one, and once."""
        carried = kept(remote_address=CARRIER)
        book = Book(prepaid())
        for asked in (auth(), alive(30), expire(), alive(45, kept=carried), stop(60, kept=carried)):
            self.again(book) if book.sessions else None
            book.ask(asked)
        self.assertEqual(sum(party.amount for party in book.parties), money("0.01"))
        self.assertEqual(book.balance, money("9.98"))


class LawTests(SynchronousTestCase):
    """Whatever comes: the checks of `Book` hold, and the whole use is charged as one."""

    PACKETS = st.lists(
        st.one_of(
            st.builds(lambda n, at: auth(f"s{n}", at=at, minimum=1), st.integers(0, 2), st.integers(0, 99)),
            st.builds(lambda n, at: auth(f"s{n}", at=at), st.integers(0, 2), st.integers(0, 99)),
            st.builds(lambda n: start(f"s{n}"), st.integers(0, 2)),
            st.builds(lambda n, used: alive(used, f"s{n}"), st.integers(0, 2), st.integers(0, 500)),
            st.builds(lambda n: unlock(f"s{n}"), st.integers(0, 2)),
            st.builds(lambda n: expire(f"s{n}"), st.integers(0, 2)),
            st.builds(lambda n, used: stop(used, f"s{n}"), st.integers(0, 2), st.integers(0, 500)),
        ),
        max_size=30,
    )

    @settings(max_examples=120, deadline=None)
    @given(PACKETS, st.sampled_from((prepaid("0.1"), prepaid("5"), postpaid("0.1", "1"), postpaid(None))), st.sampled_from((None, *Protection)))
    def test_money(self, packets: list[AAARequest], view: View, protection: Protection | None) -> None:
        """Closed sessions have paid the price of their use and hold nothing; nothing raises."""
        price = plan(interval_first=30, interval_n=7, price_first="0.61", price_n="0.37", connect_fee="0.01", precision=3)
        book = Book(view, catalogue(ServicePolicy(protection=protection), retail=price))
        for packet in packets:
            book.ask(packet)
        for session in book.sessions.values():
            quota = session.quotas[0]
            rows = [row for row in book.xdrs if row.h323_conf_id == session.opened.session]
            if session.status is not Status.OPEN:
                self.assertEqual(session.held, money(0))
                self.assertEqual(sum(row.charged_amount for row in rows), quota.charged[0])
                self.assertEqual(sum(row.charged_quantity for row in rows), quota.quantity)
                self.assertEqual([row.split_order for row in rows], list(range(len(rows))))
