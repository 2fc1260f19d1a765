"""
Handlers against simulators that somebody else wrote, over real connections: an account's life, each step twice, there and back.

What is asserted is what the vendor's system holds after each step. Each step is repeated as after a kill -9 between the vendor's answer and our record of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.handler import Device, NotProvisionable, Policy, Sim, StateHandler, Subscriber
from tests.claims import claims
from tests.server.vendors import BARRED, CODES, FIRST, LINE, NEW, OLD, SECOND, SOAP_KEY, Course, VendorCase, snapshots
from tests.simulators.calix_cms import CalixCms
from tests.simulators.calix_objects import number_of, serial
from tests.simulators.cmcc_hss import CmccHss
from tests.simulators.huawei_hss_soap import HuaweiHssSoap
from tests.simulators.huawei_mml import HuaweiMml
from tests.simulators.huawei_upcc import HuaweiUpcc
from tests.simulators.jasper import Jasper
from tests.simulators.osmo_hlr import OsmoHlr
from tests.simulators.sandvine_spb import ATTRIBUTES, SandvineSpb
from tests.simulators.sandvine_spb import Subscriber as Broker
from tests.simulators.stalker import Stalker
from tests.simulators.yate_hss import Shape, YateHss

reactor: Any = installed


class HssTests(VendorCase):
    """Systems that know subscribers by their SIM."""

    async def test_osmo_hlr(self) -> None:
        """Circuit and packet service follow the account; another SIM is another subscriber."""
        hlr = OsmoHlr(reactor)
        await self.start("OsmoHLR", hlr, address="127.0.0.1:{port}")

        def seen() -> Any:
            return {imsi: (one.msisdn, one.cs, one.ps) for imsi, one in hlr.subscribers.items()}

        first = {FIRST.imsi: (OLD, True, True)}
        off = {FIRST.imsi: (OLD, False, False)}
        await self.assert_life(seen, (first, off, first, {SECOND.imsi: (OLD, True, True)}, {SECOND.imsi: (NEW, True, True)}, {}))

    async def assert_hlr(self, name: str, simulator: HuaweiMml | HuaweiHssSoap, **options: Any) -> None:
        """The same life behind three wires: number and lock by IMSI, and whose keys are there."""
        await self.start(name, simulator, codes=CODES, user="provision", password="made-up", **options)

        def seen() -> Any:
            return {imsi: (one.isdn, one.group("LCK").get("IC")) for imsi, one in simulator.hlr.records.items()}, set(simulator.hlr.keys)

        def state(sim: Sim, number: str, locked: str = "FALSE") -> Any:
            return {sim.imsi: (number, locked)}, {sim.imsi}

        free = state(FIRST, OLD)
        await self.assert_life(seen, (free, state(FIRST, OLD, "TRUE"), free, state(SECOND, OLD), state(SECOND, NEW), ({}, set())))

    @claims("huawei-hss.1")
    async def test_huawei_mml(self) -> None:
        """Keys, subscriber, locks, IMSI and number, command by command."""
        simulator = HuaweiMml(reactor)
        await self.assert_hlr("Huawei::HSS", simulator, address="127.0.0.1:{port}", locks=True)

    async def test_huawei_soap(self) -> None:
        """The same within a session that the log-in's 307 names."""
        simulator = HuaweiHssSoap(reactor)
        await self.assert_hlr("Huawei::HSS", simulator, interface="soap", url="http://127.0.0.1:{port}", locks=True, key_options=SOAP_KEY)
        simulator.forget_sessions()
        await self.bring(LINE)
        self.assertEqual(list(simulator.hlr.records), [FIRST.imsi])

    @claims("zte-hss.2")
    async def test_zte(self) -> None:
        """The CMCC dialect: log-in in each header, a number change by a new subscriber, a static address in the data context of the policy."""
        simulator = CmccHss(reactor)
        await self.assert_hlr("ZXUN::HSS", simulator, url="http://127.0.0.1:{port}")
        await self.bring(LINE)
        fixed = {"IPV4ADDIND": "STATIC", "IPV4ADD": "192.0.2.7"}
        self.assertEqual(simulator.hlr.records[FIRST.imsi].group("EPS CNTX 1"), {"CNTXID": "1", "EPSAPNQOSTPLID": "1", **fixed})
        rates = ("AMBRMAXREQBWUL_GLOBAL", "AMBRMAXREQBWDL_GLOBAL")
        self.assertEqual([simulator.hlr.records[FIRST.imsi].group("EPS Data")[name] for name in rates], ["1000000", "20000000"])
        await self.bring(replace(LINE, policy=Policy(6, "SILVER", {"pdn_context_id": "2"})))
        self.assertEqual(simulator.hlr.records[FIRST.imsi].group("EPS CNTX 2"), {"CNTXID": "2", "EPSAPNQOSTPLID": "2", **fixed})

    async def test_zte_parts(self) -> None:
        """Which parts of a subscriber are there is read: nothing is added twice, whatever the codes, and one that was lost comes back."""
        simulator = CmccHss(reactor)
        codes = {"unknown": "3001", "no_key": "3906", "exists": ""}
        await self.start("ZXUN::HSS", simulator, url="http://127.0.0.1:{port}", codes=codes, user="provision", password="made-up")
        await self.bring(LINE)
        await self.bring(replace(LINE, conditions=BARRED))
        self.assertEqual(simulator.operations.count("ADD_EPSSUB"), 1)
        simulator.hlr.records[FIRST.imsi].drop("EPS Data")
        await self.bring(LINE)
        self.assertTrue(simulator.hlr.records[FIRST.imsi].group("EPS Data"))
        self.assertEqual([simulator.operations.count(name) for name in ("ADD_TPLCSPSSUB", "ADD_EPSSUB")], [1, 2])

    @claims("yate-hss.1")
    async def test_yate(self) -> None:
        """The card is loaded before the subscriber points to it, and the old one goes after."""
        hss = YateHss(reactor)
        await self.start("YateHSS", hss, url="http://127.0.0.1:{port}")

        def seen() -> Any:
            return {one["msisdn"]: (one["imsi"], one["active"]) for one in hss.subscribers.values()}, set(hss.sims)

        def state(sim: Sim, number: str, active: int = 1) -> Any:
            return {number: (sim.imsi, active)}, {sim.imsi}

        free = state(FIRST, OLD)
        await self.assert_life(seen, (free, state(FIRST, OLD, 0), free, state(SECOND, OLD), state(SECOND, NEW), ({}, set())))
        self.assertEqual(hss.operations[:2], ["set_sim_range", "set_subscriber"])

    async def test_yate_2015(self) -> None:
        """The release whose subscribers have the keys of their cards themselves; the secret goes in the configured header."""
        hss = YateHss(reactor, secret="made-up", shape=Shape.OLD)
        hss.header = "x-api-key"
        await self.start("YateHSS", hss, url="http://127.0.0.1:{port}", api="2015", secret="made-up", header="X-API-Key")

        def seen() -> Any:
            return {one["msisdn"]: (one["imsi"], one["active"], one["identities"][0]["ki"]) for one in hss.subscribers.values()}

        free, swapped = {OLD: (FIRST.imsi, 1, FIRST.ki)}, (SECOND.imsi, 1, SECOND.ki)
        await self.assert_life(seen, (free, {OLD: (FIRST.imsi, 0, FIRST.ki)}, free, {OLD: swapped}, {NEW: swapped}, {}))

    @claims("yate-hss.2", "yate-hss.3")
    async def test_yate_product(self) -> None:
        """An account is sent when its product has the service; its product's profile and a block follow, card and subscriber."""
        hss = YateHss(reactor)
        await self.start("YateHSS", hss, url="http://127.0.0.1:{port}", profiles={"SILVER": "lte-silver"})

        def seen() -> Any:
            cards = {imsi: (one["sim_profile"], one["lte_active"]) for imsi, one in hss.sims.items()}
            return cards, {one["imsi"]: (one["msisdn"], one["lte_profile"], one["active"]) for one in hss.subscribers.values()}

        def state(profile: str, active: bool = True) -> Any:
            return {FIRST.imsi: (profile, active)}, {FIRST.imsi: (OLD, profile, int(active))}

        silver = replace(LINE, product="silver", policy=Policy(6, "SILVER"))
        steps: Course = (
            (replace(LINE, features=frozenset()), ({}, {})), (LINE, state("GOLD")), (silver, state("lte-silver")),
            (replace(silver, conditions=BARRED), state("lte-silver", active=False)), (replace(LINE, conditions=BARRED), state("GOLD", active=False)),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)


