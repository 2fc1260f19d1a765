"""
The table of return codes (tests/spec/radius.yaml, return_codes): each code by the state that means it, through `decide`, or the issue that brings it.

`STATES` and `LATER` together are the whole table: a row of the facts that stands in neither fails here, and so does one that stands in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.core import Core
from portaswitch.billing.limits import Limits
from portaswitch.logs import BillingLog
from portaswitch.model.budget import Budget, SpendPeriod
from portaswitch.model.catalogue import Catalogue, Protection, ServicePolicy
from portaswitch.model.ledger import NO_VIEW
from portaswitch.model.party import BillStatus, Funds, SessionLimits
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Credentials, Decision, Kind, Login
from tests.unit.billing.deck import Deck, Shelf
from tests.unit.billing.test_admission import Secret
from tests.unit.builders import AT, RATED, Book, after, auth, catalogue, money, plan, postpaid, prepaid, request, stop

FACTS = Path(__file__).parents[2] / "spec" / "radius.yaml"
WRONG = Credentials(Login.PAP, Secret("wrong"))
SLICED = catalogue(ServicePolicy(protection=Protection.SLICE))
Row = tuple[str, int]


def told(decision: Decision) -> Row:
    """A decision as a row of the table: word and code."""
    if decision.refusal is not None:
        return decision.refusal.word, decision.refusal.return_code
    return ("success", 0) if decision.facts.limited else ("toll_free_allowed", 13)


def voice_menu() -> Catalogue:
    """The catalogue, its node being one whose users type card numbers."""
    known = catalogue()
    return replace(known, nodes={**known.nodes, 7: replace(known.nodes[7], profile="ivr")})


def wrong_password() -> Decision:
    """A password that is not the account's."""
    return Book(prepaid(password="right")).ask(auth(credentials=WRONG))


def retries() -> Decision:
    """One wrong password more than the core lets pass."""
    deck, clock = Deck(prepaid(password="right")), Clock()
    core = Core(deck, Shelf(catalogue()), BillingLog(None), Limits(password_tries=3), clock.seconds)
    answers: list[Decision] = []
    for place in range(4):
        _ = core.handle(auth(f"s{place}", credentials=WRONG)).addCallback(answers.append)
        deck.land_all()
    return answers[-1]


def call_limit() -> Decision:
    """A second call of an account that may have one."""
    book = Book(postpaid(sessions=SessionLimits(1)))
    book.ask(auth())
    return book.ask(auth("s2"))


def logged_in() -> Decision:
    """A second login of a card that another session has logged in with."""
    book = Book(prepaid())
    book.ask(request(Kind.AUTH, "", called="", login="first"))
    return book.ask(request(Kind.AUTH, "", called="", login="second", key="second"))


def all_held() -> Decision:
    """A second call while the first one holds all the money."""
    book = Book(prepaid())
    book.ask(auth())
    return book.ask(auth("s2"))


def partly_held() -> Decision:
    """A second call while the first one leaves some money, but too little."""
    book = Book(prepaid("0.03"), SLICED)
    book.ask(auth(requested=60, minimum=60))
    return book.ask(auth("s2", requested=60, minimum=60))


def over() -> Decision:
    """An authorization of a session that has ended."""
    book = Book(prepaid())
    book.ask(auth())
    book.ask(stop(60))
    return book.ask(auth(at=90))


def others_session() -> Decision:
    """An authorization that names the session of another user."""
    book = Book(prepaid())
    book.ask(auth())
    return book.ask(auth(at=9, user="999"))


STATES: dict[Row, Callable[[], Decision]] = {
    ("success", 0): lambda: Book(prepaid()).ask(auth()),
    ("invalid_account", 1): lambda: Book(NO_VIEW).ask(auth()),
    ("invalid_password", 2): wrong_password,
    ("account_in_use", 3): logged_in,
    ("call_limit_exceeded", 3): call_limit,
    ("zero_balance", 4): lambda: Book(prepaid("0")).ask(auth()),
    ("card_expired", 5): lambda: Book(prepaid(expiration_date=AT)).ask(auth()),
    ("credit_limit", 6): lambda: Book(postpaid("5", owed="5")).ask(auth()),
    ("user_denied", 7): lambda: Book(prepaid(blocked=True)).ask(auth()),
    ("user_suspended", 7): lambda: Book(prepaid(bill_status=BillStatus.SUSPENDED)).ask(auth()),
    ("not_available", 8): lambda: Book(prepaid()).ask(auth(service="Conference")),
    ("cld_blocked", 9): lambda: Book(prepaid(), catalogue(retail=plan(forbidden=True))).ask(auth()),
    ("cld_barred", 9): lambda: Book(prepaid(barred=("826",))).ask(auth()),
    ("retries_exceeded", 10): retries,
    ("invalid_argument", 11): others_session,
    ("insufficient_balance", 12): lambda: Book(prepaid("0.001")).ask(auth(minimum=60)),
    ("toll_free_allowed", 13): lambda: Book(postpaid(None)).ask(auth()),
    ("invalid_account", 14): lambda: Book(NO_VIEW, voice_menu()).ask(request(Kind.AUTH, "", called="")),
    ("cld_dial_error", 111): lambda: Book(prepaid()).ask(auth(called="82623x634515")),
    ("funds_locked", 114): all_held,
    ("reject_authorization", 115): over,
    ("spend_limit_exceeded", 116): lambda: Book(prepaid(budget=Budget(money(0), SpendPeriod.DAILY))).ask(auth()),
    ("funds_locked", 117): partly_held,
}
#: What brings the rest: issues, or what has to be there first.
SIP_ROUTING = "SIP routing, call features and DID numbers (left out of issue 3; no issue yet)"
LATER: dict[Row, str] = {
    ("bandwidth_limit_exceeded", 3): f"{SIP_ROUTING}: the capacity of connections and sites",
    ("pickup_invalid_cld", 15): f"{SIP_ROUTING}: call pickup",
    ("hairpin_to_pstn", 50): f"{SIP_ROUTING}: routes back to the gateway",
    ("redirect", 51): f"{SIP_ROUTING}: redirect numbers of called accounts",
    ("redirect_to_cs", 52): f"{SIP_ROUTING}: the redirect number of customer service",
    ("redirect", 53): f"{SIP_ROUTING}: redirect addresses of the IP leg",
    ("cld_tmp_unavail", 109): f"{SIP_ROUTING}: called accounts of our own",
    ("cld_unassigned", 110): f"{SIP_ROUTING}: the DID inventory",
    ("preselect_not_set", 112): f"{SIP_ROUTING}: routing plans and selection codes",
}


