"""What a reseller sells: its own tariffs and products on the environment's services, and nothing of what it pays itself."""

from __future__ import annotations

from decimal import Decimal

from twisted.internet import reactor

from portaswitch.model.actor import Actor, Privilege, Role
from portaswitch.model.operation import Mark, NotPermitted, NotThere, OperationRefused
from portaswitch.operations.registry import OPERATIONS
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from tests.server.charging import KOREA, ChargingCase
from tests.server.desks import DeskCase


class SellingTests(ChargingCase):
    """A reseller from its first tariff to a charged call."""

    async def open_shop(self, reseller: Actor) -> None:
        """A tariff with a rate, a product with an entry, a customer and an account, all by the reseller alone."""
        await self.do("tariff.add", by=reseller, name="Prairie retail", currency="CAD", service="Voice calls", price_per="60")
        rate = {"tariff": "Prairie retail", "destination": "82", "interval_first": "60", "interval_n": "60", "price_first": "0.30", "price_n": "0.30"}
        await self.do("rate.add", rate, by=reseller)
        await self.do("product.add", by=reseller, name="Prairie calls", currency="CAD")
        await self.do("entry.add", by=reseller, product="Prairie calls", service="Voice calls", tariff="Prairie retail", policy="Slices")
        await self.do("customer.add", by=reseller, name="Prairie bakery", credit_limit="20")
        account = {"id": "16045550301", "customer": "Prairie bakery", "product": "Prairie calls", "model": "debit", "opening_balance": "5"}
        await self.do("account.add", account, by=reseller)

    async def test_call(self) -> None:
        """A call of its account is charged by its price, and the reseller by what stands at itself."""
        reseller = self.reseller()
        await self.open_shop(reseller)
        owed = self.one("select coalesce(sum(charged_amount), 0) from xdr where storage = 'c'")
        hot = Pool(reactor, self.dsn, size=2, name="hot", settings=HOT_SETTINGS, wait=30)
        self.addCleanup(hot.close)
        await hot.start()
        await self.load_core(hot)
        self.assertIsInstance(self.ledger, Ledger)
        await self.call("16045550301", "r1", KOREA, minimum=60)
        await self.hang_up("16045550301", "r1", 90)
        self.assertEqual(self.money("16045550301"), ("4.4", "0"))
        self.assertGreater(self.one("select sum(charged_amount) from xdr where storage = 'c'"), owed)
        self.assertEqual([row["name"] for row in await self.do("tariff.list", by=reseller)], ["Prairie retail"])
        self.assertEqual({row["managed_by"] for row in await self.do("product.list", by=reseller)}, {"Demo reseller"})
        await self.assert_books()


