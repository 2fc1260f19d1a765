"""Simulators run in the environment that `make run` makes, as the pages of the handlers say: without what tests need."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

TESTS = Path(__file__).parents[1]


class AloneTests(SynchronousTestCase):
    """The package above the simulators is imported with them; what they import themselves is a matter of layers.yaml."""

    def test_package(self) -> None:
        """`tests` is there without Hypothesis, and registers its profiles with it."""
        self.assertIn("settings", runpy.run_path(str(TESTS / "__init__.py")))
        with mock.patch.dict(sys.modules, {"hypothesis": None}):
            self.assertNotIn("settings", runpy.run_path(str(TESTS / "__init__.py")))

    def test_pages(self) -> None:
        """A page names a module that there is."""
        named = 0
        for page in sorted((TESTS.parent / "docs" / "handlers").glob("*.rst")):
            for line in page.read_text().splitlines():
                if "-m tests.simulators." in line:
                    named += 1
                    module = line.partition("-m tests.simulators.")[2].split()[0]
                    self.assertTrue((TESTS / "simulators" / f"{module}.py").is_file(), f"{page.name}: {module}")
        self.assertGreater(named, 5)
