"""
Kleos::PCRF: services and policies in the Greenisis PCRF.

API: private ("BOSS interface proposal"); the shipped requests are to be fitted by configuration (docs/handlers.rst).
"""

from portaswitch.handler import State, Subscriber, TemplateHandler, mobile, resource

BODY = '{"msisdn": "${msisdn}", "imsi": "${imsi}", "service": "${service}", "policy": "${profile}"}'


class KleosPCRF(TemplateHandler):
    """One subscriber for each mobile account, by its number."""

    name = "Kleos::PCRF"
    description = "Greenisis PCRF: service name and policy name"
    events = (
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
    )
    extra_events = ("AccessPolicy/Changed", "Account/AccessPolicy/Changed")
    identity = "msisdn"
    templates = resource("/pcrf/subscribers", "msisdn", BODY)

    def state(self, subscriber: Subscriber) -> State | None:
        """The product as service, the policy by its name."""
        state = mobile(subscriber)
        return state and State(state.keys, {"service": state.values["product"], "profile": state.values["profile"]})


kleos_pcrf = KleosPCRF()
