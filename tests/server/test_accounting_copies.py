"""Copies of accounting to a simulated policy broker: addresses of sessions, committed with the charge, told in order and at least once."""

from __future__ import annotations

import io
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from portaswitch.store.session_tasks import purge
from portaswitch.store.task_listings import tasks_of
from tests.claims import claims
from tests.server.harness import ALIVE, DICTIONARY, ON, SECRET, START, STOP, WORLD, World, WorldCase
from tests.server.pools import until
from tests.server.test_internet import INTERNET, MORE
from tests.simulators.accounting_collector import DELAY, EVENT_TIMESTAMP, AccountingCollector

_reactor: Any = reactor
#: A node for the broker, and one with whose sessions it is told.
COLLECTED = """
insert into nodes (i_node, i_env, name, nas_identifier, coa_address, coa_port) values (190, 1, 'spb', 'spb', '127.0.0.1', {port});
update nodes set i_accounting_copy = 190 where i_node = 105;
"""
NAS = "192.0.2.51"
ONE, TWO = "10.1.0.1", "10.1.0.2"


class CollectorCase(WorldCase):
    """A running server, and a collector of the addresses of one of its nodes."""

    async def _begin(self) -> None:
        self.collector = AccountingCollector(SECRET)
        port = _reactor.listenUDP(0, self.collector, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.world = await World.made(WORLD + INTERNET + COLLECTED.format(port=port.getHost().port), coa_first_wait="0.2s", coa_tries=3)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))

    async def report(self, status: int, session: str, address: str = ONE, *more: tuple[str, Any], user: str = "user2", nas: str = NAS) -> None:
        """An Accounting-Request of the node, which must be answered."""
        pairs = [("NAS-IP-Address", nas), ("User-Name", user), ("Called-Station-Id", "net"), ("Acct-Status-Type", status), ("Acct-Session-Id", session)]
        pairs += [("Framed-IP-Address", address)] if address else []
        answer = await self.world.exchange(self.world.packet("acct", [*pairs, *more]))
        self.assertEqual(answer.code, 5)

    def said(self) -> list[tuple[int, str, str, str]]:
        """Status, session, subscriber and address of what the collector took, each once."""
        return list(dict.fromkeys(account.said for account in self.collector.accounts))

    async def told(self, count: int) -> None:
        """Wait until the collector got so many different requests."""
        await until(lambda: len(self.said()) >= count, f"copy {count}")

    async def rows(self) -> list[Any]:
        """The tasks."""
        return await self.world.pool.query("select arguments ->> 'status', status, attempts, last_error from session_tasks where kind = 'copy' order by i_task")

    async def settled(self, *statuses: str) -> None:
        """Wait until the tasks have these statuses, in their order."""

        async def same() -> bool:
            return [row[1] for row in await self.rows()] == list(statuses)

        await until(same, f"tasks {statuses}")


