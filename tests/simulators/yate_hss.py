"""
A YateHSS/HLR: JSON at /api.php.

    -> {"request": "set_sim_range", "node": "hss", "params": {"sims": [{"imsi": ...}], "return_ids": true}}     <- {"code": 0, "sim_range": {...}}
    -> {"request": "set_subscriber", "node": "hss", "params": {...}}                                            <- {"code": 0}

A `code` other than 0 is an error, 200 too. SIMs are loaded before subscribers use them, and go after. By `Shape` set_subscriber holds the SIMs' keys
itself (2015) or names a loaded SIM; which names it has for that in today's releases is inferred. Numbers of errors other than 200 are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Fault, Refused
from tests.simulators.run import run
from tests.simulators.web import Ask, HttpSimulator, Reply, as_json

ERROR, UNKNOWN, EXISTS, IN_USE, BAD, DENIED, BUSY = 200, 404, 409, 410, 400, 401, 503
_SIM = frozenset(
    "imsi imsi_aux iccid extra_id euiccid ki op ims_ki ims_op public_ident public_ident_alt private_ident wlan_ki wlan_op pin puk pin2 puk2 adm1 amf "
    "amf_lte ota_profile ota".split()
)
_RANGE = frozenset(
    "sims sim_profile cs_active ps_active lte_active wlan_active ims_active use_opc ims_use_opc wlan_use_opc use_auc_idx return_ids".split()
)
_SUBSCRIBER = frozenset("subscriber_id msisdn imsi sim_id active plmn_allowed cs_profile ps_profile eps_profile lte_profile ims_profile operator".split())
_SUBSCRIBER_2015 = frozenset("subscriber_id active msisdn plmn_allowed identities".split())
_IDENTITY = frozenset("imsi ki op opc sim_type".split())
_PDN = frozenset("pdn_id pdn_apn_ni pdn_default pdn_qci pdn_qci_prio pdn_ambr_uplink pdn_ambr_downlink".split())

Params = dict[str, Any]


class Shape(Enum):
    """The releases' ways of set_subscriber."""

    CURRENT = "current"
    OLD = "2015"


def _refused(code: int, text: str) -> Refused:
    return Refused(str(code), text)


