"""Places of sessions, the login lock, failed attempts and wrong passwords: who may have a session at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import attempts
from portaswitch.billing.tries import Tries
from portaswitch.model.catalogue import Protection, ServicePolicy
from portaswitch.model.ledger import FREELY, NO_VIEW, LockStep, Repeated, View
from portaswitch.model.party import Funds, SessionLimits
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Credentials, Decision, Direction, Kind, Lock, Login
from tests.unit.billing.deck import OTHER, BatchCase
from tests.unit.billing.test_admission import Secret
from tests.unit.builders import CARD, FREE, RATED, Book, after, alive, auth, catalogue, expire, kept, postpaid, prepaid, request, start, stop, unlock

SLICED = catalogue(ServicePolicy(protection=Protection.SLICE))
WRONG, RIGHT = (Credentials(Login.PAP, Secret(word)) for word in ("wrong", "right"))


def login(name: str = "s1", at: float = 0, **what: Any) -> AAARequest:
    """An authentication within a session."""
    return request(Kind.AUTH, "", at, called="", login=name, **({"key": f"login/{name}/{at}"} | what))


def words(book: Book, *asked: AAARequest) -> list[str]:
    """What is told to each."""
    told = [book.ask(one).refusal for one in asked]
    return ["ok" if refusal is None else refusal.word for refusal in told]


class PlaceTests(SynchronousTestCase):
    """Limits of simultaneous sessions."""

    def test_total(self) -> None:
        """The limit refuses the next session; a re-authorization is none; every way to end makes room."""
        for end in stop(30), expire():
            book = Book(postpaid(sessions=SessionLimits(2)))
            self.assertEqual(words(book, auth(), auth("s2"), auth("s3"), auth(at=5)), ["ok", "ok", "call_limit_exceeded", "ok"])
            self.assertEqual(words(book, end, auth("s3")), ["ok", "ok"])

    def test_directions(self) -> None:
        """Each way has its limit."""
        book = Book(postpaid(sessions=SessionLimits(None, 1, 0)))
        coming = auth("in", direction=Direction.INCOMING)
        self.assertEqual(words(book, auth(), coming, auth("s2")), ["ok", "call_limit_exceeded", "call_limit_exceeded"])
        book = Book(postpaid(sessions=SessionLimits(3, None, 1)))
        told = words(book, coming, replace(coming, session="in2", key="k"), auth(), auth("s2"), auth("s3"))
        self.assertEqual(told, ["ok", "call_limit_exceeded", "ok", "ok", "call_limit_exceeded"])

    def test_customer(self) -> None:
        """A customer's limit binds a debit account too, and no money of it moves there."""
        view = prepaid()
        assert view.customer is not None
        book = Book(replace(view, customer=replace(view.customer, sessions=SessionLimits(1))), SLICED)
        self.assertEqual(words(book, auth(), auth("s2"), stop(60), auth("s2")), ["ok", "call_limit_exceeded", "ok", "ok"])
        self.assertEqual(book.view.customer_funds, Funds(outgoing=1))

    def test_happening(self) -> None:
        """What was never authorized is there already: it takes its place beyond the limit, and then nobody else gets one."""
        book = Book(postpaid(sessions=SessionLimits(1)))
        self.assertEqual(words(book, start(), start("s2"), auth("s3")), ["ok", "ok", "call_limit_exceeded"])
        self.assertEqual(words(book, stop(5), auth("s3"), stop(5, "s2"), auth("s3")), ["ok", "call_limit_exceeded", "ok", "ok"])

    def test_free_call(self) -> None:
        """A call that costs nothing takes a place; a one-shot takes none; a leg that isn't rated takes none."""
        book = Book(prepaid(sessions=SessionLimits(1)))
        self.assertEqual(words(book, auth(called=FREE), auth("s2", called=FREE)), ["ok", "call_limit_exceeded"])
        self.assertEqual(words(book, request(Kind.START, "s3"), stop(9), auth("s2")), ["ok", "ok", "ok"])

    def test_costs_nothing(self) -> None:
        """Without limits and locks a report's change says nothing of either."""
        book = Book(postpaid())
        words(book, auth(), alive(30), stop(60))
        self.assertEqual([change.places is FREELY for change in book.changes], [False, True, True])


