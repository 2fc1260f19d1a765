"""
Huawei::PCRF: services of mobile subscribers in a Huawei UPCC.

API: UPCC V300 SOAP, requests and answers as keys and values, the log-in in each header or in sessions that begin with LGI (portaswitch.handler.huawei). A
subscriber is known by its number or its IMSI (`identifier`); its services are those of the Internet access policies of product and add-ons: what is not wanted
is unsubscribed, what is missing subscribed. Rules of the UPCC see product, policy and limits as attributes of the subscriber (usrExAttr1 and on), whose meaning
each site gives.
"""

from collections.abc import Mapping
from typing import Any

from portaswitch.handler import (
    Element,
    HttpTarget,
    Option,
    Record,
    Reply,
    Request,
    Result,
    Soap,
    State,
    StateHandler,
    Steps,
    Subscriber,
    mapping,
    mapping_of,
    mobile,
    one_of,
    text,
    url,
    xml,
)
from portaswitch.handler.huawei import OVER, HuaweiSession

MISSING, EXISTS = "12302", "12339"
NORMAL, FROZEN = "1", "2"


class HuaweiPCRF(HuaweiSession, StateHandler):
    """One UPCC subscriber, its services those of the policy and the add-ons."""

    name = "Huawei::PCRF"
    description = "Huawei PCRF: services, policies and quality"
    api = "UPCC V300 SOAP"
    busy = frozenset({OVER})
    events = (
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
    )
    extra_events = (
        "AccessPolicy/Changed",
        "Account/AccessPolicy/Changed",
        "Account/Blocked",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
    )
    options = (
        Option("url", url, "where the UPCC listens", example="http://upcc.example.com:8080"),
        Option("path", text, "path of its interface", default="/axis/services/ScfPccSoapServiceEndpointPort"),
        Option("log_in", one_of("header", "session"), "in the header of each request, or once by LGI at the path, for a session", default="header"),
        Option("user", text, "operator's name", example="espf"),
        Option("password", text, "its password", secret=True),
        Option("identifier", one_of("msisdn", "imsi"), "by what the UPCC knows a subscriber", default="msisdn"),
        Option("services", mapping, "names of UPCC services by policy, product or add-on name; others go by their own name", default={}),
        Option(
            "attributes",
            mapping_of("product", "policy", "upload", "download"),
            "attributes of the subscriber (usrExAttr1) for product, policy, upload, download; a word without an attribute is not sent",
            default={},
        ),
    )
    shared = frozenset({"service"})
    targets = {"": HttpTarget(seconds=30, most=1)}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """The number, the IMSI and the services."""
        state = mobile(subscriber)
        if state is None:
            return None
        named = self.values["services"]
        services = [named.get(name, name) for name in (state.values["profile"], *subscriber.addons) if name]
        keys = {"id": (state.key(self.values["identifier"]),), "service": tuple(dict.fromkeys(services))}
        values = {"imsi": state.key("imsi"), "msisdn": state.key("msisdn"), "state": FROZEN if state.values["barred"] else NORMAL}
        told = {"policy": state.values["profile"], **{word: state.values[word] for word in ("product", "upload", "download")}}
        return State(keys, {**values, "attributes": {key: told[word] for word, key in self.values["attributes"].items() if word in told}})

    def apply(self, wanted: State, record: Record) -> Steps:
        """Services are those that the UPCC says it has. Another identifier is another subscriber, which is there before the old one goes."""
        ident = {"usrIdentifier": wanted.key("id")}
        details = {**ident, "usrMSISDN": wanted.values["msisdn"], "usrIMSI": wanted.values["imsi"], "usrState": wanted.values["state"]}
        details |= wanted.values["attributes"]
        reply = yield from self._call("updateSubscriber", details, frozenset({MISSING}))
        if self.result(reply) == MISSING:
            yield from self._call("addSubscriber", {**details, "usrStation": "1", "usrPaidType": "0"}, frozenset({EXISTS}))
        reply = yield from self._call("getSubscriberAllService", ident)
        has = _names(reply, "SRVNAME")
        for service in has:
            if service not in wanted.keys["service"]:
                gone = {"srvName": service, "TermInd": "1", "srvDeleteSubscriber": "0"}
                yield from self._call("unSubscribeService", ident, subscribedService=gone)
        for service in wanted.keys["service"]:
            if service not in has:
                yield from self._call("subscribeService", ident, subscribedService={"srvName": service, "srvRoamingType": "1", "srvStatus": "0"})
        for old in record.keys.get("id", ()):
            if old != wanted.key("id"):
                yield from self._delete(old)

    def remove(self, record: Record) -> Steps:
        """The subscriber goes with its services."""
        for ident in record.keys.get("id", ()):
            yield from self._delete(ident)

    def _delete(self, ident: str) -> Steps:
        yield from self._call("delSubscriber", {"usrIdentifier": ident, "usrForceRmv": "1"}, frozenset({MISSING}))

    def result(self, reply: Reply) -> str:
        """The code of an answer, '0' for success, '' for none."""
        return next((found.text for found in reply.xml.all("resultCode")), "") if reply.xml else ""

    def fault(self, reply: Reply) -> str:
        """The result code of a failure."""
        code = self.result(reply)
        return super().fault(reply) or ("" if code == "0" else code or "no result")

    def lgi(self) -> Request:
        """The log-in of a session."""
        login = xml("Login", *_attributes({"OPNAME": self.values["user"], "PWD": self.values["password"]}))
        return Soap(self.values["path"], Element("LGI", (xml("inPara", login),), namespace="rm:soap", prefix="rm"), action="Notification")

    def _call(
        self, operation: str, subscriber: Mapping[str, str], accepts: frozenset[str] = frozenset(), **parts: Mapping[str, str]
    ) -> Result:
        groups = [Element(name, _attributes(pairs)) for name, pairs in {"subscriber": subscriber, **parts}.items()]
        content = Element(operation, (xml("inPara", *groups),), namespace="rm:soap", prefix="rm")
        if self.values["log_in"] == "session":
            return (yield from self.call(lambda session: Soap(session["path"], content, action="Notification", accepts=accepts)))
        user = xml("userPass", xml("username", self.values["user"]), xml("password", self.values["password"]))
        reply: Reply = yield Soap(self.values["path"], content, header=(xml("authentication", user, namespace="rm:soap"),), accepts=accepts)
        return reply


def _attributes(pairs: Mapping[str, str]) -> tuple[Element, ...]:
    return tuple(xml("attribute", xml("key", key), xml("value", value)) for key, value in pairs.items())


def _names(reply: Reply, key: str) -> tuple[Any, ...]:
    pairs = reply.xml.all("attribute") if reply.xml else ()
    return tuple(pair.value("value") for pair in pairs if pair.value("key").upper() == key)


huawei_pcrf = HuaweiPCRF()
