"""Figures of other levels of the day as one line."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.price_level import is_negative, parse, shown

AMOUNTS = st.decimals(Decimal(-1000), Decimal(1000), places=3).map(str)
UNITS = st.integers(1, 10**9).map(str)


class LevelTests(SynchronousTestCase):
    """There and back."""

    @given(st.fixed_dictionaries({"price_first": AMOUNTS, "price_n": AMOUNTS}, optional={"interval_first": UNITS, "interval_n": UNITS}))
    def test_there_and_back(self, level: dict[str, str]) -> None:
        """What is shown is read as the same."""
        text = shown(level)
        assert text is not None
        self.assertEqual(parse(text), level)
        self.assertEqual(is_negative(level), "-" in level["price_first"].replace("-0.000", "") + level["price_n"].replace("-0.000", ""))

    def test_wrong(self) -> None:
        """No price, a length of 0, words."""
        for text in ("", "60/6@", "0/6@1", "6@1", "1,5", "1/2/3", "x"):
            self.assertRaises(ValueError, parse, text)
        self.assertIsNone(shown(None))
