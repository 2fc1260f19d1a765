"""The laws of vendors with private interfaces, by octets: what is unique, what is known, members, and the ids of ECConnect."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.ecconnect import ECConnect
from tests.simulators.private import PASSWORD, USER, vendor
from tests.simulators.private_access import NBBS, READYWIRELESS, XML_TV
from tests.simulators.private_access import VENDORS as ACCESS
from tests.simulators.private_mobile import KLEOS_HSS, PROTEI_HLR, SPR
from tests.simulators.private_mobile import VENDORS as MOBILE
from tests.simulators.web import HttpSimulator
from tests.unit.simulators.octets import Answer, ask

BASIC = "Authorization: Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def send(simulator: HttpSimulator, method: str, path: str, body: Any = None, head: str = BASIC) -> Answer:
    """A request with JSON, or text as it is."""
    content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/xml" if isinstance(body, str) else "application/json"
    return ask(simulator, method, path, content, head, f"Content-Type: {kind}")


class LawsTests(SynchronousTestCase):
    """What a description's system refuses."""

    def kleos(self, method: str, path: str, **more: str) -> Answer:
        """A subscriber sent to the HSS."""
        fields = {"msisdn": "1", "imsi": "001", "iccid": "89", "ki": "", "opc": "", "status": "active", **more}
        return send(self.vendor, method, path, fields)

    def test_unique_and_known(self) -> None:
        """A number is one subscriber's; a status is one of two; path and body mean the same one; a log-in is needed."""
        self.vendor = vendor(Clock(), KLEOS_HSS)
        path = "/hss/subscribers"
        self.assertEqual(self.kleos("POST", path).status, 201)
        self.assertEqual(self.kleos("POST", path).status, 409)
        self.assertEqual(self.kleos("POST", path, imsi="002", iccid="90").status, 409)
        self.assertEqual(self.kleos("POST", path, imsi="002", msisdn="2", iccid="90", status="odd").status, 400)
        self.assertEqual(self.kleos("POST", path, imsi="002", msisdn="2", iccid="90").status, 201)
        self.assertEqual(self.kleos("PUT", f"{path}/002", imsi="002", msisdn="1", iccid="90").status, 409)
        self.assertEqual(self.kleos("PUT", f"{path}/002", imsi="001").status, 400)
        self.assertEqual(self.kleos("PUT", f"{path}/003", imsi="003", msisdn="3", iccid="91").status, 404)
        self.assertEqual(send(self.vendor, "DELETE", f"{path}/001", head="X: y").status, 401)
        self.assertEqual([send(self.vendor, "DELETE", f"{path}/001").status for _ in range(2)], [200, 404])
        self.assertEqual(self.kleos("PUT", f"{path}/002", imsi="002", msisdn="1", iccid="89").status, 200)

    def test_members(self) -> None:
        """Packages that are known come and go; they are their record's, and end with it."""
        tv = vendor(Clock(), XML_TV)
        viewer = "<subscriber><id>7</id><name>Ann</name><phone></phone><device></device><status>1</status></subscriber>"
        package, body = "/subscribers/7/packages/", "<package><id>sports</id></package>"
        self.assertEqual(send(tv, "PUT", package + "sports", body).status, 404)
        self.assertEqual(send(tv, "POST", "/subscribers", viewer).status, 201)
        self.assertEqual([send(tv, "PUT", package + "sports", body).status for _ in range(2)], [200, 200])
        self.assertEqual(send(tv, "PUT", package + "odd", "<package><id>odd</id></package>").status, 400)
        self.assertEqual(set(tv.members["7"]), {"sports"})
        self.assertEqual([send(tv, "DELETE", package + "sports").status for _ in range(2)], [200, 404])
        self.assertEqual(send(tv, "PUT", package + "kids", "<package><id>kids</id></package>").status, 200)
        self.assertEqual(send(tv, "DELETE", "/subscribers/7").status, 200)
        self.assertEqual(tv.members, {})

    def test_spr(self) -> None:
        """All on one path, what went wrong in the body of a 200."""
        spr = vendor(Clock(), SPR)
        answers = [
            send(spr, "POST", "/spr", body).body
            for body in (
                "<setState><msisdn>1</msisdn><state>active</state></setState>",
                "<setSubscriber><msisdn>1</msisdn><imsi>001</imsi><start></start><end></end></setSubscriber>",
                "<addPackage><msisdn>1</msisdn><pakid>1001</pakid><precedence>1</precedence></addPackage>",
                "<addPackage><msisdn>1</msisdn><pakid>9</pakid><precedence>1</precedence></addPackage>",
                "<setSubscriber><msisdn>2</msisdn><imsi>001</imsi><start></start><end></end></setSubscriber>",
                "<odd/>",
            )
        ]
        self.assertEqual([answer.partition("<resultCode>")[2].partition("<")[0] for answer in answers], ["3001", "0", "0", "3003", "3002", "3003"])

    def test_protei(self) -> None:
        """The same in JSON; a state is a number."""
        protei = vendor(Clock(), PROTEI_HLR)
        line = {"imsi": "001", "msisdn": "1", "ki": "", "opc": "", "status": 0, "profile": ""}
        asked = (("/AddSubscriber", line), ("/AddSubscriber", line), ("/ChangeStatus", {"imsi": "001", "status": 1}),
                 ("/ChangeStatus", {"imsi": "001", "status": 7}), ("/DeleteSubscriber", {"imsi": "002"}))  # fmt: skip
        answers = [send(protei, "POST", path, body) for path, body in asked]
        told = [(one.status, json.loads(one.body)["status"]) for one in answers]
        self.assertEqual(told, [(200, word) for word in ("OK", "EXISTS", "OK", "REFUSED", "MISSING")])
        self.assertEqual(protei.records["001"]["status"], "1")

    def test_nbbs(self) -> None:
        """A device that is unbound stays in the inventory."""
        nbbs = vendor(Clock(), NBBS)
        device = {"mac": "00", "serial": "S", "model": "M", "profile": "", "subscriber": "7", "enabled": "true"}
        self.assertEqual([send(nbbs, "POST", "/devices", device).status for _ in range(2)], [201, 409])
        self.assertEqual(send(nbbs, "DELETE", "/devices/00/subscriber").status, 200)
        self.assertEqual((nbbs.records["00"]["subscriber"], nbbs.records["00"]["model"]), ("", "M"))

    def test_readywireless(self) -> None:
        """A device without IMEI is refused."""
        ready = vendor(Clock(), READYWIRELESS)
        device = {"phone": "1", "imei": "4901", "service": "all"}
        self.assertEqual([send(ready, "POST", f"/devices/{word}", device).status for word in ("activate", "restrict", "odd")], [200, 200, 404])
        self.assertEqual(ready.records["1"]["state"], "restricted")
        self.assertEqual(send(ready, "POST", "/devices/activate", {**device, "imei": ""}).status, 400)

    def test_all_can_be_described(self) -> None:
        """Each vendor of the command line is one."""
        for name, description in {**MOBILE, **ACCESS}.items():
            self.assertTrue(vendor(Clock(), description).description.operations, name)


