"""Who is let in where, on the wire: a wireless access point with its login page, an account that nothing limits, and a client's own bound of money."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from pyrad.dictionary import Dictionary

from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.harness import DICTIONARY, WORLD, World, WorldCase, h323, ivr

MORE = """
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE CHAP-Challenge 60 octets
ATTRIBUTE Session-Timeout 27 integer
"""
#: WiFi at one access point of three: the second is no node of any rating entry, the third serves Internet access of another type.
ROWS = """
insert into services (i_service, i_env, name, i_service_type, base) values (121, 1, 'WiFi', 6, 'session-time'), (122, 1, 'DSL', 4, 'session-time');
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (121, 1, 'WiFi', 'CAD', 121, 3600);
insert into destinations (i_dest, i_env, prefix) values (121, 1, '|');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (121, 121, 121, 1, 1);
insert into nodes (i_node, i_env, name, nas_ip, i_service) values
    (121, 1, 'cafe', '192.0.2.121', 121), (122, 1, 'station', '192.0.2.122', 121), (123, 1, 'dsl', '192.0.2.123', 122);
insert into accessibility (i_product, i_service, i_node, i_tariff) values (101, 121, 121, 121);
"""
CAFE, STATION, DSL = "192.0.2.121", "192.0.2.122", "192.0.2.123"
CALL = (("NAS-IP-Address", "164.9.9.100"), ("User-Name", "442079460001"), ("User-Password", ""), ("Called-Station-Id", "8261"))
PASSWORD = "coffee"
CHALLENGE = b"0123456789abcdef"


class AccessPointTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + ROWS)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))
        sealed = Sealer.load(self.world.folder / "secret.key").seal(PASSWORD)
        await self.world.pool.execute("update accounts set h323_password = %s where i_account = 101", (sealed,))

    async def auth(self, *pairs: Any) -> Any:
        """One Access-Request."""
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def login(self, nas: str, password: str, session: str, user: str = "10086610975") -> Any:
        """What an access point asks when somebody has filled in its login page: CHAP, wireless."""
        chap = b"\7" + hashlib.md5(b"\7" + password.encode() + CHALLENGE).digest()
        return await self.auth(
            ("NAS-IP-Address", nas), ("User-Name", user), ("CHAP-Password", chap), ("CHAP-Challenge", CHALLENGE), ("NAS-Port-Type", 19),
            ("Calling-Station-Id", "00:1B:63:84:45:E6"), ("Called-Station-Id", "hotspot1"), ("Acct-Session-Id", session),
        )  # fmt: skip

    @claims("mikrotik.2")
    async def test_login_page(self) -> None:
        """Who is not known or types a wrong password is refused, so that the page stays; the right one is let in for what there is money for."""
        for password, user, word in (("tea", "10086610975", "invalid_password"), (PASSWORD, "nobody", "invalid_account")):
            refused = await self.login(CAFE, password, "w1", user)
            self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (3, word))
            self.assertEqual(await self.world.one("select count(*) from sessions"), 0)
        let_in = await self.login(CAFE, PASSWORD, "w2")
        self.assertEqual((let_in.code, let_in["Session-Timeout"]), (2, [36000]))

    @claims("mikrotik.3")
    async def test_accessibility(self) -> None:
        """Another access point needs an entry of its own, and so does another kind of access at the same product."""
        for nas in (STATION, DSL):
            refused = await self.login(nas, PASSWORD, "w1")
            self.assertEqual((refused.code, h323(refused, "h323-return-code"), ivr(refused)["ErrorExplanation"]), (3, "8", "not_available"), nas)
        self.assertEqual((await self.login(CAFE, PASSWORD, "w2")).code, 2)
        await self.world.changed("insert into accessibility (i_product, i_service, i_node, i_tariff) values (101, 121, 122, 121)")
        await self.world.pool.execute("update accounts set balance = 20, opening_balance = 30 where i_account = 101; select notify_subscriber('a:101')")
        self.assertEqual((await self.login(STATION, PASSWORD, "w3")).code, 2)

    @claims("radius-voice.8")
    async def test_no_limit(self) -> None:
        """Neither account nor customer has a limit: code 13, avail=-1 and no seconds; with a limit code 0 and what it affords."""
        ask = (*CALL, ("h323-ivr-out", "PortaBilling_AuthMethod:INVITE"))
        limited = await self.auth(*ask, ("h323-conf-id", "1 0 0 0"))
        self.assertEqual((limited.code, h323(limited, "h323-return-code"), h323(limited, "h323-credit-time")), (2, "0", "6000"))
        await self.world.pool.execute("update accounts set credit_limit = null where i_account = 102; update customers set credit_limit = null")
        free = await self.auth(*ask, ("h323-conf-id", "2 0 0 0"))
        self.assertEqual((free.code, h323(free, "h323-return-code"), h323(free, "h323-credit-time")), (2, "13", None))
        self.assertIn("avail=-1", ivr(free)["PortaBilling_Authorize"].split(";"))
        self.assertNotIn("DURATION", ivr(free))

    async def test_max_funds(self) -> None:
        """The client sets less money aside than the least it asks for costs: 117, with any funds and none; what it affords is granted."""
        for limit in ("2", "null"):
            await self.world.pool.execute(f"update accounts set credit_limit = {limit} where i_account = 102; update customers set credit_limit = null")
            for number, (funds, expected) in enumerate((("0.01", (3, "117")), ("0.03", (2, "0")))):
                quota = ("h323-ivr-out", f"PortaBilling_Authorize:base=session-time;min=60;max=90;max_funds={funds}")
                answer = await self.auth(*CALL, quota, ("h323-conf-id", f"{number} {limit} 0 0"))
                self.assertEqual((answer.code, h323(answer, "h323-return-code")), expected, (limit, funds))
        word = await self.world.one("select distinct history from xdr where failed")
        self.assertEqual(word, "refused: funds_locked (117)")
