"""Files and functions stay small (sizes.py), but for named exemptions (sizes.yaml)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.sizes import EXCHANGE_LINES, exchange_lines, file_faults, function_faults
from tests.rules.source import Source, files, relative, sources, table


class CheckoutTests(SynchronousTestCase):
    """The rules hold in this checkout."""

    def check(self, kind: str, faults: dict[str, str]) -> None:
        """
        Compare the faults with the exemptions: each fault needs one, each exemption a fault and a reason.
        """
        exempt: dict[str, str] = table("sizes.yaml")[kind]
        unnamed = [text for name, text in faults.items() if name not in exempt]
        self.assertEqual(unnamed, [], "\n" + "\n".join(unnamed))
        self.assertEqual(
            sorted(set(exempt) - set(faults)), [], "exemptions in sizes.yaml that are not needed"
        )
        self.assertEqual(
            [name for name, reason in exempt.items() if len(str(reason)) < 10], [], "no reason given"
        )

    def test_files(self) -> None:
        """No file of Python or SQL is too long."""
        faults: dict[str, str] = {}
        for path in files(".py", ".sql"):
            faults |= file_faults(relative(path), path.read_text("utf-8"))
        self.check("files", faults)

    def test_functions(self) -> None:
        """No function is too long."""
        faults: dict[str, str] = {}
        for source in sources():
            faults |= function_faults(source)
        self.check("functions", faults)

    def test_exchange(self) -> None:
        """There is one SQL function exchange on the hot path, and it has at most 300 lines."""
        texts = [path.read_text("utf-8") for path in files(".sql", under="portaswitch/store/schema")]
        found = [lines for text in texts if (lines := exchange_lines(text)) is not None]
        self.assertEqual(len(found), 1, "one definition of exchange is expected in portaswitch/store/schema")
        self.assertLessEqual(found[0], EXCHANGE_LINES)


class RuleTests(SynchronousTestCase):
    """Each rule finds what it is for."""

    def test_file(self) -> None:
        """400 lines pass, 401 don't."""
        self.assertEqual(file_faults("a.py", "x\n" * 400), {})
        self.assertIn("401 lines", file_faults("a.sql", "x\n" * 401)["a.sql"])

    def test_function(self) -> None:
        """60 lines pass, 61 don't: methods, coroutines, nested functions, and a decorator counts."""
        body = "        x = 1\n" * 59
        self.assertEqual(function_faults(Source("a.py", f"class A:\n    def f(self):\n{body}")), {})
        long = f"class A:\n    async def f(self):\n{body}        x = 2\n"
        self.assertEqual(list(function_faults(Source("a.py", long))), ["a.py:A.f"])
        decorated = f"class A:\n    @wrap\n    def f(self):\n{body}"
        self.assertIn("61 lines", function_faults(Source("a.py", decorated))["a.py:A.f"])
        nested = f"def g():\n    def f():\n{body}        x = 2\n"
        self.assertEqual(set(function_faults(Source("a.py", nested))), {"a.py:g", "a.py:g.f"})

    def test_exchange(self) -> None:
        """The length runs to the closing dollar quote, whatever its tag and what follows it."""
        text = (
            "-- head\nCREATE OR REPLACE FUNCTION exchange(a int) RETURNS int LANGUAGE sql AS $body$\n"
            "select '$$';\n"
        )
        self.assertEqual(exchange_lines(text + "$body$;\n\nselect 1;\n"), 3)
        self.assertEqual(exchange_lines("create function porta.exchange() as $$\n" + "\n" * 300 + "$$;"), 302)
        self.assertIsNone(exchange_lines("create function exchange_rate(a int) as $$ $$;"))
