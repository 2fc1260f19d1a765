"""ZTE's core with this server as its charging system: the SPR has the packages, the P-GW asks for quota."""

from __future__ import annotations

from typing import Any

from tests.claims import claims
from tests.server.conversation import USER
from tests.server.event_cases import op
from tests.server.fleet import FLEET, HTTP, POLICY, Vendor, described
from tests.server.test_diameter_clients import GIB, MSCC, ClientCase, group, total
from tests.server.test_vendors_told import ToldCase
from tests.simulators.private_mobile import SPR

PORTAL = "https://portal.example/top-up"
FAULTS = {"missing": "<resultCode>3001<", "exists": "<resultCode>3002<"}
REDIRECTED = {"Final-Unit-Action": "REDIRECT", "Redirect-Server": {"Redirect-Address-Type": "2", "Redirect-Server-Address": PORTAL}}
MOBILE = 'products: {"Mobile": {currency: USD, features: {lte: {flag: "Y", attributes: {context_id: ["1"]}}}}}'
BASE = "update accounts set i_access_policy = (select i_access_policy from access_policies where name = %s) where id = %s"


class QuotaTests(ToldCase, ClientCase):
    """A subscriber whose base quota is 1 GB."""

    profile = "zte"

    async def begin_mobile(self) -> Any:
        """The SPR, the subscriber with its policy and quota; what the SPR has of it: state, and packages by precedence."""
        self.fleet = {**FLEET, "ZXUN::SPR": Vendor(described(SPR), {**HTTP, "faults": FAULTS, "packages": {"Turbo": "1001"}})}
        await self.begin(["ZXUN::SPR"])
        await self.text(MOBILE)
        self.ask(BASE, (POLICY, USER))
        await self.all_steps([
            op("product.add", name="Turbo", currency="USD", is_addon="yes", addon_priority="30"), op("discount-plan.add", name="Base", currency="USD"),
            op("discount-plan.item.add", plan="Base", service="Mobile data", kind="quota", thresholds=f"0: 100%, {GIB}: forbidden"),
            op("product.change", name="Mobile", discount_plan="Base"), op("access-policy.change", name=POLICY, exceeded_level="blocked"),
        ])  # fmt: skip
        await self.everybody(USER)
        await self.catalogue.reload()
        self.core.cache.forget_all()
        spr = self.vendors["ZXUN::SPR"]

        def seen() -> Any:
            items = spr.members[USER]
            return spr.records[USER]["state"], sorted(items, key=lambda item: int(items[item]["position"]))

        return seen

    @claims("zte-spr.6")
    async def test_redirected(self) -> None:
        """1 GB is granted, and nothing behind it but the way to the portal; there an add-on is bought, whose package the SPR gets before the base one."""
        seen = await self.begin_mobile()
        self.assertEqual(seen(), ("active", ["1002"]))
        told = (await self.say(self.ccr("I", 0, groups=group(100, {}))))[MSCC]
        self.assertEqual((told["Result-Code"], told["Granted-Service-Unit"]), ("2001", total(GIB)))
        told = (await self.say(self.ccr("U", 1, 600, group(100, {}, total(GIB)))))[MSCC]
        self.assertEqual(told["Final-Unit-Indication"], REDIRECTED)
        self.assertNotIn("Granted-Service-Unit", told)
        self.assertEqual((await self.say(self.ccr("U", 2, 610, group(10, {}))))[MSCC]["Result-Code"], "2001")
        await self.settle()
        self.assertEqual(seen(), ("active", ["1002"]))
        await self.all_steps([op("account.addon.add", id=USER, product="Turbo")])
        self.assertEqual(seen(), ("active", ["1001", "1002"]))
