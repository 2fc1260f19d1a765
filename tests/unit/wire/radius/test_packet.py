"""What a packet offers: look-ups, pairs inside attributes, CHAP."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.avpair import split_avpair, split_ivr, unquote
from portaswitch.wire.radius.codec import decode, decode_pairs, encode_pairs, encode_request
from portaswitch.wire.radius.crypto import chap_response, hide_salted, reveal_salted
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

DICTIONARY = Dictionary.standard()
SECRET = b"a test secret"


def packet(*attributes: tuple[str, Value]) -> Packet:
    """A packet with these attributes."""
    return decode_pairs(encode_pairs(attributes, DICTIONARY), DICTIONARY)


class LookUpTests(SynchronousTestCase):
    """Values by name."""

    def test_first_and_all(self) -> None:
        """get gives the first value, all gives every one in order."""
        given = packet(("Reply-Message", "one"), ("NAS-Port", 1), ("Reply-Message", "two"))
        self.assertEqual(given.get("Reply-Message"), "one")
        self.assertEqual(given.all("Reply-Message"), ["one", "two"])
        self.assertIsNone(given.get("State"))
        self.assertEqual(given.all("State"), [])

    def test_by_type(self) -> None:
        """text, integer and octets give None for another type: a name with a NUL is no text."""
        given = packet(("User-Name", b"bob\0"), ("NAS-Port", 0), ("Calling-Station-Id", "1"), ("Class", b"c"))
        self.assertIsNone(given.text("User-Name"))
        self.assertEqual(given.octets("User-Name"), b"bob\0")
        self.assertEqual((given.integer("NAS-Port"), given.text("NAS-Port")), (0, None))
        self.assertEqual((given.text("Calling-Station-Id"), given.octets("Calling-Station-Id")), ("1", None))
        self.assertEqual((given.octets("Class"), given.integer("Class")), (b"c", None))

    def test_named(self) -> None:
        """The word of a number, digits without a word, None without a number."""
        given = packet(("Acct-Status-Type", "Alive"), ("Service-Type", 15), ("User-Name", "bob"))
        self.assertEqual(given.named("Acct-Status-Type"), "Interim-Update")
        self.assertEqual(given.named("Service-Type"), "15")
        self.assertEqual((given.named("User-Name"), given.named("NAS-Port-Type")), (None, None))

    def test_tags(self) -> None:
        """A tagged attribute is found with its tag and without."""
        given = packet(("Tunnel-Type:2", "VLAN"), ("Tunnel-Type:1", "L2TP"))
        self.assertEqual((given.get("Tunnel-Type"), given.get("Tunnel-Type:1")), (13, 3))
        self.assertEqual(given.all("Tunnel-Type"), [13, 3])

    def test_values_are_not_shown(self) -> None:
        """repr has no values."""
        self.assertEqual(repr(packet(("User-Name", "bob"))), "<Packet code=0 identifier=0 attributes=1>")


class AvPairTests(SynchronousTestCase):
    """name=value inside Cisco-AVPair."""

    def test_found_by_name(self) -> None:
        """A pair is found by its name, known to the dictionary or not; quotes go."""
        given = packet(
            ("Cisco-AVPair", "h323-incoming-conf-id=AA BB"),
            ("Cisco-AVPair", 'call-id="a=b@c"'),
            ("Cisco-AVPair", "audit-session-id = 77"),
            ("Cisco-AVPair", "audit-session-id=78"),
            ("Cisco-AVPair", "no pair"),
            ("Cisco-AVPair", "=nameless"),
        )
        self.assertEqual(given.get("h323-incoming-conf-id"), "AA BB")
        self.assertEqual(given.get("call-id"), "a=b@c")
        self.assertEqual(given.all("audit-session-id"), ["77", "78"])
        self.assertEqual(len(given.all("Cisco-AVPair")), 6)
        self.assertEqual(set(given.avpairs()), {"h323-incoming-conf-id", "call-id", "audit-session-id"})

    def test_several_in_one(self) -> None:
        """One Vendor-Specific may hold several sub-attributes: pairs and prefixes are seen there too."""
        subs = [b"a=1", b"a=2"]
        inside = b"".join(bytes((1, len(text) + 2)) + text for text in subs) + b"\x67\x14h323-return-code=0"
        octets = bytes((26, len(inside) + 6, 0, 0, 0, 9)) + inside
        given = decode_pairs(octets, DICTIONARY)
        self.assertEqual((given.all("a"), given.get("h323-return-code")), (["1", "2"], "0"))

    def test_real_attribute_wins(self) -> None:
        """A pair never hides an attribute, whichever comes first."""
        given = packet(("Cisco-AVPair", "h323-conf-id=from a pair"), ("h323-conf-id", "real"))
        self.assertEqual((given.get("h323-conf-id"), given.all("h323-conf-id")), ("real", ["real"]))
        self.assertEqual(given.avpairs()["h323-conf-id"], ["from a pair"])

    def test_nobody_poses_as_another(self) -> None:
        """A pair isn't found under a name that an attribute of the RFCs or of another vendor has."""
        given = packet(
            ("Cisco-AVPair", "User-Name=root"),
            ("Cisco-AVPair", "EAP-Message=x"),
            ("Cisco-AVPair", "Mikrotik-Realm=x"),
        )
        for name in ("User-Name", "EAP-Message", "Mikrotik-Realm"):
            self.assertIsNone(given.get(name))
            self.assertEqual(given.all(name), [])
        self.assertEqual(given.avpairs()["User-Name"], ["root"])

    def test_portaone(self) -> None:
        """PortaOne's own attributes arrive in this form and are found as attributes."""
        given = packet(("PortaOne-Calling-Party", "x=52333;name=EASYCALL;id=17289277770"))
        self.assertEqual(given.get("PortaOne-Calling-Party"), "x=52333;name=EASYCALL;id=17289277770")

    def test_splitting(self) -> None:
        """The first equals sign parts; blanks around name and value go, one pair of equal quotes goes."""
        self.assertEqual(split_avpair("a=b=c"), ("a", "b=c"))
        self.assertEqual(split_avpair(" a = 'b ' "), ("a", "b "))
        self.assertEqual(split_avpair("a="), ("a", ""))
        self.assertEqual([split_avpair("a"), split_avpair("="), split_avpair("")], [None] * 3)
        self.assertEqual([unquote(text) for text in ("\"a'", '"', '""', '"a"b"')], ["\"a'", '"', "", 'a"b'])


