"""
NBBS: devices in Motorola's NBBS device management platform (TR-069).

API: private; the shipped requests are to be fitted by configuration. NBBS binds a device to one subscriber: where its ports are several accounts', to the one
that was told last.
"""

from collections.abc import Mapping
from typing import Any

from portaswitch.handler import Device, Event, Operation, Record, State, Steps, Subscriber, TemplateHandler

ADDED = "Custom/Inventory/DeviceAdded"
DEVICE = '{"mac": "${mac}", "serial": "${serial}", "model": "${model}", "profile": "${profile}", "subscriber": "${subscriber}", "enabled": "${enabled}"}'


class NBBS(TemplateHandler):
    """A binding to its account of each device, by the device's MAC address (its inventory id where it has none)."""

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
    extra_events = ("Account/Blocked", "Account/ID/Changed", "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/Unblocked", ADDED)
    #: Ports are one account's each, devices need not be: they would be taken from each other for ever.
    shared = frozenset({"device"})
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
            yield from self._run("profile", State({}, {"profile": event.entity.partition(":")[2]}), record, frozenset({"exists"}))
        else:
            yield from super().steps(event, subscriber, record)

    def state(self, subscriber: Subscriber) -> State | None:
        """The account's devices, each with its values, and which of their ports it has."""
        if not subscriber.devices:
            return None
        bound = {"subscriber": subscriber.id, "enabled": "false" if subscriber.barred else "true"}
        values = {
            _identity(one): {"mac": one.mac, "serial": one.inventory_id, "model": one.model, "profile": one.profile, **bound} for one in subscriber.devices
        }
        return State({"device": tuple(values), "port": tuple(f"{_identity(one)}/{one.port}" for one in subscriber.devices)}, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Devices that are no longer the account's are unbound, then each of its own is told."""
        known = record.keys.get("device", ())
        for old in known:
            if old not in wanted.keys["device"]:
                yield from self._deleted(old, record)
        for device in wanted.keys["device"]:
            before = {"device": (device,)} if device in known else {}
            yield from super().apply(State({"device": (device,)}, wanted.values[device]), Record(record.remote_id, before, record.state))


def _identity(device: Device) -> str:
    return device.mac or device.inventory_id or device.name


def _added(variables: Mapping[str, Any]) -> State:
    """A device that is nobody's yet, and so enabled for nobody; what it has none of is empty."""
    told = {name: str(variables.get(name) or "") for name in ("mac", "model", "profile")}
    serial = str(variables.get("inventory_id") or "")
    device = told["mac"] or serial or str(variables.get("name") or "")
    return State({"device": (device,)}, {**told, "serial": serial, "subscriber": "", "enabled": "false"})


nbbs = NBBS()
