"""Vendors' simulators behind a whole server: what somebody does, or what an outside system reports, arrives there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.claims import claims
from tests.server.desks import CARD, LINE
from tests.server.event_cases import PERSON, RETAIL, Step, op
from tests.server.fleet import CARDS, ICCID, POLICY, SPARE
from tests.server.fleet_case import FleetCase

NEW = "16045550177"
ADDED = "Custom/Inventory/DeviceAdded"
#: The last device is told of once more.
AGAIN = (
    "with one as (insert into event_queue (i_env, event_type, entity, variables) "
    f"select i_env, event_type, entity, variables from event_history where event_type = '{ADDED}' limit 1 returning i_event, entity) "
    "insert into event_notifications (i_event, i_handler, entity, lane) select i_event, i_handler, entity, 1 from one, event_handlers where class = 'NBBS'"
)
PERSON_OF_LINE = f"update accounts set i_subscriber = (select max(i_subscriber) from subscribers) where id = '{LINE}'"


class ToldCase(FleetCase):
    """What a vendor shows after what was done."""

    async def assert_seen(self, seen: Any, steps: Iterable[tuple[Step, Any]]) -> None:
        """What the vendor shows after each step."""
        for place, (step, state) in enumerate(steps):
            await self.all_steps([step])
            self.assertEqual(seen(), state, f"step {place}: {step}")


class QuotaTests(ToldCase):
    """Jasper, where the month's quota of a SIM ends."""

    @claims("jasper.3", "jasper.4", "jasper.5")
    async def test_jasper(self) -> None:
        """A quota that is used up changes the product, and the SIM is off; another product, the one before too, brings SIM and rate plan of its name."""
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

    async def test_bought_meanwhile(self) -> None:
        """A report that waits while Jasper is away does not take away what is bought before it arrives."""
        await self.begin(["Jasper"])
        await self.everybody(LINE)
        await self.places["Jasper"].close()
        await self.step(op("account.report", id=LINE, source="Jasper", kind="CapReached", details='{"ctdDataUsage": 5}'))
        await self.step(op("account.product", id=LINE, product="PrepaidCard"))
        self.places["Jasper"].open()
        await self.settle()
        device = self.vendors["Jasper"].devices[ICCID[CARDS[LINE]]].data
        product = self.one("select products.name from accounts join products using (i_product) where id = %s", (LINE,))
        self.assertEqual((product, device["status"], device["ratePlan"]), ("PrepaidCard", "ACTIVATED", "PrepaidCard"))


