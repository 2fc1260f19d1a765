"""The first leg of a callback, and what is announced beside the limit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.catalogue import Catalogue, Protection, RatingEntry, ServicePolicy
from portaswitch.model.formula import parse
from portaswitch.model.pricing import Pricing
from tests.unit.builders import CARRIER, Book, alive, auth, catalogue, kept, plan, postpaid, prepaid, stop, tariff


def sold(policy: ServicePolicy | None = None, fails: bool = True, **rates: Any) -> Catalogue:
    """The catalogue with an entry that asks nothing for the first leg of a callback that failed."""
    known = catalogue(policy, **rates)
    free = tariff(9, plan(i_tariff=9, price_first="0", price_n="0"))
    entry = RatingEntry(39, 3, 0, "CALLBACK_FAIL", 9, 0, policy or ServicePolicy())
    product = known.products[5]
    return replace(
        known, tariffs={**known.tariffs, 9: free}, products={5: replace(product, entries=(*product.entries, entry))} if fails else known.products
    )


class FirstLegTests(SynchronousTestCase):
    """What the first leg costs."""

    def charged(self, history: str, **what: Any) -> list[tuple[Decimal, int]]:
        """The xDRs of a leg of 60 s that ends with this word: amount and rating entry."""
        book = Book(prepaid(), sold(**what))
        book.ask(auth())
        book.ask(stop(60, kept=kept(**({"callback": history} if history else {}))))
        return [(row.charged_amount, row.i_accessibility) for row in book.xdrs]

    def test_connected(self) -> None:
        """Where the second leg was connected, or none is spoken of, it is a call like any other."""
        self.assertEqual(self.charged("OK"), [(Decimal("0.02"), 31)])
        self.assertEqual(self.charged(""), [(Decimal("0.02"), 31)])

    def test_not_connected(self) -> None:
        """Where it was not, the entry for that holds; a product without one bills it like any other."""
        self.assertEqual(self.charged("ATTEMPT"), [(Decimal(0), 39)])
        self.assertEqual(self.charged("START"), [(Decimal(0), 39)])
        self.assertEqual(self.charged("ATTEMPT", fails=False), [(Decimal("0.02"), 31)])

    def test_charged_already(self) -> None:
        """What was charged at a report stays, and the rest is rated as it began: no piece of a session has another price than the one before."""
        book = Book(prepaid(), sold(ServicePolicy(1, Protection.SLICE, 60, 1, 7200, charge_every=1)))
        book.ask(auth(minimum=1))
        book.ask(alive(30))
        book.ask(stop(60, kept=kept(callback="ATTEMPT")))
        self.assertEqual(sum(row.charged_amount for row in book.xdrs), Decimal("0.02"))

    def test_carried(self) -> None:
        """The vendor that carried the first leg is paid all the same."""
        book = Book(prepaid(), sold())
        book.ask(auth())
        book.ask(stop(60, kept=kept(callback="ATTEMPT", remote_address=CARRIER)))
        self.assertEqual([(row.storage.value, row.charged_amount) for row in book.xdrs], [("a", Decimal(0)), ("v", Decimal("0.01"))])


class AnnouncedTests(SynchronousTestCase):
    """What a caller is told beside the limit."""

    def told(self, text: str, *features: str, view: Any = None, **what: Any) -> tuple[int | None, str]:
        """The grant of a call with a dollar, and the length that is announced."""
        elements = parse(text)
        book = Book(view or prepaid("1"), catalogue(retail=plan(price_first="0.60", price_n="0.60", pricing=Pricing(formula=tuple(elements)))))
        decision = book.ask(auth(kept=kept(**dict.fromkeys(features, "yes")), **what))
        return decision.grants[0].units, decision.facts.more.get("announced", "")

    TRICKY = "60*1@0.60, fee 0.30 tricky, unlimited*1@0.60"

    def test_tricky(self) -> None:
        """A dollar pays for 70 s with the surcharge, and for 100 without; who can't announce, has no tricky surcharge or no limit gets one figure."""
        self.assertEqual(self.told(self.TRICKY, "proclaim_duration"), (70, "100"))
        self.assertEqual(self.told(self.TRICKY), (70, ""))
        self.assertEqual(self.told(self.TRICKY.replace(" tricky", ""), "proclaim_duration"), (70, ""))
        self.assertEqual(self.told(self.TRICKY, "proclaim_duration", view=postpaid(None))[1], "")

    def test_asked_for_less(self) -> None:
        """Whose grant is not the end of the funds is told that grant."""
        self.assertEqual(self.told(self.TRICKY, "proclaim_duration", requested=30, minimum=1), (30, ""))
