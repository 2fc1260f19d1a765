"""What operators read of deliveries: provisioning.log, a line an attempt, and the digest of what needs them, by mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from portaswitch.logs import LineFile
from portaswitch.metrics import Counter
from portaswitch.model.effect import Note
from portaswitch.model.notification import Settled

EVENTS: Final = Counter("portaswitch_events_total", "What became of provisioning events, attempt by attempt", ("handler", "result"))
MAILS: Final = Counter("portaswitch_alert_mails_total", "Digests of events that need an operator", ("result",))
#: Lines of one digest; more are counted.
MOST_LINES: Final = 200

Mail = Callable[[EmailMessage], Deferred[None]]


class Redaction:
    """Takes the values of secret options out of a text that a vendor or a handler wrote."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) > 3), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class AttemptLog:
    """provisioning.log (docs/logs.rst)."""

    def __init__(self, file: LineFile, now: Callable[[], datetime]) -> None:
        self._file, self._now = file, now

    def write(self, handler: str, settled: Settled, requests: int, took: float) -> None:
        """The line of one attempt."""
        one, event = settled.notification, settled.notification.event
        EVENTS.inc(handler, settled.verdict.value)
        line = {
            "at": self._now().isoformat(), "handler": handler, "event": event.i_event, "type": event.type, "env": event.i_env, "entity": event.entity,
            "attempt": one.attempts, "result": settled.verdict.value, "note": settled.note,
            "retry_in": round(settled.delay.total_seconds(), 1), "requests": requests,
            "effects": [type(effect).__name__ for effect in settled.effects], "took": round(took, 6),
        }  # fmt: skip
        notes = [effect.text for effect in settled.effects if isinstance(effect, Note)]
        self._file.add(json.dumps({**line, "notes": notes} if notes else line, default=str) + "\n")

    def stopped(self, handler: str, reason: str) -> None:
        """The line of a handler that was stopped."""
        self._file.add(json.dumps({"at": self._now().isoformat(), "handler": handler, "result": "stopped", "note": reason}) + "\n")


class Recipient(Protocol):
    """Who wants to know of what needs an operator."""

    def parked(self, handler: str, settled: Settled) -> None:
        """A notification was parked."""

    def stopped(self, handler: str, reason: str) -> None:
        """A handler was stopped."""


class Digest:
    """Gathers what needs an operator, and mails it together. `send` None: nobody wants mail; then the log has it."""

    _log = Logger()

    def __init__(self, sender: str, recipient: str, send: Mail | None, now: Callable[[], datetime]) -> None:
        self._sender, self._recipient, self._send, self._now = sender, recipient, send, now
        self._lines: list[str] = []
        self._more = 0

    def parked(self, handler: str, settled: Settled) -> None:
        """See `Recipient.parked`."""
        event = settled.notification.event
        told = (handler, event.i_event, event.type, event.entity, settled.notification.attempts, settled.note)
        self._log.error(
            "{handler}: event {event} ({type} of {entity}) is parked after attempt {attempt}: {note}", handler=told[0], event=told[1], type=told[2],
            entity=told[3], attempt=told[4], note=told[5],
        )  # fmt: skip
        self._add("{}: event {} ({} of {}), attempt {}: {}".format(*told))

    def stopped(self, handler: str, reason: str) -> None:
        """See `Recipient.stopped`."""
        self._log.error("{handler} was stopped: {reason}", handler=handler, reason=reason)
        self._add(f"{handler} was STOPPED: {reason}")

    def _add(self, line: str) -> None:
        if self._send is None:
            return
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
        else:
            self._more += 1

    async def mail(self) -> None:
        """One mail with all that was gathered. When it can't be sent the lines wait for the next time."""
        if not self._lines or self._send is None:
            return
        lines, more, self._lines, self._more = self._lines, self._more, [], 0
        try:
            await self._send(self._message(lines, more))
        except Exception as error:
            MAILS.inc("failed")
            self._more += more + max(len(lines) + len(self._lines) - MOST_LINES, 0)
            self._lines = (lines + self._lines)[:MOST_LINES]
            self._log.warn("the digest for {recipient} could not be mailed: {error}", recipient=self._recipient, error=str(error))
        else:
            MAILS.inc("sent")

    def _message(self, lines: list[str], more: int) -> EmailMessage:
        message = EmailMessage()
        count = len(lines) + more
        message["From"], message["To"] = self._sender, self._recipient
        message["Subject"] = f"PortaSwitch: {count} provisioning event{'s need' if count > 1 else ' needs'} an operator"
        message["Date"], message["Message-ID"] = format_datetime(self._now()), make_msgid(domain="portaswitch.invalid")
        rest = [f"... and {more} more"] if more else []
        text = ["These events could not be delivered. Correct the reason, then: portaswitch evctl event retry NUMBER", "", *lines, *rest, ""]
        message.set_content("\n".join(line.replace("\r", " ").replace("\n", " ") for line in text))
        return message
