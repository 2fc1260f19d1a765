"""Reservations: whole, slice and none; what is granted and held, and why nothing is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.rating import rate
from portaswitch.billing.reserve import FundsSeen, funds_seen, protection_of, reseller_over_limit
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Protection, RatePlan, Service, ServicePolicy
from portaswitch.model.charge import Usage
from portaswitch.model.ledger import NO_VIEW, View
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Base, UnitRequest
from tests.unit.builders import AT, FREE, Book, after, alive, auth, catalogue, customer, event, money, plan, postpaid, prepaid, reseller, stop

SLICE = ServicePolicy(protection=Protection.SLICE)
#: Session, what it does, units.
ASKED = st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 90))
COUNT = settings(max_examples=60, deadline=None)


def word(book: Book, *asked: object, **what: object) -> str:
    """The word of the refusal of an authorization."""
    decision = book.ask(auth(*asked, **what))  # type: ignore[arg-type]
    return "ok" if decision.refusal is None else f"{decision.refusal.word} {decision.refusal.return_code}"


class FundsTests(SynchronousTestCase):
    """The two figures of DESIGN.md 3.6."""

    def test_debit(self) -> None:
        """Money left; grantable without what others hold."""
        view = replace(prepaid(), funds=Funds(money(10), money(7)))
        self.assertEqual(funds_seen(view, money(2), AT), FundsSeen(money(10), money(5)))

    def test_credit(self) -> None:
        """The smaller of account and customer, each with its own holds; a temporary limit until its end; no limit at all."""
        view = replace(postpaid("5", "8"), funds=Funds(money(1), money(1)), customer_funds=Funds(money(5), money(2)))
        self.assertEqual(funds_seen(view, money(0), AT), FundsSeen(money(3), money(1)))
        self.assertEqual(funds_seen(view, money(1), AT), FundsSeen(money(3), money(2)))
        temporary = customer(credit_limit=money(8), temp_credit_limit=money(20), temp_credit_until=after(60))
        seen = [funds_seen(replace(view, customer=temporary), money(0), after(at)).gross for at in (49, 51, 60, 69, 71)]
        self.assertEqual(seen, [money(4), *[money(3)] * 4])  # around its end the lower one: the ledger's clock may be ahead
        self.assertEqual(funds_seen(postpaid(None), money(0), AT), FundsSeen(None, None))
        self.assertEqual(funds_seen(postpaid(None, "2"), money(0), AT), FundsSeen(money(2), money(2)))
        self.assertEqual(funds_seen(postpaid("2", None), money(0), AT), FundsSeen(money(2), money(2)))

    def test_nobody(self) -> None:
        """No account has no funds."""
        self.assertEqual(funds_seen(NO_VIEW, money(0), AT), FundsSeen(money(0), money(0)))

    def test_resellers(self) -> None:
        """At the limit is over it; no limit never is; any level counts."""
        def over(*parties: tuple[str | None, str]) -> bool:
            chain = tuple((reseller(credit_limit=None if limit is None else money(limit)), Funds(money(owed))) for limit, owed in parties)
            return reseller_over_limit(replace(prepaid(), resellers=chain), AT)

        near = replace(prepaid(), resellers=((reseller(credit_limit=money(5)), Funds(money("4.5"))),))
        self.assertEqual([reseller_over_limit(near, AT, money(slack)) for slack in ("0.49", "0.5")], [False, True])
        self.assertEqual([over(), over(("5", "4.99")), over(("5", "5")), over((None, "99")), over((None, "0"), ("1", "2"))], [False, False, True, False, True])

    def test_default_protection(self) -> None:
        """The policy's; else debit whole, or slices where the client can re-authorize; credit none."""
        asked, able = UnitRequest(), UnitRequest(minimum=5)
        found = [protection_of(ServicePolicy(), model, unit) for model in (BillingModel.DEBIT, BillingModel.CREDIT) for unit in (asked, able)]
        self.assertEqual(found, [Protection.WHOLE, Protection.SLICE, Protection.NONE, Protection.NONE])
        self.assertIs(protection_of(SLICE, BillingModel.CREDIT, asked), Protection.SLICE)


