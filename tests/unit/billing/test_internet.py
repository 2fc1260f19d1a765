"""What an Internet session is told, and the hotline in place of a refusal for funds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.batch import Batcher
from portaswitch.billing.cache import Cache
from portaswitch.billing.internet import HOTLINE_SECONDS
from portaswitch.billing.limits import Limits
from portaswitch.model.access_policy import AccessPolicy, LevelName, Phase, Speed
from portaswitch.model.catalogue import Catalogue, Product, RatingEntry, Service, ServicePolicy
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.period import parse
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Kind
from tests.unit.billing.deck import Deck, Shelf
from tests.unit.builders import CARD, Book, alive, auth, catalogue, plan, prepaid, request, start, stop, tariff

NET = Service(9, "Internet", "Netaccess", Base.TIME)
NOON = Phase("Afternoon", parse("hr{13-17}"), LevelName.TURBO)
PLAIN = AccessPolicy(1, 1, "Home", interim=300, idle_timeout=1800, phases=(NOON,), speeds={LevelName.REGULAR: Speed(1000, None)})
PORTAL = replace(PLAIN, portal="https://portal.example/")
BARRED = replace(PLAIN, default_level=LevelName.BLOCKED, phases=())


def shelf(policy: AccessPolicy | None) -> Catalogue:
    """A catalogue whose product has an Internet entry at 0.02 a minute, and that policy."""
    known = catalogue()
    entry = RatingEntry(39, 9, 0, "", 9, 0, ServicePolicy())
    product = Product(5, "EasyNet", "CAD", Decimal(0), (*known.products[5].entries, entry), 1 if policy else 0)
    hours = tariff(9, plan(i_tariff=9, prefix="NETACCESS"))
    policies = {1: policy} if policy else {}
    return replace(known, services={**known.services, 9: NET}, products={5: product}, tariffs={**known.tariffs, 9: hours}, access_policies=policies)


def net(asked: AAARequest) -> AAARequest:
    """The same of Internet access."""
    return replace(asked, service="Netaccess", parties=replace(asked.parties, called=""))


class InternetCase(SynchronousTestCase):
    """`book` is an account with a policy."""

    def begin(self, policy: AccessPolicy | None, view: View | None = None) -> None:
        """A new book."""
        self.book = Book(view or prepaid("10"), shelf(policy))

    def more(self, decision: Decision) -> dict[str, str]:
        """The further facts of an accept."""
        self.assertIsNone(decision.refusal)
        return dict(decision.facts.more)


class AcceptTests(InternetCase):
    """Facts of an accept."""

    def test_with_a_policy(self) -> None:
        """Level, speeds, timeouts; 10.00 pays for 30000 s, and the afternoon begins in 3600."""
        self.begin(PLAIN)
        self.assertEqual(
            self.more(self.book.ask(net(auth()))),
            {"service": "Netaccess", "interim": "300", "class": "s1", "policy": "Home", "policy_level": "regular", "policy_phase": "regular",
             "upload_rate": "1000", "idle_timeout": "1800", "session_timeout": "3600"},
        )  # fmt: skip

    def test_in_a_phase(self) -> None:
        """Its name is told, and a short grant is what ends the session."""
        self.begin(PLAIN, prepaid("0.10"))
        more = self.more(self.book.ask(net(auth(at=3700))))
        self.assertEqual((more["policy_phase"], more["phase"], more["session_timeout"]), ("turbo", "Afternoon", "300"))
        self.assertNotIn("upload_rate", more)

    def test_without_a_policy(self) -> None:
        """Only the grant limits, and accounting is asked for every 600 s."""
        self.begin(None)
        more = self.more(self.book.ask(net(auth())))
        self.assertEqual(more, {"service": "Netaccess", "interim": "600", "class": "s1", "session_timeout": "30000"})

    def test_of_the_account(self) -> None:
        """Its own policy goes before the product's, and its static address is told."""
        self.begin(PLAIN, prepaid("10", i_access_policy=2, static_ip="192.0.2.9"))
        own = replace(PLAIN, i_access_policy=2, name="Own")
        self.book.catalogue = replace(self.book.catalogue, access_policies={1: PLAIN, 2: own})
        more = self.more(self.book.ask(net(auth())))
        self.assertEqual((more["policy"], more["framed_ip"]), ("Own", "192.0.2.9"))

    def test_voice_is_told_nothing(self) -> None:
        """A call has none of these facts."""
        self.begin(PLAIN, prepaid("10", static_ip="192.0.2.9"))
        self.assertEqual(self.more(self.book.ask(auth())), {})


