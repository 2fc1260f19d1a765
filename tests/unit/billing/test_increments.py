"""Incremental charging of long sessions, access bought as one purchase, and the law that holds whatever comes in whatever order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.increments import charge_every
from portaswitch.billing.rating import rate
from portaswitch.model.catalogue import Catalogue, Protection, Service, ServicePolicy
from portaswitch.model.charge import Usage
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base
from portaswitch.model.session import Status
from portaswitch.model.xdr import Storage
from tests.unit.builders import AT, CARRIER, Book, after, alive, auth, catalogue, expire, kept, money, plan, postpaid, prepaid, reseller, start, stop

LONG = ServicePolicy(charge_every=600)


def wifi(policy: ServicePolicy | None = None) -> Catalogue:
    """The usual world, its telephone service being wireless access."""
    found = catalogue(policy)
    return replace(
        found, services={**found.services, 3: Service(3, "Hot spot", "Wifi", Base.TIME)}, nodes={7: replace(found.nodes[7], i_service=3)}
    )  # fmt: skip


class IncrementTests(SynchronousTestCase):
    """A long session is charged at its Alives."""

    def test_when_due(self) -> None:
        """Not before the time; then for all it used so far; the rest at the end."""
        book = Book(prepaid(), catalogue(LONG))
        for asked in (auth(), *[alive(used) for used in (300, 599, 660, 900, 1259, 1260)], stop(1500)):
            book.ask(asked)
        told = [((row.bill_time - AT).total_seconds(), row.split_order, row.charged_quantity, row.charged_amount) for row in book.xdrs]
        self.assertEqual(told, [(660, 0, 660, money("0.22")), (1260, 1, 600, money("0.2")), (1500, 2, 240, money("0.08"))])
        self.assertEqual((book.balance, book.held), (money("9.5"), 0))
        self.assertEqual(book.xdrs[1].history, "1@0.02/60 + 1259*1@0.02/60 = 0.42; 0.22 charged before")

    def test_holds(self) -> None:
        """What is debited is no longer held; the rest of the grant stays held, and nobody else gets it."""
        book = Book(prepaid("1"), catalogue(LONG))
        book.ask(auth())
        book.ask(alive(660))
        self.assertEqual((book.balance, book.held), (money("0.78"), money("0.78")))
        self.assertEqual(book.ask(auth("s2", at=661)).refusal, Refusal.FUNDS_LOCKED)
        book.ask(alive(4500))
        self.assertEqual((book.balance, book.held, book.xdrs[1].overrun), (money("-0.5"), 0, money("0.5")))

    def test_slices(self) -> None:
        """A slice held beyond the use stays, and what is authorized next is priced from the beginning."""
        book = Book(prepaid("1"), catalogue(ServicePolicy(protection=Protection.SLICE, slice=60, charge_every=600)))
        for at in range(0, 661, 60):
            book.ask(auth(at=at, minimum=1, used=at or None))
        self.assertEqual(book.held, money("0.24"))
        book.ask(alive(665, at=670))
        self.assertEqual((book.balance, book.held), (money("0.77833"), money("0.01833")))
        self.assertEqual((book.granted(auth(at=720, minimum=1, used=720)), book.held), (60, money("0.03834") - money("0.00001")))

    def test_default(self) -> None:
        """Internet sessions hourly, calls at their end; the policy goes before."""
        book = Book(prepaid())
        book.ask(auth())
        opened = book.sessions["7/s1"].opened
        kinds = [charge_every(replace(opened, service_type=kind)) for kind in ("Voice", "Netaccess", "Data", "Wifi")]
        self.assertEqual((kinds, charge_every(replace(opened, service_type="Data", policy=ServicePolicy(charge_every=0)))), ([0, 3600, 3600, 0], 0))

    def test_free(self) -> None:
        """What costs nothing makes no pieces."""
        book = Book(prepaid(), catalogue(LONG, retail=plan(price_first="0", price_n="0")))
        for asked in (auth(), alive(700), alive(1400), stop(1500)):
            book.ask(asked)
        self.assertEqual([(row.charged_quantity, row.charged_amount, row.split_order) for row in book.xdrs], [(1500, 0, 0)])

    def test_sweeper_between(self) -> None:
        """Swept and heard of again: only the difference."""
        book = Book(prepaid(), catalogue(LONG))
        for asked in (auth(), alive(660), alive(700), expire(), stop(720, at=1e6 + 100)):
            book.ask(asked)
        self.assertEqual([row.charged_quantity for row in book.xdrs], [660, 40, 20])
        self.assertEqual(book.balance, money("9.76"))


class PurchaseTests(SynchronousTestCase):
    """Debit WiFi is one purchase, credit WiFi is charged by use (mikrotik.4, mikrotik.5)."""

    def test_bought(self) -> None:
        """All funds are taken at the authorization; less use brings nothing back, a repeated or new authorization sells nothing twice."""
        book = Book(prepaid("0.5"), wifi())
        self.assertEqual((book.granted(auth()), book.balance, book.held), (1500, 0, 0))
        self.assertEqual((book.granted(auth()), book.granted(auth(at=9))), (1500, 1500))
        book.ask(start(at=10))
        book.ask(alive(300, at=310))
        self.assertEqual(book.granted(auth(at=320)), 1200)
        self.assertEqual(book.granted(auth(at=400, used=400)), 1100)
        book.ask(stop(600, at=610))
        (row,) = book.xdrs
        self.assertEqual((row.charged_quantity, row.charged_amount, row.overrun, row.split_order), (1500, money("0.5"), 0, 0))
        self.assertEqual((book.balance, book.held, book.sessions["7/s1"].status), (0, 0, Status.CLOSED))

    def test_used_beyond(self) -> None:
        """A NAS that does not end it in time: the rest is charged, and marked."""
        book = Book(prepaid("0.5"), wifi())
        for asked in (auth(), alive(1500), stop(1530)):
            book.ask(asked)
        told = [(row.charged_quantity, row.charged_amount, row.overrun) for row in book.xdrs]
        self.assertEqual(told, [(1500, money("0.5"), 0), (30, money("0.01"), money("0.01"))])

    def test_bought_again(self) -> None:
        """A second purchase of the same session, after a payment, goes on where the first ended."""
        book = Book(prepaid("0.5"), wifi())
        book.ask(auth())
        self.assertEqual(book.ask(auth(at=1500, used=1500)).refusal, Refusal.ZERO_BALANCE)
        book.view = replace(book.view, funds=replace(book.view.funds, balance=money("0.1")))
        book.opening = money("0.6")
        self.assertEqual((book.granted(auth(at=1510, used=1500)), book.balance), (300, 0))
        self.assertEqual([row.charged_quantity for row in book.xdrs], [1500, 300])

    def test_never_used(self) -> None:
        """What was bought and never used stays bought: the sweeper charges nothing and gives nothing back."""
        book = Book(prepaid("0.5"), wifi())
        book.ask(auth())
        book.ask(expire(at=1799))
        self.assertIs(book.sessions["7/s1"].status, Status.OPEN)
        book.ask(expire(at=1801))
        self.assertEqual((book.sessions["7/s1"].status, len(book.xdrs), book.balance), (Status.PROVISIONAL, 1, 0))

    def test_no_money(self) -> None:
        """Nothing to buy with: refused, and nothing is written."""
        book = Book(prepaid("0"), wifi())
        self.assertEqual((book.ask(auth()).refusal, book.changes), (Refusal.ZERO_BALANCE, []))

    def test_no_authorization(self) -> None:
        """A Start that nobody authorized holds all, and its use is charged."""
        book = Book(prepaid("0.5"), wifi())
        book.ask(start())
        self.assertEqual(book.held, money("0.5"))
        book.ask(stop(60))
        self.assertEqual((book.balance, book.held), (money("0.48"), 0))

    def test_credit(self) -> None:
        """The limit follows from funds and rate; the real duration is charged. A policy's purchase is for debit accounts only."""
        for policy in (None, ServicePolicy(protection=Protection.PURCHASE)):
            book = Book(postpaid("0.5"), wifi(policy))
            self.assertEqual((book.granted(auth()), book.balance, book.held), (1500, 0, 0))
            book.ask(stop(600))
            self.assertEqual([(row.charged_quantity, row.charged_amount) for row in book.xdrs], [(600, money("0.2"))])

    def test_policy(self) -> None:
        """Any service may be sold so; and wireless access of a debit account need not be."""
        book = Book(prepaid("0.5"), catalogue(ServicePolicy(protection=Protection.PURCHASE)))
        self.assertEqual((book.granted(auth()), book.balance), (1500, 0))
        book = Book(prepaid("0.5"), wifi(ServicePolicy(protection=Protection.WHOLE)))
        self.assertEqual((book.granted(auth()), book.balance, book.held), (1500, money("0.5"), money("0.5")))


