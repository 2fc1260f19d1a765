"""The map between RADIUS packets and the core's values: the guide's examples, both spellings, credentials, and texts that travel unchanged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.radius_reply import cents, five, to_reply
from portaswitch.endpoints.radius_request import Unmappable, to_request
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant, Kind, Lock, Login, Report, UnitRequest
from portaswitch.wire.radius.codec import decode, encode_reply, encode_request, verify_reply
from portaswitch.wire.radius.crypto import chap_response
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD, NODE, Book, auth, money, prepaid, reseller, stop
from tests.unit.endpoints.radius_world import CLIENT, DICTIONARY, SECRET, Attributes, access, accounting, example, octets, packet

CONF = "39AE126B CD4D11DB 958E0014 1C3F6886"
USER: Attributes = [("User-Name", CARD), ("h323-conf-id", CONF)]
CALL: Attributes = [*USER, ("Called-Station-Id", "01182623634515")]
ONE = UnitRequest().key


def ivr(*pairs: str) -> list[tuple[str, Value]]:
    """Pairs of the NAS."""
    return [("h323-ivr-out", pair) for pair in pairs]


def printed(decision: Decision, asked: AAARequest) -> tuple[int, set[tuple[str, str]]]:
    """Code and attributes of an answer, after a way over the wire."""
    sent = octets(Code.ACCESS_REQUEST, USER)
    code, attributes = to_reply(asked, decision)
    answer = verify_reply(encode_reply(decode(sent, SECRET, DICTIONARY), code, attributes, SECRET, DICTIONARY), sent, SECRET, DICTIONARY)
    return code, {(name, str(value)) for name, value in attributes for value in answer.all(name)}


class ExampleTests(SynchronousTestCase):
    """The guide's Appendix A as golden messages."""

    def card(self) -> Book:
        """The card of example 03, below a reseller; its product and tariff bear the printed name."""
        return Book(replace(prepaid(), resellers=((reseller(), Funds()),)))

    def test_prepaid_card(self) -> None:
        """Example 03: both accepts are the printed ones, attribute for attribute."""
        messages = example("03")
        book = self.card()
        for place in (0, 2):
            asked = access(messages[place][1])
            code, answer = printed(book.ask(asked), asked)
            self.assertEqual((code, answer), (Code.ACCESS_ACCEPT, {(name, str(value)) for name, value in messages[place + 1][1]}))

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

    def test_failed_login(self) -> None:
        """Example 01: nobody's account; the reject is the printed one."""
        request, reject = example("01")
        asked = access(request[1])
        self.assertEqual((asked.units, asked.credentials and asked.credentials.login), ((), Login.DIGEST))
        book = Book(View())
        self.assertEqual(printed(book.ask(asked), asked), (Code.ACCESS_REJECT, {(name, str(value)) for name, value in reject[1]}))

    def test_failed_call(self) -> None:
        """Example 02: no rate for the number; all printed attributes but those of the routing part that comes later."""
        request, reject = example("02")
        asked = access([pair for pair in request[1] if not pair[0].startswith("Digest-")])
        book = Book(prepaid())
        decision = book.ask(replace(asked, parties=replace(asked.parties, user=CARD)))
        code, answer = printed(decision, asked)
        later = ("PortaBilling_NodeId:", "PortaBilling_AccessCode:", "PortaBilling_Seed:")
        wanted = {(name, str(value)) for name, value in reject[1] if not str(value).startswith(later)}
        names = {
            ("h323-ivr-in", "Product:EasyCall Residential"): ("h323-ivr-in", "Product:EasyCall"), ("h323-currency", "USD"): ("h323-currency", "CAD"),
            ("h323-ivr-in", "Tariff:EasyCall Residential"): ("h323-ivr-in", "Tariff:PrepaidCard"), ("h323-billing-model", "0"): ("h323-billing-model", "1"),
        }  # fmt: skip
        self.assertEqual((code, answer), (Code.ACCESS_REJECT, {names.get(pair, pair) for pair in wanted}))


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

    @settings(max_examples=80, deadline=None, derandomize=True)
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


