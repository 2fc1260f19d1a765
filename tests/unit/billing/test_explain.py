"""The steps of a decision: the rule that is named is the one that refused, whatever state is behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.explain import explain
from portaswitch.billing.session import decide
from portaswitch.model.budget import Budget, SpendPeriod
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.ledger import NO_VIEW, View
from portaswitch.model.party import BillStatus, Funds, SessionLimits
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Credentials, Login
from portaswitch.model.verify import Verify
from tests.unit.builders import AT, Book, alive, auth, catalogue, customer, money, plan, postpaid, prepaid, reseller, start, stop


class Never(Verify):
    """A proof that fits no password."""

    __slots__ = ()

    def __call__(self, password: str) -> bool:
        """It doesn't."""
        return False


WORLD = catalogue()
CALL = auth()


def steps(view: View, request: AAARequest = CALL, known: Catalogue = WORLD) -> dict[str, str]:
    """The steps by name."""
    return dict(explain(view, request, known, decide(view, request, known)))


class RuleTests(SynchronousTestCase):
    """One state after the other."""

    def test_rules(self) -> None:
        """What stands behind each refusal."""
        later, card = AT + timedelta(days=1), prepaid()
        limited = SessionLimits(outgoing=1)
        owing = (reseller(credit_limit=money(5)), Funds(money(7)))
        for word, view, request, text in (
            ("invalid_account", NO_VIEW, CALL, "no account has the id of the request in environment 1"),
            ("invalid_account", prepaid(bill_status=BillStatus.CLOSED), CALL, "the account is closed"),
            ("invalid_password", card, auth(credentials=Credentials(Login.PAP, Never())), "the proof (pap) does not fit the service password of the account"),
            ("user_suspended", prepaid(bill_status=BillStatus.SUSPENDED), CALL, "the account is suspended"),
            ("user_denied", prepaid(blocked=True), CALL, "the account is blocked"),
            ("user_denied", prepaid(activation_date=later), CALL, "the account is not active before 2026-03-10 12:00:00"),
            ("user_denied", replace(card, customer=customer(blocked=True)), CALL, "the customer Retail is blocked"),
            ("user_denied", replace(card, resellers=((reseller(blocked=True), Funds()),)), CALL, "the reseller Reseller is blocked"),
            ("card_expired", prepaid(expiration_date=AT), CALL, "the account expired at 2026-03-09 12:00:00"),
            ("user_denied", prepaid(inactive_from=AT), CALL, "the account was not used for too long: it is inactive since 2026-03-09 12:00:00"),
            ("not_available", prepaid(i_product=0), CALL, "the account has no product"),
            ("not_available", card, auth(service="Wifi"), "product EasyCall has no rating entry for service Wifi at node gw"),
            ("cld_blocked", card, auth(called="9999"), "tariff PrepaidCard has no rate for 9999"),
            ("cld_barred", prepaid(barred=("826",)), CALL, "call barring of the account or its customer forbids 82623634515"),
            ("cld_dial_error", card, auth(called=""), "'' is no number that can be dialled"),
            ("account_in_use", replace(card, funds=Funds(money(10), locked_by="7/x")), CALL, "session 7/x has the login lock of the account"),
            ("call_limit_exceeded", replace(prepaid(sessions=limited), funds=Funds(money(10), outgoing=1)), CALL,
             "account has 1 outgoing and 0 incoming sessions, of at most 1 outgoing"),
            ("credit_limit", replace(card, resellers=(owing,)), CALL, "reseller Reseller owes 7, its limit is 5"),
            ("zero_balance", prepaid("0"), CALL, "available 0 is not above 0, the breakage of the product"),
            ("credit_limit", postpaid("5", owed="5"), CALL, "available 0 is not above 0, the breakage of the product"),
            ("insufficient_balance", prepaid("0.001"), auth(minimum=600),
             "available 0.001 does not pay for the least that may be granted (the client's minimum is 600)"),
            ("spend_limit_exceeded", prepaid(budget=Budget(money(0), SpendPeriod.DAILY)), CALL, "0 spent and 0 held of the account's daily budget of 0"),
            ("funds_locked", replace(card, funds=Funds(money(10), money(10))), CALL, "of 10 available, 0 is not held by other sessions"),
        ):  # fmt: skip
            told = steps(view, request)
            self.assertEqual(told["rule"], f"{word}: {text}")

    def test_forbidden(self) -> None:
        """A rate that forbids is another reason than none."""
        self.assertEqual(steps(prepaid(), known=catalogue(retail=plan(forbidden=True)))["rule"], "cld_blocked: tariff PrepaidCard forbids 82")

    def test_session(self) -> None:
        """Of a session: what it has used and holds, the plan of its start; another's session, a closed one, an impossible report."""
        book = Book(prepaid())
        book.ask(CALL)
        book.ask(start())
        live = replace(book.view, session=book.sessions["7/s1"])
        self.assertEqual(steps(live, alive(30))["session"], "open since 2026-03-09 12:00:00, used 0, holds 10")
        self.assertIn("82623634515 is 82 of tariff PrepaidCard", steps(live, stop(30))["plan"])
        self.assertEqual(steps(live, auth(user="other", at=5))["rule"], "invalid_argument: the session belongs to another account")
        self.assertIn("set aside", steps(live, alive(9_000_000, at=60)))
        self.assertIn("decided before", steps(live, CALL)["rule"])
        book.ask(stop(30))
        closed = replace(book.view, session=book.sessions["7/s1"])
        self.assertEqual(steps(closed, auth(at=90))["rule"], "reject_authorization: the session is closed")

    @settings(max_examples=150, deadline=None)
    @given(
        st.sampled_from(BillStatus), st.booleans(), st.decimals("-5", "20", places=2), st.decimals("0", "5", places=2),
        st.sampled_from(["82623634515", "99", "", "800555"]), st.sampled_from(["", "Voice", "Wifi"]), st.booleans(),
    )  # fmt: skip
    def test_always_told(self, status: BillStatus, blocked: bool, balance: object, held: object, called: str, service: str, credit: bool) -> None:
        """Whatever is refused has one rule, of the refusal's own word; what is accepted has none. Money shows as it was before."""
        what: dict[str, Any] = {"bill_status": status, "blocked": blocked}
        view = postpaid("5", owed=str(balance), **what) if credit else prepaid(str(balance), **what)
        view = replace(view, funds=replace(view.funds, held=money(str(held))))
        request = auth(called=called, service=service)
        refusal = decide(view, request, WORLD).decision.refusal
        told = steps(view, request)
        self.assertEqual(told.get("rule", "").partition(":")[0], refusal.word if refusal is not None else "")
        self.assertIn(f"balance {balance} CAD, held {held}", told["funds"])

    def test_words(self) -> None:
        """A refusal without a rule of its own says its text."""
        outcome = decide(prepaid(), auth(called="9999"), WORLD)
        other = replace(outcome, decision=replace(outcome.decision, refusal=Refusal.CLD_UNASSIGNED))
        self.assertEqual(dict(explain(prepaid(), CALL, WORLD, other))["rule"], "cld_unassigned: Called number unassigned")
