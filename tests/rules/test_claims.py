"""
Claims are made only where the wire is seen, on ids that exist, and count only when the test passed
(tests/claims.py).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests import claims
from tests.rules.source import Source, sources


def claim_faults(source: Source) -> list[str]:
    """
    Claims of a file that are misplaced, computed, too many, unknown, on no test, or on a test without
    assertion.
    """
    faults = []
    for node, args in claims.claimed_in(source.text):
        ids = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        called = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
        names = {str(getattr(name, "attr", getattr(name, "id", ""))).lower() for name in called}
        reason = claims.refuse(source.module, tuple(ids))
        if len(ids) != len(args):
            reason = "ids are literal text, so that they can be searched for"
        elif not node.name.startswith("test"):
            reason = f"{node.name} is no test"
        elif not any("assert" in name or "expect" in name for name in names):
            reason = f"{node.name} asserts nothing itself"
        if reason:
            faults.append(source.fault(node.lineno, reason))
    return faults


class CheckoutTests(SynchronousTestCase):
    """The rule holds in this checkout."""

    def test_claims(self) -> None:
        """Every claim of every test is in order."""
        faults = [fault for source in sources("tests") for fault in claim_faults(source)]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_totals(self) -> None:
        """
        The facts are whole: 387 behaviours of 93 integrations and 48 of 16 features (tests/spec/README.md).
        """
        known = list(claims.behaviours())
        groups = {name.rpartition(".")[0] for name in known}
        features = [name for name in known if name.startswith("mr15.")]
        self.assertEqual((len(known), len(features)), (387 + 48, 48))
        self.assertEqual(len(groups), 93 + 16)


class RuleTests(SynchronousTestCase):
    """The rule finds what it is for."""

    def faults(
        self,
        mark: str,
        path: str = "tests/server/test_a.py",
        name: str = "test_a",
        body: str = "self.assertEqual(1, 1)",
    ) -> int:
        """How many faults a sample has."""
        return len(
            claim_faults(Source(path, f"class A:\n    @{mark}\n    def {name}(self):\n        {body}\n"))
        )

    def test_rule(self) -> None:
        """Each way to claim wrongly is found."""
        self.assertEqual(self.faults("claims('calix.7', 'mr15.add-duration.3')"), 0)
        self.assertEqual(self.faults("claims('calix.7')", path="tests/unit/test_a.py"), 1)
        self.assertEqual(self.faults("claims('calix.700')"), 1)
        self.assertEqual(self.faults("claims()"), 1)
        self.assertEqual(self.faults("claims('calix.1', 'calix.2', 'calix.3', 'calix.4')"), 1)
        self.assertEqual(self.faults("claims(CALIX)"), 1)
        self.assertEqual(self.faults("claims('calix.7')", name="helper"), 1)
        self.assertEqual(self.faults("claims('calix.7')", body="pass"), 1)

    def test_decorator_refuses(self) -> None:
        """The decorator itself refuses a test of this module, which sees no wire."""
        error = self.assertRaises(ValueError, claims.claims("calix.7"), self.test_decorator_refuses)
        self.assertIn("tests.rules.test_claims", str(error))


class UnclaimedTests(SynchronousTestCase):
    """docs/unclaimed.rst keeps what it promises."""

    def test_page(self) -> None:
        """It has a line with a reason for each behaviour that no test claims, and for no other."""
        told = re.findall(r"^([a-z0-9][a-z0-9.-]*\.[0-9]+)  +\S", (claims.ROOT / "docs" / "unclaimed.rst").read_text("utf-8"), re.M)
        claimed = claims.written()  # it reads all tests
        wanted = [name for name in claims.behaviours() if name not in claimed]
        self.assertEqual(sorted(told), sorted(wanted))


class RecordTests(SynchronousTestCase):
    """What is recorded, and what the report says of it."""

    def setUp(self) -> None:
        """An empty record of this test's own."""
        self.record = Path(self.mktemp())

    def test_synchronous(self) -> None:
        """A body that returns is recorded, one that raises is not."""

        def good(test: object) -> None:
            pass

        def bad(test: object) -> None:
            raise AssertionError

        claims.recorded(good, ("calix.7",), self.record)(self)
        self.assertRaises(AssertionError, claims.recorded(bad, ("calix.8",), self.record), self)
        self.assertEqual(claims.seen(self.record), {"calix.7"})

    def test_deferred(self) -> None:
        """A Deferred counts when it fires with success, and not before."""
        late: Deferred[None] = Deferred()
        claims.recorded(lambda test: late, ("calix.1",), self.record)(self)
        self.assertEqual(claims.seen(self.record), set())
        late.callback(None)
        failed = claims.recorded(lambda test: fail(AssertionError()), ("calix.2",), self.record)(self)
        self.failureResultOf(failed, AssertionError)
        self.assertEqual(claims.seen(self.record), {"calix.1"})

    def test_coroutine(self) -> None:
        """A coroutine is run, and recorded when it returns."""

        async def body(test: object) -> str:
            return await succeed("done")

        result = claims.recorded(body, ("calix.1", "calix.2"), self.record)(self)
        self.assertEqual(self.successResultOf(result), "done")
        self.assertEqual(claims.seen(self.record), {"calix.1", "calix.2"})

    def test_report(self) -> None:
        """Each group has its count and the numbers that are missing; ids that are no facts don't count."""
        lines = claims.report(["a.1", "a.2", "mr15.b.1"], {"a.2", "mr15.b.1", "c.1"})
        self.assertEqual(
            [line.split() for line in lines],
            [
                ["a", "1", "/", "2", "unclaimed:", "1"],
                ["mr15.b", "1", "/", "1"],
                ["all", "2", "/", "3"],
            ],
        )
