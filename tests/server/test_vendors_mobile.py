"""
Mobile cores with private interfaces, against simulators of the shipped proposal: an account's life, each step twice, there and back.

They can't show that a vendor takes these requests, only that the handler brings a system with the vendor's laws to the right state by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet import reactor as installed

from portaswitch.handler import Policy, Subscriber
from tests.claims import claims
from tests.server.vendors import BARRED, FIRST, KI, LINE, NEW, OLD, OPC, SECOND, Course, VendorCase
from tests.simulators.private import PASSWORD, USER, vendor
from tests.simulators.private_mobile import ARICENT, KLEOS_HSS, KLEOS_PCRF, PROTEI_HLR, PROTEI_PCRF, SPR, TITAN
from tests.simulators.template import TemplateSimulator

reactor: Any = installed
#: A change of product brings another Internet access policy.
SILVER = replace(LINE, product="silver", policy=Policy(6, "SILVER", {"upload_rate": "5", "download_rate": "50", "zxun.pakid": "1002"}))
#: A product without the mobile network provisioning service.
PLAIN = replace(LINE, features=frozenset())


class PrivateCase(VendorCase):
    """A vendor of a description."""

    async def private(self, name: str, description: Mapping[str, Any], **options: Any) -> TemplateSimulator:
        """Start it, with its log-in where it has one."""
        simulator = vendor(reactor, description)
        log_in = {"user": USER, "password": PASSWORD} if simulator.description.user else {}
        await self.start(name, simulator, url="http://127.0.0.1:{port}", **log_in, **options)
        return simulator


class HssTests(PrivateCase):
    """Systems that know subscribers by their SIM."""

    async def assert_hss(self, name: str, description: Mapping[str, Any], lock: str, free: str, barred: str, **options: Any) -> TemplateSimulator:
        """The life of a SIM and its number; `lock` is the field that says whether it is barred."""
        simulator = await self.private(name, description, **options)

        def seen() -> Any:
            return {imsi: (one["msisdn"], one.get(lock, "")) for imsi, one in simulator.records.items()}

        def state(imsi: str, number: str, locked: str = free) -> Any:
            return {imsi: (number, locked)}

        on = state(FIRST.imsi, OLD)
        await self.assert_life(seen, (on, state(FIRST.imsi, OLD, barred), on, state(SECOND.imsi, OLD), state(SECOND.imsi, NEW), {}))
        await self.bring(PLAIN)
        self.assertEqual(seen(), {})
        await self.bring(LINE)
        return simulator

    @claims("aricent-hss.1", "aricent-hss.2", "adax-hss.1")
    async def test_aricent(self) -> None:
        """A subscriber for a product with the service and a SIM card, with its keys, quality and address."""
        aricent = await self.assert_hss("AricentHSS", ARICENT, "barred", "", "1")
        wanted = {"imsi": FIRST.imsi, "msisdn": OLD, "ki": KI, "opc": OPC, "profile": "GOLD", "ip": "192.0.2.7", "barred": ""}
        self.assertEqual({name: value for name, value in aricent.records[FIRST.imsi].items() if name != "number"}, wanted)

    @claims("aricent-hss.3", "adax-hss.2", "adax-hss.3")
    async def test_aricent_changes(self) -> None:
        """A block, another product, another address, and a product without the service."""
        aricent = await self.private("AricentHSS", ARICENT)

        def seen() -> Any:
            return [(one["profile"], one["ip"], one["barred"]) for one in aricent.records.values()]

        steps: Course = ((PLAIN, []), (LINE, [("GOLD", "192.0.2.7", "")]), (replace(LINE, conditions=BARRED), [("GOLD", "192.0.2.7", "1")]),
                 (replace(SILVER, conditions=BARRED), [("SILVER", "192.0.2.7", "1")]), (replace(SILVER, attributes={}), [("SILVER", "", "")]))  # fmt: skip
        await self.assert_there_and_back(seen, steps)

    @claims("kleos-hss.1")
    async def test_kleos(self) -> None:
        """Number, card and status; one that is barred is at no moment active, whatever changes."""
        kleos = await self.assert_hss("Kleos::HSS", KLEOS_HSS, "status", "active", "barred")
        await self.bring(replace(LINE, conditions=BARRED))
        kleos.asked.clear()
        await self.bring(replace(LINE, conditions=BARRED, id=NEW))
        self.assertNotIn("active", [asked.fields.get("status") for asked in kleos.asked])
        self.assertEqual((kleos.records[FIRST.imsi]["msisdn"], kleos.records[FIRST.imsi]["iccid"]), (NEW, FIRST.iccid))

    @claims("titan-hss.1", "titan-hss.2", "titan-hss.3")
    async def test_titan(self) -> None:
        """Number and IMSI; limits, APN and roaming profile of the policy; a policy that changes."""
        titan = await self.assert_hss("Titan::HSS", TITAN, "barred", "", "1")

        def seen() -> Any:
            (one,) = titan.records.values()
            return one["upload"], one["download"], one["apn"], one["roaming"], one["barred"]

        def policy(apn: str, roaming: str, upload: str) -> Subscriber:
            ids = {"titan.apn_id": apn, "titan.roaming_profile_id": roaming, "upload_rate": upload, "download_rate": "20"}
            return replace(LINE, policy=Policy(6, "P", ids))

        steps: Course = ((policy("1", "31", "10"), ("10", "20", "1", "31", "")), (policy("2", "32", "5"), ("5", "20", "2", "32", "")),
                 (replace(policy("2", "32", "5"), conditions=BARRED), ("5", "20", "2", "32", "1")))  # fmt: skip
        await self.assert_there_and_back(seen, steps)

    async def test_titan_unit(self) -> None:
        """Limits in the unit that Titan has them in, rounded up."""
        titan = await self.private("Titan::HSS", TITAN, rate_unit="kbit/s")
        for upload, told in (("1500", "2"), ("2000000", "2000"), ("1", "1"), ("", "")):
            await self.bring(replace(LINE, policy=Policy(6, "P", {"upload_rate": upload})))
            self.assertEqual(titan.records[FIRST.imsi]["upload"], told)

    @claims("protei-hlr.1", "protei-hlr.2", "protei-hlr.3")
    async def test_protei(self) -> None:
        """Its answers say in the body what went wrong: the site's words are configured."""
        faults = {"missing": '"MISSING"', "exists": '"EXISTS"'}
        protei = await self.assert_hss("Protei::HLR", PROTEI_HLR, "status", "0", "1", faults=faults)
        self.assertEqual(protei.operations[:2], ["add", "status"])
        self.assertEqual((protei.records[FIRST.imsi]["ki"], protei.records[FIRST.imsi]["profile"]), (KI, "GOLD"))
        await self.bring(PLAIN)
        protei.asked.clear()
        await self.bring(replace(LINE, conditions=BARRED))
        self.assertEqual({asked.fields["status"] for asked in protei.asked}, {"1"})


