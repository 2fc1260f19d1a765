"""Log-ins from the octets of the request to those of the answer: digest in both wire forms, EAP, MS-CHAP, several proofs at once."""

from __future__ import annotations

from portaswitch.endpoints.radius import ACCT, AUTH, Limits
from portaswitch.model.catalogue import Observe
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Decision, Facts, Login
from portaswitch.wire.radius.codec import verify_reply
from portaswitch.wire.radius.crypto import chap_response
from portaswitch.wire.radius.packet import Code, Packet
from tests.unit.builders import CARD
from tests.unit.endpoints.radius_world import DICTIONARY, SECRET, Attributes, octets, unsigned
from tests.unit.endpoints.test_radius import RadiusCase

HELLO: Attributes = [("User-Name", CARD), ("NAS-IP-Address", "164.9.9.100")]
#: The call of RFC 5090 6; the password is secret.
CALL = {
    "Username": "12345678", "Realm": "example.com", "Nonce": "3bada1a0", "Method": "INVITE", "URI": "sip:97226491335@example.com", "Qop": "auth",
    "Algorithm": "MD5", "CNonce": "56593a80", "Nonce-Count": "00000001", "Response": "756933f735fcd93f90a4bbdd5467f263",
}  # fmt: skip
ANSWERED = "f847de948d12285f8f4199e366f1af21"
IGNORE = ("h323-ivr-out", "PortaBilling_Ignore_Password:YES")
WHO = b"\2\x17\0\x09\1user"


def login(form: str = "Digest-", **changed: str) -> Attributes:
    """The digest fields of the call, some of them changed; '' leaves one out."""
    told = {**CALL, **changed}
    return [*HELLO, *((form + name, value) for name, value in told.items() if value)]


class LoginCase(RadiusCase):
    """A port whose core asks the proof about one password."""

    def setUp(self) -> None:
        """No delay of rejects."""
        self.begin(Limits(reject_delay=0))

    def said(self, request: bytes, password: str = "secret") -> Packet:
        """The answer that a request gets when the account has this password."""
        self.wire.sent.clear()
        self.receive(request)
        credentials = self.desk.asked[0][0].credentials
        right = credentials is not None and (credentials.login is Login.NONE or credentials.verify(password))
        self.desk.decide(Decision(facts=Facts(CARD, 101, -1, "CAD", "en")) if right else Decision(refusal=Refusal.INVALID_PASSWORD))
        ((datagram, _),) = self.wire.sent
        return verify_reply(datagram, request, SECRET, DICTIONARY)

    def codes(self, *requests: Attributes, password: str = "secret") -> list[int]:
        """The codes of the answers to requests with these attributes."""
        return [self.said(octets(Code.ACCESS_REQUEST, attributes, number), password).code for number, attributes in enumerate(requests)]


class DigestTests(LoginCase):
    """Digest logins."""

    def test_both_forms(self) -> None:
        """Accepted with the right password, rejected with any other one."""
        for form in ("Digest-", "Sterman-Digest-"):
            self.begin(Limits(reject_delay=0))
            self.assertEqual(self.codes(login(form)), [Code.ACCESS_ACCEPT])
            self.begin(Limits(reject_delay=0))
            self.assertEqual(self.codes(login(form), password="Secret"), [Code.ACCESS_REJECT])

    def test_kept_in_one_container(self) -> None:
        """All sub-attributes in one 207, as FreeRADIUS's client sends them, beside a 206."""
        subs = (("Realm", 1), ("Nonce", 2), ("Method", 3), ("URI", 4), ("Qop", 5), ("Algorithm", 6), ("CNonce", 8), ("Nonce-Count", 9), ("Username", 10))
        value = b"".join(bytes((code, len(CALL[name]) + 2)) + CALL[name].encode() for name, code in subs)
        body = bytes((207, len(value) + 2)) + value + bytes((206, 34)) + CALL["Response"].encode()
        plain = unsigned(HELLO)
        request = b"\1\5" + (len(plain) + len(body)).to_bytes(2, "big") + plain[4:] + body
        self.assertEqual(self.said(request).code, Code.ACCESS_ACCEPT)

    def test_changed(self) -> None:
        """Any field with another value, or without one, is a wrong proof; never an exception, never a login without proof."""
        for form in ("Digest-", "Sterman-Digest-"):
            for name in CALL.keys() - {"Algorithm"}:
                self.begin(Limits(reject_delay=0))
                more: list[Attributes] = [] if name == "Username" else [login(form, **{name: ""})]
                self.assertEqual(self.codes(login(form, **{name: "x" + CALL[name]}), *more), [Code.ACCESS_REJECT] * (1 + len(more)), name)
        self.assertEqual(self.dropped(), {})

    def test_half_a_digest_is_not_none(self) -> None:
        """Fields without a response don't log in to an account that has no password."""
        for name in CALL.keys() - {"Algorithm", "Qop", "CNonce", "Nonce-Count"}:
            for form in ("Digest-", "Sterman-Digest-"):
                self.begin(Limits(reject_delay=0))
                self.assertEqual(self.codes([*HELLO, (form + name, CALL[name])], password=""), [Code.ACCESS_REJECT], name)
        self.assertEqual(self.codes(HELLO, password=""), [Code.ACCESS_ACCEPT])

    def test_response_auth(self) -> None:
        """The Access-Accept proves that we know the password too (RFC 5090 2.2.3); a reject and the older form have no such thing."""
        self.assertEqual(self.said(octets(Code.ACCESS_REQUEST, login(), 1)).get("Digest-Response-Auth"), ANSWERED)
        for number, (form, password) in enumerate((("Digest-", "wrong"), ("Sterman-Digest-", "secret")), 2):
            self.assertIsNone(self.said(octets(Code.ACCESS_REQUEST, login(form), number), password).get("Digest-Response-Auth"))

    def test_core_forgets_a_wrong_password(self) -> None:
        """Decided twice, on an old view and on a fresh one: the last password counts."""
        request = octets(Code.ACCESS_REQUEST, login())
        self.receive(request)
        credentials = self.desk.asked[0][0].credentials
        assert credentials is not None
        self.assertEqual((credentials.verify("secret"), credentials.verify("other")), (True, False))
        self.desk.decide(Decision(facts=Facts(CARD, 101, -1, "CAD", "en")))
        (answer,) = self.answers(request)
        self.assertIsNone(answer.get("Digest-Response-Auth"))


