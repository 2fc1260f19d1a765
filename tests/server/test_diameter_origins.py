"""Restarts of Diameter clients: the table on PostgreSQL, and the whole server, which forgets none by its own restart."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.store.diameter_origins import DiameterOrigins
from portaswitch.store.pool import Pool
from tests.contract.origins import HOST, OriginsContract
from tests.server.database import fresh_database
from tests.server.diameter_client import CARD, PEERS, DiameterCase, initial, termination, update
from tests.server.diameter_octets import REALM, avp, call, ccr, ccr_body, seconds, subscriber
from tests.server.harness import WORLD
from tests.server.pools import pause, until
from tests.server.test_diameter import CREDIT
from tests.unit.builders import AT

SESSION = """
insert into sessions (session_key, version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started, updated, service, cli, cld,
                      opened, state)
select %(node)s::text || '/' || name, 1, '', '', 1, %(node)s, 101, 101, 0, 'infinity', 'o', %(at)s, %(at)s::timestamptz - interval '1 hour', 'Voice', '', '',
       %(opened)s, '{}'
from unnest(%(names)s) name
"""


class TableTests(OriginsContract, TestCase):
    """The contract on PostgreSQL."""

    def setUp(self) -> Any:
        """A database with the nodes of the tests."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.pool = Pool(reactor, await fresh_database(), size=1, name="origins")
        await self.pool.start()
        self.addCleanup(self.pool.close)
        await self.pool.execute(WORLD + PEERS)
        self.origins = DiameterOrigins(self.pool, reactor)

    async def open_sessions(self, *names: str, i_node: int = 201, host: str = "") -> None:
        """See `OriginsContract.open_sessions`."""
        opened = json.dumps({"k": {"origin_host": host} if host else {}})
        await self.pool.execute(SESSION, {"at": AT, "names": list(names), "node": i_node, "opened": opened})

    async def test_node_goes(self) -> None:
        """A node that is taken away takes its hosts along."""
        await self.origins.heard(1, 202, "other.example.com", 5, AT)
        await self.pool.execute("delete from nodes where i_node = 202")
        self.assertEqual(await self.pool.query("select origin_host from diameter_origins where origin_host <> %s", (HOST,)), [])


class ServerTests(DiameterCase):
    """The whole server, two clients with sessions."""

    async def left(self, count: int) -> list[tuple[str, ...]]:
        """The open sessions, once they are so many."""
        for _ in range(600):
            rows: list[tuple[str, ...]] = await self.world.pool.query("select session_key from sessions order by 1")
            if len(rows) == count:
                break
            await pause(0.05)
        return rows

    async def test_while_we_were_away(self) -> None:
        """A client that restarts while we do has lost its sessions all the same; a late CCR-T of one charges what its end had not, once."""
        peer = await self.peer("pgw.example.com", REALM, avp(278, 5))
        other = await self.peer("other.example.com", REALM, avp(278, 5))
        for number in (1, 2):
            await peer.ask(initial(10 + number, f"pgw.example.com;5;{number}"))
        await peer.ask(update(20, "pgw.example.com;5;1", 1, 30))
        await other.ask(initial(10, "other.example.com;5;1", account=CREDIT, host="other.example.com"))
        await self.restart()
        peer = await self.peer("pgw.example.com", REALM, avp(278, 6))
        await self.peer("other.example.com", REALM, avp(278, 5))
        self.assertEqual(await self.left(1), [("202/other.example.com;5;1",)])
        self.assertEqual(await self.world.one("select sum(charged_quantity) from xdr where i_account = 101"), 30)
        self.assertEqual((await peer.ask(termination(30, "pgw.example.com;5;1", 2, 60))).result, 2001)
        rows = await self.world.pool.query("select charged_quantity, charged_amount from xdr where i_account = 101")
        self.assertEqual((sum(row[0] for row in rows), sum(row[1] for row in rows)), (90, Decimal("0.03")))
        again = [(await peer.ask(termination(30 + step, "pgw.example.com;5;1", 1 + step, 60))).result for step in (1, 2)]
        self.assertEqual(again, [2001, 5002])
        self.assertEqual(await self.world.one("select balance, held from accounts where i_account = 101"), (Decimal("9.97"), 0))
        self.assertEqual(await self.world.one("select state_id, risen from diameter_origins where origin_host = 'pgw.example.com'"), (6, None))

    async def done(self, host: str, state: int) -> bool:
        """What this state of a host says is done."""
        found = "select 1 from diameter_origins where origin_host = %s and state_id = %s and risen is null"
        return bool(await self.world.pool.query(found, (host, state)))

    async def test_behind_an_agent(self) -> None:
        """The restart of an agent ends no session of a host behind it; that of the host, which its next request tells, ends those of the host."""
        host = "unlisted.example.org"

        def begun(hop: int, session: str, state: int) -> bytes:
            told = subscriber(CARD), seconds(30), call(CARD, "8210001"), avp(278, state)
            return ccr(hop, ccr_body(session, 1, 0, *told, host=host))

        agent = await self.peer("pgw.example.com", REALM, avp(278, 5))
        await agent.ask(begun(10, "pgw.example.com;5;1", 1))
        await agent.ask(initial(11, "pgw.example.com;5;2", account=CREDIT))
        await agent.end()
        agent = await self.peer("pgw.example.com", REALM, avp(278, 6))
        await until(lambda: self.done("pgw.example.com", 6), "the end of the agent's sessions")
        await until(lambda: self.done(host, 1), "the first state of the host")
        self.assertEqual(await self.left(1), [("201/pgw.example.com;5;1",)])
        self.assertEqual((await agent.ask(begun(12, "pgw.example.com;5;3", 2))).result, 2001)
        self.assertEqual(await self.left(1), [("201/pgw.example.com;5;3",)])

    async def test_swept(self) -> None:
        """A session that nobody spoke for in time is charged by what it reported; its CCR-T, late, charges the difference, once."""
        peer = await self.peer()
        name = "pgw.example.com;6;1"
        await peer.ask(initial(10, name))
        await peer.ask(update(11, name, 1, 30))
        # With another version who remembers it reads it again.
        await self.world.pool.execute("update sessions set expires = now() - interval '1 minute', version = version + 1")
        self.assertEqual(await self.left(0), [])
        self.assertEqual(await self.world.one("select sum(charged_quantity), sum(charged_amount) from xdr"), (30, Decimal("0.01")))
        answers = [await peer.ask(termination(20 + number, name, 2, 90)) for number in range(2)]
        self.assertEqual([one.result for one in answers], [2001, 2001])
        self.assertEqual(await self.world.one("select sum(charged_quantity), sum(charged_amount) from xdr"), (120, Decimal("0.04")))
        self.assertEqual(await self.world.one("select balance, held from accounts where i_account = 101"), (Decimal("9.96"), 0))
