"""The digest of parked events, by a real mail server (Twisted's)."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.mail.smtp import ESMTP, IMessage, IMessageDelivery, SMTPFactory
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from portaswitch.espf.mail import Mailer
from portaswitch.espf.reports import MOST_LINES, Digest
from portaswitch.model.notification import Settled, Verdict
from tests.server.pools import pause, until
from tests.unit.espf.fakes import notification

_reactor: Any = reactor
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@implementer(IMessage)
class Box:
    """A message that comes in."""

    def __init__(self, arrived: list[bytes]) -> None:
        self._arrived, self._lines = arrived, BytesIO()

    def lineReceived(self, line: bytes) -> None:
        """See IMessage."""
        self._lines.write(line + b"\n")

    def eomReceived(self) -> Deferred[None]:
        """See IMessage."""
        self._arrived.append(self._lines.getvalue())
        return succeed(None)

    def connectionLost(self) -> None:
        """See IMessage."""


@implementer(IMessageDelivery)
class Taking:
    """Takes mail for everybody."""

    def __init__(self, arrived: list[bytes]) -> None:
        self._arrived = arrived

    def receivedHeader(self, helo: Any, origin: Any, recipients: Any) -> bytes:
        """See IMessageDelivery."""
        return b"Received: by the test"

    def validateFrom(self, helo: Any, origin: Any) -> Any:
        """See IMessageDelivery."""
        return origin

    def validateTo(self, user: Any) -> Any:
        """See IMessageDelivery."""
        return lambda: Box(self._arrived)


class MailTests(TestCase):
    """From parked events to a mailbox."""

    async def test_digest(self) -> None:
        """Many parked events are one mail; with a mail server that is down they wait for the next time."""
        arrived: list[bytes] = []
        factory: Any = SMTPFactory()
        factory.protocol = ESMTP
        factory.buildProtocol = lambda addr: _esmtp(arrived)
        port = _reactor.listenTCP(0, factory, interface="127.0.0.1")
        number = port.getHost().port
        await port.stopListening()
        digest = Digest("portaswitch@example.com", "ops@example.com", Mailer(_reactor, "127.0.0.1", number), lambda: NOW)
        for event in range(MOST_LINES + 3):
            digest.parked("calix", Settled(notification(number=event), Verdict.PARKED, "refused: ONT \u00e4 is unknown\nBcc: x@example.com"))
        await digest.mail()
        self.assertEqual(arrived, [])
        port = _reactor.listenTCP(number, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        digest.stopped("hss", "the log-in was refused")
        await digest.mail()
        await digest.mail()
        await until(lambda: bool(arrived))
        await pause(0.05)
        self.assertEqual(len(arrived), 1)
        mail: Any = message_from_bytes(arrived[0], policy=policy.default)
        self.assertEqual((mail["To"], mail["Bcc"]), ("ops@example.com", None))
        self.assertEqual(mail["Subject"], f"PortaSwitch: {MOST_LINES + 4} provisioning events need an operator")
        text = mail.get_content()
        self.assertIn("calix: event 0 (Account/New of account:101), attempt 1: refused: ONT \u00e4 is unknown Bcc: x@example.com", text)
        self.assertIn("... and 4 more", text)
        self.assertEqual(len(self.flushLoggedErrors()), 0)


def _esmtp(arrived: list[bytes]) -> ESMTP:
    made = ESMTP()
    made.delivery = Taking(arrived)
    return made
