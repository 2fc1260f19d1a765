"""Whole packets: the examples of the RFCs by their octets, signatures, replies, and the client's side."""

from __future__ import annotations

import hmac
from hashlib import md5

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import Malformed, decode, encode_reply, encode_request, verify_reply
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import CACHED_ENCODINGS, Dictionary
from portaswitch.wire.radius.packet import Code, Packet

DICTIONARY = Dictionary.standard()
SECRET = b"a test secret"

#: RFC 2865 7 and RFC 5997 6: every example has this secret.
RFC_SECRET = b"xyzzy5461"
#: RFC 2865 7.1: nemo telnets.
TELNET = bytes.fromhex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110 050600000003"
)
TELNET_ACCEPT = bytes.fromhex(
    "02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103"
)
#: RFC 2865 7.2: flopsy by CHAP.
CHAP = bytes.fromhex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379 031316e97557c316185895f293ff634407 72 75"
    "0406c0a80110 050600000014 060600000002 070600000001"
)
#: RFC 5997 6.1 and 6.3, a server's status asked for at the authentication and at the accounting port.
STATUS = bytes.fromhex("0cda0026 8a54f4686fb394c52866e302185d0623 50125a665e2e1e8411f3e243822097c84fa3")
STATUS_ACCEPT = bytes.fromhex("02da0014 ef0d552a4bf2d693ec2b6fe8b5411d66")
STATUS_ACCOUNTING = bytes.fromhex(
    "0cb30026 925f6b66dd5fed571fcb1db7ad388260 5012e8d6eabda910875cd91fdade26367858"
)


def request(code: Code = Code.ACCESS_REQUEST, *attributes: tuple[str, Value]) -> Packet:
    """A request as the server sees it."""
    return decode(encode_request(code, 7, attributes, SECRET, DICTIONARY), SECRET, DICTIONARY)


def sent(octets: bytes) -> list[int]:
    """The attribute types of a packet in order."""
    types, at = [], 20
    while at < len(octets):
        types.append(octets[at])
        at += octets[at + 1]
    return types


class Reasons(SynchronousTestCase):
    """A base for tests that expect a datagram to be discarded."""

    def assertMalformed(self, reason: str, datagram: bytes, secret: bytes = SECRET) -> None:
        """The datagram is discarded for this reason."""
        self.assertEqual(self.assertRaises(Malformed, decode, datagram, secret, DICTIONARY).reason, reason)


class ExampleTests(SynchronousTestCase):
    """The examples that the RFCs print."""

    def test_pap(self) -> None:
        """RFC 2865 7.1: the password comes out, and the printed answer belongs to the request."""
        packet = decode(TELNET, RFC_SECRET, DICTIONARY)
        self.assertEqual(
            [packet.get(name) for name in ("User-Name", "NAS-IP-Address", "NAS-Port")],
            ["nemo", "192.168.1.16", 3],
        )
        self.assertEqual((packet.code, packet.identifier), (Code.ACCESS_REQUEST, 0))
        self.assertEqual(packet.user_password(RFC_SECRET), b"arctangent")
        self.assertFalse(packet.has_message_authenticator)
        reply = verify_reply(TELNET_ACCEPT, TELNET, RFC_SECRET)
        self.assertEqual(
            reply.attributes,
            [("Service-Type", 1), ("Login-Service", 0), ("Login-IP-Host", "192.168.1.3")],
        )

    def test_chap(self) -> None:
        """RFC 2865 7.2: without CHAP-Challenge the authenticator is the challenge."""
        packet = decode(CHAP, RFC_SECRET, DICTIONARY)
        self.assertTrue(packet.chap_matches(b"arctangent"))
        self.assertFalse(packet.chap_matches(b"Arctangent"))
        self.assertEqual(packet.named("Service-Type"), "Framed-User")

    def test_status_server(self) -> None:
        """RFC 5997 6: signed requests pass, at both ports, and the printed answer belongs to the first."""
        self.assertTrue(decode(STATUS, RFC_SECRET, DICTIONARY).first_is_message_authenticator)
        self.assertEqual(decode(STATUS_ACCOUNTING, RFC_SECRET, DICTIONARY).identifier, 0xB3)
        self.assertEqual(verify_reply(STATUS_ACCEPT, STATUS, RFC_SECRET).code, Code.ACCESS_ACCEPT)


