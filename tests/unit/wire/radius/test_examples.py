"""The messages of the interface guide's appendix (tests/spec/examples/radius), through the codec and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import decode, encode_reply, encode_request, verify_reply
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code

DICTIONARY = Dictionary.standard()
SECRET = b"a test secret"
EXAMPLES = Path(__file__).parents[3] / "spec" / "examples" / "radius"

#: What the printed log shows in another way than by an attribute of the wire.
PRINTED_ONLY = {"Password", "Unknown-Attribute", "Message-Authenticator"}
CODES = {
    "Access-Request": Code.ACCESS_REQUEST,
    "Access-Accept": Code.ACCESS_ACCEPT,
    "Access-Reject": Code.ACCESS_REJECT,
    "Accounting-Request": Code.ACCOUNTING_REQUEST,
    "Accounting-Response": Code.ACCOUNTING_RESPONSE,
}


def messages() -> list[tuple[Code, list[tuple[str, Value]]]]:
    """Every example message: its code, and its attributes as printed."""
    found = []
    for path in sorted(EXAMPLES.glob("*.yaml")):
        document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for message in document["messages"]:
            attributes = [
                (item["name"], item["value"])
                for item in message.get("attributes", [])
                if item["name"] not in PRINTED_ONLY
            ]
            found.append((CODES[message["packet"]], attributes))
    return found


class ExampleTests(SynchronousTestCase):
    """Every attribute of every example."""

    def test_round_trip(self) -> None:
        """What goes in comes out: texts as printed, numbers by their number or word, pairs by their names."""
        compared = 0
        for code, attributes in messages():
            packet = decode(self.encoded(code, attributes), SECRET, DICTIONARY) if code in (1, 4) else None
            if packet is None:
                request = encode_request(code - (2 if code == 3 else 1), 5, [], SECRET, DICTIONARY)
                answered = decode(request, SECRET, DICTIONARY)
                reply = encode_reply(answered, code, attributes, SECRET, DICTIONARY)
                packet = verify_reply(reply, request, SECRET, DICTIONARY)
            self.assertEqual((packet.ignored, packet.unknown), (0, 0))
            for name, value in attributes:
                values = [str(given) for given in packet.all(name)] + [packet.named(name)]
                expected = "Interim-Update" if value == "Alive" else str(value)
                if value != "":
                    self.assertIn(expected, values, name)
                    compared += 1
        self.assertGreater(compared, 300)

    def encoded(self, code: Code, attributes: list[tuple[str, Value]]) -> bytes:
        """A request of these attributes."""
        return encode_request(code, 5, attributes, SECRET, DICTIONARY)

    def test_pairs_of_the_nas(self) -> None:
        """Every h323-ivr-out of the examples is a name and a value."""
        seen = set()
        for code, attributes in messages():
            if code in (1, 4):
                packet = decode(self.encoded(code, attributes), SECRET, DICTIONARY)
                printed = [value for name, value in attributes if name == "h323-ivr-out"]
                pairs = packet.ivr_out()
                self.assertEqual(sum(len(values) for values in pairs.values()), len(printed))
                seen |= set(pairs)
        self.assertIn("PortaBilling_Session", seen)
        self.assertFalse([name for name in seen if " " in name])
