"""The simulated SOAP HSSs (Huawei's own, and the CMCC dialect) against documented requests, good and bad, by octets."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.cmcc_hss import CmccHss
from tests.simulators.core import Fault
from tests.simulators.huawei_hss_soap import HuaweiHssSoap
from tests.simulators.huawei_operators import TRIES
from tests.simulators.huawei_session import IDLE
from tests.unit.simulators.octets import ELSEWHERE, Answer, Wire, answer_of, ask, request, soap

IMSI, OTHER, ISDN = "001010000000001", "001010000000002", "447700900123"
KEY = "00112233445566778899AABBCCDDEEFF"
CARD = {"OPERTYPE": "ADD", "KIVALUE": KEY, "CARDTYPE": "USIM", "ALG": "MILENAGE", "OPSNO": "1", "KEYTYPE": "CLEAR"}
LOCKED = {"IC": "TRUE", "OC": "TRUE", "GPRSLOCK": "FALSE", "EPSLOCK": "FALSE"}


def elements(**values: str) -> str:
    """Elements without namespace, in order."""
    return "".join(f'<{name} xmlns="">{value}</{name}>' for name, value in values.items())


def envelope(body: str, header: str = "") -> bytes:
    """A SOAP 1.1 request."""
    head = f"<S:Header>{header}</S:Header>" if header else ""
    return f'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">{head}<S:Body>{body}</S:Body></S:Envelope>'.encode()


def code_of(answer: Answer) -> str:
    """The ResultCode of an answer."""
    found = re.search("<ResultCode>([0-9]+)</ResultCode>", answer.body)
    return found.group(1) if found else ""


class NativeTests(SynchronousTestCase):
    """Huawei's own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.hss = HuaweiHssSoap(self.clock)
        self.path = "/"

    def post(self, body: str, path: str | None = None) -> Answer:
        """A request to the session's URL."""
        return soap(self.hss, self.path if path is None else path, envelope(body))

    def lgi(self, password: str = "made-up", path: str = "/") -> Answer:
        """A log-in."""
        body = f'<LGI xmlns="http://www.huawei.com/HLR9820/LGI">{elements(HLRSN="1", OPNAME="provision", PWD=password)}</LGI>'
        return self.post(body, path)

    def login(self) -> None:
        """Log in and keep the URL."""
        found = re.search(r"\r\nLocation: http://localhost(/[0-9a-f]{32})\r\n", self.lgi().head)
        assert found is not None
        self.path = found.group(1)

    def command(self, name: str, **values: str) -> Answer:
        """A command in the session."""
        return self.post(f'<h:{name} xmlns:h="http://www.huawei.com/HLR9820/{name}">{elements(**values)}</h:{name}>')

    def code(self, name: str, **values: str) -> str:
        """Its code; business errors have status 200."""
        answer = self.command(name, **values)
        self.assertEqual(answer.status, 200)
        return code_of(answer)

    def test_login(self) -> None:
        """307 with the session's URL for the right password, 200 with 1018 and no URL for a wrong one."""
        right = self.lgi()
        self.assertEqual((right.status, code_of(right)), (307, "0"))
        self.assertIn("Location: ", right.head)
        wrong = self.lgi("wrong")
        self.assertEqual((wrong.status, code_of(wrong)), (200, "1018"))
        self.assertNotIn("Location: ", wrong.head)

    def test_locked(self) -> None:
        """Trying in a loop locks the operator."""
        for _ in range(TRIES):
            self.assertEqual(code_of(self.lgi("wrong")), "1018")
        self.assertEqual(code_of(self.lgi()), "1078")

    def test_followed(self) -> None:
        """A client that follows the 307 logs in at the session's URL, and is refused."""
        self.login()
        self.assertEqual(code_of(self.lgi(path=self.path)), "1004")

    def test_over(self) -> None:
        """Idle or unknown sessions: 307 to the root, with code 5004."""
        self.login()
        self.clock.advance(IDLE)
        self.assertEqual(self.code("LST_SUB", IMSI=IMSI), "3001")
        self.clock.advance(IDLE + 1)
        for path in (self.path, "/", "/unknown"):
            self.path = path
            answer = self.command("LST_SUB", IMSI=IMSI)
            self.assertEqual((answer.status, code_of(answer)), (307, "5004"))
            self.assertIn("\r\nLocation: http://localhost/\r\n", answer.head)

    def test_logout(self) -> None:
        """LGO ends the session."""
        self.login()
        self.assertEqual(self.code("LGO"), "0")
        self.assertEqual(self.command("LST_SUB", IMSI=IMSI).status, 307)

    def test_life(self) -> None:
        """Key, subscriber, lock, swap, removal; the answers have their own namespaces."""
        self.login()
        self.assertEqual(self.code("ADD_TPLSUB", HLRSN="1", IMSI=IMSI, ISDN=ISDN, TPLTYPE="NORMAL", TPLID="1"), "3902")
        for imsi in (IMSI, OTHER):
            self.assertEqual(self.code("ADD_KI", HLRSN="1", IMSI=imsi, **CARD), "0")
        added = self.command("ADD_TPLSUB", HLRSN="1", IMSI=IMSI, ISDN=ISDN, TPLTYPE="NORMAL", TPLID="1")
        self.assertIn('<ADD_TPLSUBResponse xmlns="http://www.huawei.com/HLR9820/ADD_TPLSUB"><Result><ResultCode>0</ResultCode>', added.body)
        self.assertIn("<ResultDesc>SUCCESS0001:", added.body)
        self.assertEqual(self.code("MOD_LCK", IMSI=IMSI, **LOCKED), "0")
        self.assertEqual(self.code("MOD_IMSI", ISDN=ISDN, NEWIMSI=OTHER), "0")
        self.assertIn("<ResultDesc>ERR3001:", self.command("RMV_SUB", IMSI=IMSI).body)
        self.assertEqual(self.code("RMV_SUB", IMSI=OTHER, RMVKI="TRUE"), "0")
        self.assertEqual(list(self.hss.hlr.keys), [IMSI])

    def test_detail(self) -> None:
        """Groups have quotation marks in their names; locks are called otherwise than in the command."""
        self.login()
        self.code("ADD_KI", HLRSN="1", IMSI=IMSI, **CARD)
        self.code("ADD_TPLSUB", IMSI=IMSI, ISDN=ISDN, TPLTYPE="NORMAL", TPLID="1")
        self.code("MOD_LCK", IMSI=IMSI, **LOCKED)
        shown = self.command("LST_SUB", IMSI=IMSI, DETAIL="TRUE").body
        self.assertIn(f"<ResultData><HLRSN>1</HLRSN><IMSI>{IMSI}</IMSI><ISDN>{ISDN}</ISDN>", shown)
        self.assertIn('<Group Name="&quot;LOCK&quot;"><GSM_IC>TRUE</GSM_IC><GSM_OC>TRUE</GSM_OC><GPRSLOCK>FALSE</GPRSLOCK>', shown)

    def test_wrong(self) -> None:
        """Other namespaces, repeated parameters, no SOAP."""
        self.login()
        self.assertEqual(code_of(self.post(f"<LST_SUB><IMSI>{IMSI}</IMSI></LST_SUB>")), "1004")
        twice = f"<IMSI>{IMSI}</IMSI>" * 2
        self.assertEqual(code_of(self.post(f'<LST_SUB xmlns="http://www.huawei.com/HLR9820/LST_SUB">{twice}</LST_SUB>')), "1118")
        self.assertEqual(self.code("ADD_ELEPHANT"), "3905")
        for left_out in ("OPSNO", "KEYTYPE", "CARDTYPE"):
            parts = {name: value for name, value in CARD.items() if name != left_out}
            self.assertEqual(self.code("ADD_KI", HLRSN="1", IMSI=IMSI, **parts), "3904", left_out)
        self.assertEqual(self.code("ADD_KI", HLRSN="1", IMSI=IMSI, **CARD, OPCVALUE=KEY), "3904")
        self.code("ADD_KI", HLRSN="1", IMSI=IMSI, **CARD)
        self.code("ADD_TPLSUB", HLRSN="1", IMSI=IMSI, ISDN=ISDN, TPLTYPE="NORMAL", TPLID="1")
        self.assertEqual([self.code("MOD_TPLGPRS", IMSI=IMSI, PROV=prov, TPLID="7") for prov in ("TRUE", "ADDPDPCNTX")], ["0", "3904"])
        self.assertEqual([self.code("MOD_OPTGPRS", IMSI=IMSI, PROV=prov, APNTPLID="7") for prov in ("TRUE", "ADDPDPCNTX")], ["3904", "0"])
        answer = soap(self.hss, self.path, b"<x>")
        self.assertEqual(answer.status, 500)
        self.assertIn("<faultstring>malformed request", answer.body)
        self.assertEqual(ask(self.hss, "GET", self.path).status, 405)

    def test_faults(self) -> None:
        """The switches."""
        self.login()
        self.hss.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.code("LST_SUB", IMSI=IMSI), "1033")
        self.assertEqual(self.code("LST_SUB", IMSI=IMSI), "3001")
        self.hss.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(code_of(self.lgi()), "1018")
        self.hss.faults.lose_every = 1
        self.assertEqual(self.command("ADD_KI", HLRSN="1", IMSI=IMSI, **CARD).status, 0)
        self.assertIn(IMSI, self.hss.hlr.keys)
        self.hss.faults.lose_every = 0
        self.hss.faults.on(Fault.SESSION_LOST, 1)
        self.assertEqual(self.command("LST_SUB", IMSI=IMSI).status, 307)

    def test_header(self) -> None:
        """The release without sessions."""
        hss = HuaweiHssSoap(Clock(), header=True)
        body = f'<LST_SUB xmlns="http://www.huawei.com/HLR9820/LST_SUB">{elements(IMSI=IMSI)}</LST_SUB>'
        head = "<Username>provision</Username><Password>{}</Password>"
        heads = ((head.format("made-up"), "3001"), (head.format("wrong"), "1018"), ("", "1009"), (f"<a>{head.format('made-up')}</a>", "1009"))
        for sent, code in heads:
            self.assertEqual(code_of(soap(hss, "/", envelope(body, sent))), code)

    def test_wrapping(self) -> None:
        """SOAP 1.1 needs its media type and an action, which is empty or Notification here."""
        self.login()
        body = envelope(f'<LST_SUB xmlns="http://www.huawei.com/HLR9820/LST_SUB">{elements(IMSI=IMSI)}</LST_SUB>')
        kind, action = "Content-Type: text/xml", "SOAPAction: Notification"
        for headers in ((), (kind,), (action,), ("Content-Type: application/json", action), (kind, "SOAPAction: other")):
            self.assertEqual(ask(self.hss, "POST", self.path, body, *headers).status, 500, headers)
        for headers in ((kind, action), (kind, "SOAPAction:"), (kind, 'SOAPAction: ""')):
            self.assertEqual(code_of(ask(self.hss, "POST", self.path, body, *headers)), "3001", headers)

    def test_another_connection(self) -> None:
        """A session is its connection's, and goes on there."""
        self.login()
        body = envelope(f'<LST_SUB xmlns="http://www.huawei.com/HLR9820/LST_SUB">{elements(IMSI=IMSI)}</LST_SUB>')
        octets = request("POST", self.path, body, "Content-Type: text/xml", "SOAPAction: Notification")
        other = answer_of(Wire(self.hss, ELSEWHERE).send(octets))
        self.assertEqual((other.status, code_of(other)), (307, "5004"))
        self.assertEqual(code_of(self.command("LST_SUB", IMSI=IMSI)), "3001")

    def test_broken(self) -> None:
        """Half an answer, and what stands in front of it."""
        self.login()
        octets = request("POST", self.path, envelope("<x/>"), "Content-Type: text/xml", "SOAPAction: Notification")
        for fault, status, begin in ((Fault.PAGE, b"200", b"<!DOCTYPE html>"), (Fault.MOVED, b"307", b""), (Fault.HALF, b"200", b"<?xml")):
            self.hss.faults.on(fault, 1)
            wire = Wire(self.hss)
            head, _, body = wire.send(octets).partition(b"\r\n\r\n")
            self.assertEqual((head.split()[1], body[: len(begin)], wire.closed), (status, begin, fault is Fault.HALF))
            length = re.search(rb"(?i)content-length: ([0-9]+)", head)
            assert length is not None
            self.assertEqual(len(body) < int(length.group(1)), fault is Fault.HALF)


