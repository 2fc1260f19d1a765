"""
Bridgewater: WiMAX users of the Bridgewater (Amdocs) Service Controller.

API: Service Controller provisioning, XML; not public, so the shipped requests are to be fitted by configuration. The profile is the product's name. Changes of
a customer come as changes of its accounts (CustomerToAccountsDispatcher).
"""

from portaswitch.handler import State, Subscriber, TemplateHandler, resource

USER = (
    "<user><name>${user}</name><profile>${profile}</profile><organization>${organization}</organization><fullName>${person}</fullName>"
    "<phone>${phone}</phone><class>${customer_class}</class><mac>${mac}</mac><status>${status}</status></user>"
)


class Bridgewater(TemplateHandler):
    """One user for each account, by its id."""

    name = "Bridgewater"
    description = "Bridgewater Service Controller (WiMAX): names, phone number, class, product"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/CustomField/Changed",
        "Account/IPDeviceAssignment",
        "Account/Product/Changed",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
        "Customer/AvailableFundsAppear",
        "Customer/Blocked",
        "Customer/Status/Closed",
        "Customer/Status/Suspend",
        "Customer/Status/Unsuspend",
        "Customer/Unblocked",
        "Customer/ZeroAvailableFunds",
        "CustomField/Changed",
    )
    extra_events = ("Account/ID/Changed", "Account/New")
    identity = "user"
    templates = resource("/users", "user", USER, "xml")

    def state(self, subscriber: Subscriber) -> State | None:
        """The user with its device, where the account has one."""
        device = subscriber.devices[0] if subscriber.devices else None
        owner = subscriber.owner
        values = {
            "profile": subscriber.product,
            "organization": owner.company or subscriber.customer,
            "person": f"{subscriber.person.first_name} {subscriber.person.last_name}".strip(),
            "phone": subscriber.person.phone or owner.phone,
            "customer_class": subscriber.field("customer_class"),
            "mac": device.mac if device else "",
            "status": "blocked" if subscriber.barred else "active",
        }
        return State({"user": (subscriber.id,)}, values)


bridgewater = Bridgewater()
