"""
Calix: Internet service on optical terminals (ONT), by the Calix Management System's northbound interface.

API: CMS R14 NBI, NETCONF-like XML in SOAP. A service is one EthSvc on a Gigabit Ethernet port (slot 3) or on the residential gateway (slot 8), its speed a
bandwidth profile. An account that may not use it has its services disabled; the terminal stays manageable.
"""

import re
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from portaswitch.handler import (
    AssignRemoteId,
    Device,
    Element,
    HttpTarget,
    NotProvisionable,
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
    fields,
    mapping,
    text,
    url,
    whole,
    xml,
)

SLOTS = {"GE": "3", "RG": "8"}
EXCEPTION = "rpc-error/error-message"
LOST = "session lost"


class Calix(StateHandler):
    """One Ont for the account's terminal, one EthSvc for each of its ports, or one for the whole of a residential gateway."""

    name = "Calix"
    description = "Calix Management System: FSAN serial number, state and bandwidth profile of ONTs"
    api = "CMS R14 NBI"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/IPDeviceAssignment",
        "Account/Product/Changed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
    )
    extra_events = ("Account/Status/Closed", "Account/ProductAddon/Inserted", "Account/ProductAddon/Deleted", "Account/AccessPolicy/Changed")
    options = (
        Option("url", url, "where the CMS listens", example="http://cms.example.com:18080"),
        Option("path", text, "path of the network's interface: E7, C7 and E3/E5, or AE", default="/cmsexc/ex/netconf"),
        Option("user", text, "CMS user with full administration rights", example="espf"),
        Option("password", text, "its password", secret=True),
        Option("node", text, "network node, without NTWK-; a device's setting `node` stands over it", example="E7-1"),
        Option("ont_profiles", mapping, "ONT profile ids of the CMS by device model", default={}, example={"844E": "155"}),
        Option("missing", text, "pattern of errors that say that there is no such object", default="(?i)object does not exist|no such object"),
        Option("tag_action", whole, "id of the service tag action", default=1),
        Option("active_ethernet_models", text, "models (blanks between) that can't be residential gateways", default="716GE-I"),
    )
    targets = {"": HttpTarget()}
    shared = frozenset({"serno", "port", "node"})  # the ports of one terminal may be several accounts'; what is one account's is all three together
    log_in_refused = frozenset({"login 6"})
    busy = frozenset({LOST})

    def wanted(self, subscriber: Subscriber) -> State | None:
        """The terminal's serial number, its ports as slot/port, and the profile; nothing where the account has no terminal or no bandwidth profile."""
        device = next((device for device in subscriber.devices if device.inventory_id), None)
        profile = subscriber.policy.attributes.get("calix.bandwidth_profile_id", "") if subscriber.policy else ""
        if device is None or not profile or subscriber.closed:
            return None
        serial = device.inventory_id.upper().removeprefix("CXNK")
        node, ports = device.settings.get("node") or self.values["node"], self._ports(device, subscriber)
        services = tuple(f"{node} {serial} {port}" for port in ports)
        keys = {"serno": (serial,), "port": ports, "node": (node,), "service": services}
        values = {"profile": profile, "model": device.model, "subscriber": subscriber.id, "admin": "disabled" if subscriber.barred else "enabled"}
        return State(keys, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Services on another terminal or port are freed first; the Ont is looked up or made, then each service is made or changed."""
        yield from self._free(record, [service for service in record.keys.get("service", ()) if service not in wanted.keys["service"]])
        ont = yield from self._ont(wanted)
        yield AssignRemoteId(ont)  # now: an attempt that fails from here on leaves services that have to be found
        for port in wanted.keys["port"]:
            yield from self._service(wanted, ont, port)

    def remove(self, record: Record) -> Steps:
        """The services go; the terminal stays known to the CMS."""
        yield from self._free(record, record.keys.get("service", ()))

    def log_in(self, target: str) -> Generator[Request, Any, Mapping[str, str]]:
        """A session id, good until half an hour passes without a request."""
        login = xml("login", *fields(UserName=self.values["user"], Password=self.values["password"]))
        reply: Reply = yield self._post(Element("auth", (login,), attributes={"message-id": "1"}), "1.1")
        return {"session": reply.xml.value("SessionId") if reply.xml else ""}

    def logged_out(self, reply: Reply) -> bool:
        """Dead sessions are told in words only."""
        return "session" in (reply.xml.value(EXCEPTION).lower() if reply.xml else "")

    def fault(self, reply: Reply) -> str:
        """'rpc WORDS' for an rpc-error, 'login CODE' for a refused log-in, `LOST` for a dead session; HTTP says 200 to everything."""
        code = reply.xml.value("ResultCode") if reply.xml else ""
        if code not in ("", "0"):
            return f"login {code}"
        words = reply.xml.value(EXCEPTION) if reply.xml else ""
        if self.logged_out(reply):
            return LOST
        if words:
            return "missing" if re.search(self.values["missing"], words) else f"rpc {words}"
        return super().fault(reply)

    def _ports(self, device: Device, subscriber: Subscriber) -> tuple[str, ...]:
        """Slot/port of each service: a port type of the CPE profile stands over the policy's, Gigabit Ethernet is the default."""
        policy = subscriber.policy.attributes if subscriber.policy else {}
        kind = (device.settings.get("port_type") or policy.get("calix.ont_port_type") or "GE").upper()
        if kind not in SLOTS:
            raise NotProvisionable(f"{device.name}: port type {kind} is neither GE nor RG")
        if kind == "RG" and device.model in self.values["active_ethernet_models"].split():
            raise NotProvisionable(f"{device.name}: only GPON terminals may be residential gateways, {device.model} is none")
        every = device.port_config.lower() == "all"
        numbers = range(1, device.ports + 1) if every and kind == "GE" else (1,) if kind == "RG" else (device.port,)
        return tuple(f"{SLOTS[kind]}/{number}" for number in numbers)

    def _ont(self, wanted: State) -> Result:
        """The id of the terminal in the CMS: found by its serial number, else made."""
        node, serial = wanted.key("node"), wanted.key("serno")
        found = yield from self._found(node, serial)
        if found:
            return found
        profile = self.values["ont_profiles"].get(wanted.values["model"])
        if profile is None:
            raise NotProvisionable(f"option ont_profiles has no profile for the model {wanted.values['model']!r}")
        ontprof = xml("ontprof", xml("type", "OntProf"), xml("id", *fields(ontprof=profile)))
        known = fields(**{"subscr-id": wanted.values["subscriber"], "serno": serial})
        reply: Reply = yield from self._edit(node, "create", "Ont", fields(ont=0), (*fields(admin="enabled"), ontprof, *known))
        return _ont_id(reply)

    def _found(self, node: str, serial: str) -> Result:
        """The id of a terminal by its serial number, '' where the CMS has none."""
        arguments = xml("action-args", *fields(serno=serial))
        reply: Reply = yield from self._rpc(node, xml("action", *fields(**{"action-type": "show-ont"}), arguments))
        return _ont_id(reply)

    def _service(self, wanted: State, ont: str, port: str) -> Steps:
        """Make or change the service of a port."""
        node, where = wanted.key("node"), _service_id(ont, port)
        asked = xml("filter", xml("top", xml("object", xml("type", "EthSvc"), xml("id", *where))), type="subtree")
        reply: Reply = yield from self._rpc(node, xml("get-config", xml("source", xml("running")), asked), frozenset({"missing"}))
        known = reply.xml is not None and any(reply.xml.all("object"))
        profile = xml("bw-prof", xml("type", "BwProf"), xml("id", *fields(bwprof=wanted.values["profile"])))
        tag = xml("tag-action", xml("type", "SvcTagAction"), xml("id", *fields(svctagaction=self.values["tag_action"])))
        content = (*fields(admin=wanted.values["admin"]), *(() if known else (tag,)), profile)
        yield from self._edit(node, "merge" if known else "create", "EthSvc", where, content)

    def _free(self, record: Record, services: Iterable[str]) -> Steps:
        """
        Delete services that were confirmed, or that an attempt which failed may have made; one that is gone already is no fault. After such an attempt there
        may be several terminals: then the remote id is that of one of them, and each is asked for its own.
        """
        sole = len(record.keys.get("serno", ())) == len(record.keys.get("node", ())) == 1
        for service in services:
            node, serial, port = service.rsplit(" ", 2)
            ont = record.remote_id if sole and record.remote_id else (yield from self._found(node, serial))
            if ont:
                yield from self._edit(node, "delete", "EthSvc", _service_id(ont, port), (), frozenset({"missing"}))

    def _edit(self, node: str, operation: str, kind: str, where: Any, content: Any, accepts: frozenset[str] = frozenset()) -> Result:
        attributes = {"operation": operation, "get-config": "true"}
        changed = Element("object", (xml("type", kind), xml("id", *where), *content), attributes=attributes)
        return (yield from self._rpc(node, xml("edit-config", xml("target", xml("running")), xml("config", xml("top", changed))), accepts))

    def _rpc(self, node: str, content: Element, accepts: frozenset[str] = frozenset()) -> Result:
        def within(session: Mapping[str, str]) -> Soap:
            named = {"message-id": "1", "nodename": f"NTWK-{node}", "username": self.values["user"], "sessionid": session["session"]}
            return self._post(Element("rpc", (content,), attributes=named), "1.2", accepts)

        return (yield from self.call(within))

    def _post(self, content: Element, version: str, accepts: frozenset[str] = frozenset()) -> Soap:
        return Soap(self.values["path"], content, version=version, headers={"content-type": "text/xml; charset=utf-8"}, accepts=accepts)


def _service_id(ont: str, port: str) -> tuple[Element, ...]:
    slot, _, number = port.partition("/")
    return fields(ont=ont, ontslot=slot, ontethany=number, ethsvc=1)


def _ont_id(reply: Reply) -> str:
    """The number of the first Ont in an answer, '' where there is none."""
    for found in reply.xml.all("object") if reply.xml else ():
        if found.value("type") == "Ont":
            return found.value("id/ont")
    return ""


calix = Calix()
