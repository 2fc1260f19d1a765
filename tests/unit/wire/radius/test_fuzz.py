"""Hostile octets: nothing but Malformed is ever raised, and what is decoded can always be read."""

from __future__ import annotations

from hashlib import md5

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius import digest
from portaswitch.wire.radius.codec import (
    Malformed,
    decode,
    decode_pairs,
    encode_reply,
    encode_request,
    verify_reply,
)
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

DICTIONARY = Dictionary.standard()
SECRET = b"a test secret"
FEW = settings(max_examples=250, deadline=None)

#: A request with every kind of attribute that the walk treats in its own way.
REAL: list[tuple[str, Value]] = [
    ("User-Name", "447700900123"),
    ("NAS-IP-Address", "192.0.2.1"),
    ("Tunnel-Type:1", "VLAN"),
    ("Sterman-Digest-Realm", "r"),
    ("h323-conf-id", "9F3A8B11 2C5511EE 8001AABB 00000001"),
    ("h323-ivr-out", "PortaBilling_Session:lock"),
    ("SN-VPN-Name", "gi"),
    ("USR-Event-Id", 7),
    ("3GPP-RAT-Type", 6),
    ("Proxy-State", b"\0\1\2"),
]
VENDORS = [vendor.octets for vendor in DICTIONARY.vendors.values()]


def tlv(code: int, value: bytes) -> bytes:
    """One attribute, well framed."""
    return bytes((code, len(value) + 2)) + value


#: Attributes of any type with any contents, half of them a known vendor's with any contents.
ANY = st.one_of(
    st.builds(tlv, st.integers(0, 255), st.binary(max_size=40)),
    st.builds(lambda vendor, rest: tlv(26, vendor + rest), st.sampled_from(VENDORS), st.binary(max_size=40)),
)


class FuzzTests(SynchronousTestCase):
    """decode, decode_pairs and verify_reply."""

    def read(self, packet: Packet) -> None:
        """Read everything that a packet offers; every value is found by its name."""
        for name, value in packet.attributes:
            self.assertIn(value, packet.all(name))
            self.assertIsNotNone(packet.get(name))
            packet.named(name)
        for readings in (packet.avpairs(), packet.ivr_out(), digest.fields(packet) or {}):
            self.assertTrue(all(readings))
        packet.user_password(SECRET)
        packet.chap_matches(b"x")
        digest.read(packet)
        # All Proxy-States fit, for the request itself did.
        encode_reply(packet, Code.ACCESS_REJECT, (), SECRET, DICTIONARY)

    def try_decode(self, datagram: bytes) -> None:
        """Decode, or be told why not in one word."""
        try:
            packet = decode(datagram, SECRET, DICTIONARY)
        except Malformed as error:
            self.assertNotIn(" ", error.reason)
        else:
            self.read(packet)

    @FEW
    @given(st.binary(max_size=200))
    def test_random_octets(self, octets: bytes) -> None:
        """Any octets at all, as a datagram and as attributes."""
        self.try_decode(octets)
        try:
            self.read(decode_pairs(octets, DICTIONARY))
        except Malformed as error:
            self.assertIn(error.reason, ("attribute", "message-authenticator"))

    @FEW
    @given(st.sampled_from([1, 4, 12, 40, 43]), st.lists(ANY, max_size=12))
    def test_random_attributes(self, code: int, attributes: list[bytes]) -> None:
        """
        Whole attributes of any type and contents, behind an authenticator that is right where it counts.
        """
        body = b"".join(attributes)
        head = bytes((code, 1)) + (20 + len(body)).to_bytes(2, "big")
        self.try_decode(head + md5(head + bytes(16) + body + SECRET).digest() + body)

    @FEW
    @given(st.lists(ANY, max_size=12))
    def test_every_attribute_is_accounted_for(self, attributes: list[bytes]) -> None:
        """
        What is neither decoded nor ignored nor unknown doesn't exist, but for signatures and empty TLVs.
        """
        try:
            packet = decode_pairs(b"".join(attributes), DICTIONARY)
        except Malformed:
            return
        silent = sum(1 for octets in attributes if octets[0] in (80, 207))
        counted = len(packet.attributes) + packet.ignored + packet.unknown
        self.assertGreaterEqual(counted + silent, len(attributes))

    @FEW
    @given(st.data())
    def test_mutated_packets(self, data: st.DataObject) -> None:
        """
        Real packets, changed in a few places, cut or lengthened; resealed, so that the change is looked at.
        """
        octets = bytearray(encode_request(Code.ACCOUNTING_REQUEST, 1, REAL, SECRET, DICTIONARY))
        for at in data.draw(st.lists(st.integers(20, len(octets) - 1), min_size=1, max_size=4)):
            octets[at] = data.draw(st.integers(0, 255))
        octets = octets[: data.draw(st.integers(20, len(octets)))]
        octets[2:4] = len(octets).to_bytes(2, "big")
        octets[4:20] = md5(bytes(octets[:4]) + bytes(16) + bytes(octets[20:]) + SECRET).digest()
        self.try_decode(bytes(octets) + data.draw(st.binary(max_size=3)))

    @FEW
    @given(st.binary(max_size=80))
    def test_answers(self, octets: bytes) -> None:
        """A client never trips over an answer."""
        request = encode_request(Code.ACCESS_REQUEST, 1, [], SECRET, DICTIONARY)
        self.assertRaises(Malformed, verify_reply, octets, request, SECRET, DICTIONARY)
        self.assertRaises(Malformed, verify_reply, b"\2\1" + octets, request, SECRET, DICTIONARY)