class WholeTests(SynchronousTestCase):
    """All funds for one session, the default of debit accounts."""

    def test_example(self) -> None:
        """Example 03: 10.00 at 0.02 a minute: 30000 s, and all is held; it is the last grant."""
        book = Book(prepaid())
        decision = book.ask(auth())
        grant = decision.grants[0]
        self.assertEqual((grant.units, grant.last, grant.retained, book.held, decision.facts.limited), (30000, True, 0, money(10), True))
        self.assertEqual(grant.expires, after(30000 + 300))

    def test_second_session(self) -> None:
        """Money that is held is another refusal than no money; the first one's end frees it."""
        book = Book(prepaid())
        book.ask(auth())
        self.assertEqual(word(book, "s2"), "funds_locked 114")
        book.ask(stop(0))
        self.assertEqual(book.granted(auth("s2", at=5)), 30000)

    def test_again(self) -> None:
        """The same session again replaces its hold."""
        book = Book(prepaid())
        self.assertEqual([book.granted(auth(at=at)) for at in (0, 1, 2)], [30000] * 3)
        self.assertEqual((book.held, book.sessions["7/s1"].version), (money(10), 3))

    def test_requested(self) -> None:
        """No more than asked for; the whole is held all the same, and what is held back is told."""
        book = Book(prepaid())
        grant = book.ask(auth(requested=100)).grants[0]
        self.assertEqual((grant.units, grant.last, grant.retained, book.held), (100, False, 0, money(10)))
        grant = Book(prepaid("0.01")).ask(auth(requested=100)).grants[0]
        self.assertEqual((grant.units, grant.last, grant.retained), (30, True, 70))

    def test_longest_session(self) -> None:
        """The policy's greatest length caps the grant."""
        self.assertEqual(Book(prepaid("1000"), catalogue(ServicePolicy(max_units=3600))).granted(auth()), 3600)

    def test_free_call(self) -> None:
        """Nothing costs: granted without any money, and nothing is held, also beside a session that holds all."""
        book = Book(prepaid("0"))
        self.assertEqual((book.granted(auth(called=FREE)), book.held), (86400, money(0)))
        book = Book(prepaid())
        book.ask(auth())
        self.assertEqual((book.granted(auth("s2", called=FREE)), book.held), (86400, money(10)))

    def test_free_call_below_nothing(self) -> None:
        """An overdrawn account can still call what is free ('credit exceeded: only free destinations work'; emergency numbers are such)."""
        self.assertEqual(Book(prepaid("-0.5")).granted(auth(called=FREE)), 86400)
        self.assertEqual(Book(postpaid("5", owed="5.5")).granted(auth(called=FREE)), 86400)


