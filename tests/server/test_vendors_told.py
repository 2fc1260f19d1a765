"""Vendors' simulators behind a whole server: what somebody does, or what an outside system reports, arrives there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.claims import claims
from tests.server.desks import LINE
from tests.server.event_cases import Step, op
from tests.server.fleet import CARDS, ICCID
from tests.server.fleet_case import FleetCase


class QuotaTests(FleetCase):
    """Jasper, where the month's quota of a SIM ends."""

    async def assert_seen(self, seen: Any, steps: Iterable[tuple[Step, Any]]) -> None:
        """What the vendor shows after each step."""
        for place, (step, state) in enumerate(steps):
            await self.all_steps([step])
            self.assertEqual(seen(), state, f"step {place}: {step}")

    @claims("jasper.3", "jasper.4", "jasper.5")
    async def test_jasper(self) -> None:
        """A quota that is used up makes the product the blocking one and the SIM is off; a product, the one before too, brings SIM and rate plan of its name."""
        await self.begin(["Jasper"])
        jasper = self.vendors["Jasper"]
        await self.everybody(LINE)

        def seen() -> Any:
            device = jasper.devices[ICCID[CARDS[LINE]]].data
            product = self.one("select products.name from accounts join products using (i_product) where id = %s", (LINE,))
            return product, device["status"], device["ratePlan"]

        self.assertEqual(seen(), ("Office", "ACTIVATED", "Office"))
        reached = op("account.report", id=LINE, source="Jasper", kind="CapReached", details='{"ctdDataUsage": 5}')
        spent, bought = ("Quota used up", "DEACTIVATED"), op("account.product", id=LINE, product="Office")
        other = op("account.product", id=LINE, product="PrepaidCard")
        await self.assert_seen(seen, (
            (reached, (*spent, "Office")), (bought, ("Office", "ACTIVATED", "Office")), (reached, (*spent, "Office")), (reached, (*spent, "Office")),
            (other, ("PrepaidCard", "ACTIVATED", "PrepaidCard")),
        ))  # fmt: skip
