"""
NetNumber: ported-in numbers in NetNumber's SMS/MMS database.

API: private; the shipped requests are to be fitted by configuration.
"""

from portaswitch.handler import Operation, State, Subscriber, TemplateHandler


class NetNumber(TemplateHandler):
    """One entry for each account whose id is a number."""

    name = "NetNumber"
    description = "NetNumber SMS/MMS database: ported-in numbers"
    events = ("Account/ID/Changed", "Account/New", "Account/Status/Closed")
    identity = "number"
    templates = {
        "create": Operation("PUT", "/numbers/${number}", '{"number": "${number}"}'),
        "update": Operation("PUT", "/numbers/${number}", '{"number": "${number}"}'),
        "delete": Operation("DELETE", "/numbers/${number}"),
    }

    def state(self, subscriber: Subscriber) -> State | None:
        """The number; nothing for accounts with names."""
        return State({"number": (subscriber.id,)}) if subscriber.id.isdecimal() else None


netnumber = NetNumber()
