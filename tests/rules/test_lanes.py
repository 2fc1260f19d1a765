"""`make test` runs every test module once, whatever its lane."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.lanes import QUICK, ROOT, groups


class LanesTests(SynchronousTestCase):
    """The groups and the checkout."""

    def test_all(self) -> None:
        """No module of the checkout is in no group or in two."""
        dealt = sorted(name for group in groups() for name in group)
        server = [f"tests.server.{path.stem}" for path in Path(ROOT / "tests/server").rglob("test_*.py")]
        self.assertEqual(dealt, sorted([*QUICK, *server]))
