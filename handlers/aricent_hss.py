"""
AricentHSS: SIM cards, numbers, quality and static addresses in the HSS of Aricent and of Adax.

API: private; the shipped requests are a proposal to be fitted by configuration (docs/handlers.rst).
"""

from portaswitch.handler import State, Subscriber, TemplateHandler, mobile, resource, without

BODY = (
    '{"imsi": "${imsi}", "msisdn": "${msisdn}", "ki": "${ki}", "opc": "${opc}", "qosProfile": "${profile}", "staticIp": "${static_ip}", "barred": "${barred}"}'
)


class AricentHSS(TemplateHandler):
    """One subscriber for each mobile account, by its IMSI."""

    name = "AricentHSS"
    description = "Aricent and Adax HSS: SIM card, number, quality, static address"
    needs = frozenset({"ki", "opc"})
    events = (
        "Account/Blocked",
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
    )
    extra_events = ("AccessPolicy/Changed", "Account/AccessPolicy/Changed")
    identity = "imsi"
    templates = resource("/subscribers", "imsi", BODY)

    def state(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber."""
        state = mobile(subscriber)
        return state and without(state, "product", "upload", "download", "contexts", "amf")


aricent_hss = AricentHSS()