class HotlineTests(InternetCase):
    """Without funds."""

    def test_without_a_portal(self) -> None:
        """It stays a refusal."""
        self.begin(PLAIN, prepaid("0"))
        self.assertIs(self.book.ask(net(auth())).refusal, Refusal.ZERO_BALANCE)

    def test_with_a_portal(self) -> None:
        """Accepted at the blocked level; nothing is held or charged, whatever is reported; its end leaves a failed xDR that says so."""
        self.begin(PORTAL, prepaid("0"))
        decision = self.book.ask(net(auth()))
        more = self.more(decision)
        self.assertEqual((more["policy_phase"], more["portal"], more["session_timeout"]), ("blocked", PORTAL.portal, str(HOTLINE_SECONDS)))
        self.assertEqual(decision.grants[0].units, HOTLINE_SECONDS)
        for asked in (start(), alive(300), stop(890)):
            self.assertIsNone(self.book.ask(net(asked)).refusal)
        self.assertEqual((self.book.balance, self.book.held), (0, 0))
        self.assertEqual([(row.failed, row.charged_amount, row.history) for row in self.book.xdrs], [(True, 0, "hotline: not charged")])

    def test_who_has_paid(self) -> None:
        """The hotline itself can't go on, since nothing would price it; a new session is an ordinary one."""
        self.begin(PORTAL, prepaid("0"))
        self.more(self.book.ask(net(auth())))
        self.book.view, self.book.opening = replace(self.book.view, funds=replace(self.book.view.funds, balance=Decimal(1))), Decimal(1)
        self.assertIs(self.book.ask(net(auth(at=60))).refusal, Refusal.SESSION_OVER)
        self.assertNotIn("portal", self.more(self.book.ask(net(auth("s2", at=61)))))

    def test_a_paid_session_is_not_turned(self) -> None:
        """When its money is gone it is refused: what it used is still to be charged."""
        self.begin(PORTAL, prepaid("0.01"))
        self.more(self.book.ask(net(auth(requested=30, minimum=1))))
        self.assertIs(self.book.ask(net(auth(at=30, requested=30, minimum=1, used=30))).refusal, Refusal.INSUFFICIENT_BALANCE)
        self.book.ask(net(stop(30)))
        self.assertEqual(self.book.balance, Decimal(0))
        self.assertIn("portal", self.more(self.book.ask(net(auth("s2", at=40)))))

    def test_locked_funds_are_no_reason(self) -> None:
        """Another session of the account has all its money: that comes back by itself."""
        self.begin(PORTAL, prepaid("1"))
        self.more(self.book.ask(net(auth())))
        self.assertIs(self.book.ask(net(auth("s2"))).refusal, Refusal.FUNDS_LOCKED)

    def test_a_blocked_level(self) -> None:
        """Blocked by the timetable: refused without a portal, a hotline with one, money or not."""
        self.begin(BARRED)
        self.assertIs(self.book.ask(net(auth())).refusal, Refusal.USER_DENIED)
        self.begin(replace(BARRED, portal=PORTAL.portal))
        self.assertEqual(self.more(self.book.ask(net(auth())))["portal"], PORTAL.portal)
        self.assertEqual(self.book.held, 0)


class RememberedTests(SynchronousTestCase):
    """A hotline stands for a refusal: what is only remembered of the funds does not do."""

    def test_money_has_come(self) -> None:
        """The account is remembered without money, the row has some: an ordinary session. When it is gone in truth: a hotline, by one more reading."""
        deck = Deck(prepaid("0"))
        batcher = Batcher(deck, Shelf(shelf(PORTAL)), Cache(100, 100), Limits(3, 2, 8), lambda *_: None, Clock().seconds)
        known = batcher.submit(request(Kind.AUTH, "", user=CARD, called=""))
        deck.land_all()
        self.successResultOf(known)
        deck.views[101] = replace(deck.views[101], funds=Funds(Decimal(1)))
        paid = batcher.submit(net(auth()))
        deck.land_all()
        self.assertNotIn("portal", self.successResultOf(paid).facts.more)
        deck.views[101] = replace(deck.views[101], funds=Funds(Decimal(0)))
        poor = batcher.submit(net(auth("s2")))
        deck.land_all()
        self.assertIn("portal", self.successResultOf(poor).facts.more)
