"""`decide`: whole sessions through the fold, and each state by what it means."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.session import decide
from portaswitch.billing.transition import session_key
from portaswitch.model.catalogue import Version
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.request import Base, Decision, Kind, UnitRequest
from portaswitch.model.session import Status
from tests.unit.builders import (
    AT,
    CARD,
    CARRIER,
    FREE,
    Book,
    after,
    alive,
    auth,
    catalogue,
    event,
    expire,
    kept,
    money,
    plan,
    postpaid,
    prepaid,
    request,
    reseller,
    start,
    stop,
    unlock,
)


def word(decision: Decision) -> str:
    """The word of a refusal, or 'ok'."""
    return "ok" if decision.refusal is None else decision.refusal.word


def end(book: Book) -> tuple[Decimal, Decimal, list[tuple[int, Decimal]], list[Status]]:
    """Money, holds, charges and states in the end."""
    return book.balance, book.held, [(row.used_quantity, row.charged_amount) for row in book.xdrs], [one.status for one in book.sessions.values()]


class ExampleTests(SynchronousTestCase):
    """Example 03, the prepaid card: 71 s cost 0.02367."""

    def test_orders_of_the_legs(self) -> None:
        """The unlocking leg first, twice or never, each Stop repeated: the same end."""
        charge = stop(71, kept=kept(disconnect_cause="10"))
        orders = [(charge,), (charge, charge), (unlock(), charge), (charge, unlock()), (unlock(), unlock(), charge)]
        for order in (*orders, *permutations((charge, charge, unlock(), unlock()))):
            book = Book(prepaid())
            book.ask(auth())
            for leg in order:
                self.assertEqual(book.ask(leg), Decision())
            self.assertEqual(end(book), (money("9.97633"), money(0), [(71, money("0.02367"))], [Status.CLOSED]))

    def test_unlock_frees_at_once(self) -> None:
        """The leg that says unlock frees the hold before the charge comes; one that does not say it frees nothing."""
        book = Book(prepaid())
        book.ask(auth())
        book.ask(replace(unlock(), lock=auth().lock))
        self.assertEqual(book.held, money(10))
        book.ask(unlock())
        self.assertEqual((book.held, len(book.xdrs)), (money(0), 0))

    def test_unlock_of_nothing(self) -> None:
        """Before the session is known it does nothing."""
        book = Book(prepaid())
        book.ask(unlock())
        self.assertEqual((book.sessions, book.changes), ({}, []))

    def test_facts(self) -> None:
        """Authentication tells the money and changes nothing; without a rating entry it tells what there is."""
        book = Book(prepaid())
        decision = book.ask(request(Kind.AUTH, "", called=""))
        facts = decision.facts
        self.assertEqual((facts.balance, facts.available, facts.breakage), (money(10), money(10), money(0)))
        self.assertEqual((facts.tariff, facts.product), ("PrepaidCard", "EasyCall"))
        self.assertEqual((decision.grants, book.changes), ((), []))
        facts = book.ask(request(Kind.AUTH, "", called="", service="Conference")).facts
        self.assertEqual((facts.account_id, facts.i_account, facts.tariff, facts.breakage), (CARD, 101, "", None))


class RefusalTests(SynchronousTestCase):
    """Authorizations that are refused, by the state that means it."""

    def test_words(self) -> None:
        """No account, no rate, no service; a refused one changes nothing and tells what the guide's example does."""
        self.assertEqual(word(decide(View(), auth(), catalogue()).decision), "invalid_account")
        refused = Book(prepaid()).ask(auth(called="33"))
        self.assertEqual((word(refused), refused.facts.product, refused.facts.tariff, refused.facts.i_account), ("cld_blocked", "EasyCall", "PrepaidCard", 101))
        self.assertEqual(word(Book(prepaid()).ask(auth(service="Conference"))), "not_available")
        self.assertEqual(word(Book(prepaid(blocked=True)).ask(auth())), "user_denied")

    def test_reseller_over_limit(self) -> None:
        """Nothing is granted below a reseller over its limit, neither a session nor an event; both say so by one word."""
        view = replace(prepaid(), resellers=((reseller(credit_limit=money(5)), Funds(money(5))),))
        book = Book(view)
        self.assertEqual([word(book.ask(auth())), word(book.ask(event(1))), book.changes], ["credit_limit", "credit_limit", []])

    def test_session_is_over(self) -> None:
        """An authorization of a session that has ended, really or provisionally."""
        for last in (stop(5), expire()):
            book = Book(prepaid())
            book.ask(auth())
            book.ask(last)
            self.assertEqual(word(book.ask(auth(at=2e6))), "reject_authorization")

    def test_session_of_another(self) -> None:
        """A session owns its account: an authorization by another user in it must not be paid by the owner."""
        book = Book(prepaid())
        book.ask(auth(minimum=1))
        self.assertEqual(word(book.ask(auth(at=1, minimum=1, user="10000000000"))), "invalid_argument")

    def test_refused_again(self) -> None:
        """A re-authorization that fails leaves the session and its hold as they are."""
        book = Book(prepaid("0.01"))
        book.ask(auth(minimum=1))
        before = dict(book.sessions)
        self.assertNotEqual(word(book.ask(auth(at=1, minimum=1))), "ok")
        self.assertEqual((book.sessions, book.held), (before, money("0.01")))


