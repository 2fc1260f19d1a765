"""
EventSender: webhooks. Each instance sends the events that it is subscribed to as HTTP POST with JSON to one receiver (guide, "Provisioning via webhooks").

    {"event_type": "Subscriber/Updated", "variables": {"i_event": "5", "i_account": "1000889"}}

Several receivers are several instances, each with its own events, version, log-in, order, retries and circuit breaker: one that is down holds up no other.
The body is the guide's to the letter; what is new stands in headers (Standard Webhooks: id, timestamp, signature).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from portaswitch.espf.catalogue import EVENTS, OWN, find
from portaswitch.handler import (
    Event,
    EventHandler,
    Http,
    HttpTarget,
    Option,
    Record,
    Reply,
    Steps,
    Subscriber,
    Target,
    Webhook,
    switch,
    text,
    url,
    webhook_secret,
)

#: The variable that names what a simplified event is about, the first that an event has.
ENTITY: Final = ("i_account", "i_customer", "number", "invoice_number", "i_subscriber", "i_payment_transaction", "i_customer_site")
#: Answers of the 400s that are no refusal: of a repetition something else may come (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4).
_PASSING: Final = frozenset({408, 425, 429})


def _header(value: Any) -> str:
    """'Name: value', or nothing."""
    name, colon, rest = str(value).partition(":")
    printable = name.strip().replace("-", "").isalnum() and rest.strip().isprintable()
    if value and not (colon and printable and rest.strip()):
        raise ValueError("is a header: Name: value")
    return str(value)


def _secrets(value: Any) -> tuple[str, ...]:
    """One secret, or two."""
    given = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not 1 <= len(given) <= 2:
        raise ValueError("is one secret or a list of two")
    return tuple(webhook_secret(one) for one in given)


def _version(value: Any) -> int:
    """1 or 2."""
    if value not in (1, 2) or isinstance(value, bool):
        raise ValueError("is 1 (standard events) or 2 (simplified ones)")
    return int(value)


class EventSender(EventHandler):
    """One receiver of webhooks."""

    name = "EventSender"
    description = "Sends events to an application by HTTP POST (webhooks)"
    api = "guide 1 and 2, Standard Webhooks 1.0"
    snapshot = False
    events = tuple(event.name for event in EVENTS.values() if event.name not in OWN)
    extra_events = tuple(sorted(OWN))
    options = (
        Option("url", url, "where events are posted to", example="https://app.example.com/events"),
        Option("api_version", _version, "1: standard events with their variables, 2: simplified ones with the id of what changed", default=1),
        Option("synchronous", switch, "one request at a time, in the order of events; else entities go side by side", default=False),
        Option("user", text, "name for HTTP Basic, '' for none", default=""),
        Option("password", text, "its password", default="", secret=True),
        Option("header", _header, "a header of the receiver's own ('X-Key: value')", default="", secret=True),
        Option("secrets", _secrets, "secrets (whsec_...) that sign requests; two while one replaces the other", default="", secret=True),
        Option("allow_private", switch, "the receiver may be in a private network or on this machine", default=False),
    )
    targets = {"": HttpTarget(seconds=30, parallel=8, auth=Webhook(), private="allow_private")}
    dropped = frozenset(f"http {code}" for code in range(400, 500) if code not in _PASSING)
    busy = frozenset(f"http {code}" for code in range(300, 400))  # followed by nobody, but the receiver may come back to its place

    def fault(self, reply: Reply) -> str:
        """The status alone says whether a receiver took an event: it may answer with any body, a page too."""
        return reply.fault or ("" if 200 <= reply.status < 300 else f"http {reply.status}")

    def reach(self) -> Mapping[str, Target]:
        """One request at a time, or several."""
        return {"": replace(self.targets[""], parallel=1)} if self.values.get("synchronous") else self.targets

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """One request; none for an event that has no simplified form where the receiver takes those."""
        body = simplified(event) if self.values["api_version"] == 2 else standard(event)
        if body is not None:
            yield Http("POST", "", json=body, headers={"webhook-id": f"evt_{event.i_event}", "user-agent": "PortaSwitch-EventSender"})


def standard(event: Event) -> dict[str, Any]:
    """The body of version 1: the event's own name, and its variables in the guide's order."""
    known = find(event.type)
    variables = known.ordered(event.variables) if known is not None else event.variables
    return {"event_type": event.type, "variables": {"i_event": str(event.i_event), **{name: _text(value) for name, value in variables.items()}}}


def simplified(event: Event) -> dict[str, Any] | None:
    """The body of version 2; None where the event has no simplified form."""
    known = find(event.type)
    if known is None or not known.simplified:
        return None
    entity = {name: _text(event.variables[name]) for name in ENTITY if event.variables.get(name) is not None}
    named = dict(list(entity.items())[:1])
    return {"event_type": known.simplified, "variables": {"i_event": str(event.i_event), **named}}


def _text(value: Any) -> str | None:
    """Variables are texts, as the guide prints them; nothing stays nothing."""
    return None if value is None else str(value)


SENDER = EventSender()
