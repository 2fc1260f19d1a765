"""The contract, for each file in handlers/ and each handler of ours."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.internal import ALWAYS, CONFIGURED
from portaswitch.espf.loader import Loader
from tests.contract import handler_contract
from tests.contract.handler_contract import HandlerContract

HANDLERS = Path(__file__).parents[3] / "handlers"


class AllHandlersTests(SynchronousTestCase):
    """The folder as a whole."""

    def test_found(self) -> None:
        """Every file holds handlers, and no two have one name."""
        loader = Loader([HANDLERS])
        loader.scan()
        self.assertEqual(loader.problems(), [])
        self.assertEqual(len(loader.files), len(list(HANDLERS.glob("*.py"))))


class InternalTests(HandlerContract, SynchronousTestCase):
    """Ours."""

    path = Path(handler_contract.__file__)

    def setUp(self) -> None:
        """They are in no file of their own."""
        self.handlers = (*ALWAYS, *CONFIGURED)


def _made(path: Path) -> type[SynchronousTestCase]:
    name = "".join(part.capitalize() for part in path.stem.split("_")) + "Tests"
    return type(name, (HandlerContract, SynchronousTestCase), {"path": path, "__doc__": f"{path.name}.", "__module__": __name__})


globals().update({made.__name__: made for made in map(_made, sorted(HANDLERS.glob("*.py")))})
