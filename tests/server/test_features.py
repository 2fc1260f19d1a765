"""Service features set by operations: what holds, who may, what stays in place, and what the server does with it."""

from __future__ import annotations

from typing import Any

from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.server.desks import LINE, DeskCase
from tests.server.harness import WorldCase, h323, ivr
from tests.server.test_spine import AUTHORIZE

BARRING = "call_barring"
VALUES = "select i_savalue, value from service_attribute_values where i_attribute = 23 order by 1"


class FeatureTests(DeskCase):
    """The demo's line with its product and customer."""

    async def holds(self, feature: str = BARRING, by: Actor | None = None) -> tuple[Any, ...]:
        """Effective flag, whose it is, and the values."""
        found = await self.do("account.feature.show", by=by, id=LINE, feature=feature)
        return found["effective_flag"], found["from"], found["effective_attributes"]

    async def test_inheritance(self) -> None:
        """The customer's by ^, the product's by ~, its add-on's before that, the account's own before all."""
        self.assertEqual(await self.holds(), ("N", None, {}))
        await self.do("customer.feature.set", name="Demo retail", feature=BARRING, flag="Y", attributes="prefixes=44")
        await self.do("product.feature.set", name="Office", feature=BARRING, flag="Y", attributes="prefixes=900, 976")
        self.assertEqual(await self.holds(), ("Y", "product Office", {"prefixes": "900, 976"}))
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="^")
        self.assertEqual(await self.holds(), ("Y", "customer Demo retail", {"prefixes": "44"}))
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="~")
        await self.do("product.add", name="Anywhere", currency="CAD", is_addon="yes", addon_priority="30")
        await self.do("product.feature.set", name="Anywhere", feature=BARRING, flag="N")
        self.assertEqual((await self.holds())[:2], ("Y", "product Office"))
        self.ask(
            "insert into account_addons (i_env, i_account, i_product, addon_effective_from) select 1, i_account, p.i_product, now() - interval '1 day' "
            "from accounts, products p where id = %s and name = 'Anywhere'", (LINE,),
        )  # fmt: skip
        self.assertEqual((await self.holds())[:2], ("N", "product Anywhere"))
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="Y", attributes="prefixes=1900")
        self.assertEqual(await self.holds(), ("Y", f"account {LINE}", {"prefixes": "1900"}))
        listed = {row["feature"]: row["flag"] for row in await self.do("account.feature.list", id=LINE)}
        self.assertEqual((len(listed), listed[BARRING], listed["clir"]), (22, "Y", "N"))

    async def test_in_place(self) -> None:
        """A value is changed and taken away in its row, the flags in one letter; what is the same is not written; the audit has both sides."""
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="Y", attributes="prefixes=900")
        ((row, value),) = self.ask(VALUES)
        self.assertEqual(value, ["900"])
        revision = self.one("select revision from accounts where id = %s", (LINE,))
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="Y", attributes="prefixes=900")
        self.assertEqual(self.one("select revision from accounts where id = %s", (LINE,)), revision)
        await self.do("account.feature.set", id=LINE, feature=BARRING, attributes="prefixes=900,976")
        self.assertEqual(self.ask(VALUES), [(row, ["900", "976"])])
        self.assertGreater(self.one("select revision from accounts where id = %s", (LINE,)), revision)
        self.assertEqual(self.audited("account")[-1][1:], (
            "account.feature.set", {"call_barring.prefixes": "900"}, {"call_barring.prefixes": "900, 976"}))  # fmt: skip
        await self.do("account.feature.set", id=LINE, feature=BARRING, flag="N", attributes="prefixes=")
        self.assertEqual(self.ask(VALUES), [(row, [])])
        self.assertEqual(self.one("select service_flags from accounts where id = %s", (LINE,)), "------------N--N")

    async def test_refused(self) -> None:
        """Everything that is wrong at once; what is no feature; an alias; nothing is changed."""
        with self.assertRaises(OperationRefused) as caught:
            await self.do("customer.feature.set", name="Demo retail", feature=BARRING, flag="~", attributes="prefixes=9x; other=1")
        self.assertEqual([fault.split(":")[0] for fault in caught.exception.faults], ["flag", "attributes", "attributes"])
        with self.assertRaises(NotThere) as missing:
            await self.do("account.feature.set", id=LINE, feature="barring", flag="Y")
        self.assertIn("call_barring", str(missing.exception))
        for values, told in (
            ({"id": LINE, "attributes": "prefixes=900"}, "--flag Y"), ({"id": "16045550102", "flag": "Y"}, "alias"), ({"id": LINE, "flag": "yes"}, "no flag"),
            ({"id": LINE, "flag": "Y", "attributes": "prefixes"}, "NAME=VALUE"),
        ):  # fmt: skip
            with self.assertRaises(OperationRefused) as caught:
                await self.put("account.feature.set", {**values, "feature": BARRING})
            self.assertIn(told, str(caught.exception))
        self.assertEqual(self.ask(VALUES), [])

    async def test_static_address(self) -> None:
        """An account's address is no other's, in no pool, and is taken away with the feature."""
        user = "user1@demo.example"
        self.assertEqual((await self.do("account.feature.show", id=user, feature="netaccess_static_ip"))["effective_attributes"], {"address": "192.0.2.201"})
        for values, told in (
            ({"attributes": "address=10.20.0.7"}, "pool Home users"), ({"flag": "N"}, "take it away too"),
            ({"attributes": "address=41.213.82.27"}, "exists already"),
            ({"flag": "~", "attributes": "netmask=255.255.255.0"}, "--flag Y"),
        ):  # fmt: skip
            with self.assertRaises(OperationRefused) as caught:
                await self.put("account.feature.set", {"id": user, "feature": "netaccess_static_ip", **values})
            self.assertIn(told, str(caught.exception))
        await self.do("account.feature.set", id=user, feature="netaccess_static_ip", attributes="address=192.0.2.9")
        address = "select value from service_attribute_values join accounts using (i_account) where id = %s and i_attribute = 3"
        self.assertEqual(self.one(address, (user,)), ["192.0.2.9"])
        await self.do("account.feature.set", id=user, feature="netaccess_static_ip", flag="N", attributes="address=")
        await self.assert_books()

    async def test_rights(self) -> None:
        """Users set what is theirs to choose until somebody locks it; helpdesks no products; nobody reaches others' accounts."""
        user, customer = self.account(LINE), self.customer("Demo retail")
        self.assertEqual((await self.holds(by=user))[0], "N")
        await self.do("account.feature.set", by=user, id=LINE, feature=BARRING, flag="Y", attributes="prefixes=900")
        for feature, values in (("netaccess_sessions", {"flag": "Y"}), (BARRING, {"locked": "no"})):
            with self.assertRaises(NotPermitted):
                await self.put("account.feature.set", {"id": LINE, "feature": feature, **values}, by=user)
        await self.do("product.feature.set", name="Office", feature=BARRING, locked="yes")
        await self.do("product.feature.set", name="Office", feature=BARRING, locked="yes")
        for actor in (user, customer):
            with self.assertRaises(NotPermitted) as caught:
                await self.do("account.feature.set", by=actor, id=LINE, feature=BARRING, flag="N")
            self.assertIn("locked by product Office", str(caught.exception))
        await self.do("account.feature.set", by=self.reseller(role=Role.HELPDESK), id=LINE, feature=BARRING, flag="N")
        with self.assertRaises(NotPermitted):
            await self.do("product.feature.set", by=Actor("test:helpdesk", 1, role=Role.HELPDESK), name="Office", feature=BARRING, locked="no")
        await self.do("product.feature.set", name="Office", feature=BARRING, locked="no")
        await self.do("account.feature.set", by=customer, id=LINE, feature=BARRING, flag="~")
        with self.assertRaises(NotThere):
            await self.do("account.feature.set", by=self.account("user1@demo.example"), id=LINE, feature=BARRING, flag="Y")

    async def test_pin(self) -> None:
        """A PIN is shown and audited nowhere."""
        told = await self.do("account.feature.set", id=LINE, feature="voice_authentication", flag="Y", attributes="pin=98765")
        self.assertEqual(told["attributes"], {"pin": "(hidden)"})
        self.assertNotIn("98765", str(self.audited("account")))
        self.assertIn("changed", str(self.audited("account")[-1]))
        ((value, sealed),) = self.ask("select value, sealed from service_attribute_values where i_attribute = 8")
        self.assertEqual((value, self.sealer.open(bytes(sealed))), ([], "98765"))
        told = await self.do("account.feature.show", id=LINE, feature="voice_authentication")
        self.assertEqual(told["effective_attributes"], {"pin": "(hidden)"})
        await self.do("account.feature.set", id=LINE, feature="voice_authentication", attributes="pin=12345")
        self.assertEqual(self.sealer.open(bytes(self.one("select sealed from service_attribute_values where i_attribute = 8"))), "12345")
        told = await self.do("account.feature.set", id=LINE, feature="voice_authentication", attributes="pin=")
        self.assertEqual((told["attributes"], self.one("select sealed from service_attribute_values where i_attribute = 8")), ({}, None))


