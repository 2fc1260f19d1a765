"""No skipped test, no swallowed error, no float near money, nothing outside the checkout (hygiene.py)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.hygiene import NEIGHBOURS, float_faults, neighbour_faults, skip_faults, swallow_faults
from tests.rules.source import Source, files, relative, sources, table


class CheckoutTests(SynchronousTestCase):
    """The rules hold in this checkout."""

    def test_no_skips(self) -> None:
        """No test is skipped or marked as todo; the rules' own samples are text, not code."""
        faults = [fault for source in sources("tests") for fault in skip_faults(source)]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_no_swallowed_errors(self) -> None:
        """No error of an unknown kind vanishes anywhere."""
        faults = [fault for source in sources() for fault in swallow_faults(source)]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_no_floats_near_money(self) -> None:
        """
        Billing and the model calculate in Decimal and int, but for exemptions with a reason (money.yaml).
        """
        exempt: dict[str, str] = table("money.yaml")["floats"]
        faults: dict[str, str] = {}
        for source in sources("portaswitch/billing", "portaswitch/model"):
            faults |= float_faults(source)
        unnamed = [text for name, text in faults.items() if name not in exempt]
        self.assertEqual(unnamed, [], "\n" + "\n".join(unnamed))
        self.assertEqual(
            sorted(set(exempt) - set(faults)), [], "exemptions in money.yaml that are not needed"
        )
        self.assertEqual(
            [name for name, reason in exempt.items() if len(str(reason)) < 10], [], "no reason given"
        )

    def test_no_neighbours(self) -> None:
        """No file of ours names a folder that only some machines have beside the checkout."""
        faults = []
        for path in files():
            octets = b"" if path.is_symlink() else path.read_bytes()
            if b"\0" not in octets:
                faults += neighbour_faults(relative(path), octets.decode("utf-8", "replace"))
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


class RuleTests(SynchronousTestCase):
    """Each rule finds what it is for."""

    def test_skips(self) -> None:
        """Each way to skip is found; a local variable of that name is not."""
        for text in (
            "skip = 'later'",
            "class A:\n    todo = 'x'",
            "class A:\n    def test_a(self): ...\n    test_a.skip = 'x'",
            "def test_a(self):\n    raise SkipTest('x')",
            "def test_a(self):\n    raise unittest.SkipTest('x')",
            "@unittest.skipIf(True, 'x')\ndef test_a(self): ...",
            "@unittest.skip('x')\ndef test_a(self): ...",
            "class A:\n    @expectedFailure\n    def test_a(self): ...",
            "def test_a(self):\n    self.skipTest('x')",
        ):
            self.assertEqual(len(skip_faults(Source("tests/a.py", text))), 1, text)
        self.assertEqual(skip_faults(Source("tests/a.py", "def f():\n    skip = 1\n    return skip")), [])

    def test_swallowed(self) -> None:
        """Bare and broad silent handlers are found; a named error or a broad one that is logged is not."""
        for handler in (
            "except:\n    log()",
            "except Exception:\n    pass",
            "except (ValueError, BaseException) as e:\n    ...",
        ):
            self.assertEqual(len(swallow_faults(Source("a.py", f"try:\n    f()\n{handler}"))), 1, handler)
        self.assertEqual(
            len(swallow_faults(Source("a.py", "with contextlib.suppress(Exception):\n    f()"))), 1
        )
        good = "try:\n    f()\nexcept KeyError:\n    pass\nexcept Exception:\n    log()"
        self.assertEqual(swallow_faults(Source("a.py", good)), [])

    def test_floats(self) -> None:
        """
        Literals, calls and complex numbers are found with the function that holds them; annotations are not.
        """
        text = (
            "X = 1e3\nclass A:\n    def f(self, x: float = 1) -> float:\n        return float(x)\n"
            "def g(): return 2.5\n"
        )
        found = float_faults(Source("portaswitch/billing/a.py", text))
        self.assertEqual({name.partition(":")[2] for name in found}, {"", "A.f", "g"})
        self.assertEqual(float_faults(Source("a.py", "x: float\ny = Decimal('1.5') + 1\nz = '1.5'")), {})

    def test_neighbours(self) -> None:
        """Both names are found, with their line."""
        for name in NEIGHBOURS:
            self.assertEqual(len(neighbour_faults("a.sh", f"one\ncp {name}/x .")), 1)
        self.assertEqual(neighbour_faults("a.sh", "usr/share/x shared_buffers"), [])
