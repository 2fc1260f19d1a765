"""The map between RADIUS packets and the core's values: the guide's examples, both spellings, credentials, and texts that travel unchanged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.numbers import dialled
from portaswitch.endpoints.radius_request import Unmappable, to_request
from portaswitch.model.request import AAARequest, Base, Kind, Lock, Login, Report, UnitRequest
from portaswitch.wire.radius.codec import decode, encode_request
from portaswitch.wire.radius.crypto import chap_response
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD, NODE
from tests.unit.endpoints.radius_world import CLIENT, DICTIONARY, SECRET, Attributes, access, accounting, example, octets, packet

CONF = "39AE126B CD4D11DB 958E0014 1C3F6886"
USER: Attributes = [("User-Name", CARD), ("h323-conf-id", CONF)]
CALL: Attributes = [*USER, ("Called-Station-Id", "01182623634515")]
ONE = UnitRequest().key


def ivr(*pairs: str) -> list[tuple[str, Value]]:
    """Pairs of the NAS."""
    return [("h323-ivr-out", pair) for pair in pairs]


class ExampleTests(SynchronousTestCase):
    """The guide's Appendix A as golden messages."""

    def test_prepaid_card_requests(self) -> None:
        """Example 03's requests: authentication, authorization, the rated leg of 71 s, and the leg that unlocks."""
        hello, leave, rated, answering = (message[1] for message in example("03") if message[0].endswith("Request"))
        first, second = access(hello), access(leave)
        self.assertEqual((first.kind, first.units, first.session, first.access_code), (Kind.AUTH, (), "", "6045551600"))
        self.assertEqual((second.units, second.session), ((UnitRequest(requested=0),), CONF))
        self.assertEqual((second.parties.called, second.parties.calling), ("01182623634515", "6045550193"))
        third, fourth = accounting(rated), accounting(answering)
        self.assertEqual((third.kind, third.units), (Kind.STOP, (UnitRequest(used=71, report=Report.FINAL, counters={Base.TIME: 71}),)))
        self.assertEqual((third.kept["setup_time"], third.kept["seed"], third.kept["original_cld"]), ("2972", "18879071672", "6045551600"))
        self.assertEqual((third.leg, third.connected), ("originate/VoIP", datetime(2007, 3, 9, 8, 16, 21, 164000, UTC)))
        self.assertEqual(third.kept["remote_address"], "164.9.9.101")
        self.assertEqual((third.kept["disconnect_cause"], third.kept["incoming_conf_id"]), ("10", CONF))
        self.assertEqual((fourth.kind, fourth.units, fourth.lock), (Kind.STOP, (), Lock.UNLOCK))
        self.assertEqual({third.session, fourth.session}, {CONF})
        self.assertNotEqual(third.key, fourth.key)


