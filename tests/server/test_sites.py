"""Sites of customers, their accounts, and what they say of service features."""

from __future__ import annotations

from typing import Any

from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase


class SiteTests(DeskCase):
    """A site with an account."""

    async def prepare(self) -> None:
        """Downtown, of the line's customer."""
        await super().prepare()
        self.owner = self.one("select c.name from accounts a join customers c using (i_customer) where a.id = %s", (LINE,))
        self.at = {"customer": self.owner, "name": "Downtown"}
        await self.do("site.add", self.at)

    async def feature(self, name: str = LINE) -> Any:
        """What holds of call barring."""
        return await self.do("account.feature.show", id=name, feature="call_barring")

    async def test_features(self) -> None:
        """What a site says holds for its accounts that say nothing, before the customer's word; ^ at the site is the customer's."""
        await self.do("account.site", id=LINE, site="Downtown")
        await self.do("site.feature.set", {**self.at, "feature": "call_barring", "flag": "Y", "attributes": "prefixes=900"})
        told = await self.feature()
        self.assertEqual((told["effective_flag"], told["from"], told["effective_attributes"]), ("Y", "site Downtown", {"prefixes": "900"}))
        self.assertNotEqual((await self.feature(SUBLINE))["from"], "site Downtown")
        await self.do("customer.feature.set", {"name": self.owner, "feature": "call_barring", "flag": "Y", "attributes": "prefixes=976"})
        self.assertEqual((await self.feature())["effective_attributes"], {"prefixes": "900"})
        await self.do("site.feature.set", {**self.at, "feature": "call_barring", "flag": "^", "attributes": "prefixes="})
        self.assertEqual((await self.feature())["effective_attributes"], {"prefixes": "976"})
        with self.assertRaises(OperationRefused):
            await self.do("site.feature.set", {**self.at, "feature": "call_barring", "flag": "~"})

    async def test_life(self) -> None:
        """A site of another customer is none of an account's; one with accounts stays; a move leaves it behind."""
        with self.assertRaises(NotThere):
            await self.do("account.site", id=SUBLINE, site="Downtown")
        self.assertEqual((await self.do("account.site", id=LINE, site="Downtown"))["site"], "Downtown")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("site.remove", self.at)
        self.assertIn(LINE, str(caught.exception))
        moved = await self.do("account.move", id=LINE, customer="Demo subcustomer")
        self.assertEqual((moved["customer"], moved["site"]), ("Demo subcustomer", None))
        await self.do("site.remove", self.at)
        self.assertEqual(await self.do("site.list", customer=self.owner), [])

    async def test_rights(self) -> None:
        """Who doesn't reach the customer doesn't reach its sites; users don't put themselves elsewhere."""
        await self.do("customer.add", name="Other reseller", type="reseller", currency="CAD")
        with self.assertRaises(OperationRefused):
            await self.do("site.show", self.at, by=self.reseller("Other reseller"))
        for by in (self.customer(self.owner), self.account(CARD)):
            with self.assertRaises(NotPermitted):
                await self.do("account.site", by=by, id=LINE, site="Downtown")
        self.assertEqual((await self.do("site.show", self.at, by=self.reseller()))["name"], "Downtown")
