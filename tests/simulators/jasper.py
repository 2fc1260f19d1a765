"""
A Cisco Jasper Control Center: REST with JSON under /rws/api/v1, HTTP Basic with user and API key, and pushes to the operator's server.

    -> GET /rws/api/v1/devices/ICCID              <- 200 the device
    -> PUT /rws/api/v1/devices/ICCID {"status": "ACTIVATED", "ratePlan": "gold"}      <- 200 {"iccid": "..."}
    -> GET /rws/api/v1/devices/ICCID/ctdUsages    <- 200 what it used this month

One call at a time and five a second; what a breach is answered with is not public, 429 is our guess. Of the error codes only 10000001 is public.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Fault, Refused
from tests.simulators.run import run
from tests.simulators.web import Ask, HttpSimulator, Reply, as_json

BASE = "/rws/api/v1"
PER_SECOND, PAGE, FARTHEST = 5, 50, timedelta(days=180)
STATUSES = ("TEST_READY", "ACTIVATION_READY", "ACTIVATED", "DEACTIVATED", "RETIRED", "INVENTORY", "PURGED", "REPLACED")
TERMINAL = ("RETIRED", "PURGED", "REPLACED")
OVERRIDES = ("DEFAULT", "TEMPORARY_OVERRIDE", "PERMANENT_OVERRIDE")
CHANGEABLE = frozenset(
    "status ratePlan communicationPlan customer deviceID modemID effectiveDate overageLimitOverride ipv4Address ipv6Address".split()
    + [f"accountCustom{number}" for number in range(1, 11)]
    + [f"{who}Custom{number}" for who in ("operator", "customer") for number in range(1, 6)]
)
#: Our numbers for refusals that are not public; handlers should go by the status.
BAD_REQUEST, NOT_FOUND, TOO_MANY = "10009001", "10009002", "10009003"
_DATE = "%Y-%m-%d %H:%M:%S"


@dataclass
class Device:
    """A SIM: its data, and what it used in the month (octets, messages, seconds, sessions)."""

    iccid: str
    imsi: str
    msisdn: str
    data: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Push:
    """A notice to the operator's server. The signatures cover the time only, so that one may carry other data and still look right."""

    event_id: str
    event_type: str
    timestamp: str
    data: str

    def body(self, secret: str) -> bytes:
        """The form (application/x-www-form-urlencoded), signed."""
        words = {"eventId": self.event_id, "eventType": self.event_type, "timestamp": self.timestamp, "data": self.data}
        signatures = {"signature": self._sign(secret, "sha1"), "signature2": self._sign(secret, "sha256")}
        return urlencode({**words, **signatures}).encode()

    def _sign(self, secret: str, algorithm: str) -> str:
        return base64.b64encode(hmac.new(secret.encode(), self.timestamp.encode(), getattr(hashlib, algorithm)).digest()).decode()


