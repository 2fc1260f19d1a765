"""
A SIP proxy's requests on the wire: whom a SIP-AOR may name (RFC 5090), and accounting as Kamailio's acc_radius sends it: Call-ID as session, event times, no
durations, Stop for BYE and CANCEL alike, Failed for what was not answered. The sender is pyrad.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyrad.dictionary import Dictionary

from tests.server.harness import ALIVE, DICTIONARY, START, STOP, WORLD, World, WorldCase, h323, ivr
from tests.server.pools import until
from tests.server.test_logins import MORE, ROWS, SUBSCRIBER, computed, example, standard

FAILED = 15
CALL = (("NAS-IP-Address", "193.38.81.226"), ("User-Name", SUBSCRIBER), ("Called-Station-Id", "442079460002"), ("Service-Type", 15))
XDRS = "select h323_conf_id, failed, used_quantity, charged_amount, history from xdr order by id"
ALIAS = """
insert into accounts (i_account, i_env, id, i_customer, billing_model, currency, i_master_account) values (202, 1, '380440000002', 101, 2, 'CAD', 201)
"""


class SipServerTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + ROWS)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE + "ATTRIBUTE SIP-AOR 122 string\n"))
        self.now = int(datetime.now(UTC).timestamp())

    async def acct(self, status: int, session: str, at: int, *pairs: Any) -> None:
        """One Accounting-Request of an event so many seconds ago; it must be answered."""
        event = (("Acct-Status-Type", status), ("Acct-Session-Id", session), ("Event-Timestamp", self.now - at))
        self.assertEqual((await self.world.exchange(self.world.packet("acct", [*CALL, *event, *pairs]))).code, 5)

    async def auth(self, *pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def test_without_durations(self) -> None:
        """From the Start to the Stop; a re-INVITE between them is an Alive; each packet repeated; charged once."""
        for _ in range(2):
            await self.acct(START, "call-1@sip", 100)
            await self.acct(ALIVE, "call-1@sip", 60)
        for _ in range(2):
            await self.acct(STOP, "call-1@sip", 29)
        self.assertEqual([tuple(row)[:4] for row in await self.world.pool.query(XDRS)], [("call-1@sip", False, 71, Decimal("0.02367"))])
        begin, end = await self.world.one("select connect_time, disconnect_time from xdr")
        self.assertEqual([int(at.timestamp()) for at in (begin, end)], [self.now - 100, self.now - 29])

    async def test_cancelled(self) -> None:
        """A Stop without a Start used nothing, nor does one of a gateway that tells times and no connection; one that tells its seconds is believed."""
        await self.acct(STOP, "call-2@sip", 10)
        await self.acct(START, "call-3@sip", 100)
        await self.acct(STOP, "call-3@sip", 10, ("h323-disconnect-time", "00:17:31.893 UTC Fri Mar 9 2007"))
        await self.acct(START, "call-4@sip", 100)
        await self.acct(STOP, "call-4@sip", 10, ("Acct-Session-Time", 60))
        rows = [tuple(row)[:3] for row in await self.world.pool.query(XDRS)]
        self.assertEqual(rows, [("call-2@sip", True, 0), ("call-3@sip", True, 0), ("call-4@sip", False, 60)])

    async def test_failed_and_again(self) -> None:
        """An attempt that failed is answered, kept, and holds nothing; the same Call-ID answered at the second try is charged."""
        ask = (*CALL[:3], ("User-Password", ""), ("Acct-Session-Id", "call-5@sip"))
        self.assertEqual((await self.auth(*ask)).code, 2)
        for _ in range(2):
            await self.acct(FAILED, "call-5@sip", 100)
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)
        await self.acct(START, "call-5@sip", 90)
        await self.acct(STOP, "call-5@sip", 30, ("Acct-Session-Time", 60))
        rows = [tuple(row)[:4] for row in await self.world.pool.query(XDRS)]
        self.assertEqual(rows, [("call-5@sip", True, 0, Decimal(0)), ("call-5@sip", False, 60, Decimal("0.02000"))])

    async def test_refused_and_stopped(self) -> None:
        """A Stop of 0 s behind a refused attempt leaves the one failed xDR that tells why."""
        refused = await self.auth(*CALL[:2], ("Called-Station-Id", "999"), ("User-Password", ""), ("Acct-Session-Id", "call-6@sip"))
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (3, "cld_blocked"))
        for _ in range(2):
            await self.acct(STOP, "call-6@sip", 0, ("Acct-Session-Time", 0))
        self.assertEqual([tuple(row)[1:] for row in await self.world.pool.query(XDRS)], [(True, 0, Decimal(0), "refused: cld_blocked (9)")])

    async def test_address_of_record(self) -> None:
        """The account's own ids may be used, whatever wire form the URI has; another's may not, though the digest is right."""
        await self.world.pool.execute(ALIAS)
        rest, printed = example("02")
        rest = [pair for pair in rest if pair[0] != "Called-Station-Id"]
        sealed = await self.world.pool.query("select h323_password from accounts where i_account = 201")
        self.assertEqual(sealed, [(None,)])  # the empty password, with which the digests are made
        proof = standard(computed(printed, ""))
        for aor in ("sip:380441234567@sip.example", "sips:+380441234567@sip.example;user=phone", "tel:+380441234567", "sip:380440000002:x@sip.example?a=b",
                    "sip:3804412345%367@sip.example"):  # fmt: skip
            self.assertEqual((await self.auth(*rest, *proof, ("SIP-AOR", aor))).code, 2, aor)
        for aor in ("sip:442079460001@sip.example", "sip:sip.example", "380441234567", "sip:380441234567", "tel:", "sip:@sip.example", "mailto:380441234567@x"):
            refused = await self.auth(*rest, *proof, ("SIP-AOR", aor))
            self.assertEqual((refused.code, h323(refused, "h323-return-code"), ivr(refused)["ErrorExplanation"]), (3, "7", "user_denied"), aor)
        await self.world.pool.execute("delete from accounts where i_account = 202")

        async def refused_now() -> bool:
            return int((await self.auth(*rest, *proof, ("SIP-AOR", "sip:380440000002@sip.example"))).code) == 3

        await until(refused_now, "news of the account that is gone")