class WireTests(CollectorCase):
    """What the collector gets."""

    @claims("sandvine.6", "sandvine.7")
    async def test_start_and_stop(self) -> None:
        """The Start of the NAS gives the subscriber its address at the broker, the Stop takes it away; by pyrad the packets are right too."""
        await self.report(START, "s1", ONE, ("NAS-Port", 7))
        await until(lambda: self.collector.subscribers == {ONE: ("user2", "s1")}, "the address")
        await self.report(ALIVE, "s1", ONE, ("Acct-Session-Time", 60))
        await self.report(STOP, "s1", ONE, ("Acct-Session-Time", 61))
        await until(lambda: self.collector.subscribers == {}, "its end")
        await self.settled("done", "done")
        self.assertEqual((self.said(), self.collector.wrong), ([(1, "s1", "user2", ONE), (2, "s1", "user2", ONE)], []))
        for account, status, seconds in zip(self.collector.accounts, (1, 2), (None, 61), strict=True):
            foreign: Any = AcctPacket(packet=account.octets, secret=SECRET, dict=self.world.dictionary)
            self.assertTrue(foreign.VerifyAcctRequest())
            self.assertEqual((foreign["Acct-Status-Type"], foreign["NAS-IP-Address"], foreign["NAS-Port"]), ([status], [NAS], [7]))
            self.assertEqual(foreign.get("Acct-Session-Time", [None]), [seconds])
        self.assertEqual(await self.world.one("select count(*) from xdr where account_id = 'user2'"), 1)
        self.assertEqual([(task.kind, task.status) for task in await tasks_of(self.world.pool, 1, "105/s1")], [("copy stop", "done"), ("copy start", "done")])

    async def test_only_of_its_nodes(self) -> None:
        """Sessions at a node without a collector are nobody's business; when it gets one, those that live are told by their next Alive."""
        await self.report(START, "b1", ONE, user="user3", nas="192.0.2.50")
        await self.report(START, "s1")
        await self.told(1)
        self.assertEqual(self.said(), [(1, "s1", "user2", ONE)])
        await self.world.changed("update nodes set i_accounting_copy = 190 where i_node = 104")
        await self.report(ALIVE, "b1", TWO, ("Acct-Session-Time", 0), user="user3", nas="192.0.2.50")
        await self.told(2)
        self.assertEqual(self.said()[1], (1, "b1", "user3", TWO))

    async def test_restarted_node(self) -> None:
        """Accounting-On of the NAS ends its sessions, and their addresses."""
        await self.report(START, "s1")
        await self.report(START, "s2", TWO, user="user3")
        await until(lambda: len(self.collector.subscribers) == 2, "the addresses")
        pairs = [("NAS-IP-Address", NAS), ("Acct-Status-Type", ON), ("Acct-Session-Id", "0")]
        self.assertEqual((await self.world.exchange(self.world.packet("acct", pairs))).code, 5)
        await until(lambda: self.collector.subscribers == {}, "their end")

    async def test_renamed(self) -> None:
        """An account that gets another id meanwhile ends by that: so provisioning renamed the subscriber."""
        await self.report(START, "s1")
        await self.told(1)
        await self.world.pool.execute("update accounts set id = 'renamed' where id = 'user2'")
        await self.report(STOP, "s1", ONE, ("Acct-Session-Time", 5))
        await self.told(2)
        self.assertEqual(self.said()[1], (2, "s1", "renamed", ONE))

    async def test_beside_counters_and_payers(self) -> None:
        """Copies go with whatever else a batch says: a budget, a payer, a session that another waits for; the money is as without them."""
        await self.world.pool.execute("update accounts set spend_limit = 5, spend_period = 'monthly' where id = 'user2'")
        await self.world.pool.execute("update accounts set billing_model = 4, i_payer = 204, balance = 0, opening_balance = 0 where id = 'user5'")
        for number, user in enumerate(("user1", "user2", "user5")):
            await self.report(START, f"s{number}", f"10.1.0.{number}", user=user)
        await self.told(3)
        await self.world.pool.execute("update sessions set started = started - interval '3700 s', version = version + 1")
        await gatherResults(
            [
                Deferred.fromCoroutine(self.report(STOP, f"s{number}", f"10.1.0.{number}", ("Acct-Session-Time", 3600), user=user))
                for number, user in enumerate(("user1", "user2", "user5"))
            ]
        )
        await self.told(6)
        self.assertEqual(self.collector.subscribers, {})
        balances = await self.world.pool.query("select id, balance, held from accounts where i_account in (201, 202, 204, 205) order by id")
        self.assertEqual(balances, [("user1", 9, 0), ("user2", 9, 0), ("user4", 9, 0), ("user5", 0, 0)])
        self.assertEqual(await self.world.one("select used from vd_counters where i_account = 202"), 1)
        self.assertEqual(sorted(await self.world.pool.query("select i_account from session_tasks where kind = 'copy' and arguments ->> 'status' = 'Stop'")),
                         [(201,), (202,), (205,)])  # fmt: skip