class SliceTests(SynchronousTestCase):
    """A part, extended when the client comes back."""

    def test_as_many_as_fit(self) -> None:
        """With slices of 0.01 on 0.10 ten sessions run at once, and the eleventh finds the funds locked."""
        book = Book(prepaid("0.10"), catalogue(SLICE))
        self.assertEqual([book.granted(auth(f"s{number}")) for number in range(10)], [30] * 10)
        self.assertEqual((book.held, word(book, "s11")), (money("0.10"), "funds_locked 114"))

    def test_by_the_client(self) -> None:
        """A client that says a minimum can re-authorize: a debit account is held by slices for it; a maximum is its wish."""
        book = Book(prepaid())
        self.assertEqual([book.granted(auth("s1", minimum=5)), book.granted(auth("s2", minimum=5, requested=10))], [30, 10])
        self.assertEqual(book.held, money("0.01334"))

    def test_grants_add_up(self) -> None:
        """Re-authorization without a report goes on behind all that was granted; holds cover all of it, at the price of the whole."""
        book = Book(prepaid())
        grants = [book.granted(auth(at=at, minimum=5, requested=10)) for at in range(3)]
        self.assertEqual((grants, book.held, book.sessions["7/s1"].quotas[0].granted), ([10, 10, 10], money("0.01"), 30))

    def test_reported(self) -> None:
        """With a report the new grant begins behind the use; what was granted and not used is not held twice."""
        book = Book(prepaid())
        book.ask(auth(minimum=5, requested=60))
        self.assertEqual(book.granted(auth(at=30, minimum=5, requested=60, used=30)), 60)
        self.assertEqual((book.held, book.sessions["7/s1"].quotas[0].granted), (money("0.03"), 90))

    def test_last(self) -> None:
        """What is left is granted and said to be the last; retained is what was asked for beyond it; then nothing is left."""
        book = Book(prepaid("0.01"))
        first, second = (book.ask(auth(at=at, minimum=1, requested=20)).grants[0] for at in (0, 20))
        self.assertEqual([(grant.units, grant.last, grant.retained) for grant in (first, second)], [(20, False, 0), (10, True, 10)])
        self.assertEqual(word(book, at=40, minimum=1, requested=20), "insufficient_balance 12")

    def test_minimum_out_of_reach(self) -> None:
        """Funds for 3 s do not reach a minimum of 5: too little money, not a session that is over."""
        self.assertEqual(word(Book(prepaid("0.001")), minimum=5), "insufficient_balance 12")

    def test_minimum_above_slice(self) -> None:
        """A client that needs at least 60 s before it comes again gets them, though a slice is 30."""
        self.assertEqual(Book(prepaid()).granted(auth(minimum=60)), 60)
        self.assertEqual(Book(prepaid(), catalogue(ServicePolicy(protection=Protection.SLICE, slice=30, minimum=45))).granted(auth()), 45)

    def test_never_more_than_asked_for(self) -> None:
        """The policy's least grant does not make a client use more than the most it asked for."""
        book = Book(prepaid(), catalogue(ServicePolicy(protection=Protection.SLICE, slice=30, minimum=45)))
        self.assertEqual(book.granted(auth(requested=10)), 10)

    def test_unit(self) -> None:
        """A service counted in kilobytes grants whole ones, never more than the funds, and prices what is begun as a whole."""
        world = catalogue(ServicePolicy(protection=Protection.SLICE, slice=3000), retail=plan(price_per=1, price_first="1", price_n="1"))
        world = replace(world, services={**world.services, 3: Service(3, "Data", "Voice", Base.OCTETS, 1024)})
        book = Book(prepaid("5"), world)
        self.assertEqual((book.granted(auth()), book.held), (3072, money(3)))
        self.assertEqual((book.granted(auth(at=1, used=1500)), book.held), (3072, money(5)))
        self.assertEqual(word(book, at=2, used=5 * 1024), "insufficient_balance 12")

    @COUNT
    @given(st.decimals("0", "2", places=5), st.lists(ASKED, max_size=25), st.sampled_from((1, 7, 60)))
    def test_never_beyond_the_funds(self, funds: Decimal, asked: list[tuple[int, int, int]], step: int) -> None:
        """Whatever sessions ask, report and end: what is granted is paid by holds, and holds never exceed the money."""
        price: RatePlan = plan(interval_first=step, interval_n=step, price_first="0.61", price_n="0.37")
        book = Book(prepaid(str(funds)), catalogue(SLICE, retail=price))
        used: dict[str, int] = {}
        for number, (session, what, units) in enumerate(asked):
            name = f"s{session}"
            key = f"7/{name}"
            if what == 3 and key in book.sessions:
                book.ask(stop(used.get(name, 0), name))
            elif what == 2 and key in book.sessions:
                used[name] = min(used.get(name, 0) + units, book.sessions[key].quotas[0].granted)
                book.ask(alive(used[name], name))
            else:
                book.ask(auth(name, at=number, minimum=1, requested=units))
            self.assertLessEqual(book.held, max(book.balance, money(0)))
            for one in book.sessions.values():
                quota = one.quotas[0]
                if one.status == "o":
                    self.assertGreaterEqual(one.held, rate(price, (), Usage(quota.granted), AT).figure - quota.charged[0])