class LockTests(SynchronousTestCase):
    """PortaBilling_Session and the login of debit accounts."""

    def test_login(self) -> None:
        """A card logs in once; its own session goes on, and every way out frees it."""
        for out in stop(30), unlock(), expire():
            book = Book(prepaid())
            self.assertEqual(words(book, login(), login(at=1), login("s2"), auth("s2"), auth()), ["ok", "ok", "account_in_use", "account_in_use", "ok"])
            self.assertEqual(words(book, login("s2", 2), out, login("s2", 3)), ["account_in_use", "ok", "ok"])

    def test_unlock_without_a_call(self) -> None:
        """Who logged in and hung up: the answering leg unlocks, and another session's leg doesn't."""
        book = Book(prepaid())
        self.assertEqual(words(book, login(), unlock("s2"), login("s2"), unlock(), login("s2", 1)), ["ok", "ok", "account_in_use", "ok", "ok"])

    def test_who_locks(self) -> None:
        """Credit accounts, debit accounts by slices, and logins that name no session lock nothing by themselves."""
        for book in Book(postpaid()), Book(prepaid(), SLICED):
            self.assertEqual((words(book, login(), login("s2"), auth("s2")), book.view.funds.locked_by), (["ok"] * 3, ""))
        book = Book(prepaid())
        self.assertEqual(words(book, login(""), login("s2"), login("", 1)), ["ok", "ok", "ok"])

    def test_words(self) -> None:
        """lock takes it, unlock clears it, nolock checks and leaves its own, ignore neither sets nor checks; credit accounts too."""
        for view in prepaid(), postpaid():
            book = Book(view)
            told = words(book, login(lock=Lock.LOCK), login("s2", lock=Lock.NOLOCK), login("s2", 1, lock=Lock.IGNORE))
            self.assertEqual(told, ["ok", "account_in_use", "ok"])
            self.assertEqual((words(book, login("s2", lock=Lock.LOCK)), book.view.funds.locked_by), (["ok"], "7/s2"))
            self.assertEqual((words(book, login("s2", 3, lock=Lock.NOLOCK)), book.view.funds.locked_by), (["ok"], ""))
            self.assertEqual(words(book, login(at=4, lock=Lock.LOCK), auth("s2", lock=Lock.UNLOCK)), ["ok", "ok"])
            self.assertEqual(book.view.funds.locked_by, "")

    def test_authorization(self) -> None:
        """lock on an authorization locks; by itself an authorization doesn't, its hold is lock enough."""
        book = Book(postpaid())
        self.assertEqual(words(book, auth(), auth("s2"), auth("s3", lock=Lock.LOCK), auth("s4")), ["ok", "ok", "ok", "account_in_use"])
        self.assertEqual(words(book, auth(at=5, lock=Lock.IGNORE), stop(9, "s3"), auth("s4")), ["ok", "ok", "ok"])
        self.assertEqual(words(Book(prepaid()), auth(), auth("s2")), ["ok", "funds_locked"])

    def test_times(self) -> None:
        """A login's lock waits five minutes, or as long as is asked for; an authorization prolongs it to the end of what it holds."""
        book = Book(prepaid())
        words(book, login(), login(at=10, lock_seconds=20), auth(at=30, requested=60))
        self.assertEqual([change.places.until for change in book.changes], [after(300), after(30), after(30 + 60 + 300)])
        self.assertEqual([change.places.step for change in book.changes], [LockStep.SEIZE, LockStep.SEIZE, LockStep.KEEP])


class AttemptTests(SynchronousTestCase):
    """Failed xDRs of refused authorizations."""

    def failed(self, view: View, asked: AAARequest, refusal: Refusal | None = Refusal.ZERO_BALANCE) -> Any:
        """The change that keeps the attempt."""
        return attempts.failed(view, asked, Decision(refusal=refusal), catalogue())

    def test_row(self) -> None:
        """Who, where to, when and why; nothing used and nothing charged."""
        asked = auth(at=7, kept=kept(call_id="c1", subscriber_ip="10.0.0.1"))
        change = self.failed(prepaid("0"), asked)
        (row,) = change.xdrs
        self.assertEqual((row.failed, row.storage.value, row.i_account, row.account_id, row.h323_conf_id), (True, "a", 101, CARD, "s1"))
        self.assertEqual((row.cld, row.rating_pattern, row.i_dest, row.i_service, row.call_id, row.subscriber_ip), (RATED, RATED, 21, 3, "c1", "10.0.0.1"))
        self.assertEqual((row.charged_amount, row.used_quantity, row.connect_time, row.history), (0, 0, after(7), "refused: zero_balance (4)"))
        self.assertEqual((change.session, change.once, change.debit, change.attempt), (None, False, 0, "s1"))

    def test_none(self) -> None:
        """None of an acceptance, an authentication, nobody's account, a stranger, a session that has begun, or usage."""
        book = Book(prepaid())
        book.ask(auth())
        begun = replace(book.view, session=book.sessions["7/s1"])
        self.assertIsNone(self.failed(prepaid(), auth(), None))
        self.assertIsNone(self.failed(begun, auth()))
        for asked, view in (login(), prepaid()), (auth(), NO_VIEW), (stop(9), prepaid()):
            self.assertIsNone(self.failed(view, asked))
        for refusal in attempts.STRANGERS:
            self.assertIsNone(self.failed(prepaid(), auth(), refusal))


