"""
pyrad as the oracle: what either side encodes, the other reads the same, and every signature holds.

pyrad reads our dictionary files, but not vendors of another layout nor the two words of ours. Its own ways,
which the strategies step around: octets that begin with "0x" are hexadecimal to it, strings that aren't UTF-8
come as bytes, and attributes of one name are grouped.
"""

from __future__ import annotations

import logging
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary as PyradDictionary
from pyrad.packet import AccessAccept, AccessReject, AcctPacket, AuthPacket, CoAPacket
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import decode, encode_reply, encode_request, verify_reply
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.definitions import Attribute
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

logging.getLogger("pyrad").setLevel(logging.ERROR)

DICTIONARY = Dictionary.standard()
ORACLE = PyradDictionary(*[str(path) for path in Dictionary.shipped()])
SECRET = b"a test secret"
FEW = settings(max_examples=200, deadline=None)

Pair = tuple[str, Value]

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=50)
WORDS = st.integers(0, 2**32 - 1)
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "string": TEXTS,
    "octets": st.binary(min_size=1, max_size=60).filter(lambda value: not value.startswith(b"0x")),
    "integer": WORDS,
    "date": WORDS,
    "byte": st.integers(0, 255),
    "ipaddr": st.ip_addresses(v=4).map(str),
    "ipv6addr": st.ip_addresses(v=6).map(str),
    "ifid": st.lists(st.integers(0, 65535), min_size=4, max_size=4).map(
        lambda groups: ":".join(f"{group:x}" for group in groups)
    ),
}


def usable(attribute: Attribute) -> bool:
    """Both sides know it, in clear, with a number of its own and no structure inside."""
    return (
        attribute.name in ORACLE.attributes
        and attribute.type in VALUES
        and attribute.parent is None
        and not attribute.tagged
        and not attribute.encrypt
        and not attribute.carrier
        and attribute.name not in ("Message-Authenticator", "EAP-Message")
    )


NAMES = sorted(name for name, attribute in DICTIONARY.attributes.items() if usable(attribute))
PAIRS = st.lists(
    st.sampled_from(NAMES).flatmap(
        lambda name: st.tuples(st.just(name), VALUES[DICTIONARY.attribute(name).type])
    ),
    max_size=12,
)
CODES = st.sampled_from(
    [Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.COA_REQUEST, Code.DISCONNECT_REQUEST]
)


def theirs(name: str, value: Value) -> Value:
    """The value as pyrad has it: with the name that the voice attributes repeat, or the word of a number."""
    attribute = DICTIONARY.attribute(name)
    if isinstance(value, int):
        return DICTIONARY.word(name, value) or value
    return attribute.prefix + value if isinstance(value, str) else value