class PortalTests(SynchronousTestCase):
    """ECConnect."""

    def setUp(self) -> None:
        self.portal = ECConnect(Clock())

    def phone(self, method: str, path: str, **more: str) -> tuple[int, Any]:
        """A phone sent; status and answer."""
        fields = {"clientid": "", "phoneid": "", "msisdn": "1", "iccid": "89", "ratePlan": "gold", "status": "active", "dataBar": "off", **more}
        answer = send(self.portal, method, path, fields)
        return answer.status, json.loads(answer.body)

    def test_ids(self) -> None:
        """An activation gives ids, of the client only once; the same number again tells those that it has."""
        self.assertEqual(self.phone("POST", "/phones"), (201, {"clientid": "C1", "phoneid": "P1"}))
        status, told = self.phone("POST", "/phones", iccid="90")
        self.assertEqual((status, told["clientid"], told["phoneid"]), (409, "C1", "P1"))
        self.assertEqual(self.phone("POST", "/phones", msisdn="2", iccid="90", clientid="C1"), (201, {"clientid": "C1", "phoneid": "P2"}))
        self.assertEqual(self.phone("POST", "/phones", msisdn="3", iccid="91", clientid="C9")[0], 400)
        ids = {"clientid": "C1", "phoneid": "P1"}
        self.assertEqual(self.phone("PUT", "/phones/P1", **ids, msisdn="4"), (200, ids))
        self.assertEqual(self.phone("PUT", "/phones/P1", **ids, msisdn="2")[0], 409)
        self.assertEqual(self.phone("PUT", "/phones/P1", clientid="C1")[0], 400)
        self.assertEqual(self.phone("PUT", "/phones/P1", **ids, ratePlan="odd")[0], 400)
        self.assertEqual(self.phone("PUT", "/phones/P1", **ids, status="odd")[0], 400)
        self.assertEqual([send(self.portal, "DELETE", "/phones/P1").status for _ in range(2)], [200, 404])
        self.assertEqual((send(self.portal, "GET", "/phones").status, send(self.portal, "POST", "/phones", "{}").status), (404, 400))
        self.assertEqual(set(self.portal.phones), {"P2"})