class SignatureTests(Reasons):
    """Authenticators and Message-Authenticators of requests."""

    def test_every_octet_is_signed(self) -> None:
        """A request with one bit changed anywhere but its own type octet of the signature is discarded."""
        for code in (Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.COA_REQUEST, Code.DISCONNECT_REQUEST):
            octets = encode_request(code, 7, [("User-Name", "bob"), ("NAS-Port", 3)], SECRET, DICTIONARY)
            for at in range(len(octets)):
                if code == Code.ACCESS_REQUEST and at == 20:
                    continue  # another type: the attack that only require_message_authenticator stops
                changed = bytearray(octets)
                changed[at] ^= 1
                self.assertRaises(Malformed, decode, bytes(changed), SECRET, DICTIONARY)

    def test_wrong_secret(self) -> None:
        """Another secret looks like a changed packet."""
        for code, reason in (
            (Code.ACCESS_REQUEST, "message-authenticator"),
            (Code.STATUS_SERVER, "message-authenticator"),
            (Code.ACCOUNTING_REQUEST, "authenticator"),
            (Code.COA_REQUEST, "authenticator"),
        ):
            self.assertMalformed(reason, encode_request(code, 7, [], SECRET, DICTIONARY), b"another")

    def test_coa_signature_is_checked_behind_the_authenticator(self) -> None:
        """A CoA-Request with a right authenticator but a wrong Message-Authenticator is discarded."""
        body = bytes((80, 18)) + bytes(16)
        head = bytes((43, 7, 0, 20 + len(body)))
        seal = md5(head + bytes(16) + body + SECRET).digest()
        self.assertMalformed("message-authenticator", head + seal + body)

    def test_long_secret(self) -> None:
        """A secret over an MD5 block is digested first (RFC 2104 2), as the library's HMAC has it."""
        secret = b"s" * 65
        bare = encode_request(Code.ACCESS_REQUEST, 7, [], secret, DICTIONARY)
        self.assertEqual(bare[22:], hmac.digest(secret, bare[:22] + bytes(16), "md5"))
        octets = encode_request(Code.ACCESS_REQUEST, 7, [("User-Password", "x")], secret, DICTIONARY)
        self.assertEqual(decode(octets, secret, DICTIONARY).user_password(secret), b"x")

    def test_largest(self) -> None:
        """4096 octets are a packet, 4097 are not, however right their signature."""
        filling: list[tuple[str, Value]] = [("Class", b"x" * 253)] * 15
        filling.append(("Class", b"x" * (4096 - 20 - 18 - 15 * 255 - 2)))
        octets = encode_request(Code.ACCESS_REQUEST, 7, filling, SECRET, DICTIONARY)
        self.assertEqual(len(octets), 4096)
        self.assertEqual(len(decode(octets, SECRET, DICTIONARY).attributes), 16)
        self.assertMalformed("long", bytes((1, 7, 0x10, 0x01)) + bytes(4093))

    def test_password_of_128(self) -> None:
        """128 octets of password are the most (RFC 2865 5.2)."""
        long = b"p" * 128
        self.assertEqual(request(Code.ACCESS_REQUEST, ("User-Password", long)).user_password(SECRET), long)
        vector = bytes(16)
        head = bytes((1, 7, 0, 20 + 146)) + vector
        self.assertMalformed("password", head + bytes((2, 146)) + bytes(144))

    def test_empty_password(self) -> None:
        """An empty password is 16 octets on the wire and empty behind it."""
        self.assertEqual(request(Code.ACCESS_REQUEST, ("User-Password", "")).user_password(SECRET), b"")


