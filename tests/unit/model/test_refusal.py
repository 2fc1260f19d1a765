"""The table of refusals against the facts (tests/spec/radius.yaml, return_codes)."""

from __future__ import annotations

from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.refusal import Refusal

FACTS = Path(__file__).parents[2] / "spec" / "radius.yaml"
#: Rows of the facts that are no refusals, or that routing will answer with.
OTHERS = {("success", 0), ("toll_free_allowed", 13), ("hairpin_to_pstn", 50), ("redirect", 51), ("redirect_to_cs", 52), ("redirect", 53)}


class RefusalTests(SynchronousTestCase):
    """One row a meaning."""

    def test_table(self) -> None:
        """Every refusing row of the facts is here with its code, and no other is."""
        rows = yaml.safe_load(FACTS.read_text(encoding="utf-8"))["return_codes"]
        facts = {(row["explanation"], row["h323_return_code"]) for row in rows}
        self.assertEqual({(refusal.word, refusal.return_code) for refusal in Refusal}, facts - OTHERS)
        self.assertTrue(OTHERS <= facts)

    def test_texts(self) -> None:
        """The printed ones, to the letter; each is its own."""
        self.assertEqual(Refusal.INVALID_ACCOUNT.reply_message, "Failed - Invalid Account number")
        self.assertEqual(Refusal.CLD_BLOCKED.reply_message, "Failed - Called number blocked")
        self.assertEqual(len({refusal.reply_message for refusal in Refusal}), len(Refusal))
