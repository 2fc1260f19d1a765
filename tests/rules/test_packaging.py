"""The wheel holds what the checkout holds (packaging.py), and handlers and plug-ins can be found."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.packaging import data_faults, listed, package_faults, read
from tests.rules.source import ROOT, files, relative

_SAMPLE = """
[options]
packages =
    portaswitch
    portaswitch.old
    twisted.plugins
[options.package_data]
portaswitch = py.typed
portaswitch.store = schema/*/*.sql
"""


class CheckoutTests(SynchronousTestCase):
    """The rules hold in this checkout."""

    def setUp(self) -> None:
        """Read setup.cfg and the names of our files."""
        self.config = read((ROOT / "setup.cfg").read_text("utf-8"))
        self.paths = [relative(path) for path in files(under="portaswitch")]

    def test_packages(self) -> None:
        """Every package is listed, and every listed one exists."""
        self.assertEqual(package_faults(self.config, self.paths), [])

    def test_data(self) -> None:
        """Every file in the package that is no module is shipped."""
        self.assertEqual(data_faults(self.config, self.paths), [])

    def test_no_package_where_plugins_are(self) -> None:
        """An `__init__.py` would hide handlers and the twistd plug-in from Twisted."""
        for folder in ("handlers", "twisted", "twisted/plugins"):
            self.assertFalse((ROOT / folder / "__init__.py").exists(), folder)

    def test_pinned(self) -> None:
        """
        Each requirement of setup.cfg has its version in .ci/constraints.txt, and each line there is a
        version.
        """
        lines = [line for line in listed((ROOT / ".ci/constraints.txt").read_text("utf-8")) if line[0] != "#"]
        self.assertEqual([line for line in lines if line.count("==") != 1], [])
        pinned = {_plain(line.partition("==")[0]) for line in lines}
        wanted = listed(self.config["options"]["install_requires"])
        for extra in self.config["options.extras_require"].values():
            wanted += listed(extra)
        self.assertEqual({_plain(name.partition("[")[0]) for name in wanted} - pinned, set())

    def test_one_version(self) -> None:
        """setup.cfg takes the version from the package."""
        self.assertEqual(self.config["metadata"]["version"], "attr: portaswitch.__version__")


def _plain(name: str) -> str:
    """A distribution's name as registries compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


class RuleTests(SynchronousTestCase):
    """Each rule finds what it is for."""

    def test_packages(self) -> None:
        """A package that is not listed, one that is gone and one without `__init__.py` are found."""
        paths = ["portaswitch/__init__.py", "portaswitch/new/__init__.py", "portaswitch/bare/x.py"]
        faults = package_faults(read(_SAMPLE), paths)
        self.assertEqual(
            faults,
            [
                "portaswitch/bare/__init__.py is missing",
                "setup.cfg does not list portaswitch.bare",
                "setup.cfg does not list portaswitch.new",
                "setup.cfg lists portaswitch.old, which has no module",
            ],
        )

    def test_data(self) -> None:
        """A file that no pattern takes is found; `*` doesn't reach into a folder."""
        paths = [
            "portaswitch/py.typed",
            "portaswitch/store/schema/tables/10.sql",
            "portaswitch/store/__init__.py",
        ]
        self.assertEqual(data_faults(read(_SAMPLE), paths), [])
        lost = [
            "portaswitch/store/schema/10.sql",
            "portaswitch/store/schema/tables/old/10.sql",
            "portaswitch/x.txt",
        ]
        self.assertEqual(len(data_faults(read(_SAMPLE), lost)), 3)
