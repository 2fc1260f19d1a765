"""The simulated MML session of a Huawei HLR against documented commands, good and bad, by octets."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.huawei_mml import HuaweiMml, Layout, Texts
from tests.simulators.huawei_operators import TRIES
from tests.unit.simulators.octets import Wire

IMSI, OTHER, ISDN = "001010000000001", "001010000000002", "447700900123"
KEY = "00112233445566778899AABBCCDDEEFF"
LOGIN = b'LGI:HLRSN=1,OPNAME="provision",PWD="made-up";'


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.hlr = HuaweiMml(Clock(), layout=Layout.RETCODE)
        self.wire = Wire(self.hlr)

    def login(self) -> None:
        """Log in."""
        self.assertIn(b"RETCODE = 0", self.wire.send(LOGIN))

    def code(self, command: str) -> str:
        """The return code of one command."""
        answer = self.wire.send(command.encode() + b"\r\n").decode()
        found = re.match(r"RETCODE = (\d+) ", answer)
        assert found is not None, answer
        self.assertTrue(answer.endswith("\r\n---    END\r\n"))
        return found.group(1)

    def key(self, imsi: str = IMSI) -> None:
        """A key that is there."""
        self.assertEqual(self.code(f'ADD KI:HLRSN=1,IMSI="{imsi}",OPERTYPE=ADD,KIVALUE="{KEY}",K4SNO=1,CARDTYPE=USIM,ALG=MILENAGE,OPSNO=1;'), "0")

    def subscriber(self, imsi: str = IMSI, isdn: str = ISDN) -> None:
        """A subscriber that is there."""
        self.key(imsi)
        self.assertEqual(self.code(f'ADD TPLSUB:HLRSN=1,IMSI="{imsi}",ISDN="{isdn}",TPLTYPE=NORMAL,TPLID=1;'), "0")


class LayoutTests(_Case):
    """Both layouts, octet by octet."""

    def test_retcode(self) -> None:
        """A first line with the code, the end mark on a line of its own."""
        self.assertEqual(self.wire.send(LOGIN), b"RETCODE = 0 SUCCESS0001:Operation is successful\r\n\r\n---    END\r\n")
        self.assertEqual(
            self.wire.send(b"LST SUB:IMSI=001010000000001;"), b"RETCODE = 3001 ERR3001:Subscriber not defined\r\n\r\n---    END\r\n"
        )

    def test_banner(self) -> None:
        """A banner, the command echoed with its secrets masked, success or error as a word."""
        self.hlr.layout = Layout.BANNER
        self.assertEqual(
            self.wire.send(LOGIN),
            b"+++    HLR9820   1970-01-01 00:00:00\r\nSMU    #000001\r\n"
            b'%%LGI:HLRSN=1,OPNAME="provision",PWD=*****;%%\r\nSUCCESS0001:Operation is successful\r\n\r\n---    END\r\n',
        )
        self.assertIn(b"\r\nERR3001:Subscriber not defined\r\n\r\n---    END\r\n", self.wire.send(b"RMV SUB:IMSI=001010000000001;"))

    def test_stream(self) -> None:
        """Several commands at once are answered in order, wherever the octets are cut, and a `;` in quotes ends none."""
        stream = LOGIN + b'\r\nLST SUB:IMSI="1;2"\n;\r\nLGO:;'
        for cut in range(len(stream)):
            wire = Wire(HuaweiMml(Clock(), layout=Layout.RETCODE))
            answers = wire.send(stream[:cut]) + wire.send(stream[cut:])
            self.assertEqual(re.findall(rb"RETCODE = (\d+)", answers), [b"0", b"3904", b"0"])

    def test_endless(self) -> None:
        """A command without an end is no full memory."""
        self.wire.send(b"A" * 9000)
        self.assertTrue(self.wire.closed)

    def test_syntax(self) -> None:
        """What is no command."""
        self.login()
        for text in ("x;", ";", "ADD KI;", "ADD KI:IMSI;", "ADD KI:IMSI=1,;", "ADD KI:IMSI=1,IMSI=2;", 'ADD KI:IMSI="1"2;', "add ki:IMSI=1;"):
            self.assertEqual(self.code(text), "3904", text)
        self.assertEqual(self.code("ADD ELEPHANT:IMSI=1;"), "3905")


class FormTests(_Case):
    """How parameters are written."""

    def test_quotation_marks(self) -> None:
        """Numbers and words stand bare; texts are quoted, bare, or either, as the release has it; the log-in's are quoted in all."""
        self.login()
        for wrong in ('HLRSN="1",IMSI="{0}"', 'IMSI="{0}",DETAIL="TRUE"'):
            self.assertEqual(self.code(f"LST SUB:{wrong.format(IMSI)};"), "3904", wrong)
        for texts, quoted, bare in ((Texts.QUOTED, "3001", "3904"), (Texts.BARE, "3904", "3001"), (Texts.EITHER, "3001", "3001")):
            self.hlr.texts = texts
            codes = [self.code(f"LST SUB:HLRSN=1,IMSI={imsi},DETAIL=TRUE;") for imsi in (f'"{IMSI}"', IMSI)]
            self.assertEqual(codes, [quoted, bare], texts)
            self.assertEqual(self.code('LGI:OPNAME=provision,PWD="made-up";'), "3904")

    def test_ascii(self) -> None:
        """Nothing else is a command."""
        self.login()
        self.assertEqual(self.code('LST SUB:ISDN="\u0663";'), "3904")

    def test_number_of_the_hlr(self) -> None:
        """Some releases want it in the log-in; none takes what is no parameter of it."""
        self.assertEqual(self.code('LGI:OPNAME="provision",PWD="made-up",HLR=1;'), "1009")
        self.hlr.log_in |= {"HLRSN"}
        self.assertEqual(self.code('LGI:OPNAME="provision",PWD="made-up";'), "1009")
        self.assertEqual(self.code(LOGIN.decode()), "0")

    def test_operators_key(self) -> None:
        """By its value or by its number."""
        self.login()
        both = f'ADD KI:IMSI="{IMSI}",OPERTYPE=ADD,KIVALUE="{KEY}",ALG=MILENAGE,OPSNO=1,OPCVALUE="{KEY}";'
        self.assertEqual(self.code(both), "3904")
        self.assertEqual(self.code(both.replace(",OPSNO=1", "")), "0")

    def test_half(self) -> None:
        """Half an answer, after acting, and the end of the connection."""
        self.login()
        self.hlr.faults.on(Fault.HALF, 1)
        answer = self.wire.send(f'ADD KI:IMSI="{IMSI}",OPERTYPE=ADD,KIVALUE="{KEY}",ALG=MILENAGE;'.encode())
        self.assertEqual((answer[:11], b"END" in answer, self.wire.closed), (b"RETCODE = 0", False, True))
        self.assertIn(IMSI, self.hlr.hlr.keys)


