"""Hostile octets: whatever comes, a message is decoded or has a fault, and the fault has an answer."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import decode, encode, encode_again, encode_error
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Fault, packed
from portaswitch.wire.diameter.framing import Framer
from portaswitch.wire.diameter.message import Group, Pair
from portaswitch.wire.diameter.walk import Limits

DICTIONARY = Dictionary.standard()
FEW = settings(max_examples=400, deadline=None)
ORIGIN: list[Pair] = [("Origin-Host", "ocs.example.com"), ("Origin-Realm", "example.com")]
CODES = {1001, 3001, 3007, 3008, 3009, 5001, 5004, 5005, 5009, 5011, 5012, 5013, 5014, 5015}

#: A request with every type that decoding treats in its own way.
SOUND = encode(
    0xC0,
    272,
    4,
    1,
    2,
    [
        ("Session-Id", "s;1;2"),
        *ORIGIN,
        ("Destination-Realm", "example.com"),
        ("Service-Context-Id", "32251@3gpp.org"),
        ("CC-Request-Type", 1),
        ("CC-Request-Number", 0),
        ("Event-Timestamp", 1551426764),
        ("Proxy-Info", Group([("Proxy-Host", "p"), ("Proxy-State", b"\1\2\3")])),
        ("Subscription-Id", Group([("Subscription-Id-Type", 0), ("Subscription-Id-Data", "380630000001")])),
        (
            "Multiple-Services-Credit-Control",
            Group([("Used-Service-Unit", Group([("CC-Total-Octets", 5)])), ("Rating-Group", 100)]),
        ),
        ("Service-Information", Group([("PS-Information", Group([("PDP-Address", "10.0.0.1")]))])),
    ],
    DICTIONARY,
)


def lengthened(avps: bytes) -> bytes:
    """The sound request with AVPs at its end, its length set right."""
    octets = SOUND + avps
    return octets[:1] + len(octets).to_bytes(3, "big") + octets[4:]


def offsets() -> list[int]:
    """Where the AVPs of the sound request's top level begin."""
    found, at = [], 20
    while at < len(SOUND):
        found.append(at)
        at += int.from_bytes(SOUND[at + 5 : at + 8], "big") + 3 & ~3
    return found


def malformed() -> Iterator[tuple[str, bytes]]:
    """Messages by what is wrong with them."""
    for size in (0, 1, 3, 4, 19, 20, 24, 27, 40, len(SOUND) - 4, len(SOUND) - 1):
        yield f"cut to {size}", SOUND[:size]
        yield f"cut to {size}, length set", SOUND[:1] + size.to_bytes(3, "big") + SOUND[4:size]
    for length in (0, 1, 19, 21, 0x7FFFFF, 0xFFFFFF):
        yield f"length {length}", SOUND[:1] + length.to_bytes(3, "big") + SOUND[4:]
    for version in (0, 2, 255):
        yield f"version {version}", bytes((version,)) + SOUND[1:]
    for flags in (0xE0, 0xF0, 0xA0, 0xFF):
        yield f"flags {flags:#x}", SOUND[:4] + bytes((flags,)) + SOUND[5:]
    for code in (0, 1, 271, 273, 0xFFFFFF):
        yield f"command {code}", SOUND[:5] + code.to_bytes(3, "big") + SOUND[8:]
    for application in (0, 3, 16777238, 0xFFFFFFFF):
        yield f"application {application}", SOUND[:8] + application.to_bytes(4, "big") + SOUND[12:]
    for at in offsets():
        for length in (0, 1, 7, 0xFFFFFF, len(SOUND)):
            yield f"AVP at {at} of length {length}", SOUND[: at + 5] + length.to_bytes(3, "big") + SOUND[at + 8 :]
        yield f"AVP at {at} unknown", SOUND[:at] + b"\x7f\xff\xff\xff" + SOUND[at + 4 :]
        if SOUND[at + 4] != 0xC0:
            yield f"AVP at {at} of vendor", SOUND[: at + 4] + b"\xc0" + SOUND[at + 5 :]
    for avp in DICTIONARY.avps.values():
        if avp.name in NARROW:
            # An Address of any other family is one, and a text may be empty.
            for size in (0, 1) if avp.type == "Address" else (1, 2, 3, 5, 7, 9):
                yield f"{avp.name} of {size}", lengthened(packed(avp.code, avp.flags, avp.vendor, b"\xff" * size))
    for depth in (17, 100, 2000):
        nest = b""
        for _ in range(depth):
            nest = packed(456, 0x40, 0, nest + packed(25, 0x40, 0, b"x"))
        yield f"nested {depth}", lengthened(nest)
    yield "a group that ends in a header", lengthened(packed(456, 0x40, 0, b"\0\0\1"))
    yield "many empty AVPs", lengthened(packed(25, 0, 0, b"") * 20_000)
    yield "huge", lengthened(packed(25, 0, 0, bytes(300_000)))
    yield "huge unknown", lengthened(packed(0x7FFFFFF, 0x40, 0, bytes(200_000)))


