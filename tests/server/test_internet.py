"""
Internet access against the whole server: addresses of pools and static ones, the policy's timeouts, the hotline; packets by pyrad.
"""

from __future__ import annotations

import io
from typing import Any

from pyrad.dictionary import Dictionary
from twisted.internet.defer import Deferred, gatherResults

from tests.claims import claims
from tests.server.harness import ALIVE, DICTIONARY, ON, START, STOP, WORLD, World, WorldCase, ivr

MORE = """
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Class 25 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Idle-Timeout 28 integer
ATTRIBUTE Acct-Interim-Interval 85 integer
"""
#: Beside the harness' world: a BRAS with a pool of three addresses, a hot spot without one, and users: one to five with money, poor without.
INTERNET = """
insert into services (i_service, i_env, name, i_service_type, base) values (104, 1, 'Internet', 4, 'session-time');
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values (104, 1, 'Hours', 'CAD', 104, 3600);
insert into destinations (i_dest, i_env, prefix) values (104, 1, '|');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (104, 104, 104, 1, 1);
insert into access_policies (i_access_policy, i_env, name, captive_portal, interim_interval, idle_timeout)
    values (101, 1, 'Home', 'https://portal.example/', 300, 1800);
insert into access_policy_phases (i_access_policy, name, period, level) values (101, 'Always', 'hr{0-23}', 'turbo');
insert into products (i_product, i_env, name, currency, i_access_policy) values (104, 1, 'Net', 'CAD', 101);
insert into accessibility (i_product, i_service, i_tariff) values (104, 104, 104);
insert into ip_pools (i_ip_pool, i_env, name, ranges) values (101, 1, 'Small', '[{"first": "10.20.0.1", "last": "10.20.0.3"}]');
insert into nodes (i_node, i_env, name, nas_ip, i_service, i_ip_pool) values
    (104, 1, 'bras', '192.0.2.50', 104, 101), (105, 1, 'spot', '192.0.2.51', 104, null);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance)
    select 200 + n, 1, 'user' || n, 101, 104, -1, 'CAD', 10, 10 from generate_series(1, 5) n;
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency) values (210, 1, 'poor', 101, 104, -1, 'CAD');
insert into service_attribute_values (i_env, i_attribute, i_account, value) values (1, 3, 201, '{192.0.2.201}');
"""
POOL = {f"10.20.0.{number}" for number in (1, 2, 3)}
BRAS, SPOT = "192.0.2.50", "192.0.2.51"
ACCEPT, REJECT = 2, 3


