"""
DemoHandler: an example to copy. It tells every event to an HTTP server of yours, with the account it is about.

Copy this file to a folder of your own (espf.handler_path), give the class and `name` another name, and change what it yields: docs/handlers.rst.
"""

from portaswitch.handler import Bearer, Event, EventHandler, Http, HttpTarget, Option, Record, Steps, Subscriber, text, url


class DemoHandler(EventHandler):
    """POST {url}/events, once an event: who it is about, and what happened."""

    name = "DemoHandler"
    description = "Example of an event handler"
    api = "yours"
    tier = "template"
    events = (
        "ServiceAttribute/Changed", "Accessibility/Inserted", "Accessibility/Deleted", "Account/ActivationDate/Changed", "Account/AvailableFundsAppear",
        "Account/BalanceChanged", "Account/Blocked", "Account/CustomField/Changed", "Account/Discount/Changed", "Account/ExpirationDate/Changed",
        "Account/FollowMe/Changed", "Account/FollowMeNumber/Inserted", "Account/FollowMeNumber/Changed", "Account/FollowMeNumber/Deleted",
        "Account/ID/Changed", "Account/IPDeviceAssignment", "Account/New", "Account/Password/Changed", "Account/Product/Changed",
        "Account/ProductAddon/Changed", "Account/ProductAddon/Deleted", "Account/ProductAddon/Inserted", "Account/ServiceAttribute/Changed",
        "Account/ServiceFlags/Changed", "Account/ServicePassword/Changed", "Account/SIMCardAssignment", "Account/Status/Changed", "Account/Status/Closed",
        "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/Unblocked", "Account/ZeroAvailableFunds", "Customer/AvailableFundsAppear",
        "Customer/BalanceChanged", "Customer/Blocked", "Customer/CustomField/Changed", "Customer/Name/Changed", "Customer/New",
        "Customer/ServiceAttribute/Changed", "Customer/ServiceFlags/Changed", "Customer/Status/Activated", "Customer/Status/Changed",
        "Customer/Status/Closed", "Customer/Status/Deactivated", "Customer/Status/Suspend", "Customer/Status/Unsuspend", "Customer/Unblocked",
        "Customer/ZeroAvailableFunds", "CustomField/Changed", "IPDeviceProfile/New", "Product/Discount/Changed", "Product/ServiceAttribute/Changed",
        "Subscriber/Address/Changed", "Subscriber/Name/Changed",
    )  # fmt: skip
    options = (
        Option("url", url, "where your server listens", example="http://127.0.0.1:8000"),
        Option("token", text, "bearer token that your server wants", secret=True),
    )
    targets = {"": HttpTarget(auth=Bearer())}

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """One request. Its answer may be looked at: `reply = yield Http(...)`, then `reply.json`."""
        about = None if subscriber is None else {"id": subscriber.id, "product": subscriber.product, "barred": subscriber.barred}
        yield Http("POST", "/events", json={"event": event.type, "number": event.i_event, "variables": dict(event.variables), "account": about})


demo_handler = DemoHandler()
