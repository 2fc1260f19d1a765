"""Every public name has a docstring."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.docstrings import Families, docstring_faults
from tests.rules.source import Source, sources

#: Where all public names count; in the rest of tests/ the module's docstring is enough.
FOLDERS = ("portaswitch", "handlers", "twisted", "bench", "tests/simulators", "tests/rules")


class CheckoutTests(SynchronousTestCase):
    """The rule holds in this checkout."""

    def test_public_names(self) -> None:
        """All public names of the product, the bench, the simulators and the rules."""
        families = Families.of(sources(*FOLDERS))
        faults = [fault for source in sources(*FOLDERS) for fault in docstring_faults(source, families)]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_test_modules(self) -> None:
        """Each module of tests says what it tests."""
        faults = [fault for source in sources("tests") for fault in docstring_faults(source, Families())]
        faults = [fault for fault in faults if "the module" in fault]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


class RuleTests(SynchronousTestCase):
    """The rule finds what it is for."""

    def faults(self, path: str, text: str) -> list[str]:
        """The faults of a sample that is all there is."""
        source = Source(path, text)
        return docstring_faults(source, Families.of([source]))

    def test_missing(self) -> None:
        """Module, class, method, coroutine and function, also under `if`; a blank docstring is none."""
        text = (
            "class A:\n    def f(self): ...\n    class B:\n        async def g(self): ...\n"
            "if x:\n    def h():\n        ' '\n"
        )
        faults = self.faults("portaswitch/a.py", text)
        self.assertEqual(len(faults), 6, faults)

    def test_free(self) -> None:
        """
        Private names, special methods, setters, overloads and nested functions need none; an empty file
        neither.
        """
        text = (
            '"""M."""\nclass A:\n    """A."""\n    def __init__(self): ...\n    def _f(self): ...\n'
            "    @x.setter\n    def x(self, value): ...\n    @overload\n    def y(self): ...\n"
            'def f():\n    """F."""\n    def g(): ...\nclass _B:\n    def f(self): ...\n'
        )
        self.assertEqual(self.faults("portaswitch/a.py", text), [])
        self.assertEqual(self.faults("tests/__init__.py", ""), [])

    def test_handlers(self) -> None:
        """A handler's methods are free, its class is not."""
        text = '"""M."""\nclass Acme:\n    def upsert(self): ...\n'
        self.assertEqual(len(self.faults("handlers/acme.py", text)), 1)
        self.assertEqual(len(self.faults("portaswitch/acme.py", text)), 2)

    def test_inherited(self) -> None:
        """
        A base class or an interface, also at second hand, documents for those below; an unknown base doesn't.
        """
        elders = (
            '"""M."""\nclass IThing(Interface):\n    """I."""\n    def f(): """F."""\n'
            'class Base:\n    """B."""\n    def g(self): """G."""\nclass Middle(Base):\n    """M."""\n'
        )
        child = (
            '@implementer(IThing)\nclass A({}):\n    """A."""\n    def f(self): ...\n    def g(self): ...\n'
        )
        self.assertEqual(self.faults("portaswitch/a.py", elders + child.format("Middle[int]")), [])
        [fault] = self.faults("portaswitch/a.py", elders + child.format("Service"))
        self.assertIn("A.g", fault)