class InternetTests(WorldCase):
    """Each test has a server and a database of its own."""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + INTERNET)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))

    async def login(self, user: str, session: str = "", nas: str = BRAS) -> Any:
        """An Access-Request; `session` is the Acct-Session-Id, '' leaves it out as many NASes do."""
        pairs = [("NAS-IP-Address", nas), ("User-Name", user), ("User-Password", ""), ("Called-Station-Id", "pppoe")]
        return await self.world.exchange(self.world.packet("auth", pairs + ([("Acct-Session-Id", session)] if session else [])))

    async def report(self, status: int, user: str, session: str, *more: tuple[str, Any], nas: str = BRAS) -> None:
        """An Accounting-Request, which must be answered."""
        pairs = [("NAS-IP-Address", nas), ("User-Name", user), ("Called-Station-Id", "pppoe"), ("Acct-Status-Type", status), ("Acct-Session-Id", session)]
        answer = await self.world.exchange(self.world.packet("acct", [*pairs, *more]))
        self.assertEqual(answer.code, 5)

    async def address(self, user: str, session: str = "", nas: str = BRAS) -> str:
        """The address of an accept."""
        answer = await self.login(user, session, nas)
        self.assertEqual(answer.code, ACCEPT)
        return str(answer["Framed-IP-Address"][0])

    @claims("radius-internet.4")
    async def test_addresses(self) -> None:
        """Of the NAS' pool, else static; each once; free after Stop; the same account gets the same again; leases survive a restart."""
        self.assertEqual(await self.address("user1", "s0", SPOT), "192.0.2.201")
        await self.report(STOP, "user1", "s0", nas=SPOT)
        one, two = await self.address("user1", "s1"), await self.address("user2", "s2")
        self.assertEqual(len({one, two}), 2)
        self.assertTrue({one, two} <= POOL)
        await self.report(START, "user1", "s1")
        await self.report(STOP, "user1", "s1", ("Acct-Session-Time", 60))
        self.assertEqual(await self.address("user1", "s3"), one)
        await self.world.stop()
        await self.world.start()
        self.assertEqual(await self.address("user2", "s2"), two)
        three = await self.address("user3", "s4")
        self.assertEqual({one, two, three}, POOL)
        refused = await self.login("user4", "s5")
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (REJECT, "not_available"))
        self.assertEqual(await self.world.one("select balance, held from accounts where id = 'user4'"), (10, 0))
        await self.report(STOP, "user3", "s4")
        self.assertEqual(await self.address("user4", "s6"), three)

    @claims("radius-internet.2")
    async def test_answers(self) -> None:
        """An accept carries what the policy says, a wrong password is rejected."""
        answer = await self.login("user1", "s1")
        self.assertEqual(answer.code, ACCEPT)
        self.assertEqual([answer[name] for name in ("Session-Timeout", "Acct-Interim-Interval", "Idle-Timeout", "Class")], [[36000], [300], [1800], [b"s1"]])
        pairs = [("NAS-IP-Address", BRAS), ("User-Name", "user2"), ("User-Password", "guess"), ("Called-Station-Id", "pppoe")]
        refused = await self.world.exchange(self.world.packet("auth", pairs))
        self.assertEqual((refused.code, ivr(refused)["ErrorExplanation"]), (REJECT, "invalid_password"))
        self.assertNotIn("Framed-IP-Address", refused)

    async def test_a_session_without_an_id(self) -> None:
        """Class brings the accounting back to the session that was authorized: one session, one lease, charged once; so does user and address."""
        answer = await self.login("user1")
        one = str(answer["Framed-IP-Address"][0])
        known = ("Class", answer["Class"][0])
        await self.report(START, "user1", "n1", known)
        self.assertEqual(await self.world.one("select count(*) from sessions"), 1)
        # An hour ago, or the use would not be believed.
        await self.world.pool.execute("update sessions set started = started - interval '3500 s', version = version + 1")
        await self.report(STOP, "user1", "n1", known, ("Acct-Session-Time", 3600))
        self.assertEqual(await self.world.one("select balance, held from accounts where id = 'user1'"), (9, 0))
        self.assertEqual(await self.world.one("select count(*) from ip_leases where session_key is null"), 1)
        self.assertEqual(await self.address("user1"), one)
        await self.report(START, "user1", "n2", ("Framed-IP-Address", one))  # a NAS that forgets Class
        self.assertEqual(await self.world.one("select session_key, provisional from ip_leases"), ("104/n2", False))
        await self.report(ALIVE, "user1", "n2", ("Framed-IP-Address", one), ("Acct-Session-Time", 10))
        await self.report(STOP, "user1", "n2", ("Framed-IP-Address", one), ("Acct-Session-Time", 20))
        self.assertEqual(await self.world.one("select count(*) from ip_leases where session_key is null and until <= now()"), 1)

    async def test_a_port_that_names_its_session(self) -> None:
        """A NAS without session id and without Class: the port and station of its Start say which session began; its reports are found by the id, also by a
        server that starts again. From another port a Start is a session of its own, also by a name that is given again."""
        place = (("NAS-Port", 7), ("Calling-Station-Id", "E4:8D"))
        pairs = [("NAS-IP-Address", SPOT), ("User-Name", "user1"), ("User-Password", ""), ("Called-Station-Id", "pppoe"), *place]
        self.assertEqual((await self.world.exchange(self.world.packet("auth", pairs))).code, ACCEPT)
        for _ in range(2):
            await self.report(START, "user1", "n1", *place, nas=SPOT)
        ((key, brought),) = await self.world.pool.query("select session_key, state::json -> 'br' ->> 'acct_session_id' from sessions")
        self.assertEqual((key.startswith("105/auth-"), brought), (True, "n1"))
        await self.world.pool.execute("update sessions set started = started - interval '3500 s', version = version + 1")
        await self.report(ALIVE, "user1", "n1", *place, ("Acct-Session-Time", 1800), nas=SPOT)
        for _ in range(2):
            await self.world.stop()
            await self.world.start()
            await self.report(STOP, "user1", "n1", *place, ("Acct-Session-Time", 3600), nas=SPOT)
        self.assertEqual(await self.world.one("select balance, held from accounts where id = 'user1'"), (9, 0))
        self.assertEqual((await self.world.one("select count(*) from sessions"), await self.world.one("select count(*) from xdr")), (0, 1))
        self.assertEqual((await self.world.exchange(self.world.packet("auth", pairs))).code, ACCEPT)
        await self.report(START, "user1", "n1", ("NAS-Port", 8), nas=SPOT)  # the id is given again, at another port
        self.assertEqual(await self.world.one("select count(*) from sessions where session_key = '105/n1'"), 1)

    async def test_a_restarted_nas(self) -> None:
        """Accounting-On gives back all that the NAS had."""
        for user in ("user1", "user2", "user3"):
            await self.address(user, user)
        on = [("NAS-IP-Address", BRAS), ("Acct-Status-Type", ON)]
        await self.world.exchange(self.world.packet("acct", on))
        self.assertIn(await self.address("user4", "s9"), POOL)

    async def test_many_at_once(self) -> None:
        """Five users at the same moment: three addresses, none twice, two refused."""
        answers = await gatherResults([Deferred.fromCoroutine(self.login(f"user{number}", f"m{number}")) for number in range(1, 6)])
        given = [str(answer["Framed-IP-Address"][0]) for answer in answers if answer.code == ACCEPT]
        self.assertEqual((sorted(given), len(answers)), (sorted(POOL), 5))

    async def test_hotline(self) -> None:
        """Without funds the policy's portal: accepted for a quarter of an hour, charged nothing; then refused in the same session, and again in."""
        answer = await self.login("poor", "h1")
        self.assertEqual((answer.code, answer["Session-Timeout"]), (ACCEPT, [900]))
        await self.report(START, "poor", "h1")
        self.assertEqual((await self.login("poor", "h1")).code, REJECT)
        await self.report(ALIVE, "poor", "h1", ("Acct-Session-Time", 300))
        await self.report(STOP, "poor", "h1", ("Acct-Session-Time", 890))
        self.assertEqual(await self.world.one("select balance, held from accounts where id = 'poor'"), (0, 0))
        self.assertEqual(await self.world.one("select failed, charged_amount, history from xdr"), (True, 0, "hotline: not charged"))
        await self.world.pool.execute("update accounts set balance = 1 where id = 'poor'; select notify_subscriber('a:210')")
        paid = await self.login("poor", "h2")
        self.assertEqual((paid.code, paid["Session-Timeout"]), (ACCEPT, [3600]))