class AccessTests(SynchronousTestCase):
    """Access-Requests."""

    def test_both_spellings(self) -> None:
        """h323-ivr-out itself and inside Cisco-AVPair, blanks for underscores, quotes, colon or equals sign."""
        spellings: list[Attributes] = [
            ivr("PortaBilling_Authorize:base=session-time;min=5;max=10"), ivr("PortaBilling Authorize:base=session-time; min=5; max=10"),
            ivr("PortaBilling_Authorize=base=session-time;min=5;max=10"), ivr('"PortaBilling_Authorize:base=session-time;min=5;max=10"'),
            [("Cisco-AVPair", "h323-ivr-out=PortaBilling_Authorize:base=session-time;min=5;max=10")],
            [("Cisco-AVPair", 'h323-ivr-out = "PortaBilling Authorize:base=sessiontime;min=5;max=10"')],
        ]  # fmt: skip
        for pairs in spellings:
            self.assertEqual(access([*CALL, *pairs]).units, (UnitRequest(requested=10, minimum=5),), pairs)

    def test_wishes(self) -> None:
        """Numbers that are none are as if absent; the base asked for; without the attribute the server decides."""
        for text, unit in {
            "base=quantity;max=3": UnitRequest(base=Base.QUANTITY, requested=3), "base=session-time": UnitRequest(requested=0), "": UnitRequest(requested=0),
            "min=0;max=-1": UnitRequest(requested=0), "min=x;max=²": UnitRequest(requested=0), "max=" + "9" * 40: UnitRequest(requested=0),
            "min": UnitRequest(requested=0), ";;=;min=7": UnitRequest(requested=0, minimum=7),
        }.items():  # fmt: skip
            self.assertEqual(access([*CALL, *ivr(f"PortaBilling_Authorize:{text}")]).units, (unit,), text)
        self.assertEqual(access(CALL).units, (UnitRequest(requested=0),))

    def test_session(self) -> None:
        """The conference, else Acct-Session-Id, else the call-id; an authorization without any is a session of its own; authentication has none."""
        bare: Attributes = [("User-Name", CARD), ("Called-Station-Id", "82")]
        self.assertEqual(access([*bare, ("h323-conf-id", "c"), ("Acct-Session-Id", "a")]).session, "c")
        self.assertEqual(access([*bare, ("Acct-Session-Id", "a"), ("Cisco-AVPair", "call-id=i")]).session, "a")
        self.assertEqual(access([*bare, ("Cisco-AVPair", "call-id=i")]).session, "i")
        one, two = access(bare), access(bare)
        self.assertTrue(one.session.startswith("auth-"))
        self.assertNotEqual((one.session, one.key), (two.session, two.key))
        self.assertEqual(access([("User-Name", CARD)]).session, "")

    def test_key(self) -> None:
        """A retransmission has the same authenticator, and so the same key."""
        keys = {access(CALL).key for _ in range(3)}
        self.assertEqual(len(keys), 3)
        same = octets(Code.ACCESS_REQUEST, CALL, 5, b"a" * 16)
        self.assertEqual(access(CALL).key.partition("/auth/")[0], "7")
        self.assertEqual(decode(same, SECRET, DICTIONARY).authenticator, b"a" * 16)

    def test_parties(self) -> None:
        """What the NAS says in pairs counts before the plain attributes, the last of several."""
        asked = access([*CALL, *ivr("PortaBilling_Original_DNIS:1", "PortaBilling_Original_DNIS:82", "PortaBilling_UserName:77")])
        self.assertEqual((asked.parties.called, asked.parties.user), ("82", "77"))
        asked = access([*CALL, ("PortaOne-Service-Type", "Conference"), *ivr("PortaBilling_AccessCode:A.b|c", "PortaBilling_Session:NOLOCK;expires=5")])
        self.assertEqual((asked.service, asked.access_code, asked.lock), ("Conference", "A.b|c", Lock.NOLOCK))
        self.assertEqual([access([*CALL, *ivr(f"PortaBilling_Session:{word}")]).lock for word in ("lock", "x", "")], [Lock.LOCK, Lock.DEFAULT, Lock.DEFAULT])

    def test_names_that_are_none(self) -> None:
        """A NUL or an octet that is no UTF-8 in a name is no name (PROTOCOLS.md 1.1)."""
        for raw in (b"1008\0", b"\xff\xfe"):
            data = encode_request(Code.ACCESS_REQUEST, 1, [("User-Name", "x" * len(raw))], SECRET, DICTIONARY)
            body = data[38:].replace(b"x" * len(raw), raw)
            self.assertEqual(_unsigned_access(body).parties.user, "")

    def test_numbers_that_are_none(self) -> None:
        """A called number with such octets asks for leave to call, and not who the user is, which is accepted without a limit. Nobody can dial it."""
        for raw, shown in ((b"1900\0", "1900\ufffd"), (b"1900\xff", "1900\ufffd")):
            data = encode_request(Code.ACCESS_REQUEST, 1, [("Called-Station-Id", raw)], SECRET, DICTIONARY)
            asked = _unsigned_access(data[38:])
            self.assertEqual((asked.parties.called, len(asked.units), dialled(asked.parties.called)), (shown, 1, False))

    @settings(max_examples=80, deadline=None)
    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
    def test_no_injection(self, text: str) -> None:
        """Quotes, newlines, equals signs, anything: what is named travels unchanged and makes no other attribute."""
        asked = access([("User-Name", text), ("Called-Station-Id", text), ("Calling-Station-Id", text), ("h323-conf-id", text)])
        self.assertEqual((asked.parties.user, asked.parties.called, asked.parties.calling, asked.session), (text,) * 4)
        self.assertEqual((asked.lock, asked.service, asked.access_code), (Lock.DEFAULT, "", ""))