class ChangeTests(ToldCase):
    """What somebody does to an account."""

    @claims("zte-hss.1")
    async def test_zte(self) -> None:
        """A new account with a card, its number, a block, a product without the service and with it again."""
        await self.begin(["ZXUN::HSS"])
        hlr = self.vendors["ZXUN::HSS"].hlr

        def seen() -> Any:
            return {imsi: (one.isdn, one.group("LCK").get("IC"), "CNTXID" in one.group("EPS CNTX 1")) for imsi, one in hlr.records.items()}

        free = (NEW, "FALSE", True)
        await self.assert_seen(seen, (
            (op("account.add", id=NEW, customer=RETAIL, model="debit", product="Office"), {}),
            (op("sim.assign", imsi=SPARE[0], account=NEW), {SPARE[0]: free}),
            (op("account.block", id=NEW), {SPARE[0]: (NEW, "TRUE", True)}), (op("account.unblock", id=NEW), {SPARE[0]: free}),
            (op("product.add", name="Text only", currency="CAD"), {SPARE[0]: free}), (op("account.product", id=NEW, product="Text only"), {}),
            (op("account.product", id=NEW, product="Office"), {SPARE[0]: free}),
        ))  # fmt: skip

    @claims("sandvine.3")
    async def test_sandvine(self) -> None:
        """A new customer's account is there with the policy of its product, which is in force once there is money."""
        await self.begin(["Sandvine"])
        spb = self.vendors["Sandvine"]
        await self.assert_seen(lambda: {name: one.attributes for name, one in spb.subscribers.items()}, (
            (op("customer.add", name="New one", currency="CAD"), {}),
            (op("account.add", id=NEW, customer="New one", model="debit", product="Office"), {NEW: {"Policy": "blocked"}}),
            (op("account.topup", id=NEW, amount="5"), {NEW: {"Policy": POLICY}}),
        ))  # fmt: skip

    @claims("ecconnect.9")
    async def test_location(self) -> None:
        """A location is told to the portal by a webhook, and bars data at the core."""
        await self.begin(["ECConnect"], ["EventSender"])
        core, portal = self.vendors["ECConnect"], self.vendors["EventSender"]
        await self.everybody(LINE)
        await self.all_steps([op("account.custom", id=LINE, field="location", value="MARITIME")])
        told = [one["variables"] for one in portal.heard if one["event_type"] == "Account/CustomField/Changed" and one["variables"]["field_name"] == "location"]
        self.assertEqual([(one["i_account"], one["curr_value"]) for one in told], [(str(self.number("accounts", "i_account", id=LINE)), "MARITIME")])
        (phone,) = core.phones.values()
        self.assertEqual((phone["msisdn"], phone["dataBar"], phone["status"]), (LINE, "on", "active"))

    async def test_person(self) -> None:
        """Another name of the person behind an account reaches the account's television."""
        await self.begin(["IPTV"])
        await self.all_steps([PERSON, PERSON_OF_LINE])
        await self.everybody(LINE)
        accounts = self.vendors["IPTV"].accounts
        self.assertEqual(accounts[LINE]["full_name"], "Ann")
        await self.all_steps([op("subscriber.change", number="select max(i_subscriber) from subscribers", firstname="Bea")])
        self.assertEqual(accounts[LINE]["full_name"], "Bea")

    @claims("nbbs.1")
    async def test_inventory(self) -> None:
        """A device that comes into the inventory is registered, for nobody, told twice once; it is bound when an account gets it, and free again after."""
        await self.begin(["NBBS"])
        self.ask("insert into event_subscriptions select i_handler, %s from event_handlers where class = 'NBBS'", (ADDED,))
        nbbs = self.vendors["NBBS"]

        def seen() -> Any:
            return {mac: (one["serial"], one["model"], one["profile"], one["subscriber"], one["enabled"]) for mac, one in nbbs.records.items()}

        mac, device = "00:11:22:33:44:99", ("S-9", "Demo ONT-4", "Home ONT")
        await self.assert_seen(seen, (
            (op("cpe.add", name="Modem 9", model="Demo ONT-4", profile="Home ONT", mac=mac, inventory_id="S-9"), {mac: (*device, "", "false")}),
            (AGAIN, {mac: (*device, "", "false")}), (op("cpe-port.add", cpe="Modem 9", port="1", account=LINE), {mac: (*device, LINE, "true")}),
            (op("cpe-port.remove", cpe="Modem 9", port="1"), {mac: (*device, "", "true")}),
        ))  # fmt: skip

    async def test_ports(self) -> None:
        """Two accounts on the ports of one device do not take it from each other for ever: it is bound to the one that was told last."""
        await self.begin(["NBBS"])
        nbbs, mac = self.vendors["NBBS"], "00:11:22:33:44:99"
        steps: list[tuple[Step, Any]] = [(op("cpe.add", name="Modem 9", model="M9", mac=mac, inventory_id="S-9", ports="2"), None)]
        steps += [(op("cpe-port.add", cpe="Modem 9", port=port, account=account), account) for port, account in (("1", LINE), ("2", CARD))]
        await self.assert_seen(lambda: nbbs.records[mac]["subscriber"] if mac in nbbs.records else None, steps)

    async def test_owners(self) -> None:
        """A customer's field reaches the application of its accounts, and a new device profile the device management, which hold no state of either."""
        await self.begin(["AudioCodes", "NBBS"])
        await self.everybody(LINE)
        cmms, devices = self.vendors["AudioCodes"], self.vendors["NBBS"]
        self.assertEqual(cmms.records[LINE]["domain"], "")
        await self.all_steps([
            op("custom-field.add", name="domain", applies_to="customer", type="text"), op("cpe-profile.add", name="Homes", model="844E"),
            op("customer.custom", name=RETAIL, field="domain", value="a.example.com"),
        ])  # fmt: skip
        self.assertEqual(cmms.records[LINE]["domain"], "a.example.com")
        self.assertEqual(devices.operations.count("profile"), 1)
