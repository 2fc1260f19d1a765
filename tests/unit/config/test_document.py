"""The reference in docs/ is what the grammar says today."""

from __future__ import annotations

import contextlib
import io
import runpy
import warnings
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config.document import reference, written

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.rst"


class DocumentTests(SynchronousTestCase):
    """docs/configuration.rst."""

    def test_up_to_date(self) -> None:
        """On a failure: python -m portaswitch.config.document > docs/configuration.rst."""
        self.assertEqual(DOCUMENT.read_text(), reference())

    def test_as_a_program(self) -> None:
        """`python -m` writes the reference, and nothing but it."""
        written_to = io.StringIO()
        with contextlib.redirect_stdout(written_to), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # runpy's, for a module that is imported already
            runpy.run_module("portaswitch.config.document", run_name="__main__")
        self.assertEqual(written_to.getvalue(), reference())

    def test_says_kind_default_and_help(self) -> None:
        """Of a key at the top, one in a section, one of a handler."""
        text = reference()
        self.assertIn("``reuse_port``\n    Several processes on this machine", text)
        self.assertIn("    Duration, 5s to 30s. Default: ``10s``.\n", text)
        self.assertIn("``espf.handlers.NAME.class``\n", text)
        self.assertIn("``espf.handlers.NAME.*``\n", text)

    def test_defaults_are_written_as_in_the_file(self) -> None:
        """On one line, quoted where YAML needs it."""
        for default, text in (
            (None, "null"),
            (False, "false"),
            (64, "64"),
            ("2s", "2s"),
            ([], "[]"),
            ({}, "{}"),
            (["a", "tcp:1"], '[a, "tcp:1"]'),
        ):
            self.assertEqual(written(default), text)