class OrderTests(SynchronousTestCase):
    """Start, Alive and Stop come in any order, late, twice or never."""

    def test_usual(self) -> None:
        """Authorization, Start, Alives, Stop: the hold stays until the end, one xDR, times from the Start."""
        book = Book(prepaid())
        book.ask(auth())
        for asked in (start(at=3, connected=after(3)), alive(30), alive(60), alive(30)):
            book.ask(asked)
            self.assertEqual(book.held, money(10))
        book.ask(stop(71, at=74))
        row = book.xdrs[0]
        self.assertEqual((row.connect_time, row.disconnect_time, row.charged_amount, len(book.xdrs)), (after(3), after(74), money("0.02367"), 1))

    def test_any_order(self) -> None:
        """Each order of the same packets, each repeated, charges once and holds nothing in the end."""
        packets = (start(), alive(30), alive(60), stop(71))
        for first in ((), (auth(),)):
            for order in permutations(packets):
                book = Book(prepaid())
                for asked in (*first, *order, *order):
                    book.ask(asked)
                self.assertEqual(end(book)[:3], (money("9.97633"), money(0), [(71, money("0.02367"))]), order)

    def test_counter_never_goes_back(self) -> None:
        """A lower counter, also in the Stop, does not lower the use."""
        book = Book(prepaid())
        for asked in (auth(), alive(120), alive(60), stop(90)):
            book.ask(asked)
        self.assertEqual(end(book)[2], [(120, money("0.04"))])

    def test_repeated_key(self) -> None:
        """The same key gets the stored answer, whatever the request says, and changes nothing."""
        book = Book(prepaid())
        first = book.ask(auth())
        again = book.ask(auth(requested=5))
        self.assertEqual((again, len(book.changes)), (first, 1))

    def test_unseen(self) -> None:
        """A session that was never authorized is held whole by its Start, as far as the funds go, and by its use beyond."""
        book = Book(prepaid())
        book.ask(start())
        self.assertEqual(book.held, money(10))
        book = Book(prepaid("0.01"))
        book.ask(alive(60))
        self.assertEqual(book.held, money("0.02"))
        book.ask(stop(60))
        self.assertEqual((book.balance, book.held, book.xdrs[0].overrun), (money("-0.01"), money(0), money("0.01")))

    def test_answering_leg_opens_nothing(self) -> None:
        """A Start or Alive of the leg that is not rated comes before the authorization with the IVR's own number: it must not fix number, price and hold."""
        for kind in (Kind.START, Kind.UPDATE):
            book = Book(prepaid())
            book.ask(request(kind, called=FREE, leg="answer/Telephony"))
            self.assertEqual((book.sessions, book.held), ({}, money(0)))
            self.assertEqual(book.granted(auth(at=1)), 30000)

    def test_lone_stop(self) -> None:
        """A Stop alone, as when the Start was lost: the use ended at the event and began its duration before; the plan is that of the beginning."""
        world = catalogue()
        versions = (Version(after(50), plan(price_n="9")), *world.tariffs[1].rates["82"])
        book = Book(prepaid(), replace(world, tariffs={**world.tariffs, 1: replace(world.tariffs[1], rates={"82": versions})}))
        book.ask(stop(71, at=100))
        row = book.xdrs[0]
        self.assertEqual((row.connect_time, row.disconnect_time, row.charged_amount), (after(29), after(100), money("0.02367")))

    def test_no_start(self) -> None:
        """An authorized call whose Start and connect time are missing was connected its duration before the Stop, not when it was authorized."""
        book = Book(prepaid())
        for asked in (auth(), stop(71, at=91)):
            book.ask(asked)
        self.assertEqual((book.xdrs[0].connect_time, book.xdrs[0].disconnect_time), (after(20), after(91)))

    def test_lost_start(self) -> None:
        """An Alive before any Start says how long it has been going on."""
        book = Book(prepaid())
        for asked in (alive(60), stop(71, at=71)):
            book.ask(asked)
        self.assertEqual((book.xdrs[0].connect_time, book.xdrs[0].disconnect_time), (AT, after(71)))

    def test_not_connected(self) -> None:
        """An attempt that was not answered: a failed xDR with its cause, nothing charged, all freed; the fee is not due."""
        book = Book(prepaid(), catalogue(retail=plan(connect_fee="0.05")))
        book.ask(auth())
        book.ask(stop(0, kept=kept(disconnect_cause="11")))
        row = book.xdrs[0]
        self.assertEqual((row.failed, row.disconnect_cause, row.charged_amount, row.history, book.held), (True, 17, money(0), "not connected", money(0)))

    def test_unpriced(self) -> None:
        """Accounting without a rate is recorded without a price, and asked about afterwards it is refused, not broken."""
        book = Book(prepaid())
        for asked in (start(called="33"), alive(30, called="33")):
            book.ask(asked)
        self.assertEqual((word(book.ask(auth(at=40, called="33"))), book.held), ("cld_blocked", money(0)))
        book.ask(stop(71, called="33"))
        row = book.xdrs[0]
        self.assertEqual((row.failed, row.used_quantity, row.charged_amount, row.history), (True, 71, money(0), "not rated: no rating entry or no rate"))
        self.assertEqual((row.i_tariff, row.i_rate, row.cld, book.balance), (0, 0, "33", money(10)))

    def test_octets_never_seen(self) -> None:
        """Usage in octets of a session never seen, however many, is no time: it is charged, by the plan of now."""
        world = catalogue(retail=plan(price_per=1_000_000_000))
        book = Book(prepaid(), replace(world, services={**world.services, 3: replace(world.services[3], base=Base.OCTETS)}))
        book.ask(request(Kind.STOP, at=100, units=(UnitRequest(base=Base.OCTETS, used=10**12),)))
        row = book.xdrs[0]
        self.assertEqual((row.used_quantity, row.charged_amount, row.connect_time, row.disconnect_time), (10**12, money(20), after(100), after(100)))

    def test_nobody(self) -> None:
        """Without an account and a session nothing is decided (the batcher keeps an orphan)."""
        for asked in (start(), alive(5), stop(5), expire()):
            outcome = decide(View(), asked, catalogue())
            self.assertEqual((outcome.change, outcome.decision), (None, Decision()))


