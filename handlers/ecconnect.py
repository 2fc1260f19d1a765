"""
ECConnect: mobile services of the ECConnect Access Portal (EAP) in front of the Optus core.

API: private; the shipped requests are to be fitted by configuration. The first activation returns clientid and phoneid, which are kept in custom fields of the
account and go with every later request. One that is refused because the number or card is active already (our repetition of one whose answer was lost) is
expected to tell the ids too. A location of `restricted_locations` (AEROSPACE, MARITIME) bars data; calls and texts stay.
"""

import re
from typing import Any

from portaswitch.handler import (
    AssignCustomField,
    AssignRemoteId,
    NotProvisionable,
    Operation,
    Option,
    Record,
    Reply,
    State,
    Steps,
    Subscriber,
    TemplateHandler,
    text,
)

BODY = (
    '{"clientid": "${clientid}", "phoneid": "${phoneid}", "msisdn": "${msisdn}", "iccid": "${iccid}", "ratePlan": "${product}", "status": "${status}", '
    '"dataBar": "${data_bar}"}'
)
_IDS = {field: re.compile(rf'"{field}" *: *"?(?!null\b)([\w-]+)') for field in ("clientid", "phoneid")}


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
        keys = {"msisdn": (subscriber.id,), "iccid": (subscriber.sim.iccid,)}
        return State({**keys, "phone": (values["phoneid"],)} if values["phoneid"] else keys, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Bring the phone up to date; one that the EAP has given no ids of, or has lost, is activated."""
        if wanted.values["phoneid"] and wanted.values["clientid"]:
            reply: Reply = yield from self._run("update", wanted, record, frozenset({"missing"}))
            if self.fault(reply) != "missing":
                return
        yield from self._activated(wanted, record)

    def remove(self, record: Record) -> Steps:
        """The phone goes, by the id that the custom field had and by the one that an activation has given since."""
        for phone in dict.fromkeys(filter(None, (*record.keys.get("phone", ()), record.remote_id))):
            yield from self._deleted(phone, record)

    def _activated(self, wanted: State, record: Record) -> Steps:
        """The ids are kept; a phone that is active already is brought to the wanted state."""
        reply: Reply = yield from self._run("create", wanted, record, frozenset({"exists"}), phoneid="")
        ids: dict[str, Any] = {field: found[1] for field, pattern in _IDS.items() if (found := pattern.search(reply.body))}
        if "phoneid" not in ids:
            raise NotProvisionable("the EAP's answer has no phoneid: look the phone up there and enter clientid and phoneid as custom fields")
        for field, value in ids.items():
            yield AssignCustomField(field, value)
        yield AssignRemoteId(ids["phoneid"])
        if self.fault(reply) == "exists":
            yield from self._run("update", wanted, record, **ids)


ecconnect = ECConnect()
