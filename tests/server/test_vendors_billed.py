"""What is sold with a vendor's service costs a fee by the calendar, which is charged while the service is there and stands on the customer's bill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from portaswitch.jobs import fees
from portaswitch.store.statements_fees import due_fees
from tests.claims import claims
from tests.server.event_cases import RETAIL, op
from tests.server.fleet import FLEET, LOGIN, POLICY, Vendor, described
from tests.server.test_vendors_told import NEW, ToldCase
from tests.simulators.private_access import BRIDGEWATER, JSON_TV, XML_TV

MONTH_AGO = """
update account_subscriptions set start_date = start_date - interval '1 month', next_due = next_due - interval '1 month',
    billed_to = (date_trunc('month', billed_to) - interval '1 day')::date
"""


def sold(product: str, fee: str, **values: Any) -> tuple[Any, ...]:
    """A product with a fee for each month, which is charged when the month begins, the first one whole too."""
    return (
        op("subscription.add", name=f"{product} monthly", currency="CAD", charge_model="advance", prorate="no"),
        op("subscription.price", name=f"{product} monthly", fee=fee, period="month"),
        op("product.add", name=product, currency="CAD", subscription=f"{product} monthly", **values),
    )


class BilledCase(ToldCase):
    """Vendors, and the job that charges fees."""

    async def charge(self) -> None:
        """A pass of the job, and another one that finds nothing."""
        for _ in range(2):
            await fees(self.desk, lambda: due_fees(self.pool))()
        await self.settle()

    async def bill(self) -> list[tuple[str, int, str]]:
        """What stands on the customer's bill since yesterday: fees by their names, with how many and how much in all."""
        now = datetime.now(UTC)
        times = {"from": f"{now - timedelta(days=1):%Y-%m-%d}", "to": f"{now + timedelta(days=1):%Y-%m-%d}"}
        rows = await self.put("customer.bill", {"name": RETAIL, **times})
        self.assertEqual({row["currency"] for row in rows}, {"CAD"} if rows else set())
        found: dict[str, list[Any]] = {}
        for row in rows:
            name = row["what"].partition(":")[0]
            count, amount = found.get(name, [0, 0])
            found[name] = [count + row["count"], amount + row["amount"]]
        return [(name, count, f"{amount:.2f}") for name, (count, amount) in sorted(found.items())]


class WimaxTests(BilledCase):
    """Bridgewater: profiles with a preset bandwidth, or a preset quota."""

    async def line(self, product: str) -> Any:
        """The server with Bridgewater, where both profiles are defined, and an account of that product; what Bridgewater has."""
        self.fleet = {**FLEET, "Bridgewater": Vendor(described(BRIDGEWATER, profile=("Wimax 2M", "Wimax 5G")), LOGIN)}
        await self.begin(["Bridgewater"])
        await self.all_steps([
            *sold("Wimax 2M", "25.00", access_policy=POLICY),
            op("discount-plan.add", name="5G", currency="CAD"),
            op("discount-plan.item.add", plan="5G", service="Internet access", kind="quota", thresholds="5000: forbidden"),
            *sold("Wimax 5G", "15.00", access_policy=POLICY, discount_plan="5G"),
            op("account.add", id=NEW, customer=RETAIL, model="credit", product="Office"), op("account.product", id=NEW, product=product),
        ])  # fmt: skip
        return self.vendors["Bridgewater"].records

    @claims("bridgewater.1")
    async def test_bandwidth(self) -> None:
        """The profile of the bandwidth, no limit of data and no price for it, and the same fee each month as long as it is had."""
        users = await self.line("Wimax 2M")
        self.assertEqual(users[NEW]["profile"], "Wimax 2M")
        self.assertEqual(await self.do("counter.list", account=NEW), [])
        await self.charge()
        self.assertEqual(await self.bill(), [("Wimax 2M monthly", 1, "25.00")])
        self.ask(MONTH_AGO)
        await self.charge()
        self.assertEqual(await self.bill(), [("Wimax 2M monthly", 2, "50.00")])
        await self.all_steps([op("account.close", id=NEW)])
        self.ask(MONTH_AGO)
        await self.charge()
        self.assertEqual((await self.bill(), NEW in users), ([("Wimax 2M monthly", 2, "50.00")], False))

    @claims("bridgewater.2")
    async def test_quota(self) -> None:
        """The profile of the quota, the quota itself, and its fee; a change to the other one changes both profile and fee."""
        users = await self.line("Wimax 5G")
        self.assertEqual(users[NEW]["profile"], "Wimax 5G")
        item = (await self.do("discount-plan.item.list", plan="5G"))[0]
        self.assertEqual((item["kind"], item["thresholds"]), ("quota", "5000: forbidden"))
        await self.charge()
        self.assertEqual(await self.bill(), [("Wimax 5G monthly", 1, "15.00")])
        await self.all_steps([op("account.product", id=NEW, product="Wimax 2M")])
        await self.charge()
        self.assertEqual(users[NEW]["profile"], "Wimax 2M")
        self.assertEqual(await self.bill(), [("Wimax 2M monthly", 1, "25.00"), ("Wimax 5G monthly", 1, "15.00")])


class TelevisionTests(BilledCase):
    """Platforms of the IPTV handler."""

    async def assert_fees(self, platform: str, description: Mapping[str, Any]) -> None:
        """On with its fee each month, on the bill with what else was charged; off without its product, and no fee any more."""
        self.fleet = {**FLEET, "IPTV": Vendor(described(description), {**LOGIN, "platform": platform})}
        await self.begin(["IPTV"])
        viewers = self.vendors["IPTV"]
        await self.text('products: {"TV sports": {currency: CAD, features: {iptv: {flag: "Y", attributes: {channel_package: [sports]}}}}}')
        add, price, _ = sold("TV sports", "9.90")
        await self.all_steps([
            add, price, op("product.change", name="TV sports", subscription="TV sports monthly"), op("product.add", name="Text only", currency="CAD"),
            op("account.add", id=NEW, customer=RETAIL, model="credit", product="TV sports"),
        ])  # fmt: skip
        self.assertEqual((viewers.records[NEW]["status"], set(viewers.members[NEW])), ("1", {"sports"}))
        await self.charge()
        await self.all_steps([op("account.charge", id=NEW, amount="4.00", comment="Set-top box")])
        self.assertEqual(await self.bill(), [("Set-top box", 1, "4.00"), ("TV sports monthly", 1, "9.90")])
        self.assertEqual(f"{self.one('select balance from accounts where id = %s', (NEW,)):.2f}", "13.90")
        self.ask(MONTH_AGO)
        await self.charge()
        await self.all_steps([op("account.product", id=NEW, product="Text only")])
        await self.charge()
        self.ask(MONTH_AGO)
        await self.charge()
        self.assertEqual(viewers.records[NEW]["status"], "0")
        self.assertEqual(await self.bill(), [("Set-top box", 1, "4.00"), ("TV sports monthly", 2, "19.80")])

    @claims("minerva.8")
    async def test_minerva(self) -> None:
        """Fees of Minerva's packages, on the bill."""
        await self.assert_fees("minerva", XML_TV)

    @claims("matrixstream.7")
    async def test_matrixstream(self) -> None:
        """Charges for MatrixStream's packages, on the bill."""
        await self.assert_fees("matrixstream", XML_TV)

    @claims("telebreeze.3")
    async def test_telebreeze(self) -> None:
        """Fees of Telebreeze's packages."""
        await self.assert_fees("telebreeze", JSON_TV)
