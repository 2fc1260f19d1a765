"""
OsmoHLR: SIM cards, numbers and access of mobile subscribers in an Osmocom HLR, by its CTRL interface.

API: osmo-hlr 1.5 CTRL (port 4259). It has no command that changes an IMSI: another SIM is a new subscriber and the end of the old one.
"""

from collections.abc import Mapping
from typing import Any

from portaswitch.handler import OSMO_CTRL, Line, LineTarget, NotProvisionable, Option, Record, Reply, State, StateHandler, Steps, Subscriber, address, one_of

EXISTS = "Subscriber already exists."
GONE = "Subscriber doesn't exist."
UNKNOWN = "No such subscriber."


class OsmoHLR(StateHandler):
    """One subscriber for each account with a SIM: IMSI, MSISDN, keys, and whether circuit and packet service are on."""

    name = "OsmoHLR"
    description = "Osmocom HLR: SIM cards, numbers, circuit and packet service"
    api = "osmo-hlr 1.5 CTRL"
    tier = "live-tested"
    needs = frozenset({"ki", "opc"})
    events = (
        "Account/SIMCardAssignment",
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/Blocked",
        "Account/Unblocked",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Status/Closed",
    )
    extra_events = ("Account/ZeroAvailableFunds", "Account/AvailableFundsAppear", "Account/ProductAddon/Inserted", "Account/ProductAddon/Deleted")
    options = (
        Option("address", address, "HOST:PORT of the CTRL interface", example="127.0.0.1:4259"),
        Option("authentication", one_of("milenage", "none"), "keys are sent for Milenage with OPC, or not at all", default="milenage"),
    )
    targets = {"": LineTarget(dialect=OSMO_CTRL, seconds=10)}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """A subscriber with the SIM's IMSI and the account's number; nothing without a SIM."""
        sim = subscriber.sim
        if sim is None or subscriber.closed:
            return None
        keys = ""
        if self.values["authentication"] == "milenage":
            if not sim.ki or not sim.opc:
                raise NotProvisionable(f"the SIM card of {subscriber.id} has no Ki or no OPC: upload them, or set authentication: none")
            keys = f"milenage,{sim.ki},OPC,{sim.opc}"
        on = not subscriber.barred
        values = {"aud3g": keys, "cs": on and "Voice" in subscriber.services, "ps": on and "Netaccess" in subscriber.services}
        return State({"imsi": (sim.imsi,), "msisdn": (subscriber.id,)}, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """The old IMSI goes first, so that no two subscribers have one number."""
        imsi = wanted.key("imsi")
        for old in record.keys.get("imsi", ()):
            if old != imsi:
                yield from self._delete(old)
        yield Line(f"SET subscriber.create {imsi}", accepts=frozenset({EXISTS}))
        for name, value in _settings(wanted).items():
            yield Line(f"SET subscriber.by-imsi-{imsi}.{name} {value}")

    def remove(self, record: Record) -> Steps:
        """The subscriber goes; one that is gone already is no fault."""
        for imsi in record.keys.get("imsi", ()):
            yield from self._delete(imsi)

    def _delete(self, imsi: str) -> Steps:
        yield Line(f"SET subscriber.delete {imsi}", accepts=frozenset({GONE, UNKNOWN}))

    def fault(self, reply: Reply) -> str:
        """The words of `ERROR number words`; what is no reply to a command either is none of the HLR."""
        verb, _, rest = reply.body.partition(" ")
        if verb in ("SET_REPLY", "GET_REPLY"):
            return ""
        return (rest.partition(" ")[2] or rest) if verb == "ERROR" else "no reply"


def _settings(wanted: State) -> Mapping[str, Any]:
    settings = {"msisdn": wanted.key("msisdn"), "cs-enabled": int(wanted.values["cs"]), "ps-enabled": int(wanted.values["ps"])}
    return {**settings, "aud3g": wanted.values["aud3g"]} if wanted.values["aud3g"] else settings


osmo_hlr = OsmoHLR()
