"""Money: rounding methods and precisions, and amounts as digits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.money import MAX_PRECISION, Rounding, plain, round_amount

COUNT = settings(max_examples=150, deadline=None)
AMOUNTS = st.decimals("-1000000", "1000000", places=12)


class RoundingTests(SynchronousTestCase):
    """`round_amount`."""

    def test_worked(self) -> None:
        """Away from zero, half away from zero, five cents; 16.85306 is 16.86 with two decimals."""
        worked = {
            ("16.85306", 2, Rounding.AWAY): "16.86", ("16.85306", 5, Rounding.AWAY): "16.85306", ("0.000001", 5, Rounding.AWAY): "0.00001",
            ("-0.000001", 5, Rounding.AWAY): "-0.00001", ("0.1", 0, Rounding.AWAY): "1", ("16.855", 2, Rounding.HALF): "16.86",
            ("16.8549", 2, Rounding.HALF): "16.85", ("-16.855", 2, Rounding.HALF): "-16.86", ("0.5", 0, Rounding.HALF): "1", ("0.49", 0, Rounding.HALF): "0",
            ("0.025", 5, Rounding.NICKEL): "0.05",
            ("0.0249", 5, Rounding.NICKEL): "0", ("16.86", 0, Rounding.NICKEL): "16.85", ("-0.03", 2, Rounding.NICKEL): "-0.05", ("7", 3, Rounding.NICKEL): "7",
        }  # fmt: skip
        for (amount, precision, method), figure in worked.items():
            self.assertEqual(round_amount(Decimal(amount), precision, method), Decimal(figure), (amount, precision, method))
        self.assertEqual(round_amount(Decimal("0.123451")), Decimal("0.12346"))

    @COUNT
    @given(AMOUNTS, st.integers(0, MAX_PRECISION), st.sampled_from(Rounding))
    def test_laws(self, amount: Decimal, precision: int, method: Rounding) -> None:
        """A whole number of units, less than a unit away (half a unit unless away from zero), on its own side; rounding again changes nothing."""
        unit = Fraction(1, 20) if method is Rounding.NICKEL else Fraction(1, 10**precision)
        figure = round_amount(amount, precision, method)
        off = abs(Fraction(figure) - Fraction(amount))
        self.assertFalse(Fraction(figure) % unit)
        self.assertTrue(off < unit if method is Rounding.AWAY else off <= unit / 2)
        self.assertGreaterEqual(figure * amount, 0)
        self.assertEqual(round_amount(figure, precision, method), figure)
        self.assertEqual(round_amount(-amount, precision, method), -figure)

    @COUNT
    @given(AMOUNTS, AMOUNTS, st.integers(0, MAX_PRECISION), st.sampled_from(Rounding))
    def test_monotone(self, one: Decimal, two: Decimal, precision: int, method: Rounding) -> None:
        """The greater amount has no smaller figure."""
        small, great = sorted((one, two))
        self.assertLessEqual(round_amount(small, precision, method), round_amount(great, precision, method))


class PlainTests(SynchronousTestCase):
    """`plain`."""

    def test_worked(self) -> None:
        """No exponent, no zeros at the end, no minus nought."""
        texts = {"0.020": "0.02", "10": "10", "10.0": "10", "1E+3": "1000", "1E-7": "0.0000001", "-1.50": "-1.5", "100": "100"}
        texts |= dict.fromkeys(("0", "-0.00", "0E+2"), "0")
        self.assertEqual({text: plain(Decimal(text)) for text in texts}, texts)

    @COUNT
    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
    def test_is_the_amount(self, amount: Decimal) -> None:
        """Read back it is the amount."""
        text = plain(amount)
        self.assertEqual(Decimal(text), amount)
        self.assertNotIn("E", text)
