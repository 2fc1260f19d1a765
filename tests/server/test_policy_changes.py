"""A policy that is edited: the vendors that hear of it bring all accounts that have it to its new speeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.claims import claims
from tests.server.desks import CARD, LINE
from tests.server.fleet import FLEET
from tests.server.fleet_case import FleetCase

CHANGED = "AccessPolicy/Changed"
WORDS = {"policy": "Policy", "upload": "UpLimit", "download": "DownLimit", "portal": "PortalUrl"}
SLOWER = "access_policies: {Home Internet: {levels: {regular: {upload_rate: 1000000, download_rate: 5000000}}}}"


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
