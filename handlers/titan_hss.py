"""
Titan::HSS: subscribers of NetNumber's Titan HSS.

API: private; the shipped requests are to be fitted by configuration. APN and roaming profile ids are those that Titan has; they stand in the Internet access
policy as titan.apn_id and titan.roaming_profile_id.
"""

from portaswitch.handler import Option, State, Subscriber, TemplateHandler, mobile, one_of, resource, without

#: Bit/s in the units of limits.
UNITS = {"bit/s": 1, "kbit/s": 1_000, "Mbit/s": 1_000_000}
BODY = (
    '{"msisdn": "${msisdn}", "imsi": "${imsi}", "uploadLimit": "${upload}", "downloadLimit": "${download}", "apnId": "${apn}", '
    '"roamingProfileId": "${roaming}", "barred": "${barred}"}'
)


class TitanHSS(TemplateHandler):
    """One subscriber for each mobile account, by its IMSI."""

    name = "Titan::HSS"
    description = "NetNumber Titan HSS: number, SIM card, limits, APN and roaming profile"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
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
    options = (*TemplateHandler.common_options, Option("rate_unit", one_of(*UNITS), "the unit of Titan's limits, rounded up", default="bit/s"))
    identity = "imsi"
    templates = resource("/subscribers", "imsi", BODY)

    def state(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber with the ids of its policy."""
        state = mobile(subscriber)
        if state is None:
            return None
        policy = subscriber.policy.attributes if subscriber.policy else {}
        kept = without(state, "ki", "opc", "amf", "product", "profile", "contexts", "static_ip")
        ids = {"apn": policy.get("titan.apn_id", ""), "roaming": policy.get("titan.roaming_profile_id", "")}
        limits = {name: self._limit(state.values[name]) for name in ("upload", "download")}
        return State(state.keys, {**kept.values, **limits, **ids})

    def _limit(self, rate: str) -> str:
        """A rate in Titan's unit, '' for none; never 0, which might mean no limit."""
        return str(-(-int(rate) // UNITS[self.values["rate_unit"]])) if rate.isdecimal() else rate


titan_hss = TitanHSS()