class ReplyTests(SynchronousTestCase):
    """What the server answers."""

    def test_access_answers_are_signed_first(self) -> None:
        """
        Accept, Reject and Challenge begin with a Message-Authenticator, whether or not the request had one.
        """
        for packet in (request(), decode(TELNET, RFC_SECRET, DICTIONARY)):
            for code in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE):
                octets = encode_reply(packet, code, [("Reply-Message", "no")], SECRET, DICTIONARY)
                self.assertEqual(sent(octets), [80, 18])

    def test_accounting_response(self) -> None:
        """It is bare for a bare request, and signed for a signed one."""
        plain = request(Code.ACCOUNTING_REQUEST, ("NAS-Port", 1))
        self.assertEqual(len(encode_reply(plain, Code.ACCOUNTING_RESPONSE, (), SECRET, DICTIONARY)), 20)
        status = request(Code.STATUS_SERVER)
        octets = encode_reply(status, Code.ACCOUNTING_RESPONSE, (), SECRET, DICTIONARY)
        self.assertEqual(sent(octets), [80])

    def test_proxy_states(self) -> None:
        """They come back unmodified and in order, behind the answer's attributes (RFC 2865 5.33)."""
        states: list[Value] = [b"\0first", b"second\xff", b"\0first"]
        packet = request(Code.ACCESS_REQUEST, *(("Proxy-State", state) for state in states), ("NAS-Port", 1))
        octets = encode_reply(packet, Code.ACCESS_REJECT, [("Reply-Message", "no")], SECRET, DICTIONARY)
        self.assertEqual(sent(octets), [80, 18, 33, 33, 33])
        self.assertIn(b"!\x08\0first!\x09second\xff!\x08\0first", octets)
        self.assertEqual(packet.proxy_states, states)

    def test_nothing_is_split_in_silence(self) -> None:
        """
        A text of 254 octets, a Cisco one of 248 with its name, and a packet over 4096 are errors of ours.
        """
        packet = request()
        for pair in (
            ("Reply-Message", "x" * 254),
            ("Reply-Message", "ż" * 127),
            ("h323-currency", "x" * (248 - len("h323-currency="))),
            ("h323-ivr-in", "x" * (248 - len("h323-ivr-in="))),
        ):
            error = self.assertRaises(ValueError, encode_reply, packet, 2, [pair], SECRET, DICTIONARY)
            self.assertIn(pair[0], str(error))
            self.assertNotIn(pair[1], str(error))
        many = [("Reply-Message", "x" * 253)] * 16
        self.assertRaises(ValueError, encode_reply, packet, 2, many, SECRET, DICTIONARY)
        fits = [("Reply-Message", "x" * 253), ("h323-currency", "x" * (247 - len("h323-currency=")))]
        self.assertEqual(len(encode_reply(packet, 2, fits, SECRET, DICTIONARY)), 20 + 18 + 255 + 255)

    def test_number_as_text(self) -> None:
        """Voice attributes carry numbers as text; 0 and True are not mixed up by what is remembered."""
        packet = request()
        first = encode_reply(packet, 2, [("h323-credit-time", 1)], SECRET, DICTIONARY)
        self.assertTrue(first.endswith(b"h323-credit-time=1"))
        again = encode_reply(packet, 2, [("h323-credit-time", True)], SECRET, DICTIONARY)
        self.assertEqual(first, again)

    def test_what_is_remembered_is_bounded(self) -> None:
        """
        New values never make the store of encodings grow past its bound, and the next ones are still right.
        """
        dictionary = Dictionary(DICTIONARY.vendors.values(), DICTIONARY.attributes.values())
        packet = request()
        for number in range(CACHED_ENCODINGS + 10):
            octets = encode_reply(packet, 2, [("Session-Timeout", number)], SECRET, dictionary)
            self.assertEqual(octets[-4:], number.to_bytes(4, "big"))
        self.assertLessEqual(len(dictionary.encodings), CACHED_ENCODINGS)

    def test_hidden_values(self) -> None:
        """A Tunnel-Password is salted anew each time and never remembered (RFC 2868 3.5)."""
        packet = request()
        pair = [("Tunnel-Password:1", "the tunnel's")]
        one = encode_reply(packet, 2, pair, SECRET, DICTIONARY)
        two = encode_reply(packet, 2, pair, SECRET, DICTIONARY)
        self.assertNotEqual(one[38:], two[38:])
        self.assertNotIn(b"the tunnel's", one)
        self.assertNotIn(pair[0], DICTIONARY.encodings)
        self.assertRaises(
            ValueError, encode_reply, packet, 2, [("Tunnel-Password", "x" * 240)], SECRET, DICTIONARY
        )


