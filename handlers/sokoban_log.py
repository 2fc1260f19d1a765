"""Sokoban::Log: every event with its data in provisioning.log, for tests and for debugging. Passwords and keys are references there."""

import json

from portaswitch.handler import Event, EventHandler, Note, Record, Steps, Subscriber


class SokobanLog(EventHandler):
    """Notes type, entity and variables of every event."""

    name = "Sokoban::Log"
    description = "Write events with their data to provisioning.log"
    api = "none"
    tier = "template"
    snapshot = False
    events = (
        "Accessibility/Deleted", "Accessibility/Inserted", "Account/ActivationDate/Changed", "Account/Alias/Delete", "Account/AvailableFundsAppear",
        "Account/BalanceChanged", "Account/Blocked", "Account/CustomField/Changed", "Account/Discount/Changed", "Account/ExpirationDate/Changed",
        "Account/FollowMe/Changed", "Account/FollowMeNumber/Inserted", "Account/FollowMeNumber/Changed", "Account/FollowMeNumber/Deleted",
        "Account/ID/Changed", "Account/IPDeviceAssignment", "Account/New", "Account/Password/Changed", "Account/Product/Changed",
        "Account/ProductAddon/Changed", "Account/ProductAddon/Deleted", "Account/ProductAddon/Inserted", "Account/Service/QuotaAvailable",
        "Account/Service/QuotaExceeded", "Account/ServiceAttribute/Changed", "Account/ServiceFlags/Changed", "Account/ServicePassword/Changed",
        "Account/SIMCardAssignment", "Account/Status/Changed", "Account/Status/Closed", "Account/Status/Exported", "Account/Status/Imported",
        "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/Unblocked", "Account/ZeroAvailableFunds", "Customer/AvailableFundsAppear",
        "Customer/BalanceChanged", "Customer/Blocked", "Customer/CustomField/Changed", "Subscriber/Name/Changed", "Customer/Name/Changed", "Customer/New",
        "Customer/ServiceAttribute/Changed", "Customer/ServiceFlags/Changed", "Customer/Status/Activated", "Customer/Status/Changed",
        "Customer/Status/Closed", "Customer/Status/Deactivated", "Customer/Status/Exported", "Customer/Status/Imported", "Customer/Status/Suspend",
        "Customer/Status/Unsuspend", "Customer/Unblocked", "Customer/ZeroAvailableFunds", "ServiceAttribute/Changed", "CustomField/Changed", "DID/New",
        "DID/Status/Assigned", "DID/Status/Unassigned", "DID/Status/Activated", "DID/Status/Canceled", "DID/Status/Moved", "DID/Deleted",
        "Invoice/Adjustment/Changed", "Invoice/AmountPaid/Changed", "Invoice/New", "Invoice/Status/Changed", "IPDeviceProfile/New", "PaymentTransaction/New",
        "PaymentTransaction/ResultCode/Changed", "PaymentTransaction/Status/Changed", "Product/Discount/Changed", "Product/ServiceAttribute/Changed",
        "Subscriber/Address/Changed", "Subscriber/ContactInfo/Changed",
    )  # fmt: skip
    extra_events = (
        "AccessPolicy/Changed", "AccessPolicy/Phase/New", "AccessPolicy/Phase/Changed", "AccessPolicy/Phase/Deleted", "Account/AccessPolicy/Changed",
        "Account/Service/Msg/QuotaExceeded", "Account/Service/Netaccess/QuotaExceeded", "Connection/Changed", "Connection/Deleted", "Connection/New",
        "Custom/Jasper/CapReached", "CustomerSite/ServiceAttribute/Changed", "Product/AccessPolicy/Changed",
    )  # fmt: skip

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """One note."""
        yield Note(json.dumps({"type": event.type, "entity": event.entity, "variables": dict(event.variables)}))


sokoban_log = SokobanLog()
