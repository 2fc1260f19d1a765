"""The simulated Calix CMS against documented requests, good and bad, by octets."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.calix_cms import IDLE, MOST, PAGE, CalixCms
from tests.simulators.core import Fault
from tests.unit.simulators.octets import Answer, Wire, ask, request

SOAP_11, SOAP_12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
ONT = "<type>Ont</type><id><ont>{}</ont></id>"
PROFILE = "<ontprof><type>OntProf</type><id><ontprof>{}</ontprof></id></ontprof>"
SERVICE = "<type>EthSvc</type><id><ont>{}</ont><ontslot>{}</ontslot><ontethany>{}</ontethany><ethsvc>1</ethsvc></id>"
TAG_ACTION = "<tag-action><type>SvcTagAction</type><id><svctagaction>1</svctagaction></id></tag-action>"
BANDWIDTH = "<bw-prof><type>BwProf</type><id><bwprof>{}</bwprof></id></bw-prof>"


def _object(inner: str, operation: str = "create", more: str = "") -> str:
    return f'<object operation="{operation}"{more}>{inner}</object>'


def _edit(*objects: str) -> str:
    return f"<edit-config><target><running/></target><config><top>{''.join(objects)}</top></config></edit-config>"


def _get(inner: str) -> str:
    return f'<get-config><source><running/></source><filter type="subtree"><top><object>{inner}</object></top></filter></get-config>'


def _show(arguments: str) -> str:
    return f"<action><action-type>show-ont</action-type><action-args>{arguments}</action-args></action>"


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.cms = CalixCms(self.clock)
        self.session = ""

    def post(self, inner: str, namespace: str = SOAP_12, path: str = "/cmsexc/ex/netconf") -> Answer:
        """A body in an envelope."""
        text = f'<?xml version="1.0"?><s:Envelope xmlns:s="{namespace}"><s:Body>{inner}</s:Body></s:Envelope>'
        return ask(self.cms, "POST", path, text.encode(), "Content-Type: text/plain;charset=UTF-8")

    def login(self, password: str = "made-up") -> str:
        """Log in; the body of the answer."""
        inner = f'<auth message-id="1"><login><UserName>operator</UserName><Password>{password}</Password></login></auth>'
        body = self.post(inner, SOAP_11).body
        found = re.search("<SessionId>([0-9]+)</SessionId>", body)
        self.session = found.group(1) if found else ""
        return body

    def rpc(self, inner: str, node: str = "NTWK-E7-1", message: str = "7") -> str:
        """A call in the session; the body of the answer, whose status is always 200."""
        call = f'<rpc message-id="{message}" nodename="{node}" username="operator" sessionid="{self.session}">{inner}</rpc>'
        answer = self.post(call)
        self.assertEqual(answer.status, 200)
        return answer.body

    def done(self, inner: str) -> None:
        """A call that is done."""
        self.assertIn("<ok/>", self.rpc(inner))

    def refused(self, inner: str, why: str) -> None:
        """A call that is refused with an rpc-error, for this reason."""
        body = self.rpc(inner)
        self.assertIn("<rpc-error><error-type>application</error-type><error-tag>operation failed</error-tag>", body)
        self.assertIn(why, body)

    def ont(self, number: int = 7, profile: int = 3, serial: str = "1A2B3C") -> None:
        """An ONT that is there."""
        self.done(_edit(_object(ONT.format(number) + PROFILE.format(profile) + f"<serno>{serial}</serno>")))


class SessionTests(_Case):
    """Log-in, log-out, and what is refused without a session."""

    def test_login(self) -> None:
        """A numeric session id for the right password, code 6 for a wrong one, both with status 200."""
        self.assertIn('<auth-reply message-id="1"><ResultCode>0</ResultCode>', self.login())
        self.assertTrue(self.session.isdigit())
        self.assertIn("<ResultCode>6</ResultCode>", self.login("wrong"))
        self.assertEqual(self.session, "")

    def test_logout(self) -> None:
        """A session ends once, and only for its own user."""
        self.login()
        out = '<auth message-id="2"><logout><UserName>{}</UserName><SessionId>1</SessionId></logout></auth>'
        self.assertIn("<ResultCode>2</ResultCode>", self.post(out.format("other")).body)
        self.assertIn("<ResultCode>0</ResultCode>", self.post(out.format("operator")).body)
        self.assertIn("<ResultCode>2</ResultCode>", self.post(out.format("operator")).body)

    def test_none(self) -> None:
        """Without a session, and with a dead one."""
        self.refused(_get(ONT.format(7)), "a session id is required")
        self.session = "99"
        self.refused(_get(ONT.format(7)), "session 99 does not exist")

    def test_idle(self) -> None:
        """Use keeps a session, half an hour without ends it."""
        self.login()
        self.ont()
        for _ in range(3):
            self.clock.advance(IDLE)
            self.assertIn("<serno>", self.rpc(_get(ONT.format(7))))
        self.clock.advance(IDLE + 1)
        self.refused(_get(ONT.format(7)), "does not exist")

    def test_most(self) -> None:
        """No more sessions than a CMS has."""
        for _ in range(MOST):
            self.assertIn("<ResultCode>0<", self.login())
        self.assertIn("<ResultCode>6<", self.login())

    def test_head(self) -> None:
        """The node's prefix, a node that is not there, and message ids."""
        self.login()
        for node, message, why in (
            ("E7-1", "7", "NTWK-"),
            ("NTWK-other", "7", "unknown node"),
            ("NTWK-E7-1", "0", "message-id"),
            ("NTWK-E7-1", "4294967296", "message-id"),
            ("NTWK-E7-1", "", "message-id"),
        ):
            self.assertIn(why, self.rpc(_get(ONT.format(7)), node, message))

    def test_path(self) -> None:
        """Only the path of this kind of network, only POST."""
        self.assertEqual(self.post("<x/>", path="/").status, 404)
        self.assertEqual(ask(self.cms, "GET", "/cmsexc/ex/netconf").status, 405)

    def test_namespaces(self) -> None:
        """Names are matched without their namespaces."""
        self.login()
        for namespace in (SOAP_11, SOAP_12, "www.w3.org/2003/05/soap-envelope"):
            call = f'<rpc message-id="1" nodename="NTWK-E7-1" username="operator" sessionid="{self.session}">{_show("<serno>1</serno>")}</rpc>'
            self.assertIn("<action-reply>", self.post(call, namespace).body)

    def test_garbage(self) -> None:
        """What is no document is an rpc-error too, never a broken connection."""
        for body in (b"", b"<a>", b"<a/>", b"\xff\x00", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<Envelope><Body/></Envelope>", b"<x:a/>"):
            answer = ask(self.cms, "POST", "/cmsexc/ex/netconf", body)
            self.assertEqual(answer.status, 200)
            self.assertIn("malformed request", answer.body)


class OntTests(_Case):
    """ONTs."""

    def setUp(self) -> None:
        super().setUp()
        self.login()

    def test_create(self) -> None:
        """An ONT is created once; it brings its ports and the gateway of its hardware."""
        self.ont()
        self.refused(_edit(_object(ONT.format(7) + PROFILE.format(3))), "already exists")
        self.assertEqual(len([key for key in self.cms.networks["NTWK-E7-1"].objects if key[0] == "OntEthGe"]), 4)
        self.assertIn("<type>OntRg</type>", self.rpc(_get("<type>OntRg</type><id><ont>7</ont><ontslot>8</ontslot><ontrg>1</ontrg></id>")))

    def test_number(self) -> None:
        """With number 0 the CMS picks one, and says it when asked for the configuration."""
        asked = _object(ONT.format(0) + PROFILE.format(1) + "<serno>0</serno>", more=' get-config="true"')
        self.assertIn("<id><ont>1</ont></id>", self.rpc(_edit(asked)))
        self.assertIn("<id><ont>2</ont></id>", self.rpc(_edit(asked)))
        self.done(_edit(_object(ONT.format(0) + PROFILE.format(1))))

    def test_serial(self) -> None:
        """A serial number is hexadecimal, without CXNK, and on one ONT only; it changes by way of 0."""
        self.ont()
        self.refused(_edit(_object(ONT.format(8) + PROFILE.format(3) + "<serno>CXNK1A2B3C</serno>")), "invalid serial number")
        self.refused(_edit(_object(ONT.format(8) + PROFILE.format(3) + "<serno>1a2b3c</serno>")), "already in use")
        self.refused(_edit(_object(ONT.format(7) + "<serno>FFFF</serno>", "merge")), "set it to 0")
        self.done(_edit(_object(ONT.format(7) + "<serno>0</serno>", "merge")))
        self.done(_edit(_object(ONT.format(7) + "<serno>FFFF</serno>", "merge")))

    def test_show(self) -> None:
        """Looked up by serial number in either case; nothing found is an answer, not an error."""
        self.ont()
        body = self.rpc(_show("<serno>1a2b3c</serno>"))
        self.assertIn("<match><get-config><object><type>Ont</type><id><ont>7</ont></id>", body)
        self.assertIn("<op-stat>present</op-stat>", body)
        self.assertIn("<action-reply><action-type>show-ont</action-type></action-reply>", self.rpc(_show("<serno>99</serno>")))
        self.refused(_show(""), "one of")
        self.refused(_show("<serno>1</serno><reg-id>2</reg-id>"), "one of")

    def test_pages(self) -> None:
        """More ONTs than a reply holds."""
        for number in range(1, PAGE + 2):
            self.done(_edit(_object(ONT.format(number) + PROFILE.format(1) + "<subscr-id>s</subscr-id>")))
        self.assertIn("<more/>", self.rpc(_show("<subscr-id>s</subscr-id>")))
        rest = self.rpc(_show(f"<subscr-id>s</subscr-id><after>{PAGE}</after>"))
        self.assertEqual(rest.count("<match>"), 1)
        self.assertNotIn("<more/>", rest)

    def test_delete(self) -> None:
        """An ONT with services goes by force only; what is not there can't be deleted."""
        self.ont()
        self.done(_edit(_object(SERVICE.format(7, 3, 1) + TAG_ACTION + BANDWIDTH.format(5))))
        self.refused(_edit(_object(ONT.format(7), "delete")), "has services")
        self.done(_edit(_object(ONT.format(7), "delete", ' force="true"')))
        self.assertEqual(self.cms.networks["NTWK-E7-1"].objects, {})
        self.refused(_edit(_object(ONT.format(7), "delete")), "does not exist")


class ServiceTests(_Case):
    """Data services."""

    def setUp(self) -> None:
        super().setUp()
        self.login()

    def service(self, ont: int = 7, slot: int = 3, port: int = 1, more: str = TAG_ACTION + BANDWIDTH.format(5), operation: str = "create") -> str:
        """A call about a service."""
        return _edit(_object(SERVICE.format(ont, slot, port) + more, operation))

    def test_order(self) -> None:
        """First the ONT, then the service, then its changes."""
        self.refused(self.service(), "ONT does not exist")
        self.ont()
        self.refused(self.service(more="<admin>disabled</admin>", operation="merge"), "does not exist")
        self.refused(self.service(operation="delete", more=""), "does not exist")
        self.done(self.service())
        self.refused(self.service(), "already exists")
        self.done(self.service(more="<admin>disabled</admin>", operation="merge"))
        self.done(self.service(more=BANDWIDTH.format(20), operation="merge"))
        body = self.rpc(_get(SERVICE.format(7, 3, 1)))
        self.assertIn("<admin>disabled</admin>", body)
        self.assertIn(BANDWIDTH.format(20), body)
        self.done(self.service(operation="delete", more=""))

    def test_ports(self) -> None:
        """Services stand on ports of the hardware: a 716GE-I is no gateway, an 803G has one port."""
        self.ont(1, 5, "1")
        self.ont(2, 1, "2")
        self.done(self.service(1, 3, 4))
        self.refused(self.service(1, 8, 1), "port does not exist")
        self.done(self.service(2, 8, 1))
        self.refused(self.service(2, 3, 2), "port does not exist")

    def test_values(self) -> None:
        """Values that are not right."""
        self.ont()
        for more, why in (
            (TAG_ACTION, "missing attribute bw-prof"),
            (TAG_ACTION + BANDWIDTH.format(301), "profile does not exist"),
            (TAG_ACTION + "<bw-prof>5</bw-prof>", "bw-prof is a reference"),
            (TAG_ACTION + BANDWIDTH.format(5) + "<admin>off</admin>", "invalid value of admin"),
            (TAG_ACTION + BANDWIDTH.format(5) + "<speed>1</speed>", "unknown attribute speed"),
            (TAG_ACTION + BANDWIDTH.format(5) + "<ds-pir-override>20 Mbps</ds-pir-override>", "invalid value of ds-pir-override"),
        ):
            self.refused(self.service(more=more), why)
        self.done(self.service(more=TAG_ACTION + BANDWIDTH.format("local:5") + "<us-pir-override>20m</us-pir-override>"))
        self.refused(self.service(port=9), "out of range")

    def test_together(self) -> None:
        """All objects of a call or none."""
        self.ont()
        right, wrong = (_object(SERVICE.format(7, 3, port) + TAG_ACTION + BANDWIDTH.format(5)) for port in (1, 5))
        self.refused(_edit(right, wrong), "port does not exist")
        self.refused(_get(SERVICE.format(7, 3, 1)), "does not exist")
        self.assertIn("<ok/>", self.rpc(_edit(right)))

    def test_ports_are_hardware(self) -> None:
        """Ports are changed, not made."""
        self.ont()
        port = "<type>OntEthGe</type><id><ont>7</ont><ontslot>3</ontslot><ontethge>1</ontethge></id>"
        self.refused(_edit(_object(port)), "already exists")
        self.done(_edit(_object(port + "<admin>disabled</admin>", "merge")))
        self.refused(_edit(_object(port, "delete")), "hardware")
        self.refused(_edit(_object(port.replace(">3<", ">8<"), "merge")), "out of range")


class FaultTests(_Case):
    """What goes wrong on demand."""

    def setUp(self) -> None:
        super().setUp()
        self.login()

    def test_switches(self) -> None:
        """Busy, wrong password, lost sessions."""
        self.cms.faults.on(Fault.BUSY, 1)
        self.assertIn("system busy", self.rpc(_show("<serno>1</serno>")))
        self.assertIn("<action-reply>", self.rpc(_show("<serno>1</serno>")))
        self.cms.faults.on(Fault.SESSION_LOST, 1)
        self.assertIn("does not exist", self.rpc(_show("<serno>1</serno>")))
        self.cms.faults.on(Fault.WRONG_PASSWORD)
        self.assertIn("<ResultCode>6<", self.login())
        self.cms.faults.off(Fault.WRONG_PASSWORD)
        self.assertIn("<ResultCode>0<", self.login())

    def test_silent(self) -> None:
        """Nothing comes and nothing is done, until it is switched off."""
        self.cms.faults.on(Fault.SILENT)
        wire = Wire(self.cms)
        self.assertEqual(wire.send(request("POST", self.cms.uri, b"<x/>")), b"")
        self.assertFalse(wire.closed)
        self.assertEqual(self.cms.active, 1)
        wire.close()
        self.assertEqual(self.cms.active, 0)

    def test_lost(self) -> None:
        """Every third answer is lost after acting: the connection ends, the object is there."""
        self.cms.faults.lose_every = 3
        call = f'<rpc message-id="1" nodename="NTWK-E7-1" username="operator" sessionid="{self.session}">{{}}</rpc>'
        answers = [self.post(call.format(_edit(_object(ONT.format(number) + PROFILE.format(1))))).status for number in range(1, 7)]
        self.assertEqual(answers.count(0), 2)
        self.assertEqual(len(list(self.cms.networks["NTWK-E7-1"].onts())), 6)
        self.assertEqual(self.cms.faults.lost, 2)

    def test_record(self) -> None:
        """What was asked, by name and with its values; a terminal shows no password."""
        shown: list[str] = []
        self.cms.watch = lambda asked: shown.append(str(asked))
        self.login()
        self.ont()
        self.assertEqual(self.cms.operations, ["login", "login", "create Ont"])
        self.assertEqual(self.cms.asked[-1].fields["ontprof.id.ontprof"], "3")
        self.assertEqual(shown[0], "login UserName=operator Password=***")
