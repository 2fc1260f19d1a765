"""Number translation: from what a node dials to the number that is rated."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.numbers import translate
from portaswitch.model.catalogue import DialRule

RULES = (DialRule("011", ""), DialRule("0", "49"), DialRule("00", ""))


class TranslateTests(SynchronousTestCase):
    """Prefix rules and what is noise in a number."""

    def test_example(self) -> None:
        """Example 03: 011 in front of the dialled number is taken off; the longest rule counts, whatever its place."""
        self.assertEqual(translate("01182623634515", RULES), "82623634515")
        self.assertEqual(translate("0049301234", RULES), "49301234")
        self.assertEqual(translate("0301234", RULES), "49301234")
        self.assertEqual(translate("301234", RULES), "301234")

    def test_noise(self) -> None:
        """A plus and the signs that people write go; before the rules are looked at."""
        self.assertEqual(translate("+49 (30) 12-34.5", ()), "493012345")
        self.assertEqual(translate("(0)30 1234", RULES), "49301234")

    def test_what_is_no_number(self) -> None:
        """Words and addresses stay as they are, with their points and dashes."""
        for text in ("JAZZ", "pppoe-service1", "alice@example.com", "+", "*98#", "", "a.b", "1-800-FLOWERS"):
            self.assertEqual(translate(text, ()), text)

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Any text at all gives a text that is no longer than rules make it."""
        self.assertLessEqual(len(translate(text, RULES)), len(text) + 1)
