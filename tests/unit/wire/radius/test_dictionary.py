"""The dictionary: the shipped files, look-ups, and lines that can't be understood."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import decode_pairs, encode_pairs
from portaswitch.wire.radius.datatypes import DECODERS, Value
from portaswitch.wire.radius.dictionary import Dictionary, DictionaryError
from portaswitch.wire.radius.reader import Reader

#: What the codec itself needs.
BASE = """
ATTRIBUTE Vendor-Specific 26 vsa
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Message-Authenticator 80 octets
"""


def load(text: str) -> Dictionary:
    """A dictionary of these lines behind the ones that must be."""
    reader = Reader()
    reader.read("base", BASE)
    reader.read("test", text)
    return Dictionary(reader.vendors.values(), reader.attributes())


class ShippedTests(SynchronousTestCase):
    """What portaswitch/wire/data/radius holds."""

    def setUp(self) -> None:
        self.dictionary = Dictionary.standard()

    def test_read_once(self) -> None:
        """Every caller gets the same one."""
        self.assertIs(self.dictionary, Dictionary.standard())

    def test_by_name_and_by_code(self) -> None:
        """Names and numbers of the RFCs and of vendors find each other."""
        for name, vendor, code in (
            ("User-Name", 0, 1),
            ("Acct-Output-Gigawords", 0, 53),
            ("Digest-Response", 0, 103),
            ("Cisco-AVPair", 9, 1),
            ("h323-conf-id", 9, 24),
            ("h323-currency", 9, 110),
            ("Mikrotik-Rate-Limit", 14988, 8),
            ("3GPP-IMSI", 10415, 1),
            ("3GPP2-Correlation-Id", 5535, 44),
            ("3GPP2-Session-Continue", 5535, 48),
            ("WISPr-Bandwidth-Max-Up", 14122, 7),
            ("MS-MPPE-Recv-Key", 311, 17),
            ("Ascend-Xmit-Rate", 529, 255),
            ("Huawei-Output-Average-Rate", 2011, 5),
            ("ERX-Service-Activate", 4874, 65),
            ("USR-Event-Id", 429, 0xBFBE),
        ):
            attribute = self.dictionary.attribute(name)
            self.assertEqual((attribute.vendor, attribute.code), (vendor, code))
            self.assertIs(self.dictionary.by_code(vendor, code), attribute)
        self.assertIsNone(self.dictionary.by_code(0, 241))
        self.assertRaises(KeyError, self.dictionary.attribute, "No-Such")

    def test_words(self) -> None:
        """Enumerated values by word and by number; Alive is the older word of Interim-Update."""
        self.assertEqual(self.dictionary.number("Acct-Status-Type", "Alive"), 3)
        self.assertEqual(self.dictionary.number("Acct-Status-Type", "Interim-Update"), 3)
        self.assertEqual(self.dictionary.word("Acct-Status-Type", 3), "Interim-Update")
        self.assertEqual(self.dictionary.word("Error-Cause", 503), "Session-Context-Not-Found")
        self.assertIsNone(self.dictionary.word("Acct-Status-Type", 99))
        self.assertIsNone(self.dictionary.word("User-Name", 1))
        self.assertRaises(KeyError, self.dictionary.number, "Acct-Status-Type", "Nap")

    def test_numbers_are_unique(self) -> None:
        """No two attributes share a number, so a line that was mistyped can't hide another."""
        numbered = [a for a in self.dictionary.attributes.values() if a.code >= 0]
        self.assertEqual(len({(a.vendor, a.parent, a.code) for a in numbered}), len(numbered))

    def test_every_attribute_can_be_sent(self) -> None:
        """Each one that has a value, is in clear and isn't computed encodes, and comes back as it went."""
        samples: dict[str, Value] = {
            "string": "a",
            "octets": b"a",
            "abinary": b"a",
            "ipaddr": "192.0.2.1",
            "ipv6addr": "2001:db8::1",
            "ipv6prefix": "2001:db8::/32",
            "ifid": "1:2:3:4",
        }
        seen = 0
        for attribute in self.dictionary.attributes.values():
            if (
                attribute.type not in DECODERS
                or attribute.encrypt
                or attribute.name == "Message-Authenticator"
            ):
                continue
            value = samples.get(attribute.type, 1)
            packet = decode_pairs(encode_pairs([(attribute.name, value)], self.dictionary), self.dictionary)
            self.assertEqual((attribute.name, packet.get(attribute.name)), (attribute.name, value))
            self.assertEqual((packet.ignored, packet.unknown), (0, 0))
            seen += 1
        self.assertGreater(seen, 380)


