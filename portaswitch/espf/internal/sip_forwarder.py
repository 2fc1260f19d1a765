"""
SIPForwarder: two systems run side by side, and the SBC in front of them is told which of them a number lives on.

No interface of it is public; this is ours: PUT {url}/locations/{number} with {"system": ..., "i_env": ..., "kind": ...}, DELETE to forget, both repeatable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.handler import Bearer, Event, EventHandler, Http, HttpTarget, Option, Record, Steps, Subscriber, segment, text, url

#: The variable of each event with the number or address that is to be forgotten.
GONE: Final[Mapping[str, str]] = {
    "Account/Alias/Delete": "id", "Account/ID/Changed": "prev_id", "DID/Deleted": "number", "DID/Status/Unassigned": "number",
    "Connection/Deleted": "prev_remote_ip", "Connection/Changed": "prev_remote_ip",
}  # fmt: skip
#: What lives on the other system from now on.
ELSEWHERE: Final = frozenset({"Account/Status/Exported", "DID/Status/Moved"})


class SIPForwarder(EventHandler):
    """Keeps the location of accounts, numbers and connections at a dispatching SBC."""

    name = "SIPForwarder"
    description = "Tell the dispatching SBC where accounts and numbers live"
    api = "PortaSwitch locations 1"
    tier = "template"
    options = (
        Option("url", url, "where the dispatching SBC takes locations", example="https://sbc.example.com/api"),
        Option("token", text, "bearer token of the SBC", secret=True),
        Option("system", text, "name of this system at the SBC", example="new"),
        Option("other", text, "name of the other system", example="old"),
    )
    targets = {"": HttpTarget(auth=Bearer())}
    events = (
        "Account/Alias/Delete", "Account/ID/Changed", "Account/New", "Account/Status/Exported", "Account/Status/Imported", "Connection/Changed",
        "Connection/Deleted", "Connection/New", "DID/Deleted", "DID/New", "DID/Status/Activated", "DID/Status/Assigned", "DID/Status/Canceled",
        "DID/Status/Moved", "DID/Status/Unassigned",
    )  # fmt: skip

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """Forget what is gone, then tell where the rest lives."""
        gone = event.variables.get(GONE.get(event.type, ""))
        if gone:
            yield Http("DELETE", f"/locations/{segment(gone)}", accepts=frozenset({"http 404"}))
        system = self.values["other" if event.type in ELSEWHERE else "system"]
        for number, kind in _lives(event, subscriber):
            yield Http("PUT", f"/locations/{segment(number)}", json={"system": system, "i_env": event.i_env, "kind": kind})


def _lives(event: Event, subscriber: Subscriber | None) -> list[tuple[str, str]]:
    """Whose location is told, and what it is. Events of connections name the address that is gone only."""
    if event.type.startswith("DID/"):
        number = event.variables.get("number")
        return [(number, "did")] if number and event.type not in GONE else []
    if subscriber is None or subscriber.closed:
        return []
    return [(subscriber.id, "account"), *((alias, "alias") for alias in subscriber.aliases)]


FORWARDER: Final = SIPForwarder()
