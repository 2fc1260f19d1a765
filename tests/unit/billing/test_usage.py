"""Usage by the session's own base: counters, sub-sessions, Alives of idle sessions, what can't be true, clocks around the end of a temporary limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.plausible import CLOCKS, MOST_USED
from portaswitch.model.catalogue import Catalogue, Protection, Service, ServicePolicy
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Kind, QuotaKey, Report, UnitRequest
from portaswitch.model.session import Status
from portaswitch.model.xdr import Xdr
from tests.unit.builders import (
    CARRIER,
    Book,
    after,
    alive,
    auth,
    catalogue,
    customer,
    event,
    expire,
    kept,
    money,
    plan,
    postpaid,
    prepaid,
    request,
    start,
    stop,
)  # fmt: skip

GIGA = 2**30


def world(base: Base, policy: ServicePolicy | None = None, unit: int = 1, service: str = "Voice") -> Catalogue:
    """The usual world, its telephone service being one of another base at 1 for each 1000 units."""
    found = catalogue(policy, retail=plan(price_per=1000, price_first="1", price_n="1"))
    return replace(found, services={**found.services, 3: Service(3, "Other", service, base, unit)})


def told(seconds: int, octets: int = 0, pieces: int | None = None, **what: Any) -> dict[str, Any]:
    """One packet's figures in all its bases."""
    figures = {Base.TIME: seconds, Base.OCTETS: octets} | ({} if pieces is None else {Base.QUANTITY: pieces})
    return {"units": (UnitRequest(used=seconds, counters=figures, **what),)}


