"""Top-ups of one page leave the same rows as one after the other: payments, balances, audit, answers under their keys."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from portaswitch.model.actor import Actor, Realm, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from portaswitch.operations import together
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.pool import Pool
from portaswitch.store.work import Books
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE, DeskCase

USER: Final = "user1@demo.example"
GONE: Final = "closed@demo.example"

Line = tuple[str, str, str]

#: Debit and credit, twice and in both orders, an alias, a stranger, a closed one, a key that was used for something else, the same key twice, none at all.
LINES: Final[tuple[Line, ...]] = (
    (CARD, "1.50", "a"), (LINE, "2", "b"), (CARD, "0.05", "c"), (SUBLINE, "3.10", "d"), ("nobody", "1", "e"), (GONE, "1", "f"), ("alias", "4", "g"),
    (LINE, "0.00001", "h"), (USER, "7", "used"), (CARD, "1.50", "a"), (USER, "5", ""), (LINE, "1.00", ""), (CARD, "2", "used before"),
)  # fmt: skip

ROWS: Final = {
    "payments": "select a.id, p.amount::text, p.currency, action, visible_comment, c.name from payments p join accounts a using (i_account) "
    "join customers c on c.i_customer = p.i_customer order by p.i_payment",
    "accounts": "select id, balance::text from accounts order by id",
    "customers": "select name, balance::text from customers order by name",
    "keys": "select key, operation, digest, answer::jsonb - 'i_payment' from operation_keys order by key",
    "audit": "select actor, operation, entity, before, after - 'i_payment', request_id from audit_log where operation = 'account.topup' order by i_audit",
}


class SameTests(DeskCase):
    """The same lines, one by one and at once."""

    async def prepare(self) -> None:
        """An alias, an account that is closed, and a key that was used."""
        await super().prepare()
        await self.do("account.alias.add", id=CARD, alias="alias")
        await self.do("account.add", id=GONE, customer="Demo subcustomer", model="debit")
        await self.do("account.close", id=GONE)
        await self.do("account.topup", id=USER, amount="1", key="used")
        await self.do("account.topup", id=CARD, amount="2", key="used before")

    def start(self, line: Line, by: Actor | None = None) -> Deferred[Any]:
        """A top-up that has begun."""
        name, amount, key = line
        return self.desk.operate(by or self.root, "account.topup", {"id": name, "amount": amount, "comment": f"for {name}"}, key)

    async def one_by_one(self) -> list[Any]:
        """Each after the other."""
        found = []
        for line in LINES:
            found += await DeferredList([self.start(line)], consumeErrors=True)
        return [_told(*one) for one in found]

    async def at_once(self) -> list[Any]:
        """All of them while the pages before are under way, so that they wait together."""
        before = [self.desk.operate(self.root, "account.topup", {"id": "nobody", "amount": "1"}) for _ in range(together.FLIGHTS)]
        found = await DeferredList([self.start(line) for line in LINES], consumeErrors=True)
        await DeferredList(before, consumeErrors=True)
        return [_told(*one) for one in found]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is in the tables."""
        return {name: self.ask(sql) for name, sql in ROWS.items()}

    async def test_same(self) -> None:
        """Outcomes and rows are equal, line by line; the page did it in few transactions."""
        done = await self.one_by_one()
        wanted = self.rows()
        for table in ("payments", "operation_keys", "audit_log", "account_details", "batches"):
            self.ask(f"truncate {table} cascade")
        self.ask("update accounts set balance = opening_balance")
        self.ask("update customers set balance = opening_balance")
        await self.do("account.topup", id=USER, amount="1", key="used")
        await self.do("account.topup", id=CARD, amount="2", key="used before")
        self.assertEqual(await self.at_once(), done)
        self.assertEqual(self.rows(), wanted)
        self.assertEqual([one.kind for one in done if isinstance(one, _Refusal)], [NotThere, OperationRefused, OperationRefused, OperationRefused])
        transactions = self.one("select count(distinct paid_at) from payments")
        self.assertLess(transactions, 7)
        await self.assert_books()

    async def test_again(self) -> None:
        """The same lines again, at once: every key gives its answer, nothing moves but for the lines without a key."""
        first = await self.at_once()
        paid = self.one("select count(*) from payments")
        again = await self.at_once()
        kept = [number for number, (_, _, key) in enumerate(LINES) if key]
        self.assertEqual([again[number] for number in kept], [first[number] for number in kept])
        self.assertEqual(self.one("select count(*) from payments"), paid + 2)
        await self.assert_books()

    async def test_rights(self) -> None:
        """A reseller's page reaches its own tree only; a help desk and self-care are refused, each line of it."""
        await self.do("customer.add", name="Other reseller", type="reseller")
        await self.do("customer.add", name="Other retail", parent="Other reseller")
        await self.do("account.add", id="own", customer="Other retail", model="debit")
        reseller = self.reseller("Other reseller")
        wanted = [(name, "1", "") for name in (CARD, "own", LINE, "alias", "own", USER)]
        found = await DeferredList([self.start(line, reseller) for line in wanted], consumeErrors=True)
        self.assertEqual([done for done, _ in found], [name == "own" for name, _, _ in wanted])
        self.assertEqual([one.type for done, one in found if not done], [NotThere] * 4)
        for by in (Actor("test:desk", 1, role=Role.HELPDESK), Actor("test:care", 1, Realm.CUSTOMER, Role.ADMIN, i_customer=reseller.i_customer)):
            refused = [one for _, one in await DeferredList([self.start(line, by) for line in wanted], consumeErrors=True)]
            self.assertEqual({one.type for one in refused}, {NotPermitted})
        self.assertEqual(await gatherResults([self.start((CARD, "0.01", ""), Actor("test:other", 2)).addErrback(_kind) for _ in range(5)]), [NotThere] * 5)