class PolicyTests(VendorCase):
    """Systems that know services and policies."""

    async def test_upcc(self) -> None:
        """A subscriber by its number, with the services of its policy and add-ons: others go."""
        upcc = HuaweiUpcc(reactor, header=True)
        await self.start("Huawei::PCRF", upcc, url="http://127.0.0.1:{port}", user="provision", password="made-up")

        def seen() -> Any:
            return {number: (one.values["usrState"], set(one.services)) for number, one in upcc.profiles.items()}

        free = {OLD: ("1", {"GOLD"})}
        await self.assert_life(seen, (free, {OLD: ("2", {"GOLD"})}, free, free, {NEW: ("1", {"GOLD"})}, {}))
        await self.bring(replace(LINE, addons=("TURBO", "NIGHT")))
        await self.bring(replace(LINE, addons=("NIGHT",), policy=None))
        self.assertEqual(seen(), {OLD: ("1", {"NIGHT"})})

    @claims("huawei-pcrf.1")
    async def test_upcc_quality(self) -> None:
        """Service by the configured name; product, policy and limits in the attributes that the site has chosen, as they change."""
        upcc = HuaweiUpcc(reactor, header=True)
        words = {"product": "usrExAttr1", "policy": "usrExAttr2", "upload": "usrExAttr3", "download": "usrExAttr4"}
        options = {"user": "provision", "password": "made-up", "services": {"SLOW": "BASIC"}, "attributes": words}
        await self.start("Huawei::PCRF", upcc, url="http://127.0.0.1:{port}", **options)

        def seen() -> Any:
            return [(set(one.services), *(one.values[key] for key in words.values())) for one in upcc.profiles.values()]

        def line(product: str, policy: str, upload: str, download: str) -> Subscriber:
            return replace(LINE, product=product, policy=Policy(5, policy, {"upload_rate": upload, "download_rate": download}))

        steps: Course = (
            (line("gold", "GOLD", "10", "20"), [({"GOLD"}, "gold", "GOLD", "10", "20")]),
            (line("silver", "SLOW", "1", "2"), [({"BASIC"}, "silver", "SLOW", "1", "2")]),
            (line("silver", "SLOW", "1", "3"), [({"BASIC"}, "silver", "SLOW", "1", "3")]), (replace(LINE, policy=None), [(set(), "gold", "", "", "")]),
        )  # fmt: skip
        await self.assert_there_and_back(seen, steps)

    @claims("sandvine.2", "sandvine.5", "sandvine.8")
    async def test_sandvine(self) -> None:
        """A subscriber by the account's id: policy, limits, static address; blocked ones have the policy of the blocked."""
        spb = await self.sandvine()

        def seen() -> Any:
            return {name: (one.attributes["Policy"], one.attributes["DownLimit"], one.addresses) for name, one in spb.subscribers.items()}

        free = {OLD: ("GOLD", "20000000", ["192.0.2.7"])}
        blocked = {OLD: ("blocked", "20000000", ["192.0.2.7"])}
        await self.assert_life(seen, (free, blocked, free, free, {NEW: ("GOLD", "20000000", ["192.0.2.7"])}, {}))
        await self.bring(LINE)
        await self.bring(replace(LINE, attributes={}))
        self.assertEqual(spb.subscribers[OLD].addresses, [])

    async def sandvine(self) -> SandvineSpb:
        """A broker whose operator has defined a netmask too, and the provider's identifier."""
        spb = SandvineSpb(reactor, (*ATTRIBUTES, "Netmask"))
        words = ("policy", "upload", "download", "portal", "provider", "netmask")
        names = dict(zip(words, (*ATTRIBUTES, "Netmask"), strict=True))
        await self.start("Sandvine", spb, url="http://127.0.0.1:{port}", attributes=names, provider="isp-7")
        return spb

    @claims("sandvine.1", "sandvine.4")
    async def test_sandvine_attributes(self) -> None:
        """Name, address, netmask and provider; a subscriber of this name is overwritten, whoever made it, and has nothing of its policy before."""
        spb = await self.sandvine()
        portal = "http://portal.example.com/"
        limits = {"upload_rate": "10", "download_rate": "20"}
        address = {"address": ("192.0.2.7",), "netmask": ("255.255.255.0",)}
        told = {"Policy": "GOLD", "UpLimit": "10", "DownLimit": "20", "ProviderId": "isp-7"}
        static = replace(LINE, policy=Policy(5, "GOLD", limits), attributes={"netaccess_static_ip": address})
        steps: Course = (
            (static, (["192.0.2.7"], {**told, "Netmask": "255.255.255.0"})), (replace(static, attributes={}), ([], told)),
            (replace(static, policy=Policy(6, "HOTLINE", {"captive_portal": portal})),
             (["192.0.2.7"], {"Policy": "HOTLINE", "PortalUrl": portal, "ProviderId": "isp-7", "Netmask": "255.255.255.0"})),
        )  # fmt: skip
        spb.subscribers[OLD] = Broker(OLD, "Active", {"Policy": "OTHER", "PortalUrl": "http://old.example.com/", "Netmask": "255.0.0.0"}, ["192.0.2.99"])
        await self.assert_there_and_back(lambda: (spb.subscribers[OLD].addresses, spb.subscribers[OLD].attributes), steps)
        self.assertEqual(list(spb.subscribers), [OLD])

    async def test_sandvine_renamed(self) -> None:
        """A new id takes its name from a subscriber of the broker that is no account's."""
        spb = await self.sandvine()
        await self.bring(LINE)
        spb.subscribers[NEW] = Broker(NEW, "Active", {"Policy": "OTHER"}, ["192.0.2.99"])
        await self.bring(replace(LINE, id=NEW))
        self.assertEqual({name: (one.attributes["Policy"], one.addresses) for name, one in spb.subscribers.items()}, {NEW: ("GOLD", ["192.0.2.7"])})

    @claims("jasper.1", "jasper.2")
    async def test_jasper(self) -> None:
        """State and rate plan of the SIM; one that is taken away is off."""
        jasper = Jasper(reactor)
        for sim in (FIRST, SECOND):
            jasper.add(sim.iccid, sim.imsi, OLD)
        options = {"user": "api-user", "password": "made-up-key", "blocking_product": "none"}
        await self.start("Jasper", jasper, url="http://127.0.0.1:{port}/rws/api/v1", **options)

        def seen() -> Any:
            return [one.data["status"] for one in jasper.devices.values()], jasper.devices[FIRST.iccid].data["ratePlan"]

        on = (["ACTIVATED", "INVENTORY"], "gold")
        off = (["DEACTIVATED", "INVENTORY"], "gold")
        other = (["DEACTIVATED", "ACTIVATED"], "gold")
        for snapshot, state in zip(snapshots(LINE), (on, off, on, other, other, (["DEACTIVATED", "DEACTIVATED"], "gold")), strict=True):
            await self.bring(snapshot)
            self.assertEqual(seen(), state)


