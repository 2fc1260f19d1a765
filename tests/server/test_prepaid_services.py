"""Services that an IVR or a callback engine sells, as its gateway asks for them: what billing supplies, on the wire and in the rows (MR15)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.claims import claims
from tests.server.harness import START, STOP, WORLD, World, WorldCase, h323, ivr

GATEWAY, UM = ("NAS-IP-Address", "164.9.9.100"), ("NAS-IP-Address", "164.9.9.102")
XDRS = """
select account_id, cld, used_quantity, charged_amount, coalesce(a.access_code, ''), failed from xdr left join accessibility a using (i_accessibility)
order by bill_time
"""

#: Cards with PINs of 4 to 20 digits, and the number by which a caller's own card is known.
CARDS = """
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, language) values
    (201, 1, '7391', 101, 101, -1, 'CAD', 1, 1, 'ch'), (202, 1, '73915520', 101, 101, -1, 'CAD', 2, 2, 'en'),
    (203, 1, '73915520663184427109', 101, 101, -1, 'CAD', 3, 3, 'en');
insert into accounts (i_account, i_env, id, i_customer, billing_model, currency, i_master_account) values (204, 1, '6045550193', 101, 2, 'CAD', 202);
"""
#: A minute, a surcharge that is not announced, on and on; in half of the calls a disconnect at 3 minutes.
FORMULA = """update rates set formula = '{"text": "60@0.60, fee 0.40 tricky, 120*1@0.60, disconnect random 50%, unlimited*1@0.60"}' where i_rate = 101;"""


class PrepaidCase(WorldCase):
    """A server, and what a gateway with an IVR asks."""

    rows = ""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + self.rows)

    async def auth(self, user: str, *more: Any, conf: str = "D5D3B74C 0 0 1", node: Any = GATEWAY) -> Any:
        """An Access-Request without a password."""
        pairs = (node, ("User-Name", user), ("User-Password", ""), ("Calling-Station-Id", "6045550193"), ("h323-conf-id", conf), *more)
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def acct(self, user: str, status: int, seconds: int, *more: Any, conf: str, node: Any = GATEWAY) -> None:
        """An Accounting-Request; it must be answered."""
        pairs = (node, ("User-Name", user), ("h323-conf-id", conf), ("h323-call-origin", "originate"), ("Acct-Status-Type", status))
        self.assertEqual((await self.world.exchange(self.world.packet("acct", (*pairs, ("Acct-Session-Time", seconds), *more)))).code, 5)


class CardTests(PrepaidCase):
    """A prepaid card IVR of calls that come in over IP."""

    rows = CARDS + FORMULA

    @claims("mr15.prepaid-ivr.1", "mr15.prepaid-ivr.2")
    async def test_who(self) -> None:
        """A PIN of any length is a card, in its language and with its money; a caller's number is one by itself, without a PIN; another is nobody."""
        for user, amount, language in (
            ("7391", "1.00", "ch"), ("73915520", "2.00", "en"), ("73915520663184427109", "3.00", "en"), ("6045550193", "2.00", "en"),
        ):  # fmt: skip
            answer = await self.auth(user, ("h323-ivr-out", "PortaBilling_Session:ignore"))
            told = [h323(answer, name) for name in ("h323-return-code", "h323-credit-amount", "h323-preferred-lang")]
            self.assertEqual((answer.code, told), (2, ["0", amount, language]), user)
        self.assertEqual((await self.auth("7392")).code, 3)

    @claims("mr15.prepaid-ivr.3")
    async def test_call(self) -> None:
        """
        3 dollars pay for 60 s at 0.60, the surcharge of 0.40 and 200 s more: the IVR gets the translated number, 260 s of limit and 300 to announce, as it can
        tell them apart; 180 of both where the call is one of those that are cut.
        """
        found, separate = set(), ("Cisco-AVPair", "PortaOne-Service-Features=proclaim-duration=1")
        for number in range(8):
            called = ("Called-Station-Id", "01182623634515")
            answer = await self.auth("73915520663184427109", called, separate, conf=f"A5D3B74C 0 0 {number}")
            self.assertEqual(ivr(answer)["PortaBilling_CompleteNumber"], "82623634515")
            found.add((ivr(answer)["DURATION"], h323(answer, "h323-credit-time")))
            await self.acct("73915520663184427109", STOP, 0, called, conf=f"A5D3B74C 0 0 {number}")
        self.assertEqual(found, {("260", "300"), ("180", "180")})
        answer = await self.auth("73915520663184427109", ("Called-Station-Id", "82623634515"), conf="C5D3B74C 0 0 0")
        self.assertEqual(ivr(answer)["DURATION"], h323(answer, "h323-credit-time"), "who can't tell them apart gets one figure")
        await self.acct("73915520663184427109", STOP, 61, ("Called-Station-Id", "82623634515"), conf="B5D3B74C 0 0 1")
        self.assertEqual(await self.world.one("select charged_amount from xdr where not failed"), Decimal("1.01"))


