"""
Vendors whose answers break off, are a proxy's page, or send us elsewhere, at each request of a conversation in turn.

Whatever is struck, the notification is not done; its repetition brings the vendor to the wanted state, with nothing left over or doubled.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.espf.driver import Drive
from portaswitch.espf.state import underway
from portaswitch.espf.verdicts import Ended
from portaswitch.handler import Record, StateHandler, Subscriber
from portaswitch.model.notification import Verdict
from portaswitch.model.subscriber import NO_RECORD
from tests.server.vendors import CODES, EVENT, LINE, SOAP_KEY, VendorCase, snapshots
from tests.simulators import private_access, private_mobile
from tests.simulators.cmcc_hss import CmccHss
from tests.simulators.core import Fault, Simulator
from tests.simulators.huawei_hss_soap import HuaweiHssSoap
from tests.simulators.huawei_mml import HuaweiMml
from tests.simulators.huawei_upcc import HuaweiUpcc
from tests.simulators.osmo_hlr import OsmoHlr
from tests.simulators.private import PASSWORD, USER, vendor
from tests.simulators.sandvine_spb import ATTRIBUTES, SandvineSpb
from tests.simulators.stalker import Stalker
from tests.simulators.template import TemplateSimulator
from tests.simulators.web import Ask, Reply, as_json
from tests.simulators.yate_hss import YateHss

reactor: Any = installed
LOG_IN = {"user": "provision", "password": "made-up"}
#: More requests than any handler has for one event.
MOST = 40
#: What becomes of a notification that a fault strikes: what may go by itself is tried again, a redirect is looked at by a person.
VERDICTS = {Fault.HALF: Verdict.RETRY, Fault.PAGE: Verdict.RETRY, Fault.MOVED: Verdict.PARKED}


class BrokenCase(VendorCase):
    """Each request in turn is struck."""

    async def assert_mended(self, name: str, simulator: Simulator, seen: Callable[[], Any], *faults: Fault, **options: Any) -> None:
        """A line is made and taken away; `seen` is what the vendor holds."""
        await self.start(name, simulator, **options)
        nothing = deepcopy(seen())
        await self.bring(LINE)
        made = deepcopy(seen())
        self.assertNotEqual(made, nothing)
        gone = snapshots(LINE)[-1]
        await self.bring(gone)
        for fault in faults or VERDICTS:
            struck = 0
            for snapshot, state in ((LINE, made), (gone, nothing)):
                for place in range(MOST):
                    await self.start(name, simulator, record=self.record, **options)
                    if not await self.strike(simulator, fault, place, snapshot):
                        break
                    struck += 1
                    await self.bring(snapshot)
                    self.assertEqual(seen(), state, f"{fault.value}, request {place}")
                    await self.bring(gone if snapshot is LINE else LINE)
                await self.bring(snapshot)
            self.assertGreater(struck, 1, fault)

    async def start(self, name: str, simulator: Simulator, record: Record | None = None, **options: Any) -> None:
        """With what was confirmed before."""
        await super().start(name, simulator, **options)
        self.record = self.record if record is None else record

    async def strike(self, simulator: Simulator, fault: Fault, place: int, snapshot: Any) -> bool:
        """Whether a request of that place was there to be struck; the record is then the one of something underway."""
        handler = self.handler
        assert isinstance(handler, StateHandler)
        simulator.faults.on(fault, 1, place)
        drive, record = Drive(self.wires), underway(self.record, handler.wanted(snapshot))
        try:
            await drive.run(partial(handler.steps, EVENT, snapshot, self.record))
        except Ended as end:
            self.assertIs(end.verdict, VERDICTS[fault], f"{fault.value}, request {place}: {end.note}")
            self.record = record
            return True
        struck = not simulator.faults.waits(fault)
        simulator.faults.off(fault)
        self.assertFalse(struck, f"{fault.value}, request {place}: done although its answer was broken")
        return False


class DocumentedTests(BrokenCase):
    """Whose interface is public."""

    async def test_mml(self) -> None:
        """Half an answer of MML."""
        hlr = HuaweiMml(reactor)
        options = {"address": "127.0.0.1:{port}", "codes": CODES, "locks": True, **LOG_IN}
        await self.assert_mended("Huawei::HSS", hlr, lambda: (sorted(hlr.hlr.records), sorted(hlr.hlr.keys)), Fault.HALF, **options)

    async def test_osmo(self) -> None:
        """Half a frame of CTRL."""
        hlr = OsmoHlr(reactor)
        await self.assert_mended("OsmoHLR", hlr, lambda: {imsi: one.msisdn for imsi, one in hlr.subscribers.items()}, Fault.HALF, address="127.0.0.1:{port}")

    async def test_sandvine(self) -> None:
        """SOAP without sessions."""
        spb = SandvineSpb(reactor)
        names = dict(zip(("policy", "upload", "download", "portal", "provider"), ATTRIBUTES, strict=True))

        def seen() -> Any:
            return {name: (one.attributes, one.addresses) for name, one in spb.subscribers.items()}

        await self.assert_mended("Sandvine", spb, seen, url="http://127.0.0.1:{port}", attributes=names)

    async def test_hss_by_soap(self) -> None:
        """In a session."""
        hss = HuaweiHssSoap(reactor)
        options = {"interface": "soap", "codes": CODES, "key_options": SOAP_KEY, **LOG_IN}
        await self.assert_mended("Huawei::HSS", hss, lambda: (sorted(hss.hlr.records), sorted(hss.hlr.keys)), url="http://127.0.0.1:{port}", **options)

    async def test_zte(self) -> None:
        """The CMCC dialect."""
        hss = CmccHss(reactor)
        await self.assert_mended("ZXUN::HSS", hss, lambda: sorted(hss.hlr.records), url="http://127.0.0.1:{port}", codes=CODES, **LOG_IN)

    async def test_upcc(self) -> None:
        """With and without a session."""
        for options in ({"log_in": "session", "path": "/"}, {"log_in": "header"}):
            upcc = HuaweiUpcc(reactor, header=options["log_in"] == "header")

            def seen(upcc: HuaweiUpcc = upcc) -> Any:
                return {number: sorted(one.services) for number, one in upcc.profiles.items()}

            await self.assert_mended("Huawei::PCRF", upcc, seen, url="http://127.0.0.1:{port}", **options, **LOG_IN)

    async def test_yate(self) -> None:
        """JSON, whose status is 200 for all."""
        hss = YateHss(reactor)
        await self.assert_mended("YateHSS", hss, lambda: (sorted(hss.sims), sorted(hss.subscribers)), url="http://127.0.0.1:{port}")

    async def test_stalker(self) -> None:
        """JSON, whose status is 200 for all."""
        portal = Stalker(reactor)
        portal.tariffs.add("gold")
        await self.assert_mended("IPTV", portal, lambda: portal.subscribed, url="http://127.0.0.1:{port}", user="api", password="made-up")


class _Wordless(Stalker):
    """Says nothing of what became of a request."""

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        return as_json({"results": True}) if ask.method != "GET" else super().answer(ask)


class StalkerTests(BrokenCase):
    """What the status of HTTP does not say."""

    async def verdict(self, portal: Stalker, subscriber: Subscriber) -> Any:
        """What becomes of a viewer that is told to a portal."""
        await self.start("IPTV", portal, url="http://127.0.0.1:{port}", user="api", password="made-up")
        with self.assertRaises(Ended) as ended:
            await Drive(self.wires).run(partial(self.handler.steps, EVENT, subscriber, NO_RECORD))
        return ended.exception.verdict

    async def test_no_status(self) -> None:
        """An answer with 200 and no status OK in it is no success."""
        self.assertIs(await self.verdict(_Wordless(reactor), replace(LINE, product="full")), Verdict.PARKED)

    async def test_a_comma(self) -> None:
        """An id that the portal would read as two is not sent: it would change two other viewers."""
        portal = Stalker(reactor)
        self.assertIs(await self.verdict(portal, replace(LINE, id="alice,bob", product="full")), Verdict.PARKED)
        self.assertEqual(portal.operations, [])


class PrivateTests(BrokenCase):
    """Whose interface is not."""

    async def test_all(self) -> None:
        """The proposals of the handlers' pages."""
        spr = {"faults": {"missing": "<resultCode>3001<", "exists": "<resultCode>3002<"}}
        protei = {"faults": {"missing": '"MISSING"', "exists": '"EXISTS"'}}
        for name, description, options in (
            ("AricentHSS", private_mobile.ARICENT, {}), ("Kleos::HSS", private_mobile.KLEOS_HSS, {}), ("Kleos::PCRF", private_mobile.KLEOS_PCRF, {}),
            ("Protei::HLR", private_mobile.PROTEI_HLR, protei), ("Protei::PCRF", private_mobile.PROTEI_PCRF, {}), ("ZXUN::SPR", private_mobile.SPR, spr),
            ("NetNumber", private_access.NETNUMBER, {}), ("Bridgewater", private_access.BRIDGEWATER, {}), ("AudioCodes", private_access.AUDIOCODES, {}),
            ("IPTV", private_access.XML_TV, {"platform": "minerva"}), ("IPTV", private_access.JSON_TV, {"platform": "seachange"}),
        ):  # fmt: skip
            simulator = vendor(reactor, description)
            log_in: dict[str, Any] = {"user": USER, "password": PASSWORD}
            seen = partial(self.held, simulator)
            await self.assert_mended(name, simulator, seen, url="http://127.0.0.1:{port}", **(log_in if simulator.description.user else {}), **options)

    @staticmethod
    def held(simulator: TemplateSimulator) -> Any:
        """Records without the numbers that it gives them, and their members."""
        records = {key: {name: value for name, value in one.items() if name != "number"} for key, one in simulator.records.items()}
        return records, {key: sorted(members) for key, members in simulator.members.items()}
