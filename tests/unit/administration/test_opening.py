"""Who an operator is to the audit."""

from __future__ import annotations

import os
from typing import NoReturn

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration import opening
from portaswitch.model.actor import Actor


class OperatorTests(SynchronousTestCase):
    """By the system's name, or the number of a user that has none."""

    def nobody(self) -> NoReturn:
        """What the system says of a number that is in no list (a container)."""
        raise KeyError("getpwuid(): uid not found")

    def test_named(self) -> None:
        """As the system calls him."""
        self.patch(opening, "getuser", lambda: "alice")
        self.assertEqual(opening.operator(7), Actor("cli:alice", 7))

    def test_nameless(self) -> None:
        """Every command works all the same, and the audit says who it was."""
        self.patch(opening, "getuser", self.nobody)
        self.assertEqual(opening.operator(1).name, f"cli:uid-{os.getuid()}")
