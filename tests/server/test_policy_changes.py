"""A policy that is edited: the vendors that hear of it bring all accounts that have it to its new speeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from tests.claims import claims
from tests.rules.handler_pages import shipped
from tests.server.desks import CARD, LINE
from tests.server.event_cases import op
from tests.server.fleet import CARDS, FLEET
from tests.server.fleet_case import FleetCase

CHANGED = "AccessPolicy/Changed"
WORDS = {"policy": "Policy", "upload": "UpLimit", "download": "DownLimit", "portal": "PortalUrl"}
SLOWER = "access_policies: {Home Internet: {levels: {regular: {upload_rate: 1000000, download_rate: 5000000}}}}"


@cache
def taken() -> Mapping[str, tuple[str, ...]]:
    """The events of each shipped handler, with those that it takes beside its list."""
    return {handler.name: (*handler.events, *handler.extra_events) for handler in shipped()}


class SandvineTests(FleetCase):
    """Sandvine, as an operator subscribes it to changes of policies."""

    fleet = {"Sandvine": replace(FLEET["Sandvine"], options={**FLEET["Sandvine"].options, "attributes": WORDS}, wants=lambda line: {})}

    def events_of(self, name: str) -> tuple[str, ...]:
        """Beside the list."""
        return (*super().events_of(name), *([CHANGED] if name in self.fleet else []))

    def speeds(self) -> dict[str, Any]:
        """Of each subscriber of the SPB."""
        return {name: (one.attributes.get("UpLimit"), one.attributes.get("DownLimit")) for name, one in self.vendors["Sandvine"].subscribers.items()}

    @claims("sandvine.9")
    async def test_speed(self) -> None:
        """New speeds of a level reach the subscriber of each account with the policy; who has another one, or none, is not asked about."""
        await self.begin(("Sandvine",))
        await self.everybody(LINE, CARD)
        before = self.speeds()
        self.assertEqual(before[LINE], ("2000000", "20000000"))
        self.assertNotIn(CARD, before)
        await self.all_steps((SLOWER,))
        self.assertEqual(self.speeds()[LINE], ("1000000", "5000000"))
        self.assertNotIn(CARD, self.speeds())
        self.assertIn(("Sandvine", "Account/AccessPolicy/Changed"), self.told_since(0))

    async def test_same(self) -> None:
        """What is written again as it was tells the SPB nothing."""
        await self.begin(("Sandvine",))
        await self.everybody(LINE)
        asked = len(self.vendors["Sandvine"].asked)
        await self.all_steps(("access_policies: {Home Internet: {levels: {regular: {upload_rate: 2000000, download_rate: 20000000}}}}",))
        self.assertEqual(len(self.vendors["Sandvine"].asked), asked)


class EveryTests(FleetCase):
    """Vendors that know the policy, or its speeds, as an operator subscribes them to all that they may be subscribed to."""

    NAMES = (
        "AricentHSS", "Huawei::PCRF", "Kleos::PCRF", "Protei::PCRF", "Sandvine", "Titan::HSS", "YateHSS", "ZXUN::HSS", "ZXUN::SPR",
    )  # fmt: skip

    def events_of(self, name: str) -> tuple[str, ...]:
        """Those that the handler supports, and those that it takes beside them."""
        return taken()[name] if name in self.NAMES else super().events_of(name)

    async def test_another_policy_of_the_product(self) -> None:
        """A product that loses its policy: each vendor has what the account has then, and again when the product gets it back."""
        await self.begin(self.NAMES)
        await self.everybody(LINE)
        for policy in ("null", "Home Internet"):
            mark = self.mark()
            await self.all_steps([op("product.change", name="Office", access_policy=policy)])
            await self.assert_right(policy, self.NAMES)
            self.assertEqual({name for name, type in self.told_since(mark) if type == "Account/AccessPolicy/Changed"}, set(self.NAMES))

    async def test_speeds(self) -> None:
        """A policy that is edited: its speeds reach who has them of it."""
        await self.begin(("Titan::HSS", "ZXUN::HSS"))
        await self.everybody(LINE)
        titan, zte, imsi = self.vendors["Titan::HSS"].records, self.vendors["ZXUN::HSS"].hlr.records, CARDS[LINE]
        for step, speeds in (("", ("2000000", "20000000")), (SLOWER, ("1000000", "5000000"))):
            await self.all_steps([step] if step else [])
            self.assertEqual((titan[imsi]["upload"], titan[imsi]["download"]), speeds)
            data = zte[imsi].group("EPS Data")
            self.assertEqual((data["AMBRMAXREQBWUL_GLOBAL"], data["AMBRMAXREQBWDL_GLOBAL"]), speeds)