class AccessTests(VendorCase):
    """Fiber and television."""

    @claims("calix.2", "calix.7", "calix.10")
    async def test_calix(self) -> None:
        """One port, disabled, all ports, the whole gateway, none: services come and go, and the terminal stays."""
        cms = CalixCms(reactor)
        await self.start("Calix", cms, url="http://127.0.0.1:{port}", user="operator", password="made-up", node="E7-1", ont_profiles={"844E": "2"})
        network = cms.networks

        def seen() -> Any:
            objects = network["NTWK-E7-1"].objects
            services = {key[1][1:3]: (one["admin"].text, number_of(one["bw-prof"])) for key, one in objects.items() if key[0] == "EthSvc"}
            return services, [serial(one) for key, one in objects.items() if key[0] == "Ont"]

        ont = Device(3, "ont", 1, "844E", "CXNK00A1B2", ports=4)
        slow = replace(LINE, policy=Policy(6, "SLOW", {"calix.bandwidth_profile_id": "5"}))
        terminal = ["00A1B2"]
        for snapshot, services in (
            (replace(LINE, devices=(ont,)), {(3, 1): ("enabled", 12)}),
            (replace(LINE, devices=(ont,), conditions=BARRED), {(3, 1): ("disabled", 12)}),
            (replace(slow, devices=(ont,)), {(3, 1): ("enabled", 5)}),
            (replace(LINE, devices=(replace(ont, port_config="All"),)), {(3, port): ("enabled", 12) for port in range(1, 5)}),
            (replace(LINE, devices=(replace(ont, port_config="All", settings={"port_type": "RG"}),)), {(8, 1): ("enabled", 12)}),
            (LINE, {}),
        ):
            await self.bring(snapshot)
            self.assertEqual(seen(), (services, terminal))
        cms.forget_sessions()
        await self.bring(replace(LINE, devices=(ont,)))
        self.assertEqual(seen(), ({(3, 1): ("enabled", 12)}, terminal))
        with self.assertRaises(NotProvisionable):
            self.state_of(replace(LINE, devices=(replace(ont, model="716GE-I", settings={"port_type": "RG"}),)))

    def state_of(self, subscriber: Subscriber) -> Any:
        """What the handler wants the vendor to know."""
        assert isinstance(self.handler, StateHandler)
        return self.handler.wanted(subscriber)

    async def test_stalker(self) -> None:
        """A viewer with packages: off when barred, renamed by a new one, deleted when the account is closed; without IPTV it is kept and off."""
        portal = Stalker(reactor)
        await self.start("IPTV", portal, url="http://127.0.0.1:{port}", user="api", password="made-up")
        viewer = replace(LINE, product="full")

        def seen() -> Any:
            return {login: (one["status"], portal.subscribed[login]) for login, one in portal.accounts.items()}

        free = {OLD: ("1", {"sports"})}
        await self.assert_life(seen, (free, {OLD: ("0", {"sports"})}, free, free, {NEW: ("1", {"sports"})}, {}), viewer)
        await self.bring(viewer)
        await self.bring(replace(viewer, features=frozenset()))
        self.assertEqual(seen(), {OLD: ("0", set())})
