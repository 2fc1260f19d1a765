"""Operations on the catalogue: prices from Monday on, who manages what, each entity from its addition to its removal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twisted.internet import reactor

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import NotThere, OperationRefused
from portaswitch.operations.entities import ENTITIES
from portaswitch.operations.registry import OPERATIONS
from portaswitch.store import quoting
from portaswitch.store.catalogue import CatalogueStore
from tests.claims import claims
from tests.server.desks import DeskCase

NEXT = (datetime.now(UTC) + timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)


class PriceTests(DeskCase):
    """New prices have a date; those of before stay."""

    async def test_from_monday(self) -> None:
        """A rate with a later date holds from then on, in the catalogue that the server reads too."""
        await self.do("rate.add", tariff="Office retail", destination="1604", price_first="0.5", price_n="0.5", effective_from=NEXT.date().isoformat())
        store = CatalogueStore(self.pool, reactor, self.sealer.open)
        await store.reload()
        tariff = next(tariff for tariff in store.current().tariffs.values() if tariff.name == "Office retail")
        now, then = tariff.find("16045550199", NEXT - timedelta(seconds=1)), tariff.find("16045550199", NEXT)
        assert now is not None and then is not None
        self.assertNotEqual(now.price_n, Decimal("0.5"))
        self.assertEqual(then.price_n, Decimal("0.5"))

    async def test_remove(self) -> None:
        """A rate that has not begun can go; one that holds can't, what was charged by must stay."""
        new = await self.do("rate.add", tariff="Office retail", destination="1604", price_first="1", price_n="1", effective_from=NEXT.isoformat())
        await self.do("rate.remove", tariff="Office retail", number=str(new["number"]))
        with self.assertRaises(NotThere):
            await self.do("rate.show", tariff="Office retail", number=str(new["number"]))
        (held, *_) = await self.do("rate.list", tariff="Office retail")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("rate.remove", tariff="Office retail", number=str(held["number"]))
        self.assertIn("holds already", str(caught.exception))

    async def test_refused(self) -> None:
        """All faults at once: prices that are none, a date that is none, a prefix that is not there comes after them."""
        with self.assertRaises(OperationRefused) as caught:
            await self.do("rate.add", tariff="Office retail", destination="1604", price_first="1,5", price_n="x", effective_from="Monday")
        self.assertEqual(len(caught.exception.faults), 3)
        with self.assertRaises(OperationRefused) as caught:
            await self.do("rate.add", tariff="No such", destination="99999", price_first="1", price_n="1")
        told = (f"{name}: there is no {name} {wrong} (see `portaswitch {name} list`)" for name, wrong in (("tariff", "No such"), ("destination", "99999")))
        self.assertEqual(caught.exception.faults, tuple(told))
        with self.assertRaises(OperationRefused) as caught:
            await self.do("rate.add", tariff="Office retial", destination="1604", price_first="1", price_n="1")
        self.assertEqual(caught.exception.faults, ("tariff: there is no tariff Office retial: did you mean Office retail?",))


class ConnectionTests(DeskCase):
    """Vendors are known by the addresses of their connections."""

    async def test_one_address(self) -> None:
        """Environments have the same address each for a vendor of its own; of several connections in one the oldest that has a tariff charges."""
        made = (
            "insert into connections (i_vendor, name, remote_ip, i_tariff) select i_vendor, %s, '192.0.2.77', (select i_tariff from tariffs where name = %s) "
            "from vendors where name = %s"
        )
        self.ask("insert into environments (i_env, name) values (2, 'Other'); insert into vendors (i_env, name, currency) values (2, 'Far', 'CAD'), "
                 "(1, 'Late', 'CAD'), (1, 'Free', 'CAD')")  # fmt: skip
        for name, tariff, vendor in (("a", "Carrier", "Far"), ("b", "Carrier", "Late"), ("c", None, "Free"), ("d", None, "Far")):
            self.ask(made, (name, tariff, vendor))
        self.assertEqual(await self.vendors(), {(1, "192.0.2.77"): "Demo Carrier", (2, "192.0.2.77"): "Far"})
        self.assertEqual(await quoting.vendors(self.pool, self.root), {"192.0.2.77": "Demo Carrier"})
        self.ask("update connections set active = false where name = 'To Demo Carrier'")
        self.assertEqual(await self.vendors(), {(1, "192.0.2.77"): "Late", (2, "192.0.2.77"): "Far"})
        self.assertEqual(await quoting.vendors(self.pool, self.root), {"192.0.2.77": "Late"})

    async def vendors(self) -> dict[tuple[int, str], str]:
        """Whose connection is at each address, as the server reads it."""
        store, names = CatalogueStore(self.pool, reactor, self.sealer.open), dict(self.ask("select i_vendor, name from vendors"))
        await store.reload()
        return {place: names[connection.i_vendor] for place, connection in store.current().connections.items()}


