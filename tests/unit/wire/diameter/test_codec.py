"""The codec: data types, flags, answers, faults and their Failed-AVP."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import decode, encode, encode_again, encode_answer, encode_error
from portaswitch.wire.diameter.datatypes import DECODERS, ENCODERS, REMEMBERED, Value, decode_address, remembered
from portaswitch.wire.diameter.definitions import ERROR, Avp
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import packed
from portaswitch.wire.diameter.message import UNKNOWN, Group, Message, Pair, Unknown
from portaswitch.wire.diameter.walk import Limits

DICTIONARY = Dictionary.standard()
FEW = settings(max_examples=250, deadline=None)
ORIGIN: list[Pair] = [("Origin-Host", "ocs.example.com"), ("Origin-Realm", "example.com")]

CCR: list[Pair] = [
    ("Session-Id", "s"),
    ("Origin-Host", "pgw.example.com"),
    ("Origin-Realm", "example.com"),
    ("Destination-Realm", "example.com"),
    ("Service-Context-Id", "32251@3gpp.org"),
    ("CC-Request-Type", "INITIAL_REQUEST"),
    ("CC-Request-Number", 0),
]

HOSTS = st.from_regex(r"\A[a-z0-9.-]{1,30}\Z")
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "UTF8String": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "OctetString": st.binary(max_size=40),
    "DiameterIdentity": HOSTS,
    "DiameterURI": HOSTS.map("aaa://{}:3868;transport=tcp".format),
    "IPFilterRule": st.just("permit in ip from any to 192.0.2.0/24"),
    "QoSFilterRule": st.just("tag in ip from any to any"),
    "Unsigned32": st.integers(0, 2**32 - 1),
    "Unsigned64": st.integers(0, 2**64 - 1),
    "Integer32": st.integers(-(2**31), 2**31 - 1),
    "Integer64": st.integers(-(2**63), 2**63 - 1),
    "Enumerated": st.integers(-(2**31), 2**31 - 1),
    "Float32": st.floats(width=32, allow_nan=False),
    "Float64": st.floats(allow_nan=False),
    "Address": st.ip_addresses().map(str) | st.binary(max_size=20).map(lambda rest: b"\0\x08" + rest),
    "Time": st.integers(-61505152, 4233462143),
}


def pairs_under(depth: int) -> st.SearchStrategy[list[Pair]]:
    """Any AVPs of the dictionary, in groups down to a depth."""

    def pair(avp: Avp) -> st.SearchStrategy[Pair]:
        if avp.type == "Grouped":
            value: st.SearchStrategy[Value] = pairs_under(depth - 1).map(Group)
        else:
            value = VALUES[avp.type]
        return st.tuples(st.just(avp.name), value)

    known = [avp for avp in DICTIONARY.avps.values() if depth or avp.type != "Grouped"]
    return st.lists(st.sampled_from(known).flatmap(pair), max_size=5)


def ccr(*more: bytes, pairs: list[Pair] = CCR, flags: int = 0xC0, code: int = 272, application: int = 4) -> Message:
    """What decoding a request gives, with AVPs as octets at its end."""
    octets = encode(flags, code, application, 1, 2, pairs, DICTIONARY) + b"".join(more)
    return decode(octets[:1] + len(octets).to_bytes(3, "big") + octets[4:], DICTIONARY)


def _failed_within_failed(pairs: list[Pair], within: int = 0) -> bool:
    """Whether there is a Failed-AVP in a Failed-AVP."""
    deeper = [(within + (name == "Failed-AVP"), value.pairs) for name, value in pairs if isinstance(value, Group)]
    return within > 1 or any(_failed_within_failed(inner, count) for count, inner in deeper)


class RoundTripTests(SynchronousTestCase):
    """What is encoded is decoded."""

    @FEW
    @given(pairs_under(3))
    def test_dictionary(self, pairs: list[Pair]) -> None:
        """Any AVPs in any groups come back, and encode to the same octets."""
        octets = encode(0x80, 280, 0, 1, 2, pairs, DICTIONARY)
        message = decode(octets, DICTIONARY)
        self.assertEqual(encode(0x80, 280, 0, 1, 2, pairs, DICTIONARY), octets)
        self.assertEqual(len(octets) % 4, 0)
        if message.fault is None or message.fault.result in (5005, 5009):
            if not _failed_within_failed(pairs):  # which stays octets
                self.assertEqual(message.pairs, pairs)
            self.assertEqual(encode_again(message, DICTIONARY), octets)
        else:
            self.fail(message.fault)

    @FEW
    @given(st.sampled_from([0x00, 0x20, 0x40, 0x60, 0x1F]), st.binary(max_size=9), st.integers(1, 2**32 - 1))
    def test_flags_and_unknown_avps(self, flags: int, octets: bytes, vendor: int) -> None:
        """Other flags than ours, and AVPs without the M bit that nobody knows, are kept to the bit."""
        unknown = packed(999_999, flags & ~0x40 | 0x80, vendor, octets)
        message = ccr(packed(25, flags, 0, octets), unknown)
        self.assertIsNone(message.fault)
        self.assertEqual(message.get("Class"), octets)
        self.assertEqual(message.get(UNKNOWN), Unknown(999_999, vendor, flags & ~0x40 | 0x80, octets))
        again = decode(encode_again(message, DICTIONARY), DICTIONARY)
        self.assertEqual((again.pairs, again.body.odd), (message.pairs, message.body.odd))
        self.assertEqual(encode_again(message, DICTIONARY)[-len(unknown) :], unknown)

    def test_times_in_both_eras(self) -> None:
        """The last second of NTP's first era, in 2036, and the first of the next."""
        for seconds, octets in ((2085978495, "ffffffff"), (2085978496, "00000000"), (-61505152, "80000000")):
            encoded = DICTIONARY.pack(("Event-Timestamp", seconds))
            self.assertEqual(encoded[8:].hex(), octets)
            self.assertEqual(ccr(encoded).get("Event-Timestamp"), seconds)

    def test_addresses(self) -> None:
        """IPv4, IPv6, and any other family as octets."""
        for given_value, octets in (("192.0.2.1", "0001c0000201"), ("2001:db8::1", "000220010db8" + "0" * 23 + "1")):
            encoded = DICTIONARY.pack(("Host-IP-Address", given_value))
            self.assertEqual(encoded[8 : 8 + len(octets) // 2].hex(), octets)
            self.assertEqual(ccr(encoded).get("Host-IP-Address"), given_value)
        self.assertEqual(ccr(packed(257, 64, 0, b"40380")).get("Host-IP-Address"), b"40380")

    def test_not_a_number(self) -> None:
        """The bits of a NaN are kept, signalling or not."""
        avp = next(avp for avp in DICTIONARY.avps.values() if avp.type == "Float32")
        encoded = packed(avp.code, avp.flags, avp.vendor, bytes.fromhex("7fa00001"))
        message = ccr(encoded)
        self.assertEqual(encode_again(message, DICTIONARY)[-len(encoded) :], encoded)

    def test_words(self) -> None:
        """An enumerated value by its word, number to word and back."""
        self.assertEqual(ccr().integer("CC-Request-Type"), 1)
        self.assertEqual(DICTIONARY.word("CC-Request-Type", 3), "TERMINATION_REQUEST")
        self.assertIsNone(DICTIONARY.word("CC-Request-Type", 9))

    def test_what_is_not_encoded(self) -> None:
        """Each with the AVP's name in the text."""
        for name, value in (
            ("No-Such-AVP", 1),
            ("CC-Time", -1),
            ("CC-Time", 2**32),
            ("CC-Time", "x"),
            ("CC-Request-Type", "MIDDLE_REQUEST"),
            ("Session-Id", 1),
            ("Session-Id", "\ud800"),
            ("Origin-Host", ""),
            ("Origin-Host", "a b"),
            ("Origin-Host", Group()),
            ("Redirect-Host", "http://a"),
            ("Host-IP-Address", "x"),
            ("Host-IP-Address", b"\0\1\0"),
            ("Event-Timestamp", 2**40),
            ("Event-Timestamp", "now"),
            ("Subscription-Id", "x"),
            (UNKNOWN, "x"),
        ):
            error = self.assertRaises(ValueError, DICTIONARY.pack, (name, value))
            self.assertIn(name, str(error))


class AnswerTests(SynchronousTestCase):
    """Answers (RFC 6733 6.2 and 7)."""

    def test_answer(self) -> None:
        """Identifiers, command and P bit; T and R bits gone; Session-Id first; Proxy-Infos last, unchanged."""
        proxies = [
            packed(284, 0x40, 0, DICTIONARY.pack(("Proxy-Host", f"p{n}")) + packed(33, 0x20, 0, bytes((n,))))
            for n in (2, 1)
        ]
        request = ccr(*proxies, flags=0xD0)
        octets = encode_answer(request, [("Result-Code", 2001), *ORIGIN], DICTIONARY)
        self.assertEqual(octets[4:8].hex(), "40000110")
        self.assertEqual(octets[8:20], bytes.fromhex("000000040000000100000002"))
        self.assertTrue(octets.endswith(proxies[0] + proxies[1]))
        answer = decode(octets, DICTIONARY)
        self.assertEqual([name for name, _ in answer.pairs[:2]], ["Session-Id", "Result-Code"])

    def test_errors(self) -> None:
        """3xxx has the E bit; 5xxx has not, and keeps what identifies the request."""
        for request, result in ((ccr(flags=0xE0), 3008), (ccr(packed(888_888, 0x40, 0, b"x")), 5001)):
            assert request.fault is not None
            self.assertEqual(request.fault.result, result)
            answer = decode(encode_error(request, request.fault, ORIGIN, DICTIONARY), DICTIONARY)
            self.assertIsNone(answer.fault)
            self.assertEqual(answer.integer("Result-Code"), result)
            self.assertEqual(answer.flags & ERROR, ERROR if result < 4000 else 0)
            self.assertEqual(answer.get("CC-Request-Number"), None if result < 4000 else 0)
            self.assertEqual(answer.get("Auth-Application-Id"), None if result < 4000 else 4)
            self.assertEqual(answer.text("Origin-Host"), "ocs.example.com")


class FaultTests(SynchronousTestCase):
    """Each Result-Code, and what its Failed-AVP holds (RFC 6733 7.5)."""

    def check(self, message: Message, result: int, avp: bytes = b"") -> None:
        """The fault of a message, and that its answer carries the AVP."""
        assert message.fault is not None, result
        self.assertEqual((message.fault.result, message.fault.avp.hex()), (result, avp.hex()))
        answer = encode_error(message, message.fault, ORIGIN, DICTIONARY)
        self.assertEqual(packed(279, 0x40, 0, avp) in answer, bool(avp))
        self.assertIsNotNone(decode(answer, DICTIONARY))

    def test_header(self) -> None:
        """Bits, command, application, version and length."""
        self.check(ccr(flags=0xE0), 3008)
        self.check(ccr(pairs=ORIGIN, flags=0xC0, code=280, application=0), 3008)
        self.check(ccr(code=999), 3001)
        self.check(ccr(application=16777238), 3001)
        sound = encode(0xC0, 272, 4, 1, 2, CCR, DICTIONARY)
        self.check(decode(sound, DICTIONARY, applications=frozenset({3})), 3007)
        self.check(decode(b"\2" + sound[1:], DICTIONARY), 5011)
        self.check(decode(sound[:-1], DICTIONARY), 5015)
        self.check(decode(sound[:19], DICTIONARY), 5015)
        self.check(decode(sound, DICTIONARY, Limits(octets=100)), 5015)
        reserved = sound[:4] + b"\xc1" + sound[5:]
        self.assertIsNone(decode(reserved, DICTIONARY).fault)
        self.check(decode(reserved, DICTIONARY, Limits(ignored_bits=0)), 5013)

    def test_unknown_avp_with_the_m_bit(self) -> None:
        """5001 with the AVP, inside the groups that it was in; what follows it is still read."""
        unknown = packed(77_777, 0xC0, 4711, b"abc")
        self.check(ccr(unknown), 5001, unknown)
        inside = packed(873, 0xC0, 10415, packed(874, 0xC0, 10415, DICTIONARY.pack(("PDP-Address", "::1")) + unknown))
        message = ccr(inside, DICTIONARY.pack(("User-Name", "u")))
        self.check(message, 5001, packed(873, 0xC0, 10415, packed(874, 0xC0, 10415, unknown)))
        self.assertEqual(message.text("User-Name"), "u")

    def test_values(self) -> None:
        """5004 with the AVP as it came."""
        for avp in (
            packed(1, 0x40, 0, b"\xff\xfe"),
            packed(293, 0x40, 0, b"a b"),
            packed(293, 0x40, 0, b""),
            packed(292, 0x40, 0, b"http://x"),
            packed(257, 0x40, 0, b"\0"),
            packed(257, 0x40, 0, b"\0\1\1\1\1"),
            packed(257, 0x40, 0, b"\0\2\1\1\1\1"),
        ):
            self.check(ccr(avp), 5004, avp)

    def test_lengths(self) -> None:
        """5014 with the header and zeros: too short, too long, not of the type, less than a header."""
        example = packed(420, 0x40, 0, bytes(4))
        for length in (0, 7, 9, 13, 16, 400, 0xFFFFFF):
            self.check(ccr(example[:5] + length.to_bytes(3, "big") + example[8:]), 5014, example)
        total = packed(846, 0xC0, 10415, bytes(6))
        self.check(ccr(total[:5] + b"\0\0\x0b" + total[8:]), 5014, total)
        self.check(ccr(b"\0\0\1\xa4"), 5014, packed(420, 0, 0, b""))
        inside = packed(456, 0x40, 0, example[:5] + b"\0\0\xff" + example[8:])
        self.check(ccr(inside), 5014, packed(456, 0x40, 0, example))

    def test_bits(self) -> None:
        """3009 for a V bit that the definition has not."""
        avp = packed(420, 0xC0, 0, bytes(4))
        self.check(ccr(avp), 3009, avp)

    def test_grammar(self) -> None:
        """5005 with an example, 5009 with the AVP too many; in groups too."""
        self.check(ccr(pairs=CCR[:-1]), 5005, packed(415, 0x40, 0, bytes(4)))
        self.check(ccr(pairs=CCR[1:]), 5005, packed(263, 0x40, 0, b""))
        self.check(ccr(packed(443, 0x40, 0, packed(450, 0x40, 0, bytes(4)))), 5005, packed(443, 0x40, 0, packed(444, 0x40, 0, b"")))
        again = DICTIONARY.pack(("CC-Request-Number", 7))
        self.check(ccr(again), 5009, again)
        octets = [DICTIONARY.pack(("CC-Total-Octets", n)) for n in (5, 6)]
        used = packed(456, 0x40, 0, packed(446, 0x40, 0, b"".join(octets)))
        self.check(ccr(used), 5009, packed(456, 0x40, 0, packed(446, 0x40, 0, octets[1])))

    def test_what_clients_repeat(self) -> None:
        """Kamailio's second Origin-Host passes when it equals the first, and is counted."""
        message = ccr(DICTIONARY.pack(CCR[1]), DICTIONARY.pack(CCR[2]))
        self.assertEqual((message.fault, message.repeated), (None, 2))
        other = DICTIONARY.pack(("Origin-Host", "other"))
        self.check(ccr(other), 5009, other)

    def test_limits(self) -> None:
        """5012 beyond depth and number of AVPs; the limit itself passes."""
        deep = packed(25, 0x40, 0, b"x")
        for _ in range(16):
            deep = packed(873, 0xC0, 10415, deep)
        self.assertIsNone(ccr(deep).fault)
        self.check(ccr(packed(873, 0xC0, 10415, deep)), 5012)
        classes = packed(25, 0x40, 0, b"")
        self.assertIsNone(ccr(classes * (4096 - len(CCR))).fault)
        self.check(ccr(classes * 4096), 5012)
        self.check(ccr(packed(873, 0xC0, 10415, classes * 4096)), 5012)

    def test_failed_avp_is_not_judged(self) -> None:
        """What a peer says was wrong with ours is wrong by its nature."""
        for inside in (packed(77_777, 0xC0, 4711, b"abc"), packed(420, 0x40, 0, b""), b"\1\2\3"):
            message = ccr(packed(279, 0x40, 0, inside))
            self.assertIsNone(message.fault)
            self.assertTrue(encode_again(message, DICTIONARY).endswith(packed(279, 0x40, 0, inside)))

    def test_failed_avp_in_a_failed_avp(self) -> None:
        """It stays octets: else each would be walked in its own copy of all that is in it, however many there are in each other."""
        inside = packed(263, 0x40, 0, b"x")
        for _ in range(400):
            inside = packed(279, 0x40, 0, inside)
        message = ccr(inside)
        self.assertIsNone(message.fault)
        (outer,) = message.all("Failed-AVP")
        assert isinstance(outer, Group)
        self.assertIsInstance(outer.get("Failed-AVP"), bytes)
        self.assertTrue(encode_again(message, DICTIONARY).endswith(inside))

    def test_long_values_are_not_remembered(self) -> None:
        """Addresses and names of strangers that are longer than any real one are decoded, encoded and packed each time; short ones once."""
        asked: list[str] = []

        def upper(text: str) -> str:
            asked.append(text)
            return text.upper()

        short = remembered(upper, 10)
        for text in ("a" * REMEMBERED, "b" * (REMEMBERED + 1)) * 2:
            self.assertEqual(short(text), text.upper())
        self.assertEqual([len(text) for text in asked], [REMEMBERED, REMEMBERED + 1, REMEMBERED + 1])
        long = b"\x34\x30" + bytes(2 * REMEMBERED)
        held = getrefcount(long)
        self.assertEqual(decode_address(long), long)
        self.assertEqual(getrefcount(long), held)
        self.assertIs(decode_address(b"\0\1\xc0\0\2\7"), decode_address(b"\0\1\xc0\0\2\7"))
        name, pack = "a" * 63 + ("." + "b" * 63) * 5, DICTIONARY.packs.by_name["Origin-Host"]
        self.assertEqual(pack(name)[8:], name.encode() + b"\0")
        conversions: list[tuple[Callable[[Any], Any], Any]] = [
            (DECODERS["DiameterIdentity"], name.encode()), (ENCODERS["DiameterIdentity"], name), (pack, name),
        ]  # fmt: skip
        for convert, told in conversions:
            self.assertEqual(convert(told), convert(told))
            self.assertIsNot(convert(told), convert(told))
            self.assertIs(convert(told[:REMEMBERED]), convert(told[:REMEMBERED]))

    def test_errors_have_the_generic_grammar(self) -> None:
        """An answer with the E bit lacks what the command's grammar asks for."""
        answer = [("Result-Code", 3004), *ORIGIN]
        self.assertIsNone(ccr(pairs=answer, flags=0x60).fault)
        self.check(ccr(pairs=answer, flags=0x40), 5005, packed(263, 0x40, 0, b""))