class NoneTests(SynchronousTestCase):
    """Checked only, the default of credit accounts."""

    def test_limits(self) -> None:
        """Granted up to the smaller limit; nothing is held; so as many sessions as one likes."""
        for view in (postpaid("0.10", None), postpaid(None, "0.10"), postpaid("0.10", "5"), postpaid("5", "0.10")):
            book = Book(view)
            self.assertEqual([book.granted(auth(f"s{number}")) for number in range(3)], [300] * 3)
            self.assertEqual(book.held, money(0))

    def test_limit_reached(self) -> None:
        """At the limit."""
        self.assertEqual(word(Book(postpaid("5", owed="5"))), "credit_limit 6")
        self.assertEqual(word(Book(postpaid(None, "5", owed="5"))), "credit_limit 6")

    def test_unlimited(self) -> None:
        """No limit anywhere: nothing limits the use, and the answer says so."""
        decision = Book(postpaid(None)).ask(auth())
        self.assertEqual((decision.grants[0].units, decision.grants[0].last, decision.facts.limited, decision.facts.available), (None, False, False, None))
        self.assertEqual(Book(postpaid(None)).ask(auth(requested=50)).grants[0].units, 50)

    def test_condition(self) -> None:
        """What was checked is a condition of the change: the row decides, since the remembered balance may be another process' old one."""
        book = Book(postpaid("0.10"))
        book.ask(auth())
        self.assertIsNotNone(book.changes[-1].need)

    def test_held_credit(self) -> None:
        """A policy that holds does it on the account and on its customer."""
        for policy, holds in ((SLICE, "0.01"), (ServicePolicy(protection=Protection.WHOLE), "5")):
            book = Book(postpaid("5", "8"), catalogue(policy))
            book.ask(auth())
            self.assertEqual((book.held, book.view.customer_funds.held), (money(holds), money(holds)))
            book.ask(stop(60))
            self.assertEqual((book.view.funds, book.view.customer_funds), (Funds(money("0.02")), Funds(money("0.02"))))

    def test_sibling_holds(self) -> None:
        """What an account of the same customer holds is not there for this one: locked, not spent."""
        view: View = replace(postpaid(None, "0.10"), customer_funds=Funds(money(0), money("0.10")))
        self.assertEqual(word(Book(view, catalogue(SLICE))), "funds_locked 114")


class WhyNotTests(SynchronousTestCase):
    """No money, held money, too little money, too long a session."""

    def test_empty(self) -> None:
        """Nothing left."""
        self.assertEqual([word(Book(prepaid("0"))), word(Book(prepaid("-1")))], ["zero_balance 4"] * 2)

    def test_breakage(self) -> None:
        """No more than the breakage of the product is as good as nothing: it pays for no call and no message, and what is free may be used."""
        known = catalogue()
        known = replace(known, products={5: replace(known.products[5], breakage=money("0.10"))})
        self.assertEqual([word(Book(view, known)) for view in (prepaid("0.10"), postpaid("0.10"))], ["zero_balance 4", "credit_limit 6"])
        self.assertEqual(Book(prepaid("0.10"), known).ask(event(1)).refusal, Refusal.ZERO_BALANCE)
        self.assertTrue(Book(prepaid("0.10"), known).granted(auth(called=FREE)))
        self.assertEqual(Book(prepaid("0.11"), known).granted(auth()), 330)

    def test_too_little(self) -> None:
        """Less than the first interval costs."""
        self.assertEqual(word(Book(prepaid("0.01"), catalogue(retail=plan(interval_first=60)))), "insufficient_balance 12")
        self.assertEqual(word(Book(postpaid("0.01"), catalogue(retail=plan(interval_first=60)))), "insufficient_balance 12")

    def test_session_too_long(self) -> None:
        """The session has had the most that the policy allows: this session is over, whatever the money."""
        for view in (prepaid(), postpaid("5"), postpaid(None)):
            book = Book(view, catalogue(ServicePolicy(protection=Protection.SLICE, max_units=60)))
            book.ask(auth(requested=60))
            self.assertEqual(word(book, at=60, used=60), "reject_authorization 115")