class SessionTests(_Case):
    """Log-ins."""

    def test_needed(self) -> None:
        """Nothing goes without, nor after the log-out, and one connection's log-in is not another's."""
        self.assertEqual(self.code("LST KI:IMSI=001010000000001;"), "5004")
        self.login()
        self.assertEqual(self.code("LST KI:IMSI=001010000000001;"), "3906")
        self.assertIn(b"RETCODE = 5004", Wire(self.hlr).send(b"LST KI:IMSI=001010000000001;"))
        self.assertEqual(self.code("LGO:;"), "0")
        self.assertEqual(self.code("LST KI:IMSI=001010000000001;"), "5004")

    def test_refused(self) -> None:
        """Documented codes; a client that tries in a loop locks its account, for the right password too."""
        self.assertEqual(self.code('LGI:OPNAME="other",PWD="x";'), "1012")
        self.assertEqual(self.code('LGI:OPNAME="provision";'), "1009")
        for _ in range(TRIES):
            self.assertEqual(self.code('LGI:OPNAME="provision",PWD="x";'), "1018")
        self.assertEqual(self.code(LOGIN.decode()), "1078")
        self.hlr.operators.unlock()
        self.assertEqual(self.code(LOGIN.decode()), "0")

    def test_faults(self) -> None:
        """The switches."""
        self.login()
        self.hlr.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.code("LST KI:IMSI=001010000000001;"), "1033")
        self.hlr.faults.on(Fault.SESSION_LOST, 1)
        self.assertEqual(self.code("LST KI:IMSI=001010000000001;"), "5004")
        self.hlr.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.code(LOGIN.decode()), "1018")
        self.login()
        self.hlr.faults.on(Fault.SILENT, 1)
        self.assertEqual(self.wire.send(f"RMV KI:IMSI={IMSI};".encode()), b"")
        self.hlr.faults.lose_every = 1
        self.assertEqual(self.wire.send(f"ADD KI:IMSI={IMSI},OPERTYPE=ADD,KIVALUE={KEY},ALG=MILENAGE;".encode()), b"")
        self.assertTrue(self.wire.closed)
        self.assertIn(IMSI, self.hlr.hlr.keys)

    def test_gone(self) -> None:
        """A connection that ends is forgotten."""
        self.assertEqual(len(self.hlr.connections), 1)
        self.wire.close()
        self.assertEqual(self.hlr.connections, [])


