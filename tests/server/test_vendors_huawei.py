"""
Huawei's log-ins and releases, over real connections: sessions that end, log-ins that are refused, commands as each release writes them.

As in `test_vendors`: the simulators are somebody else's, and what they hold is what counts.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.espf.driver import Drive
from portaswitch.espf.state import underway
from portaswitch.espf.verdicts import Ended, HandlerStopped
from portaswitch.handler import Policy, StateHandler, Subscriber
from portaswitch.model.notification import Verdict
from portaswitch.model.subscriber import NO_RECORD
from tests.server.vendors import CODES, EVENT, FIRST, LINE, NEW, OLD, SOAP_KEY, VendorCase
from tests.simulators.core import Fault
from tests.simulators.huawei_hss_soap import HuaweiHssSoap
from tests.simulators.huawei_mml import HuaweiMml, Layout, Texts
from tests.simulators.huawei_upcc import HuaweiUpcc
from tests.simulators.soap import envelope
from tests.simulators.web import Ask, Reply

reactor: Any = installed
LOG_IN = {"user": "provision", "password": "made-up"}


class HuaweiCase(VendorCase):
    """Once through the handler's steps, with what becomes of them."""

    async def once(self, subscriber: Subscriber = LINE) -> Any:
        """None where they come to their end, else the verdict, or HandlerStopped."""
        drive = Drive(self.wires)
        try:
            await drive.run(partial(self.handler.steps, EVENT, subscriber, NO_RECORD))
        except Ended as end:
            return end.verdict
        except HandlerStopped:
            return HandlerStopped
        return None


class MmlTests(HuaweiCase):
    """The HLR by MML."""

    async def hlr(self, **options: Any) -> HuaweiMml:
        """The simulator and the handler of it."""
        simulator = HuaweiMml(reactor)
        await self.start("Huawei::HSS", simulator, address="127.0.0.1:{port}", codes=CODES, **{**LOG_IN, **options})
        return simulator

    async def test_quotation_marks(self) -> None:
        """Texts are quoted or bare as the release has them; both layouts of answers say the same."""
        for texts, layout in ((Texts.QUOTED, Layout.BANNER), (Texts.BARE, Layout.RETCODE)):
            simulator = await self.hlr(quotes=texts is Texts.QUOTED, locks=True)
            simulator.texts, simulator.layout = texts, layout
            await self.bring(LINE)
            self.assertEqual(list(simulator.hlr.records), [FIRST.imsi])
            simulator.texts = Texts.BARE if texts is Texts.QUOTED else Texts.QUOTED
            self.assertIs(await self.once(), Verdict.PARKED)

    async def test_number_of_the_hlr(self) -> None:
        """It is in the log-in and in each command where there is one, in neither where there is none."""
        simulator = await self.hlr()
        simulator.log_in |= {"HLRSN"}
        self.assertIsNone(await self.once())
        self.assertEqual({asked.fields.get("HLRSN") for asked in simulator.asked}, {"1"})
        simulator = await self.hlr(hlrsn="")
        self.assertIsNone(await self.once())
        self.assertEqual({asked.fields.get("HLRSN") for asked in simulator.asked}, {None})

    async def test_session_lost(self) -> None:
        """One that the vendor ends on a connection that stands is begun anew, and the command said again; no log-in is tried for ever."""
        simulator = await self.hlr()
        self.assertIsNone(await self.once())
        for layout in Layout:
            simulator.layout = layout
            simulator.forget_sessions()
            self.assertIsNone(await self.once())
        simulator.asked.clear()
        simulator.faults.on(Fault.SESSION_LOST)
        self.assertIs(await self.once(), Verdict.RETRY)
        self.assertLessEqual(simulator.operations.count("LGI"), 3)
        simulator.faults.off(Fault.SESSION_LOST)
        self.assertIsNone(await self.once())

    async def test_refused(self) -> None:
        """One log-in, then the handler stops: the account is not locked."""
        simulator = await self.hlr(password="wrong")
        self.assertIs(await self.once(), HandlerStopped)
        self.assertEqual((simulator.operations, simulator.operators.refusals), (["LGI"], 1))

    async def test_a_password_that_ends_its_value(self) -> None:
        """It is not sent, and what waits stays: it would be another command."""
        simulator = await self.hlr(password='x",PWD="made-up')
        self.assertIs(await self.once(), Verdict.PARKED)
        self.assertEqual(simulator.operations, [])

    async def test_data_templates(self) -> None:
        """Another policy changes the packet data of a subscriber that is there."""
        simulator = await self.hlr(data_templates={"GOLD": "7", "SILVER": "8"})
        silver = replace(LINE, policy=Policy(6, "SILVER"))
        steps = ((LINE, "7"), (silver, "8"))
        await self.assert_there_and_back(lambda: simulator.hlr.records[FIRST.imsi].group("PS Data")["TPLID"], steps)
        await self.bring(replace(LINE, policy=Policy(7, "OTHER")))
        self.assertEqual(simulator.hlr.records[FIRST.imsi].group("PS Data")["TPLID"], "7")

    async def test_keys_of_nobody(self) -> None:
        """Keys of a subscriber that the server had no room for go when the account does, but where they are kept."""
        for kept, keys in ((False, set()), (True, {FIRST.imsi})):
            simulator = await self.hlr(keep_keys=kept)
            simulator.hlr.most = 0
            self.assertIs(await self.once(), Verdict.RETRY)
            assert isinstance(self.handler, StateHandler)
            self.record = underway(NO_RECORD, self.handler.wanted(LINE))
            await self.bring(replace(LINE, sim=None))
            self.assertEqual(set(simulator.hlr.keys), keys)

    async def test_operators_key_by_number(self) -> None:
        """With OPSNO the card's own OPC is not sent."""
        simulator = await self.hlr(key_options={"ALG": "MILENAGE", "OPSNO": "3"})
        await self.bring(LINE)
        self.assertEqual({name: simulator.hlr.keys[FIRST.imsi].get(name) for name in ("OPSNO", "OPCVALUE")}, {"OPSNO": "3", "OPCVALUE": None})


