"""An outbound wire, as the ESPF's engine sees it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface


class ITransport(Interface):
    """
    Sends the requests of one target of one handler instance. Implemented in `portaswitch.transports`, one a wire, and by `tests` as a fake under the same
    contract. It keeps the target's limits (requests at once, rate), its connections and its TLS; it never repeats a request by itself.
    """

    name = Attribute("Of the target, for metrics and the log: 'calix' or 'calix/node'")

    def send(request: Any) -> Deferred[Any]:
        """
        Send a `handler.Request` of the transport's kind and return the `handler.Reply`.

        Errors: `TransportFailed` (time ran out, connection refused or lost, TLS; nothing of secrets in its text), which is tried again later;
        `NotSendable` (a request that this wire can't carry, or an answer that is no answer of it): parked.
        """

    def close() -> Deferred[None]:
        """Log out and close connections; what is under way fails with `TransportFailed`."""
