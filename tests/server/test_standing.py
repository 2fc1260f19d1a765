"""Changes behind living Internet sessions, from rows to CoA and Disconnect at a simulated NAS, which shares no code with the server; pyrad reads them too."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket
from twisted.internet import reactor

from tests.server.harness import DICTIONARY, SECRET, START, STOP, WORLD, World, WorldCase
from tests.server.pools import pause
from tests.server.test_internet import ACCEPT, INTERNET, MORE
from tests.simulators.nas import ACCT_SESSION_ID, COA, DISCONNECT, FILTER_ID, SimulatedNas

_reactor: Any = reactor
SPOT = "192.0.2.51"
TASKS = "select kind, session_key, status from session_tasks order by i_task"


class StandingTests(WorldCase):
    """Each test has a server, a database and a NAS of its own; its policy's one level is turbo, at any time, until a test changes that."""

    async def _begin(self) -> None:
        self.nas = SimulatedNas(SECRET)
        port = _reactor.listenUDP(0, self.nas, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        node = f"update nodes set coa_address = '127.0.0.1', coa_port = {port.getHost().port} where i_node = 105;"
        self.world = await World.made(WORLD + INTERNET + node)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))

    async def begin(self, user: str, session: str = "") -> Any:
        """A session of a user, named after him unless it has a name: authorized and started."""
        pairs = [("NAS-IP-Address", SPOT), ("User-Name", user), ("Acct-Session-Id", session or user)]
        answer = await self.world.exchange(self.world.packet("auth", [*pairs, ("User-Password", "")]))
        self.assertEqual(answer.code, ACCEPT)
        await self.world.exchange(self.world.packet("acct", [*pairs, ("Acct-Status-Type", START)]))
        self.nas.sessions.add(session or user)
        return answer

    async def end(self, user: str) -> None:
        """Its Stop."""
        pairs = [("NAS-IP-Address", SPOT), ("User-Name", user), ("Acct-Session-Id", user), ("Acct-Status-Type", STOP), ("Acct-Session-Time", 9)]
        await self.world.exchange(self.world.packet("acct", pairs))

    async def asked(self, count: int) -> list[tuple[int, str]]:
        """Codes and sessions of what the NAS has been asked, when it is so much; the work of a pass is done for all at once."""
        job = next(job for job in self.world.server._jobs if job.name == "standing")
        for _ in range(2):
            await job._work()
        for _ in range(1200):
            if len(self.nas.requests) >= count:
                break
            await pause(0.05)
        self.assertEqual(self.nas.wrong, [])
        return sorted((request.code, (request.get(ACCT_SESSION_ID) or b"").decode()) for request in self.nas.requests)

    async def test_nothing_changed(self) -> None:
        """Living sessions in order, and a hotline whose account is as poor as before, are left alone."""
        await self.begin("user1")
        await self.begin("poor")
        self.assertEqual((await self.asked(0), await self.world.pool.query(TASKS)), ([], []))

    async def test_ends(self) -> None:
        """Blocked, of another product, of another policy, and a hotline with money: each is disconnected once; whoever's customer is fine goes on."""
        for user in ("user1", "user2", "user3", "user4", "poor"):
            await self.begin(user)
        await self.world.pool.execute(
            "update accounts set blocked = true where id = 'user1'; update accounts set i_product = 101 where id = 'user2';"
            "insert into access_policies (i_access_policy, i_env, name) values (102, 1, 'Slow');"
            "update accounts set i_access_policy = 102 where id = 'user3'; update accounts set balance = 1, opening_balance = 1 where id = 'poor'"
        )
        self.assertEqual(await self.asked(4), [(DISCONNECT, user) for user in ("poor", "user1", "user2", "user3")])
        self.assertEqual(self.nas.sessions, {"user4"})
        for user in ("poor", "user1"):
            await self.end(user)
        self.assertEqual(len(await self.asked(5)), 4)  # user2 and user3 have sent no Stop, and are not asked again so soon
        self.assertEqual((await self.begin("poor", "paid"))["Session-Timeout"], [3600])
        foreign: Any = CoAPacket(packet=self.nas.requests[0].octets, secret=SECRET, dict=self.world.dictionary)
        self.assertTrue(foreign.VerifyCoARequest())

    async def test_a_customer(self) -> None:
        """A customer that is suspended takes its accounts' sessions with it."""
        await self.begin("user1")
        await self.world.pool.execute("update customers set bill_status = 'S' where i_customer = 101")
        self.assertEqual(await self.asked(1), [(DISCONNECT, "user1")])

    async def test_a_turn(self) -> None:
        """A timetable that turns: sessions from before are told the new level, once, also by a server that starts again; later ones began with it."""
        hour = datetime.now(UTC).hour
        policy = "update access_policy_phases set period = 'hr{%d-%d}'; insert into access_policy_levels (i_access_policy, level, download_rate) "
        await self.world.pool.execute(policy % (hour, hour) + "values (101, 'turbo', 64000)")
        await self.world.stop()
        await self.world.start()
        answer = await self.begin("user1")
        self.assertEqual(answer["Session-Timeout"], [36000])  # the funds' end, not that of the phase: a CoA tells the turn
        await self.begin("user2")
        self.assertEqual(await self.asked(0), [])
        await self.world.pool.execute("update sessions set started = started - interval '3 hours' where session_key = '105/user1'")
        await self.world.stop()
        await self.world.start()
        for _ in range(2):
            self.assertEqual(await self.asked(1), [(COA, "user1")])
            await self.world.stop()
            await self.world.start()
        (request,) = self.nas.requests
        self.assertEqual(request.get(FILTER_ID), b"turbo")
        arguments = await self.world.one("select arguments from session_tasks")
        self.assertEqual(arguments, {"policy": "turbo", "speed_down": 64000})