class ReturnCodeTests(SynchronousTestCase):
    """The table is complete, and each state tells its row."""

    def test_complete(self) -> None:
        """Every row of the facts is here once: shown, or with what brings it."""
        rows = [(row["explanation"], row["h323_return_code"]) for row in yaml.safe_load(FACTS.read_text("utf-8"))["return_codes"]]
        self.assertEqual((len(rows), len(set(rows))), (32, 32))
        self.assertEqual(sorted(rows), sorted([*STATES, *LATER]))

    def test_states(self) -> None:
        """Each state brings its word and code."""
        for row, state in STATES.items():
            self.assertEqual(told(state()), row)

    def test_words(self) -> None:
        """Every refusal that we know is a row of the table."""
        self.assertLessEqual({(refusal.word, refusal.return_code) for refusal in Refusal}, {*STATES, *LATER})


class NeighbourTests(SynchronousTestCase):
    """The states beside those of the table, which must not bring its codes."""

    def test_barring(self) -> None:
        """Prefixes of the account or its customer bar what goes out, and only what begins so."""
        mine, theirs = prepaid(barred=("900", "826")), prepaid()
        assert theirs.customer is not None
        theirs = replace(theirs, customer=replace(theirs.customer, barred=("8262",)))
        for view in mine, theirs:
            self.assertEqual(told(Book(view).ask(auth())), ("cld_barred", 9))
        self.assertEqual(told(Book(prepaid(barred=("827", "1" + RATED))).ask(auth())), ("success", 0))

    def test_inherited(self) -> None:
        """By the account's letter: N nobody's, ~ the product's, ^ the customer's, none whoever's; the product's own may be the customer's."""
        theirs, ours = prepaid(), catalogue()
        assert theirs.customer is not None and theirs.account is not None
        for letter, of_product, by_product, by_customer in (
            ("", "Y", True, True), ("Y", "Y", False, False), ("N", "Y", False, False), ("~", "Y", True, False), ("^", "Y", False, True),
            ("~", "^", False, True), ("~", "N", False, False),
        ):  # fmt: skip
            for barred, expected in ((("826",), ()), by_product), (((), ("826",)), by_customer):
                product = replace(ours.products[5], barring=of_product, barred=barred[0])
                view = replace(theirs, account=replace(theirs.account, barring=letter), customer=replace(theirs.customer, barred=barred[1]))
                told_now = told(Book(view, replace(ours, products={5: product})).ask(auth()))
                self.assertEqual(told_now == ("cld_barred", 9), expected, (letter, of_product, barred))

    def test_dialled(self) -> None:
        """Rules of the node come first; stars and crosses may be dialled; other services call by names."""
        self.assertEqual(told(Book(prepaid()).ask(auth(called="011 82 (623) 634-515"))), ("success", 0))
        self.assertEqual(told(Book(prepaid()).ask(auth(called="*82#"))), ("cld_blocked", 9))
        self.assertEqual(told(Book(prepaid()).ask(auth(called="JAZZ", service="Msg"))), ("success", 0))

    def test_card_number(self) -> None:
        """Code 14 is for voice menus: elsewhere, and for a call, it is code 1; an account that is closed is one."""
        ask = request(Kind.AUTH, "", called="")
        self.assertEqual(told(Book(NO_VIEW).ask(ask)), ("invalid_account", 1))
        self.assertEqual(told(Book(NO_VIEW, voice_menu()).ask(auth())), ("invalid_account", 1))
        self.assertEqual(told(Book(prepaid(bill_status=BillStatus.CLOSED), voice_menu()).ask(ask)), ("invalid_account", 1))

    def test_reseller(self) -> None:
        """A reseller over its limit is credit_limit too, and takes no place."""
        view = postpaid()
        assert view.customer is not None
        above = replace(view.customer, i_customer=301, credit_limit=money(5)), Funds(money(5))
        self.assertEqual(told(Book(replace(view, resellers=(above,))).ask(auth())), ("credit_limit", 6))

    def test_expires_later(self) -> None:
        """A card is good until it expires."""
        self.assertEqual(told(Book(prepaid(expiration_date=after(1))).ask(auth())), ("success", 0))