class ClientTests(SynchronousTestCase):
    """Requests that we send, and which answers we take."""

    def setUp(self) -> None:
        self.octets = encode_request(Code.ACCESS_REQUEST, 7, [("User-Name", "bob")], SECRET, DICTIONARY)
        self.packet = decode(self.octets, SECRET, DICTIONARY)
        self.reply = encode_reply(
            self.packet, Code.ACCESS_ACCEPT, [("Session-Timeout", 60)], SECRET, DICTIONARY
        )

    def assertRefused(self, reason: str, reply: bytes, secret: bytes = SECRET) -> None:
        """The answer is not taken."""
        error = self.assertRaises(Malformed, verify_reply, reply, self.octets, secret, DICTIONARY)
        self.assertEqual(error.reason, reason)

    def test_signed_first(self) -> None:
        """All requests but accounting ones begin with a Message-Authenticator."""
        for code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER, Code.COA_REQUEST, Code.DISCONNECT_REQUEST):
            octets = encode_request(code, 7, [("NAS-Port", 1)], SECRET, DICTIONARY)
            self.assertEqual(sent(octets), [80, 5])
            self.assertTrue(decode(octets, SECRET, DICTIONARY).first_is_message_authenticator)
        octets = encode_request(Code.ACCOUNTING_REQUEST, 7, [("NAS-Port", 1)], SECRET, DICTIONARY)
        self.assertEqual(sent(octets), [5])

    def test_authenticators_are_unpredictable(self) -> None:
        """Two requests alike have different authenticators, unless one is given."""
        other = encode_request(Code.ACCESS_REQUEST, 7, [("User-Name", "bob")], SECRET, DICTIONARY)
        self.assertNotEqual(self.octets[4:20], other[4:20])
        given = encode_request(
            Code.ACCESS_REQUEST, 7, [], SECRET, DICTIONARY, authenticator=b"0123456789abcdef"
        )
        self.assertEqual(given[4:20], b"0123456789abcdef")

    def test_only_requests(self) -> None:
        """An answer's code is refused."""
        self.assertRaises(ValueError, encode_request, Code.ACCESS_ACCEPT, 7, [], SECRET, DICTIONARY)

    def test_right_answer(self) -> None:
        """It is taken, and says that it was signed."""
        reply = verify_reply(self.reply, self.octets, SECRET)
        self.assertEqual(reply.get("Session-Timeout"), 60)
        self.assertTrue(reply.has_message_authenticator)

    def test_wrong_answers(self) -> None:
        """Another identifier, another kind of answer, another secret, no whole packet."""
        self.assertRefused("identifier", self.reply[:1] + b"\x08" + self.reply[2:])
        self.assertRefused("code", b"\x05" + self.reply[1:])
        self.assertRefused("authenticator", self.reply, b"another")
        self.assertRefused("short", self.reply[:19])
        self.assertRefused("length", self.reply[:-1])

    def test_every_octet_of_an_answer_is_signed(self) -> None:
        """One changed bit anywhere makes it no answer."""
        for at in range(len(self.reply)):
            changed = bytearray(self.reply)
            changed[at] ^= 0x10
            self.assertRaises(Malformed, verify_reply, bytes(changed), self.octets, SECRET, DICTIONARY)

    def test_dynamic_authorization(self) -> None:
        """CoA and Disconnect: ACK and NAK are answers, with the cause by its word."""
        for code, ack, nak in ((40, 41, 42), (43, 44, 45)):
            octets = encode_request(code, 9, [("Acct-Session-Id", "S1")], SECRET, DICTIONARY)
            packet = decode(octets, SECRET, DICTIONARY)
            for answer in (ack, nak):
                cause = [("Error-Cause", "Session-Context-Not-Found")]
                reply = verify_reply(
                    encode_reply(packet, answer, cause, SECRET, DICTIONARY), octets, SECRET, DICTIONARY
                )
                self.assertEqual((reply.code, reply.named("Error-Cause")), (answer, cause[0][1]))
                self.assertTrue(reply.first_is_message_authenticator)

    def test_status_answers(self) -> None:
        """
        Status-Server is answered by Access-Accept or Accounting-Response, signed with its authenticator.
        """
        octets = encode_request(Code.STATUS_SERVER, 9, [], SECRET, DICTIONARY)
        packet = decode(octets, SECRET, DICTIONARY)
        for answer in (Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE):
            reply = encode_reply(packet, answer, (), SECRET, DICTIONARY)
            self.assertTrue(verify_reply(reply, octets, SECRET, DICTIONARY).has_message_authenticator)
