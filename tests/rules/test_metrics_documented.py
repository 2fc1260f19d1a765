"""Every metric that the server has is explained to operators, and nothing is explained that it has not."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

import portaswitch.service  # noqa: F401  (all that counts is imported by the builder of the tree)
from portaswitch import metrics
from tests.rules.source import ROOT


class MetricsTests(SynchronousTestCase):
    """docs/metrics.rst against the registry."""

    def test_documented(self) -> None:
        """The same names on both sides."""
        told = set(re.findall(r"``((?:portaswitch|process)_[a-z_]+)", (ROOT / "docs" / "metrics.rst").read_text("utf-8")))
        self.assertEqual(told, set(metrics.names()))