class IvrTests(SynchronousTestCase):
    """Name:Value inside h323-ivr-out."""

    def test_both_carriers(self) -> None:
        """The attribute with its own number and Cisco-AVPair give the same."""
        # The attribute with its own number, without its name in the value and with it.
        text = b"PortaBilling_Seed:77"
        short = bytes((26, 28, 0, 0, 0, 9, 32, 22)) + text
        long = bytes((26, 41, 0, 0, 0, 9, 32, 35)) + b"h323-ivr-out=" + text
        own = decode_pairs(short + long, DICTIONARY)
        self.assertEqual(own.ivr_out(), {"PortaBilling_Seed": ["77", "77"]})
        mixed = decode_pairs(encode_pairs([("h323-ivr-out", "A:1")], DICTIONARY) + short, DICTIONARY)
        self.assertEqual(mixed.ivr_out(), {"PortaBilling_Seed": ["77"], "A": ["1"]})
        pair = packet(("h323-ivr-out", "PortaBilling_Seed:77"), ("h323-ivr-out", "PortaBilling_Seed:78"))
        self.assertEqual(pair.get("h323-ivr-out"), "PortaBilling_Seed:77")
        self.assertEqual(pair.ivr_out(), {"PortaBilling_Seed": ["77", "78"]})
        self.assertEqual(pair.all("h323-ivr-out"), ["PortaBilling_Seed:77", "PortaBilling_Seed:78"])

    def test_none(self) -> None:
        """A packet without any has none, even with other pairs."""
        self.assertEqual(packet(("call-id", "x:y")).ivr_out(), {})

    def test_forms(self) -> None:
        """All forms in which equipment and the guide write a pair."""
        for text, expected in (
            ("PortaBilling_Session:lock", ("PortaBilling_Session", "lock")),
            ("PortaBilling Session:lock", ("PortaBilling_Session", "lock")),
            ("PortaBilling_Session = lock", ("PortaBilling_Session", "lock")),
            ('"PortaBilling_Session:lock"', ("PortaBilling_Session", "lock")),
            ("PortaBilling_Session: 'lock'", ("PortaBilling_Session", "lock")),
            (
                "PortaBilling_Authorize:base=session-time;max=10;min=5",
                ("PortaBilling_Authorize", "base=session-time;max=10;min=5"),
            ),
            ("PortaOne-Requested-URI=sip:1@a", ("PortaOne-Requested-URI", "sip:1@a")),
            ("ACCESSCODE:", ("ACCESSCODE", "")),
        ):
            self.assertEqual(split_ivr(text), expected)
        for text in ("", "PortaBilling_Session", ":lock", " = lock"):
            self.assertIsNone(split_ivr(text))


