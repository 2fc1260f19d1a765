"""What outside systems sell and register, over HTTP: each purchase is an xDR, once, and only where the money reaches."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.claims import claims
from tests.server.charging import ChargingCase
from tests.server.event_cases import RETAIL
from tests.server.outside import asked
from tests.server.pools import until
from tests.server.test_espf_api import EspfCase, basic
from tests.server.test_status import free_port
from tests.server.test_vendors_told import NEW, ToldCase

VIEWER, LOGIN, PASSWORD = "0101", "telebreeze", "a long enough one"
XDRS = "select account_id, cld, used_quantity, charged_amount from xdr where storage = 'a' and not failed order by id"
SHOP = {
    "nodes": {"Telebreeze": {"nas_identifier": "telebreeze", "service": "Downloads"}},
    "tariffs": {"Music Account": {"currency": "USD", "service": "Downloads", "price_per": 1,
                                  "rates": {"JAZZ": {"price": 3.00}, "VOD": {"price": 1.00}, "MATCH": {"price": 5.00}}}},
}  # fmt: skip


class PurchaseTests(EspfCase):
    """The demo's music account, which has 30.00, buys at Telebreeze."""

    async def prepare(self) -> None:
        """Telebreeze is a node, with two more items."""
        await super().prepare()
        await self.text(json.dumps(SHOP))
        await self.do("user.add", login=LOGIN, password=PASSWORD, role="admin")
        await self.until_known()

    async def until_known(self) -> None:
        """The running server has heard of the node."""
        await until(lambda: any(node.name == "Telebreeze" for node in self.server.catalogue.nodes.values()), "the node is known")

    async def buy(self, key: str, item: str = "VOD", **more: Any) -> tuple[int, Any]:
        """A purchase."""
        return await self.post(f"{VIEWER}/purchase", {"node": "Telebreeze", "item": item, "key": key, **more}, basic(LOGIN, PASSWORD))

    def left(self) -> Decimal:
        """The account's money."""
        found: Decimal = self.one("select balance from accounts where id = %s", (VIEWER,))
        return found

    @claims("telebreeze.8")
    async def test_reported(self) -> None:
        """What the platform sold at its own price becomes an xDR and leaves the balance, once, however often it is told."""
        for _ in range(2):
            code, told = await self.buy("tb-1", amount="4.99")
            self.assertEqual((code, told["amount"], told["currency"]), (200, "4.99", "USD"))
        code, _ = await self.buy("tb-2", amount="0.50")
        self.assertEqual((code, self.left()), (200, Decimal("24.51")))
        self.assertEqual(self.ask(XDRS), [(VIEWER, "VOD", 1, Decimal("4.99")), (VIEWER, "VOD", 1, Decimal("0.50"))])
        await self.assert_books()

    async def test_key_of_another(self) -> None:
        """The order numbers of a platform may begin anew with each subscriber: both pay. An alias has the orders of its account."""
        await self.do("account.alias.add", id=VIEWER, alias="0103")
        for name in (VIEWER, "0102", "0103", "0102"):
            body = {"node": "Telebreeze", "item": "VOD", "key": "1", "amount": "4.99"}
            self.assertEqual((await self.post(f"{name}/purchase", body, basic(LOGIN, PASSWORD)))[0], 200)
        self.assertEqual(self.ask(XDRS), [(VIEWER, "VOD", 1, Decimal("4.99")), ("0102", "VOD", 1, Decimal("4.99"))])
        self.assertEqual(self.left(), Decimal("25.01"))
        await self.assert_books()

    @claims("charging-api.1")
    async def test_one_time_price(self) -> None:
        """5 for a match, by the price list: authorized and taken at once; what the money does not reach for is refused, and nothing is taken."""
        for number in range(6):
            code, told = await self.buy(f"match-{number}", "MATCH")
            self.assertEqual((code, Decimal(told["amount"])), (200, 5))
        code, told = await self.buy("match-7", "MATCH")
        self.assertEqual((code, self.left(), len(self.ask(XDRS))), (402, 0, 6))
        self.assertIn("balance", told["faults"][0])

    async def test_refused(self) -> None:
        """Each fault is told: who may not, what is missing or wrong, which node or account there is not."""
        whole = {"node": "Telebreeze", "item": "VOD", "key": "k", "amount": "1"}
        for code, text, body, login in (
            (403, "privilege money", whole, ""), (400, "item", {**whole, "item": ""}, "x"), (400, "key", {**whole, "key": 7}, "x"),
            (400, "amount", {**whole, "amount": "-1"}, "x"), (400, "amount", {**whole, "amount": 1}, "x"), (400, "no node", {**whole, "node": "Other"}, "x"),
        ):  # fmt: skip
            found, told = await self.post(f"{VIEWER}/purchase", body, basic(LOGIN, PASSWORD) if login else "")
            self.assertEqual((found, text in told["faults"][0]), (code, True), told)
        self.assertEqual((await self.post("nobody/purchase", whole, basic(LOGIN, PASSWORD)))[0], 404)
        self.assertEqual((await self.post("i/1/purchase", whole, basic(LOGIN, PASSWORD)))[0], 404)
        self.assertEqual((await self.buy("k", "UNKNOWN", amount="1"))[0], 402)
        self.assertEqual((self.left(), self.ask(XDRS)), (30, []))


