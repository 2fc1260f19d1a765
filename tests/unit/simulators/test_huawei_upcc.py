"""The simulated Huawei UPCC against documented requests, good and bad, by octets."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.huawei_session import IDLE
from tests.simulators.huawei_upcc import HuaweiUpcc
from tests.unit.simulators.octets import Answer, ask, soap

WHO = {"usrIdentifier": "447700900123"}


def attributes(name: str, values: dict[str, str]) -> str:
    """A list of keys and values."""
    inner = "".join(f"<attribute><key>{key}</key><value>{value}</value></attribute>" for key, value in values.items())
    return f"<{name}>{inner}</{name}>"


def call(operation: str, subscriber: dict[str, str] | None = None, header: str = "", **lists: dict[str, str]) -> bytes:
    """A request as its octets."""
    inner = attributes("subscriber", WHO if subscriber is None else subscriber) + "".join(attributes(name, values) for name, values in lists.items())
    return _envelope(f'<rm:{operation} xmlns:rm="rm:soap"><inPara>{inner}</inPara></rm:{operation}>', header)


def _envelope(body: str, header: str = "") -> bytes:
    head = f"<soapenv:Header>{header}</soapenv:Header>" if header else ""
    return f'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">{head}<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'.encode()


def code_of(answer: Answer) -> str:
    """The resultCode of an answer."""
    found = re.search("<resultCode>([0-9]+)</resultCode>", answer.body)
    return found.group(1) if found else ""


class UpccTests(SynchronousTestCase):
    """Subscribers, services, quotas, sessions."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.upcc = HuaweiUpcc(self.clock)
        found = re.search(r"\r\nLocation: http://localhost(/[0-9a-f]{32})\r\n", self.login().head)
        assert found is not None
        self.path = found.group(1)

    def login(self, password: str = "made-up") -> Answer:
        """A log-in."""
        inner = attributes("Login", {"OPNAME": "provision", "PWD": password})
        return soap(self.upcc, "/", _envelope(f'<rm:LGI xmlns:rm="rm:soap"><inPara>{inner}</inPara></rm:LGI>'))

    def post(self, operation: str, subscriber: dict[str, str] | None = None, **lists: dict[str, str]) -> Answer:
        """A request in the session."""
        answer = soap(self.upcc, self.path, call(operation, subscriber, "", **lists))
        self.assertEqual(answer.status, 200)
        return answer

    def code(self, operation: str, subscriber: dict[str, str] | None = None, **lists: dict[str, str]) -> str:
        """The code that it gets."""
        return code_of(self.post(operation, subscriber, **lists))

    def service(self, name: str, **more: str) -> dict[str, dict[str, str]]:
        """A list about one service."""
        return {"subscribedService": {"srvName": name, **more}}

    def test_login(self) -> None:
        """307 with a URL, or 1018."""
        self.assertEqual((self.login().status, code_of(self.login())), (307, "0"))
        self.assertEqual((self.login("wrong").status, code_of(self.login("wrong"))), (200, "1018"))

    def test_session(self) -> None:
        """Empty requests keep it; afterwards there is 5004."""
        for _ in range(3):
            self.clock.advance(IDLE)
            self.assertEqual(ask(self.upcc, "POST", self.path).status, 200)
        self.clock.advance(IDLE + 1)
        self.assertEqual(ask(self.upcc, "POST", self.path).status, 404)
        self.assertEqual(self.code("getSubscriber"), "5004")

    def test_subscriber(self) -> None:
        """Once in, once out; changes only between."""
        self.assertEqual(self.code("updateSubscriber"), "12302")
        self.assertEqual(self.code("delSubscriber"), "12302")
        new = {**WHO, "usrMSISDN": "447700900123", "usrIMSI": "001010000000001", "usrState": "1", "usrPaidType": "0", "usrExAttr1": "x"}
        added = self.post("addSubscriber", new)
        self.assertIn('<rm:addSubscriberResponse xmlns:rm="rm:soap"><result><resultCode>0</resultCode><paras><key>errorDescription</key>', added.body)
        self.assertEqual(self.code("addSubscriber", new), "12339")
        self.assertEqual(self.code("updateSubscriber", {**WHO, "usrState": "2"}), "0")
        shown = self.post("getSubscriber", {**WHO, "timeZone": "0", "DSTFlag": "0"}).body
        self.assertIn("<subscriber><attribute><key>USRSTATE</key><value>2</value></attribute>", shown)
        self.assertEqual(self.code("delSubscriber"), "0")
        self.assertEqual(self.code("getSubscriber"), "12302")

    def test_services(self) -> None:
        """Subscribed once, ended once, and only what the site has."""
        self.assertEqual(self.code("subscribeService", **self.service("GOLD")), "12302")
        self.code("addSubscriber")
        times = {"srvStartDateTime": "20261129000000", "srvEndDateTime": "20261130000000"}
        self.assertEqual(self.code("subscribeService", **self.service("GOLD", **times)), "0")
        self.assertEqual(self.code("subscribeService", **self.service("GOLD")), "12391")
        self.assertEqual(self.code("subscribeService", **self.service("ELEPHANT")), "12390")
        self.assertEqual(self.code("subscribeService", **self.service("NIGHT", srvStartDateTime="20261130000000", srvEndDateTime="20261129000000")), "12393")
        self.assertEqual(self.code("subscribeService", **self.service("NIGHT", srvStartDateTime="20261340000000")), "12393")
        self.assertEqual(self.code("subscribeService", **self.service("NIGHT")), "0")
        listed = self.post("getSubscriberAllService").body
        self.assertIn("<key>SRVNAME</key><value>GOLD</value>", listed)
        self.assertIn("<key>SRVENDDATETIME</key><value>20261130000000</value>", listed)
        self.assertEqual(listed.count("<subscribedService>"), 2)
        self.assertEqual(self.code("getSubscriberSpecService", **self.service("GOLD")), "0")
        self.assertEqual(self.code("delSubscriber"), "12394")
        self.assertEqual(self.code("unSubscribeService", **self.service("GOLD", TermInd="1", srvDeleteSubscriber="0")), "0")
        self.assertEqual(self.code("unSubscribeService", **self.service("GOLD", TermInd="1", srvDeleteSubscriber="0")), "12392")
        self.assertEqual(self.code("getSubscriberSpecService", **self.service("GOLD")), "12392")
        self.assertEqual(self.code("delSubscriber", {**WHO, "usrForceRmv": "1"}), "0")

    def test_quotas(self) -> None:
        """Set, shown, reset."""
        self.code("addSubscriber")
        month = {"subscriberQuota": {"qtaName": "MONTH"}}
        self.assertEqual(self.code("getSubscriberSpecQuota", **month), "12396")
        self.assertEqual(self.code("updateSubscriberQuota", subscriberQuota={"qtaName": "MONTH", "qtaBalance": "1000000"}), "0")
        self.assertIn("<key>QTABALANCE</key><value>1000000</value>", self.post("getSubscriberAllQuota", {**WHO, "realTimeFlag": "1"}).body)
        self.assertEqual(self.code("resetSubscriberQuota", **month), "0")
        self.assertIn("<key>QTABALANCE</key><value>0</value>", self.post("getSubscriberAllInf").body)
        self.assertEqual(self.code("updateSubscriberQuota", subscriberQuota={"qtaName": "YEAR", "qtaBalance": "1"}), "12396")

    def test_wrong(self) -> None:
        """Keys and values that are not right."""
        for operation, values in (
            ("addSubscriber", {**WHO, "usrState": "3"}),
            ("addSubscriber", {**WHO, "elephant": "1"}),
            ("addSubscriber", {**WHO, "timeZone": "0"}),
            ("addSubscriber", {}),
            ("addSubscriber", {"usrIdentifier": "bob"}),
            ("addSubscriber", {**WHO, "usrForceRmv": "1"}),
            ("delSubscriber", {**WHO, "usrState": "1"}),
            ("getSubscriberAllService", {}),
        ):
            self.assertEqual(self.code(operation, values), "12393", values)
        for service in ({"srvName": "GOLD"}, {"srvName": "GOLD", "TermInd": "1"}, {"TermInd": "1", "srvDeleteSubscriber": "0"}):
            self.assertEqual(self.code("unSubscribeService", subscribedService=service), "12393", service)
        self.assertEqual(self.code("subscribeService", **self.service("GOLD", TermInd="1")), "12393")
        self.assertEqual(self.code("subscribeService"), "12393")
        self.assertEqual(self.code("addElephant"), "12395")
        other = call("addSubscriber").replace(b"rm:soap", b"other:soap")
        self.assertEqual(code_of(soap(self.upcc, self.path, other)), "12395")
        twice = call("addSubscriber").replace(b"</subscriber>", b"<attribute><key>usrIdentifier</key><value>1</value></attribute></subscriber>")
        self.assertEqual(code_of(soap(self.upcc, self.path, twice)), "1118")
        self.assertEqual(soap(self.upcc, self.path, b"<x").status, 500)
        self.assertEqual(self.upcc.profiles, {})

    def test_header(self) -> None:
        """Without a session: user and password in every request."""
        upcc = HuaweiUpcc(Clock(), header=True)
        path = "/axis/services/ScfPccSoapServiceEndpointPort"
        user = "<authentication><userPass><username>provision</username><password>{}</password></userPass></authentication>"
        self.assertEqual(code_of(soap(upcc, path, call("addSubscriber", None, user.format("made-up")))), "0")
        self.assertEqual(code_of(soap(upcc, path, call("addSubscriber", None, user.format("wrong")))), "1018")
        elsewhere = "<username>provision</username><password>made-up</password>"
        self.assertEqual(code_of(soap(upcc, path, call("addSubscriber", None, elsewhere))), "1009")

    def test_faults(self) -> None:
        """The switches."""
        self.upcc.faults.on(Fault.BUSY, 1)
        self.assertEqual(soap(self.upcc, self.path, call("addSubscriber")).status, 503)
        self.upcc.faults.on(Fault.SILENT, 1)
        self.assertEqual(soap(self.upcc, self.path, call("addSubscriber")).status, 0)
        self.assertEqual(self.upcc.profiles, {})
        self.upcc.faults.lose_every = 1
        self.assertEqual(soap(self.upcc, self.path, call("addSubscriber")).status, 0)
        self.assertIn("447700900123", self.upcc.profiles)
        self.upcc.faults.lose_every = 0
        self.upcc.faults.on(Fault.SESSION_LOST, 1)
        self.assertEqual(self.code("getSubscriber"), "5004")
        self.assertEqual(self.upcc.operations[-1], "addSubscriber")
