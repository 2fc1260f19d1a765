"""Service policies in a catalogue file: how usage is charged, and what is not believed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.loading import Section
from tests.unit.operations.files import file_of


class PolicyTests(SynchronousTestCase):
    """The keys of usage."""

    def test_keys(self) -> None:
        """Purchase is a protection; charge_every and top_rate are numbers, or null for what the service type has."""
        file = file_of("policies:\n  P: {protection: purchase, charge_every: 0, top_rate: 1000000000}\n  Q: {charge_every: null, top_rate: null}\n")
        values = {entry.name: dict(entry.values) for entry in file.of(Section.POLICIES)}
        self.assertEqual(file.faults, ())
        self.assertEqual(values["P"], {"protection": "purchase", "charge_every": 0, "top_rate": 10**9})
        self.assertEqual(values["Q"], {"charge_every": None, "top_rate": None})

    def test_faults(self) -> None:
        """Neither is below what means something."""
        for text in ("charge_every: -1", "top_rate: 0", "protection: sometimes"):
            self.assertEqual(len(file_of(f"policies:\n  P: {{{text}}}\n").faults), 1, text)