PRICE = {
    "retail": plan(interval_first=30, interval_n=7, price_first="0.61", price_n="0.37", connect_fee="0.01", precision=3),
    "resale": plan(i_tariff=2, price_first="0.33", price_n="0.33", precision=2),
    "vendor": plan(i_tariff=3, connect_fee="0.07", price_n="0.111"),
}


class LawTests(SynchronousTestCase):
    """Whatever comes in whatever order: the final charge is that of the highest counters."""

    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.integers(0, 4000), max_size=12), st.sampled_from((0, 1, 60, 700)), st.sampled_from((None, *Protection)), st.sampled_from(("3", "900")))
    def test_pieces_add_up(self, reports: list[int], every: int, protection: Protection | None, funds: str) -> None:
        """Any Alives, in and out of order, then the Stop: the pieces of each party are together the rate of the whole."""
        view = replace(prepaid(funds), resellers=((reseller(), Funds()),))
        book = Book(view, catalogue(ServicePolicy(protection=protection, charge_every=every), **PRICE))
        bought = book.granted(auth()) or 0 if protection is Protection.PURCHASE else 0
        book.ask(auth()) if not bought else None
        carried, at = kept(remote_address=CARRIER), 0
        for used in reports:
            at = max(at + 1, used)
            book.ask(alive(used, at=at, kept=carried))
        most = max([*reports, 1])
        book.ask(stop(most, at=at + 1, kept=carried))
        self.check(book, max(most, bought))

    def check(self, book: Book, used: int) -> None:
        """All parties' xDRs against one rating of the whole."""
        for storage, name in ((Storage.ACCOUNT, "retail"), (Storage.CUSTOMER, "resale")):
            rows = [row for row in book.xdrs if row.storage is storage and not row.failed]
            whole = rate(PRICE[name], (), Usage(used), AT)
            self.assertEqual(sum((row.charged_amount for row in rows), Decimal(0)), whole.figure if used else 0)
            orders = [row.split_order for row in rows]
            self.assertEqual(orders, sorted(set(orders)))  # a sweep before any use is a piece too: the failed one
        self.assertEqual(book.held, 0)

    EXTRAS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(("expire", "repeat", "start"))), max_size=4)

    @settings(max_examples=120, deadline=None)
    @given(st.permutations(["start", "alive 200", "alive 650", "alive 1300", "stop"]), EXTRAS, st.booleans(), st.sampled_from((0, 500)))
    def test_orders(self, order: list[str], extras: list[tuple[int, str]], authorized: bool, every: int) -> None:
        """Start, Alives and Stop in any order, lost Starts, repeats, the sweeper anywhere: the charge is that of the highest figure heard before the Stop."""
        for place, extra in extras:
            order.insert(min(place, len(order)), extra)
        view: View = replace(prepaid("50"), resellers=((reseller(), Funds()),))
        book, last, at = Book(view, catalogue(ServicePolicy(charge_every=every), **PRICE)), auth(), 1500
        if authorized:
            book.ask(last)
        heard = 0
        for word in order:
            at += 1
            over = book.sessions["7/s1"].status is Status.CLOSED if "7/s1" in book.sessions else False
            asked = self.packet(word, at, last)
            if word.startswith(("alive", "stop")) and not over:
                heard = max(heard, 1400 if word == "stop" else int(word.split()[1]))
            book.ask(asked)
            last = asked if asked.kind.value != "expire" else last
        book.ask(stop(1400, at=at + 1))
        self.check(book, max(heard, 1400))

    def packet(self, word: str, at: int, last: AAARequest) -> AAARequest:
        """The packet of a word."""
        if word == "repeat":
            return last
        if word == "expire":
            return expire(at=1e6)
        if word == "start":
            return replace(start(), received=after(at))  # it was on its way for long, and says so (Acct-Delay-Time)
        return stop(1400, at=at) if word == "stop" else replace(alive(int(word.split()[1])), received=after(at))
