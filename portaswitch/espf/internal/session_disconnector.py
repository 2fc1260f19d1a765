"""SessionDisconnector: what changes behind a live session ends it, so that the next one begins with what is in force."""

from __future__ import annotations

from typing import Final

from portaswitch.handler import EndSessions, Event, EventHandler, Record, Steps, Subscriber


class SessionDisconnector(EventHandler):
    """Asks for the end of all sessions of the account, or of the customer's accounts (session_tasks: PoD, ASR)."""

    name = "SessionDisconnector"
    description = "Disconnect active sessions"
    snapshot = False
    api = "internal"
    events = (
        "Account/ActivationDate/Changed", "Account/Alias/Delete", "Account/AvailableFundsAppear", "Account/Blocked", "Account/ExpirationDate/Changed",
        "Account/New", "Account/Product/Changed", "Account/ProductAddon/Deleted", "Account/ProductAddon/Inserted", "Account/Service/QuotaAvailable",
        "Account/Status/Closed", "Account/Unblocked", "Customer/Blocked", "Customer/Status/Activated", "Customer/Status/Deactivated",
        "Customer/Status/Suspend", "Customer/Status/Unsuspend", "Customer/Unblocked",
    )  # fmt: skip

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """One task a session."""
        yield EndSessions("disconnect", event.entity)


SESSIONS: Final = SessionDisconnector()
