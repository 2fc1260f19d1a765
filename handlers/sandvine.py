"""
Sandvine: subscribers, addresses and policies in a Subscriber Policy Broker (SPB).

API: SubscriberServices SOAP (document/literal; children without namespace). A Partial result is a failure: some part of this subscriber was not taken. Dynamic
addresses don't come here: the NAS tells the SPB by a second RADIUS accounting server of its own.
"""

import re
from dataclasses import replace

from portaswitch.handler import (
    Element,
    HttpTarget,
    Option,
    Record,
    Reply,
    Result,
    Soap,
    State,
    StateHandler,
    Steps,
    Subscriber,
    fields,
    mapping_of,
    pattern,
    text,
    url,
    xml,
)

NAMESPACE = "http://ws.subscriberservices.sandvine.com"


class Sandvine(StateHandler):
    """One SPB subscriber for each account with an Internet access policy, by the account's id."""

    name = "Sandvine"
    description = "Sandvine SPB: user name, static address, service provider, policy"
    api = "SPB SubscriberServices SOAP"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/ID/Changed",
        "Account/New",
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
    options = (
        Option("url", url, "where the SPB listens", example="http://spb.example.com:8081"),
        Option("realm", text, "subscriber realm", default="DEFAULT"),
        Option("provider", text, "service provider identifier of these subscribers", default=""),
        Option("missing", pattern, "pattern of faults that say that there is no such subscriber", default="(?i)not ?found|does not exist"),
        Option("exists", pattern, "pattern of faults that say that there is a subscriber of this name", default="(?i)already exists|duplicate"),
        Option("blocked_policy", text, "policy of accounts that may not use the service", default="blocked"),
        Option(
            "attributes",
            mapping_of("policy", "upload", "download", "portal", "provider", "netmask"),
            "names of the SPB's attribute definitions for policy, upload, download, portal, provider, netmask; a word without a name is not sent",
            default={"policy": "policy", "upload": "uploadLimit", "download": "downloadLimit", "portal": "captivePortalURL", "provider": "serviceProviderId"},
        ),
    )
    targets = {"": HttpTarget(seconds=10)}
    path = "/SubscriberServices/SubscriberServices"

    def wanted(self, subscriber: Subscriber) -> State | None:
        """The name, the static address and the attributes of the policy in force."""
        policy = subscriber.policy
        if policy is None or subscriber.closed:
            return None
        values = {
            "policy": self.values["blocked_policy"] if subscriber.barred else policy.name,
            "upload": policy.attributes.get("upload_rate", ""),
            "download": policy.attributes.get("download_rate", ""),
            "portal": policy.attributes.get("captive_portal", ""),
            "provider": self.values["provider"],
            "netmask": subscriber.attribute("netaccess_static_ip", "netmask"),
        }
        address = subscriber.attribute("netaccess_static_ip", "address")
        return State({"name": (subscriber.id,), "address": (address,) if address else ()}, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """A new name renames the subscriber, by whichever it had last; attributes make or overwrite it; addresses that are no longer its own are taken away."""
        name = wanted.key("name")
        for old in record.keys.get("name", ()):
            if old != name:
                yield from self._renamed(old, name)
        yield from self._attributes(name, wanted)
        for address in record.keys.get("address", ()):
            if address not in wanted.keys["address"]:
                yield from self._address("UnassignIp", name, address)
        for address in wanted.keys["address"]:
            yield from self._address("AssignIp", name, address)

    def _renamed(self, old: str, name: str) -> Result:
        """A subscriber of the new name that is no account's of ours gives way, as it is overwritten where there is nothing to rename."""
        request = self._ask("ModifySubscriber", self._key(old), xml("Name", name), accepts=frozenset({"missing", "exists"}))
        reply: Reply = yield request
        if self.fault(reply) == "exists":
            yield from self._gone(name)
            yield replace(request, accepts=frozenset({"missing"}))

    def remove(self, record: Record) -> Steps:
        """The subscriber goes; one that is gone already is no fault."""
        for name in record.keys.get("name", ()):
            yield from self._gone(name)

    def _gone(self, name: str) -> Steps:
        yield self._ask("DeleteSubscriber", self._key(name), accepts=frozenset({"missing"}))

    def fault(self, reply: Reply) -> str:
        """The fault's words, or the result where it is not Success."""
        if reply.xml is not None and reply.xml.tag == "Fault":
            words = reply.xml.value("faultstring")
            return next((word for word in ("missing", "exists") if re.search(self.values[word], words)), words or "fault")
        result = next((found.text for found in reply.xml.all("Result")), "no result") if reply.xml else "no result"
        return super().fault(reply) or ("" if result == "Success" else result)

    def _key(self, name: str) -> Element:
        return xml("SubscriberKey", *fields(Name=name), xml("SubscriberRealmKey", *fields(Name=self.values["realm"])))

    def _attributes(self, name: str, wanted: State) -> Result:
        named = [(self.values["attributes"].get(word), value) for word, value in wanted.values.items()]
        sets = [
            xml("SetSubscriberAttributeParameterSet", self._key(name), xml("SubscriberAttributeDefinitionKey", *fields(Name=defined)), *fields(Value=value))
            for defined, value in named
            if defined and value
        ]
        options = fields(ResultOnly="true", SubscriberAutoCreate="true")
        together = fields(BulkOperationFailureBehaviour="AllOrNothing")
        yield self._ask("SetSubscriberAttributes", *together, xml("SetSubscriberAttributeParameterSets", *sets), *options)
        for defined in (defined for defined, value in named if defined and not value):
            yield self._without(name, defined)

    def _without(self, name: str, defined: str) -> Soap:
        """What an earlier policy, or whoever made the subscriber, has set there goes; Failure of the only member says that it is not set."""
        which = xml("RemoveSubscriberAttributeParameterSet", self._key(name), xml("SubscriberAttributeDefinitionKey", *fields(Name=defined)))
        sets = xml("RemoveSubscriberAttributeParameterSets", which)
        return self._ask("RemoveSubscriberAttributes", sets, accepts=frozenset({"Failure"}))

    def _address(self, operation: str, name: str, address: str) -> Result:
        """Of an address that is taken away, Failure of the only member says that it is not assigned any more."""
        single = fields(SubscriberSingleIp="true") if operation == "AssignIp" else ()
        endpoint = xml("IpEndpoint", *fields(IpAddress=address))
        sets = xml(f"{operation}ParameterSets", xml(f"{operation}ParameterSet", self._key(name), endpoint, *single))
        yield self._ask(f"{operation}s", sets, accepts=frozenset({"Failure"} if operation == "UnassignIp" else ()))

    def _ask(self, operation: str, *content: Element, accepts: frozenset[str] = frozenset()) -> Soap:
        """The request's element is in the SPB's namespace, those below are in none."""
        return Soap(self.path, Element(f"{operation}Request", content, namespace=NAMESPACE, prefix="sub"), accepts=accepts)


sandvine = Sandvine()
