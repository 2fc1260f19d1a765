"""Standard Webhooks: what a receiver checks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.handler import webhook_secret
from portaswitch.transports.signing import signatures

# The example of the specification's own libraries.
SECRET, IDENTITY, TIMESTAMP = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY, SIGNED = b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class SigningTests(SynchronousTestCase):
    """Headers of one attempt."""

    def test_example(self) -> None:
        """The published example comes out."""
        headers = signatures([SECRET], IDENTITY, TIMESTAMP, BODY)
        self.assertEqual(headers, {"webhook-id": IDENTITY, "webhook-timestamp": "1614265330", "webhook-signature": SIGNED})

    def test_rotation(self) -> None:
        """Two secrets give two signatures, so that a receiver may know either."""
        other = "whsec_" + "QUJD" * 8
        both = signatures([other, SECRET], IDENTITY, TIMESTAMP, BODY)["webhook-signature"].split()
        self.assertEqual((len(both), both[1]), (2, SIGNED))
        self.assertEqual(signatures([], IDENTITY, TIMESTAMP, BODY), {})

    def test_secrets(self) -> None:
        """What is no secret is refused when the configuration is read."""
        self.assertEqual(webhook_secret(SECRET), SECRET)
        for text in ("", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_QUJD", "whsec_" + "QUJD" * 40, "whsec_*"):
            with self.assertRaises(ValueError):
                webhook_secret(text)
