"""
The main job of the spine: the prepaid card of the guide's Appendix A (tests/spec/examples/radius/03) against the whole server, sent by pyrad.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.server.harness import ALIVE, ON, START, STOP, WorldCase, h323, ivr

CARD = "10086610975"
CONF = "39AE126B CD4D11DB 958E0014 1C3F6886"
NODE = ("NAS-IP-Address", "164.9.9.100")
BASE = (NODE, ("User-Name", CARD), ("Calling-Station-Id", "6045550193"), ("h323-conf-id", CONF))
AUTHENTICATE = (*BASE, ("User-Password", ""), ("h323-ivr-out", "PortaBilling_AccessCode:6045551600"))
AUTHORIZE = (*BASE, ("User-Password", ""), ("Called-Station-Id", "01182623634515"))
ORIGINATE = (
    *BASE,
    ("Called-Station-Id", "82623634515"),
    ("Acct-Status-Type", STOP),
    ("h323-call-origin", "originate"),
    ("h323-call-type", "VoIP"),
    ("h323-connect-time", "00:16:21.164 PST Fri Mar 9 2007"),
    ("h323-disconnect-time", "00:17:31.893 PST Fri Mar 9 2007"),
    ("h323-disconnect-cause", "10"),
)
ANSWER = (*BASE, ("Called-Station-Id", "6045551600"), ("Acct-Status-Type", STOP), ("h323-ivr-out", "PortaBilling_Session:unlock"))
MONEY = "select balance, held from accounts where i_account = 101"
CHARGES = "select used_quantity, charged_quantity, charged_amount, history, disconnect_cause from xdr"


class SpineTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def auth(self, pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def acct(self, pairs: Any) -> Any:
        """One Accounting-Request; it must be answered."""
        answer = await self.world.exchange(self.world.packet("acct", pairs))
        self.assertEqual(answer.code, 5)
        return answer

    async def test_example(self) -> None:
        """The four exchanges of example 03, and exactly one charge in the end."""
        hello = await self.auth(AUTHENTICATE)
        self.assertEqual(hello.code, 2)
        self.assertEqual(h323(hello, "h323-credit-amount"), "10.00")
        self.assertEqual(ivr(hello)["PortaBilling_AccountBalance"], "10.00000")
        leave = await self.auth(AUTHORIZE)
        self.assertEqual((leave.code, h323(leave, "h323-credit-time"), h323(leave, "h323-return-code")), (2, "30000", "0"))
        self.assertEqual(ivr(leave)["DURATION"], "30000")
        self.assertEqual(ivr(leave)["PortaBilling_CompleteNumber"], "82623634515")
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(10)))
        await self.acct(ORIGINATE)
        await self.acct(ANSWER)
        history = "1@0.02/60 + 70*1@0.02/60 = 0.0236666666666666666666666666667"
        self.assertEqual(await self.world.one(CHARGES), (71, 71, Decimal("0.02367"), history, 16))
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.97633"), Decimal(0)))
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)

    async def test_legs_in_any_order(self) -> None:
        """The answer leg first, twice or never, each packet repeated: one charge."""
        orders = set(permutations((ORIGINATE, ANSWER, ANSWER))) | {(ORIGINATE, ORIGINATE), (ANSWER, ORIGINATE, ORIGINATE)}
        for number, order in enumerate(sorted(orders, key=str)):
            conf = ("h323-conf-id", f"{CONF[:-4]}{number:04d}")
            before = (await self.world.one(MONEY))[0]
            await self.auth([conf if pair[0] == "h323-conf-id" else pair for pair in AUTHORIZE])
            for leg in order:
                await self.acct([conf if pair[0] == "h323-conf-id" else pair for pair in leg])
            self.assertEqual(await self.world.one(MONEY), (before - Decimal("0.02367"), Decimal(0)))
            self.assertEqual(await self.world.one(f"select count(*) from xdr where h323_conf_id = '{conf[1]}'"), 1)

    async def test_restart(self) -> None:
        """A Stop repeated after a restart of the server charges nothing and is answered."""
        await self.auth(AUTHORIZE)
        await self.world.stop()
        await self.world.start()
        await self.acct(ORIGINATE)
        await self.world.stop()
        await self.world.start()
        await self.acct(ORIGINATE)
        await self.acct(ANSWER)
        self.assertEqual(await self.world.one(CHARGES.replace("history", "1")), (71, 71, Decimal("0.02367"), 1, 16))
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.97633"), Decimal(0)))

    async def test_retransmission(self) -> None:
        """The same octets again get the same octets; the charge stands once."""
        await self.auth(AUTHORIZE)
        octets = self.world.packet("acct", ORIGINATE).RequestPacket()
        first = await self.world.raw("acct", octets)
        self.assertEqual(await self.world.raw("acct", octets), first)
        self.assertEqual(await self.world.one("select count(*) from xdr"), 1)

    async def test_held(self) -> None:
        """A second call of the same card meets locked funds; the first one's Stop frees them."""
        await self.auth(AUTHORIZE)
        other = [("h323-conf-id", f"{CONF[:-1]}7") if pair[0] == "h323-conf-id" else pair for pair in AUTHORIZE]
        refused = await self.auth(other)
        self.assertEqual((refused.code, h323(refused, "h323-return-code"), ivr(refused)["ErrorExplanation"]), (3, "114", "funds_locked"))
        await self.acct(ORIGINATE)
        self.assertEqual((await self.auth(other)).code, 2)

    async def test_many_at_once(self) -> None:
        """Twenty calls of one credit account at once: holds are not asked of it, every Stop is charged, on account and customer."""
        calls = []
        for number in range(20):
            pairs = [
                NODE, ("User-Name", "442079460001"), ("Called-Station-Id", "4420"), ("h323-conf-id", f"{number:08X} 0 0 0"), ("h323-call-origin", "originate"),
                ("Acct-Status-Type", STOP), ("Acct-Session-Time", number), ("h323-remote-address", "192.0.2.77"),
            ]  # fmt: skip
            calls.append(Deferred.fromCoroutine(self.acct(pairs)))
        await gatherResults(calls)
        # 19 calls of a minute at 0.30 (the one of no seconds is not charged); the carrier takes 0.01 a minute by the second, rounded up to 0.00001 a call.
        self.assertEqual(await self.world.one("select balance, held from accounts where i_account = 102"), (Decimal("5.70000"), Decimal(0)))
        self.assertEqual(await self.world.one("select balance, held from customers where i_customer = 101"), (Decimal("5.70000"), Decimal(0)))
        self.assertEqual(await self.world.one("select count(*) from xdr where storage = 'v' and i_vendor = 101"), 19)
        self.assertEqual(await self.world.one("select count(*) from xdr where failed"), 1)

    async def test_start_alive_stop(self) -> None:
        """A session that was never authorized: Start and Alive hold, Stop charges; Alives that come again or late change nothing."""

        def report(status: int, seconds: int | None = None) -> list[tuple[str, Any]]:
            time = [] if seconds is None else [("Acct-Session-Time", seconds)]
            return [*BASE, ("Called-Station-Id", "01182623634515"), ("h323-call-origin", "originate"), ("Acct-Status-Type", status), *time]

        await self.acct(report(START))
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(10)))
        for seconds in (60, 120, 60, 120):
            await self.acct(report(ALIVE, seconds))
        await self.acct(report(STOP, 180))
        await self.acct(report(ALIVE, 120))
        await self.acct(report(START))
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.94"), Decimal(0)))
        self.assertEqual(await self.world.one("select charged_amount from xdr"), Decimal("0.06000"))

    async def test_node_restart(self) -> None:
        """Accounting-On closes the node's sessions provisionally by what they reported; a late Stop charges the difference."""
        alive = [*BASE, ("Called-Station-Id", "01182623634515"), ("h323-call-origin", "originate"), ("Acct-Status-Type", ALIVE), ("Acct-Session-Time", 60)]
        await self.auth(AUTHORIZE)
        await self.acct(alive)
        await self.acct([NODE, ("Acct-Status-Type", ON)])
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        await self.acct([(name, STOP if name == "Acct-Status-Type" else 90 if name == "Acct-Session-Time" else value) for name, value in alive])
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.97"), Decimal(0)))
        rows = await self.world.pool.query("select split_order, charged_amount from xdr order by split_order")
        self.assertEqual(rows, [(0, Decimal("0.02000")), (1, Decimal("0.01000"))])

    async def test_unknown_account(self) -> None:
        """Nobody's number is refused; nobody's usage is kept for an operator and answered."""
        nobody = [("User-Name", "999") if pair[0] == "User-Name" else pair for pair in AUTHORIZE]
        refused = await self.auth(nobody)
        self.assertEqual((refused.code, h323(refused, "h323-return-code"), refused["Reply-Message"]), (3, "1", ["Failed - Invalid Account number"]))
        usage = [("User-Name", "999") if pair[0] == "User-Name" else pair for pair in ORIGINATE]
        await self.acct(usage)
        await self.acct(usage)
        self.assertEqual(await self.world.one("select count(*) from orphans"), 1)

    async def test_block(self) -> None:
        """A block made by SQL beside the running server is met by the next request: no cache may hide it."""
        self.assertEqual((await self.auth(AUTHENTICATE)).code, 2)
        await self.world.pool.execute("update accounts set blocked = true where i_account = 101")
        refused = await self.auth(AUTHORIZE)
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (3, "user_denied"))