class _Pathless(HuaweiHssSoap):
    """Takes every log-in and names no session, or the root."""

    location: tuple[tuple[str, str], ...] = ()
    status = 200

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        self.note("asked")
        return envelope(self.result("LGI", "0", "Operation is successful"), status=self.status, headers=self.location)


class SoapTests(HuaweiCase):
    """The HSS by SOAP."""

    async def hss(self, simulator: HuaweiHssSoap, **options: Any) -> None:
        """The handler of it."""
        given = {"interface": "soap", "codes": CODES, "key_options": SOAP_KEY, **LOG_IN, **options}
        await self.start("Huawei::HSS", simulator, url="http://127.0.0.1:{port}", **given)

    async def test_session_lost(self) -> None:
        """Once: begun anew. Again and again: asked again later, and never taken for success."""
        simulator = HuaweiHssSoap(reactor)
        await self.hss(simulator)
        self.assertIsNone(await self.once())
        simulator.faults.on(Fault.SESSION_LOST, 1)
        self.assertIsNone(await self.once())
        simulator.hlr.records.clear()
        simulator.faults.on(Fault.SESSION_LOST)
        self.assertIs(await self.once(), Verdict.RETRY)
        self.assertEqual(simulator.hlr.records, {})
        simulator.faults.off(Fault.SESSION_LOST)
        self.assertIsNone(await self.once())
        self.assertEqual(list(simulator.hlr.records), [FIRST.imsi])

    async def test_refused(self) -> None:
        """One log-in, then the handler stops."""
        simulator = HuaweiHssSoap(reactor)
        await self.hss(simulator, password="wrong")
        self.assertIs(await self.once(), HandlerStopped)
        self.assertEqual(simulator.operators.refusals, 1)

    async def test_log_in_without_a_session(self) -> None:
        """A log-in that names no URL has failed, whatever its code: it is not repeated."""
        for status, location in ((200, ()), (307, ()), (307, (("Location", "http://127.0.0.1/"),))):
            simulator = _Pathless(reactor)
            simulator.status, simulator.location = status, location
            await self.hss(simulator)
            self.assertIs(await self.once(), HandlerStopped)
            self.assertEqual(simulator.operations, ["asked"])

    async def test_header(self) -> None:
        """The release without sessions: name and password in each request; once they are refused the handler stops, for each request would try them."""
        simulator = HuaweiHssSoap(reactor, header=True)
        await self.hss(simulator, interface="soap-header")
        await self.bring(LINE)
        self.assertEqual(list(simulator.hlr.records), [FIRST.imsi])
        await self.hss(simulator, interface="soap-header", password="wrong")
        self.assertIs(await self.once(), HandlerStopped)
        self.assertEqual(simulator.operators.refusals, 1)


class UpccTests(HuaweiCase):
    """The UPCC."""

    async def upcc(self, simulator: HuaweiUpcc, **options: Any) -> None:
        """The handler of it."""
        await self.start("Huawei::PCRF", simulator, url="http://127.0.0.1:{port}", **{**LOG_IN, **options})

    async def test_session(self) -> None:
        """By LGI: a session that is over (5004, by status 200) is begun anew, once for a request."""
        simulator = HuaweiUpcc(reactor)
        await self.upcc(simulator, log_in="session", path="/")
        await self.bring(LINE)
        self.assertEqual(set(simulator.profiles[OLD].services), {"GOLD"})
        simulator.forget_sessions()
        await self.bring(replace(LINE, policy=Policy(6, "SILVER")))
        self.assertEqual(set(simulator.profiles[OLD].services), {"SILVER"})
        simulator.faults.on(Fault.SESSION_LOST)
        self.assertIs(await self.once(), Verdict.RETRY)
        simulator.faults.off(Fault.SESSION_LOST)
        self.assertIsNone(await self.once())

    async def test_refused(self) -> None:
        """Of a session and of a header: once, then the handler stops."""
        for options in ({"log_in": "session", "path": "/"}, {}):
            simulator = HuaweiUpcc(reactor, header=not options)
            await self.upcc(simulator, password="wrong", **options)
            self.assertIs(await self.once(), HandlerStopped)
            self.assertEqual(simulator.operators.refusals, 1)

    async def test_another_number(self) -> None:
        """The new subscriber has its services before the old one goes: one that can't be made leaves the old one as it is."""
        simulator = HuaweiUpcc(reactor, header=True)
        await self.upcc(simulator)
        await self.bring(LINE)
        simulator.asked.clear()
        await self.bring(replace(LINE, id=NEW))
        operations = simulator.operations
        self.assertLess(operations.index("subscribeService"), operations.index("delSubscriber"))
        self.assertEqual({number: set(one.services) for number, one in simulator.profiles.items()}, {NEW: {"GOLD"}})

    async def test_the_subscriber_stays(self) -> None:
        """The last service that goes takes no subscriber along."""
        simulator = HuaweiUpcc(reactor, header=True)
        await self.upcc(simulator)
        await self.bring(LINE)
        await self.bring(replace(LINE, policy=None))
        self.assertEqual({number: set(one.services) for number, one in simulator.profiles.items()}, {OLD: set()})