class FlightTests(BatchCase):
    """How logins and failed attempts fly."""

    def test_refused(self) -> None:
        """A refusal is read, kept, told; what was kept before is told all the same, and money that came meanwhile counts."""
        self.begin(prepaid("0"), OTHER)
        self.know(CARD)
        for repeated in False, True:
            (done,) = self.ask(auth())
            self.deck.land()
            self.assertEqual((self.word(done), self.attempts()), ("waits", ["s1"]))
            self.deck.sessions.clear()
            self.deck.land(*([Repeated(Decision())] if repeated else []))
            self.assertEqual((self.word(done), self.deck.flights), ("zero_balance", []))

    def test_turned_back(self) -> None:
        """An attempt that meets another account than it was decided on is decided again."""
        self.begin(prepaid("0"), OTHER)
        self.know(CARD)
        (done,) = self.ask(auth())
        self.deck.land()
        self.deck.views[101] = prepaid("1", revision=2)
        self.deck.land_all()
        self.assertEqual((self.word(done), list(self.deck.sessions)), ("ok", ["7/s1"]))

    def test_login(self) -> None:
        """A login takes its lock in one flight, and is told the money behind it, not what was remembered."""
        self.begin(prepaid("1"), OTHER)
        self.know(CARD)
        self.deck.views[101] = prepaid("5")
        first, second = self.ask(login(lock=Lock.LOCK), login("s2"))
        self.deck.land()
        self.assertEqual((self.word(first), self.successResultOf(first).facts.balance), ("ok", 5))
        self.deck.land_all()
        self.assertEqual((self.word(second), self.deck.views[101].funds.locked_by), ("account_in_use", "7/s1"))


class TriesTests(SynchronousTestCase):
    """Wrong passwords."""

    def setUp(self) -> None:
        """Two are let pass in a minute."""
        self.clock = Clock()
        self.tries = Tries(2, 60, self.clock.seconds)

    def wrong(self, **what: Any) -> bool:
        """One more wrong password; whether the next one is looked at no more."""
        asked = auth(credentials=WRONG, **what)
        self.tries.told(asked, Decision(refusal=Refusal.INVALID_PASSWORD))
        return self.tries.exceeded(asked)

    def test_window(self) -> None:
        """Too many are refused until a fixed time behind the first one, whatever is tried meanwhile."""
        self.assertEqual([self.wrong(), self.wrong()], [False, True])
        self.clock.advance(59)
        self.assertTrue(self.tries.exceeded(auth(credentials=RIGHT)))
        self.clock.advance(1)
        self.assertFalse(self.tries.exceeded(auth(credentials=RIGHT)))
        self.assertFalse(self.wrong())

    def test_sources(self) -> None:
        """Other accounts, nodes and addresses are not harmed."""
        self.wrong()
        self.wrong()
        good = auth(credentials=RIGHT)
        others = [replace(good, access_node=9), auth(credentials=RIGHT, user="102"), auth(credentials=RIGHT, kept=kept(subscriber_ip="10.0.0.9")), auth()]
        self.assertEqual([self.tries.exceeded(asked) for asked in others], [False] * 4)

    def test_forgotten(self) -> None:
        """A right password forgets the wrong ones, a node that vouches for its user doesn't; without a limit nothing is counted."""
        self.wrong()
        self.tries.told(auth(), Decision())
        self.assertTrue(self.wrong())
        self.tries.told(auth(credentials=RIGHT), Decision())
        self.assertFalse(self.wrong())
        free = Tries(0, 60, self.clock.seconds)
        free.told(auth(credentials=WRONG), Decision(refusal=Refusal.INVALID_PASSWORD))
        self.assertFalse(free.exceeded(auth(credentials=WRONG)))
