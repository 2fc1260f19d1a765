"""What is read in one go is what the careful reading finds: of every message of RFC 4475's kinds, of those with octets changed, and of texts."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Final
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip import grammar, message, parse, uri, values
from portaswitch.wire.sip.message import Message
from tests.unit.wire.sip.making import replying, telling
from tests.unit.wire.sip.torture import kinds

#: Matches nothing.
NEVER = re.compile("(?!)")
#: What reads a text in one go.
QUICK: Final = (
    (grammar, "_BARE"), (grammar, "_CREDENTIALS"), (values, "_PLAIN_VIA"), (values, "_PLAIN_CSEQ"), (values, "_PLAIN_ADDR"), (uri, "_PLAIN_SIP"),
)  # fmt: skip
FEW = settings(max_examples=300, deadline=None)
#: Pieces of which headers are made.
PIECES = st.sampled_from((
    ";", ",", "=", '"', "<", ">", " ", "\t", "branch", "rport", "tag", "a", "0", "z9hG4bK", "sip:a@b", "\\", "é", "SIP/2.0/UDP h:5060", "%41", "[::1]", "\x7f",
    "b:5060", "b:0", "?", "/", "MESSAGE", "12",
))  # fmt: skip


def carefully(octets: bytes) -> object:
    """What comes of octets when nothing is read in one go."""
    with mock.patch.object(parse, "_usual_headers", lambda *_: None), mock.patch.object(message, "_usual", lambda *_: None):
        return shown(octets)


def shown(octets: bytes) -> object:
    """A message or fault with all that was read of it."""
    found = parse.parse(octets)
    return (found, found.headers.entries) if isinstance(found, Message) else found

#: What is put into octets.
BITS = st.one_of(st.binary(max_size=2), st.sampled_from((b"\r\n ", b"\r\n", b":", b" ", b"\0")))


class UsualTests(SynchronousTestCase):
    """Two ways of reading."""

    def test_messages(self) -> None:
        """All kinds of the torture test, a request and a response; the usual ones are really read in one go."""
        for kind in kinds():
            octets = getattr(kind, "octets", b"")
            self.assertEqual(shown(octets), carefully(octets), octets[:80])
        for octets in (telling("hi"), replying("200 OK")):
            self.assertEqual(shown(octets), carefully(octets))
            with mock.patch.object(parse, "_headers", None), mock.patch.object(message, "_carefully", None):
                self.assertIsInstance(parse.parse(octets), Message)

    @FEW
    @given(st.sampled_from(kinds()), st.data())
    def test_mutated(self, kind: object, data: st.DataObject) -> None:
        """With octets changed."""
        octets = bytearray(getattr(kind, "octets", b""))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(octets)))
            octets[at : at + data.draw(st.integers(0, 2))] = data.draw(BITS)
        self.assertEqual(shown(bytes(octets)), carefully(bytes(octets)))

    @FEW
    @given(st.lists(PIECES, max_size=12).map("".join))
    def test_texts(self, text: str) -> None:
        """Parameters, pairs of credentials, Vias, CSeqs, URIs and addresses."""
        for texts in (text, f"<{text}>;tag=a", f"sip:{text}@b", f"<sip:a@{text}>", f"1 {text}", f"a=b, {text}"):
            with ExitStack() as stack:
                for module, name in QUICK:
                    stack.enter_context(mock.patch.object(module, name, NEVER))
                told = grammar.parameters(texts), values.via(texts), values.cseq(texts), uri._read(texts), values.name_addr(texts), grammar._pairs(texts)
            found = grammar.parameters(texts), values.via(texts), values.cseq(texts), uri._read(texts), values.name_addr(texts), grammar.pairs(texts)
            self.assertEqual(found, told)
