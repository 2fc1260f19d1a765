"""
Jasper: SIM cards and rate plans in Cisco Jasper (IoT Control Center).

API: REST v1. One call at a time and five a second are all that an account may make. Product names are rate plan names. When Jasper reports that a SIM's quota
is used up, the product is changed to a blocking one, and the SIM is deactivated with it.
"""

from portaswitch.handler import (
    PAGE,
    Basic,
    ChangeProduct,
    Event,
    Http,
    HttpTarget,
    NotProvisionable,
    Option,
    Record,
    Reply,
    Result,
    State,
    StateHandler,
    Steps,
    Subscriber,
    segment,
    text,
    url,
)

#: What is shown of a month, and Jasper's names for it.
USED = {
    "iccid": "iccid", "status": "status", "rate_plan": "ratePlan", "data_octets": "ctdDataUsage", "messages": "ctdSMSUsage", "call_seconds": "ctdVoiceUsage",
    "sessions": "ctdSessionCount",
}  # fmt: skip
CAP_REACHED = "Custom/Jasper/CapReached"


class Jasper(StateHandler):
    """The state and rate plan of each account's SIM card, by its ICCID."""

    name = "Jasper"
    description = "Cisco Jasper: SIM card state and rate plan"
    api = "Control Center REST v1"
    events = (
        "Account/Blocked",
        "Account/Product/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        CAP_REACHED,
    )
    extra_events = ("Account/Status/Closed",)
    options = (
        Option("url", url, "the pod's address", example="https://restapi1.jasper.com/rws/api/v1"),
        Option("user", text, "API user", example="espf"),
        Option("password", text, "its API key", secret=True),
        Option("blocking_product", text, "product of accounts whose quota is used up: no rate plan, the SIM is off", example="Quota used up"),
    )
    credentials_refused = frozenset({"http 401"})
    #: Four, not five: Jasper counts calls as they arrive, and a way of varying delay can bring six sent in five fifths of a second within one.
    targets = {"": HttpTarget(auth=Basic(), parallel=1, rate=4)}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """Active with the product as rate plan; deactivated where the account is barred or has the blocking product."""
        sim = subscriber.sim
        if sim is None or subscriber.closed:
            return None
        off = subscriber.barred or subscriber.product == self.values["blocking_product"]
        plan = {} if subscriber.product == self.values["blocking_product"] else {"ratePlan": subscriber.product}
        return State({"iccid": (sim.iccid,)}, {"status": "DEACTIVATED" if off else "ACTIVATED", **plan})

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """A quota that is used up changes the product first; the event of that is not sent back, so the SIM is switched off here too."""
        sim = subscriber.sim if subscriber is not None and event.type == CAP_REACHED else None
        if subscriber is None or sim is None or (yield from self._bought(subscriber.product, sim.iccid)):
            yield from super().steps(event, subscriber, record)
        else:
            yield ChangeProduct(self.values["blocking_product"])
            yield _put(sim.iccid, {"status": "DEACTIVATED"})

    def _bought(self, product: str, iccid: str) -> Result:
        """Whether the account has another product by now than Jasper counted by: what was bought while the report waited is not taken away again."""
        if product == self.values["blocking_product"]:
            return False
        reply: Reply = yield Http("GET", f"/devices/{segment(iccid)}")
        plan = reply.json.get("ratePlan")
        return bool(plan) and plan != product

    def fault(self, reply: Reply) -> str:
        """A change that was made is answered with the card's ICCID; a refusal with a code and words, which an operator needs to know what is wrong."""
        plain = super().fault(reply)
        if plain and plain not in (PAGE, *self.credentials_refused):
            return f"{plain} {_reason(reply)}".strip()
        return plain or ("" if isinstance(reply.json, dict) and "iccid" in reply.json else "no iccid")

    def apply(self, wanted: State, record: Record) -> Steps:
        """Another card than before is switched off first."""
        for old in record.keys.get("iccid", ()):
            if old != wanted.key("iccid"):
                yield _put(old, {"status": "DEACTIVATED"})
        yield _put(wanted.key("iccid"), dict(wanted.values))

    def usage(self, subscriber: Subscriber) -> Result:
        """What Jasper has counted in the running month, and a notice when the quota is exceeded."""
        if subscriber.sim is None:
            raise NotProvisionable(f"account {subscriber.id} has no SIM card")
        reply: Reply = yield Http("GET", f"/devices/{segment(subscriber.sim.iccid)}/ctdUsages")
        told = reply.json
        facts = {name: told.get(field) for name, field in USED.items()}
        return {**facts, "notice": "the quota is exceeded" if told.get("overageLimitReached") else ""}

    def remove(self, record: Record) -> Steps:
        """The card is deactivated, never retired: that can't be undone."""
        for iccid in record.keys.get("iccid", ()):
            yield _put(iccid, {"status": "DEACTIVATED"})


def _reason(reply: Reply) -> str:
    """errorCode and errorMessage, '' where there are none."""
    try:
        told = reply.json
    except (ValueError, RecursionError):
        return ""
    return " ".join(str(told[name]) for name in ("errorCode", "errorMessage") if told.get(name))[:200] if isinstance(told, dict) else ""


def _put(iccid: str, content: dict[str, str]) -> Http:
    return Http("PUT", f"/devices/{segment(iccid)}", json=content)


jasper = Jasper()
