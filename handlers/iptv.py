"""
IPTV: subscribers and channel packages of Stalker/Ministra, Minerva, MatrixStream, Telebreeze and SeaChange platforms.

API: Stalker's REST v1 is documented; the others' are private, so the shipped requests are to be fitted by configuration. An account that is barred, or whose
product has no IPTV any more, is disabled and its record kept; a closed one is deleted.
"""

from collections.abc import Mapping

from portaswitch.handler import Event, FanOut, NotProvisionable, Operation, Option, Record, Reply, State, Steps, Subscriber, TemplateHandler, one_of, resource

_FORM = "password=${password}&full_name=${person}&phone=${phone}&account_number=${login}&tariff_plan=${product}&status=${status}"
_XML = "<subscriber><id>${login}</id><name>${person}</name><phone>${phone}</phone><device>${device}</device><status>${status}</status></subscriber>"
_PACKAGE = "<package><id>${item}</id></package>"
_XML_PLATFORM = {
    **resource("/subscribers", "login", _XML, "xml"),
    "add": Operation("PUT", "/subscribers/${login}/packages/${item}", _PACKAGE, "xml"),
    "drop": Operation("DELETE", "/subscribers/${login}/packages/${item}"),
}
_JSON = '{"account": "${login}", "name": "${person}", "phone": "${phone}", "device": "${device}", "password": "${password}", "status": "${status}"}'
_JSON_PLATFORM = {
    **resource("/accounts", "login", _JSON),
    "add": Operation("PUT", "/accounts/${login}/packages/${item}", "{}"),
    "drop": Operation("DELETE", "/accounts/${login}/packages/${item}"),
}
#: What the body of a good answer has; by the status of HTTP alone Stalker's errors are none.
SUCCESS: Mapping[str, str] = {"stalker": r'"status"\s*:\s*"OK"'}
PLATFORMS: Mapping[str, Mapping[str, Operation]] = {
    "stalker": {
        "create": Operation("POST", "/stalker_portal/api/accounts", "login=${login}&" + _FORM, "form"),
        "update": Operation("PUT", "/stalker_portal/api/accounts/${login}", _FORM, "form"),
        "add": Operation("PUT", "/stalker_portal/api/account_subscription/${login}", "subscribed[]=${item}", "form"),
        "drop": Operation("PUT", "/stalker_portal/api/account_subscription/${login}", "unsubscribed[]=${item}", "form"),
        "delete": Operation("DELETE", "/stalker_portal/api/accounts/${login}"),
    },
    "minerva": _XML_PLATFORM,
    "matrixstream": _XML_PLATFORM,
    "telebreeze": _JSON_PLATFORM,
    "seachange": _JSON_PLATFORM,
}


class IPTV(TemplateHandler):
    """One subscriber of the platform for each account that has, or had, a product with IPTV; one package for each channel package."""

    name = "IPTV"
    description = "IPTV platforms: subscribers and channel packages"
    api = "Stalker/Ministra REST v1"
    needs = frozenset({"password"})
    events = (
        "Account/ActivationDate/Changed",
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/ExpirationDate/Changed",
        "Account/ID/Changed",
        "Account/New",
        "Account/Password/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/ServiceFlags/Changed",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
        "CustomField/Changed",
        "Subscriber/Address/Changed",
        "Subscriber/ContactInfo/Changed",
        "Subscriber/Name/Changed",
    )
    options = (Option("platform", one_of(*PLATFORMS), "whose requests are sent", default="stalker"), *TemplateHandler.common_options)
    identity = "login"
    list_key = "package"

    def shipped(self) -> Mapping[str, Operation]:
        """The platform's requests."""
        return PLATFORMS[self.values["platform"]]

    def shipped_success(self) -> str:
        """The platform's."""
        return SUCCESS.get(self.values["platform"], "")

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """What changes of a person or a customer changes its accounts; an account that never had IPTV is nothing to the platform."""
        if event.entity.startswith(("subscriber:", "customer:")):
            yield FanOut(event.type, event.entity, receivers="self")
        elif subscriber is None or record.keys or "iptv" in subscriber.features:
            yield from super().steps(event, subscriber, record)

    def state(self, subscriber: Subscriber) -> State | None:
        """Enabled while the account may use the service and its product has IPTV."""
        on = "iptv" in subscriber.features and not subscriber.barred
        packages = subscriber.attributes.get("iptv", {}).get("channel_package", ()) if "iptv" in subscriber.features else ()
        person = f"{subscriber.person.first_name} {subscriber.person.last_name}".strip()
        values = {
            "password": subscriber.field("iptv_password", subscriber.password),
            "device": subscriber.field("device_id"),
            "person": person or subscriber.customer,
            "phone": subscriber.person.phone,
            "product": subscriber.product,
            "status": "1" if on else "0",
        }
        return State({"login": (subscriber.id,), "package": tuple(packages)}, values)

    def fault(self, reply: Reply) -> str:
        """Stalker's texts, where the configuration has no words of its own."""
        plain = super().fault(reply)
        if '"status":"ERROR"' not in reply.body.replace(" ", ""):
            return plain
        if "Account not found" in reply.body or "identifiers are incorrect" in reply.body:
            return "missing"
        return "exists" if "Login already in use" in reply.body else plain or "refused"

    def apply(self, wanted: State, record: Record) -> Steps:
        """Telebreeze knows a customer by an id that can't change; to Stalker a comma stands between two of them."""
        if self.values["platform"] == "stalker" and "," in wanted.key("login"):
            raise NotProvisionable("Stalker reads an id with a comma as several: give the account one without")
        if self.values["platform"] == "telebreeze" and record.key("login") not in ("", wanted.key("login")):
            raise NotProvisionable(f"Telebreeze can't rename {record.key('login')} to {wanted.key('login')}: give the account its old id, or close it there")
        yield from super().apply(wanted, record)


iptv = IPTV()
