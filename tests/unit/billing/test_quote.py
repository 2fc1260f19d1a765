"""A quote is the charge that follows, and the longest use is the one that the funds still pay for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.quote import in_force_since, quote
from portaswitch.billing.rating import rate
from portaswitch.model.catalogue import RatePlan, ServicePolicy
from portaswitch.model.charge import Usage
from portaswitch.model.ledger import View
from portaswitch.model.money import Rounding
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Base
from portaswitch.model.xdr import Storage, Xdr
from tests.unit.builders import CARRIER, Book, auth, catalogue, kept, plan, postpaid, prepaid, reseller, stop

PRICES = st.decimals("0", "3", places=3)
PLANS = st.builds(
    lambda first, further, price_first, price_n, fee, precision, rounding: plan(
        interval_first=first, interval_n=further, price_first=price_first, price_n=price_n, connect_fee=fee, precision=precision, rounding=rounding
    ),
    st.integers(1, 90), st.integers(1, 90), PRICES, PRICES, st.sampled_from(("0", "0.05")), st.integers(0, 5), st.sampled_from(Rounding),
)  # fmt: skip
VIEWS = st.one_of(st.builds(prepaid, st.sampled_from(("0", "0.3", "10", "5000"))), st.builds(postpaid, st.sampled_from((None, "0.2", "50"))))


def below(view: View) -> View:
    """The same under a reseller that is charged by tariff 2."""
    return replace(view, resellers=((reseller(), Funds()),))


def amounts(rows: list[Xdr]) -> list[tuple[Storage, Decimal, int, str]]:
    """What is charged to whom."""
    return [(row.storage, row.charged_amount, row.charged_quantity, row.history) for row in rows if not row.failed]


class QuoteTests(SynchronousTestCase):
    """Of calls by the card, whatever the plan."""

    @settings(deadline=None, max_examples=150)
    @given(VIEWS, PLANS, PLANS, st.integers(1, 5000), st.sampled_from((1, 6, 60)))
    def test_quote_is_the_charge(self, view: View, retail: RatePlan, resale: RatePlan, seconds: int, unit: int) -> None:
        """The call that follows costs account, reseller and vendor what was quoted, by the same steps."""
        known = catalogue(retail=retail, resale=replace(resale, i_tariff=2))
        known = replace(known, services={**known.services, 3: replace(known.services[3], unit=unit)})
        found = quote(below(view), auth(), known, seconds, (CARRIER,))
        book = Book(below(view), known)
        self.assertEqual(book.ask(auth()).refusal, found.refusal)
        book.ask(stop(seconds, kept=kept(remote_address=CARRIER)))
        quoted = [price.xdr for price in found.prices]
        self.assertEqual(amounts(quoted), amounts(book.xdrs))
        self.assertEqual([price.leg.plan.i_tariff for price in found.prices], [row.i_tariff for row in book.xdrs])
        self.assertEqual(len(quoted), 3)

    def test_breakage(self) -> None:
        """Funds that count as none reach nowhere, as the refusal says."""
        known = catalogue()
        known = replace(known, products={5: replace(known.products[5], breakage=Decimal("0.10"))})
        found = [quote(prepaid(balance), auth(), known, 60, ()) for balance in ("0.10", "0.11")]
        self.assertEqual([(one.refusal, one.longest) for one in found], [(Refusal.ZERO_BALANCE, 0), (None, 330)])

    @settings(deadline=None)
    @given(VIEWS, PLANS)
    def test_longest(self, view: View, retail: RatePlan) -> None:
        """One unit more than the longest use would cost more than there is, or be longer than the policy allows."""
        found = quote(view, auth(), catalogue(ServicePolicy(max_units=3600), retail=retail), 60)
        account = view.account
        assert account is not None
        funds = view.funds.balance if account.billing_model.owes < 0 else account.credit_limit
        if found.longest is None:
            self.assertTrue(funds is None or not rate(retail, (), Usage(10**9), auth().at).figure > funds)
            return
        assert funds is not None
        self.assertLessEqual(rate(retail, (), Usage(found.longest), auth().at).figure if found.longest else 0, funds)
        if found.longest < 3600:
            self.assertGreater(rate(retail, (), Usage(found.longest + 1), auth().at).figure, funds)

    def test_refused(self) -> None:
        """A blocked account is refused and told the price all the same; what nothing prices has none."""
        found = quote(prepaid(blocked=True), auth(), catalogue(), 60)
        self.assertEqual((found.refusal, [price.xdr.charged_amount for price in found.prices]), (Refusal.USER_DENIED, [Decimal("0.02")]))
        found = quote(prepaid(), auth(called="999"), catalogue(), 60)
        self.assertEqual((found.refusal, found.prices, found.longest), (Refusal.CLD_BLOCKED, (), 0))

    def test_pieces(self) -> None:
        """A use that is not counted in seconds: three messages."""
        found = quote(prepaid(), auth(service="Msg", called=""), catalogue(), 3)
        self.assertEqual((found.base, [price.xdr.charged_amount for price in found.prices]), (Base.QUANTITY, [Decimal("0.06")]))

    def test_nothing_is_changed(self) -> None:
        """The same view gives the same quote again."""
        view = prepaid()
        self.assertEqual(quote(view, auth(), catalogue(), 60), quote(view, auth(), catalogue(), 60))

    def test_in_force_since(self) -> None:
        """The date of the rate; None of one that its tariff has no longer."""
        tariff = catalogue().tariffs[1]
        self.assertEqual(getattr(in_force_since(tariff, plan()), "year", None), 2000)
        self.assertIsNone(in_force_since(tariff, plan(i_rate=99)))
        self.assertIsNone(in_force_since(None, plan()))