class ForeignTests(DeskCase):
    """What is the environment's, and what is said from above."""

    async def test_shared(self) -> None:
        """Services, policies and destinations are seen and used, never changed; those who sell nothing don't see them."""
        reseller = self.reseller(role=Role.ROOT)
        for entity, name in (("service", {"name": "Voice calls"}), ("policy", {"name": "Slices"}), ("destination", {"prefix": "82"})):
            before = await self.do(f"{entity}.show", name)
            self.assertEqual(await self.do(f"{entity}.show", name, by=reseller), before)
            self.assertIn(before, await self.do(f"{entity}.list", by=reseller, limit="0"))
            new = {"type": "Voice", "base": "session-time"} if entity == "service" else {}
            for verb, more in (("change", {"rename": "Mine"}), ("remove", {}), ("add", new)):
                with self.assertRaises(NotPermitted, msg=f"{entity}.{verb}"):
                    await self.do(f"{entity}.{verb}", {**name, **more}, by=reseller)
            self.assertEqual(await self.do(f"{entity}.show", name), before)
            with self.assertRaises(NotThere):
                await self.do(f"{entity}.show", name, by=self.customer())
        self.assertEqual(self.audited("service") + self.audited("policy") + self.audited("destination"), [])

    async def test_parts_of_shared(self) -> None:
        """The groups of a shared set are shared with it."""
        await self.do("destination-set.add", name="Earth")
        await self.do("destination-group.add", set="Earth", name="Asia")
        reseller = self.reseller()
        self.assertEqual([row["name"] for row in await self.do("destination-group.list", by=reseller, set="Earth")], ["Asia"])
        for verb, values in (("add", {"name": "Europe"}), ("change", {"name": "Asia", "rename": "East"}), ("remove", {"name": "Asia"})):
            with self.assertRaises(NotPermitted):
                await self.do(f"destination-group.{verb}", {"set": "Earth", **values}, by=reseller)
        self.assertEqual([row["name"] for row in await self.do("destination-group.list", set="Earth")], ["Asia"])

    async def test_what_it_pays(self) -> None:
        """Its own price, limit, money and state are changed by who stands above it; a distributor changes those of a reseller below it."""
        reseller = self.reseller(role=Role.ROOT)
        await self.do("tariff.add", by=reseller, name="Cheap", currency="CAD", service="Voice calls", applied_to="reseller")
        await self.do("tariff.add", by=reseller, name="Retail", currency="CAD", service="Voice calls")
        await self.do("product.add", by=reseller, name="Sold", currency="CAD")
        entry = {"product": "Sold", "service": "Voice calls", "tariff": "Retail"}
        with self.assertRaises(NotPermitted):
            await self.do("entry.add", {**entry, "reseller_tariff": "Cheap"}, by=reseller)
        made = await self.do("entry.add", entry, by=reseller)
        with self.assertRaises(NotPermitted):
            await self.do("entry.change", by=reseller, product="Sold", number=str(made["number"]), reseller_tariff="Cheap")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("entry.change", product="Sold", number=str(made["number"]), tariff="null")
        self.assertIn("one is needed", str(caught.exception))
        before = self.ask("select * from customers where name = 'Demo reseller'")
        own = {"name": "Demo reseller"}
        for operation, values in (
            ("customer.change", {"tariff": "Cheap"}), ("customer.change", {"credit_limit": "null"}), ("customer.credit", {"amount": "100"}),
            ("customer.pay", {"amount": "100"}), ("customer.promo", {"amount": "1"}), ("customer.charge", {"amount": "1"}), ("customer.block", {}),
            ("customer.unblock", {}), ("customer.suspend", {}), ("customer.unsuspend", {}), ("customer.close", {}), ("customer.status", {"to": "inactive"}),
            ("customer.move", {"parent": "Demo reseller"}),
        ):  # fmt: skip
            with self.assertRaises(OperationRefused, msg=f"{operation} {values}"):
                await self.do(operation, {**own, **values}, by=reseller)
        self.assertEqual(self.ask("select * from customers where name = 'Demo reseller'"), before)
        self.assertEqual((await self.do("customer.show", own, by=reseller))["name"], "Demo reseller")
        await self.do("customer.add", by=reseller, name="Below", type="reseller", currency="CAD")
        changed = await self.do("customer.change", by=reseller, name="Below", tariff="Cheap", credit_limit="10")
        self.assertEqual((changed["tariff"], changed["credit_limit"]), ("Cheap", Decimal(10)))
        await self.do("customer.credit", by=reseller, name="Below", amount="5")

    async def test_own_row_everywhere(self) -> None:
        """No operation that changes something does it to the reseller who asks, whatever its name; a guard for operations to come."""
        reseller = self.reseller(role=Role.ROOT)
        before = self.ask("select * from customers c left join customer_details using (i_customer) where c.name = 'Demo reseller'")
        for operation in OPERATIONS.values():
            if operation.words[0].partition(".")[0] == "customer" and operation.privilege is not Privilege.READ and operation.words[1] != "add":
                needed = [field.name for field in operation.arguments if field.has(Mark.REQUIRED)]
                values = {name: "Demo reseller" if name in ("name", "customer") else "1" for name in needed}
                with self.assertRaises(OperationRefused, msg=operation.name):
                    await self.do(operation.name, values, by=reseller)
        self.assertEqual(self.ask("select * from customers c left join customer_details using (i_customer) where c.name = 'Demo reseller'"), before)

    async def test_neighbours(self) -> None:
        """Of two resellers neither sees, names nor changes what the other one sells."""
        for name in ("East", "West"):
            await self.do("customer.add", name=name, type="reseller", currency="CAD")
        east, west = self.reseller("East"), self.reseller("West")
        await self.do("tariff.add", by=east, name="East retail", currency="CAD", service="Voice calls")
        rate = await self.do("rate.add", by=east, tariff="East retail", destination="82", price_first="1", price_n="1", effective_from="2100-01-01")
        await self.do("product.add", by=east, name="East calls", currency="CAD")
        entry = await self.do("entry.add", by=east, product="East calls", service="Voice calls", tariff="East retail")
        await self.do("product.add", by=west, name="West calls", currency="CAD")
        for name in ("tariff", "product"):
            self.assertNotIn("East", str(await self.do(f"{name}.list", by=west, limit="0")))
        for operation, values in (
            ("tariff.show", {"name": "East retail"}), ("tariff.change", {"name": "East retail", "connect_fee": "1"}),
            ("tariff.remove", {"name": "East retail"}),
            ("rate.list", {"tariff": "East retail"}), ("rate.add", {"tariff": "East retail", "destination": "82", "price_first": "0", "price_n": "0"}),
            ("rate.remove", {"tariff": "East retail", "number": str(rate["number"])}), ("product.show", {"name": "East calls"}),
            ("product.change", {"name": "East calls", "breakage": "9"}), ("product.remove", {"name": "East calls"}), ("entry.list", {"product": "East calls"}),
            ("entry.remove", {"product": "East calls", "number": str(entry["number"])}),
            ("entry.add", {"product": "West calls", "service": "Voice calls", "tariff": "East retail"}),
            ("tariff.add", {"name": "Mine", "currency": "CAD", "service": "Voice calls", "managed_by": "East"}),
            ("product.add", {"name": "Ours", "currency": "CAD", "managed_by": "null"}),
        ):  # fmt: skip
            with self.assertRaises(OperationRefused, msg=f"{operation} {values}"):
                await self.do(operation, values, by=west)
        self.assertEqual(len(await self.do("rate.list", by=east, tariff="East retail")), 1)
