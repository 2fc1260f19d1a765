"""
Kleos::HSS: SIM cards, numbers and states in the Greenisis HSS.

API: private ("BOSS interface proposal"); the shipped requests are to be fitted by configuration (docs/handlers.rst).
"""

from portaswitch.handler import State, Subscriber, TemplateHandler, mobile, resource, without

BODY = '{"msisdn": "${msisdn}", "imsi": "${imsi}", "iccid": "${iccid}", "ki": "${ki}", "opc": "${opc}", "status": "${status}"}'


class KleosHSS(TemplateHandler):
    """One subscriber for each mobile account, by its IMSI."""

    name = "Kleos::HSS"
    description = "Greenisis HSS: phone number, SIM card, account status"
    needs = frozenset({"ki", "opc"})
    events = (
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
    )
    extra_events = ("Account/Blocked", "Account/Unblocked", "Account/Status/Suspend", "Account/Status/Unsuspend")
    identity = "imsi"
    templates = resource("/hss/subscribers", "imsi", BODY)

    def state(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber; its policy is the PCRF's. The status goes with all else, so that no change opens a barred one for a moment."""
        state = mobile(subscriber)
        if state is None:
            return None
        kept = without(state, "product", "profile", "upload", "download", "contexts", "static_ip", "amf", "barred")
        return State(state.keys, {**kept.values, "status": "barred" if state.values["barred"] else "active"})


kleos_hss = KleosHSS()
