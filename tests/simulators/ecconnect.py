"""
An ECConnect Access Portal: phones of clients. The interface is private; the wire is the proposal of the handler's page, the laws are of the public facts.

    -> POST /phones {"clientid": "", "phoneid": "", "msisdn": "...", ...}      <- 201 {"clientid": "C1", "phoneid": "P1"}
    -> PUT /phones/P1 {"clientid": "C1", "phoneid": "P1", ...}                <- 200 the same
    -> DELETE /phones/P1                                                      <- 200

The first activation of a client gives its clientid, each activation a phoneid; every later request has both. A number and a card are of one phone. What is
said of a second activation of the same number is our guess: 409 with the ids that it has.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Refused
from tests.simulators.run import run
from tests.simulators.web import Ask, HttpSimulator, Reply, as_json

FIELDS = ("clientid", "phoneid", "msisdn", "iccid", "ratePlan", "status", "dataBar")
VALUES = {"status": ("active", "suspended"), "dataBar": ("on", "off")}


class ECConnect(HttpSimulator):
    """`phones` by phoneid; `plans` are the rate plans that the portal knows; `clients` those that it has given ids to."""

    def __init__(self, clock: IReactorTime, plans: tuple[str, ...] = ("gold", "silver")) -> None:
        super().__init__(clock)
        self.plans = set(plans)
        self.phones: dict[str, dict[str, str]] = {}
        self.clients: set[str] = set()
        self._given = 0

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        try:
            return self._do(ask)
        except Refused as error:
            return as_json({"error": error.text}, int(error.code))

    def _do(self, ask: Ask) -> Reply:
        path = ask.path.strip("/").split("/")
        if path == ["phones"] and ask.method == "POST":
            return self._activate(self._read(ask))
        if len(path) != 2 or path[0] != "phones" or ask.method not in ("PUT", "DELETE"):
            raise Refused("404", "no such resource")
        phone = self.phones.get(path[1])
        if phone is None:
            raise Refused("404", f"no phone {path[1]}")
        if ask.method == "DELETE":
            self.note("delete", {"phoneid": path[1]})
            return as_json(self.phones.pop(path[1]))
        return self._change(path[1], phone, self._read(ask))

    def _read(self, ask: Ask) -> dict[str, str]:
        body: Any = ask.json()
        if body is None or set(body) != set(FIELDS) or not all(isinstance(value, str) for value in body.values()):
            raise Refused("400", f"the body is no phone: it has {', '.join(FIELDS)}")
        if not body["msisdn"] or not body["iccid"] or body["ratePlan"] not in self.plans:
            raise Refused("400", "a phone has a number, a card and a rate plan of the portal")
        for name, values in VALUES.items():
            if body[name] not in values:
                raise Refused("400", f"{name} is one of {', '.join(values)}")
        return dict(body)

    def _activate(self, phone: dict[str, str]) -> Reply:
        self.note("activate", phone)
        if phone["phoneid"]:
            raise Refused("400", "an activation has no phoneid")
        if phone["clientid"] and phone["clientid"] not in self.clients:
            raise Refused("400", f"no client {phone['clientid']}")
        other = self._holder(phone, "")
        if other is not None:
            return as_json({"error": "this number or card is active", "clientid": other["clientid"], "phoneid": other["phoneid"]}, 409)
        self._given += 1
        ids = {"clientid": phone["clientid"] or f"C{self._given}", "phoneid": f"P{self._given}"}
        self.clients.add(ids["clientid"])
        self.phones[ids["phoneid"]] = {**phone, **ids}
        return as_json(ids, 201)

    def _change(self, phoneid: str, phone: dict[str, str], wanted: dict[str, str]) -> Reply:
        self.note("change", wanted)
        if (wanted["phoneid"], wanted["clientid"]) != (phoneid, phone["clientid"]):
            raise Refused("400", "clientid and phoneid are not the phone's")
        if self._holder(wanted, phoneid) is not None:
            raise Refused("409", "this number or card is another phone's")
        phone.update(wanted)
        return as_json({"clientid": phone["clientid"], "phoneid": phoneid})

    def _holder(self, phone: dict[str, str], phoneid: str) -> dict[str, str] | None:
        """Another phone with this number or card."""
        others = (one for one in self.phones.values() if one["phoneid"] != phoneid)
        return next((one for one in others if one["msisdn"] == phone["msisdn"] or one["iccid"] == phone["iccid"]), None)


if __name__ == "__main__":
    run(ECConnect, "An ECConnect Access Portal (no log-in; rate plans gold and silver).")
