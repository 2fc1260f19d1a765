"""The laws of money under operations: any order of operations and calls, many at once, a lost connection at any statement, a key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.threads import blockingCallFromThread, deferToThread

from portaswitch.model.operation import MayHaveHappened, OperationRefused
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor
from portaswitch.store.work import Books
from tests.server.charging import CANADA, KOREA, ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE

USER, CHILD, SISTER = "user1@demo.example", "380501112233", "380501112234"
#: The last two are paid for by the card and the line.
NAMES = (CARD, LINE, SUBLINE, USER, CHILD, SISTER)
CALLERS = (CARD, LINE, SUBLINE, CHILD, SISTER)
reactor: Any = _reactor
CUSTOMERS = ("Demo retail", "Demo subcustomer", "Demo reseller")

#: Untyped: mypy takes its Deferred for one of Never.
blocking: Any = blockingCallFromThread

amounts = st.decimals("0.00001", "60", places=5).map(str)
names = st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(st.sampled_from(["account.topup", "account.charge", "account.credit", "account.promo"]), st.fixed_dictionaries({"id": names, "amount": amounts})),
    st.tuples(st.sampled_from(["customer.pay", "customer.charge"]), st.fixed_dictionaries({"name": st.sampled_from(CUSTOMERS), "amount": amounts})),
    st.tuples(st.just("account.charge"), st.fixed_dictionaries({"id": names, "amount": amounts, "force": st.just("yes")})),
    st.tuples(st.just("account.transfer"), st.fixed_dictionaries({"id": names, "to": names, "amount": amounts})),
    st.tuples(st.just("account.adjust"), st.fixed_dictionaries({"id": names, "balance": amounts})),
    st.tuples(st.just("account.move"), st.fixed_dictionaries({"id": names, "customer": st.sampled_from(CUSTOMERS[:2])})),
    st.tuples(st.just("customer.change"), st.fixed_dictionaries({"name": st.sampled_from(CUSTOMERS[:2]), "max_sessions": st.sampled_from(["null", "3"])})),
    st.tuples(st.sampled_from(["account.block", "account.unblock", "account.suspend", "account.unsuspend"]), st.fixed_dictionaries({"id": names})),
    st.tuples(st.just("account.close"), st.fixed_dictionaries({"id": st.sampled_from((USER, USER, CHILD))})),
    st.tuples(st.just("refund"), st.fixed_dictionaries({"number": st.integers(0, 5)})),
    st.tuples(st.just("call"), st.fixed_dictionaries({"id": st.sampled_from(CALLERS), "n": st.integers(1, 4), "called": st.sampled_from([KOREA, CANADA])})),
    st.tuples(st.just("hang up"), st.fixed_dictionaries({"n": st.integers(1, 4), "seconds": st.integers(0, 3000)})),
    st.tuples(st.just("sweep"), st.just({})),
)


class OrderTests(ChargingCase):
    """Any order of operations and calls, with refusals, keeps every law of the audit."""

    timeout = 400

    async def prepare(self) -> None:
        """With beneficiaries of two accounts."""
        await super().prepare()
        for name, payer in (CHILD, CARD), (SISTER, LINE):
            row = await self.do("account.show", id=payer)
            await self.do("account.add", id=name, customer=row["customer"], product=row["product"], model="beneficiary", payer=payer)

    async def step(self, what: str, values: Any, calls: dict[int, str]) -> None:
        """One step; a refusal is an answer too."""
        if what == "call":
            self.calls += 1
            if values["n"] not in calls:
                calls[values["n"]] = f"s{self.calls}"
                self.users[calls[values["n"]]] = values["id"], values["called"]
                await self.call(values["id"], calls[values["n"]], values["called"], minimum=10)
        elif what == "hang up" and values["n"] in calls:
            session = calls.pop(values["n"])
            await self.hang_up(self.users[session][0], session, values["seconds"], self.users[session][1])
        elif what == "sweep":
            await self.sweep()
        elif what == "refund":
            charged = "select x.id::text, a.id from xdr x join accounts a using (i_account) where storage = 'a' order by x.id offset %s limit 1"
            rows = self.ask(charged, (values["number"],))
            for xdr, name in rows:
                await self.allowed("account.refund", {"id": name, "xdr": xdr})
        elif "." in what:
            await self.allowed(what, values)

    async def allowed(self, operation: str, values: Any) -> None:
        """Do it, or be refused."""
        try:
            await self.desk.operate(self.root, operation, values)
        except OperationRefused as refused:
            self.refusals += len(refused.faults)

    async def test_any_order(self) -> None:
        """What hypothesis thinks of; every figure of the database is checked after each sequence."""
        self.calls, self.refusals, self.users = 0, 0, dict[str, tuple[str, str]]()

        async def sequence(chosen: list[tuple[str, Any]]) -> None:
            calls: dict[int, str] = {}
            for what, values in chosen:
                await self.step(what, values, calls)
            await self.assert_books()

        @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(steps, min_size=5, max_size=25))
        def law(chosen: list[tuple[str, Any]]) -> None:
            blocking(reactor, lambda: Deferred.fromCoroutine(sequence(chosen)))

        await deferToThread(law)
        self.assertGreater(self.calls, 0)
        self.assertGreater(self.one("select count(*) from payments"), 10)


class AtOnceTests(ChargingCase):
    """Operations beside charging on one account, over two pools."""

    async def test_two_hundred_of_each(self) -> None:
        """200 calls and 200 top-ups, half of them by another process's pool, on one card and one line: nothing is lost and the books agree."""
        other = Pool(reactor, self.dsn, size=3, name="other", wait=60)
        self.addCleanup(other.close)
        await other.start()
        desks = self.desk, Desk(Books(other, self.sealer, ENTITIES))
        self.ask("update accounts set credit_limit = 100000 where id = %s", (LINE,))

        async def talk(number: int) -> None:
            name = (CARD, LINE)[number % 2]
            await self.call(name, f"t{number}", minimum=10)
            await self.hang_up(name, f"t{number}", 60)

        works: list[Any] = [Deferred.fromCoroutine(talk(number)) for number in range(200)]
        works += [desks[n % 2].operate(self.root, "account.topup", {"id": (CARD, LINE)[n // 2 % 2], "amount": "0.01"}, f"k{n}") for n in range(200)]
        found = await DeferredList(works, consumeErrors=True)
        self.assertEqual([str(failure) for done, failure in found if not done], [])
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(200, Decimal("2.00"))])
        ((charged,),) = self.ask("select sum(charged_amount) from xdr x join accounts a using (i_account) where a.id = %s and storage = 'a'", (CARD,))
        self.assertEqual(self.one("select balance from accounts where id = %s", (CARD,)), Decimal(11) - charged)
        await self.assert_books()


class LostTests(ChargingCase):
    """The connection dies at each statement of an operation, or behind its COMMIT."""

    async def killed(self, operation: str, values: dict[str, str], key: str, place: int) -> bool:
        """Do it while the server process of its connection is ended before the statement of that number; whether it was done all the same."""
        seen = 0
        run = Cursor.run

        def dying(cursor: Cursor, sql: str, params: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == place:
                self.ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'portaswitch load%%'")
            return run(cursor, sql, params)

        self.patch(Cursor, "run", dying)
        try:
            await self.desk.operate(self.root, operation, values, key)
        except MayHaveHappened:
            return False
        finally:
            self.patch(Cursor, "run", run)
        return True

    async def test_done_or_not_done(self) -> None:
        """Not done at whichever statement it is lost; with the same key it is then done, once, and the books agree all the time."""
        for operation, values in (
            ("account.topup", {"id": LINE, "amount": "1"}),
            ("account.transfer", {"id": USER, "to": SUBLINE, "amount": "1"}),
            ("account.alias.add", {"id": LINE, "alias": "16045550188"}),
            ("account.close", {"id": LINE}),
        ):
            key, place = f"key {operation}", 1
            while True:
                before = self.everything()
                if await self.killed(operation, values, key, place):
                    break
                self.assertEqual(self.everything(), before, f"{operation} at statement {place}")
                place += 1
                self.assertLess(place, 40)
            self.assertGreater(place, 3)
            again = self.everything()
            await self.desk.operate(self.root, operation, values, key)
            self.assertEqual({name: rows for name, rows in self.everything().items() if name != "operation_keys"},
                             {name: rows for name, rows in again.items() if name != "operation_keys"})  # fmt: skip
            await self.assert_books()
        self.assertEqual(self.ask("select count(*), sum(amount) from payments"), [(3, Decimal(1))])

    async def test_lost_behind_the_commit(self) -> None:
        """It was done, and nobody was told: with its key the answer comes, and the money moves once."""
        run = Cursor.run

        def dying(cursor: Cursor, sql: str, params: Any) -> Any:
            running = run(cursor, sql, params)
            if not sql.endswith("commit"):
                return running

            def lost(answer: Any) -> Any:
                self.patch(Cursor, "run", run)
                link: Any = cursor
                link._link = None
                raise MayHaveHappened("the connection was lost")

            return running.addCallback(lost)

        self.patch(Cursor, "run", dying)
        with self.assertRaises(MayHaveHappened):
            await self.do("account.topup", key="c1", id=CARD, amount="1")
        self.assertEqual(self.money(CARD)[0], "11")
        answer = await self.do("account.topup", key="c1", id=CARD, amount="1")
        self.assertEqual((Decimal(answer["balance"]), self.money(CARD)[0]), (Decimal(11), "11"))

    async def test_cancelled(self) -> None:
        """Whoever gives up before the COMMIT leaves nothing behind, and the connection serves the next."""
        before = self.everything()
        asked = self.desk.operate(self.root, "account.topup", {"id": CARD, "amount": "1"})
        asked.cancel()
        with self.assertRaises(CancelledError):
            await asked
        self.assertEqual(self.everything(), before)
        await self.do("account.topup", id=CARD, amount="1")
        self.assertEqual(self.money(CARD)[0], "11")
