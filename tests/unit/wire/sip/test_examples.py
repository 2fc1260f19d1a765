"""The messages of the interface guide's appendix C (tests/spec/examples/sip), through the parser and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.admission import Abilities, admit, expected, forwarding
from portaswitch.wire.sip.build import answer, to_octets
from portaswitch.wire.sip.challenge import Guard, Nonces
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.parse import parse
from portaswitch.wire.sip.values import credentials

EXAMPLES = Path(__file__).parents[3] / "spec" / "examples" / "sip"
TYPES = Abilities(("MESSAGE",), ("text/plain",))


def printed() -> list[dict[str, Any]]:
    """Every example message as printed."""
    return [message for path in sorted(EXAMPLES.glob("*.yaml")) for message in yaml.safe_load(path.read_text(encoding="utf-8"))["messages"]]


def octets_of(message: dict[str, Any]) -> bytes:
    """
    The octets of a printed message; its Content-Length is made right where a text of 12 octets is printed under 11.
    """
    body = str(message.get("body", "")).encode()
    lines = [str(message["start_line"]), *(f"{name}: {len(body) if name == 'Content-Length' else value}" for name, value in message["headers"])]
    return "\r\n".join((*lines, "", "")).encode() + body


class ExampleTests(SynchronousTestCase):
    """Both parts of the guide's exchange."""

    def test_round_trip(self) -> None:
        """Each message is read, and written octet for octet as it was."""
        found = printed()
        self.assertGreaterEqual(len(found), 10)
        for message in found:
            octets = octets_of(message)
            read = parse(octets)
            assert isinstance(read, Request | Response), (message["heading"], read)
            self.assertEqual(to_octets(read), octets, message["heading"])

    def test_served(self) -> None:
        """Each MESSAGE is one that this server takes and may forward; each response answers its hop."""
        for message in printed():
            read = parse(octets_of(message))
            if isinstance(read, Request):
                self.assertEqual((admit(read, TYPES, False), forwarding(read)), (None, None), message["heading"])
            else:
                assert isinstance(read, Response)
                alone = len(read.known.vias) == 1
                self.assertEqual(expected(read, frozenset((read.via.sent_by,))) is None, alone)
                fault = expected(read, frozenset((("198.51.100.1", 5060),)))
                assert fault is not None
                self.assertEqual(fault.reason, "foreign-response")

    def test_short_body(self) -> None:
        """As printed, Content-Length is one less than the text: what is behind it is no part of the message."""
        message = printed()[0]
        read = parse(octets_of(message).replace(b"Content-Length: 12", b"Content-Length: 11"))
        assert isinstance(read, Request)
        self.assertEqual(read.body, b"hello world")

    def test_answers(self) -> None:
        """The guide's 202 has the headers of our answer to the MESSAGE before it, in number and values, but for the tag."""
        requests = [message for message in printed() if message["heading"] == "dispatching node -> IMGate: MESSAGE with digest"]
        answers = [message for message in printed() if message["heading"].startswith("IMGate -> dispatching node: 202")]
        self.assertEqual((len(requests), len(answers)), (1, 1))
        asked, wanted = parse(octets_of(requests[0])), parse(octets_of(answers[0]))
        assert isinstance(asked, Request) and isinstance(wanted, Response)
        made = parse(to_octets(answer(asked, 202, tag=wanted.known.recipient.tag)))
        assert isinstance(made, Response)
        self.assertEqual((made.status, made.reason, made.known.vias, made.known.cseq), (202, "Accepted", wanted.known.vias, wanted.known.cseq))
        self.assertEqual(
            (made.known.sender, made.known.call_id, made.known.recipient.tag), (wanted.known.sender, wanted.known.call_id, wanted.known.recipient.tag)
        )

    def test_log_ins(self) -> None:
        """The guide's challenge without qop and its answer are read; the answer is a log-in in that realm."""
        seen = 0
        for message in printed():
            read = parse(octets_of(message))
            assert isinstance(read, Request | Response)
            for text in (*read.headers.lines("WWW-Authenticate"), *read.headers.lines("Authorization")):
                found = credentials(text)
                assert found is not None
                self.assertEqual((found.scheme, found.fields["algorithm"], "qop" in found.fields), ("digest", "MD5", False))
                if isinstance(read, Request):
                    login = Guard(found.fields["realm"], Nonces(b"x")).login(read)
                    assert login is not None
                    self.assertEqual((login.username, login.proof.uri, login.proof.qop), ("12065550021", "sip:12065550019@91.212.34.119", ""))
                seen += 1
        self.assertGreaterEqual(seen, 4)