class Jasper(HttpSimulator):
    """`devices` by ICCID come from the factory: `add` puts one there. `plans` are the rate plans of the account."""

    def __init__(self, clock: IReactorTime, user: str = "api-user", key: str = "made-up-key", plans: tuple[str, ...] = ("basic", "gold", "blocked")) -> None:
        super().__init__(clock)
        self.user, self.key, self.plans = user, key, set(plans)
        self.devices: dict[str, Device] = {}
        self.changes: dict[str, list[dict[str, Any]]] = {}
        self._recent: deque[float] = deque()
        self._pushes = 0

    def add(self, iccid: str, imsi: str, msisdn: str) -> Device:
        """A SIM from the factory, in the inventory."""
        device = Device(iccid, imsi, msisdn, {"status": "INVENTORY", "ratePlan": None, "communicationPlan": "default", "overageLimitOverride": "DEFAULT"})
        device.usage = {"ctdDataUsage": 0, "ctdSMSUsage": 0, "ctdVoiceUsage": 0, "ctdSessionCount": 0, "overageLimitReached": False}
        self.devices[iccid] = device
        return device

    def push(self, event_type: str, iccid: str, at: datetime, **values: object) -> Push:
        """A notice about a device; each has an id of its own."""
        self._pushes += 1
        inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in {"iccid": iccid, **values}.items())
        root = "".join(word.capitalize() for word in event_type.split("_"))
        data = f'<{root} xmlns="http://api.jasperwireless.com/ws/schema">{inner}</{root}>'
        return Push(f"SIM_{event_type}-{self._pushes:06}", event_type, at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"), data)

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        try:
            self._limit()
            self._authorize(ask)
            if not ask.path.startswith(BASE + "/"):
                raise Refused(NOT_FOUND, "404 no such resource")
            return as_json(self._do(ask, ask.path.removeprefix(BASE + "/").split("/")))
        except Refused as error:
            status, text = error.text.split(" ", 1)
            headers = (("WWW-Authenticate", 'Basic realm="Jasper"'),) if status == "401" else ()
            told = {"errorMessage": text, "errorCode": error.code} if error.code else {"errorMessage": text}
            return Reply(int(status), json.dumps(told, ensure_ascii=False).encode("latin-1", "replace"), "application/json;charset=ISO-8859-1", headers)

    def _limit(self) -> None:
        now = self.clock.seconds()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        self._recent.append(now)
        if self.active > 1 or len(self._recent) > PER_SECOND:
            raise Refused(TOO_MANY, "429 too many calls")

    def _authorize(self, ask: Ask) -> None:
        if "authorization" not in ask.headers:
            raise Refused("", "401 no credentials")
        if self.faults.strikes(Fault.WRONG_PASSWORD) or ask.basic() != (self.user, self.key):
            raise Refused("10000001", "401 invalid credentials")

    def _do(self, ask: Ask, parts: list[str]) -> object:
        if parts[0] == "echo" and len(parts) == 2 and ask.method == "GET":
            self.note("echo")
            return {"param": parts[1]}
        if parts[0] != "devices" or len(parts) > 3:
            raise Refused(NOT_FOUND, "404 no such resource")
        if len(parts) == 1:
            return self._search(ask)
        device = self.devices.get(parts[1])
        if device is None:
            raise Refused(NOT_FOUND, f"404 no device {parts[1]}")
        known = {("GET", ""): self._get, ("PUT", ""): self._put, ("GET", "ctdUsages"): self._usage}
        work = known.get((ask.method, parts[2] if len(parts) == 3 else ""))
        if work is None:
            raise Refused(NOT_FOUND, "404 no such resource")
        return work(ask, device)

    def _get(self, ask: Ask, device: Device) -> object:
        self.note("get", {"iccid": device.iccid})
        return _chosen(ask, {"iccid": device.iccid, "imsi": device.imsi, "msisdn": device.msisdn, **device.data})

    def _usage(self, ask: Ask, device: Device) -> object:
        self.note("usage", {"iccid": device.iccid})
        shown = {name: device.data[name] for name in ("status", "ratePlan", "communicationPlan", "overageLimitOverride")}
        return _chosen(ask, {"iccid": device.iccid, "imsi": device.imsi, "msisdn": device.msisdn, **shown, **device.usage})

    def _put(self, ask: Ask, device: Device) -> object:
        wanted = ask.json()
        if wanted is None or not ask.headers.get("content-type", "").startswith("application/json"):
            raise Refused(BAD_REQUEST, "400 the body is no JSON object")
        self.note("put", {"iccid": device.iccid, **{name: str(value) for name, value in wanted.items()}})
        self._check(device, wanted)
        later = wanted.pop("effectiveDate", None)
        if later is None:
            device.data.update(wanted)
        else:
            self.changes.setdefault(device.iccid, []).append({"effectiveDate": later, **wanted})
        return {"iccid": device.iccid}

    def _check(self, device: Device, wanted: Mapping[str, Any]) -> None:
        if not wanted or not set(wanted) <= CHANGEABLE or not all(isinstance(value, str) for value in wanted.values()):
            raise Refused(BAD_REQUEST, "400 nothing to change, or a field that can't be changed")
        if device.data["status"] in TERMINAL:
            raise Refused(BAD_REQUEST, f"400 the device is {device.data['status']}")
        for name, allowed in (("status", STATUSES), ("ratePlan", tuple(self.plans)), ("overageLimitOverride", OVERRIDES)):
            if name in wanted and wanted[name] not in allowed:
                raise Refused(BAD_REQUEST, f"400 invalid {name}")
        if "effectiveDate" in wanted:
            now = datetime.fromtimestamp(self.clock.seconds(), UTC)
            if not now <= _date(wanted["effectiveDate"]) <= now + FARTHEST:
                raise Refused(BAD_REQUEST, "400 effectiveDate is in the past or too far away")

    def _search(self, ask: Ask) -> object:
        if ask.method != "GET":
            raise Refused(NOT_FOUND, "404 no such resource")
        self.note("search", {name: values[-1] for name, values in ask.query.items()})
        size, page = _number(ask, "pageSize", PAGE), _number(ask, "pageNumber", 1)
        if not 1 <= size <= PAGE or page < 1 or "modifiedSince" not in ask.query:
            raise Refused(BAD_REQUEST, "400 pageSize, pageNumber or modifiedSince is wrong")
        status = ask.query.get("status", [""])[-1]
        found = [one for one in self.devices.values() if status in ("", one.data["status"])]
        shown = found[(page - 1) * size : page * size]
        listed = [{"iccid": one.iccid, "status": one.data["status"], "ratePlan": one.data["ratePlan"]} for one in shown]
        return {"pageNumber": page, "devices": listed, "lastPage": page * size >= len(found)}


def _chosen(ask: Ask, values: dict[str, Any]) -> dict[str, Any]:
    """Only what `fields` names, when it is there."""
    if "fields" not in ask.query:
        return values
    names = ask.query["fields"][-1].split(",")
    return {name: value for name, value in values.items() if name in names}


def _number(ask: Ask, name: str, default: int) -> int:
    text = ask.query.get(name, [str(default)])[-1]
    return int(text) if re.fullmatch(r"\d{1,6}", text) else 0


def _date(text: str) -> datetime:
    """A date as Jasper writes it, or ISO 8601; without a zone it is UTC."""
    for form in (_DATE + ".%f%z", _DATE, "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"):
        try:
            when = datetime.strptime(text, form)
        except ValueError:
            continue
        return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    raise Refused(BAD_REQUEST, "400 effectiveDate is no date")


def _with_devices(clock: IReactorTime) -> Jasper:
    jasper = Jasper(clock)
    for number in range(1, 4):
        jasper.add(f"8900100000000000{number:03}", f"00101000000000{number}", f"44770090012{number}")
    return jasper


if __name__ == "__main__":
    run(_with_devices, "A Jasper Control Center (user api-user, key made-up-key; devices 8900100000000000001 to ...003).")