class SeveralTests(LoginCase):
    """Two proofs in one request, and proofs that are not understood."""

    def test_two_at_once(self) -> None:
        """Each right by itself; together they are refused (RFC 2865 5.44)."""
        pap, chap = ("User-Password", "secret"), ("CHAP-Password", chap_response(7, b"secret", b"c" * 16))
        challenge = ("CHAP-Challenge", b"c" * 16)
        accept, reject = Code.ACCESS_ACCEPT, Code.ACCESS_REJECT
        alone = self.codes([*HELLO, pap], [*HELLO, chap, challenge], login())
        self.begin(Limits(reject_delay=0))
        together = self.codes([*HELLO, pap, chap, challenge], [*login(), pap], [*login(), chap, challenge])
        self.assertEqual((alone, together), ([accept] * 3, [reject] * 3))

    def test_ms_chap(self) -> None:
        """Not understood: right for no password, not even for none; and it spoils another proof."""
        for name in ("MS-CHAP-Response", "MS-CHAP-Challenge", "MS-CHAP2-Response"):
            self.begin(Limits(reject_delay=0))
            proof = (name, b"x" * 50)
            self.assertEqual(self.codes([*HELLO, proof], password=""), [Code.ACCESS_REJECT], name)
            self.begin(Limits(reject_delay=0))
            self.assertEqual(self.codes([*HELLO, proof, ("User-Password", "secret")], [*login(), proof]), [Code.ACCESS_REJECT] * 2, name)

    def test_ignore_password(self) -> None:
        """Only of clients that may say it; then no proof is looked at but EAP, which is rejected all the same."""
        wrong = login(Response="0" * 32)
        self.assertEqual(self.codes([*wrong, IGNORE]), [Code.ACCESS_REJECT])
        self.begin(Limits(reject_delay=0), ignore_password=True)
        eap: Attributes = [*HELLO, IGNORE, ("EAP-Message", WHO)]
        self.assertEqual(self.codes([*wrong, IGNORE], wrong, eap), [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_REJECT])


class EapTests(LoginCase):
    """A server without EAP (RFC 3579)."""

    def test_rejected(self) -> None:
        """With an EAP-Failure that repeats the Identifier, and then without Reply-Message (RFC 3579 2.6.3, 2.6.5)."""
        answer = self.said(octets(Code.ACCESS_REQUEST, [*HELLO, ("EAP-Message", WHO)]), "")
        self.assertEqual((answer.code, answer.get("EAP-Message"), answer.first_is_message_authenticator), (Code.ACCESS_REJECT, b"\4\x17\0\4", True))
        self.assertEqual((answer.get("Reply-Message"), answer.text("h323-return-code")), (None, "2"))

    def test_start(self) -> None:
        """An EAP-Start has no Identifier that a failure could repeat."""
        for start in (b"\2", b"\2\x17\0"):
            self.begin(Limits(reject_delay=0))
            answer = self.said(octets(Code.ACCESS_REQUEST, [*HELLO, ("EAP-Message", start)]), "")
            self.assertEqual((answer.code, answer.get("EAP-Message")), (Code.ACCESS_REJECT, None))
            self.assertIsNotNone(answer.get("Reply-Message"))

    def test_empty(self) -> None:
        """An EAP-Start as RFC 3579 2.1 has it is no octets at all: EAP all the same."""
        plain, start = unsigned(HELLO), b"\x4f\2"
        request = b"\1\5" + (len(plain) + 2).to_bytes(2, "big") + plain[4:] + start
        self.receive(request)
        self.assertEqual((self.wire.sent, self.desk.asked, self.dropped()), ([], [], {"message-authenticator": 1}))

    def test_unsigned(self) -> None:
        """Discarded in silence, from every client (RFC 3579 3.1)."""
        self.begin(Limits(reject_delay=0), require_message_authenticator=Observe.NO)
        self.receive(unsigned([*HELLO, ("EAP-Message", WHO)]))
        self.assertEqual((self.wire.sent, self.desk.asked, self.dropped()), ([], [], {"message-authenticator": 1}))


class StatusTests(LoginCase):
    """Probes are signed or nothing."""

    def test_unsigned_status_server(self) -> None:
        """Not answered, on either port (RFC 5997 3): the codec says so before anything of ours is asked."""
        for self.port in (AUTH, ACCT):
            self.begin()
            self.receive(b"\x0c\5\0\x14" + b"u" * 16)
            self.assertEqual((self.wire.sent, self.dropped()), ([], {"message-authenticator": 1}))