class RegisteringTests(ToldCase, ChargingCase):
    """Somebody registers in the mobile application of AudioCodes."""

    timeout = 300

    @claims("audiocodes.4")
    async def test_ott(self) -> None:
        """The CMMS asks for an account by the mobile number; it is there, provisioned back with its device, and charged from then on; asked twice it is one."""
        port = free_port()
        self.more = {"roles": ["espf", "http"], "http": {"listen": [f"tcp:{port}:interface=127.0.0.1"]}}
        await self.begin(["AudioCodes"])
        cmms = self.vendors["AudioCodes"]
        await self.do("user.add", login="cmms", password=PASSWORD, role="admin")
        self.assertIsNotNone((await self.call(NEW, "early")).refusal)
        body = {"customer": RETAIL, "product": "Office", "model": "credit", "password": "made up word", "custom": {"imei": "490154203237518"}}
        for new in (True, False):
            code, told = await asked(port, f"{NEW}/register", body, "cmms", PASSWORD)
            self.assertEqual((code, told["id"], told["new"]), (200, NEW, new))
        await self.settle()
        one = cmms.records[NEW]
        self.assertEqual((one["password"], one["imei"], one["blocked"]), ("made up word", "490154203237518", "false"))
        self.core.cache.forget_all()
        self.assertIsNone((await self.call(NEW, "first")).refusal)
        await self.hang_up(NEW, "first", 60)
        self.assertEqual(self.one("select count(*) from xdr where account_id = %s and charged_amount > 0 and storage = 'a'", (NEW,)), 1)

    async def test_another(self) -> None:
        """A number that is somebody else's is refused; nothing is made of a registration with a fault, and none of who may not sell."""
        port = free_port()
        self.more = {"roles": ["espf", "http"], "http": {"listen": [f"tcp:{port}:interface=127.0.0.1"]}}
        await self.begin([])
        await self.do("user.add", login="cmms", password=PASSWORD, role="admin")
        await self.do("user.add", login="oms", password=PASSWORD, role="provisioning")
        body = {"customer": RETAIL, "product": "PrepaidCard", "model": "debit"}
        code, told = await asked(port, "16045550101/register", body, "cmms", PASSWORD)
        self.assertEqual((code, "exists already" in told["faults"][0]), (400, True))
        for code, field, value in ((404, "shoe size", "7"), (400, "imei\0", "7"), (400, "imei", "\ud800")):
            self.assertEqual((await asked(port, f"{NEW}/register", {**body, "custom": {field: value}}, "cmms", PASSWORD))[0], code)
        self.assertEqual((await asked(port, f"{NEW}/register", body, "oms", PASSWORD))[0], 403)
        self.assertEqual(self.one("select count(*) from accounts where id = %s", (NEW,)), 0)
