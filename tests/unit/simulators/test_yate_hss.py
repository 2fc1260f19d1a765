"""The simulated YateHSS against documented requests, good and bad, by octets."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.yate_hss import Shape, YateHss
from tests.unit.simulators.octets import Answer, ask

IMSI, OTHER = "001010000000014", "001010000000015"
KEY = "00112233445566778899aabbccddeeff"


def sim(imsi: str, **more: Any) -> dict[str, Any]:
    """A SIM of a range."""
    return {"imsi": imsi, "iccid": imsi, "ki": KEY, "op": KEY, "imsi_aux": None, **more}


class _Case(SynchronousTestCase):
    shape = Shape.CURRENT

    def setUp(self) -> None:
        self.hss = YateHss(Clock(), shape=self.shape)

    def post(self, body: object, *headers: str) -> Answer:
        """A body."""
        return ask(self.hss, "POST", "/api.php", json.dumps(body).encode(), "Content-Type: application/json", *headers)

    def call(self, name: str, **params: Any) -> dict[str, Any]:
        """A request, always with status 200; the answer."""
        answer = self.post({"request": name, "node": "hss", "params": params})
        self.assertEqual(answer.status, 200)
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def code(self, name: str, **params: Any) -> int:
        """Its code."""
        return int(self.call(name, **params)["code"])


class CurrentTests(_Case):
    """Today's shape."""

    def load(self, imsi: str) -> None:
        """A SIM that is there."""
        self.assertEqual(self.code("set_sim_range", sims=[sim(imsi)], use_opc=True), 0)

    def test_load(self) -> None:
        """A range, with ids when asked for; loaded again it keeps them."""
        self.assertEqual(self.call("set_sim_range", sims=[sim(IMSI)]), {"code": 0, "sim_range": {"count": 1}})
        told = self.call("set_sim_range", sims=[sim(IMSI), sim(OTHER)], return_ids=True)
        self.assertEqual(told, {"code": 0, "sim_range": {"count": 2, "sim_ids": {IMSI: 1, OTHER: 2}}})

    def test_load_wrong(self) -> None:
        """All or none."""
        for sims in ([], [sim(IMSI), sim("x")], [sim(IMSI, ki="12")], [sim(IMSI, elephant=1)], "x", [1]):
            self.assertEqual(self.code("set_sim_range", sims=sims), 400, sims)
        self.assertEqual(self.hss.sims, {})

    def test_swap(self) -> None:
        """New SIM, subscriber to it, old SIM away: in that order only."""
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", msisdn="447700900123", imsi=IMSI), 404)
        self.load(IMSI)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", msisdn="447700900123"), 400)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", msisdn="447700900123", imsi=IMSI), 0)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", imsi=OTHER), 404)
        self.assertEqual(self.code("del_sim", imsi=IMSI), 410)
        self.load(OTHER)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", sim_id=2), 0)
        self.assertEqual(self.code("del_sim", imsi=IMSI), 0)
        self.assertEqual(self.code("del_sim", imsi=IMSI), 404)
        self.assertEqual(self.call("get_subscriber", msisdn="447700900123")["subscriber"]["imsi"], OTHER)

    def test_one_owner(self) -> None:
        """A SIM and a number are one subscriber's."""
        for imsi in (IMSI, OTHER):
            self.load(imsi)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", msisdn="447700900123", imsi=IMSI), 0)
        self.assertEqual(self.code("set_subscriber", subscriber_id="2", msisdn="447700900124", imsi=IMSI), 409)
        self.assertEqual(self.code("set_subscriber", subscriber_id="2", msisdn="447700900123", imsi=OTHER), 409)
        self.assertEqual(self.code("del_subscriber", subscriber_id="1"), 0)
        self.assertEqual(self.code("del_subscriber", subscriber_id="1"), 404)
        self.assertEqual(self.code("set_subscriber", subscriber_id="2", msisdn="447700900123", imsi=IMSI), 0)

    def test_state(self) -> None:
        """Suspended and back."""
        self.load(IMSI)
        self.code("set_subscriber", subscriber_id="1", msisdn="447700900123", imsi=IMSI)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", active=0), 0)
        self.assertEqual(self.call("get_subscriber", imsi=IMSI)["subscriber"]["active"], 0)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", active="yes"), 400)
        self.assertEqual(self.code("query_ps_reg", msisdn="447700900123", query=True), 0)
        self.assertEqual(self.code("query_cs_reg", msisdn="1"), 404)

    def test_wrong(self) -> None:
        """What is no request; 200 is an error."""
        self.assertEqual(self.call("elephant"), {"code": 200, "message": "Unknown request elephant"})
        self.assertEqual(json.loads(self.post({"request": "query_stats", "node": "ucn"}).body)["code"], 200)
        self.assertEqual(json.loads(self.post([1]).body)["code"], 400)
        self.assertEqual(json.loads(ask(self.hss, "POST", "/api.php", b'{"request": "query_stats"}').body)["code"], 400)
        self.assertEqual(ask(self.hss, "GET", "/api.php").status, 405)
        self.assertEqual(ask(self.hss, "POST", "/").status, 404)
        self.assertEqual(self.call("get_node_type")["node_type"][0]["type"], "hss")

    def test_secret(self) -> None:
        """Where a secret is configured."""
        self.hss = YateHss(Clock(), secret="made-up")
        self.assertEqual(self.post({"request": "query_stats"}).status, 401)
        self.assertEqual(self.post({"request": "query_stats"}, "X-Authentication: made-up").status, 200)

    def test_faults(self) -> None:
        """The switches."""
        self.hss.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.code("query_stats"), 503)
        self.hss.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.post({"request": "query_stats"}).status, 401)
        self.hss.faults.lose_every = 1
        self.assertEqual(self.post({"request": "set_sim_range", "params": {"sims": [sim(IMSI)]}}).status, 0)
        self.assertIn(IMSI, self.hss.sims)
        self.assertEqual(self.hss.operations, ["set_sim_range"])


class OldTests(_Case):
    """The shape of 2015."""

    shape = Shape.OLD

    def test_subscriber(self) -> None:
        """The keys come with the subscriber."""
        identity = {"imsi": IMSI, "ki": KEY, "opc": KEY, "sim_type": "3G"}
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", active=1, msisdn="447700900123"), 400)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", active=1, msisdn="447700900123", identities=[identity]), 0)
        self.assertEqual(self.code("set_subscriber", subscriber_id="2", identities=[identity]), 409)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", active=0), 0)
        self.assertEqual(self.hss.subscribers["1"]["active"], 0)
        self.assertEqual(self.code("set_subscriber", subscriber_id="1", identities=[{"imsi": OTHER, "elephant": 1}]), 400)
        self.assertEqual(self.code("set_sim_range", sims=[sim(IMSI)]), 200)

    def test_pdn(self) -> None:
        """A packet data network."""
        self.assertEqual(self.code("set_pdn", pdn_id="1", pdn_apn_ni="internet", pdn_ambr_downlink="20000000"), 0)
        self.assertEqual(self.code("set_pdn", pdn_apn_ni="internet"), 400)
        self.assertEqual(self.hss.pdns["1"]["pdn_apn_ni"], "internet")
