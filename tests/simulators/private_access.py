"""
Vendors with private interfaces around access, numbers, applications and television: NetNumber, Bridgewater, NBBS, Lima, AudioCodes, ReadyWireless, and the TV
platforms Minerva, MatrixStream, Telebreeze and SeaChange.

As in `private_mobile`: the wire is the proposal of the handlers' pages, the laws are of the public facts. A device of NBBS is of the inventory, so one that is
unbound from its subscriber stays; ReadyWireless and the CMMS of AudioCodes need what they know a device by; packages of television are defined there first.

    python -m tests.simulators.private_access minerva --port 8085
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators.private import main, rest

NETNUMBER: Mapping[str, Any] = {
    "key": "number",
    "operations": {
        "put": {"effect": "upsert", "method": "PUT", "path": "/numbers/{number}", "body": '{"number": "{number}"}'},
        "delete": {"effect": "delete", "method": "DELETE", "path": "/numbers/{number}"},
    },
}

BRIDGEWATER = rest(
    "user", "/users",
    "<user><name>{user}</name><profile>{profile}</profile><organization>{organization?}</organization><fullName>{person?}</fullName>"
    "<phone>{phone?}</phone><class>{class?}</class><mac>{mac?}</mac><status>{status}</status></user>",
    "xml", known={"profile": ("gold", "silver"), "status": ("active", "blocked")},
)  # fmt: skip

NBBS = rest(
    "mac", "/devices",
    '{"mac": "{mac}", "serial": "{serial?}", "model": "{model}", "profile": "{profile?}", "subscriber": "{subscriber?}", "enabled": "{enabled}"}',
    unique=["serial"], known={"enabled": ("true", "false")},
    more={
        "delete": {"effect": "update", "method": "DELETE", "path": "/devices/{mac}/subscriber", "sets": {"subscriber": ""}},
        "profile": {"effect": "upsert", "method": "POST", "path": "/profiles", "body": '{"profile": "{mac}"}'},
    },
)  # fmt: skip

LIMA = rest("number", "/subjects", '{"number": "{number}", "name": "{name}", "followMe": "{follow?}"}')

AUDIOCODES = rest(
    "user", "/users",
    '{"user": "{user}", "password": "{password?}", "imei": "{imei?}", "language": "{language?}", "imsi": "{imsi?}", "profileName": "{profile?}", '
    '"domain": "{domain?}", "blocked": "{blocked}", "messaging": "{wish}"}',
    unique=["imei"], known={"blocked": ("true", "false"), "wish": ("on", "off")},
    more={
        "suspend": {"effect": "update", "method": "POST", "path": "/users/{user}/suspendMessaging", "body": "{}", "sets": {"messaging": "off"}},
        "resume": {"effect": "update", "method": "POST", "path": "/users/{user}/resumeMessaging", "body": "{}", "sets": {"messaging": "on"}},
    },
)  # fmt: skip

_DEVICE = '{"phone": "{phone}", "imei": "{imei}", "service": "{service}"}'


def _device(word: str, **sets: str) -> dict[str, Any]:
    return {"effect": "upsert", "method": "POST", "path": f"/devices/{word}", "body": _DEVICE, "sets": sets}


READYWIRELESS: Mapping[str, Any] = {
    "key": "phone",
    "known": {"service": ("all", "data", "msg")},
    "operations": {
        "activate": _device("activate", state="active"), "deactivate": _device("deactivate", state="inactive"),
        "restrict": _device("restrict", state="restricted"), "restore": _device("restore", state="active"),
    },
}  # fmt: skip

_CHANNELS = ("sports", "kids", "HD")
XML_TV = rest(
    "login", "/subscribers",
    "<subscriber><id>{login}</id><name>{person}</name><phone>{phone?}</phone><device>{device?}</device><status>{status}</status></subscriber>",
    "xml", known={"status": ("0", "1"), "item": _CHANNELS}, members=("packages", "<package><id>{item}</id></package>"),
)  # fmt: skip

JSON_TV = rest(
    "login", "/accounts",
    '{"account": "{login}", "name": "{person}", "phone": "{phone?}", "device": "{device?}", "password": "{password?}", "status": "{status}"}',
    known={"status": ("0", "1"), "item": _CHANNELS}, members=("packages", "{}"),
)  # fmt: skip

VENDORS = {
    "netnumber": NETNUMBER, "bridgewater": BRIDGEWATER, "nbbs": NBBS, "lima": LIMA, "audiocodes": AUDIOCODES, "readywireless": READYWIRELESS,
    "minerva": XML_TV, "matrixstream": XML_TV, "telebreeze": JSON_TV, "seachange": JSON_TV,
}  # fmt: skip

if __name__ == "__main__":
    main(VENDORS)
