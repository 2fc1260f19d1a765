"""Rating again: every xDR gives its own figure once more, by what it says itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.rerating import again, bound_as, charged_before, rate_of, why_this_entry
from portaswitch.model.catalogue import Product, RatePlan, RatingEntry, ServicePolicy
from portaswitch.model.pricing import Binding, Pricing
from tests.unit.billing.test_quote import PLANS
from tests.unit.builders import AT, Book, alive, auth, catalogue, plan, prepaid, stop


class ReratingTests(SynchronousTestCase):
    """Of sessions in one piece and in many."""

    @settings(deadline=None)
    @given(PLANS, st.lists(st.integers(1, 4000), min_size=1, max_size=5, unique=True))
    def test_pieces(self, retail: RatePlan, reports: list[int]) -> None:
        """Whatever the pieces of a session, each gives its figure again."""
        book = Book(prepaid("100000"), catalogue(ServicePolicy(charge_every=1), retail=retail))
        book.ask(auth())
        for used in sorted(reports)[:-1]:
            book.ask(alive(used))
        book.ask(stop(max(reports)))
        for row in book.xdrs:
            self.assertEqual(again(retail, row.used_quantity, 1, row.history, AT).figure, row.charged_amount, row.history)
        self.assertEqual(sum(row.charged_amount for row in book.xdrs), again(retail, max(reports), 1, "", AT).figure)

    def test_another_plan(self) -> None:
        """A plan that was changed gives another figure."""
        self.assertNotEqual(again(plan(price_n="0.03"), 71, 1, "", AT).figure, again(plan(), 71, 1, "", AT).figure)

    def test_bound(self) -> None:
        """Today's plan of a session has the session's zone and seed; a plain one has none."""
        mine = Binding(zone="America/Vancouver", seed=7)
        today, kept = replace(plan(), pricing=Pricing()), replace(plan(), pricing=replace(Pricing(), bound=mine))
        rated = bound_as(today, kept).pricing
        assert rated is not None
        self.assertEqual((rated.bound, bound_as(plan(), kept), bound_as(today, None)), (mine, plan(), today))

    def test_unit(self) -> None:
        """Octets are rated in whole units of the service."""
        self.assertEqual(again(plan(price_first="1", price_n="1", price_per=1), 1025, 1024, "", AT).figure, Decimal(2))

    def test_charged_before(self) -> None:
        """What the history says at its end, and only there."""
        self.assertEqual(charged_before("60@0.02/60 = 0.02; 0.015 charged before"), Decimal("0.015"))
        self.assertEqual(charged_before("; 1 charged before, not"), Decimal(0))

    def test_rate_of(self) -> None:
        """A rate by its id among those that a number leads to."""
        tariff = catalogue().tariffs[1]
        self.assertEqual(rate_of(tariff, "82623634515", 11), plan())
        self.assertIsNone(rate_of(tariff, "44", 11))
        self.assertIsNone(rate_of(None, "82", 11))

    def test_why_this_entry(self) -> None:
        """The exact node before any, the access code before none; entries of other services are no rivals."""
        exact, anywhere = RatingEntry(1, 3, 7, "", 1, 0, ServicePolicy()), RatingEntry(2, 3, 0, "", 1, 0, ServicePolicy())
        elsewhere, coded, other = RatingEntry(3, 3, 8, "", 1, 0, ServicePolicy()), RatingEntry(4, 3, 7, "x", 1, 0, ServicePolicy()), RatingEntry(
            5, 4, 0, "", 1, 0, ServicePolicy()
        )  # fmt: skip
        product = Product(5, "P", "CAD", Decimal(0), (exact, anywhere, elsewhere, coded, other))
        told = {entry.i_accessibility: why for entry, why in why_this_entry(exact, product, frozenset((3,)))}
        self.assertEqual(
            told, {2: "is for any node, and the exact node goes first", 3: "is for another node", 4: "is for another access code"}
        )
        self.assertEqual(why_this_entry(coded, product, frozenset((3,)))[0][1], "is for requests whose access code no entry names")