class BesideTests(ChargingCase):
    """Top-ups by pages while the same accounts are charged."""

    async def test_charged_meanwhile(self) -> None:
        """Hundreds of top-ups beside calls of the same accounts: all are done, once, and the books agree."""
        pool = Pool(reactor, self.database.dsn, size=4, name="work", wait=30)
        await pool.start()
        self.addCleanup(pool.close)
        desk = Desk(Books(pool, self.sealer, ENTITIES))

        async def calling(name: str) -> None:
            for number in range(25):
                await self.call(name, f"{name}{number}", minimum=10)
                await self.hang_up(name, f"{name}{number}", 7)

        calls = [Deferred.fromCoroutine(calling(name)) for name in (CARD, LINE, SUBLINE)]
        names = (CARD, LINE, SUBLINE, USER)
        paying = [desk.operate(self.root, "account.topup", {"id": names[number % 4], "amount": "0.01"}, f"k{number % 300}") for number in range(400)]
        await gatherResults(paying, consumeErrors=True)
        await gatherResults(calls, consumeErrors=True)
        self.assertEqual(self.ask("select count(*), sum(amount)::text from payments"), [(300, "3.00")])
        self.assertEqual(self.one("select count(*) from audit_log where operation = 'account.topup'"), 300)
        self.assertEqual(self.one("select count(*) from xdr where storage = 'a' and not failed"), 75)
        await self.assert_books()


def _told(done: bool, result: Any) -> Any:
    """What somebody heard, comparable."""
    if not done:
        return _Refusal(result.value)
    return {name: str(value) for name, value in result.items() if name != "i_payment"}


class _Refusal(OperationRefused):
    """A refusal by its kind and words."""

    def __init__(self, error: OperationRefused) -> None:
        super().__init__(error.faults)
        self.kind = type(error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Refusal) and (other.kind, other.faults) == (self.kind, self.faults)

    def __hash__(self) -> int:
        return hash((self.kind, self.faults))


def _kind(failure: Any) -> Any:
    return failure.type
