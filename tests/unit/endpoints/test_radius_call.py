"""The call of radius-test: the four requests of the guide's example, and how it ends early."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints import h323_time
from portaswitch.endpoints.radius_call import (
    Attributes,
    Call,
    Exchange,
    Verdict,
    new_session,
    place,
)
from portaswitch.endpoints.radius_call import (
    h323_time as written,
)
from portaswitch.endpoints.radius_client import Answer, NoAnswer
from portaswitch.wire.radius.codec import decode, encode_reply, encode_request
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

DICTIONARY = Dictionary.standard()
NOW = datetime(2007, 3, 9, 8, 17, 31, 893000, UTC)
CALL = Call("10086610975", "01182623634515", session="39AE126B CD4D11DB 958E0014 1C3F6886")
EXAMPLE = Path(__file__).parents[2] / "spec" / "examples" / "radius" / "03_prepaid_card_ivr.yaml"
#: What the example has that is another system's own, or counted elsewhere.
LEFT_OUT = {"Password", "transactionID", "PortaBilling_Seed", "Tariff"}


def packet(code: Code, attributes: Attributes) -> Packet:
    """A server's answer, as the client would hand it over."""
    from portaswitch.wire.radius.codec import verify_reply

    request = encode_request(
        Code.ACCOUNTING_REQUEST if code is Code.ACCOUNTING_RESPONSE else Code.ACCESS_REQUEST,
        1,
        [],
        b"x",
        DICTIONARY,
    )
    return verify_reply(
        encode_reply(decode(request, b"x", DICTIONARY), code, attributes, b"x", DICTIONARY), request, b"x"
    )


class Server:
    """Answers with the packets it was given, in order; None is silence."""

    def __init__(self, *answers: Packet | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, Attributes]] = []

    def ask(self, code: int, attributes: Attributes) -> Deferred[Answer]:
        """Keep the request; the next answer."""
        self.asked.append((code, attributes))
        encode_request(code, 1, attributes, b"x", DICTIONARY)
        answer = self.answers.pop(0)
        return fail(NoAnswer("nobody")) if answer is None else succeed(Answer(answer, 0.01, 1))


HELLO = packet(Code.ACCESS_ACCEPT, [("h323-credit-amount", "10.00")])
LEAVE = packet(
    Code.ACCESS_ACCEPT,
    [("h323-credit-time", "30000"), ("h323-ivr-in", "PortaBilling_CompleteNumber:82623634515")],
)
DONE = packet(Code.ACCOUNTING_RESPONSE, [])
REJECT = packet(
    Code.ACCESS_REJECT,
    [
        ("Reply-Message", "Failed - Funds are locked"),
        ("h323-return-code", "114"),
        ("h323-ivr-in", "ErrorExplanation:funds_locked"),
    ],
)


class PlaceTests(SynchronousTestCase):
    """One call against a scripted server."""

    def call(self, *answers: Packet | None, call: Call = CALL) -> tuple[Verdict, list[Exchange], Server]:
        """Make it: the verdict, the exchanges that were told, and the server."""
        server, told = Server(*answers), list[Exchange]()
        verdict = self.successResultOf(
            Deferred.fromCoroutine(place(call, server, server, lambda: NOW, told.append))
        )
        return verdict, told, server

    def test_example(self) -> None:
        """
        Every request has the attributes of the guide's example, with its values where they are not times of
        another zone.
        """
        verdict, told, server = self.call(HELLO, LEAVE, DONE, DONE)
        self.assertEqual((verdict.ok, verdict.granted, verdict.used), (True, 30000, 71))
        document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        messages = [message for message in document["messages"] if message["packet"].endswith("Request")]
        self.assertEqual([exchange.code for exchange in told], [message["packet"] for message in messages])
        for message, (_, sent) in zip(messages, server.asked, strict=True):
            pairs = [(name, str(value)) for name, value in sent]
            names = {name for name, _ in pairs}
            for item in message["attributes"]:
                name, value = item["name"], item["value"]
                if name in LEFT_OUT or value.partition(":")[0] in LEFT_OUT:
                    continue
                self.assertIn(name, names, message["heading"])
                if not name.endswith("-time") and name != "call-id":
                    self.assertIn((name, value), pairs, message["heading"])

    def test_duration(self) -> None:
        """Connect and disconnect time are apart by the seconds of the call."""
        _, _, server = self.call(HELLO, LEAVE, DONE, DONE)
        sent = dict(server.asked[2][1])
        begin, end = (
            h323_time.parse(str(sent[f"h323-{name}-time"]), {}) for name in ("connect", "disconnect")
        )
        assert begin is not None and end is not None
        self.assertEqual(((end - begin).total_seconds(), end), (71.0, NOW))
        self.assertNotIn("Acct-Session-Time", sent)

    def test_short_grant(self) -> None:
        """A gateway cuts the call at the end of its grant; no credit time means no limit."""
        short = packet(Code.ACCESS_ACCEPT, [("h323-credit-time", "30")])
        self.assertEqual(self.call(HELLO, short, DONE, DONE)[0].used, 30)
        verdict = self.call(HELLO, packet(Code.ACCESS_ACCEPT, []), DONE, DONE)[0]
        self.assertEqual((verdict.granted, verdict.used), (None, 71))
        self.assertIn("without a limit", verdict.text)

    def test_rejected(self) -> None:
        """A reject ends the call with its reason; nothing is accounted."""
        verdict, told, server = self.call(HELLO, REJECT)
        self.assertEqual((verdict.ok, len(server.asked)), (False, 2))
        self.assertEqual(
            verdict.text,
            'REJECTED at authorization: return code 114, funds_locked, "Failed - Funds are locked"',
        )
        self.assertEqual((told[1].answer, told[1].signed), ("Access-Reject", True))

    def test_timeout(self) -> None:
        """Silence ends it too, at any step."""
        for answers in ((None,), (HELLO, None), (HELLO, LEAVE, None), (HELLO, LEAVE, DONE, None)):
            verdict, told, _ = self.call(*answers)
            self.assertFalse(verdict.ok)
            self.assertTrue(verdict.text.startswith("TIMEOUT at "), verdict.text)
            self.assertEqual((told[-1].answer, told[-1].fault), (None, "nobody"))

    def test_password_hidden(self) -> None:
        """The password is sent and not shown, not even by the call's repr."""
        call = Call("1", "2", password="s3cret")
        _, told, server = self.call(REJECT, call=call)
        self.assertIn(("User-Password", "s3cret"), server.asked[0][1])
        self.assertNotIn("s3cret", repr(told) + repr(call))
        self.assertIn(("User-Password", "(hidden)"), told[0].sent)


class TextTests(SynchronousTestCase):
    """The forms that gateways write."""

    def test_time(self) -> None:
        """The form of the guide, which our own parser reads back."""
        self.assertEqual(written(NOW), "08:17:31.893 UTC Fri Mar 9 2007")
        self.assertEqual(h323_time.parse(written(NOW), {}), NOW)

    def test_session(self) -> None:
        """Four groups of eight hexadecimal digits, another one each time."""
        self.assertRegex(new_session(), r"^([0-9A-F]{8} ){3}[0-9A-F]{8}$")
        self.assertNotEqual(new_session(), new_session())
