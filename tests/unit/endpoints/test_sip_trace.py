"""SIP in a trace: headers as understood, no proof of a log-in, no text."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.sip_trace import described, headers
from portaswitch.wire.sip.headers import Headers
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.parse import parse

LINES = (
    "MESSAGE sip:b@x SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "From: <sip:a@x>;tag=1", "To: <sip:b@x>", "Call-ID: c", "CSeq: 1 MESSAGE",
    'Authorization: Digest username="a", realm="x", nonce="n0nce", uri="sip:b@x", qop=auth, nc=00000001, cnonce="cn0nce", response="pr00f"',
    "Proxy-Authorization: Basic c2VjcmV0", "X-Token: s3cret", "Content-Type: text/plain", "Content-Length: 6", "", "secret",
)  # fmt: skip


class DescribedTests(SynchronousTestCase):
    """What is shown of messages."""

    def test_request(self) -> None:
        """The headers in their order; who logs in and how, and nothing that proves it; the length of the body."""
        request = parse("\r\n".join(LINES).encode())
        assert isinstance(request, Request)
        shown = described(request)
        self.assertEqual([name for name, _ in shown[:5]], ["Via", "From", "To", "Call-ID", "CSeq"])
        self.assertEqual(dict(shown)["Authorization"], "username=a, realm=x, uri=sip:b@x, qop=auth, nc=00000001, response=***")
        self.assertEqual((dict(shown)["Proxy-Authorization"], dict(shown)["X-Token"], dict(shown)["body"]), ("***", "***", "(6 octets)"))
        for secret in ("pr00f", "n0nce", "c2VjcmV0", "s3cret", "secret"):
            self.assertNotIn(secret, str(shown))

    def test_answer(self) -> None:
        """A challenge without its nonce, and Authentication-Info as a whole is a proof of ours."""
        shown = dict(headers(Headers.of((("WWW-Authenticate", 'Digest realm="x", nonce="n0nce"'), ("Authentication-Info", 'rspauth="pr00f"')))))
        self.assertEqual(shown["Authentication-Info"], "***")
        self.assertNotIn("n0nce", shown["WWW-Authenticate"])

    def test_hostile(self) -> None:
        """A log-in that can't be read is not shown, and no control character is."""
        shown = dict(headers(Headers((("Authorization", "Digest response=pr00f, oops"), ("X\x1b", "a\x1b[2J")))))
        self.assertEqual(shown["Authorization"], "***")
        self.assertNotIn("\x1b", str(shown))
