"""
Protei::PCRF: policies of mobile subscribers in Protei's PCRF.

API: an Sp interface whose format is not public; the shipped requests are to be fitted by configuration.
"""

from portaswitch.handler import Operation, State, Subscriber, TemplateHandler, mobile, resource

SUBSCRIBER = "<subscriber><msisdn>${msisdn}</msisdn><imsi>${imsi}</imsi><expires>${expires}</expires><blocked>${barred}</blocked></subscriber>"


class ProteiPCRF(TemplateHandler):
    """One subscriber for each mobile account, by its number; its policies are those of the product and the add-ons."""

    name = "Protei::PCRF"
    description = "Protei PCRF: policy and quality of service"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/ExpirationDate/Changed",
        "Account/ID/Changed",
        "Account/New",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
    )
    extra_events = ("AccessPolicy/Changed", "Account/AccessPolicy/Changed")
    identity = "msisdn"
    list_key = "policy"
    templates = {
        **resource("/subscribers", "msisdn", SUBSCRIBER, "xml"),
        "add": Operation("PUT", "/subscribers/${msisdn}/policies/${item}", "<policy><name>${item}</name><precedence>${position}</precedence></policy>", "xml"),
        "drop": Operation("DELETE", "/subscribers/${msisdn}/policies/${item}"),
    }

    def state(self, subscriber: Subscriber) -> State | None:
        """The policy in force and the add-ons, by precedence."""
        state = mobile(subscriber)
        if state is None:
            return None
        policies = tuple(dict.fromkeys(filter(None, (*subscriber.addons, state.values["profile"]))))
        return State({**state.keys, "policy": policies}, {"barred": state.values["barred"], "expires": str(subscriber.expiration_date or "")})


protei_pcrf = ProteiPCRF()
