"""
ZXUN::SPR: quotas of mobile subscribers in a ZTE Subscription Profile Repository.

API: ZTE's XML interface is not public; the shipped requests are to be fitted by configuration. The Internet access policy of the product gives one PAKID
(zxun.pakid), each add-on one more; ZTE uses them up in the order of the add-ons' precedence. No funds: the subscriber is suspended and keeps its packages,
since with them its quota would go.
"""

from portaswitch.handler import Operation, Option, State, Subscriber, TemplateHandler, mapping, mobile

SUBSCRIBER = "<setSubscriber><msisdn>${msisdn}</msisdn><imsi>${imsi}</imsi><start>${start}</start><end>${end}</end></setSubscriber>"


class ZxunSPR(TemplateHandler):
    """One subscriber for each mobile account, by its number; one package for each PAKID, in order."""

    name = "ZXUN::SPR"
    description = "ZTE SPR: PAKID values, phone number, SIM card"
    events = (
        "Account/ActivationDate/Changed",
        "Account/AvailableFundsAppear",
        "Account/ExpirationDate/Changed",
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/ZeroAvailableFunds",
    )
    extra_events = ("AccessPolicy/Changed", "Account/AccessPolicy/Changed", "Account/Blocked", "Account/Unblocked")
    options = (*TemplateHandler.common_options, Option("packages", mapping, "PAKID by name of add-on", default={}, example={"Turbo 2GB": "1002"}))
    identity = "msisdn"
    list_key = "package"
    default_success = "<resultCode>0<"
    templates = {
        "create": Operation("POST", "/spr", SUBSCRIBER, "xml"),
        "update": Operation("POST", "/spr", SUBSCRIBER, "xml"),
        "add": Operation(
            "POST", "/spr", "<addPackage><msisdn>${msisdn}</msisdn><pakid>${item}</pakid><precedence>${position}</precedence></addPackage>", "xml"
        ),
        "drop": Operation("POST", "/spr", "<delPackage><msisdn>${msisdn}</msisdn><pakid>${item}</pakid></delPackage>", "xml"),
        "suspend": Operation("POST", "/spr", "<setState><msisdn>${msisdn}</msisdn><state>suspended</state></setState>", "xml"),
        "resume": Operation("POST", "/spr", "<setState><msisdn>${msisdn}</msisdn><state>active</state></setState>", "xml"),
        "delete": Operation("POST", "/spr", "<delSubscriber><msisdn>${msisdn}</msisdn></delSubscriber>", "xml"),
    }

    def state(self, subscriber: Subscriber) -> State | None:
        """Packages of add-ons by precedence, then the product's own."""
        state = mobile(subscriber)
        if state is None:
            return None
        own = subscriber.policy.attributes.get("zxun.pakid", "") if subscriber.policy else ""
        packages = [self.values["packages"][addon] for addon in subscriber.addons if addon in self.values["packages"]]
        dates = {"start": str(subscriber.activation_date or ""), "end": str(subscriber.expiration_date or "")}
        wanted = tuple(dict.fromkeys(filter(None, (*packages, own))))
        return State({**state.keys, "package": wanted}, {"barred": state.values["barred"], **dates})


zxun_spr = ZxunSPR()
