"""
HSS, PCRF and SPR whose interfaces are private: Aricent (and Adax), Greenisis (Kleos), NetNumber's Titan, Protei, ZTE's SPR.

Nobody outside knows their wires, so these speak the proposal of the handlers' pages, and can't show that a vendor does. Their laws are of the public facts: by
what a subscriber is known, that two have not the same number, and that profiles, APNs, policies and packages are defined in the vendor's system first. Protei's
and ZTE's say what went wrong in the body of a 200, the others by the status of HTTP.

    python -m tests.simulators.private_mobile titan --port 8085
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators.private import main, rest

_BARRED = ("1",)

ARICENT = rest(
    "imsi", "/subscribers",
    '{"imsi": "{imsi}", "msisdn": "{msisdn}", "ki": "{ki?}", "opc": "{opc?}", "qosProfile": "{profile?}", "staticIp": "{ip?}", "barred": "{barred?}"}',
    unique=["msisdn", "ip"], known={"barred": _BARRED, "profile": ("GOLD", "SILVER")},
)  # fmt: skip

KLEOS_HSS = rest(
    "imsi", "/hss/subscribers",
    '{"msisdn": "{msisdn}", "imsi": "{imsi}", "iccid": "{iccid?}", "ki": "{ki?}", "opc": "{opc?}", "status": "{status}"}',
    unique=["msisdn", "iccid"], known={"status": ("active", "barred")},
)  # fmt: skip

KLEOS_PCRF = rest(
    "msisdn", "/pcrf/subscribers", '{"msisdn": "{msisdn}", "imsi": "{imsi}", "service": "{service}", "policy": "{profile?}"}',
    unique=["imsi"], known={"service": ("gold", "silver"), "profile": ("GOLD", "SILVER")},
)  # fmt: skip

TITAN = rest(
    "imsi", "/subscribers",
    '{"msisdn": "{msisdn}", "imsi": "{imsi}", "uploadLimit": "{upload?}", "downloadLimit": "{download?}", "apnId": "{apn?}", '
    '"roamingProfileId": "{roaming?}", "barred": "{barred?}"}',
    unique=["msisdn"], known={"apn": ("1", "2"), "roaming": ("31", "32"), "barred": _BARRED},
)  # fmt: skip

_PROTEI = '{"imsi": "{imsi}", "msisdn": "{msisdn}", "ki": "{ki?}", "opc": "{opc?}", "status": "{status}", "profile": "{profile?}"}'

PROTEI_HLR: Mapping[str, Any] = {
    "key": "imsi",
    "unique": ["msisdn"],
    "known": {"status": ("0", "1"), "profile": ("GOLD", "SILVER")},
    "replies": {
        "done": {"body": '{"status": "OK"}'},
        **{word: {"status": 200, "body": '{"status": "' + word.upper() + '", "text": "{error}"}'} for word in ("refused", "missing", "exists")},
    },
    "operations": {
        "add": {"effect": "create", "method": "POST", "path": "/AddSubscriber", "body": _PROTEI},
        "change": {"effect": "update", "method": "POST", "path": "/ChangeSubscriber", "body": _PROTEI},
        "status": {"effect": "update", "method": "POST", "path": "/ChangeStatus", "body": '{"imsi": "{imsi}", "status": "{status}"}'},
        "delete": {"effect": "delete", "method": "POST", "path": "/DeleteSubscriber", "body": '{"imsi": "{imsi}"}'},
    },
}

PROTEI_PCRF = rest(
    "msisdn", "/subscribers",
    "<subscriber><msisdn>{msisdn}</msisdn><imsi>{imsi}</imsi><expires>{expires?}</expires><blocked>{barred?}</blocked></subscriber>",
    "xml", unique=["imsi"], known={"barred": _BARRED, "item": ("GOLD", "SILVER", "TURBO", "NIGHT")},
    members=("policies", "<policy><name>{item}</name><precedence>{position}</precedence></policy>"),
)  # fmt: skip


def _spr(effect: str, body: str, **more: Any) -> dict[str, Any]:
    return {"effect": effect, "method": "POST", "path": "/spr", "kind": "xml", "body": body, **more}


SPR: Mapping[str, Any] = {
    "key": "msisdn",
    "unique": ["imsi"],
    "known": {"state": ("active", "suspended"), "item": ("1001", "1002", "1003")},
    "replies": {
        "done": {"kind": "xml", "body": "<result><resultCode>0</resultCode></result>"},
        **{
            word: {"status": 200, "kind": "xml", "body": f"<result><resultCode>{code}</resultCode><text>{{error}}</text></result>"}
            for word, code in (("refused", "3003"), ("missing", "3001"), ("exists", "3002"), ("busy", "3009"))
        },
    },
    "operations": {
        "set": _spr("upsert", "<setSubscriber><msisdn>{msisdn}</msisdn><imsi>{imsi}</imsi><start>{start?}</start><end>{end?}</end></setSubscriber>"),
        "add": _spr("add", "<addPackage><msisdn>{msisdn}</msisdn><pakid>{item}</pakid><precedence>{position}</precedence></addPackage>"),
        "drop": _spr("drop", "<delPackage><msisdn>{msisdn}</msisdn><pakid>{item}</pakid></delPackage>"),
        "state": _spr("update", "<setState><msisdn>{msisdn}</msisdn><state>{state}</state></setState>"),
        "delete": _spr("delete", "<delSubscriber><msisdn>{msisdn}</msisdn></delSubscriber>"),
    },
}

VENDORS = {
    "aricent": ARICENT, "kleos-hss": KLEOS_HSS, "kleos-pcrf": KLEOS_PCRF, "titan": TITAN, "protei-hlr": PROTEI_HLR, "protei-pcrf": PROTEI_PCRF, "spr": SPR,
}  # fmt: skip

if __name__ == "__main__":
    main(VENDORS)
