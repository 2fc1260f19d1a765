"""
Runs the codec tests that are text: tests/golden/radius/*.txt.

Words, after FreeRADIUS's unit tests; ``#`` begins a comment line::

    encode-pair NAME = VALUE, ...     attributes to octets; VALUE is "text", 0xHEX, digits, or a bare word
    decode-pair HEX                   octets to attributes
    secret WORD                       for the lines below
    decode HEX                        a whole request
    match EXPECTED                    what the line before gave: octets, attributes, or ERROR: and some of it

Attributes left out are shown at the end: ``; ignored 1``, ``; unknown 2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import Malformed, decode, decode_pairs, encode_pairs
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Packet

GOLDEN = Path(__file__).parents[3] / "golden" / "radius"
DICTIONARY = Dictionary.standard()


def fields(text: str) -> Iterator[str]:
    """The parts between commas that are not inside quotes."""
    quoted, part = False, ""
    for character in text:
        quoted ^= character == '"'
        if character == "," and not quoted:
            yield part
            part = ""
        else:
            part += character
    yield part


def parse_value(text: str) -> Value:
    """The value that a text of the file stands for."""
    if text.startswith('"'):
        return text[1:-1]
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    return int(text) if text.lstrip("-").isdigit() else text


def show_value(name: str, value: Value) -> str:
    """A value as the files have it."""
    attribute = DICTIONARY.attribute(name.partition(":")[0])
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int):
        return DICTIONARY.word(attribute.name, value) or str(value)
    return f'"{value}"' if attribute.type == "string" else value


def show(packet: Packet) -> str:
    """A packet as the files have it."""
    text = ", ".join(f"{name} = {show_value(name, value)}" for name, value in packet.attributes)
    text += f"; ignored {packet.ignored}" if packet.ignored else ""
    return text + (f"; unknown {packet.unknown}" if packet.unknown else "")


class Script:
    """Runs the lines of one file."""

    def __init__(self) -> None:
        self.secret = b""

    def run(self, word: str, rest: str) -> str:
        """What a line gives, ERROR: and the text for a refusal."""
        try:
            if word == "encode-pair":
                pairs = [field.strip().partition(" = ") for field in fields(rest)]
                octets = encode_pairs([(name, parse_value(value)) for name, _, value in pairs], DICTIONARY)
                return octets.hex(" ")
            if word == "decode-pair":
                return show(decode_pairs(bytes.fromhex(rest), DICTIONARY))
            return show(decode(bytes.fromhex(rest), self.secret, DICTIONARY))
        except (Malformed, ValueError) as error:
            return f"ERROR: {error}"


class GoldenTests(SynchronousTestCase):
    """One test a file; all differences of a file are shown at once."""

    def check(self, name: str, least: int) -> None:
        """
        Compare a file's lines.

        :param least: how many comparisons there must be, so that a file that isn't read can't pass.
        """
        script, given, compared = Script(), "", 0
        faults = []
        for number, line in enumerate((GOLDEN / name).read_text(encoding="utf-8").splitlines(), 1):
            word, _, rest = line.partition(" ")
            if word == "match":
                compared += 1
                right = rest[7:] in given if rest.startswith("ERROR: ") else rest == given
                if not right or rest.startswith("ERROR: ") != given.startswith("ERROR: "):
                    faults.append(f"{name}:{number}: expected {rest!r}, got {given!r}")
            elif word == "secret":
                script.secret = rest.encode()
            elif word and word != "#":
                given = script.run(word, rest)
        self.assertEqual(faults, [])
        self.assertGreaterEqual(compared, least)

    def test_rfc(self) -> None:
        """Attributes of the RFCs."""
        self.check("rfc.txt", 24)

    def test_types(self) -> None:
        """Data types, right and wrong."""
        self.check("types.txt", 19)

    def test_vendor(self) -> None:
        """Vendor-Specific in its layouts, and without sense."""
        self.check("vendor.txt", 20)

    def test_cisco(self) -> None:
        """Cisco's prefixes and pairs."""
        self.check("cisco.txt", 11)

    def test_tunnel(self) -> None:
        """Tags."""
        self.check("tunnel.txt", 13)

    def test_digest(self) -> None:
        """Both forms of digest."""
        self.check("digest.txt", 6)

    def test_errors(self) -> None:
        """What is discarded and what can't be sent."""
        self.check("errors.txt", 27)

    def test_every_file_is_run(self) -> None:
        """No file lies about unread."""
        named = {"rfc.txt", "types.txt", "vendor.txt", "cisco.txt", "tunnel.txt", "digest.txt", "errors.txt"}
        self.assertEqual({path.name for path in GOLDEN.glob("*.txt")}, named)
