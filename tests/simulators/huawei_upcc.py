"""
A Huawei UPCC (PCRF) by SOAP: subscribers, their services and quotas as lists of keys and values; sessions as in `huawei_session`.

    -> rm:subscribeService/inPara/{subscriber/attribute{key, value}, subscribedService/attribute{key, value}}
    <- rm:subscribeServiceResponse/result{resultCode, paras{key, value}, ...}

Documented codes are 0, 12302, 12339 and those of log-ins; 12390 and on are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Refused
from tests.simulators.huawei_session import HuaweiSoap
from tests.simulators.run import run
from tests.simulators.soap import Element, leaf, tag

NAMESPACE = "rm:soap"
NO_SUBSCRIBER, EXISTS = "12302", "12339"
UNKNOWN_SERVICE, SUBSCRIBED, NOT_SUBSCRIBED, BAD_VALUE, IN_USE, UNKNOWN_OPERATION, NO_QUOTA = (str(12390 + place) for place in range(7))

Values = dict[str, str]

#: Keys of each list, with the form of their values.
SUBSCRIBER: Mapping[str, str] = {
    "usrIdentifier": r"\d{5,15}", "usrMSISDN": r"\d{3,15}", "usrIMSI": r"\d{6,15}", "usrState": "[12]", "usrPaidType": "[01]", "usrStation": r"\d+",
    "usrSubNetType": r"\d+", "usrContactMethod": r"\d+", "usrBillCycleDate": r"\d{1,2}", "usrCategory": r"\d+", "usrForceRmv": "[01]",
}  # fmt: skip
SERVICE: Mapping[str, str] = {
    "srvName": r"[\w.-]{1,64}", "srvRoamingType": r"\d+", "srvStatus": "[01]", "srvStartDateTime": r"\d{14}", "srvEndDateTime": r"\d{14}",
    "TermInd": "1", "srvDeleteSubscriber": "[01]",
}  # fmt: skip
QUOTA: Mapping[str, str] = {"qtaName": r"[\w.-]{1,64}", "qtaBalance": r"\d{1,18}", "qtaConsumption": r"\d{1,18}"}
#: What a reading may add to its list.
READING = ("timeZone", "DSTFlag", "SHOWGRACEPERIOD", "realTimeFlag", "showQuota")
#: Keys of a list that an operation has, beside usrIdentifier: those it must have, and those it may have.
KEYS: Mapping[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {
    ("delSubscriber", "subscriber"): (frozenset(), frozenset({"usrForceRmv"})),
    ("subscribeService", "subscriber"): (frozenset(), frozenset()),
    ("unSubscribeService", "subscriber"): (frozenset(), frozenset()),
    ("subscribeService", "subscribedService"): (
        frozenset({"srvName"}), frozenset({"srvRoamingType", "srvStatus", "srvStartDateTime", "srvEndDateTime"})
    ),
    ("unSubscribeService", "subscribedService"): (frozenset({"srvName", "TermInd", "srvDeleteSubscriber"}), frozenset()),
    **{
        (operation, "subscriber"): (frozenset(), frozenset(SUBSCRIBER) - {"usrForceRmv"})
        for operation in ("addSubscriber", "updateSubscriber")
    },
}  # fmt: skip
LISTS = {"subscriber": SUBSCRIBER, "subscribedService": SERVICE, "subscriberQuota": QUOTA}


@dataclass
class Profile:
    """A subscriber: its own values, and those of its services and quotas by name."""

    values: Values
    services: dict[str, Values] = field(default_factory=dict)
    quotas: dict[str, Values] = field(default_factory=dict)


class HuaweiUpcc(HuaweiSoap):
    """`profiles` are the subscribers by usrIdentifier; `services` and `quotas` the names that the site has defined."""

    over = 200

    def __init__(self, clock: IReactorTime, user: str = "provision", password: str = "made-up", header: bool = False) -> None:
        super().__init__(clock, user, password, header)
        self.profiles: dict[str, Profile] = {}
        self.services = {"BASIC", "SILVER", "GOLD", "NIGHT", "TURBO"}
        self.quotas = {"MONTH"}
        self._operations: Mapping[str, Callable[[Values, Values, Values], str]] = {
            "addSubscriber": self._add,
            "updateSubscriber": self._update,
            "delSubscriber": self._delete,
            "subscribeService": self._subscribe,
            "unSubscribeService": self._unsubscribe,
            "getSubscriber": lambda who, service, quota: _attributes("subscriber", self._find(who).values),
            "getSubscriberAllService": lambda who, service, quota: _many("subscribedService", self._find(who).services),
            "getSubscriberSpecService": self._one_service,
            "getSubscriberAllInf": self._everything,
            "updateSubscriberQuota": self._set_quota,
            "resetSubscriberQuota": self._reset_quota,
            "getSubscriberAllQuota": lambda who, service, quota: _many("subscriberQuota", self._find(who).quotas),
            "getSubscriberSpecQuota": self._one_quota,
        }

    def header_credentials(self, document: Element) -> tuple[str | None, str | None]:
        """See `HuaweiSoap.header_credentials`."""
        place = ("Header", "authentication", "userPass")
        return document.value(*place, "username"), document.value(*place, "password")

    def credentials(self, call: Element) -> tuple[str | None, str | None]:
        """See `HuaweiSoap.credentials`."""
        login = call.child("inPara", "Login")
        pairs = _pairs(login) if login is not None else {}
        return pairs.get("OPNAME"), pairs.get("PWD")

    def result(self, operation: str, code: str, text: str, data: str = "") -> str:
        """See `HuaweiSoap.result`."""
        told = tag("paras", leaf("key", "errorDescription") + leaf("value", text))
        return tag(f'rm:{operation}Response xmlns:rm="{NAMESPACE}"', tag("result", leaf("resultCode", code), told, data))

    def execute(self, call: Element) -> str:
        """See `HuaweiSoap.execute`."""
        operation, given = self._operations.get(call.name), call.child("inPara")
        if operation is None or call.namespace != NAMESPACE or given is None:
            raise Refused(UNKNOWN_OPERATION, f"unknown operation {call.name}")
        lists = {name: _pairs(found) if (found := given.child(name)) is not None else {} for name in LISTS}
        self.note(call.name, {key: value for pairs in lists.values() for key, value in pairs.items()})
        for name, pairs in lists.items():
            _check(name, pairs, call.name.startswith(("get", "reset")) or "Quota" in call.name)
            _keys(call.name, name, pairs)
        if "usrIdentifier" not in lists["subscriber"]:
            raise Refused(BAD_VALUE, "usrIdentifier is missing")
        return operation(lists["subscriber"], lists["subscribedService"], lists["subscriberQuota"])

    def _find(self, who: Values) -> Profile:
        if who["usrIdentifier"] not in self.profiles:
            raise Refused(NO_SUBSCRIBER, "the subscriber does not exist")
        return self.profiles[who["usrIdentifier"]]

    def _add(self, who: Values, service: Values, quota: Values) -> str:
        if who["usrIdentifier"] in self.profiles:
            raise Refused(EXISTS, "the subscriber exists")
        self.profiles[who["usrIdentifier"]] = Profile({"usrState": "1", **who})
        return ""

    def _update(self, who: Values, service: Values, quota: Values) -> str:
        self._find(who).values.update(who)
        return ""

    def _delete(self, who: Values, service: Values, quota: Values) -> str:
        if self._find(who).services and who.get("usrForceRmv") != "1":
            raise Refused(IN_USE, "the subscriber has services")
        del self.profiles[who["usrIdentifier"]]
        return ""

    def _subscribe(self, who: Values, service: Values, quota: Values) -> str:
        profile, name = self._find(who), service.get("srvName", "")
        if name not in self.services:
            raise Refused(UNKNOWN_SERVICE, f"the service {name} is not defined")
        if name in profile.services:
            raise Refused(SUBSCRIBED, "the service is subscribed")
        start, end = (_time(service[key]) if key in service else None for key in ("srvStartDateTime", "srvEndDateTime"))
        if start is not None and end is not None and end <= start:
            raise Refused(BAD_VALUE, "the service ends before it starts")
        profile.services[name] = {"srvStatus": "0", **service}
        return ""

    def _unsubscribe(self, who: Values, service: Values, quota: Values) -> str:
        profile, name = self._find(who), service.get("srvName", "")
        if profile.services.pop(name, None) is None:
            raise Refused(NOT_SUBSCRIBED, "the service is not subscribed")
        if service.get("srvDeleteSubscriber") == "1" and not profile.services:
            del self.profiles[who["usrIdentifier"]]
        return ""

    def _one_service(self, who: Values, service: Values, quota: Values) -> str:
        held = self._find(who).services
        if service.get("srvName") not in held:
            raise Refused(NOT_SUBSCRIBED, "the service is not subscribed")
        return _attributes("subscribedService", held[service["srvName"]])

    def _everything(self, who: Values, service: Values, quota: Values) -> str:
        profile = self._find(who)
        own = _attributes("subscriber", profile.values)
        return own + _many("subscribedService", profile.services) + _many("subscriberQuota", profile.quotas)

    def _set_quota(self, who: Values, service: Values, quota: Values) -> str:
        profile = self._find(who)
        profile.quotas.setdefault(self._quota(quota), {}).update(quota)
        return ""

    def _reset_quota(self, who: Values, service: Values, quota: Values) -> str:
        profile, name = self._find(who), self._quota(quota)
        profile.quotas[name] = {"qtaName": name, "qtaBalance": "0", "qtaConsumption": "0"}
        return ""

    def _one_quota(self, who: Values, service: Values, quota: Values) -> str:
        held, name = self._find(who).quotas, self._quota(quota)
        if name not in held:
            raise Refused(NO_QUOTA, "the subscriber has no such quota")
        return _attributes("subscriberQuota", held[name])

    def _quota(self, quota: Values) -> str:
        if quota.get("qtaName") not in self.quotas:
            raise Refused(NO_QUOTA, "the quota is not defined")
        return quota["qtaName"]


def _pairs(holder: Element) -> Values:
    """The attributes of a list; a key twice, or one without its value, is an error."""
    pairs: Values = {}
    for attribute in holder.all("attribute"):
        key, value = attribute.value("key"), attribute.value("value")
        if key is None or value is None:
            raise Refused("1009", "an attribute has a key and a value")
        if key in pairs:
            raise Refused("1118", f"{key} is repeated")
        pairs[key] = value
    return pairs


def _check(name: str, pairs: Values, reading: bool) -> None:
    for key, value in pairs.items():
        form = r".{0,64}" if re.fullmatch(r"usrExAttr\d{1,2}", key) and name == "subscriber" else LISTS[name].get(key)
        if form is None and reading and key in READING:
            continue
        if form is None:
            raise Refused(BAD_VALUE, f"{key} is not defined")
        if not re.fullmatch(form, value):
            raise Refused(BAD_VALUE, f"the value of {key} is wrong")


def _keys(operation: str, name: str, pairs: Values) -> None:
    """The keys that an operation must and may have."""
    needed, optional = KEYS.get((operation, name), (frozenset(), frozenset(pairs)))
    given = {key for key in pairs if key != "usrIdentifier" and not key.startswith("usrExAttr")}
    if missing := needed - given:
        raise Refused(BAD_VALUE, f"{min(missing)} is missing")
    if strange := given - needed - optional:
        raise Refused(BAD_VALUE, f"{operation} has no {min(strange)}")


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S")
    except ValueError as error:
        raise Refused(BAD_VALUE, f"{text} is no time") from error


def _attributes(name: str, values: Values) -> str:
    """A list in an answer: keys in capitals."""
    return tag(name, "".join(tag("attribute", leaf("key", key.upper()) + leaf("value", value)) for key, value in values.items()))


def _many(name: str, held: Mapping[str, Values]) -> str:
    return "".join(_attributes(name, values) for values in held.values())


if __name__ == "__main__":
    run(HuaweiUpcc, "A Huawei UPCC (operator provision, password made-up; services BASIC, SILVER, GOLD, NIGHT, TURBO).")
