"""Closing: the pieces that a session owes, their xDRs, and what is marked as overrun."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.rating import rate
from portaswitch.model.catalogue import Service
from portaswitch.model.charge import Usage
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Base
from portaswitch.model.xdr import Storage, Xdr
from tests.unit.builders import AT, CARRIER, Book, after, alive, auth, catalogue, customer, expire, kept, money, plan, postpaid, prepaid, reseller, stop


def one(view: View, used: int = 60, *before: AAARequest, **what: Any) -> Xdr:
    """The account's only xDR of a session with these earlier requests."""
    book = Book(view)
    for asked in before:
        book.ask(asked)
    book.ask(stop(used, **what))
    (row,) = [row for row in book.xdrs if row.storage is Storage.ACCOUNT]
    return row


class XdrTests(SynchronousTestCase):
    """Every field of the row."""

    def test_fields(self) -> None:
        """What the request and the session's kept attributes give; the Stop's value where both have one."""
        early = auth(kept=kept(call_id="A@1", subscriber_ip="10.0.0.1"))
        late = kept(call_id="B@2", incoming_conf_id="in", disconnect_cause="0x1F", voice_quality="20")
        row = one(prepaid(), 71, early, kept=late, connected=after(5), called="01182623634515")
        self.assertEqual(
            (row.i_env, row.failed, row.h323_conf_id, row.call_id, row.cli, row.cld, row.disconnect_cause, row.account_id, row.i_account, row.i_customer),
            (1, False, "s1", "B@2", "6045550193", "82623634515", 31, "10086610975", 101, 201),
        )
        self.assertEqual((row.i_dest, row.i_tariff, row.i_rate, row.i_service, row.i_accessibility, row.rating_pattern), (21, 1, 11, 3, 31, "82623634515"))
        self.assertEqual((row.connect_time, row.disconnect_time, row.bill_time), (after(5), after(76), after(71)))
        self.assertEqual((row.used_quantity, row.charged_quantity, row.charged_amount), (71, 71, money("0.02367")))
        self.assertEqual((row.h323_incoming_conf_id, row.subscriber_ip, row.voice_quality, row.setup_time), ("in", "10.0.0.1", 20, None))
        self.assertEqual((row.split_order, row.billing_model, row.peak_level, row.i_vendor, row.overrun), (0, -1, 0, 0, money(0)))

    def test_causes(self) -> None:
        """Disconnect causes are hexadecimal, with or without 0x; what is none, or no cause that a column holds, is left out."""
        causes = {"10": 16, "0x10": 16, "1C": 28, "0": 0, "": None, "busy": None, "-1": None, "FFFFFFFF": None, "1" * 40: None}
        self.assertEqual({text: one(prepaid(), kept=kept(disconnect_cause=text)).disconnect_cause for text in causes}, causes)
        qualities = {"20": 20, "x": None, "9" * 30: None}
        self.assertEqual({text: one(prepaid(), kept=kept(voice_quality=text)).voice_quality for text in qualities}, qualities)

    def test_lengthened(self) -> None:
        """Used is what was reported, charged what the intervals make of it."""
        book = Book(prepaid(), catalogue(retail=plan(interval_first=60, interval_n=6)))
        book.ask(stop(61))
        self.assertEqual((book.xdrs[0].used_quantity, book.xdrs[0].charged_quantity), (61, 66))

    def test_other_bases(self) -> None:
        """Octets are counted in the service's unit; such a session ends at the event, not a number of seconds behind its beginning."""
        world = catalogue(retail=plan(price_per=1, price_first="1", price_n="1"))
        book = Book(prepaid(), replace(world, services={**world.services, 3: Service(3, "Data", "Voice", Base.OCTETS, 1024)}))
        book.ask(auth())
        book.ask(stop(2049, at=500))
        row = book.xdrs[0]
        self.assertEqual((row.used_quantity, row.charged_amount, row.disconnect_time), (2049, money(3), after(500)))

    def test_clock_that_goes_back(self) -> None:
        """An event before the beginning does not end before it."""
        world = catalogue()
        book = Book(prepaid(), replace(world, services={**world.services, 3: Service(3, "Data", "Voice", Base.OCTETS)}))
        book.ask(auth(at=100))
        book.ask(stop(20, at=50, connected=after(80)))
        self.assertEqual((book.xdrs[0].connect_time, book.xdrs[0].disconnect_time), (after(80), after(80)))


