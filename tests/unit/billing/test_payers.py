"""Beneficiaries in decisions: themselves in what they are and may, their payer in all that is money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import budgets, discounts
from portaswitch.billing.admission import refuse
from portaswitch.billing.explain import explain
from portaswitch.billing.session import decide
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import Budget, SpendPeriod
from portaswitch.model.catalogue import Catalogue, Product
from portaswitch.model.discount import Combine, Counters, DiscountPlan
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.party import BillStatus, Funds, Payer, paid_by
from tests.unit.builders import AT, Book, account, after, auth, catalogue, customer, money, stop

#: The payer: a debit account with a product and an add-on of its own.
PAYER = Payer(900, "payer", 41, 6, BillingModel.DEBIT, BillStatus.OPEN, False, addons=(8,))
MONTHLY = Budget(money(3), SpendPeriod.MONTHLY)


def view(payer: Payer = PAYER, balance: str = "10") -> View:
    """A beneficiary of `payer`, which has so much money."""
    return View(paid_by(account(billing_model=BillingModel.BENEFICIARY, revision=2), payer), customer(), Funds(money(balance)))


def known(**plans: int) -> Catalogue:
    """The catalogue with further products of these discount plans, named by p and their number."""
    products = {int(name[1:]): Product(int(name[1:]), name, "CAD", ZERO, (), i_vd_plan=plan) for name, plan in plans.items()}
    found = {number: DiscountPlan(number, f"plan {number}", "CAD", Combine.ORDERED, ()) for number in (1, 2, 3, 4)}
    own = catalogue()
    return replace(own, products={**own.products, **products}, discount_plans=found)


class PayerTests(SynchronousTestCase):
    """What is the payer's."""

    def test_paid_by(self) -> None:
        """Money, limit, plan and budget are the payer's, and the revision rises with either's."""
        payer = replace(PAYER, billing_model=BillingModel.CREDIT, credit_limit=money(5), i_vd_plan=3, budget=MONTHLY)
        found = paid_by(account(billing_model=BillingModel.BENEFICIARY, revision=2), payer)
        self.assertEqual((found.billing_model, found.credit_limit, found.i_vd_plan, found.budget), (BillingModel.CREDIT, money(5), 3, MONTHLY))
        self.assertEqual((found.i_account, found.i_product, found.revision, found.payer), (101, 5, 43, payer))

    def test_call(self) -> None:
        """A call holds and charges by the payer's model; every change names the payer; session and xDR are the beneficiary's."""
        book = Book(view())
        book.ask(auth(minimum=10))
        self.assertGreater(book.held, 0)
        book.ask(stop(60))
        self.assertEqual(({change.i_payer for change in book.changes}, {change.owes for change in book.changes}), ({900}, {-1}))
        self.assertEqual({(row.i_account, row.billing_model) for row in book.xdrs}, {(101, -1)})
        self.assertEqual(book.view.funds, Funds(money("9.98")))

    def test_refused_attempt(self) -> None:
        """An attempt that the payer's money does not cover is refused as the payer's own would be."""
        asked = auth(minimum=10)
        refusal = decide(view(balance="0"), asked, catalogue()).decision.refusal
        self.assertEqual(refusal, decide(View(account(), customer(), Funds()), asked, catalogue()).decision.refusal)
        self.assertIsNotNone(refusal)

    def test_states(self) -> None:
        """A payer that may pay no more refuses its beneficiaries: blocked, expired, or of another status than open."""
        def word(**what: Any) -> str:
            refusal = refuse(view(replace(PAYER, **what)), None, AT)
            return "ok" if refusal is None else refusal.word

        words = {"O": "ok", "S": "user_suspended", "C": "user_denied", "D": "user_denied", "E": "user_denied", "I": "user_denied"}
        self.assertEqual({status.value: word(bill_status=status) for status in BillStatus}, words)
        self.assertEqual((word(blocked=True), word(expiration_date=after(0)), word(expiration_date=after(1))), ("user_denied", "user_denied", "ok"))

    def test_plans(self) -> None:
        """The plans of its own product and add-ons count, then those of its payer's, its payer's own, and the customer's."""
        seen = replace(view(replace(PAYER, i_vd_plan=4)), counters=Counters(addons=(7,)))
        found = discounts.with_plans(seen, known(p7=3, p8=2, p6=1), AT)
        self.assertEqual([plan.i_vd_plan for plan, _ in found.counters.plans.assigned], [3, 2, 1, 4])

    def test_budget(self) -> None:
        """The budget is the payer's, else that of the payer's product; not its own product's."""
        with_budget = replace(known(p6=0), products={5: replace(catalogue().products[5], budget=Budget(money(1), SpendPeriod.DAILY)),
                                                      6: Product(6, "p6", "CAD", ZERO, (), budget=MONTHLY)})  # fmt: skip
        who = view().account
        assert who is not None
        self.assertEqual([one.budget for one in budgets.of(who, customer(), Counters(), with_budget)], [MONTHLY])
        own = Budget(money(2), SpendPeriod.WEEKLY)
        richer = paid_by(account(billing_model=BillingModel.BENEFICIARY), replace(PAYER, budget=own))
        self.assertEqual([one.budget for one in budgets.of(richer, customer(), Counters(), with_budget)], [own])

    def test_explained(self) -> None:
        """A trace says who pays, and whether that may."""
        seen, asked = view(replace(PAYER, blocked=True)), auth()
        steps = dict(explain(seen, asked, catalogue(), decide(seen, asked, catalogue())))
        self.assertEqual(steps["payer"], "payer (#900), blocked")