class LoadTests(SynchronousTestCase):
    """An operator's own files."""

    def test_from_files(self) -> None:
        """Files are read in order, and one may add to what another began."""
        path = Path(self.mktemp())
        path.write_text(
            "VENDOR Acme 32473\nBEGIN-VENDOR Acme\nATTRIBUTE Acme-Plan 1 string\nEND-VENDOR Acme\n"
        )
        dictionary = Dictionary.load([*Dictionary.shipped(), path])
        octets = bytes.fromhex("1a0c 00007ed9 0106 676f6c64")
        self.assertEqual(encode_pairs([("Acme-Plan", "gold")], dictionary), octets)
        self.assertEqual(decode_pairs(octets, dictionary).get("Acme-Plan"), "gold")
        self.assertEqual(decode_pairs(octets, Dictionary.standard()).unknown, 1)

    def test_layouts(self) -> None:
        """Every layout of a vendor's header encodes and decodes."""
        for layout, head in (
            ("1,0", "05"),
            ("1,1", "05 03"),
            ("1,2", "05 0004"),
            ("2,0", "0005"),
            ("2,1", "0005 04"),
            ("2,2", "0005 0005"),
            ("4,0", "00000005"),
            ("4,1", "00000005 06"),
            ("4,2", "00000005 0007"),
        ):
            dictionary = load(f"VENDOR Acme 32473 format={layout}\nBEGIN-VENDOR Acme\nATTRIBUTE A 5 string")
            octets = encode_pairs([("A", "x")], dictionary)
            self.assertEqual(octets[6:], bytes.fromhex(head) + b"x")
            self.assertEqual(octets[:2], bytes((26, len(octets))))
            self.assertEqual(decode_pairs(octets, dictionary).attributes, [("A", "x")])

    def test_tlv_of_a_vendor(self) -> None:
        """A vendor's TLV is encoded around its sub-attribute, and known by it."""
        dictionary = load(
            "VENDOR Acme 32473\nBEGIN-VENDOR Acme\n"
            "ATTRIBUTE T 5 tlv\nATTRIBUTE T-A 5.1 string\nATTRIBUTE T-B 5.2 byte\nEND-VENDOR Acme"
        )
        octets = encode_pairs([("T-A", "x")], dictionary)
        self.assertEqual(octets, bytes.fromhex("1a0b 00007ed9 0505 0103 78"))
        self.assertEqual(decode_pairs(octets, dictionary).attributes, [("T-A", "x")])
        # A byte of two octets is left out, and what stands beside it stays.
        octets = bytes.fromhex("1a0f 00007ed9 0509 02040101 010378")
        self.assertEqual(decode_pairs(octets, dictionary).attributes, [("T-A", "x")])

    def test_other_types(self) -> None:
        """The types that no shipped attribute has."""
        dictionary = load(
            "ATTRIBUTE S 200 signed\nATTRIBUTE H 201 short\nATTRIBUTE Q 202 integer64\n"
            "ATTRIBUTE P 203 ipv4prefix\nATTRIBUTE E 204 ether"
        )
        pairs: list[tuple[str, Value]] = [
            ("S", -2),
            ("H", 65535),
            ("Q", 1 << 63),
            ("P", "10.1.0.0/16"),
            ("E", "00:11:22:aa:bb:cc"),
        ]
        octets = encode_pairs(pairs, dictionary)
        self.assertEqual(
            octets.hex(" "),
            "c8 06 ff ff ff fe c9 04 ff ff ca 0a 80 00 00 00 00 00 00 00"
            " cb 08 00 10 0a 01 00 00 cc 08 00 11 22 aa bb cc",
        )
        self.assertEqual(decode_pairs(octets, dictionary).attributes, pairs)
        wrong = bytes.fromhex("c803ff c903ff ca03ff cb0800210a010000 cc03ff")
        self.assertEqual(decode_pairs(wrong, dictionary).ignored, 5)
        self.assertRaises(ValueError, encode_pairs, [("E", "00:11")], dictionary)

    def test_ascends_hiding(self) -> None:
        """encrypt=3 is understood in a file, and refused when it would have to be sent."""
        dictionary = load("ATTRIBUTE Secret 200 string encrypt=3")
        error = self.assertRaises(ValueError, encode_pairs, [("Secret", "x")], dictionary)
        self.assertIn("not supported", str(error))
        self.assertEqual(decode_pairs(b"\xc8\x03x", dictionary).get("Secret"), b"x")

    def test_faults(self) -> None:
        """Each names the file, the line and what was expected."""
        for text, expected in (
            ("FLAG x", "test:1: unknown word FLAG"),
            ("\n# a comment\nATTRIBUTE A 1", "test:3: ATTRIBUTE: give a name"),
            ("ATTRIBUTE A 1 strng", "type strng is not one of abinary, byte"),
            ("ATTRIBUTE A one string", "test:1: ATTRIBUTE"),
            ("ATTRIBUTE A 1 string fast", "flag fast"),
            ("ATTRIBUTE A 1 string encrypt=4", "flag encrypt=4"),
            ("VALUE A one 1", "no ATTRIBUTE A above"),
            ("VALUE Proxy-State one", "test:1: VALUE"),
            ("VENDOR Acme", "give a name, a number"),
            ("VENDOR Acme 1 format=3,1", "format is T,L"),
            ("VENDOR Acme 1 layout=1,1", "format is T,L"),
            ("VENDOR Acme 1 format=1", "test:1: VENDOR"),
            ("BEGIN-VENDOR Acme", "no VENDOR Acme above"),
            ("VENDOR Acme 1\nEND-VENDOR Acme", "test:2: END-VENDOR: Acme was not begun"),
            ("AVPAIR A b", "no ATTRIBUTE A above"),
            ("PREFIX Acme x-", "test:1: PREFIX"),
        ):
            error = self.assertRaises(DictionaryError, load, text)
            self.assertIn(expected, str(error))
        self.assertRaises(DictionaryError, Dictionary, [], [])