class TroubleTests(CollectorCase):
    """A collector that is away, slow or wrong."""

    async def test_committed_with_the_charge(self) -> None:
        """Nothing is sent before the reply, but it is in the database by then; a server that is stopped and started tells it, with the same session."""
        self.collector.behave = lambda account: []
        await self.report(START, "s1")
        self.assertEqual([row[:2] for row in await self.rows()], [("Start", "pending")])
        await self.told(1)
        await self.world.stop()
        first = len(self.collector.accounts)
        self.collector.behave = None
        await self.world.start(coa_first_wait="0.2s", coa_tries=3)
        await self.settled("done")
        again = self.collector.accounts[-1]
        self.assertGreater(len(self.collector.accounts), first)
        self.assertEqual((again.said, self.collector.subscribers), ((1, "s1", "user2", ONE), {ONE: ("user2", "s1")}))

    async def test_silence(self) -> None:
        """The same octets three times; the next attempt is a new packet of the same event, later. None of many attempts is the last within its day."""
        self.collector.behave = lambda account: []
        await self.report(START, "s1")
        await until(self._noted, "the note")
        sent = self.collector.accounts
        self.assertEqual((len(sent), len({account.octets for account in sent})), (3, 1))
        await self.world.pool.execute("update session_tasks set attempts = 500, next_try = now()")
        self.collector.behave = None
        await self.settled("done")
        last = self.collector.accounts[-1]
        self.assertEqual((last.said, last.number(EVENT_TIMESTAMP)), (sent[0].said, sent[0].number(EVENT_TIMESTAMP)))
        self.assertNotEqual(last.octets, sent[0].octets)
        self.assertGreaterEqual(last.number(DELAY), 1)
        self.assertGreaterEqual(sent[0].number(DELAY), 0)

    async def test_order(self) -> None:
        """The Stop of a session waits for its Start, those of others do not."""
        mute: set[str] = {"s1"}
        self.collector.behave = lambda account: [] if account.said[1] in mute else [account.answer()]
        await self.report(START, "s1")
        await until(self._noted, "the note")
        await self.report(STOP, "s1", ONE, ("Acct-Session-Time", 5))
        await self.report(START, "s2", TWO, user="user3")
        await self.settled("pending", "pending", "done")
        self.assertEqual({account.said[0] for account in self.collector.accounts if account.said[1] == "s1"}, {1})
        mute.clear()
        await self.world.pool.execute("update session_tasks set next_try = now()")
        await self.settled("done", "done", "done")
        self.assertEqual([said[:2] for said in self.said()], [(1, "s1"), (1, "s2"), (2, "s1")])
        self.assertEqual(self.collector.subscribers, {TWO: ("user3", "s2")})

    async def test_expires(self) -> None:
        """After a day a copy is given up, and with it nothing else; what nobody claims any more is forgotten with the finished ones."""
        self.collector.behave = lambda account: []
        await self.report(START, "s1")
        self.assertTrue(await self.world.one("select expires - created between '23 hours' and '25 hours' from session_tasks"))
        await until(self._noted, "the note")
        self.collector.behave = None
        await self.world.pool.execute("update session_tasks set expires = now()")
        await self.settled("expired")
        await self.report(STOP, "s1", ONE, ("Acct-Session-Time", 5))
        await self.settled("expired", "done")
        old = "update session_tasks set status = 'pending', finished = null, expires = now() - interval '31 days' where status = 'expired'"
        await self.world.pool.execute(old)
        await purge(self.world.pool, 30)
        self.assertEqual([row[0] for row in await self.rows()], ["Stop"])
        for age, left in ((47, 1), (49, 0)):
            await self.world.pool.execute("update session_tasks set finished = now() - make_interval(hours => %s)", (age,))
            await purge(self.world.pool, 30)
            self.assertEqual(len(await self.rows()), left)

    async def test_hostile(self) -> None:
        """Wrong secrets and Identifiers are no answers; the right one is."""
        self.collector.behave = lambda account: [account.answer(b"another secret"), account.answer(identifier=255 - account.identifier), b"x", account.answer()]
        await self.report(START, "s1")
        await self.settled("done")

    async def test_catalogue(self) -> None:
        """What is missing in the catalogue keeps a copy waiting, and says what; it goes when that is there."""
        for broken, mended, word in (
            ("coa_address = null", "coa_address = '127.0.0.1'", "no coa_address"),
            ("coa_address = '192.0.2.9'", "coa_address = '127.0.0.1'", "covers 192.0.2.9"),
            ("profile = 'none'", "profile = 'generic'", "profile none"),
            ("profile = 'ivr'", "profile = 'generic'", "no words for copies"),
        ):
            await self.world.changed(f"update nodes set {broken} where i_node = 190")
            await self.report(START, word.replace(" ", ""))
            await until(self._noted, word)
            ((_, status, _, note),) = await self.rows()
            self.assertEqual((status, word in note), ("pending", True), note)
            await self.world.changed(f"update nodes set {mended} where i_node = 190")
            await self.world.pool.execute("update session_tasks set next_try = now()")
            await self.settled("done")
            await self.world.pool.execute("delete from session_tasks")

    async def _noted(self) -> bool:
        return any(row[3] for row in await self.rows())
