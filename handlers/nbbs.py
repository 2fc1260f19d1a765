"""
NBBS: devices in Motorola's NBBS device management platform (TR-069).

API: private; the shipped requests are to be fitted by configuration.
"""

from collections.abc import Mapping
from typing import Any

from portaswitch.handler import Event, Operation, Record, State, Steps, Subscriber, TemplateHandler

ADDED = "Custom/Inventory/DeviceAdded"
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
    extra_events = (ADDED,)
    identity = "device"
    templates = {
        "create": Operation("POST", "/devices", DEVICE),
        "update": Operation("PUT", "/devices/${device}", DEVICE),
        "delete": Operation("DELETE", "/devices/${device}/subscriber"),
        "register": Operation("POST", "/devices", DEVICE),
        "profile": Operation("POST", "/profiles", '{"profile": "${profile}"}'),
    }

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """A new device profile and a device that comes into the inventory are one request each; all else is the state of an account."""
        if event.type == ADDED:
            yield from self._run("register", _added(event.variables), record, frozenset({"exists"}))
        elif event.type == "IPDeviceProfile/New":
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


def _added(variables: Mapping[str, Any]) -> State:
    """A device that is nobody's yet, and so enabled for nobody; what it has none of is empty."""
    told = {name: str(variables.get(name) or "") for name in ("mac", "model", "profile")}
    serial = str(variables.get("inventory_id") or "")
    device = told["mac"] or serial or str(variables.get("name") or "")
    return State({"device": (device,)}, {**told, "serial": serial, "subscriber": "", "enabled": "false"})


nbbs = NBBS()