class CryptoTests(SynchronousTestCase):
    """CHAP and salted values."""

    def test_chap_challenge(self) -> None:
        """CHAP-Challenge is what was challenged, when it is there."""
        challenge = b"0123456789abcdef01"
        response = chap_response(5, b"pass", challenge)
        given = packet(("CHAP-Password", response), ("CHAP-Challenge", challenge))
        self.assertTrue(given.chap_matches(b"pass"))
        self.assertFalse(given.chap_matches(b"Pass"))
        self.assertFalse(packet(("CHAP-Password", response)).chap_matches(b"pass"))

    def test_chap_lengths(self) -> None:
        """16 or 18 octets, or none at all, match nothing (RFC 2865 5.3)."""
        response = chap_response(5, b"pass", bytes(16))
        for given in (response[:16], response + b"x"):
            self.assertFalse(packet(("CHAP-Password", given)).chap_matches(b"pass"))
        self.assertTrue(packet(("CHAP-Password", response)).chap_matches(b"pass"))
        self.assertFalse(packet(("User-Name", "bob")).chap_matches(b"pass"))

    def test_passwords_by_length(self) -> None:
        """Every length to 128 comes back; more is refused."""
        for size in (1, 15, 16, 17, 31, 32, 33, 127, 128):
            octets = encode_request(
                Code.ACCESS_REQUEST, 1, [("User-Password", b"p" * size)], SECRET, DICTIONARY
            )
            self.assertEqual(decode(octets, SECRET, DICTIONARY).user_password(SECRET), b"p" * size)
        long = [("User-Password", b"p" * 129)]
        self.assertRaises(ValueError, encode_request, Code.ACCESS_REQUEST, 1, long, SECRET, DICTIONARY)
        self.assertIsNone(packet(("User-Name", "bob")).user_password(SECRET))

    def test_salted(self) -> None:
        """What is salted comes back; lengths that no salted value has don't."""
        vector = b"0123456789abcdef"
        for value in (b"", b"x", b"k" * 15, b"k" * 16, b"k" * 239):
            hidden = hide_salted(value, SECRET, vector)
            self.assertEqual(reveal_salted(hidden, SECRET, vector), value)
            self.assertTrue(hidden[0] & 0x80)
        for hidden in (b"", bytes(2), bytes(17), bytes(19)):
            self.assertIsNone(reveal_salted(hidden, SECRET, vector))
        self.assertRaises(ValueError, hide_salted, b"k" * 240, SECRET, vector)