class CollectorTests(DeskCase):
    """Who is told of the addresses of a node's sessions."""

    async def test_refused(self) -> None:
        """One with an address, that has none itself, of a node that accounts by RADIUS; and it stays while it is somebody's."""
        await self.do("node.add", name="spb", nas_ip="192.0.2.90")
        await self.do("node.add", name="bras", nas_ip="192.0.2.91")
        await self.do("node.add", name="pgw", origin_host="pgw.example.com")
        self.assertEqual(await self.why_not("node.change", name="bras", accounting_copy="spb"),
                         ("accounting_copy: node spb has no coa_address: give it the address that copies are to go to",))  # fmt: skip
        await self.do("node.change", name="spb", coa_address="192.0.2.90", coa_port="1813")
        self.assertEqual((await self.do("node.change", name="bras", accounting_copy="spb", coa_address="192.0.2.91"))["accounting_copy"], "spb")
        for name, collector, told in (("spb", "bras", "bras has a collector itself"), ("bras", "bras", "bras has"), ("pgw", "spb", "a Diameter peer does not")):
            self.assertIn(told, " ".join(await self.why_not("node.change", name=name, accounting_copy=collector)))
        self.assertIn("is in use", " ".join(await self.why_not("node.remove", name="spb")))
        await self.do("node.change", name="bras", accounting_copy="null")
        await self.do("node.remove", name="spb")

    async def why_not(self, operation: str, **values: str) -> tuple[str, ...]:
        """The faults of what is refused."""
        with self.assertRaises(OperationRefused) as caught:
            await self.put(operation, values)
        return tuple(caught.exception.faults)


class ManagedTests(DeskCase):
    """Tariffs have their kind, and who manages a product offers it tariffs of its own (mr15, tariff types)."""

    @claims("mr15.tariff-types.1")
    async def test_kind(self) -> None:
        """A tariff is a customer's, reseller's or vendor's from its creation on, and belongs only where that is meant."""
        made = await self.do("tariff.add", name="Wholesale", currency="CAD", service="Voice calls", applied_to="reseller")
        self.assertEqual(made["applied_to"], "reseller")
        self.assertEqual(self.one("select applied_to from tariffs where name = 'Wholesale'"), "reseller")
        with self.assertRaises(OperationRefused):
            await self.do("tariff.change", name="Wholesale", applied_to="customer")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("entry.add", product="Office", service="Voice calls", access_code="X", tariff="Wholesale")
        self.assertIn("applied to reseller", str(caught.exception))

    @claims("mr15.service-types.5")
    async def test_one_service(self) -> None:
        """A tariff is for the one service that it is made for: without one there is none, and it stays."""
        for given in ({}, {"service": "Voice calls, Internet volume"}):
            with self.assertRaises(OperationRefused):
                await self.put("tariff.add", {"name": "Any", "currency": "CAD", **given})
        await self.do("tariff.add", name="Any", currency="CAD", service="Voice calls")
        with self.assertRaises(OperationRefused):
            await self.do("tariff.change", name="Any", service="Internet volume")
        self.assertEqual(self.ask("select s.name from tariffs t join services s using (i_service) where t.name = 'Any'"), [("Voice calls",)])

    @claims("mr15.tariff-types.2", "mr15.tariff-types.3")
    async def test_managed(self) -> None:
        """A reseller's product takes its own tariffs alone, one of administrators only theirs; neither sees the other's."""
        reseller = self.reseller()
        await self.do("tariff.add", name="Mine", currency="CAD", service="Voice calls", managed_by="Demo reseller")
        await self.do("product.add", by=reseller, name="Sold", currency="CAD")
        self.assertEqual([row["name"] for row in await self.do("tariff.list", by=reseller)], ["Mine"])
        self.assertEqual((await self.do("product.show", name="Sold"))["managed_by"], "Demo reseller")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("entry.add", product="Office", service="Voice calls", access_code="X", tariff="Mine")
        self.assertIn("managed by Demo reseller", str(caught.exception))
        with self.assertRaises(OperationRefused) as caught:
            await self.do("entry.add", product="Sold", service="Voice calls", tariff="Office retail")
        self.assertIn("managed by administrators only", str(caught.exception))
        await self.do("entry.add", product="Sold", service="Voice calls", tariff="Mine")
        self.assertEqual(self.one("select count(*) from accessibility join products using (i_product) where name = 'Sold'"), 1)