def _unsigned_access(body: bytes) -> AAARequest:
    length = 20 + len(body)
    return to_request(decode(bytes((1, 1, length >> 8, length & 255)) + b"v" * 16 + body, SECRET, DICTIONARY), CLIENT, NODE, AT, "r1")


class CredentialTests(SynchronousTestCase):
    """How the user proves who they are."""

    def proof(self, *attributes: tuple[str, Value], client: Any = CLIENT) -> tuple[Login, bool, bool]:
        """The kind of proof, and whether it fits 'sesame' and the empty password."""
        credentials = access([*USER, *attributes], client).credentials
        assert credentials is not None
        return credentials.login, credentials.verify("sesame"), credentials.verify("")

    def test_pap(self) -> None:
        """Right, wrong, longer than one block, not ASCII, and absent, which is the empty one."""
        self.assertEqual(self.proof(("User-Password", "sesame")), (Login.PAP, True, False))
        self.assertEqual(self.proof(("User-Password", "sesam")), (Login.PAP, False, False))
        self.assertEqual(self.proof(("User-Password", "sesame" + "x" * 30)), (Login.PAP, False, False))
        self.assertEqual(self.proof(), (Login.PAP, False, True))
        credentials = access([*USER, ("User-Password", "päss" * 9)]).credentials
        assert credentials is not None
        self.assertTrue(credentials.verify("päss" * 9))

    def test_chap(self) -> None:
        """With a challenge of its own; a wrong password, a wrong length."""
        challenge = b"c" * 16
        right = chap_response(7, b"sesame", challenge)
        self.assertEqual(self.proof(("CHAP-Password", right), ("CHAP-Challenge", challenge)), (Login.CHAP, True, False))
        self.assertEqual(self.proof(("CHAP-Password", right[:-1] + b"!"), ("CHAP-Challenge", challenge))[1:], (False, False))
        self.assertEqual(self.proof(("CHAP-Password", right[:-1]), ("CHAP-Challenge", challenge))[1:], (False, False))

    def test_both_at_once(self) -> None:
        """Two proofs at once are none (RFC 2865 5.44), nor is one of a kind that is not known here."""
        right = chap_response(7, b"sesame", b"c" * 16)
        self.assertEqual(self.proof(("User-Password", "sesame"), ("CHAP-Password", right), ("CHAP-Challenge", b"c" * 16))[1:], (False, False))
        self.assertEqual(self.proof(("EAP-Message", b"\2\1\0\4"))[1:], (False, False))
        self.assertEqual(self.proof(("Digest-Response", "0" * 32))[1:], (False, False))

    def test_sterman(self) -> None:
        """The older form of a digest is a proof that must be looked at too: not the empty password of a card."""
        self.assertEqual(self.proof(("Sterman-Digest-Response", "0" * 32), ("Sterman-Digest-Realm", "x"))[1:], (False, False))

    def test_ignore(self) -> None:
        """Only a client that may can say that the password does not matter."""
        pair = ("h323-ivr-out", "PortaBilling_Ignore_Password:YES")
        self.assertEqual(self.proof(pair, ("User-Password", "x")), (Login.PAP, False, False))
        trusted = replace(CLIENT, ignore_password=True)
        self.assertEqual(self.proof(pair, client=trusted)[0], Login.NONE)
        self.assertEqual(self.proof(("h323-ivr-out", "PortaBilling_Ignore_Password:NO"), client=trusted)[0], Login.PAP)


class KindTests(SynchronousTestCase):
    """What a packet is for."""

    def test_packet_of_its_own_kind(self) -> None:
        """An unknown status type means nothing to the core."""
        for attributes in ([("User-Name", CARD)], [("Acct-Status-Type", 9), ("Acct-Session-Id", "a")]):
            self.assertRaises(Unmappable, accounting, attributes)
        self.assertEqual(packet(Code.ACCOUNTING_REQUEST, USER).code, Code.ACCOUNTING_REQUEST)
