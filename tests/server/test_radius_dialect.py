"""The RADIUS dialect against the whole server, sent by pyrad: an Internet session, Quintum's access code, a PDSN, and packets full of nonsense."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from pyrad.dictionary import Dictionary

from tests.claims import claims
from tests.server.harness import ALIVE, DICTIONARY, START, STOP, WORLD, World, WorldCase, ivr

MORE = """
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE NAS-Port-Id 87 string
ATTRIBUTE Session-Timeout 27 integer
VENDOR 3GPP2 5535
BEGIN-VENDOR 3GPP2
ATTRIBUTE 3GPP2-BSID 10 string
ATTRIBUTE 3GPP2-Correlation-Id 44 string
ATTRIBUTE 3GPP2-Session-Continue 48 integer
END-VENDOR 3GPP2
"""
#: An Internet service by the hour beside the calls, and a second way to call, by access code.
ROWS = """
insert into services (i_service, i_env, name, i_service_type, base)
    select 104, 1, 'Internet', i_service_type, 'session-time' from service_types where name = 'Netaccess';
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (103, 1, 'Hours', 'CAD', 104, 3600);
insert into tariffs (i_tariff, i_env, name, currency, i_service) values (104, 1, 'Toll-free', 'CAD', 103);
insert into destinations (i_dest, i_env, prefix) values (103, 1, 'NETACCESS');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (104, 103, 103, 3.60, 3.60), (105, 104, 101, 0.05, 0.05);
insert into accessibility (i_product, i_service, i_tariff) values (101, 104, 103);
insert into accessibility (i_product, i_service, i_tariff, access_code) values (101, 103, 104, 'tollfree');
insert into nodes (i_node, i_env, name, nas_ip, i_service) values (102, 1, 'bras', '41.213.1.32', 104);
"""
CARD = "10086610975"
USER = (("NAS-IP-Address", "41.213.1.32"), ("User-Name", CARD), ("Called-Station-Id", "pppoe-service1"), ("Calling-Station-Id", "E4:8D:8C:EE:1A:26"),
        ("Service-Type", 2), ("Framed-Protocol", 1), ("NAS-Port-Id", "vlan140"))  # fmt: skip
MONEY = "select balance, held from accounts where i_account = 101"
XDR = "select h323_conf_id, used_quantity, charged_amount, rating_pattern from xdr"


class DialectTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + ROWS)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))

    async def auth(self, *pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def acct(self, *pairs: Any) -> None:
        """One Accounting-Request; it must be answered."""
        self.assertEqual((await self.world.exchange(self.world.packet("acct", pairs))).code, 5)

    @claims("radius-internet.1", "mikrotik.6")
    async def test_internet_session(self) -> None:
        """Authorization, Start, Alive and Stop as in example 08: rated as Internet, whatever the Called-Station-Id, and charged once."""
        session = ("Acct-Session-Id", "81707b87")
        leave = await self.auth(*USER, session, ("User-Password", ""))
        self.assertEqual((leave.code, leave["Session-Timeout"]), (2, [10000]))  # ten dollars at 3.60 an hour
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(10)))
        await self.acct(*USER, session, ("Acct-Status-Type", START), ("Framed-IP-Address", "41.213.82.27"))
        octets = (("Acct-Input-Octets", 1013118), ("Acct-Output-Octets", 599107))
        # The session is almost an hour old: else nobody would believe its seconds.
        await self.world.pool.execute("update sessions set started = started - interval '3500 s', version = version + 1")
        for status, seconds in ((ALIVE, 1800), (STOP, 3600)):
            await self.acct(*USER, session, ("Acct-Status-Type", status), ("Acct-Session-Time", seconds), *octets)
        self.assertEqual(await self.world.one(XDR), ("81707b87", 3600, Decimal("3.60000"), "NETACCESS"))
        self.assertEqual(await self.world.one(MONEY), (Decimal("6.40000"), Decimal(0)))

    @claims("radius-voice.11")
    async def test_quintum(self) -> None:
        """ACCESSCODE picks the rating entry as PortaBilling_AccessCode does; without either it is the one without a code."""
        call = (("NAS-IP-Address", "164.9.9.100"), ("User-Name", CARD), ("User-Password", ""), ("Called-Station-Id", "8261"))
        for number, (pairs, tariff) in enumerate([
            ((), "PrepaidCard"), ((("h323-ivr-out", "ACCESSCODE:tollfree"),), "Toll-free"),
            ((("h323-ivr-out", "PortaBilling_AccessCode:tollfree"),), "Toll-free"),
        ]):  # fmt: skip
            conference = ("h323-conf-id", f"{number:08X} 0 0 0")
            leave = await self.auth(*call, conference, *pairs)
            self.assertEqual((leave.code, ivr(leave)["Tariff"]), (2, tariff), pairs)
            await self.acct(*call[:2], conference, ("h323-call-origin", "originate"), ("Acct-Status-Type", STOP), ("Acct-Session-Time", 0))

    @claims("cisco-pdsn.1")
    async def test_pdsn(self) -> None:
        """A PDSN's session is named by its Correlation ID; a Stop that continues charges nothing yet, and leaves the session open."""
        shared = (*USER, ("3GPP2-Correlation-Id", "0000A1B2"), ("3GPP2-BSID", "0AF0"))
        self.assertEqual((await self.auth(*shared, ("User-Password", ""))).code, 2)
        await self.acct(*shared, ("Acct-Session-Id", "1"), ("Acct-Status-Type", START))
        moved = ("3GPP2-Session-Continue", 1)
        await self.acct(*shared, ("Acct-Session-Id", "1"), ("Acct-Status-Type", STOP), ("Acct-Session-Time", 60), moved)
        self.assertEqual(await self.world.one("select count(*) from xdr"), 0)
        self.assertEqual(await self.world.one("select count(*) from sessions"), 1)
        await self.acct(*shared, ("Acct-Session-Id", "2"), ("Acct-Status-Type", START))
        await self.acct(*shared, ("Acct-Session-Id", "2"), ("Acct-Status-Type", STOP), ("Acct-Session-Time", 90), ("3GPP2-Session-Continue", 0))
        self.assertEqual((await self.world.one(XDR))[0], "0000A1B2")
        self.assertEqual(await self.world.one("select count(*) from sessions"), 0)

    async def test_nonsense(self) -> None:
        """Pairs that mean nothing leave the request as it is without them."""
        nonsense = [("h323-ivr-out", text) for text in (
            "PortaBilling_Authorize:base=furlongs;max=-1;max_funds=NaN", "PortaBilling_Session:grab;expires=never", "PortaBilling_SelectCode:x",
            "no pair at all", "PortaBilling_SessionEnv:2", "PortaBilling_Mod_:",
        )]  # fmt: skip
        leave = await self.auth(*USER, ("User-Password", ""), *nonsense, ("Cisco-AVPair", "PortaOne-Access-Info=nas-ip-address=1.2.3.4;;=;"))
        self.assertEqual((leave.code, leave["Session-Timeout"]), (2, [10000]))  # ten dollars at 3.60 an hour