class CmccTests(SynchronousTestCase):
    """The dialect."""

    HEADER = '<UserName xmlns="http://www.chinamobile.com/HSS/">provision</UserName><PassWord xmlns="http://www.chinamobile.com/HSS/">{}</PassWord>'

    def setUp(self) -> None:
        self.hss = CmccHss(Clock())

    def command(self, name: str, password: str = "made-up", **values: str) -> Answer:
        """A command."""
        children = "".join(f"<h:{key}>{value}</h:{key}>" for key, value in values.items())
        body = f'<h:{name} xmlns:h="http://www.chinamobile.com/HSS/">{children}</h:{name}>'
        return soap(self.hss, "/spg", envelope(body, self.HEADER.format(password)))

    def code(self, name: str, **values: str) -> str:
        """Its code."""
        return code_of(self.command(name, **values))

    def subscriber(self) -> None:
        """A subscriber with CS, PS and EPS."""
        self.assertEqual(self.code("ADD_KI", IMSI=IMSI, OPERTYPE="ADD", KIVALUE=KEY, ALG="MILENAGE", OPCVALUE=KEY, OPCKEYID="1"), "0")
        self.assertEqual(self.code("ADD_TPLCSPSSUB", IMSI=IMSI, ISDN=ISDN, CSPSTPLID="1"), "0")
        self.assertEqual(self.code("ADD_EPSSUB", ISDN=ISDN, EPSUSERTPLID="1"), "0")

    def test_password(self) -> None:
        """In every request."""
        self.assertEqual(code_of(self.command("LST_SUB", IMSI=IMSI)), "3001")
        self.assertEqual(code_of(self.command("LST_SUB", "wrong", IMSI=IMSI)), "1018")
        body = f'<h:LST_SUB xmlns:h="http://www.chinamobile.com/HSS/"><h:IMSI>{IMSI}</h:IMSI></h:LST_SUB>'
        right = self.HEADER.format("made-up")
        for other in (right.replace("/HSS/", "/PCRF/"), right.replace("PassWord", "Password"), f"<a>{right}</a>"):
            self.assertEqual(code_of(soap(self.hss, "/spg", envelope(body, other))), "1009", other)

    def test_domains(self) -> None:
        """Domains come after the subscriber, once, and go once."""
        self.assertEqual(self.code("ADD_EPSSUB", IMSI=IMSI, EPSUSERTPLID="1"), "3001")
        self.subscriber()
        self.assertEqual(self.code("ADD_EPSSUB", IMSI=IMSI, EPSUSERTPLID="1"), "3901")
        self.assertEqual(self.code("RMV_EPSSUB", IMSI=IMSI), "0")
        self.assertEqual(self.code("RMV_EPSSUB", IMSI=IMSI), "3001")
        self.assertEqual(self.code("ADD_TPLIMSSUB", IMSI=IMSI), "0")
        self.assertEqual(self.code("RMV_IMSSUB", IMSI=IMSI), "0")

    def test_contexts(self) -> None:
        """Added once, changed and removed when there, listed; the default is one of them."""
        self.subscriber()
        static = {"IPV4ADDIND": "STATIC", "IPV4ADD": "192.0.2.7"}
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="ADDPDNCNTX", CNTXID="3"), "3904")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="RMVPDNCNTX", CNTXID="3"), "3904")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="MODPDNCNTX", CNTXID="3"), "3907")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="ADDPDNCNTX", CNTXID="3", EPSAPNQOSTPLID="9"), "0")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="ADDPDNCNTX", CNTXID="3"), "3907")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="MODPDNCNTX", CNTXID="3", **static), "0")
        for wrong in ({"IPV4ADDIND": "STATIC"}, {"IPV4ADDIND": "DYNAMIC", "IPV4ADD": "192.0.2.7"}, {"IPV4ADD": "192.0.2.7"}):
            self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="MODPDNCNTX", CNTXID="3", **wrong), "3904", wrong)
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="MODDEFPDN", DEFAULTCNTXID="4"), "3904")
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="MODDEFPDN", DEFAULTCNTXID="3"), "0")
        listed = self.command("LST_EPS", IMSI=IMSI).body
        self.assertIn("<CNTXID>3</CNTXID><QOSTPLID>9</QOSTPLID><IPV4ADDIND>STATIC</IPV4ADDIND><IPV4ADD>192.0.2.7</IPV4ADD>", listed)
        self.assertIn("<DEFAULTCNTXID>3</DEFAULTCNTXID>", listed)
        self.assertEqual(self.code("MOD_EPS_CONTEXT", IMSI=IMSI, PROV="ELEPHANT", CNTXID="3"), "3904")
        for number in ("1", "2"):
            self.assertEqual(self.code("MOD_GPRS_CONTEXT", IMSI=IMSI, PROV="ADDPDPCNTX", CNTXID=number, PSAPNQOSTPLID="9"), "0")
        self.assertIn("<CNTXID>2</CNTXID>", self.command("LST_GPRS", IMSI=IMSI).body)
        self.assertEqual(self.code("MOD_GPRS_CONTEXT", IMSI=IMSI, PROV="RMVPDPCNTX", CNTXID="1"), "0")
        self.assertEqual(self.code("MOD_GPRS_CONTEXT", IMSI=IMSI, PROV="RMVALLPDPCNTX"), "0")
        self.assertNotIn("CNTXID", self.command("LST_GPRS", IMSI=IMSI).body)

    def test_settings(self) -> None:
        """Rates, charging, bars; rates are of a subscriber with EPS."""
        self.subscriber()
        self.assertIn('<Group Name="&quot;EPS Data&quot;">', self.command("LST_SUB", IMSI=IMSI, DETAIL="TRUE").body)
        self.code("RMV_EPSSUB", IMSI=IMSI)
        self.assertNotIn("EPS Data", self.command("LST_SUB", IMSI=IMSI, DETAIL="TRUE").body)
        self.assertEqual(self.code("MOD_EPSDATA", IMSI=IMSI, AMBRMAXREQBWUL_GLOBAL="5000000", AMBRMAXREQBWDL_GLOBAL="20000000"), "3001")
        self.code("ADD_EPSSUB", IMSI=IMSI, EPSUSERTPLID="1")
        self.assertEqual(self.code("MOD_EPSDATA", IMSI=IMSI, AMBRMAXREQBWUL_GLOBAL="5000000", AMBRMAXREQBWDL_GLOBAL="20000000"), "0")
        self.assertEqual(self.code("MOD_EPSDATA", IMSI=IMSI, AMBRMAXREQBWUL_GLOBAL="5M"), "3904")
        self.assertEqual(self.code("MOD_CCGLOBAL", IMSI=IMSI, CHARGE_GLOBAL="PREPAID"), "0")
        self.assertEqual(self.code("MOD_ODB", IMSI=IMSI, ODBOC="NOBOC"), "0")
        self.assertEqual(self.code("ADD_TPLSUB", IMSI=OTHER, ISDN=ISDN, TPLTYPE="NORMAL", TPLID="1"), "3905")
