"""
YateHSS: SIM cards, numbers and states in a YateHSS/HLR.

API: YateBTS core network, JSON at /api.php, of today's releases and of that of 2015, where a subscriber has its card's keys itself. A SIM swap loads the new
card, points the subscriber to it and then deletes the old one. `code` 200 is an error.
"""

from typing import Any

from portaswitch.handler import (
    Http,
    HttpTarget,
    NamedHeader,
    Option,
    Record,
    Reply,
    Result,
    State,
    StateHandler,
    Steps,
    Subscriber,
    mapping,
    mobile,
    one_of,
    text,
    url,
    without,
)


class YateHSS(StateHandler):
    """One SIM and one subscriber for each mobile account, with the profile of its policy."""

    name = "YateHSS"
    description = "YateHSS/HLR: phone number, SIM card, user status"
    api = "YateHSS JSON API"
    needs = frozenset({"ki", "opc"})
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
    )
    extra_events = ("AccessPolicy/Changed", "Account/AccessPolicy/Changed", "Account/ID/Changed")
    options = (
        Option("url", url, "where the HSS listens", example="http://hss.example.com"),
        Option("api", one_of("current", "2015"), "the release whose requests are sent", default="current"),
        Option("secret", text, "the secret that api_config.php has, '' for none", default="", secret=True),
        Option("header", text, "the header that it is sent in", default="X-Authentication"),
        Option("unknown_codes", text, "codes (blanks between) by which the HSS says that it knows no such card or subscriber", default="404"),
        Option("profiles", mapping, "profiles of the HSS by name of the Internet access policy; others go by their own name", default={}),
    )
    credentials_refused = frozenset({"http 401"})
    targets = {"": HttpTarget(auth=NamedHeader())}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """The SIM, the number, the profile and whether it is active."""
        state = mobile(subscriber)
        if state is None:
            return None
        profile = self.values["profiles"].get(state.values["profile"], state.values["profile"])
        keys = {**state.keys, "subscriber": (str(subscriber.i_account),)}
        kept = without(state, "product", "upload", "download", "contexts", "static_ip", "amf")
        return State(keys, {**kept.values, "profile": profile})

    def apply(self, wanted: State, record: Record) -> Steps:
        """The card first, then the subscriber that points to it, then the end of the old card."""
        imsi, values = wanted.key("imsi"), wanted.values
        active = not values["barred"]
        if self.values["api"] == "2015":
            identity = {"imsi": imsi, "ki": values["ki"], "opc": values["opc"], "sim_type": "3G"}
            ident = {"subscriber_id": wanted.key("subscriber"), "msisdn": wanted.key("msisdn"), "active": int(active)}
            yield from self._ask("set_subscriber", {**ident, "identities": [identity]})
            return
        flags = dict.fromkeys(("cs_active", "ps_active", "lte_active"), active)
        card = {"imsi": imsi, "iccid": wanted.key("iccid"), "ki": values["ki"], "op": values["opc"]}
        yield from self._ask("set_sim_range", {"sims": [card], "use_opc": True, "sim_profile": values["profile"], **flags})
        known = {"subscriber_id": wanted.key("subscriber"), "imsi": imsi, "msisdn": wanted.key("msisdn")}
        yield from self._ask("set_subscriber", {**known, "lte_profile": values["profile"], "active": int(active)})
        for old in record.keys.get("imsi", ()):
            if old != imsi:
                yield from self._ask("del_sim", {"imsi": old}, self._unknown())

    def remove(self, record: Record) -> Steps:
        """The subscriber goes, then its card."""
        for number in record.keys.get("subscriber", ()):
            yield from self._ask("del_subscriber", {"subscriber_id": number}, self._unknown())
        for imsi in record.keys.get("imsi", ()) if self.values["api"] == "current" else ():
            yield from self._ask("del_sim", {"imsi": imsi}, self._unknown())

    def fault(self, reply: Reply) -> str:
        """'code N' for any answer whose code is not 0."""
        plain = super().fault(reply)
        code = reply.json.get("code") if not plain and isinstance(reply.json, dict) else None
        return plain or ("" if code == 0 else f"code {code}")

    def _unknown(self) -> frozenset[str]:
        return frozenset(f"code {code}" for code in self.values["unknown_codes"].split())

    def _ask(self, request: str, params: dict[str, Any], accepts: frozenset[str] = frozenset()) -> Result:
        reply: Reply = yield Http("POST", "/api.php", json={"request": request, "node": "hss", "params": params}, accepts=accepts)
        return reply


yate_hss = YateHSS()
