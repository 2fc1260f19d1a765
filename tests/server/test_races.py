"""Operations that meet: each waits for the other or sees what it left, and what is refused is refused for a reason that can be read."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from portaswitch.model.actor import Actor
from portaswitch.model.operation import NotThere, OperationRefused
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.pool import Pool
from portaswitch.store.work import Books
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, DeskCase
from tests.server.test_acting import ActingCase
from tests.server.test_cli import Command

_reactor: Any = reactor
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


class Pausing(Books):
    """Books whose next transaction is done, and waits before its COMMIT until `gate` fires."""

    gate: Deferred[None] = succeed(None)

    async def _body(self, cursor: Any, actor: Actor, body: Callable[[Any], Awaitable[Any]]) -> Any:
        found = await super()._body(cursor, actor, body)
        gate, self.gate = self.gate, succeed(None)
        await gate
        return found


class RacesTests(DeskCase):
    """One operation stands before its COMMIT when the other begins."""

    timeout = 120

    async def prepare(self) -> None:
        """A desk on several connections."""
        await super().prepare()
        pool = Pool(reactor, self.database.dsn, size=4, name="work", wait=30)
        await pool.start()
        self.addCleanup(pool.close)
        self.books = Pausing(pool, self.sealer, ENTITIES)
        self.desk = Desk(self.books)

    async def meet(self, first: tuple[str, dict[str, str]], second: tuple[str, dict[str, str]]) -> str:
        """Do the first, and the second while the first stands before its COMMIT; gives why the second was refused ('' when it was not)."""
        gate = self.books.gate = Deferred()
        done = self.desk.operate(self.root, *first)
        while self.books.gate is gate:
            await deferLater(_reactor, 0.02)
        other = self.desk.operate(self.root, *second)
        while not self.one(WAITING):
            self.assertFalse(other.called, f"{second[0]} did not wait for {first[0]}")
            await deferLater(_reactor, 0.02)
        gate.callback(None)
        await done
        try:
            await other
        except OperationRefused as refused:
            return str(refused)
        return ""

    async def test_opened_below_who_is_closed(self) -> None:
        """A customer isn't closed while an account of it is being opened, nor a reseller while a customer comes below it."""
        await self.do("customer.add", name="Empty", currency="CAD", type="reseller")
        await self.do("customer.add", name="Lonely", currency="CAD")
        account = {"id": "777", "customer": "Lonely", "model": "debit"}
        self.assertIn("opened meanwhile", await self.meet(("account.add", account), ("customer.close", {"name": "Lonely"})))
        self.assertIn("opened meanwhile", await self.meet(("customer.add", {"name": "New", "parent": "Empty"}), ("customer.close", {"name": "Empty"})))
        await self.do("customer.close", name="New")
        self.assertIn("opened meanwhile", await self.meet(("customer.move", {"name": "Lonely", "parent": "Empty"}), ("customer.close", {"name": "Empty"})))

    async def test_closed_while_opened(self) -> None:
        """The other way round: nothing is opened below who has just been closed."""
        for name, kind in (("Gone", "retail"), ("Over", "reseller")):
            await self.do("customer.add", name=name, currency="CAD", type=kind)
        account = {"id": "777", "customer": "Gone", "model": "debit"}
        self.assertIn("Gone is closed", await self.meet(("customer.close", {"name": "Gone"}), ("account.add", account)))
        self.assertIn("Over is closed", await self.meet(("customer.close", {"name": "Over"}), ("customer.add", {"name": "New", "parent": "Over"})))
        self.assertEqual(self.one("select count(*) from accounts where id = '777'"), 0)

    async def test_circles(self) -> None:
        """Two moves that each close no circle close none together."""
        for name in "ABCD":
            await self.do("customer.add", name=name, currency="CAD", type="reseller")
        await self.do("customer.move", name="C", parent="A")
        await self.do("customer.move", name="D", parent="B")
        refused = await self.meet(("customer.move", {"name": "A", "parent": "D"}), ("customer.move", {"name": "B", "parent": "C"}))
        self.assertIn("circle", refused)

    async def test_closed_and_topped_up(self) -> None:
        """A top-up waits for the closing, and is refused; a closing waits for the top-up, and both are done."""
        self.assertIn("closed", await self.meet(("account.close", {"id": CARD}), ("account.topup", {"id": CARD, "amount": "1"})))
        self.assertEqual(await self.meet(("account.topup", {"id": LINE, "amount": "1"}), ("account.close", {"id": LINE})), "")
        await self.assert_books()

    async def test_keys_of_others(self) -> None:
        """Under the key of somebody else's operation nobody is told its answer, at once or later; whoever asked gets it again."""
        owner, other = self.reseller(), self.reseller("Demo retail USD")
        asked = {"id": CARD, "amount": "3"}
        answer = await self.put("account.credit", asked, owner, "ticket 1")
        for by in (other, self.customer(), self.account(CARD), self.account(LINE), self.root):
            with self.assertRaises(OperationRefused) as caught:
                await self.put("account.credit" if by in (other, self.root) else "account.topup", asked, by, "ticket 1")
            self.assertNotIn("13", str(caught.exception), by)
        again = await self.put("account.credit", asked, owner, "ticket 1")
        self.assertEqual((again["i_payment"], Decimal(again["balance"])), (answer["i_payment"], answer["balance"]))
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(1, Decimal(3))])


