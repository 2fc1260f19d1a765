"""
ReadyWireless: devices of an MVNE, activated and deactivated by phone number and IMEI (custom field `imei`).

API: private; the shipped requests are to be fitted by configuration. An event says what happened, and there is no state to converge to: each is one request.
"""

from portaswitch.handler import Event, EventHandler, FanOut, Operation, Reply, Steps, Subscriber, TemplateHandler, on, worded

_DEVICE = '{"phone": "${phone}", "imei": "${imei}", "service": "${service}"}'


class ReadyWireless(EventHandler):
    """One request an event: a service whose quota is used up is restricted, a device whose number goes is deactivated."""

    name = "ReadyWireless"
    description = "ReadyWireless MVNE: phone number and IMEI"
    tier = "template"
    events = (
        "Account/Alias/Delete",
        "Account/Service/QuotaAvailable",
        "Account/Service/QuotaExceeded",
        "Account/Service/Netaccess/QuotaExceeded",
        "Account/Service/Msg/QuotaExceeded",
        "Customer/Status/Suspend",
        "Customer/Status/Unsuspend",
    )
    extra_events = ("Account/Status/Closed",)
    options = TemplateHandler.common_options
    targets = TemplateHandler.targets
    busy = TemplateHandler.busy
    credentials_refused = TemplateHandler.credentials_refused
    templates = {
        "activate": Operation("POST", "/devices/activate", _DEVICE),
        "deactivate": Operation("POST", "/devices/deactivate", _DEVICE),
        "restrict": Operation("POST", "/devices/restrict", _DEVICE),
        "restore": Operation("POST", "/devices/restore", _DEVICE),
    }

    @on("Account/Service/QuotaExceeded")
    def all_used(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """Every service is restricted."""
        yield from self._device("restrict", event, subscriber, "all")

    @on("Account/Service/Netaccess/QuotaExceeded")
    def data_used(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """Data is restricted."""
        yield from self._device("restrict", event, subscriber, "data")

    @on("Account/Service/Msg/QuotaExceeded")
    def messages_used(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """Messages are restricted."""
        yield from self._device("restrict", event, subscriber, "msg")

    @on("Account/Service/QuotaAvailable")
    def available(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """Nothing is restricted any more."""
        yield from self._device("restore", event, subscriber, "all")

    @on("Account/Alias/Delete", "Account/Status/Closed", "Customer/Status/Suspend")
    def off(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """The device is switched off: of the alias that goes, or of the account."""
        yield from self._device("deactivate", event, subscriber, "all")

    @on("Customer/Status/Unsuspend")
    def back(self, event: Event, subscriber: Subscriber | None) -> Steps:
        """The device is switched on again, but that of an account that was closed before its customer came back."""
        if subscriber is None or not subscriber.closed:
            yield from self._device("activate", event, subscriber, "all")

    def fault(self, reply: Reply) -> str:
        """As the options `success` and `faults` say."""
        return worded(super().fault(reply), reply, self.values)

    def _device(self, operation: str, event: Event, subscriber: Subscriber | None, service: str) -> Steps:
        if subscriber is None:
            if event.entity.startswith("customer:"):
                yield FanOut(event.type, event.entity, receivers="self")
            return
        chosen = self.values["operations"].get(operation) or self.templates[operation]
        yield chosen.request({"phone": event.variables.get("id") or subscriber.id, "imei": subscriber.field("imei"), "service": service})


readywireless = ReadyWireless()
