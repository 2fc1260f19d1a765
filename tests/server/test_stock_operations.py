"""SIM cards, devices, numbers and custom fields: given, swapped, taken back; never twice at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from portaswitch.model.actor import Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from tests.server.desks import CARD, LINE, DeskCase
from tests.server.loads import quiet

KEY = "0123456789abcdef0123456789ABCDEF"
ONE, TWO = "302720100000001", "302720100000002"
ALIAS = "16045550102"
"""Of LINE."""


class SimTests(DeskCase):
    """A card goes from the shelf to an account and back."""

    async def prepare(self) -> None:
        """Two cards on the shelf."""
        await super().prepare()
        await self.do("sim.add", imsi=ONE, iccid="8930272010000000001", ki=KEY, opc=KEY, pin="1234")
        await self.do("sim.add", imsi=TWO)

    def sims(self) -> list[tuple[Any, ...]]:
        """IMSI, status, MSISDN, and whether an account has it."""
        return self.ask("select imsi, status, msisdn, i_account is not null from sim_cards where imsi like '302%%' order by 1")

    async def test_life(self) -> None:
        """Assigned: its MSISDN is the account; in use it is not removed; released: free again; disposed: for good."""
        await self.do("sim.assign", imsi=ONE, account=LINE)
        self.assertEqual(self.sims(), [(ONE, "in_use", LINE, True), (TWO, "available", None, False)])
        for operation, told in (("sim.remove", "in use"), ("sim.dispose", "must be")):
            with self.assertRaises(OperationRefused) as caught:
                await self.do(operation, imsi=ONE)
            self.assertIn(told, str(caught.exception))
        await self.do("sim.release", imsi=ONE)
        await self.do("sim.dispose", imsi=ONE)
        self.assertEqual(self.sims()[0], (ONE, "disposed", None, False))
        with self.assertRaises(OperationRefused):
            await self.do("sim.assign", imsi=ONE, account=LINE)

    async def test_swap(self) -> None:
        """One transaction: the old card is free, the new one has the account."""
        await self.do("sim.assign", imsi=ONE, account=LINE)
        await self.do("sim.swap", imsi=ONE, to=TWO)
        self.assertEqual(self.sims(), [(ONE, "available", None, False), (TWO, "in_use", LINE, True)])
        self.assertEqual([line[1] for line in self.audited("sim")][-2:], ["sim.swap", "sim.swap"])

    async def test_at_once(self) -> None:
        """Of ten assignments of one card at once one is done, whoever asks."""
        asked = [self.do("sim.assign", imsi=ONE, account=(LINE, CARD)[place % 2]) for place in range(10)]
        results = await DeferredList([Deferred.fromCoroutine(one) for one in asked], consumeErrors=True)
        self.assertEqual([done for done, _ in results].count(True), 1)
        self.assertEqual(self.one("select count(*) from sim_cards where status = 'in_use' and imsi like '302%%'"), 1)

    async def test_secrets(self) -> None:
        """Ki is sealed, and shown nowhere: that there is one is all."""
        shown = await self.do("sim.show", imsi=ONE)
        self.assertEqual((shown["ki"], shown["puk"]), (True, False))
        self.assertEqual(self.sealer.open(self.one("select ki from sim_cards where imsi = %s", (ONE,))), KEY)
        self.assertNotIn(KEY, str(self.audited("sim")))

    async def test_refused(self) -> None:
        """Every field that is none is named; its secret is not quoted."""
        with self.assertRaises(OperationRefused) as caught:
            await self.do("sim.add", imsi="30272x", iccid="1", ki="secret", pin="12345678901")
        self.assertEqual([fault.split(":")[0] for fault in caught.exception.faults], ["imsi", "iccid", "ki", "pin"])
        self.assertNotIn("secret", str(caught.exception))

    async def test_resellers_stock(self) -> None:
        """A reseller's cards are its own; it does not see the operator's."""
        await self.do("sim.add", by=self.reseller(), imsi="302720100000003")
        self.assertEqual([row["imsi"] for row in await self.do("sim.list", by=self.reseller())], ["302720100000003"])
        with self.assertRaises(NotThere):
            await self.do("sim.assign", by=self.reseller(), imsi=ONE, account=LINE)


class DeviceTests(DeskCase):
    """Devices with accounts on their ports."""

    async def test_ports(self) -> None:
        """A port has one account, and the device has that port."""
        await self.do("cpe-profile.add", name="Home", model="Calix 844G", settings='{"port_type": "GE"}')
        await self.do("cpe.add", name="ONT 1", model="Calix 844G", profile="Home", mac="00-11-22-AA-BB-CC", ports="2", inventory_id="CXNK00112233")
        await self.do("cpe-port.add", cpe="ONT 1", port="1", account=LINE)
        ports = "select u.name, l.port, a.id, u.mac from ua_links l join ua u using (i_ua) join accounts a using (i_account) where u.name = 'ONT 1'"
        self.assertEqual(self.ask(ports), [("ONT 1", 1, LINE, "00:11:22:aa:bb:cc")])  # fmt: skip
        for port, told in (("1", "exists"), ("3", "has 2 ports")):
            with self.assertRaises(OperationRefused) as caught:
                await self.do("cpe-port.add", cpe="ONT 1", port=port, account=CARD)
            self.assertIn(told, str(caught.exception))
        with self.assertRaises(OperationRefused):
            await self.do("cpe.remove", name="ONT 1")
        await self.do("cpe-port.remove", cpe="ONT 1", port="1")
        await self.do("cpe.remove", name="ONT 1")


class NumberTests(DeskCase):
    """A number from the shelf to a customer, to an account, and back."""

    async def test_life(self) -> None:
        """Frozen at first; given; used on an account of that customer only; cancelled; released."""
        await self.do("did.add", number="16045559999", country_iso="CA")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("did.assign", number="16045559999", customer="Demo retail")
        self.assertIn("frozen", str(caught.exception))
        await self.do("did.unfreeze", number="16045559999")
        await self.do("did.assign", number="16045559999", customer="Demo retail")
        with self.assertRaises(OperationRefused):
            await self.do("did.activate", number="16045559999", account="16045550106")
        await self.do("did.activate", number="16045559999", account=LINE)
        for operation in ("did.freeze", "did.remove"):
            with self.assertRaises(OperationRefused):
                await self.do(operation, number="16045559999")
        self.assertEqual((await self.do("did.cancel", number="16045559999"))["customer"], "Demo retail")
        released = await self.do("did.release", number="16045559999")
        self.assertEqual((released["customer"], released["account"], released["frozen"]), (None, None, False))


class AliasTests(DeskCase):
    """What an alias had would keep its account from being closed."""

    async def test_refused(self) -> None:
        """A card, number or port goes to the account itself."""
        await self.do("sim.add", imsi=ONE)
        await self.do("cpe.add", name="ONT 9", model="x", ports="2")
        await self.do("did.add", number="16045559999")
        await self.do("did.unfreeze", number="16045559999")
        await self.do("did.assign", number="16045559999", customer="Demo retail")
        for operation, values in (
            ("sim.assign", {"imsi": ONE}), ("did.activate", {"number": "16045559999"}), ("cpe-port.add", {"cpe": "ONT 9", "port": "1"}),
        ):  # fmt: skip
            with self.assertRaises(OperationRefused) as caught:
                await self.put(operation, {**values, "account": ALIAS})
            self.assertIn(f"{ALIAS} is an alias of {LINE}: name that account", str(caught.exception))
            await self.put(operation, {**values, "account": LINE})
        await self.do("account.close", id=LINE)


class CustomFieldTests(DeskCase):
    """Values by their type; the audit keeps what is personal to itself."""

    async def test_values(self) -> None:
        """Set, changed, emptied; a list takes its choices, a number digits."""
        await self.do("custom-field.add", name="site", applies_to="account", type="list", choices="north, south")
        await self.do("custom-field.add", name="born", applies_to="customer", type="date", personal="yes")
        self.assertIsNone((await self.do("account.custom", id=LINE, field="site", value="north"))["before"])
        self.assertEqual((await self.do("account.custom", id=LINE, field="site", value="south"))["before"], "north")
        with self.assertRaises(OperationRefused) as caught:
            await self.do("account.custom", id=LINE, field="site", value="west")
        self.assertIn("north, south", str(caught.exception))
        for value, before in (("north", "south"), ("south", "north")):
            self.assertEqual((await self.do("account.custom", by=self.reseller(), id=LINE, field="site", value=value))["before"], before)
        await self.do("account.custom", id=LINE, field="site", value="null")
        await self.do("customer.custom", name="Demo retail", field="born", value="1970-01-31")
        self.assertEqual(self.ask("select db_value from custom_field_values where db_value <> 'North'"), [("1970-01-31",)])
        self.assertNotIn("1970", str(self.audited("customer")))
        with self.assertRaises(NotThere):
            await self.do("account.custom", id=LINE, field="born", value="1970-01-31")


class UploadTests(DeskCase):
    """Tables of cards and numbers: whole or not at all."""

    async def upload(self, entity: str, head: str, *rows: str) -> Any:
        """Send a table whose cells have commas between them."""
        return await self.desk.upload(self.root, entity, head.split(","), [row.split(",") for row in rows], quiet)

    async def test_there_and_back(self) -> None:
        """Added with their references and secrets; removed again, beside new ones; audited once."""
        rows = [f"+,30272010{number:07},Demo retail,{KEY}" for number in range(5000)]
        self.assertEqual(await self.upload("sim", "action,imsi,customer,ki", *rows), {"added": 5000, "removed": 0})
        self.assertEqual(self.one("select count(*) from sim_cards join customers using (i_customer) where name = 'Demo retail' and status = 'available'"), 5000)
        self.assertEqual(self.sealer.open(self.one("select ki from sim_cards where imsi = '302720100004711'")), KEY)
        self.assertEqual(await self.upload("sim", "imsi,action,kind", "302720100004711,-", "302720199999999,,esim"), {"added": 1, "removed": 1})
        self.assertEqual(self.ask("select count(*), max(kind) from sim_cards"), [(5000 + 3, "sim")])
        self.assertEqual([line[1] for line in self.audited("sim")], ["sim.upload", "sim.upload"])

    async def test_faults(self) -> None:
        """Each line and column at fault is named, in the order of the file; nothing is changed."""
        await self.do("did.add", number="16045559999")
        rows = "16045550001,,", "x,,", "16045550001,,", "16045559999,,", "16045550002,No such,", "16045550003,,-", "16045550004,,*"
        with self.assertRaises(OperationRefused) as caught:
            await self.upload("did", "number,group,action", *rows)
        places = [fault.split(":")[0] for fault in caught.exception.faults]
        self.assertEqual(places, ["line 3, number", "line 4, number", "line 5, number", "line 6, group", "line 7, number", "line 8, action"])
        self.assertEqual(self.one("select count(*) from dids"), 1 + 2)  # two are the demo's

    async def test_moved_cells(self) -> None:
        """A comma without quotes moves what is behind it into other columns: nothing is taken of such a file. Cells at the end may be missing, or be empty."""
        with self.assertRaises(OperationRefused) as caught:
            await self.upload("did", "number,description,group", "16045550001,Lines, two of them,", "16045550002", "16045550003,One,,,", "16045550004,,,x")
        self.assertEqual([fault.split(":")[0] for fault in caught.exception.faults], ["line 5"])
        self.assertEqual((await self.upload("did", "number,description,group", "16045550002", "16045550003,One,,,"))["added"], 2)

    async def test_head(self) -> None:
        """Columns that are not there, stand twice, or are missing."""
        with self.assertRaises(OperationRefused) as caught:
            await self.upload("sim", "ki,ki,colour", "1,1,red")
        self.assertEqual(len(caught.exception.faults), 3)

    async def test_in_use(self) -> None:
        """What an account has is not removed."""
        await self.do("sim.add", imsi=ONE)
        await self.do("sim.assign", imsi=ONE, account=LINE)
        with self.assertRaises(OperationRefused) as caught:
            await self.upload("sim", "action,imsi", f"-,{ONE}")
        self.assertIn("line 2, imsi: sim 302720100000001 is in use", str(caught.exception))

    async def test_rights(self) -> None:
        """A reseller's upload is in its own stock; a help desk uploads nothing."""
        by = self.reseller()
        await self.desk.upload(by, "sim", ["imsi"], [[ONE], [TWO]], quiet)
        self.assertEqual(len(await self.do("sim.list", by=by)), 2)
        with self.assertRaises(NotPermitted):
            await self.desk.upload(self.reseller(role=Role.HELPDESK), "sim", ["imsi"], [["302720100000009"]], quiet)
        before = self.one("select count(*) from dids")
        with self.assertRaises(NotPermitted):  # numbers are the environment's, whatever way they come
            await self.desk.upload(by, "did", ["number"], [["16045550001"]], quiet)
        self.assertEqual(self.one("select count(*) from dids"), before)
