"""
AudioCodes: users of the mobile application, in the AudioCodes CMMS.

API: private; the shipped requests are to be fitted by configuration. Profile name and domain are the custom fields `profileName` and `domain` of account or
customer, the domain else its reseller's or the provider's; IMEI the custom field `imei`. A messaging wallet or quota that is used up suspends messaging only.
"""

from portaswitch.handler import (
    Condition,
    Event,
    FanOut,
    Operation,
    Option,
    Record,
    State,
    Steps,
    Subscriber,
    TemplateHandler,
    resource,
    switch,
    text,
)

USER = (
    '{"user": "${user}", "password": "${password}", "imei": "${imei}", "language": "${language}", "imsi": "${imsi}", "profileName": "${profile}", '
    '"domain": "${domain}", "blocked": "${blocked}", "messaging": "${messaging}"}'
)


class AudioCodes(TemplateHandler):
    """One user for each account, by its id."""

    name = "AudioCodes"
    description = "AudioCodes CMMS: number, SIM card, status, SIP parameters, IMEI, profile"
    needs = frozenset({"password"})
    events = (
        "Account/Blocked",
        "Account/CustomField/Changed",
        "Account/Discount/Changed",
        "Account/ID/Changed",
        "Account/New",
        "Account/Password/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/Service/Msg/QuotaExceeded",
        "Account/Service/Netaccess/QuotaExceeded",
        "Account/Service/QuotaAvailable",
        "Account/Service/QuotaExceeded",
        "Account/ServicePassword/Changed",
        "Account/Status/Closed",
        "Account/Unblocked",
        "Customer/CustomField/Changed",
        "Product/Discount/Changed",
    )
    extra_events = ("Account/SIMCardAssignment", "Account/Status/Suspend", "Account/Status/Unsuspend")
    options = (
        *TemplateHandler.common_options,
        Option("domain", text, "domain of accounts of which account, customer and reseller have none", default=""),
        Option("push_events", switch, "messaging is suspended only with products whose messaging policy has push_events", default=False),
    )
    identity = "user"
    templates = {
        **resource("/users", "user", USER),
        "suspend": Operation("POST", "/users/${user}/suspendMessaging", "{}"),
        "resume": Operation("POST", "/users/${user}/resumeMessaging", "{}"),
    }

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """Changes of a customer or a product are changes of its accounts."""
        if event.entity.startswith(("customer:", "product:")):
            yield FanOut(event.type, event.entity, receivers="self")
        else:
            yield from super().steps(event, subscriber, record)

    def state(self, subscriber: Subscriber) -> State | None:
        """The user, with messaging on or off apart from the account's state."""
        told = subscriber.push_events or not self.values["push_events"]
        used_up = told and Condition.QUOTA_EXCEEDED in subscriber.conditions
        values = {
            "password": subscriber.password,
            "imei": subscriber.field("imei"),
            "language": subscriber.language,
            "imsi": subscriber.sim.imsi if subscriber.sim else "",
            "profile": subscriber.field("profileName"),
            "domain": subscriber.field("domain") or subscriber.reseller_custom_fields.get("domain", "") or self.values["domain"],
            "blocked": "true" if subscriber.conditions - {Condition.QUOTA_EXCEEDED} else "false",
            "messaging": "off" if used_up else "on",
            "barred": "1" if used_up else "",
        }
        return State({"user": (subscriber.id,)}, values)


audiocodes = AudioCodes()
