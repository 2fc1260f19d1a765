"""Mail to an operator, by the mail server of the configuration (RFC 5321)."""

from __future__ import annotations

from email.message import EmailMessage
from io import BytesIO
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.mail.smtp import ESMTPSenderFactory

#: Seconds that the mail server may take to answer.
TIMEOUT: Final = 30


class Mailer:
    """Sends messages by a mail server that takes them without a log-in (one on this machine, or a relay that knows us)."""

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._reactor, self._host, self._port = reactor, host, port

    def __call__(self, message: EmailMessage) -> Deferred[None]:
        """Send it to its recipient. Errors: those of twisted.mail.smtp and of the connection."""
        sent: Deferred[Any] = Deferred()
        octets = BytesIO(message.as_bytes())
        factory = ESMTPSenderFactory(
            b"", b"", str(message["From"]), [str(message["To"])], octets, sent, retries=0, timeout=TIMEOUT, requireAuthentication=False,
            requireTransportSecurity=False, hostname="localhost",
        )  # fmt: skip
        self._reactor.connectTCP(self._host, self._port, factory, timeout=TIMEOUT)
        return sent.addCallback(lambda _: None)
