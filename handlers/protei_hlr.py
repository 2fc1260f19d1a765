"""
Protei::HLR: SIM cards, numbers and states in Protei's HLR/HSS.

API: HLR/HSS API 4.5, JSON over HTTP with the requests AddSubscriber, ChangeStatus, DeleteSubscriber; names of fields are not public and to be fitted by
configuration.
"""

from portaswitch.handler import Operation, State, Subscriber, TemplateHandler, mobile, without

BODY = '{"imsi": "${imsi}", "msisdn": "${msisdn}", "ki": "${ki}", "opc": "${opc}", "status": ${status}, "profile": "${profile}"}'


class ProteiHLR(TemplateHandler):
    """One subscriber for each mobile account, by its IMSI."""

    name = "Protei::HLR"
    description = "Protei HLR/HSS: phone number, SIM card, account status"
    needs = frozenset({"ki", "opc"})
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/ID/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
        "Account/ZeroAvailableFunds",
    )
    extra_events = (
        "AccessPolicy/Changed",
        "Account/AccessPolicy/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
    )
    identity = "imsi"
    default_success = '"status" *: *"OK"'
    templates = {
        "create": Operation("POST", "/AddSubscriber", BODY),
        "update": Operation("POST", "/ChangeSubscriber", BODY),
        "suspend": Operation("POST", "/ChangeStatus", '{"imsi": "${imsi}", "status": 1}'),
        "resume": Operation("POST", "/ChangeStatus", '{"imsi": "${imsi}", "status": 0}'),
        "delete": Operation("POST", "/DeleteSubscriber", '{"imsi": "${imsi}"}'),
    }

    def state(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber. The status goes with all else too, so that no one who is barred is made, or changed, as an active one."""
        state = mobile(subscriber)
        if state is None:
            return None
        kept = without(state, "product", "upload", "download", "contexts", "static_ip", "amf")
        return State(state.keys, {**kept.values, "status": "1" if state.values["barred"] else "0"})


protei_hlr = ProteiHLR()