class YateHss(HttpSimulator):
    """`sims` by IMSI (with `sim_id`), `subscribers` by subscriber_id, `pdns` by pdn_id. With `secret` set, `header` has to hold it."""

    def __init__(self, clock: IReactorTime, secret: str = "", shape: Shape = Shape.CURRENT) -> None:
        super().__init__(clock)
        self.secret, self.shape, self.header = secret, shape, "x-authentication"
        self.sims: dict[str, Params] = {}
        self.subscribers: dict[str, Params] = {}
        self.pdns: dict[str, Params] = {}
        self._last = 0
        both: dict[str, Callable[[Params], dict[str, Any]]] = {
            "get_subscriber": self._get, "query_stats": lambda params: {"stats": {"subscribers": len(self.subscribers)}},
            "query_cs_reg": self._registration, "query_ps_reg": self._registration,
            "get_node_type": lambda params: {"node_type": [{"type": "hss", "version": "1.4-1"}]},
        }  # fmt: skip
        current = {"set_sim_range": self._load, "set_subscriber": self._set, "del_sim": self._delete_sim, "del_subscriber": self._delete}
        old = {"set_subscriber": self._set_old, "set_pdn": self._set_pdn, "del_subscriber": self._delete}
        self._requests: Mapping[str, Callable[[Params], dict[str, Any]]] = {**both, **(current if shape is Shape.CURRENT else old)}

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        if ask.path != "/api.php":
            return Reply(404)
        if ask.method != "POST":
            return Reply(405)
        if self.faults.strikes(Fault.WRONG_PASSWORD) or (self.secret and ask.headers.get(self.header) != self.secret):
            return as_json({"code": DENIED, "message": "API authentication failed"}, 401)
        try:
            return as_json({"code": 0, **self._do(ask)})
        except Refused as error:
            return as_json({"code": int(error.code), "message": error.text})

    def busy(self, ask: Ask) -> Reply:
        """An error like others."""
        return as_json({"code": BUSY, "message": "Node is busy"})

    def _do(self, ask: Ask) -> dict[str, Any]:
        call = ask.json()
        if call is None or not ask.headers.get("content-type", "").startswith("application/json"):
            raise _refused(BAD, "Invalid JSON or content type")
        name, params = call.get("request"), call.get("params", {})
        if not isinstance(params, dict) or not isinstance(name, str) or name not in self._requests:
            raise _refused(ERROR, f"Unknown request {name}")
        if call.get("node", "hss") != "hss":
            raise _refused(ERROR, "Unknown node")
        self.note(name, {key: str(value) for key, value in params.items() if key not in ("sims", "identities")})
        return self._requests[name](params)

    # -- SIMs

    def _load(self, params: Params) -> dict[str, Any]:
        """All SIMs of a range or none; loading one again changes it."""
        _known(params, _RANGE)
        sims = params.get("sims")
        if not isinstance(sims, list) or not sims or not all(isinstance(sim, dict) for sim in sims):
            raise _refused(BAD, "Missing sims")
        for sim in sims:
            _known(sim, _SIM)
            _check("imsi", sim.get("imsi"), r"\d{6,15}")
            for key in ("ki", "op"):
                _check(key, sim.get(key), "[0-9A-Fa-f]{32}")
        flags = {key: value for key, value in params.items() if key not in ("sims", "return_ids")}
        for sim in sims:
            self._last += sim["imsi"] not in self.sims
            self.sims[sim["imsi"]] = {"sim_id": self._last, **self.sims.get(sim["imsi"], {}), **flags, **sim}
        ids = {sim["imsi"]: self.sims[sim["imsi"]]["sim_id"] for sim in sims}
        return {"sim_range": {"count": len(sims), **({"sim_ids": ids} if params.get("return_ids") is True else {})}}

    def _delete_sim(self, params: Params) -> dict[str, Any]:
        imsi = self._sim_of(params)
        if any(one.get("imsi") == imsi for one in self.subscribers.values()):
            raise _refused(IN_USE, "SIM is used by a subscriber")
        del self.sims[imsi]
        return {}

    def _sim_of(self, params: Params) -> str:
        for imsi, sim in self.sims.items():
            if imsi == params.get("imsi") or sim["sim_id"] == params.get("sim_id"):
                return imsi
        raise _refused(UNKNOWN, "SIM not found")

    # -- subscribers

    def _set(self, params: Params) -> dict[str, Any]:
        """A new subscriber, or changes of one."""
        _known(params, _SUBSCRIBER)
        key = _identifier(params)
        values = {name: value for name, value in params.items() if name not in ("imsi", "sim_id")}
        if "imsi" in params or "sim_id" in params:
            values["imsi"] = self._sim_of(params)
        elif key not in self.subscribers:
            raise _refused(BAD, "Missing SIM")
        self._store(key, values)
        return {"subscriber": {"subscriber_id": key}}

    def _set_old(self, params: Params) -> dict[str, Any]:
        _known(params, _SUBSCRIBER_2015)
        key, identities = _identifier(params), params.get("identities", [])
        if not isinstance(identities, list) or not all(isinstance(one, dict) for one in identities):
            raise _refused(BAD, "Invalid identities")
        for one in identities:
            _known(one, _IDENTITY)
            _check("imsi", one.get("imsi"), r"\d{6,15}")
        if not identities and key not in self.subscribers:
            raise _refused(BAD, "Missing identities")
        first = {"imsi": identities[0]["imsi"]} if identities else {}
        self._store(key, {**params, **first})
        return {}

    def _store(self, key: str, values: Params) -> None:
        """Numbers and SIMs are one subscriber's."""
        if "msisdn" in values:
            _check("msisdn", values["msisdn"], r"\d{3,15}")
        if values.get("active", 1) not in (0, 1):
            raise _refused(BAD, "Invalid active")
        for name in ("msisdn", "imsi"):
            if name in values and any(other != key and one.get(name) == values[name] for other, one in self.subscribers.items()):
                raise _refused(EXISTS, f"{name} is used by another subscriber")
        self.subscribers.setdefault(key, {"active": 1}).update(values)

    def _find(self, params: Params) -> str:
        for key, one in self.subscribers.items():
            if params.get("subscriber_id") == key or any(name in params and params[name] == one.get(name) for name in ("msisdn", "imsi")):
                return key
        raise _refused(UNKNOWN, "Subscriber not found")

    def _get(self, params: Params) -> dict[str, Any]:
        one = self.subscribers[self._find(params)]
        return {"subscriber": {name: value for name, value in one.items() if name != "identities"}}

    def _delete(self, params: Params) -> dict[str, Any]:
        del self.subscribers[self._find(params)]
        return {}

    def _registration(self, params: Params) -> dict[str, Any]:
        self._find(params)
        return {"registered": False}

    def _set_pdn(self, params: Params) -> dict[str, Any]:
        _known(params, _PDN)
        _check("pdn_id", params.get("pdn_id"), r".{1,32}")
        self.pdns.setdefault(params["pdn_id"], {}).update(params)
        return {}


def _known(params: Mapping[str, Any], names: frozenset[str]) -> None:
    if strange := set(params) - names:
        raise _refused(BAD, f"Unknown parameter {min(strange)}")


def _identifier(params: Params) -> str:
    _check("subscriber_id", params.get("subscriber_id"), r"[\w@.+-]{1,64}")
    return str(params["subscriber_id"])


def _check(name: str, value: object, form: str) -> None:
    if not isinstance(value, str) or not re.fullmatch(form, value):
        raise _refused(BAD, f"Missing or invalid {name}")


if __name__ == "__main__":
    run(YateHss, "A YateHSS (no secret).")
