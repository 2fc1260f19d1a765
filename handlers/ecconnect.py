"""
ECConnect: mobile services of the ECConnect Access Portal (EAP) in front of the Optus core.

API: private; the shipped requests are to be fitted by configuration. The first activation returns clientid and phoneid, which are kept in custom fields of the
account and go with every later request. A location of `restricted_locations` (AEROSPACE, MARITIME) bars data; calls and texts stay.
"""

import re

from portaswitch.handler import AssignCustomField, Operation, Option, Record, Reply, State, Steps, Subscriber, TemplateHandler, text

BODY = (
    '{"clientid": "${clientid}", "phoneid": "${phoneid}", "msisdn": "${msisdn}", "iccid": "${iccid}", "ratePlan": "${product}", "status": "${status}", '
    '"dataBar": "${data_bar}"}'
)
_IDS = {field: re.compile(rf'"{field}" *: *"?([\w-]+)') for field in ("clientid", "phoneid")}


class ECConnect(TemplateHandler):
    """One phone of the EAP for each account with a SIM card, by the phoneid that the EAP gave."""

    name = "ECConnect"
    description = "ECConnect EAP (Optus): allowed services, billing status, SIM card"
    events = (
        "Account/AvailableFundsAppear",
        "Account/Blocked",
        "Account/CustomField/Changed",
        "Account/ID/Changed",
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
    options = (
        *TemplateHandler.common_options,
        Option("restricted_locations", text, "values (blanks between) of the custom field `location` that bar data", default="AEROSPACE MARITIME"),
    )
    identity = "phone"
    templates = {
        "create": Operation("POST", "/phones", BODY),
        "update": Operation("PUT", "/phones/${phoneid}", BODY),
        "delete": Operation("DELETE", "/phones/${phone}"),
    }

    def state(self, subscriber: Subscriber) -> State | None:
        """The phone by its id of the EAP, which there is none of before the first activation; SIM and number change in place."""
        if subscriber.sim is None:
            return None
        restricted = subscriber.field("location").upper() in self.values["restricted_locations"].split()
        values = {
            "clientid": subscriber.field("clientid"),
            "phoneid": subscriber.field("phoneid"),
            "msisdn": subscriber.id,
            "iccid": subscriber.sim.iccid,
            "product": subscriber.product,
            "status": "suspended" if subscriber.barred else "active",
            "data_bar": "on" if restricted else "off",
        }
        return State({"phone": (values["phoneid"],)} if values["phoneid"] else {}, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Activate a phone that the EAP has no id of, and keep the ids that it gives; else bring its record up to date."""
        if wanted.key("phone"):
            yield from self._run("update", wanted, record)
            return
        reply: Reply = yield from self._run("create", wanted, record)
        for field, pattern in _IDS.items():
            found = pattern.search(reply.body)
            if found:
                yield AssignCustomField(field, found[1])


ecconnect = ECConnect()
