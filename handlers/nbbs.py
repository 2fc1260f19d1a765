"""
NBBS: devices in Motorola's NBBS device management platform (TR-069).

API: private; the shipped requests are to be fitted by configuration.
"""

from portaswitch.handler import Event, Operation, Record, State, Steps, Subscriber, TemplateHandler

DEVICE = '{"mac": "${mac}", "serial": "${serial}", "model": "${model}", "profile": "${profile}", "subscriber": "${subscriber}", "enabled": "${enabled}"}'


class NBBS(TemplateHandler):
    """One binding of a device to an account, by the device's MAC address (its inventory id where it has none)."""

    name = "NBBS"
    description = "Motorola NBBS: devices of the inventory and of accounts"
    events = (
        "Account/AvailableFundsAppear",
        "Account/CustomField/Changed",
        "Account/IPDeviceAssignment",
        "Account/Status/Closed",
        "Account/ZeroAvailableFunds",
        "CustomField/Changed",
        "IPDeviceProfile/New",
    )
    identity = "device"
    templates = {
        "create": Operation("POST", "/devices", DEVICE),
        "update": Operation("PUT", "/devices/${device}", DEVICE),
        "delete": Operation("DELETE", "/devices/${device}/subscriber"),
        "profile": Operation("POST", "/profiles", '{"profile": "${profile}"}'),
    }

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """A new device profile is one request of its own; all else is the state of an account."""
        if event.type == "IPDeviceProfile/New":
            yield from self._run("profile", State({}, {"profile": event.entity.partition(":")[2]}), record)
        else:
            yield from super().steps(event, subscriber, record)

    def state(self, subscriber: Subscriber) -> State | None:
        """The account's first device."""
        device = subscriber.devices[0] if subscriber.devices else None
        if device is None:
            return None
        values = {
            "mac": device.mac,
            "serial": device.inventory_id,
            "model": device.model,
            "profile": device.profile,
            "subscriber": subscriber.id,
            "enabled": "false" if subscriber.barred else "true",
        }
        return State({"device": (device.mac or device.inventory_id or device.name,)}, values)


nbbs = NBBS()