class ReplyTests(SynchronousTestCase):
    """Answers."""

    FACTS = Facts(CARD, 101, -1, "CAD", "en", "P", "T", money("1.239"), money("1.239"), money("0"), "82", "82")

    def answer(self, grant: Grant, asked: AAARequest, limited: bool = True) -> dict[str, list[str]]:
        """The answer to an authorization, by name; pairs by theirs."""
        _, attributes = to_reply(asked, Decision((grant,), None, replace(self.FACTS, limited=limited)))
        found: dict[str, list[str]] = {}
        for name, value in attributes:
            key, _, text = str(value).partition(":") if name == "h323-ivr-in" else (name, "", str(value))
            found.setdefault(key, []).append(text)
        return found

    def test_quota(self) -> None:
        """Who asked by PortaBilling_Authorize is answered by it: max=500, avail=10 gives retained=490."""
        expires = AT + timedelta(seconds=60)
        grant = Grant(ONE, Base.TIME, 10, expires, True, 490)
        told = self.answer(grant, auth(requested=500, minimum=5))
        self.assertEqual(told["PortaBilling_Authorize"], [f"base=session-time;avail=10;retained=490;expires={int(expires.timestamp())}"])
        self.assertEqual((told["DURATION"], told["h323-credit-time"], told["h323-return-code"]), (["10"], ["10"], ["0"]))
        self.assertNotIn("PortaBilling_Authorize", self.answer(grant, auth()))

    def test_unlimited(self) -> None:
        """No limit: no DURATION, avail=-1, return code 13."""
        told = self.answer(Grant(ONE, Base.TIME, None), auth(minimum=5), limited=False)
        self.assertEqual((told["PortaBilling_Authorize"], told["h323-return-code"]), (["base=session-time;avail=-1;retained=0"], ["13"]))
        self.assertFalse({"DURATION", "h323-credit-time"} & set(told))

    def test_accounting(self) -> None:
        """Accounting gets the bare response, whatever was decided."""
        self.assertEqual(to_reply(stop(1), Decision(refusal=Refusal.NOT_AVAILABLE)), (Code.ACCOUNTING_RESPONSE, []))

    def test_every_refusal(self) -> None:
        """Each refusal has its code, word and text; facts only where the account is known."""
        for refusal in Refusal:
            code, answer = printed(Decision(refusal=refusal), auth())
            pairs = {("Reply-Message", refusal.reply_message), ("h323-return-code", str(refusal.return_code))}
            self.assertEqual((code, answer), (Code.ACCESS_REJECT, pairs | {("h323-ivr-in", f"ErrorExplanation:{refusal.word}")}))

    def test_money(self) -> None:
        """Two and five places, never more than there is, also below nothing; never in exponents."""
        self.assertEqual([cents(Decimal(text)) for text in ("10", "1.239", "0", "1E+3")], ["10.00", "1.23", "0.00", "1000.00"])
        self.assertEqual([five(Decimal(text)) for text in ("10", "0.000019", "1E-7")], ["10.00000", "0.00001", "0.00000"])
        self.assertEqual([cents(money("-0.005")), five(money("-0.000001"))], ["-0.01", "-0.00001"])

    def test_long_texts(self) -> None:
        """A number as long as an attribute can be, and long names of ours, still make an answer that can be sent."""
        book = Book(prepaid())
        asked = access([*USER, ("Called-Station-Id", "82" + "6" * 245)])
        code, answer = printed(book.ask(asked), asked)
        self.assertEqual((code, {value for name, value in answer if name == "h323-credit-time"}), (Code.ACCESS_ACCEPT, {"30000"}))
        facts = replace(self.FACTS, tariff="T" * 300, product="é" * 200)
        self.assertEqual(printed(Decision((), Refusal.CLD_BLOCKED, facts), auth())[0], Code.ACCESS_REJECT)

    def test_packet_of_its_own_kind(self) -> None:
        """An unknown status type means nothing to the core."""
        for attributes in ([("User-Name", CARD)], [("Acct-Status-Type", 9), ("Acct-Session-Id", "a")]):
            self.assertRaises(Unmappable, accounting, attributes)
        self.assertEqual(packet(Code.ACCOUNTING_REQUEST, USER).code, Code.ACCOUNTING_REQUEST)