class CallbackTests(PrepaidCase):
    """A call to a callback number, and the two legs of the call back (the example 05 of spec/examples)."""

    #: The legs by access code, as PortaCallBack's are; a second leg that was not connected makes the first one free.
    rows = """
    insert into nodes (i_node, i_env, name, nas_ip) values (102, 1, 'um', '164.9.9.102');
    insert into tariffs (i_tariff, i_env, name, currency, i_service) values (104, 1, 'First leg', 'CAD', 103), (105, 1, 'No second leg', 'CAD', 103);
    insert into rates (i_tariff, i_dest, price_first, price_n) values (104, 101, 0.06, 0.06), (105, 101, 0, 0);
    insert into accessibility (i_product, i_service, i_tariff, access_code) values (101, 103, 104, 'CALLBACK'), (101, 103, 105, 'CALLBACK_FAIL');
    """
    WHO, FIRST, SECOND = "10086610975", ("Called-Station-Id", "821155512"), ("Called-Station-Id", "821199988")

    async def called_back(self, number: int, node: Any, *history: str) -> None:
        """The first leg by its access code and, where the history says so, the second one; both are asked for and accounted."""
        first, second, code = f"E5D3B74C 0 0 {number}", f"F5D3B74C 0 0 {number}", ("h323-ivr-out", "PortaBilling_AccessCode:CALLBACK")
        slice_ = ("h323-ivr-out", "PortaBilling_Authorize:base=session-time;max=60;min=1")
        self.assertEqual((await self.auth(self.WHO, self.FIRST, code, slice_, conf=first, node=node)).code, 2)
        await self.acct(self.WHO, START, 0, self.FIRST, conf=first, node=node)
        if history[-1] == "OK":
            self.assertEqual((await self.auth(self.WHO, self.SECOND, slice_, conf=second, node=node)).code, 2)
            await self.acct(self.WHO, STOP, 120, self.SECOND, ("Cisco-AVPair", f"h323-incoming-conf-id={first}"), conf=second, node=node)
        told = [("h323-ivr-out", f"PortaBilling_CallbackHistory:{word}") for word in history]
        await self.acct(self.WHO, STOP, 60, self.FIRST, code, *told, conf=first, node=node)

    @claims("radius-voice.9", "mr15.ip-callback.1", "mr15.ip-callback.2")
    async def test_legs(self) -> None:
        """
        The call to the callback number is dropped before it is answered and costs nothing. Then each leg is asked for, and paid by its access code; the first
        one by CALLBACK_FAIL where the last word of its history is not OK. Of a callback engine on another node with the same product the same comes out.
        """
        expected = []
        for number, node in enumerate((GATEWAY, UM)):
            await self.acct(self.WHO, STOP, 0, self.FIRST, ("h323-disconnect-cause", "10"), conf=f"C5D3B74C 0 0 {number}", node=node)
            await self.called_back(2 * number, node, "START", "ATTEMPT", "ATTEMPT", "OK")
            await self.called_back(2 * number + 1, node, "START", "ATTEMPT")
            first, second = self.FIRST[1], self.SECOND[1]
            expected += [
                (self.WHO, first, 0, Decimal(0), "", True), (self.WHO, second, 120, Decimal("0.04"), "", False),
                (self.WHO, first, 60, Decimal("0.06"), "CALLBACK", False), (self.WHO, first, 60, Decimal(0), "CALLBACK_FAIL", False),
            ]  # fmt: skip
        self.assertEqual(await self.world.pool.query(XDRS), expected)
        self.assertEqual(await self.world.one("select balance, held from accounts where i_account = 101"), (Decimal("9.80"), Decimal(0)))
