"""
A seeded walk of the money machine's steps over two real Cores on PostgreSQL, with the reference ledger beside it: every verdict and the end must be the same.

The batches go to both one after another, so that both see one order; what two connections do at once is not this test's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from portaswitch.billing.limits import Limits
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.ledger import Failed, Member, SessionName, Verdict
from portaswitch.model.session import Session
from portaswitch.model.xdr import Xdr
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.reference import ReferenceLedger
from tests.contract import laws, rows
from tests.contract.gate import taken
from tests.contract.world import ACCOUNTS, BENEFICIARIES, CUSTOMERS, POLICIES, PURSE, USERS, WALLETS, Place, Sent, World, wallet_of
from tests.server.database import fresh_database

STEPS = 300
#: Sums of the end, by account where they have one.
MONEY = "select i_account, balance, held from accounts where billing_model <> 2"
CUSTOMER_MONEY = "select i_customer, balance, held from customers"
XDRS = "select i_account, storage::text, h323_conf_id, split_order::int, charged_amount, charged_quantity, used_quantity, failed, history from xdr"
PENDING = "select role::text, i_party, sum(amount) from pending_charges group by role, i_party"
SESSIONS = "select session_key, version, status::text, held from sessions union all select session_key, version, status::text, held from sessions_closed"
KEYS = "select key from request_keys"


@implementer(ILedger)
class Both:
    """Sends every batch to PostgreSQL and to the reference, in one order, and keeps where they differ. `lose` fails the next one, applied or not."""

    def __init__(self, real: Ledger, reference: ReferenceLedger) -> None:
        self._real, self._reference = real, reference
        self._lock = DeferredLock()
        self.differences: list[str] = []
        self.kinds: dict[str, int] = {}
        self.lose = ""

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `ILedger.exchange`."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._exchange(members)))

    async def _exchange(self, members: Sequence[Member]) -> list[Verdict]:
        lose, self.lose = self.lose, ""
        if lose == "before":
            raise DatabaseDown("lost before the commit")
        told = await self._real.exchange(members)
        due = taken(self._reference.exchange(members))
        for member, real, reference in zip(members, told, due, strict=True):
            self.kinds[type(real).__name__] = self.kinds.get(type(real).__name__, 0) + 1
            if real != reference or isinstance(real, Failed):
                self.differences.append(f"{member.request.key}: PostgreSQL {real}\nreference {reference}")
        if lose == "behind":
            raise DatabaseDown("lost behind the commit")
        return told

    def record_orphan(self, member: Member) -> Deferred[None]:
        """See `ILedger.record_orphan`."""
        _ = self._reference.record_orphan(member)
        return self._real.record_orphan(member)

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        _ = self._reference.release_name(session)
        return self._real.release_name(session)

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        return self._lock.run(self._real.node_sessions, i_node, until)

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        return self._lock.run(self._real.dead_sessions, limit)


class WalkTests(TestCase):
    """See the module."""

    timeout = 180

    async def build(self) -> None:
        """The same subscribers in both ledgers."""
        self.pool = Pool(reactor, await fresh_database(), size=1, name="hot", settings=HOT_SETTINGS)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.reference = ReferenceLedger(lambda: datetime.now(UTC))
        await self.pool.execute(rows.ENVIRONMENT)
        for number in POLICIES:
            await self.pool.execute("insert into products (i_product, i_env, name, currency) values (%s, 1, %s, 'USD')", (number, f"product {number}"))
        await self.pool.execute(rows.ITEMS)
        for customer in CUSTOMERS:
            self.reference.put_customer(customer)
            await self.pool.execute(*rows.customer_row(customer, self.reference.books.customer_funds[customer.i_customer]))
        for account, funds in ACCOUNTS:
            self.reference.put_account(account, funds)
            await self.pool.execute(*rows.account_row(account, funds))
        for account, i_payer in BENEFICIARIES:
            self.reference.put_beneficiary(account, i_payer)
            await self.pool.execute(*rows.beneficiary_row(account, i_payer))
        for number, (wallet, octets) in WALLETS.items():
            self.reference.put_counters(number, wallet_of(number))
            await self.pool.execute(*rows.wallet_row(number, wallet, PURSE, octets))
        await self.pool.execute("update accounts set revision = 1")  # a wallet that is bought raises it
        self.reference.put_alias(1, "alias", 1)
        await self.pool.execute(*rows.alias_row(1, "alias", ACCOUNTS[0][0]))
        self.opening, self.paid = self.reference.books.copy(), dict[int, Decimal]()
        self.both = Both(Ledger(self.pool, lambda sealed: sealed.decode()), self.reference)
        self.faults: list[str] = []
        self.world = World([self.both, self.both], Limits(batch=8, flights=2, company=1, waiting=1000, timeout=30), self.answered)
        self.world.now = datetime.now(UTC).replace(microsecond=0)

    def answered(self, sent: Sent) -> None:
        """An answer, held against the reference's books: they are those of PostgreSQL at every commit."""
        answer = sent.answers[-1]
        try:
            if isinstance(answer, Failure):
                assert answer.check(DatabaseDown), answer.getTraceback()
            else:
                laws.check_answer(self.reference.books, sent.request, answer)
        except AssertionError as fault:
            self.faults.append(str(fault))

    # -- steps ------------------------------------------------------------------------------------------------------------------------------------

    async def step(self, random: Random) -> None:
        """Some requests at once, or something an operator or the network does."""
        chance = random.random()
        if chance < 0.10:
            await self.operator(random)
        elif chance < 0.18:
            self.both.lose = random.choice(("before", "behind"))
        elif chance < 0.20:
            self.world.crash(random.randrange(2), self.both)
        elif chance < 0.29:
            await self.sweep(random)
        sent = [self.world.submit(random.randrange(2), self.request(random)) for _ in range(random.randrange(1, 6))]
        await DeferredList([one.deferred for one in sent if one.deferred is not None])
        for one in sent:
            assert len(one.answers) == 1, f"{one.request.key}: {len(one.answers)} answers"

    def request(self, random: Random) -> Any:
        """One of everything that nodes send."""
        world, place = self.world, Place(random.choice(USERS), random.randrange(4))
        used, which = random.choice((0, 1, 30, 37, 60, 61, 200)), random.randrange(3)
        if f"1/{world.name(place)}" in self.reference.books.closed and random.random() < 0.7:
            world.hang_up(place)
        minimum = random.choice((None, 1, 20))
        makers = (
            lambda: world.authorize(place, which, minimum, random.choice((None, 30, 90)), used if minimum else None),
            lambda: world.start(place), lambda: world.update(place, which, used), lambda: world.stop(place, which, used), lambda: world.unlock(place),
            lambda: world.event(random.choice((*USERS, "alias", "nobody")), random.randrange(1, 9)),
            lambda: random.choice(world.sent[-8:]).request if world.sent else world.start(place),
        )  # fmt: skip
        return random.choices(makers, (8, 3, 5, 4, 1, 3, 4))[0]()

    async def sweep(self, random: Random) -> None:
        """Time goes by for the rows, or for the node alone: sessions are swept, or all of the node are closed."""
        if random.random() < 0.3:
            await self.settle(self.world.submit(0, self.world.on_off()))
            return
        victims = random.sample(sorted(self.reference.books.sessions), min(2, len(self.reference.books.sessions)))
        for place, key in enumerate(victims):
            past = self.world.now - timedelta(days=1, seconds=place)
            await self.pool.execute("update sessions set expires = %s where session_key = %s", (past, key))
            self.reference.books.sessions[key] = replace(self.reference.books.sessions[key], expires=past)
            for core in self.world.cores:
                core.cache.forget_all()
        names = await self.both.dead_sessions(10)
        self.assertEqual(names, taken_names(self.reference))
        for name in names:
            await self.settle(self.world.submit(0, self.world.expire(name)))

    async def settle(self, sent: Sent) -> None:
        """Wait for an answer of whatever kind."""
        if sent.deferred is not None:
            await DeferredList([sent.deferred])

    async def operator(self, random: Random) -> None:
        """A payment, a block, a limit, two names that are exchanged."""
        number, kind = random.randrange(1, 8), random.randrange(4)
        if kind == 0:
            amount = Decimal(random.choice((30, 150, 400, 900, -60, -200))).scaleb(-2)
            self.reference.top_up(number, amount)
            self.paid[number] = self.paid.get(number, Decimal(0)) + amount
            await self.pool.execute(rows.TOP_UP, (amount, amount, number, amount))
        elif kind == 1:
            await self.change(number, blocked=not self.reference.books.accounts[number].blocked)
        elif kind == 2:
            limit = random.choice((None, Decimal(2), Decimal(4), Decimal(9)))
            self.reference.change_customer(2, credit_limit=limit)
            await self.pool.execute(*rows.changed_row("customers", 2, {"credit_limit": limit}))
        else:
            one, two = (self.reference.books.accounts[place].id for place in (1, 2))
            for place, name in (1, "in between"), (2, one), (1, two):
                await self.change(place, id=name)

    async def change(self, i_account: int, **what: Any) -> None:
        """A change of an account in both ledgers."""
        self.reference.change_account(i_account, **what)
        await self.pool.execute(*rows.changed_row("accounts", i_account, what))

    # -- the test ---------------------------------------------------------------------------------------------------------------------------------

    async def test_walk(self) -> None:
        """PostgreSQL and the reference agree at every step and in the end, and keep the laws."""
        await self.build()
        random = Random(3)
        for number in range(STEPS):
            self.world.now += timedelta(seconds=random.choice((0, 1, 20)))
            await self.step(random)
            self.assertEqual(self.both.differences, [], f"step {number}")
            self.assertEqual(self.faults, [], f"step {number}")
            laws.check_books(self.reference.books, self.opening, self.paid)
        self.assertEqual(set(self.both.kinds), {"Applied", "Repeated", "Stale", "Short"}, "a walk that doesn't meet them all proves little")
        await self.compare()

    async def compare(self) -> None:
        """Row by row."""
        books = self.reference.books
        await self.same(MONEY, [(number, funds.balance, funds.held) for number, funds in books.funds.items()])
        await self.same(CUSTOMER_MONEY, [(number, funds.balance, funds.held) for number, funds in books.customer_funds.items()])
        sessions = (*books.sessions.values(), *books.closed.values())
        await self.same(SESSIONS, [(session.key, session.version, session.status.value, session.held) for session in sessions])
        await self.same(PENDING, [(*party, amount) for party, amount in books.pending.items()])
        await self.same(KEYS, [(key,) for key in books.keys])
        await self.same("select key from orphans", [(key,) for key in books.orphans])
        await self.same(XDRS, [_told(row) for row in books.xdrs])

    async def same(self, sql: str, due: Sequence[tuple[Any, ...]]) -> None:
        """The rows of a query are those of the reference, in any order."""
        self.assertEqual(sorted(tuple(row) for row in await self.pool.query(sql)), sorted(due))


def _told(row: Xdr) -> tuple[Any, ...]:
    amounts = row.charged_amount, row.charged_quantity, row.used_quantity
    return (row.i_account, row.storage.value, row.h323_conf_id, row.split_order, *amounts, row.failed, row.history)


def taken_names(reference: ReferenceLedger) -> list[SessionName]:
    """What the reference would have swept."""
    names: list[list[SessionName]] = []
    _ = reference.dead_sessions(10).addCallback(names.append)
    return names[0]
