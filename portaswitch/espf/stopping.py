"""How a handler instance is stopped until an operator enables it again."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from portaswitch.espf.reports import AttemptLog, Recipient, Redaction
from portaswitch.interfaces.events import IEvents
from portaswitch.model.notification import HandlerRow


def stop(row: HandlerRow, reason: str, redact: Redaction, events: IEvents, log: AttemptLog, alerts: Recipient) -> Deferred[None]:
    """Tell the log, the operators and the database why, without secrets. Errors: those of `IEvents.stop`."""
    told = redact(reason)
    log.stopped(row.name, told)
    alerts.stopped(row.name, told)
    return events.stop(row.i_handler, told)
