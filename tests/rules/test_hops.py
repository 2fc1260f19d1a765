"""A packet takes seven hops, and they have the names that the documentation gives them (hops.py)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.hops import HOPS, hop_faults
from tests.rules.source import Source, sources

_ENDPOINT = """
from portaswitch.wire.radius import codec
from portaswitch.endpoints.radius_reply import to_reply
from portaswitch.endpoints.radius_request import to_request
class RadiusProtocol:
    def datagramReceived(self, data, addr):
        self._ask(codec.decode(data))
    def _ask(self, packet):
        self._billing.handle(to_request(packet)).addCallback(self._decided)
    def _decided(self, decision):
        to_reply(decision)
"""

#: A small checkout that keeps the rule.
GOOD = {
    "portaswitch/endpoints/radius.py": _ENDPOINT,
    "portaswitch/wire/radius/codec.py": "def decode(data): ...",
    "portaswitch/endpoints/radius_request.py": "def to_request(packet): ...",
    "portaswitch/endpoints/radius_reply.py": "def to_reply(decision): ...",
    "portaswitch/billing/core.py": "class Core:\n    def handle(self, request): self._batcher.add(request)",
    "portaswitch/billing/batch.py": (
        "from portaswitch.billing.session import decide\n"
        "class Batcher:\n    def add(self, request): self._ledger.exchange([decide(request)])"
    ),
    "portaswitch/billing/session.py": "def decide(view, request): ...",
    "portaswitch/store/ledger.py": "class Ledger:\n    def exchange(self, members): ...",
}


class CheckoutTests(SynchronousTestCase):
    """The rule holds in this checkout."""

    def test_seven_hops(self) -> None:
        """All seven names exist, and each is reached from the one before without another module between."""
        self.assertEqual(hop_faults({source.module: source for source in sources("portaswitch")}), [])


class RuleTests(SynchronousTestCase):
    """The rule finds what it is for."""

    def faults(self, **changes: str) -> list[str]:
        """The faults of the good sample with some files changed (named by their last part)."""
        texts = {
            path: changes.get(path.rpartition("/")[2].removesuffix(".py"), text)
            for path, text in GOOD.items()
        }
        samples = [Source(path, text) for path, text in texts.items()]
        return hop_faults({sample.module: sample for sample in samples})

    def test_good(self) -> None:
        """The good sample has no fault."""
        self.assertEqual(self.faults(), [])

    def test_missing(self) -> None:
        """A hop of another name is missed."""
        self.assertEqual(self.faults(session="def judge(view, request): ..."), [f"{HOPS[4]} does not exist"])

    def test_module_between(self) -> None:
        """
        A decoder that is reached through a module of its own is found, and so is a reply that another makes.
        """
        other = _ENDPOINT.replace(
            "portaswitch.wire.radius import codec", "portaswitch.endpoints import codec"
        )
        self.assertEqual(len(self.faults(radius=other)), 1)
        self.assertEqual(
            len(self.faults(radius=_ENDPOINT.replace("        to_reply(", "        answer("))), 1
        )
        self.assertEqual(len(self.faults(radius=_ENDPOINT.replace("self._ask(codec", "print(codec"))), 3)

    def test_core(self) -> None:
        """A queue that leaves the decision, or the exchange, to another module is found."""
        elsewhere = GOOD["portaswitch/billing/batch.py"].replace("billing.session", "billing.deciding")
        self.assertEqual(len(self.faults(batch=elsewhere)), 1)
        self.assertEqual(
            len(self.faults(batch=GOOD["portaswitch/billing/batch.py"].replace(".exchange", ".send"))), 1
        )