class RefundTests(ChargingCase):
    """An account that has moved since it was charged."""

    async def test_refund_after_a_move(self) -> None:
        """What a credit account was charged is given back where it was charged; whose users don't see the charge don't refund it."""
        await self.do("customer.add", name="Elsewhere", currency="CAD", type="reseller")
        await self.do("customer.add", name="Far", currency="CAD", parent="Elsewhere")
        numbers = {}
        for name in (CARD, LINE):
            await self.call(name, f"r-{name}", minimum=10)
            await self.hang_up(name, f"r-{name}", 60)
            numbers[name] = str(self.one("select id from xdr where storage = 'a' and account_id = %s", (name,)))
        await self.do("account.adjust", id=LINE, balance="0")
        for name in (CARD, LINE):
            await self.do("account.move", id=name, customer="Far")
            with self.assertRaises(NotThere):
                await self.do("account.refund", by=self.reseller("Elsewhere"), id=name, xdr=numbers[name])
        with self.assertRaises(OperationRefused) as caught:
            await self.do("account.refund", id=LINE, xdr=numbers[LINE])
        self.assertIn("was charged to Demo retail", str(caught.exception))
        await self.do("account.refund", id=CARD, xdr=numbers[CARD])
        self.assertEqual(self.money(CARD), ("10", "0"))
        await self.assert_books()


class KilledFileTests(ActingCase):
    """A file of top-ups whose program is killed in the middle."""

    async def test_killed(self) -> None:
        """kill -9 leaves each line done or not done; the same file again does the rest, once."""
        lines = 4000
        file = Path(self.mktemp())
        file.write_text("id,amount\n" + "".join(f"{CARD if number % 2 else LINE},0.0{number % 9 + 1}\n" for number in range(lines)))
        words = ("--config", str(self.config), "--json", "account", "topup-file", str(file.resolve()), "--key", "bank", "--at-once", "8")
        command = Command(*words)
        count = "select count(*) from payments"
        while not self.one(count):
            self.assertFalse(command.ended.called)
            await deferLater(_reactor, 0.01)
        command.process.signalProcess(signal.SIGKILL)
        await command.ended
        self.assertLess(self.one(count), lines)
        await self.assert_books()
        status, out, err = await Command(*words).ended
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(lines, sum((Decimal(n % 9 + 1) / 100 for n in range(lines)), Decimal(0)))])
        await self.assert_books()
