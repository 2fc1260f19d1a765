"""Each module imports only what its layer may (layers.yaml)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.layers import RULES, imports, layer_faults, never_faults, outside_faults, reactor_faults
from tests.rules.source import Source, sources

Rule = Callable[[Source], list[str]]


class CheckoutTests(SynchronousTestCase):
    """The rules hold in this checkout."""

    def check(self, rule: Rule) -> None:
        """Fail with all faults of a rule at once."""
        faults = [fault for source in sources() for fault in rule(source)]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_layers(self) -> None:
        """No layer of the package imports one that it may not."""
        self.check(layer_faults)

    def test_outside(self) -> None:
        """Handlers, simulators and the plug-in keep to their white lists."""
        self.check(outside_faults)

    def test_never(self) -> None:
        """Bench, server tests, the wire and the model import nothing from their black lists."""
        self.check(never_faults)

    def test_reactor(self) -> None:
        """Only tap, cli and the plug-in import the global reactor."""
        self.check(reactor_faults)

    def test_tables_name_real_layers(self) -> None:
        """What layers.yaml allows is itself a layer: a misspelt name would allow nothing and say nothing."""
        known = set(RULES["layers"])
        for layer, allowed in RULES["layers"].items():
            self.assertEqual(set(allowed) - known, set(), layer)
        self.assertEqual(set(RULES["common"]) - known, set())


class RuleTests(SynchronousTestCase):
    """Each rule finds what it is for, in all the ways that Python can import."""

    def test_imports(self) -> None:
        """Relative, nested, aliased, guarded and textual imports are all seen."""
        text = (
            "import a.b as c\nfrom . import d\nfrom ..e import f\n"
            "def g():\n    from h import *\n    import_module('i.j')\n"
            "if TYPE_CHECKING:\n    from k import l\n"
        )
        found = {name for _, name in imports(Source("portaswitch/wire/radius/codec.py", text))}
        expected = {"a.b", "portaswitch.wire.radius.d", "portaswitch.wire.e.f", "h", "i.j", "k.l"}
        self.assertEqual(found, expected)

    def test_package_relative(self) -> None:
        """In an `__init__.py` one dot is the package itself."""
        [found] = imports(Source("portaswitch/store/__init__.py", "from .ledger import Ledger"))
        self.assertEqual(found, (1, "portaswitch.store.ledger.Ledger"))

    def test_layer(self) -> None:
        """A forbidden layer is found in each form; allowed ones, the own one and the common ones are not."""
        for line in (
            "from portaswitch.store import pool",
            "from portaswitch import store",
            "import portaswitch.store.pool",
            "from ..store.pool import Pool",
            "def f():\n    from portaswitch.store import pool",
        ):
            self.assertEqual(len(layer_faults(Source("portaswitch/billing/core.py", line))), 1, line)
        good = (
            "import portaswitch\nfrom portaswitch import __version__, errors\n"
            "from portaswitch.model.money import plain\nfrom portaswitch.interfaces import ILedger\n"
            "from . import session\nimport json"
        )
        self.assertEqual(layer_faults(Source("portaswitch/billing/core.py", good)), [])

    def test_unknown_layer(self) -> None:
        """A layer that nobody entered is a fault."""
        self.assertEqual(len(layer_faults(Source("portaswitch/stuff/x.py", "x = 1"))), 1)

    def test_outside(self) -> None:
        """A handler reaching into the core, and a simulator importing ours, are found."""
        good = "import json\nfrom portaswitch.handler import HTTPHandler"
        self.assertEqual(outside_faults(Source("handlers/calix.py", good)), [])
        for path, line in (
            ("handlers/calix.py", "from portaswitch.store import pool"),
            ("handlers/calix.py", "import handlers.zte"),
            ("handlers/calix.py", "import requests"),
            ("tests/simulators/calix.py", "from portaswitch.handler import Request"),
            ("tests/simulators/calix.py", "import tests.unit"),
            ("twisted/plugins/portaswitch_server.py", "import portaswitch.tap"),
        ):
            self.assertEqual(len(outside_faults(Source(path, line))), 1, line)

    def test_never(self) -> None:
        """The black lists bite, and the Deferred-based part of billing may use Twisted."""
        for path, line in (
            ("bench/run.py", "import portaswitch"),
            ("tests/server/test_radius.py", "from portaswitch.wire.radius import codec"),
            ("portaswitch/wire/radius/codec.py", "from twisted.internet import defer"),
            ("portaswitch/billing/rating.py", "from twisted.internet.defer import Deferred"),
            ("portaswitch/billing/core.py", "import psycopg2"),
        ):
            self.assertEqual(len(never_faults(Source(path, line))), 1, line)
        good = Source("portaswitch/billing/core.py", "from twisted.internet.defer import Deferred")
        self.assertEqual(never_faults(good), [])

    def test_reactor(self) -> None:
        """All three ways to the global reactor are found, but not in tap."""
        for line in (
            "from twisted.internet import reactor",
            "import twisted.internet.reactor",
            "from twisted.internet.reactor import callLater",
        ):
            self.assertEqual(len(reactor_faults(Source("portaswitch/jobs.py", line))), 1, line)
            self.assertEqual(len(reactor_faults(Source("tests/unit/test_jobs.py", line))), 1, line)
            self.assertEqual(reactor_faults(Source("portaswitch/tap.py", line)), [])