class BarredTests(WorldCase):
    """The whole server with what operations set."""

    async def told(self) -> tuple[int, str | None, str]:
        """The answer to a call to 82623634515."""
        answer = await self.world.exchange(self.world.packet("auth", AUTHORIZE))
        return answer.code, h323(answer, "h323-return-code"), ivr(answer).get("ErrorExplanation", "")

    async def test_barred(self) -> None:
        """Barred by the account's own feature, then not, then by its customer's."""
        desk = Desk(Books(self.world.pool, Sealer({1: b"k" * 32}), ENTITIES))
        root = Actor("test:root", 1)
        ((account, customer),) = await self.world.pool.query("select a.id, c.name from accounts a join customers c using (i_customer) where i_account = 101")
        own: dict[str, str | None] = {"id": account, "feature": BARRING}
        self.assertEqual(await self.told(), (2, "0", ""))
        await desk.operate(root, "account.feature.set", {**own, "flag": "Y", "attributes": "prefixes=900,826"})
        self.assertEqual(await self.told(), (3, "9", "cld_barred"))
        await desk.operate(root, "account.feature.set", {**own, "flag": "N"})
        self.assertEqual(await self.told(), (2, "0", ""))
        await desk.operate(root, "customer.feature.set", {"name": customer, "feature": BARRING, "flag": "Y", "attributes": "prefixes=8262"})
        self.assertEqual(await self.told(), (2, "0", ""))
        await desk.operate(root, "account.feature.set", {**own, "flag": "^"})
        self.assertEqual(await self.told(), (3, "9", "cld_barred"))
