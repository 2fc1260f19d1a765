"""The dictionary: what is shipped, and what a file may say."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.dictionary import Dictionary, DictionaryError
from portaswitch.wire.diameter.reader import Reader

DICTIONARY = Dictionary.standard()

#: Number, vendor and type of AVPs of each specification, as their tables have them; what no table may lose.
FACTS = """
    Session-Id 263 0 UTF8String            Result-Code 268 0 Unsigned32           Failed-AVP 279 0 Grouped
    CC-Request-Type 416 0 Enumerated       CC-Total-Octets 421 0 Unsigned64       Value-Digits 447 0 Integer64
    Exponent 429 0 Integer32               Rating-Group 432 0 Unsigned32          Service-Context-Id 461 0 UTF8String
    QoS-Final-Unit-Indication 669 0 Grouped     Subscription-Id-Extension 659 0 Grouped
    Service-Information 873 10415 Grouped  PS-Information 874 10415 Grouped       IMS-Information 876 10415 Grouped
    SMS-Information 2000 10415 Grouped     Trigger-Type 870 10415 Enumerated      Quota-Holding-Time 871 10415 Unsigned32
    Reporting-Reason 872 10415 Enumerated  Volume-Quota-Threshold 869 10415 Unsigned32
    Time-Quota-Threshold 868 10415 Unsigned32   PDP-Address 1227 10415 Address    SGSN-Address 1228 10415 Address
    Originator-SCCP-Address 2008 10415 Address  SMSC-Address 2017 10415 Address   Recipient-Info 2026 10415 Grouped
    QoS-Information 1016 10415 Grouped     3GPP-RAT-Type 21 10415 OctetString     Calling-Party-Address 831 10415 UTF8String
    Low-Balance-Indication 2020 10415 Enumerated     Role-Of-Node 829 10415 Enumerated
    IN-Information 20300 2011 Grouped
"""


class ShippedTests(SynchronousTestCase):
    """The files of the wheel."""

    def test_facts(self) -> None:
        """AVPs that charging lives on."""
        words = FACTS.split()
        for name, code, vendor, kind in zip(*[iter(words)] * 4, strict=True):
            avp = DICTIONARY.avps[name]
            self.assertEqual((avp.code, avp.vendor, avp.type), (int(code), int(vendor), kind), name)
        self.assertEqual(len(words) // 4, 31)

    def test_size(self) -> None:
        """No number is there twice, and the whole of TS 32.299 is there."""
        self.assertEqual(len(DICTIONARY.entries), len(DICTIONARY.avps))
        self.assertGreater(len(DICTIONARY.avps), 1700)

    def test_commands(self) -> None:
        """Those of the base protocol and credit control."""
        self.assertEqual(sorted(DICTIONARY.commands), [257, 258, 271, 272, 274, 275, 280, 282])
        self.assertEqual(DICTIONARY.commands[272].application, 4)


class ReaderTests(SynchronousTestCase):
    """Texts of files."""

    def test_faults(self) -> None:
        """Each names file and line."""
        for text in (
            "ATTRIBUTE x 1 string",
            "AVP x 1 UTF8String",
            "AVP x one UTF8String M",
            "AVP x 1 string M",
            "AVP x 1 UTF8String V",
            "AVP x 1 UTF8String M\nAVP x 2 UTF8String M",
            "VENDOR x",
            "BEGIN-VENDOR x",
            "END-VENDOR x",
            "VALUE x y 1",
            "APPLICATION x",
            "COMMAND CC 272 credit-control P",
            "COMMAND CC 272 * X",
            "REQUIRE CCR",
        ):
            error = self.assertRaises(DictionaryError, Reader().read, "f", "\n# a comment\n" + text)
            self.assertIn(f"f:{2 + len(text.splitlines())}:", str(error))

    def test_grammars(self) -> None:
        """A grammar needs a command or group, and AVPs that are defined."""
        for text in (
            "AVP x 1 UTF8String M\nREQUIRE CCR x",
            "AVP x 1 UTF8String M\nONCE x x",
            "COMMAND CC 272 * P\nSAME CCA x",
        ):
            reader = Reader()
            reader.read("f", text)
            self.assertRaises(DictionaryError, Dictionary, reader)

    def test_operators_own(self) -> None:
        """A file of the operator's adds an AVP, and corrects another's type."""
        path = Path(self.mktemp())
        path.write_text("VENDOR v 0x99\nBEGIN-VENDOR v\nAVP Own 7 Unsigned32 M\nEND-VENDOR v\nAVP Class 25 UTF8String M\n")
        dictionary = Dictionary.load([*Dictionary.shipped(), path])
        self.assertEqual(dictionary.pack(("Own", 1)).hex(), "00000007c00000100000009900000001")
        self.assertEqual(dictionary.avps["Class"].type, "UTF8String")