class PolicyTests(PrivateCase):
    """Systems that know services, policies and packages by number."""

    @claims("kleos-pcrf.1")
    async def test_kleos(self) -> None:
        """Product as service, policy by its name."""
        kleos = await self.private("Kleos::PCRF", KLEOS_PCRF)

        def seen() -> Any:
            return {number: (one["imsi"], one["service"], one["profile"]) for number, one in kleos.records.items()}

        first, second = (FIRST.imsi, "gold", "GOLD"), (SECOND.imsi, "gold", "GOLD")
        await self.assert_life(seen, ({OLD: first}, {OLD: first}, {OLD: first}, {OLD: second}, {NEW: second}, {}))
        await self.assert_there_and_back(seen, ((LINE, {OLD: first}), (SILVER, {OLD: (FIRST.imsi, "silver", "SILVER")}), (PLAIN, {})))

    @claims("protei-pcrf.1", "protei-pcrf.2")
    async def test_protei(self) -> None:
        """Policies of product and add-ons in their order, and whether it is blocked."""
        protei = await self.private("Protei::PCRF", PROTEI_PCRF)

        def seen() -> Any:
            return {number: (one["imsi"], one["barred"], self.ordered(protei, number)) for number, one in protei.records.items()}

        def state(number: str, imsi: str, *policies: str, barred: str = "") -> Any:
            return {number: (imsi, barred, policies)}

        on = state(OLD, FIRST.imsi, "GOLD")
        states: Sequence[Any] = (on, state(OLD, FIRST.imsi, "GOLD", barred="1"), on, state(OLD, SECOND.imsi, "GOLD"), state(NEW, SECOND.imsi, "GOLD"), {})
        await self.assert_life(seen, states)
        for_addons = ((LINE, ()), (LINE, ("TURBO", "NIGHT")), (LINE, ("NIGHT", "TURBO")), (LINE, ("NIGHT",)), (SILVER, ("NIGHT",)))
        steps = [(replace(line, addons=addons), state(OLD, FIRST.imsi, *addons, line.product.upper())) for line, addons in for_addons]
        await self.assert_there_and_back(seen, steps)

    @staticmethod
    def ordered(simulator: TemplateSimulator, number: str) -> tuple[str, ...]:
        """The members of a record by precedence."""
        return tuple(sorted(simulator.members[number], key=lambda item: int(simulator.members[number][item]["position"])))

    async def spr(self, **options: Any) -> TemplateSimulator:
        """The SPR, with the words of the site."""
        faults = {"missing": "<resultCode>3001<", "exists": "<resultCode>3002<"}
        return await self.private("ZXUN::SPR", SPR, faults=faults, packages={"TURBO": "1001", "NIGHT": "1003"}, **options)

    @claims("zte-spr.1", "zte-spr.2", "zte-spr.4")
    async def test_spr(self) -> None:
        """The product's package selects the quota; an add-on's comes and goes; nobody's packages go while it is suspended."""
        spr = await self.spr()

        def seen() -> Any:
            return {number: (one["imsi"], one.get("state"), self.ordered(spr, number)) for number, one in spr.records.items()}

        def state(number: str, imsi: str, state: str = "active", packages: tuple[str, ...] = ("1002",)) -> Any:
            return {number: (imsi, state, packages)}

        on = state(OLD, FIRST.imsi)
        states: Sequence[Any] = (on, state(OLD, FIRST.imsi, "suspended"), on, state(OLD, SECOND.imsi), state(NEW, SECOND.imsi), {})
        await self.assert_life(seen, states, SILVER)
        turbo = replace(SILVER, addons=("TURBO",))
        await self.assert_there_and_back(seen, ((SILVER, on), (turbo, state(OLD, FIRST.imsi, packages=("1001", "1002"))),
                                         (replace(turbo, conditions=BARRED), state(OLD, FIRST.imsi, "suspended", ("1001", "1002"))), (SILVER, on)))  # fmt: skip

    @claims("zte-spr.3", "zte-spr.5")
    async def test_spr_precedence(self) -> None:
        """Several add-ons: their packages in the order of precedence, the product's last; the one that expires goes."""
        spr = await self.spr()
        turbo, night, both = (replace(SILVER, addons=addons) for addons in (("TURBO",), ("NIGHT",), ("TURBO", "NIGHT")))
        steps = (
            (both, ("1001", "1003", "1002")), (replace(SILVER, addons=("NIGHT", "TURBO")), ("1003", "1001", "1002")), (night, ("1003", "1002")),
            (turbo, ("1001", "1002")), (SILVER, ("1002",)),
        )  # fmt: skip
        await self.assert_there_and_back(lambda: self.ordered(spr, OLD), steps)