class OverrunTests(SynchronousTestCase):
    """Real use is charged whatever the funds are; what they did not cover is marked."""

    def test_debit(self) -> None:
        """Beyond the money; the session's own hold is no overrun; what others hold is not there."""
        self.assertEqual(one(prepaid("0.015")).overrun, money("0.005"))
        self.assertEqual(one(prepaid("0.02"), 60, auth()).overrun, money(0))
        book = Book(prepaid("0.03"))
        for asked in (auth("s1", minimum=1), auth("s2", at=1, minimum=1, requested=60), stop(60, "s2")):
            book.ask(asked)
        self.assertEqual([row.overrun for row in book.xdrs], [money(0)])
        book = Book(prepaid("0.03"))
        for asked in (auth("s1", minimum=1, requested=60), stop(60, "s2")):
            book.ask(asked)
        self.assertEqual([row.overrun for row in book.xdrs], [money("0.01")])

    def test_below_nothing(self) -> None:
        """Already overdrawn: all of it is overrun, and no more."""
        self.assertEqual(one(prepaid("-3")).overrun, money("0.02"))

    def test_credit(self) -> None:
        """The smaller room of account and customer; none without limits; a temporary limit that has ended does not count."""
        overruns = [one(view).overrun for view in (postpaid("0.015"), postpaid("5", "0.015"), postpaid(None))]
        self.assertEqual(overruns, [money("0.005"), money("0.005"), money(0)])
        ended = customer(credit_limit=money("0.015"), temp_credit_limit=money(5), temp_credit_until=after(30))
        self.assertEqual(one(replace(postpaid("5"), customer=ended)).overrun, money("0.005"))
        self.assertEqual(one(replace(postpaid("5"), customer=ended), 60, auth(at=10)).overrun, money("0.005"))


class PieceTests(SynchronousTestCase):
    """Pieces of one session."""

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(0, 5))
    def test_add_up(self, steps: list[int], precision: int) -> None:
        """Late reports behind a provisional end, any number of them: amounts of every party add up to the rate of the whole, quantities too."""
        plans = {
            "retail": plan(interval_first=30, interval_n=7, price_first="0.61", price_n="0.37", precision=precision),
            "resale": plan(i_tariff=2, price_first="0.33", price_n="0.33", precision=precision),
            "vendor": plan(i_tariff=3, connect_fee="0.07", price_n="0.111"),
        }
        book = Book(replace(prepaid(), resellers=((reseller(), Funds()),)), catalogue(None, **plans))
        carried, used = kept(remote_address=CARRIER), 0
        for step in steps:
            used += step
            book.ask(alive(used, kept=carried))
            book.ask(expire(at=1e6 + used))
        book.ask(stop(used, kept=carried))
        for storage, price in ((Storage.ACCOUNT, plans["retail"]), (Storage.CUSTOMER, plans["resale"]), (Storage.VENDOR, plans["vendor"])):
            rows = [row for row in book.xdrs if row.storage is storage]
            whole = rate(price, (), Usage(used), AT)
            self.assertEqual(sum((row.charged_amount for row in rows), Decimal(0)), whole.figure)
            if storage is Storage.ACCOUNT:
                self.assertEqual(sum(row.charged_quantity for row in rows), whole.quantity)
                self.assertEqual([row.split_order for row in rows], list(range(len(rows))))
        for role in "cv":
            rows = [row for row in book.xdrs if row.storage.value == role]
            self.assertEqual(sum(row.charged_amount for row in rows), sum(party.amount for party in book.parties if party.role == role))

    def test_dated_by_the_report(self) -> None:
        """Each piece is billed when its report came."""
        book = Book(prepaid())
        for asked in (alive(30), expire(), stop(71, at=2e6)):
            book.ask(asked)
        self.assertEqual([row.bill_time - AT for row in book.xdrs], [timedelta(seconds=1e6), timedelta(seconds=2e6)])