class SubscriberTests(_Case):
    """Keys and subscribers."""

    def setUp(self) -> None:
        super().setUp()
        self.login()

    def test_order(self) -> None:
        """Key, subscriber, and out again; each once, and not in another order."""
        add = f'ADD TPLSUB:IMSI="{IMSI}",ISDN="{ISDN}",TPLTYPE=NORMAL,TPLID=1;'
        self.assertEqual(self.code(add), "3902")
        self.key()
        self.assertEqual(self.code(f"ADD KI:IMSI={IMSI},OPERTYPE=ADD,KIVALUE={KEY},ALG=MILENAGE;"), "3901")
        self.assertEqual(self.code(add), "0")
        self.assertEqual(self.code(add), "3901")
        self.assertEqual(self.code(f"RMV KI:IMSI={IMSI};"), "3903")
        self.assertEqual(self.code(f'RMV SUB:IMSI="{IMSI}",RMVKI=FALSE;'), "0")
        self.assertEqual(self.code(f'RMV SUB:IMSI="{IMSI}";'), "3001")
        self.assertEqual(self.code(f"RMV KI:IMSI={IMSI};"), "0")
        self.assertEqual(self.code(f"RMV KI:IMSI={IMSI};"), "3906")

    def test_with_key(self) -> None:
        """Subscriber and key in one go, by number."""
        self.subscriber()
        self.assertEqual(self.code(f'RMV SUB:ISDN="{ISDN}",RMVKI=TRUE;'), "0")
        self.assertEqual((self.hlr.hlr.keys, self.hlr.hlr.records), ({}, {}))

    def test_swap(self) -> None:
        """Another SIM needs its key first, and no subscriber of its own."""
        self.subscriber()
        swap = f'MOD IMSI:ISDN="{ISDN}",NEWIMSI="{OTHER}";'
        self.assertEqual(self.code(swap), "3902")
        self.key(OTHER)
        self.assertEqual(self.code(swap), "0")
        self.assertEqual(self.code(f"LST SUB:IMSI={IMSI};"), "3001")
        self.assertEqual(self.hlr.hlr.records[OTHER].isdn, ISDN)
        self.assertEqual(self.code(swap), "3901")

    def test_number(self) -> None:
        """Another number, which must be free."""
        self.subscriber()
        self.subscriber(OTHER, "447700900124")
        self.assertEqual(self.code(f"MOD ISDN:ISDN={ISDN},NEWISDN=447700900124;"), "3901")
        self.assertEqual(self.code(f"MOD ISDN:ISDN={ISDN},NEWISDN=447700900125;"), "0")
        self.assertEqual(self.code(f"MOD ISDN:ISDN={ISDN},NEWISDN=447700900126;"), "3001")

    def test_lock(self) -> None:
        """Locks are set, and shown by LST SUB."""
        self.subscriber()
        self.assertEqual(self.code(f"MOD LCK:IMSI={IMSI},IC=TRUE,OC=TRUE,GPRSLOCK=TRUE,EPSLOCK=FALSE;"), "0")
        shown = self.wire.send(f"LST SUB:IMSI={IMSI},DETAIL=TRUE;".encode()).decode()
        self.assertIn("LOCK\r\n----\r\n              IC  =  TRUE\r\n", shown)
        self.assertIn(f"            ISDN  =  {ISDN}\r\n", shown)
        self.assertNotIn("LOCK", self.wire.send(f"LST SUB:IMSI={IMSI};".encode()).decode())

    def test_values(self) -> None:
        """Values and parameters that are not right."""
        self.subscriber()
        for command in (
            f"MOD LCK:IMSI={IMSI},IC=YES;",
            f"MOD LCK:IMSI={IMSI};",
            "MOD LCK:IC=TRUE;",
            f"MOD LCK:IMSI={IMSI},TPLID=1;",
            "LST SUB:IMSI=12;",
            f"ADD KI:IMSI={OTHER},OPERTYPE=ADD,KIVALUE=12,ALG=MILENAGE;",
            f"ADD TPLSUB:IMSI={OTHER},TPLTYPE=NORMAL,TPLID=1;",
        ):
            self.assertEqual(self.code(command), "3904", command)
        self.assertEqual(self.code(f"LST SUB:IMSI={IMSI},ISDN=447700900999;"), "3001")

    def test_full(self) -> None:
        """No more subscribers than licensed."""
        self.hlr.hlr.most = 1
        self.subscriber()
        self.key(OTHER)
        self.assertEqual(self.code(f"ADD TPLSUB:IMSI={OTHER},ISDN=447700900124,TPLTYPE=NORMAL,TPLID=1;"), "1033")

    def test_unreachable(self) -> None:
        """A visited network that doesn't answer: the change is made all the same."""
        self.subscriber()
        self.hlr.hlr.unreachable.add(IMSI)
        self.assertEqual(self.code(f"MOD LCK:IMSI={IMSI},IC=TRUE;"), "3037")
        self.assertEqual(self.hlr.hlr.records[IMSI].group("LCK"), {"IC": "TRUE"})
        self.assertEqual(self.code(f"LST SUB:IMSI={IMSI};"), "0")

    def test_settings(self) -> None:
        """The other commands that change a subscriber."""
        self.subscriber()
        for command in (
            "MOD NAM:{},NAM=BOTH", "MOD ODBIC:{},ODBIC=NOBIC", "MOD ODBOC:{},ODBOC=NOBOC", "MOD ODBROAM:{},ODBROAM=NOBAR",
            "MOD TPLGPRS:{},PROV=TRUE,TPLID=2", "MOD ARD:{},PROV=TRUE,UTRANNOTALLOWED=FALSE", "SND CANCELC:{},DEST=VLR",
            "MOD OPTGPRS:{},PROV=ADDPDPCNTX,APN_TYPE=EPS_APN,APNTPLID=3,PDPTYPE=IPV4",
        ):  # fmt: skip
            self.assertEqual(self.code(command.format(f"IMSI={IMSI}") + ";"), "0")
            self.assertEqual(self.code(command.format(f"IMSI={OTHER}") + ";"), "3001")
        self.assertEqual(self.hlr.operations[-1], "MOD_OPTGPRS")
        self.assertEqual(self.hlr.hlr.records[IMSI].group("APN 3")["APN_TYPE"], "EPS_APN")
