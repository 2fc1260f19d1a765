"""The simulated Jasper Control Center against documented requests, good and bad, by octets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.jasper import PER_SECOND, Jasper
from tests.unit.simulators.octets import Answer, Wire, answer_of, ask, request

ICCID = "8900100000000000001"
DEVICE = f"/rws/api/v1/devices/{ICCID}"


def basic(key: str = "made-up-key") -> str:
    """The header line."""
    return "Authorization: Basic " + base64.b64encode(f"api-user:{key}".encode()).decode()


class JasperTests(SynchronousTestCase):
    """The REST interface."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_795_910_400)  # 2026-11-29
        self.jasper = Jasper(self.clock)
        self.device = self.jasper.add(ICCID, "001010000000001", "447700900121")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """A call, a second after the last one."""
        self.clock.advance(1)
        octets = b"" if body is None else json.dumps(body).encode()
        return ask(self.jasper, method, path, octets, basic(), "Content-Type: application/json")

    def put(self, **values: Any) -> int:
        """The status of a change."""
        return self.call("PUT", DEVICE, values).status

    def test_put(self) -> None:
        """Status and plan in one call, as often as one likes."""
        for _ in range(2):
            answer = self.call("PUT", DEVICE, {"status": "ACTIVATED", "ratePlan": "gold"})
            self.assertEqual((answer.status, json.loads(answer.body)), (200, {"iccid": ICCID}))
        shown = json.loads(self.call("GET", DEVICE).body)
        self.assertEqual((shown["status"], shown["ratePlan"], shown["imsi"]), ("ACTIVATED", "gold", "001010000000001"))
        self.assertEqual(json.loads(self.call("GET", DEVICE + "?fields=iccid,status").body), {"iccid": ICCID, "status": "ACTIVATED"})

    def test_refused(self) -> None:
        """Values, fields and bodies that are not right."""
        for values in ({"status": "ON"}, {"ratePlan": "elephant"}, {"elephant": "1"}, {}, {"status": 1}, {"effectiveDate": "soon", "status": "ACTIVATED"}):
            self.assertEqual(self.put(**values), 400, values)
        self.assertEqual(ask(self.jasper, "PUT", DEVICE, b"{", basic(), "Content-Type: application/json").status, 400)
        self.assertEqual(self.device.data["status"], "INVENTORY")
        answer = self.call("GET", "/rws/api/v1/devices/0")
        self.assertEqual(answer.status, 404)
        self.assertIsInstance(json.loads(answer.body)["errorCode"], str)
        self.assertEqual(self.call("DELETE", DEVICE).status, 404)
        self.assertEqual(self.call("GET", "/elsewhere").status, 404)

    def test_terminal(self) -> None:
        """What is retired stays so."""
        self.assertEqual(self.put(status="RETIRED"), 200)
        self.assertEqual(self.put(status="ACTIVATED"), 400)

    def test_later(self) -> None:
        """A change at a date is at most 180 days away and does not count yet."""
        self.assertEqual(self.put(status="ACTIVATED", effectiveDate="2026-12-24 00:00:00.000+0000"), 200)
        self.assertEqual(self.put(status="ACTIVATED", effectiveDate="2027-11-29T00:00:00Z"), 400)
        self.assertEqual(self.put(status="ACTIVATED", effectiveDate="2026-11-01"), 400)
        self.assertEqual(self.device.data["status"], "INVENTORY")
        self.assertEqual(len(self.jasper.changes[ICCID]), 1)

    def test_credentials(self) -> None:
        """Wrong ones have a code, none have none; both have the challenge."""
        wrong = ask(self.jasper, "GET", DEVICE, b"", basic("wrong"))
        self.assertEqual((wrong.status, json.loads(wrong.body)["errorCode"]), (401, "10000001"))
        none = ask(self.jasper, "GET", DEVICE)
        self.assertEqual((none.status, "errorCode" in json.loads(none.body)), (401, False))
        for answer in (wrong, none):
            self.assertIn('www-authenticate: basic realm="jasper"\r\n', answer.head.lower())
        for bad in ("Basic ???", "Bearer x", "Basic " + base64.b64encode(b"nobody").decode()):
            self.assertEqual(ask(self.jasper, "GET", DEVICE, b"", f"Authorization: {bad}").status, 401)

    def test_per_second(self) -> None:
        """Five calls a second."""
        answers = [ask(self.jasper, "GET", DEVICE, b"", basic()).status for _ in range(PER_SECOND + 1)]
        self.assertEqual(answers, [200] * PER_SECOND + [429])
        self.clock.advance(1)
        self.assertEqual(ask(self.jasper, "GET", DEVICE, b"", basic()).status, 200)

    def test_at_once(self) -> None:
        """One call at a time: a second one that comes while the first is worked on is refused."""
        self.jasper.takes = 2
        first, second = Wire(self.jasper), Wire(self.jasper)
        self.assertEqual(first.send(request("GET", DEVICE, b"", basic())), b"")
        second.send(request("GET", DEVICE, b"", basic()))
        self.clock.advance(2)
        self.assertEqual([answer_of(wire.octets).status for wire in (first, second)], [200, 429])
        third = Wire(self.jasper)
        third.send(request("GET", DEVICE, b"", basic()))
        third.close()
        self.clock.advance(2)
        self.assertEqual(self.jasper.active, 0)

    def test_usage(self) -> None:
        """What a SIM used in the month."""
        self.device.usage.update(ctdDataUsage=1048576, overageLimitReached=True)
        told = json.loads(self.call("GET", DEVICE + "/ctdUsages").body)
        self.assertEqual((told["ctdDataUsage"], told["overageLimitReached"], told["overageLimitOverride"]), (1048576, True, "DEFAULT"))

    def test_search(self) -> None:
        """Pages of at most 50."""
        for number in range(2, 53):
            self.jasper.add(f"89001000000000{number:05}", "", "")
        told = json.loads(self.call("GET", "/rws/api/v1/devices?modifiedSince=2016-04-18T17%3A31%3A34%2B00%3A00&pageNumber=2").body)
        self.assertEqual((len(told["devices"]), told["pageNumber"], told["lastPage"]), (2, 2, True))
        self.assertEqual(self.call("GET", "/rws/api/v1/devices?modifiedSince=x&pageSize=51").status, 400)
        self.assertEqual(json.loads(self.call("GET", "/rws/api/v1/echo/hello").body), {"param": "hello"})

    def test_faults(self) -> None:
        """The switches."""
        self.jasper.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.put(status="ACTIVATED"), 503)
        self.jasper.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.put(status="ACTIVATED"), 401)
        self.assertEqual(self.device.data["status"], "INVENTORY")
        self.jasper.faults.lose_every = 1
        self.assertEqual(self.put(status="ACTIVATED"), 0)
        self.assertEqual(self.device.data["status"], "ACTIVATED")
        self.assertEqual(self.jasper.asked[-1].fields, {"iccid": ICCID, "status": "ACTIVATED"})


