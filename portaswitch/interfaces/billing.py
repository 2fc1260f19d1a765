"""The billing core as endpoints see it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.request import AAARequest, Decision


class IBilling(Interface):
    """One core answers RADIUS, Diameter and SIP (DESIGN.md 1)."""

    def handle(request: AAARequest) -> Deferred[Decision]:
        """
        Decide `request` and make the decision durable; the Deferred fires after the commit.

        A refusal is a `Decision`, not an error. Errors: `Overloaded` (more waits than the limits allow), `DatabaseDown` (no database in time), `LedgerFailed`;
        on each of them the endpoint stays silent or says "busy", as its protocol has it. Cancelling withdraws a request that has not left the queue.
        """
