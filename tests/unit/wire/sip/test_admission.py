"""What a server refuses before it looks at the content, by the order of RFC 3261 8.2."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.admission import Abilities, admit, expected, forwarding
from tests.unit.wire.sip.making import asked, asking, replied, replying, telling

OURS = Abilities(("MESSAGE", "REGISTER", "OPTIONS"), ("text/plain", "message/cpim"), ("sip", "sips", "tel"), ("path",), (("OPTIONS", "text/plain"),))
TEXT = "Content-Type: text/plain"


class AdmissionTests(SynchronousTestCase):
    """Each refusal with its status and the header that it wants."""

    def refused(self, octets: bytes, status: int, reason: str, *more: tuple[str, str], reliable: bool = True) -> None:
        """A request has this fault."""
        fault = admit(asked(octets), OURS, reliable)
        assert fault is not None, reason
        self.assertEqual((fault.status, fault.reason, fault.more), (status, reason, more))

    def test_methods(self) -> None:
        """405 for what others do, 501 for what nobody does, both with Allow; a CANCEL finds nothing to cancel; an ACK is never answered."""
        allow = ("Allow", "MESSAGE, REGISTER, OPTIONS")
        self.refused(asking("INVITE"), 405, "method", allow)
        self.refused(asking("message"), 501, "unknown-method", allow)
        self.refused(asking("CANCEL"), 481, "cancel")
        self.refused(asking("ACK"), 0, "method", allow)

    def test_targets(self) -> None:
        """416 for other schemes; a registration is for a SIP address."""
        self.refused(asking(target="http://h"), 416, "scheme")
        self.assertIsNone(admit(asked(asking(target="tel:+1206")), OURS, True))
        self.refused(asking("REGISTER", {"To": "<tel:+1206>"}), 400, "address-of-record")

    def test_extensions(self) -> None:
        """420 names the unknown ones alone."""
        self.refused(asking("OPTIONS", {}, "Require: PATH, outbound", "Require: gruu"), 420, "extension", ("Unsupported", "outbound, gruu"))
        self.assertIsNone(admit(asked(asking("OPTIONS", {}, "Require: path")), OURS, True))

    def test_answers(self) -> None:
        """406 where the client takes no type that the answer has; no Accept, or one that can't be read beside one that fits, is none."""
        self.refused(asking("OPTIONS", {}, "Accept: application/sdp, image/*"), 406, "not-acceptable")
        for accept in ("text/*", "*/*", "application/sdp;q=1, text/plain", "?, text/plain", ""):
            self.assertIsNone(admit(asked(asking("OPTIONS", {}, f"Accept: {accept}")), OURS, True), accept)

    def test_content(self) -> None:
        """415 with what is taken instead; a type is wanted where there is a body."""
        self.refused(asking("MESSAGE", {}, "Content-Type: text/html", body=b"x"), 415, "content-type", ("Accept", "text/plain, message/cpim"))
        self.refused(asking("MESSAGE", {}, TEXT, "e: gzip", body=b"x"), 415, "content-encoding", ("Accept-Encoding", "identity"))
        self.refused(asking("MESSAGE", body=b"x"), 400, "no-content-type")
        for good in (
            asking("MESSAGE"),
            asking("MESSAGE", {}, "c: TEXT / Plain;charset=utf-8", "e: identity", body=b"x"),
            asking("MESSAGE", {}, "c: text/html"),
        ):
            self.assertIsNone(admit(asked(good), OURS, False))

    def test_size(self) -> None:
        """RFC 3428 8: more than 1300 octets come by a connection."""
        self.assertIsNone(admit(asked(telling("x" * 1300)), OURS, False))
        self.assertIsNone(admit(asked(telling("x" * 1301)), OURS, True))
        self.refused(telling("x" * 1301), 513, "message-too-large", reliable=False)

    def test_order(self) -> None:
        """Method before Request-URI before extension before content."""
        wrong = ("Require: x", "Content-Type: x/y")
        self.refused(asking("INVITE", {}, *wrong, target="x:y", body=b"x"), 405, "method", OURS.allow)
        self.refused(asking("MESSAGE", {}, *wrong, target="x:y", body=b"x"), 416, "scheme")
        self.refused(asking("MESSAGE", {}, *wrong, body=b"x"), 420, "extension", ("Unsupported", "x"))


class OtherTests(SynchronousTestCase):
    """Forwarding, and responses."""

    def test_forwarding(self) -> None:
        """RFC 3261 16.3: scheme, hops, Proxy-Require."""
        for octets, status in ((asking(target="x:y"), 416), (asking(changes={"Max-Forwards": "0"}), 483), (asking("OPTIONS", {}, "Proxy-Require: x"), 420)):
            fault = forwarding(asked(octets))
            assert fault is not None
            self.assertEqual(fault.status, status)
        for octets in (asking(changes={"Max-Forwards": "1"}), asking(changes={"Max-Forwards": None})):
            self.assertIsNone(forwarding(asked(octets)))

    def test_responses(self) -> None:
        """One Via, and that one ours; the port that isn't written is the default."""
        ours = frozenset((("198.51.100.7", 5060),))
        self.assertIsNone(expected(replied(replying()), ours))
        self.assertIsNone(expected(replied(replying(changes={"Via": "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1"})), ours))
        for octets in (replying(changes={"Via": "SIP/2.0/UDP 198.51.100.7:5061"}), replying("200 OK", {}, "Via: SIP/2.0/UDP h")):
            fault = expected(replied(octets), ours)
            assert fault is not None
            self.assertTrue(fault.dropped)
