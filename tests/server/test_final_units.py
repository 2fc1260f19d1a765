"""What adds funds asks exactly the sessions in their final state to ask again: which rows each operation writes, and the whole way over the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.claims import claims
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase
from tests.server.diameter_client import DiameterCase, initial, update
from tests.server.diameter_octets import RAR, SESSION_ID
from tests.server.test_diameter import CREDIT, GRANTED, MSCC, TIME, reply

USER, MOBILE, CUSTOMER, RESELLER = "user1@demo.example", "380630000001", "Demo retail", "Demo reseller"
FINAL, OPEN = '{"q":[{"k":"100.0","u":0,"g":5,"h":[],"fi":1},{"k":"10.0","u":0,"g":5,"h":[]}]}', '{"q":[{"k":"100.0","u":0,"g":5,"h":[]}]}'
SESSION: Final = """
insert into sessions (session_key, version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started, updated, service, cli, cld,
                      opened, state)
select n.i_node || '/' || %s, 1, '', '', a.i_env, n.i_node, a.i_account, a.i_customer, 0, now() + interval '1 hour', 'o', now(), now(), 'Data', '', '', '{}', %s
from accounts a, nodes n where a.id = %s and n.name = %s
"""
PGW: Final = "bec-pgw.portaone.com"


class OperationTests(DeskCase):
    """Each operation on the demo, where every account has a session in its final state, and one that has all it asked for."""

    async def prepare(self) -> None:
        """The sessions of the accounts' names."""
        await super().prepare()
        for name in (CARD, LINE, SUBLINE, USER, "16045550103", "16045550105"):
            self.ask(SESSION, (name, FINAL, name, PGW))
            self.ask(SESSION, (f"{name} goes on", OPEN, name, PGW))
        self.radius = self.one("select min(name) from nodes where protocol = 'radius'")
        self.ask(SESSION, ("not over Diameter", FINAL, CARD, self.radius))

    async def asked(self, operation: str, **given: str) -> list[str]:
        """The sessions that an operation asks to ask again; nothing is pending afterwards."""
        await self.do(operation, given)
        rows = self.ask("delete from session_tasks returning session_key, kind, lane, i_account is not null")
        self.assertEqual({row[1:] for row in rows} - {("rar", 0, True)}, set())
        return sorted(key.partition("/")[2] for key, *_ in rows)

    async def test_prepaid(self) -> None:
        """Money of a prepaid account serves its own sessions; a charge serves nobody."""
        self.assertEqual(await self.asked("account.topup", id=CARD, amount="5"), [CARD])
        self.assertEqual(await self.asked("account.promo", id=CARD, amount="1"), [CARD])
        self.assertEqual(await self.asked("account.adjust", id=CARD, balance="50"), [CARD])
        self.assertEqual(await self.asked("account.charge", id=CARD, amount="1"), [])
        self.assertEqual(await self.asked("account.adjust", id=CARD, balance="1"), [])

    async def test_owing(self) -> None:
        """Money of a credit account is its customer's too: whoever owes with it is served, and no prepaid account of the same customer."""
        self.assertEqual(await self.asked("account.topup", id=LINE, amount="5"), ["16045550101", "16045550103", "16045550105"])
        self.assertEqual(await self.asked("customer.pay", name=CUSTOMER, amount="5"), ["16045550101", "16045550103", "16045550105"])

    async def test_reseller(self) -> None:
        """Money of a reseller serves all below it, also several levels."""
        everybody = sorted([CARD, LINE, SUBLINE, USER, "16045550103", "16045550105"])
        self.assertEqual(await self.asked("customer.pay", name=RESELLER, amount="5"), everybody)

    async def test_limits(self) -> None:
        """A limit that is raised or taken away; not one that is lowered, or another field."""
        self.assertEqual(await self.asked("account.change", id=LINE, credit_limit="60"), [LINE])
        self.assertEqual(await self.asked("account.change", id=LINE, credit_limit="40"), [])
        self.assertEqual(await self.asked("account.change", id=LINE, credit_limit="null"), [LINE])
        self.assertEqual(await self.asked("account.change", id=CARD, expiration_date="2040-01-01"), [])
        self.assertEqual(await self.asked("customer.change", name="Demo subcustomer", credit_limit="300"), [SUBLINE])
        self.assertEqual(await self.asked("customer.change", name="Demo subcustomer", temp_credit_limit="900", temp_credit_until="2040-01-01"), [SUBLINE])

    async def test_barred(self) -> None:
        """A block or a suspension that is lifted; the same of a customer serves its prepaid accounts too."""
        self.assertEqual(await self.asked("account.unblock", id="16045550103"), ["16045550103"])
        self.assertEqual(await self.asked("account.unsuspend", id="16045550105"), ["16045550105"])
        self.assertEqual(await self.asked("customer.block", name="Demo subcustomer"), [])
        self.assertEqual(await self.asked("customer.unblock", name="Demo subcustomer"), [SUBLINE])

    async def test_wallet(self) -> None:
        """Units that are bought."""
        self.ask(SESSION, (MOBILE, FINAL, MOBILE, PGW))
        await self.do("account.change", id=MOBILE, discount_plan="Volumes to buy")
        self.assertEqual(await self.asked("wallet.buy", account=MOBILE, option="1 GB for a month"), [MOBILE])

    async def test_hot(self) -> None:
        """What a charge writes of a session stays off its indexes; only a turn of the final state moves an entry (SPIKE_FACTS 1)."""
        key = self.one("select session_key from sessions where final limit 1")
        for state in (FINAL.replace('"u":0', '"u":7'), FINAL, OPEN, OPEN.replace('"u":0', '"u":9')):
            self.ask("update sessions set state = %s, version = version + 1 where session_key = %s", (state, key))
        self.ask("select pg_stat_force_next_flush()")
        self.assertEqual(self.ask("select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'sessions'"), [(4, 3)])

    async def test_once(self) -> None:
        """Many top-ups at once are one request of each session, and a refused operation is none."""
        for _ in range(3):
            await self.do("account.topup", id=CARD, amount="1")
        self.assertEqual(self.one("select count(*) from session_tasks"), 1)