def grouped(pairs: list[Pair]) -> dict[str, list[Value]]:
    """Values by name."""
    groups: dict[str, list[Value]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def oracle_packet(code: int, **arguments: Any) -> Any:
    """pyrad's packet class for a code."""
    kind = {1: AuthPacket, 4: AcctPacket}.get(code, CoAPacket)
    return kind(code=code, secret=SECRET, dict=ORACLE, **arguments)


class OracleTests(SynchronousTestCase):
    """Both directions, requests and replies."""

    def test_most_attributes_take_part(self) -> None:
        """The strategies reach nearly the whole dictionary."""
        self.assertGreater(len(NAMES), 300)

    @FEW
    @given(CODES, PAIRS)
    def test_pyrad_reads_our_requests(self, code: Code, pairs: list[Pair]) -> None:
        """Every value arrives, the authenticator and the signature are right."""
        octets = encode_request(code, 9, pairs, SECRET, DICTIONARY)
        packet = oracle_packet(code, packet=octets)
        for name, values in grouped(pairs).items():
            self.assertEqual(packet[name], [theirs(name, value) for value in values])
        if code != Code.ACCOUNTING_REQUEST:
            self.assertTrue(packet.verify_message_authenticator())
        if code == Code.ACCOUNTING_REQUEST:
            self.assertTrue(packet.VerifyAcctRequest())
        elif code != Code.ACCESS_REQUEST:
            self.assertTrue(packet.VerifyCoARequest())

    @FEW
    @given(CODES, PAIRS, st.booleans())
    def test_we_read_pyrads_requests(self, code: Code, pairs: list[Pair], signed: bool) -> None:
        """Every value arrives, nothing is left out, and a signature is noticed."""
        request = oracle_packet(code, id=9)
        if signed:
            request.add_message_authenticator()
        for name, value in pairs:
            request.AddAttribute(name, theirs(name, value))
        packet = decode(request.RequestPacket(), SECRET, DICTIONARY)
        for name, values in grouped(pairs).items():
            self.assertEqual(packet.all(name), values)
        self.assertEqual((packet.ignored, packet.unknown), (0, 0))
        self.assertEqual(packet.has_message_authenticator, signed)
        self.assertEqual(packet.first_is_message_authenticator, signed)

    @FEW
    @given(st.sampled_from([AccessAccept, AccessReject]), PAIRS, st.lists(st.binary(max_size=20), max_size=3))
    def test_pyrad_verifies_our_access_replies(
        self, code: int, pairs: list[Pair], states: list[bytes]
    ) -> None:
        """With its own demand for a Message-Authenticator, and its own look at Proxy-State."""
        pairs = [pair for pair in pairs if pair[0] != "Proxy-State"]
        request = oracle_packet(1, id=9)
        if states:
            request[33] = list(states)
        packet = decode(request.RequestPacket(), SECRET, DICTIONARY)
        octets = encode_reply(packet, code, pairs, SECRET, DICTIONARY)
        reply = request.CreateReply(packet=octets)
        self.assertTrue(request.VerifyReply(reply, octets, enforce_ma=True))
        self.assertEqual(reply.get(33, []), states)
        for name, values in grouped(pairs).items():
            self.assertEqual(reply[name], [theirs(name, value) for value in values])

    @FEW
    @given(PAIRS, st.booleans())
    def test_pyrad_verifies_our_accounting_replies(self, pairs: list[Pair], signed: bool) -> None:
        """Bare for a bare request, signed for a signed one."""
        request = oracle_packet(4, id=9)
        if signed:
            request.add_message_authenticator()
        packet = decode(request.RequestPacket(), SECRET, DICTIONARY)
        octets = encode_reply(packet, Code.ACCOUNTING_RESPONSE, pairs, SECRET, DICTIONARY)
        reply = request.CreateReply(packet=octets)
        self.assertTrue(request.VerifyReply(reply, octets))
        self.assertEqual(reply.message_authenticator or False, signed)

    @FEW
    @given(CODES, PAIRS, st.booleans())
    def test_we_verify_pyrads_replies(self, code: Code, pairs: list[Pair], signed: bool) -> None:
        """Its answers to our requests are taken, signed or not."""
        octets = encode_request(code, 9, [("NAS-Port", 1)], SECRET, DICTIONARY)
        reply = oracle_packet(code, packet=octets).CreateReply(message_authenticator=signed)
        reply.code = int(code) + 1
        for name, value in pairs:
            reply.AddAttribute(name, theirs(name, value))
        packet: Packet = verify_reply(reply.ReplyPacket(), octets, SECRET, DICTIONARY)
        self.assertEqual(packet.has_message_authenticator, signed)
        for name, values in grouped(pairs).items():
            self.assertEqual(packet.all(name), values)

    @FEW
    @given(st.binary(max_size=128).map(lambda value: value.rstrip(b"\0")), st.binary(min_size=1, max_size=70))
    def test_passwords(self, password: bytes, secret: bytes) -> None:
        """A password hidden by either is revealed by the other, whatever the secret's length."""
        octets = encode_request(1, 9, [("User-Password", password)], secret, DICTIONARY)
        packet = AuthPacket(secret=secret, dict=ORACLE, packet=octets)
        # pyrad gives text and drops what isn't UTF-8.
        self.assertEqual(packet.PwDecrypt(packet[2][0]), password.decode(errors="ignore"))
        request = AuthPacket(id=9, secret=secret, dict=ORACLE, authenticator=packet.authenticator)
        request[2] = [request.PwCrypt(password)]
        self.assertEqual(decode(request.RequestPacket(), secret, DICTIONARY).user_password(secret), password)

    @FEW
    @given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=60))
    def test_salted_values(self, value: str) -> None:
        """pyrad opens the Tunnel-Password of our replies."""
        request = oracle_packet(1, id=9)
        packet = decode(request.RequestPacket(), SECRET, DICTIONARY)
        octets = encode_reply(packet, 2, [("Tunnel-Password:3", value)], SECRET, DICTIONARY)
        reply = request.CreateReply(packet=octets)
        reply.request_authenticator = request.authenticator
        self.assertEqual(reply["Tunnel-Password:3"], [value])
