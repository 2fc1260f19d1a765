"""Handlers of ours: they turn events into events of accounts, or into tasks for sessions, and speak to no vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.espf.internal.dispatchers import CUSTOMERS, PAYING, PRODUCTS, SERVICE_ATTRIBUTES
from portaswitch.espf.internal.event_sender import SENDER
from portaswitch.espf.internal.session_disconnector import SESSIONS
from portaswitch.espf.internal.sip_forwarder import FORWARDER
from portaswitch.handler import EventHandler

#: Those that are there without being configured: each is an instance of its own name, for all environments.
ALWAYS: Final[tuple[EventHandler, ...]] = (CUSTOMERS, PRODUCTS, SERVICE_ATTRIBUTES, SESSIONS)
#: Those of them that run until an operator disables them, with the events that they get at first: without them nobody hears of what accounts inherit. Of
#: service attributes the triggers tell the owner already, but for sites.
RUNNING: Final[Mapping[str, tuple[str, ...]]] = {
    CUSTOMERS.name: (*CUSTOMERS.events, *PAYING), PRODUCTS.name: PRODUCTS.events, SERVICE_ATTRIBUTES.name: SERVICE_ATTRIBUTES.extra_events,
}  # fmt: skip
#: Those that an operator configures as any other handler.
CONFIGURED: Final[tuple[EventHandler, ...]] = (FORWARDER, SENDER)