WHOLE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "service": ({"name": "Films", "type": "Quantity", "base": "quantity"}, {"unit": "2"}),
    "policy": ({"name": "Short", "protection": "slice"}, {"max_units": "600"}),
    "destination": ({"prefix": "9991"}, {"country": "XX"}),
    "destination-set": ({"name": "All"}, {}),
    "tariff": ({"name": "T", "currency": "CAD", "service": "Voice calls"}, {"connect_fee": "0.10", "precision": "2"}),
    "subscription": ({"name": "S", "currency": "CAD", "charge_model": "advance"}, {"activation_fee": "2.50", "prorate": "no"}),
    "product": ({"name": "P", "currency": "CAD"}, {"breakage": "0.05"}),
    "discount-plan": ({"name": "D", "currency": "CAD"}, {"combine": "first"}),
    "access-policy": ({"name": "A"}, {"default_level": "turbo"}),
    "node": ({"name": "N", "nas_ip": "192.0.2.9"}, {"nas_identifier": "n9", "profile": "generic"}),
    "client": ({"address": "192.0.2.0/28", "secret": "0123456789abcdef"}, {"secret": "fedcba9876543210", "ignore_password": "yes"}),
    "vendor": ({"name": "V", "currency": "CAD"}, {"timezone": "Europe/Berlin"}),
    "custom-field": ({"name": "F", "applies_to": "account"}, {"mandatory": "yes"}),
    "ip-pool": ({"name": "I"}, {"lease_time": "600"}),
}
"""What each entity is added with, and what is changed then."""


class LifeTests(DeskCase):
    """Every entity from its addition to its removal."""

    async def test_each(self) -> None:
        """Added, listed, shown, changed, removed; the audit has three lines of each, and nothing is left."""
        for name, (new, changes) in WHOLE.items():
            field, key = next(iter(new.items()))
            place = {field: key}
            await self.put(f"{name}.add", new)
            self.assertIn(key, [row[field] for row in await self.do(f"{name}.list", limit="0")], name)
            changed = await self.put(f"{name}.change", {**place, **changes})
            self.assertEqual(changed, await self.put(f"{name}.show", place), name)
            await self.put(f"{name}.remove", place)
            with self.assertRaises(NotThere):
                await self.put(f"{name}.show", place)
            lines = [f"{name}.{verb}" for verb in ("add", "change", "remove") if changes or verb != "change"]
            self.assertEqual([line[1] for line in self.audited(name)], lines)

    async def test_in_use(self) -> None:
        """What something else stands on is not removed, and the reason says so."""
        for operation, name in (("tariff", "Office retail"), ("product", "Office"), ("service", "Voice calls"), ("node", "Card gateway")):
            with self.assertRaises(OperationRefused) as caught:
                await self.do(f"{operation}.remove", name=name)
            self.assertIn("in use", str(caught.exception), operation)

    async def test_all_are_tried(self) -> None:
        """An entity of the catalogue that is added without its outer thing is in the table above."""
        alone = {
            operation.words[0]
            for operation in OPERATIONS.values()
            if operation.words[0] in ENTITIES and operation.words[1] == "add"
            if operation.privilege is Privilege.CATALOGUE and not operation.arguments[0].refers
        }
        self.assertEqual(alone, set(WHOLE))

    async def test_inner_things(self) -> None:
        """A connection, a phase and a group live below their outer things; a fault in a period has its reason."""
        await self.do("connection.add", vendor="Demo Carrier", name="C", type="SIP", remote_ip="192.0.2.99")
        with self.assertRaises(OperationRefused):
            await self.do("connection.change", vendor="Demo Carrier", name="C", tariff="Office retail")
        await self.do("connection.remove", vendor="Demo Carrier", name="C")
        await self.do("access-policy.add", name="Night")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("access-phase.add", policy="Night", name="late", period="hr{nine}", level="turbo")
        self.assertIn("period", str(caught.exception))
        await self.do("access-phase.add", policy="Night", name="late", period="hr{22-6}", level="turbo")
        changed = await self.do("access-phase.change", policy="Night", name="late", level="limited")
        self.assertEqual((changed["period"], changed["level"]), ("hr{22-6}", "limited"))
        for values in ({"period": "null"}, {"period": "hr{nine}"}):
            with self.assertRaises(OperationRefused):
                await self.do("access-phase.change", values, policy="Night", name="late")
        await self.do("access-policy.remove", name="Night")
        self.assertEqual(self.one("select count(*) from access_policy_phases where name = 'late'"), 0)
