"""Many operations at once on the connections that a running server has: none waits for ever, each is done once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.pool import Pool
from portaswitch.store.work import Books
from tests.server.desks import CARD, LINE, DeskCase

_reactor: Any = reactor

CROWD = 50
SECONDS = 60


class CrowdTests(DeskCase):
    """One desk, four connections, fifty operators."""

    async def prepare(self) -> None:
        """The pool of a server (`limits.work_connections`)."""
        await super().prepare()
        pool = Pool(reactor, self.database.dsn, size=4, name="work", wait=30)
        await pool.start()
        self.addCleanup(pool.close)
        self.desk = Desk(Books(pool, self.sealer, ENTITIES))

    async def all(self, work: list[Deferred[Any]]) -> list[Any]:
        """The results of all, within a minute."""
        done = gatherResults(work, consumeErrors=True)
        return await done.addTimeout(SECONDS, _reactor)

    def start(self, operation: str, key: str = "", **values: str) -> Deferred[Any]:
        """An operation that has begun."""
        return self.desk.operate(self.root, operation, values, key)

    async def test_one_account(self) -> None:
        """Top-ups of one credit account, which move its customer's balance too, with blocks and changes: all are done, each once, and the books agree."""
        work = []
        for number in range(CROWD):
            work.append(self.start("account.topup", f"one-{number}", id=LINE, amount="0.10"))
            work.append(self.start("account.block" if number % 2 else "account.unblock", id=LINE))
            work.append(self.start("account.change", id=LINE, credit_limit=str(100 + number)))
            work.append(self.start("account.show", id=LINE))
        await self.all(work)
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(CROWD, Decimal("5.00"))])
        self.assertEqual(self.one("select balance from accounts where id = %s", (LINE,)), Decimal("-5.00"))
        self.assertEqual(self.one("select count(*) from audit_log where operation = 'account.topup'"), CROWD)
        await self.assert_books()

    async def test_same_key(self) -> None:
        """Fifty who ask the same under one key get one payment and one answer."""
        found = await self.all([self.start("account.topup", "same", id=CARD, amount="3") for _ in range(CROWD)])
        self.assertEqual({row["i_payment"] for row in found}, {self.one("select i_payment from payments")})
        self.assertEqual({Decimal(row["balance"]) for row in found}, {Decimal(13)})
        self.assertEqual(self.one("select count(*) from operation_keys"), 1)

    async def test_many_accounts(self) -> None:
        """Accounts of one customer and others, debit and credit, in both orders, each line asked twice under its key."""
        names = [name for (name,) in self.ask("select id from accounts where i_master_account is null and bill_status <> 'C' order by id")]
        work = []
        for number in range(CROWD):
            for place in (number, -number):
                work.append(self.start("account.topup", f"many-{number}", id=names[number % len(names)], amount="1"))
                work.append(self.start("account.change", id=names[place % len(names)], language="fr"))
        await self.all(work)
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(CROWD, Decimal(CROWD))])
        self.assertEqual(self.one("select count(*) from audit_log where operation = 'account.topup'"), CROWD)
        await self.assert_books()
