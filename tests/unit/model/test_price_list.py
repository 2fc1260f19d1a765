"""A price list finds what a tariff of plain versions finds, in a fraction of the memory."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model import price_list
from portaswitch.model.catalogue import RatePlan, Tariff, Version
from portaswitch.model.price_list import Head, ListedTariff, PriceList

HEAD = Head(7, "T", "CAD", 3, 5, "away", 60, Decimal("0.05"), 1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CENT = "1 6 0.01 0.02 - f"
BARRED = "1 1 0 0 0.10 t"

PREFIXES = st.one_of(st.text("12", min_size=1, max_size=5), st.sampled_from(("|", "VOICEONNET", "NETACCESS", "é")))
ROWS = st.dictionaries(st.tuples(PREFIXES, st.integers(0, 3)), st.sampled_from((CENT, BARRED, None)), max_size=200)
NUMBERS = st.lists(st.one_of(st.text("123", max_size=7), PREFIXES, st.text(max_size=3)), max_size=20)


def listed(rows: dict[tuple[str, int], str | None]) -> ListedTariff:
    """A price list of versions by prefix and day."""
    prices = PriceList(HEAD)
    for number, ((prefix, day), terms) in enumerate(sorted(rows.items(), key=lambda row: (row[0][0], -row[0][1]))):
        prices.add(prefix, 100 + number, 200 + number, (BEGIN + timedelta(days=day)).timestamp(), terms)
    return ListedTariff(7, "T", "CAD", 3, prices, prices.longest)


class PriceListTests(SynchronousTestCase):
    """`PriceList` against `Tariff.find` over its own versions."""

    @settings(deadline=None)
    @given(ROWS, NUMBERS, st.integers(-1, 4))
    def test_finds_as_a_tariff_of_versions(self, rows: dict[tuple[str, int], str | None], numbers: list[str], day: int) -> None:
        """The longest prefix in force, through discontinued ones to shorter ones, | at last."""
        tariff = listed(rows)
        versions = {prefix: tariff.rates[prefix] for prefix in tariff.rates}
        self.assertEqual(sorted(versions), sorted({prefix for prefix, _ in rows}))
        self.assertEqual(sum(map(len, versions.values())), len(rows))
        plain = Tariff(7, "T", "CAD", 3, versions, tariff.longest)
        at = BEGIN + timedelta(days=day)
        for number in numbers:
            self.assertEqual(tariff.find(number, at), plain.find(number, at), number)

    def test_plan(self) -> None:
        """It has the figures of its row and its tariff, and is the same object the second time."""
        tariff = listed({("44", 0): CENT, ("4420", 1): BARRED})
        plan = tariff.find("442079460001", BEGIN)
        assert plan is not None
        self.assertEqual(
            plan, RatePlan(7, "T", "CAD", 100, 200, "44", 1, 6, Decimal("0.01"), Decimal("0.02"), 60, Decimal("0.05"), 5)
        )
        self.assertIs(tariff.find("4499", BEGIN), plan)
        later = tariff.find("442079460001", BEGIN + timedelta(days=1))
        assert later is not None
        self.assertEqual((later.prefix, later.forbidden, later.connect_fee), ("4420", True, Decimal("0.10")))

    def test_versions(self) -> None:
        """The newest first, a discontinued one without a plan; of an unknown prefix a KeyError."""
        tariff = listed({("44", 0): CENT, ("44", 2): None})
        newest, oldest = tariff.rates["44"]
        self.assertEqual((newest, oldest.effective_from), (Version(BEGIN + timedelta(days=2), None), BEGIN))
        self.assertIs(tariff.rates["44"], tariff.rates["44"])
        self.assertNotIn("4", tariff.rates)
        self.assertNotIn("442", tariff.rates)

    def test_kept(self) -> None:
        """No more plans and versions are kept than MOST_PLANS, and those of a prefix go with its plans: `find` gives the plan of the version."""
        self.patch(price_list, "MOST_PLANS", 2)
        tariff = listed({(prefix, 0): CENT for prefix in ("1", "2", "3", "4")})
        for prefix in ("1", "2", "3", "4", "1"):
            (version,) = tariff.rates[prefix]
            self.assertIs(tariff.find(prefix + "0", BEGIN), version.plan)
            (again,) = tariff.rates[prefix]
            self.assertIs(again.plan, version.plan)

    def test_memory(self) -> None:
        """A hundred octets a rate at most, and not one object a rate that would have to be freed."""
        prices = PriceList(HEAD)
        tracemalloc.start()
        try:
            for number in range(50_000):
                prices.add(f"{10_000_000 + number}", number, number, 0.0, CENT)
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(taken, 100 * 50_000)
        found = prices.find("10012345999", BEGIN)
        assert found is not None
        self.assertEqual(found.i_rate, 12345)