class BaseTests(SynchronousTestCase):
    """Of the same packets, each session is charged by its own base."""

    def charged(self, base: Base, seconds: int, octets: int, pieces: int | None = None) -> Xdr:
        """The xDR of one Start, Alive and Stop."""
        book = Book(prepaid(), world(base))
        book.ask(start())
        book.ask(alive(seconds // 2, **told(seconds // 2, octets // 2)))
        book.ask(stop(seconds, **told(seconds, octets, pieces)))
        (row,) = book.xdrs
        self.assertEqual(row.charged_amount, money(row.used_quantity) / 1000)
        return row

    def test_bases(self) -> None:
        """Seconds by time, octets by octets, pieces by quantity (example 07: one unit, not 3175 seconds)."""
        self.assertEqual(self.charged(Base.TIME, 120, 5000).used_quantity, 120)
        self.assertEqual(self.charged(Base.OCTETS, 120, 5000).used_quantity, 5000)
        self.assertEqual(self.charged(Base.QUANTITY, 0, 0, 1).used_quantity, 1)
        book = Book(prepaid(), world(Base.QUANTITY))
        book.ask(auth())
        book.ask(stop(3175, at=1, **told(3175, pieces=1)))
        self.assertEqual((book.xdrs[0].used_quantity, book.balance), (1, money("9.999")))

    def test_never_seen(self) -> None:
        """A lone Stop too; the seconds beside the octets tell when the session began."""
        book = Book(prepaid(), world(Base.OCTETS))
        book.ask(stop(600, at=1000, **told(600, 4000)))
        row = book.xdrs[0]
        self.assertEqual((row.used_quantity, row.connect_time, row.disconnect_time), (4000, after(400), after(1000)))

    def test_whole_units(self) -> None:
        """Octets count in whole units of the service."""
        book = Book(prepaid("100"), world(Base.OCTETS, unit=1024))
        book.ask(stop(600, **told(600, 1_024_001)))
        self.assertEqual((book.xdrs[0].used_quantity, book.xdrs[0].charged_quantity, book.balance), (1_024_001, 1001, money("98.999")))

    def test_reauthorized(self) -> None:
        """A slice begins behind the octets reported, not behind the seconds."""
        policy = ServicePolicy(protection=Protection.SLICE, slice=100, max_units=10**9)
        book = Book(prepaid("1"), world(Base.OCTETS, policy))
        self.assertEqual(book.granted(auth(minimum=1)), 100)
        again = request(Kind.AUTH, at=60, units=(UnitRequest(requested=0, minimum=1, used=60, counters={Base.TIME: 60, Base.OCTETS: 950}),))
        self.assertEqual((book.granted(again), book.held), (50, money("1")))

    def test_asked_in_another_base(self) -> None:
        """Seconds asked for say nothing of octets, but that the client can re-authorize; what it asks in octets beside them counts."""
        policy = ServicePolicy(protection=Protection.SLICE, slice=100, max_units=10**9)
        told = Book(prepaid("1"), world(Base.OCTETS, policy)).granted(auth(minimum=5, requested=600))
        self.assertEqual(told, 100)
        both = UnitRequest(requested=600, minimum=5, alternatives=(UnitRequest(base=Base.OCTETS, requested=250, minimum=10),))
        self.assertEqual(Book(prepaid("1"), world(Base.OCTETS, policy)).granted(request(Kind.AUTH, units=(both,))), 250)
        self.assertEqual(Book(prepaid("1"), world(Base.TIME, policy)).granted(request(Kind.AUTH, units=(both,))), 600)


class PartTests(SynchronousTestCase):
    """Sub-sessions of one session, each with counters that start from nothing (cisco-pdsn.2)."""

    def part(self, name: str, used: int, over: bool = False, at: float = 0) -> AAARequest:
        """A report of a part; `over`: its Stop, behind which the session goes on, and which endpoints therefore tell as an update."""
        made = request(Kind.UPDATE, at=at, units=(UnitRequest(used=used),), kept=kept(part=name))
        return replace(made, key=f"{name}/{used}/{over}")

    def test_one_xdr(self) -> None:
        """Handed over twice, each report repeated: the sum of the parts, one xDR at the end."""
        book = Book(prepaid())
        book.ask(start(kept=kept(part="a")))
        reports = (self.part("a", 30), self.part("b", 5), self.part("a", 40, over=True), self.part("b", 50), self.part("b", 50, over=True), self.part("c", 10))
        for place, report in enumerate(reports):
            book.ask(report)
            book.ask(replace(reports[place // 2], received=after(place)))
        self.assertEqual(book.xdrs, [])
        end = stop(20, at=120, kept=kept(part="c"), units=(UnitRequest(used=20, report=Report.FINAL),))
        for _ in range(2):
            book.ask(end)
        (row,) = book.xdrs
        self.assertEqual((row.used_quantity, book.balance, book.held), (110, money("9.96333"), 0))

    def test_lost_parts(self) -> None:
        """What the sweeper finds is the sum so far; a part that ends late brings the rest."""
        book = Book(prepaid())
        for asked in (self.part("a", 30), self.part("b", 30), expire(), self.part("b", 60, over=True, at=1e6 + 60)):
            book.ask(asked)
        self.assertEqual([row.charged_amount for row in book.xdrs], [money("0.02"), money("0.01")])
        self.assertEqual(book.sessions["7/s1"].quotas[0].parts, (("a", 30), ("b", 60)))

    def test_many(self) -> None:
        """The state stays small whatever a session does; what the oldest parts used stays counted."""
        book = Book(prepaid())
        for number in range(300):
            book.ask(self.part(f"p{number}", 1, at=number))
        quota = book.sessions["7/s1"].quotas[0]
        self.assertEqual((quota.used, len(quota.parts), quota.parts[-1]), (300, 256, ("p299", 1)))


class HuntTests(SynchronousTestCase):
    """A gateway that hunts: each leg it tries has a Stop of its own in the same session."""

    def test_second_leg(self) -> None:
        """Behind a leg that nobody answered the next one is charged, once, and not to the vendor of the first; what comes again behind it changes nothing."""
        silent, answered = stop(0, at=10, key="7/s1/stop/unused", kept=kept(remote_address=CARRIER)), stop(71, at=90)
        book = Book(prepaid())
        for asked in (auth(), start(), silent, silent, start(at=11), answered, silent, answered):
            book.ask(asked)
        self.assertEqual([(row.failed, row.used_quantity, row.charged_amount) for row in book.xdrs], [(True, 0, money(0)), (False, 71, money("0.02367"))])
        self.assertEqual((book.balance, book.held, book.sessions["7/s1"].status), (money("9.97633"), money(0), Status.CLOSED))
        self.assertEqual(book.parties, [])

    def test_all_in_vain(self) -> None:
        """One failed xDR, however many legs nobody answered."""
        book = Book(prepaid())
        for asked in (auth(), stop(0, at=10, key="7/s1/stop/unused"), stop(0, at=20, key="7/s1/other/stop/unused")):
            book.ask(asked)
        self.assertEqual([(row.failed, row.history) for row in book.xdrs], [(True, "not connected")])
        self.assertEqual((book.balance, book.held), (money(10), money(0)))


class IdleTests(SynchronousTestCase):
    """An Alive whose counters stand still keeps its session alive, and seldom writes."""

    def test_half_the_time(self) -> None:
        """Only when more than half of the idle time has passed; a repeat behind it changes nothing more."""
        book = Book(prepaid(), world(Base.OCTETS, ServicePolicy(idle_timeout=1000)))
        book.ask(start())
        for at, changes, expires in ((10, 2, 1010), (300, 2, 1010), (505, 2, 1010), (520, 3, 1520), (521, 3, 1520), (1030, 4, 2030)):
            book.ask(alive(700, at=at, **told(700, 5000)) if at == 10 else replace(alive(700, **told(700, 5000)), at=after(at), received=after(at)))
            self.assertEqual((len(book.changes), book.sessions["7/s1"].expires), (changes, after(expires)), at)
        book.ask(expire(at=2029))
        self.assertIs(book.sessions["7/s1"].status, Status.OPEN)
        book.ask(stop(700, at=2029, **told(700, 6000)))
        self.assertEqual((book.xdrs[0].used_quantity, book.held), (6000, 0))

    def test_nas_with_a_wrong_clock(self) -> None:
        """The expiry is by our clock: a NAS whose clock is years behind is not swept away."""
        book = Book(prepaid())
        long_ago = after(0) - timedelta(days=3000)
        book.ask(replace(start(), at=long_ago))
        book.ask(replace(alive(60), at=long_ago + timedelta(seconds=60), received=after(60)))
        self.assertGreater(book.sessions["7/s1"].expires, after(7000))


class ImpossibleTests(SynchronousTestCase):
    """What can't be true is not charged: the session closes with its holds freed, and the report is kept."""

    def aside(self, book: Book, asked: AAARequest) -> str:
        """Why the report was set aside; '' where it was not."""
        before = len(book.changes)
        book.ask(asked)
        return book.changes[-1].aside if len(book.changes) > before else ""

    def test_longer_than_the_wall_clock(self) -> None:
        """More seconds than have passed since the authorization, beyond the tolerance of 300 s and 1 %."""
        too_long = "it used more seconds than have passed"
        for used, at, why in ((1310, 1000, ""), (1312, 1000, too_long), (371, 71, ""), (10**9, 71, too_long)):
            book = Book(prepaid())
            book.ask(auth())
            self.assertEqual(self.aside(book, stop(used, at=at)), why, used)
            self.assertEqual((book.held, book.sessions["7/s1"].status, bool(book.xdrs[0].charged_amount)), (0, Status.CLOSED, not why))
        self.assertEqual((book.balance, book.xdrs[0].failed, book.xdrs[0].history), (10, True, "set aside: it used more seconds than have passed"))

    def test_clock_of_the_nas(self) -> None:
        """It is years behind, and its packets come all at once: what passed between its Start and its Stop is believed, authorized by our clock or not."""
        for first in ((), (auth(connected=None),)):
            book, past = Book(prepaid()), timedelta(days=3000)
            for asked in (*first, start(connected=after(0) - past), alive(60), stop(3725)):
                book.ask(asked if asked.kind is Kind.AUTH else replace(asked, at=asked.at - past, received=after(1)))
            self.assertEqual([(row.used_quantity, row.failed) for row in book.xdrs], [(3725, False)])

    def test_what_was_told_before(self) -> None:
        """An Alive that can't be true leaves the session as it was; the Stop's impossible figure leaves what the last good one said."""
        book = Book(prepaid())
        for asked in (auth(), alive(60), alive(9000, at=70), stop(10**6, at=120)):
            book.ask(asked)
        self.assertEqual([change.aside != "" for change in book.changes], [False, False, True, True])
        self.assertEqual([(row.used_quantity, row.charged_amount, row.failed) for row in book.xdrs], [(60, money("0.02"), False)])
        self.assertEqual((book.balance, book.held), (money("9.98"), 0))

    def test_born_in_1970(self) -> None:
        """A lone Stop whose connect time is the epoch; one of last month is believed."""
        epoch = after(0) - timedelta(days=365 * 56)
        book = Book(prepaid())
        why = "it lasted longer than a year, and nothing was known of it"
        self.assertEqual(self.aside(book, stop(365 * 56 * 86400, at=0, connected=epoch)), why)
        self.assertEqual((book.balance, book.sessions["7/s1"].opened.started), (10, after(0)))
        self.assertEqual(self.aside(book, stop(30 * 86400, "s2", at=0)), "")
        self.assertEqual(self.aside(book, stop(71, "s3", at=0, connected=epoch)), "")  # only its clock is wrong

    def test_future(self) -> None:
        """An end further ahead than any zone; a clock that is wrong by its zone is no wrong usage."""
        book = Book(prepaid())
        self.assertEqual(self.aside(book, replace(stop(60), at=after(60) + CLOCKS, received=after(60))), "")
        self.assertEqual(self.aside(book, replace(stop(60, "s2"), at=after(61) + CLOCKS, received=after(60))), "it ends in the future")

    def test_too_much(self) -> None:
        """Pieces that no xDR could hold are set aside, or the session could never be closed."""
        for pieces, why in ((MOST_USED, ""), (MOST_USED + 1, "no counter holds so much")):
            book = Book(postpaid(None), world(Base.QUANTITY))
            book.ask(auth())
            asked = request(Kind.STOP, at=100, units=(UnitRequest(used=0, counters={Base.QUANTITY: pieces}),))
            self.assertEqual(self.aside(book, asked), why)

    def test_too_fast(self) -> None:
        """Octets faster than the policy's top rate, by the seconds told or by the wall clock; in general than 100 Gbit/s."""
        slow = ServicePolicy(top_rate=8_000_000, max_units=10**15)
        for octets, why in ((70 * 10**6, ""), (71 * 10**6, "more octets than 8000000 bits a second carry")):
            book = Book(postpaid(None), world(Base.OCTETS, slow))
            book.ask(auth())
            self.assertEqual(self.aside(book, stop(10, at=3600, **told(10, octets))), why)
        book = Book(postpaid(None), world(Base.OCTETS, slow))
        book.ask(auth())
        silent = request(Kind.STOP, at=100, units=(UnitRequest(used=0, counters={Base.OCTETS: 402 * 10**6}),))
        self.assertEqual(self.aside(book, silent), "more octets than 8000000 bits a second carry")
        general = Book(postpaid(None), world(Base.OCTETS))
        self.assertEqual(self.aside(general, stop(3600, **told(3600, 10**13))), "")
        self.assertEqual(self.aside(general, stop(3600, "s2", **told(3600, 10**14))), "more octets than 100000000000 bits a second carry")

    def test_wrapped(self) -> None:
        """A 32 bit counter that wrapped: its Alives change nothing, its Stop is set aside, what was reported before it is charged."""
        book = Book(postpaid(None), world(Base.OCTETS))
        for asked in (auth(), alive(300, **told(300, 4 * GIGA - 5)), alive(600, **told(600, 1000))):
            book.ask(asked)
        self.assertEqual(self.aside(book, stop(900, **told(900, 2000))), "a counter of 32 bits has wrapped")
        self.assertEqual([(row.used_quantity, row.overrun) for row in book.xdrs], [(4 * GIGA - 5, 0)])
        book = Book(postpaid(None), world(Base.OCTETS))
        for asked in (auth(), alive(300, **told(300, GIGA))):
            book.ask(asked)
        self.assertEqual((self.aside(book, stop(900, **told(900, 2000))), book.xdrs[0].used_quantity), ("", GIGA))  # it only went back

    def test_reauthorized_with_nonsense(self) -> None:
        """An authorization that reports it is refused, and kept once."""
        book = Book(prepaid(), catalogue(ServicePolicy(protection=Protection.SLICE)))
        book.ask(auth(minimum=1))
        asked = auth(at=10, minimum=1, used=5000)
        self.assertEqual([book.ask(asked).refusal for _ in range(2)], [Refusal.INVALID_ARGUMENT] * 2)
        self.assertEqual([change.aside for change in book.changes], ["", "it used more seconds than have passed"])
        self.assertEqual(book.granted(auth(at=11, minimum=1, used=5)), 30)

    def test_taken_over(self) -> None:
        """Authorized anew in the middle of a session that we never saw: its beginning lies where its use says."""
        book = Book(prepaid(), catalogue(ServicePolicy(protection=Protection.SLICE)))
        book.ask(auth(at=0, minimum=1, used=5000))
        self.assertEqual((self.aside(book, stop(5100, at=100)), book.xdrs[0].used_quantity), ("", 5100))


class RefusedTests(SynchronousTestCase):
    """What a refused authorization reports is not lost."""

    def test_sweeper(self) -> None:
        """It is held, and the sweeper charges it."""
        book = Book(prepaid("0.02"), catalogue(ServicePolicy(protection=Protection.SLICE)))
        self.assertEqual(book.granted(auth(minimum=1)), 30)
        asked = auth(at=60, minimum=1, used=60)
        self.assertEqual([book.ask(asked).refusal for _ in range(2)], [Refusal.INSUFFICIENT_BALANCE] * 2)
        self.assertEqual((len(book.changes), book.held), (2, money("0.02")))
        self.assertEqual(book.ask(auth(at=61, minimum=1, used=60)).refusal, Refusal.INSUFFICIENT_BALANCE)
        self.assertEqual(len(book.changes), 2)  # nothing new
        book.ask(expire())
        self.assertEqual((book.balance, book.held), (0, 0))

    def test_overrun_of_keys(self) -> None:
        """Free funds cover one key once, not each of them."""
        one, two = (UnitRequest(QuotaKey(group), used=60) for group in (1, 2))
        book = Book(prepaid("0.03"))
        book.ask(request(Kind.STOP, at=60, units=(one, two)))
        self.assertEqual([row.overrun for row in book.xdrs], [0, money("0.01")])

    def test_event(self) -> None:
        """One-shots are as before."""
        self.assertIsNone(Book(prepaid()).ask(event(3)).refusal)


class ClockTests(SynchronousTestCase):
    """A temporary limit ends by the database's clock, a grant is decided by ours."""

    def test_lower_limit_around_the_end(self) -> None:
        """Within ten seconds of it both limits must do; no limit is no bound."""
        who = customer(credit_limit=money(1), temp_credit_limit=money(5), temp_credit_until=after(100))
        self.assertEqual([who.cautious_limit(after(at)) for at in (0, 89, 90, 100, 110, 111)], [money(5), money(5), *[money(1)] * 4])
        self.assertEqual([who.limit(after(at)) for at in (99, 100)], [money(5), money(1)])
        unlimited = replace(who, temp_credit_limit=None)
        self.assertEqual([unlimited.cautious_limit(after(at)) for at in (0, 95)], [None, money(1)])

    def test_decision(self) -> None:
        """What such a customer's account may use is what surely stands behind it."""
        who = customer(credit_limit=money("0.02"), temp_credit_limit=money(5), temp_credit_until=after(100))
        view = replace(postpaid(None), customer=who)
        self.assertEqual([Book(view).granted(auth(at=at)) for at in (95, 105)], [60, 60])
        self.assertEqual(Book(view).granted(auth(at=89)), 15000)