#: One of each type that can be wrong.
NARROW = {"CC-Time", "CC-Input-Octets", "Exponent", "Value-Digits", "CC-Unit-Type", "Expiry-Time", "CG-Address", "User-Name"}


class MalformedTests(SynchronousTestCase):
    """The kinds one by one, then at random."""

    def answered(self, octets: bytes, limits: Limits | None = None) -> int | None:
        """The Result-Code of the fault, whose answer is a sound message."""
        message = decode(octets, DICTIONARY, limits or Limits())
        fault = message.fault
        if fault is None:
            self.assertEqual(decode(encode_again(message, DICTIONARY), DICTIONARY).pairs, message.pairs)
            return None
        self.assertIn(fault.result, CODES)
        answer = decode(encode_error(message, fault, ORIGIN, DICTIONARY), DICTIONARY)
        self.assertEqual(answer.get("Result-Code"), fault.result)
        self.assertFalse(answer.is_request)
        return fault.result

    def test_kinds(self) -> None:
        """Over 150 kinds, each a fault with an answer."""
        kinds = dict(malformed())
        self.assertGreater(len(kinds), 150)
        sound = [kind for kind, octets in kinds.items() if self.answered(octets) is None]
        self.assertEqual(sound, [])

    def test_sound(self) -> None:
        """What they were made of has no fault."""
        self.assertIsNone(self.answered(SOUND))

    @FEW
    @given(st.binary(max_size=200))
    def test_noise(self, octets: bytes) -> None:
        """Any octets."""
        self.answered(octets)
        self.answered(lengthened(octets))

    @FEW
    @given(st.lists(st.tuples(st.integers(4, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=4))
    def test_flipped(self, changes: list[tuple[int, int]]) -> None:
        """The sound request with some octets changed."""
        octets = bytearray(SOUND)
        for at, octet in changes:
            octets[at] = octet
        self.answered(bytes(octets))

    @FEW
    @given(
        st.sampled_from(sorted(DICTIONARY.avps)),
        st.integers(0, 255),
        st.binary(max_size=30),
    )
    def test_any_avp_with_anything(self, name: str, flags: int, value: bytes) -> None:
        """Every AVP of the dictionary, any flags, any value."""
        avp = DICTIONARY.avps[name]
        self.answered(lengthened(packed(avp.code, flags, avp.vendor, value)))


class FramingTests(SynchronousTestCase):
    """Messages out of a stream."""

    @FEW
    @given(st.lists(st.integers(1, 400), max_size=12))
    def test_any_cut(self, sizes: list[int]) -> None:
        """Three messages come out whole and in order, whatever the reads."""
        stream = SOUND + SOUND[:4] + b"\x80" + SOUND[5:] + SOUND
        framer, found, at = Framer(), [], 0
        for size in [*sizes, len(stream)]:
            found += list(framer.feed(stream[at : at + size]))
            at += size
        self.assertEqual(found, [SOUND, SOUND[:4] + b"\x80" + SOUND[5:], SOUND])
        self.assertEqual(framer.waiting, 0)

    def test_half(self) -> None:
        """A half message waits."""
        framer = Framer()
        self.assertEqual(list(framer.feed(SOUND + SOUND[:30])), [SOUND])
        self.assertEqual(framer.waiting, 30)

    def test_lost(self) -> None:
        """Version and lengths that end the stream; nothing comes after, and nothing is kept."""
        for head, result in (
            (b"\2\0\0\x14", 5011),
            (b"\1\0\0\x10", 5015),
            (b"\1\0\0\x16", 5015),
            (b"\1\xff\xff\xfc", 5015),
            (b"HTTP", 5011),
        ):
            framer = Framer()
            found = list(framer.feed(SOUND + head + SOUND))
            self.assertEqual(found[0], SOUND)
            (fault,) = found[1:]
            assert isinstance(fault, Fault)
            self.assertEqual(fault.result, result)
            self.assertTrue(fault.loses_framing)
            self.assertEqual((list(framer.feed(SOUND)), framer.waiting), ([], 0))

    def test_memory(self) -> None:
        """What waits is bounded by the largest message."""
        framer = Framer(Limits(octets=1000))
        self.assertEqual(list(framer.feed(b"\1\0\3\xe8" + bytes(990))), [])
        self.assertEqual([len(item) for item in framer.feed(bytes(6)) if isinstance(item, bytes)], [1000])