class WireTests(DiameterCase):
    """Calls of a prepaid card whose money ends, and of a credit account beside it."""

    async def _begin(self) -> None:
        await super()._begin()
        books = Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES)
        self.desk = Desk(books)
        await self.world.pool.execute("update accounts set balance = 0.05, opening_balance = 0.05 where i_account = 101")

    async def operate(self, operation: str, **given: str) -> Any:
        """An operator does something, in no process of the server's."""
        return await self.desk.operate(Actor("test:root", 1), operation, given)

    @claims("diameter-gy.3")
    async def test_top_up(self) -> None:
        """The last part, the top-up, RAR to that session alone, RAA, and the CCR-U behind it gets a full grant and no indication."""
        peer = await self.peer()
        paid = await peer.ask(initial(10, "pgw.example.com;1;first", requested=60))
        self.assertEqual((paid.find(MSCC, GRANTED, TIME), paid.find(MSCC, 430)), (60, None))
        last = await peer.ask(initial(11, "pgw.example.com;1;last", requested=600))
        self.assertEqual((last.find(MSCC, GRANTED, TIME), last.find(MSCC, 430, 449)), (90, 0))
        await peer.ask(initial(12, "pgw.example.com;1;credit", requested=30, account=CREDIT))
        waiting = "select session_key from sessions where final"
        self.assertEqual(await self.world.pool.query(waiting), [("201/pgw.example.com;1;last",)])
        await self.operate("account.topup", id="10086610975", amount="5")
        rar = await peer.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID), rar.find(285)), (RAR, "pgw.example.com;1;last", 0))
        peer.say(reply(rar, 2002))
        more = await peer.ask(update(13, "pgw.example.com;1;last", 1, 45, requested=600))
        self.assertEqual((more.find(MSCC, GRANTED, TIME), more.find(MSCC, 430)), (600, None))
        self.assertEqual(await self.world.pool.query(waiting), [])
        await self.operate("account.topup", id="10086610975", amount="5")
        self.assertEqual(await self.world.one("select count(*) from session_tasks"), 1)
        self.assertEqual(peer.strays, [])

    async def test_refused_and_paid(self) -> None:
        """4012 behind the last part keeps the session waiting; a second top-up while the RAR is under way is no second RAR."""
        name = "pgw.example.com;2;1"
        peer = await self.peer()
        await peer.ask(initial(10, name, requested=600))
        refused = await peer.ask(update(11, name, 1, 150, requested=600))
        self.assertEqual((refused.result, refused.find(MSCC, 268)), (2001, 4012))
        await self.operate("account.topup", id="10086610975", amount="1")
        await self.operate("account.topup", id="10086610975", amount="1")
        rar = await peer.asked()
        more = await peer.ask(update(12, name, 2, 0, requested=300))  # on its way before the client had seen the RAR
        self.assertEqual((more.find(MSCC, GRANTED, TIME), more.find(MSCC, 430)), (300, None))
        peer.say(reply(rar, 2001))
        self.assertEqual(peer.strays, [])
        self.assertEqual(await self.world.one("select balance from accounts where i_account = 101"), Decimal("2.05"))

    async def test_unblocked(self) -> None:
        """The end of a block asks the client that has met it with 4010 to ask again, and the session goes on."""
        name = "pgw.example.com;3;1"
        peer = await self.peer()
        await peer.ask(initial(10, name, requested=30))
        await self.operate("account.block", id="10086610975")
        refused = await peer.ask(update(11, name, 1, 30))
        self.assertEqual(refused.result, 4010)
        await self.operate("account.unblock", id="10086610975")
        rar = await peer.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID)), (RAR, name))
        peer.say(reply(rar, 2002))
        self.assertEqual((await peer.ask(update(12, name, 2, 0))).find(MSCC, GRANTED, TIME), 30)