class ExpiryTests(SynchronousTestCase):
    """The sweeper and restarts."""

    def test_late_stop(self) -> None:
        """What was reported is charged provisionally; a late Alive and the Stop charge the difference; the pieces add up to the whole."""
        book = Book(prepaid())
        for asked in (auth(), alive(30), expire(), expire(at=2e6), alive(45), stop(71)):
            book.ask(asked)
        self.assertEqual(end(book)[:2], (money("9.97633"), money(0)))
        rows = [(row.split_order, row.used_quantity, row.charged_quantity, row.charged_amount) for row in book.xdrs]
        self.assertEqual(rows, [(0, 30, 30, money("0.01")), (1, 45, 15, money("0.005")), (2, 71, 26, money("0.00867"))])
        self.assertEqual(book.xdrs[1].history, "1@0.02/60 + 44*1@0.02/60 = 0.015; 0.01 charged before")
        self.assertEqual(book.sessions["7/s1"].status, Status.CLOSED)

    def test_late_stop_of_nothing_more(self) -> None:
        """A late Stop with no more use closes, and charges nothing."""
        book = Book(prepaid())
        for asked in (auth(), alive(30), expire(), stop(30)):
            book.ask(asked)
        self.assertEqual(end(book), (money("9.99"), money(0), [(30, money("0.01"))], [Status.CLOSED]))

    def test_only_in_time(self) -> None:
        """The sweeper closes what has expired, a restart of the node whatever is open; neither what is closed."""
        book = Book(prepaid())
        book.ask(auth())
        book.ask(expire(at=30300 - 1))
        self.assertEqual(book.held, money(10))
        book.ask(request(Kind.ON_OFF, at=5))
        self.assertEqual((book.held, book.sessions["7/s1"].status), (money(0), Status.PROVISIONAL))
        changes = len(book.changes)
        for asked in (request(Kind.ON_OFF, at=6), expire(at=3e6)):
            book.ask(asked)
        self.assertEqual(len(book.changes), changes)

    def test_expiry_moves(self) -> None:
        """A sign of life keeps a session for its idle time and for the rest of its grant; it is never shortened."""
        book = Book(prepaid("0.02"))
        book.ask(auth())
        self.assertEqual(book.sessions["7/s1"].expires, after(60 + 300))
        book.ask(alive(30))
        self.assertEqual(book.sessions["7/s1"].expires, after(30 + 7200))
        book.ask(auth(at=40, used=40))
        self.assertEqual(book.sessions["7/s1"].expires, after(30 + 7200))


