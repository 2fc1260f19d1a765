"""
A Sandvine Subscriber Policy Broker: SOAP 1.1, document/literal, at /SubscriberServices/SubscriberServices (port 8081).

    -> spb:SetSubscriberAttributesRequest{BulkOperationFailureBehaviour, SubscriberAttributeParameterSets, SubscriberAutoCreate}
    <- spb:SetSubscriberAttributesResponse{Result Success|Partial|Failure, PartialFailures, BulkStatistics}

The root is in the namespace, its children are in none. A single operation that is refused is a fault with detail WsValidationException; members of a
bulk one are named in PartialFailures (the shape of an entry is ours, and so are the texts).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Fault, Refused
from tests.simulators.run import run
from tests.simulators.soap import Element, Malformed, body_of, envelope, fault, leaf, tag
from tests.simulators.web import Ask, HttpSimulator, Reply

PATH = "/SubscriberServices/SubscriberServices"
NAMESPACE = "http://ws.subscriberservices.sandvine.com"
REALM = "DEFAULT"
ATTRIBUTES = ("Policy", "UpLimit", "DownLimit", "PortalUrl", "ProviderId")


@dataclass
class Subscriber:
    """A subscriber: values by attribute definition, and its addresses."""

    name: str
    status: str = "Active"
    attributes: dict[str, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)


def refused(text: str) -> Refused:
    """What becomes a fault, or an entry of PartialFailures."""
    return Refused("WsValidationException", text)


class SandvineSpb(HttpSimulator):
    """
    `subscribers` by name (realm DEFAULT), `definitions` the attributes that the operator has created.

    With `password` set, HTTP Basic is asked for; without, who may call is a matter of the network.
    """

    def __init__(self, clock: IReactorTime, definitions: Iterable[str] = ATTRIBUTES, user: str = "", password: str = "") -> None:
        super().__init__(clock)
        self.user, self.password = user, password
        self.definitions = set(definitions)
        self.subscribers: dict[str, Subscriber] = {}
        self._operations: Mapping[str, Callable[[Element], str]] = {
            "CreateSubscriber": self._create,
            "ModifySubscriber": self._modify,
            "DeleteSubscriber": self._delete,
            "LookupSubscriber": self._lookup,
            "LookupSubscriberAttributeDefinition": self._definition,
            "SetSubscriberAttributes": lambda call: self._bulk(call, "SetSubscriberAttributeParameterSet", self._set),
            "RemoveSubscriberAttributes": lambda call: self._bulk(call, "RemoveSubscriberAttributeParameterSet", self._remove),
            "AssignIp": lambda call: self._one(call, "AssignIpParameterSet", self._assign),
            "AssignIps": lambda call: self._bulk(call, "AssignIpParameterSet", self._assign),
            "UnassignIp": lambda call: self._one(call, "UnassignIpParameterSet", self._unassign),
            "UnassignIps": lambda call: self._bulk(call, "UnassignIpParameterSet", self._unassign),
            "IpAssignmentsForSubscriber": self._addresses,
        }

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        if ask.path != PATH:
            return Reply(404)
        if ask.method != "POST":
            return Reply(405)
        if self.faults.strikes(Fault.WRONG_PASSWORD) or (self.password and ask.basic() != (self.user, self.password)):
            return Reply(401, headers=(("WWW-Authenticate", 'Basic realm="SPB"'),))
        try:
            return self._call(body_of(ask.body))
        except Malformed as error:
            return fault("Client", f"malformed request: {error}")
        except Refused as error:
            return fault("Server", error.text, f'<spb:{error.code} xmlns:spb="{NAMESPACE}">{leaf("Message", error.text)}</spb:{error.code}>')

    def busy(self, ask: Ask) -> Reply:
        """A fault that is no validation."""
        return fault("Server", "server too busy")

    def _call(self, call: Element) -> Reply:
        name = call.name.removesuffix("Request")
        operation = self._operations.get(name)
        if operation is None or not call.name.endswith("Request") or call.namespace != NAMESPACE:
            raise Malformed(f"unknown operation {call.name}")
        if any(child.namespace for child in call.children):
            raise Malformed("children of a request are in no namespace")
        self.note(name, _flat(call))
        return envelope(tag(f'spb:{name}Response xmlns:spb="{NAMESPACE}"', operation(call)))

    # -- single operations

    def _find(self, key: Element | None) -> Subscriber:
        name = self._name(key)
        if name not in self.subscribers:
            raise refused(f"subscriber not found: {name}")
        return self.subscribers[name]

    def _name(self, key: Element | None) -> str:
        """The name in a SubscriberKey, whose realm has to be there."""
        name = key.value("Name") if key is not None else None
        if not name:
            raise refused("Name is missing")
        realm = key.value("SubscriberRealmKey", "Name") if key is not None else None
        if realm != REALM:
            raise refused(f"realm not found: {realm}")
        return name

    def _create(self, call: Element) -> str:
        name = self._name(call)
        if name in self.subscribers:
            raise refused(f"subscriber already exists: {name}")
        self.subscribers[name] = Subscriber(name)
        return leaf("Result", "Success")

    def _modify(self, call: Element) -> str:
        subscriber, new = self._find(call.child("SubscriberKey")), call.value("Name")
        if new and new != subscriber.name:
            if new in self.subscribers:
                raise refused(f"subscriber already exists: {new}")
            self.subscribers[new] = self.subscribers.pop(subscriber.name)
            subscriber.name = new
        subscriber.status = call.value("Status") or subscriber.status
        return leaf("Result", "Success")

    def _delete(self, call: Element) -> str:
        del self.subscribers[self._find(call.child("SubscriberKey")).name]
        return leaf("Result", "Success")

    def _lookup(self, call: Element) -> str:
        subscriber = self._find(call.child("SubscriberKey"))
        values = "".join(tag("SubscriberAttribute", _definition_key(name), leaf("Value", value)) for name, value in subscriber.attributes.items())
        own = tag("SubscriberKey", leaf("Name", subscriber.name), tag("SubscriberRealmKey", leaf("Name", REALM)))
        return leaf("Result", "Success") + tag("Subscriber", own, leaf("Status", subscriber.status), tag("SubscriberAttributes", values))

    def _definition(self, call: Element) -> str:
        name = self._known(call)
        return leaf("Result", "Success") + tag("SubscriberAttributeDefinition", _definition_key(name))

    def _known(self, holder: Element) -> str:
        name = holder.value("SubscriberAttributeDefinitionKey", "Name") or ""
        if name not in self.definitions:
            raise refused(f"attribute definition not found: {name}")
        return name

    def _addresses(self, call: Element) -> str:
        subscriber = self._find(call.child("SubscriberKey"))
        told = "".join(tag("IpAssignment", tag("IpEndpoint", leaf("IpAddress", address))) for address in subscriber.addresses)
        return leaf("Result", "Success") + tag("IpAssignments", told)

    # -- operations on sets

    def _one(self, call: Element, name: str, act: Callable[[Element], None]) -> str:
        """A single operation whose parameters are those of the bulk one, in their element or straight in the request."""
        member = call.child(name)
        act(call if member is None else member)
        return leaf("Result", "Success")

    def _bulk(self, call: Element, name: str, act: Callable[[Element], None]) -> str:
        """Each set by itself, or all or none, as BulkOperationFailureBehaviour says."""
        holder = call.child(f"{name}s")
        members = list(holder.all(name)) if holder is not None else []
        behaviour = call.value("BulkOperationFailureBehaviour") or "AllowPartialFailure"
        if not members or behaviour not in ("AllowPartialFailure", "AllOrNothing"):
            raise refused(f"{name}s or BulkOperationFailureBehaviour is wrong")
        for member in members:
            if member.child("SubscriberAttributeDefinitionKey") is not None:
                self._known(member)  # one that nobody defined fails the whole call
        before = self._copy()
        if call.value("SubscriberAutoCreate") == "true":
            for member in members:
                key = self._name(member.child("SubscriberKey"))
                self.subscribers.setdefault(key, Subscriber(key))
        failures = [text for member in members if (text := self._try(act, member))]
        if failures and behaviour == "AllOrNothing":
            self.subscribers = before
            failed = len(members)
        else:
            failed = len(failures)
        result = "Success" if not failed else "Failure" if failed == len(members) else "Partial"
        counts = leaf("Total", len(members)) + leaf("Success", len(members) - failed) + leaf("Failure", failed)
        return leaf("Result", result) + (tag("PartialFailures", *failures) if failures else "") + tag("BulkStatistics", counts)

    def _try(self, act: Callable[[Element], None], member: Element) -> str:
        """Nothing when it is done, else its entry among the failures."""
        try:
            act(member)
        except Refused as error:
            key = leaf("Name", member.value("SubscriberKey", "Name") or "") + tag("SubscriberRealmKey", leaf("Name", REALM))
            return tag("PartialFailure", tag("SubscriberKey", key), leaf("Message", error.text))
        return ""

    def _copy(self) -> dict[str, Subscriber]:
        return {name: Subscriber(name, one.status, dict(one.attributes), list(one.addresses)) for name, one in self.subscribers.items()}

    def _set(self, member: Element) -> None:
        value = member.value("Value")
        if value is None:
            raise refused("Value is missing")
        self._find(member.child("SubscriberKey")).attributes[self._known(member)] = value

    def _remove(self, member: Element) -> None:
        name = self._known(member)
        if self._find(member.child("SubscriberKey")).attributes.pop(name, None) is None:
            raise refused(f"attribute is not set: {name}")

    def _assign(self, member: Element) -> None:
        """An address is one subscriber's: the last one to get it."""
        subscriber, address = self._find(member.child("SubscriberKey")), _address(member)
        if member.value("SubscriberSingleIp") == "true":
            subscriber.addresses.clear()
        for other in self.subscribers.values():
            if address in other.addresses:
                other.addresses.remove(address)
        subscriber.addresses.append(address)

    def _unassign(self, member: Element) -> None:
        address = _address(member)
        holders = [one for one in self.subscribers.values() if address in one.addresses]
        if not holders:
            raise refused(f"address is not assigned: {address}")
        holders[0].addresses.remove(address)


def _address(member: Element) -> str:
    text = member.value("IpEndpoint", "IpAddress") or ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise refused(f"invalid address: {text}") from error


def _definition_key(name: str) -> str:
    return tag("SubscriberAttributeDefinitionKey", leaf("Name", name))


def _flat(call: Element, before: str = "") -> dict[str, str]:
    """Texts by path; of a name that comes again, with its place."""
    told: dict[str, str] = {}
    for one in call.children:
        path, place = before + one.name, 2
        inner = _flat(one, f"{path}.") if one.children else {path: one.text}
        while set(inner) & set(told):
            path = f"{before}{one.name}{place}"
            inner, place = _flat(one, f"{path}.") if one.children else {path: one.text}, place + 1
        told.update(inner)
    return told


if __name__ == "__main__":
    run(SandvineSpb, "A Sandvine SPB (attributes Policy, UpLimit, DownLimit, PortalUrl, ProviderId; realm DEFAULT).")
