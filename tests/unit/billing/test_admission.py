"""Admission: each refusal by the state that means it, in the order that tells a stranger nothing."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.admission import refuse
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.ledger import NO_VIEW, View
from portaswitch.model.party import BillStatus, Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Credentials, Login
from portaswitch.model.verify import Verify
from tests.unit.builders import AT, after, customer, prepaid, reseller


class Secret(Verify):
    """The password that the user typed."""

    __slots__ = ("_given",)

    def __init__(self, given: str) -> None:
        self._given = given

    def __call__(self, password: str) -> bool:
        return password == self._given


def word(view: View, given: str | None = None) -> str:
    """The word of a refusal, 'ok' for none; `given` is a password typed."""
    credentials = None if given is None else Credentials(Login.PAP, Secret(given))
    refusal = refuse(view, credentials, AT)
    return "ok" if refusal is None else refusal.word


class AccountTests(SynchronousTestCase):
    """The account's own states."""

    def test_models(self) -> None:
        """Debit, credit and internal accounts are served; vouchers, beneficiaries and nobody are no accounts."""
        served = {BillingModel.DEBIT: "ok", BillingModel.CREDIT: "ok", BillingModel.INTERNAL: "ok"}
        for model in BillingModel:
            self.assertEqual(word(prepaid(billing_model=model)), served.get(model, "invalid_account"), model)
        self.assertEqual(word(NO_VIEW), "invalid_account")

    def test_statuses(self) -> None:
        """The billing statuses, and the block beside them."""
        words = {"O": "ok", "S": "user_suspended", "C": "invalid_account", "D": "user_denied", "E": "user_denied", "I": "user_denied"}
        self.assertEqual({status.value: word(prepaid(bill_status=status)) for status in BillStatus}, words)
        self.assertEqual(word(prepaid(blocked=True)), "user_denied")

    def test_life(self) -> None:
        """Expired from the very instant on; not yet active until then."""
        self.assertEqual([word(prepaid(expiration_date=after(seconds))) for seconds in (-1, 0, 1)], ["card_expired", "card_expired", "ok"])
        self.assertEqual([word(prepaid(activation_date=after(seconds))) for seconds in (-1, 0, 1)], ["ok", "ok", "user_denied"])

    def test_unused(self) -> None:
        """Refused when it was not used for too long, but not while it has a session: that is use, whatever has been written of it."""
        self.assertEqual([word(prepaid(inactive_from=after(seconds))) for seconds in (-1, 0, 1)], ["user_denied", "user_denied", "ok"])
        unused = prepaid(inactive_from=after(-1))
        for funds in (Funds(unused.funds.balance, outgoing=1), Funds(unused.funds.balance, incoming=1)):
            self.assertEqual(word(replace(unused, funds=funds)), "ok")
        self.assertEqual(word(prepaid(inactive_from=after(-1), expiration_date=after(-1))), "card_expired")

    def test_password(self) -> None:
        """The right one; the empty one for a card without; nothing to prove; and a wrong one tells nothing about the state."""
        locked = prepaid(password="abc")
        self.assertEqual([word(locked, "abc"), word(locked, ""), word(locked, "ABC"), word(locked)], ["ok", "invalid_password", "invalid_password", "ok"])
        self.assertEqual([word(prepaid(), ""), word(prepaid(), "abc")], ["ok", "invalid_password"])
        for state in ({"blocked": True}, {"bill_status": BillStatus.CLOSED}, {"expiration_date": AT}):
            self.assertEqual(word(prepaid(password="abc", **state), "x"), "invalid_password")

    def test_credentials_hide(self) -> None:
        """A proof does not show in logs."""
        self.assertEqual(repr(Credentials(Login.PAP, Secret("abc"))), "Credentials(pap)")
        self.assertNotIn("abc", repr(prepaid(password="abc").account))


class ChainTests(SynchronousTestCase):
    """The customer and every reseller above it."""

    def test_customer(self) -> None:
        """Blocked, suspended and closed customers stop their accounts; a closed customer is not an unknown account."""
        words = [word(replace(prepaid(), customer=customer(bill_status=status))) for status in BillStatus]
        self.assertEqual(words, ["ok", "user_suspended", "user_denied", "user_denied", "user_denied", "user_denied"])
        self.assertEqual(word(replace(prepaid(), customer=customer(blocked=True))), "user_denied")

    def test_resellers(self) -> None:
        """A blocked reseller at any level stops all its subcustomers."""
        near, far = (reseller(), Funds()), (reseller(i_customer=302, blocked=True), Funds())
        words = [word(replace(prepaid(), resellers=chain)) for chain in ((), (near,), (far,), (near, far))]
        self.assertEqual(words, ["ok", "ok", "user_denied", "user_denied"])
        suspended = reseller(bill_status=BillStatus.SUSPENDED)
        self.assertIs(refuse(replace(prepaid(), resellers=((suspended, Funds()),)), None, AT), Refusal.USER_SUSPENDED)
