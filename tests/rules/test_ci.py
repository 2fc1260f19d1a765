"""
The programs of .ci: trial's counts are summed rightly, the ratchet only tightens, the README is read as it is
written.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.source import ROOT


def program(name: str) -> Any:
    """Load a program of .ci as a module; its text is not run as a program and leaves no compiled file."""
    path = str(ROOT / ".ci" / name)
    module_name = f"ci_{name.partition('.')[0]}"
    spec = importlib.util.spec_from_file_location(
        module_name, path, loader=SourceFileLoader(module_name, path)
    )
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


_PASSED = "tests.a\n  test ... [OK]\nRan 12 tests in 1.5s\n\nPASSED (successes=12)\n"
_FAILED = "Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=2, successes=2)\n"


class TrialCountTests(SynchronousTestCase):
    """Trial's closing lines."""

    def setUp(self) -> None:
        """Load the program."""
        self.trialcount = program("trialcount.py")

    def test_counts(self) -> None:
        """Two runs in one log are two counts, errors are failures, and other text is none."""
        found = self.trialcount.counts(f"PASSED (successes=9)\n{_PASSED}noise\n{_FAILED}")
        self.assertEqual([(run.passed, run.failed) for run in found], [(12, 0), (2, 3)])

    def test_complaints(self) -> None:
        """A skip, a todo, an empty run and a log without a run are no proof."""
        self.assertEqual(self.trialcount.complaints(_PASSED), [])
        for closing in ("skips=1, successes=1", "expectedFailures=1, successes=1", "unexpectedSuccesses=2"):
            log = f"Ran 2 tests in 0.1s\n\nPASSED ({closing})\n"
            self.assertEqual(len(self.trialcount.complaints(log)), 1, closing)
        self.assertEqual(self.trialcount.complaints("Ran 0 tests in 0.000s\n\nPASSED\n"), ["Ran 0 tests"])
        self.assertEqual(len(self.trialcount.complaints("ImportError: no tests\n")), 1)


class RatchetTests(SynchronousTestCase):
    """The limits of the ratchet."""

    DATA = "at_least:\n  tests: 10     # a comment\nat_most:\n  ignores: 3\n  seconds: 100\n"
    LIMITS = {"at_least": {"tests": 10}, "at_most": {"ignores": 3, "seconds": 100}}

    def setUp(self) -> None:
        """Load the program."""
        self.ratchet = program("ratchet.py")

    def test_worse(self) -> None:
        """Fewer tests, more ignores or more seconds slip; the same holds, unmeasured seconds too."""
        self.assertEqual(self.ratchet.worse(self.LIMITS, {"tests": 10, "ignores": 3}), [])
        self.assertEqual(len(self.ratchet.worse(self.LIMITS, {"tests": 9, "ignores": 4, "seconds": 101})), 3)
        unmeasured = {"at_least": {}, "at_most": {"seconds": 0}}
        self.assertEqual(self.ratchet.worse(unmeasured, {"seconds": 5}), [])

    def test_tightened(self) -> None:
        """What got better is written, with room for seconds; what got worse stays, and so do comments."""
        better = self.ratchet.tightened(self.DATA, self.LIMITS, {"tests": 12, "ignores": 4, "seconds": 20})
        expected = "at_least:\n  tests: 12     # a comment\nat_most:\n  ignores: 3\n  seconds: 40\n"
        self.assertEqual(better, expected)
        self.assertEqual(
            self.ratchet.tightened(self.DATA, self.LIMITS, {"tests": 9, "ignores": 3}), self.DATA
        )

    def test_counts(self) -> None:
        """Tests are functions, ignores are comments: names and text that look alike don't count."""
        text = (
            "class A:\n    def test_a(self): ...\n    async def test_b(self): ...\n"
            "    def tests(self): ...\nx = '# noqa'\n"
        )
        self.assertEqual(self.ratchet.tests_in(text), 2)
        self.assertEqual(self.ratchet.ignores_in(text), 0)
        self.assertEqual(self.ratchet.ignores_in("a = 1  # type: ignore[misc]\nb = 2  # noqa: E501\n"), 2)


_README = """
Server
======

Try it
------

Say::

    $ make run
    ready

and then, elsewhere:

.. code-block:: console

   $ portaswitch radius-test \\
       --user 1
   Access-Accept
   available-funds ... 10.00
   $ portaswitch xdr list

More
----

::

    $ rm -rf important
"""


class ReadmeTests(SynchronousTestCase):
    """The commands of README.rst."""

    def setUp(self) -> None:
        """Load the program."""
        self.readme = program("readme")

    def test_steps(self) -> None:
        """Only what stands under the heading is run, in order, continued lines joined."""
        found = [(step.command, step.expected) for step in self.readme.steps(_README)]
        expected = [
            ("make run", ["ready"]),
            ("portaswitch radius-test --user 1", ["Access-Accept", "available-funds ... 10.00"]),
            ("portaswitch xdr list", []),
        ]
        self.assertEqual(found, expected)

    def test_nothing_to_run(self) -> None:
        """A README without the heading, or without a command under it, is a failure and no success."""
        self.assertRaises(self.readme.Differs, self.readme.steps, "Server\n======\n")
        self.assertRaises(
            self.readme.Differs, self.readme.steps, "Try it\n------\n\nJust do.\n\nMore\n----\n"
        )

    def test_missing(self) -> None:
        """Expected lines come in order, blanks and `...` are lax, other text between is allowed."""
        output = "starting\nAccess-Accept  (2)\n  available-funds  =  10.00\n"
        self.assertIdentical(
            self.readme.missing(["Access-Accept (2)", "available-funds ... 10.00"], output), None
        )
        self.assertEqual(self.readme.missing(["available-funds", "Access-Accept"], output), "Access-Accept")
        self.assertEqual(self.readme.missing(["Access-Reject"], output), "Access-Reject")