class LegTests(SynchronousTestCase):
    """Resellers and vendors are charged by the same use, in the same change."""

    def test_all_parties(self) -> None:
        """An xDR a party, the account's in its own money only."""
        book = Book(replace(prepaid(), resellers=((reseller(), Funds()),)))
        book.ask(stop(60, kept=kept(remote_address=CARRIER)))
        rows = [(row.storage.value, row.charged_amount, row.i_customer, row.i_vendor) for row in book.xdrs]
        self.assertEqual(rows, [("a", money("0.02"), 201, 0), ("c", money("0.015"), 301, 0), ("v", money("0.01"), 201, 51)])
        self.assertEqual([(party.role, party.i_party, party.amount) for party in book.parties], [("c", 301, money("0.015")), ("v", 51, money("0.01"))])
        self.assertEqual(book.balance, money("9.98"))

    def test_vendor_of_an_authorized_call(self) -> None:
        """The carrier is known when the call is routed, which is after its authorization: the Stop names it, and it is charged."""
        book = Book(prepaid())
        book.ask(auth())
        book.ask(stop(60, kept=kept(remote_address=CARRIER)))
        self.assertEqual([(party.role, party.i_party, party.amount) for party in book.parties], [("v", 51, money("0.01"))])

    def test_caller_is_no_vendor(self) -> None:
        """The remote address of an authorization is the caller's (examples 01, 02, 04): it is not charged as a carrier."""
        book = Book(prepaid())
        book.ask(auth(kept=kept(remote_address=CARRIER)))
        book.ask(stop(60))
        self.assertEqual(book.parties, [])


class CreditTests(SynchronousTestCase):
    """Credit accounts owe, and their customers with them."""

    def test_both_move(self) -> None:
        """A charge is owed by account and customer; beyond the limit it is marked."""
        book = Book(postpaid("0.01", "5"))
        for asked in (auth(), stop(60)):
            book.ask(asked)
        self.assertEqual((book.view.funds, book.view.customer_funds), (Funds(money("0.02")), Funds(money("0.02"))))
        self.assertEqual((book.xdrs[0].overrun, book.xdrs[0].billing_model), (money("0.01"), 1))

    def test_many_at_once(self) -> None:
        """Nothing is held, so many calls go on; each is charged."""
        book = Book(postpaid("5"))
        for number in range(5):
            book.ask(auth(f"s{number}"))
        for number in range(5):
            book.ask(stop(60, f"s{number}"))
        self.assertEqual((book.balance, book.held, len(book.xdrs)), (money("0.1"), money(0), 5))


class EventTests(SynchronousTestCase):
    """One use without a session."""

    WORLD = catalogue(message=plan(prefix="|", price_per=1, price_first="0.10", price_n="0.10"))

    def test_charged_at_once(self) -> None:
        """The whole is charged, and its key keeps the answer."""
        book = Book(prepaid("1"), self.WORLD)
        decision = book.ask(event(3))
        self.assertEqual((decision.grants[0].units, decision.grants[0].base, book.balance), (3, Base.QUANTITY, money("0.7")))
        self.assertEqual((book.ask(event(3)), book.balance, len(book.xdrs)), (decision, money("0.7"), 1))
        self.assertEqual((book.changes[0].need, book.changes[0].once, book.changes[0].session), (money("0.3"), True, None))

    def test_refused_whole(self) -> None:
        """Too little, nothing, or what others hold: refused, and nothing is charged."""
        self.assertEqual(word(Book(prepaid("0.29"), self.WORLD).ask(event(3))), "insufficient_balance")
        self.assertEqual(word(Book(prepaid("0"), self.WORLD).ask(event(3))), "zero_balance")
        book = Book(prepaid("0.3"), self.WORLD)
        book.ask(auth())
        self.assertEqual((word(book.ask(event(3))), word(book.ask(event(1))), book.balance), ("funds_locked", "funds_locked", money("0.3")))
        self.assertEqual(word(Book(prepaid(blocked=True), self.WORLD).ask(event(1))), "user_denied")
        self.assertEqual(word(Book(prepaid(i_product=0), self.WORLD).ask(event(1))), "not_available")

    def test_free(self) -> None:
        """What costs nothing goes, also below nothing."""
        world = catalogue(message=plan(prefix="|", price_first="0", price_n="0"))
        self.assertEqual([word(Book(prepaid(funds), world).ask(event(1))) for funds in ("0", "-1")], ["ok", "ok"])


class NameTests(SynchronousTestCase):
    """The name of a session in the store."""

    def test_key(self) -> None:
        """Node and session; nothing for a request without one."""
        self.assertEqual([session_key(auth("a/b")), session_key(event(1))], ["7/a/b", ""])