class PushTests(SynchronousTestCase):
    """Notices to the operator."""

    def test_form(self) -> None:
        """The signature is over the time alone, base64 of HMAC-SHA256."""
        jasper = Jasper(Clock())
        push = jasper.push("CTD_USAGE", ICCID, datetime(2026, 11, 29, tzinfo=UTC), dataUsage=1048576)
        form = {name: values[0] for name, values in parse_qs(push.body("secret").decode()).items()}
        digest = hmac.new(b"secret", b"2026-11-29T00:00:00.000Z", hashlib.sha256).digest()
        self.assertEqual(form["signature2"], base64.b64encode(digest).decode())
        self.assertEqual(set(form), {"eventId", "eventType", "timestamp", "data", "signature", "signature2"})
        self.assertEqual(
            form["data"], f'<CtdUsage xmlns="http://api.jasperwireless.com/ws/schema"><iccid>{ICCID}</iccid><dataUsage>1048576</dataUsage></CtdUsage>'
        )
        other = jasper.push("CTD_USAGE", ICCID, datetime(2026, 11, 29, tzinfo=UTC), dataUsage=1)
        self.assertNotEqual(other.event_id, push.event_id)
        self.assertEqual(parse_qs(other.body("secret").decode())["signature2"], [form["signature2"]])
