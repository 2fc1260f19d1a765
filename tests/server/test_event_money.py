"""Events of money: what charges and payments tell, balances kept in place, funds that end and return, crowds of accounts."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import psycopg2

from portaswitch.espf.catalogue import EVENTS
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE
from tests.server.test_events import EventCase

BALANCE, CUSTOMERS = "Account/BalanceChanged", "Customer/BalanceChanged"
ROUNDS, ROWS = 15, 40
CLAIM = "select i_notification, i_event from event_notifications where status = 'pending' order by i_event limit 50 for update skip locked"


class MoneyTests(EventCase, ChargingCase):
    """Events of charges, made by the core."""

    def balances(self, word: str = BALANCE, name: str = CARD) -> list[tuple[Decimal, Decimal]]:
        """Previous and current balance of an account's events."""
        entity = f"account:{self.number('accounts', 'i_account', id=name)}"
        figures = "(variables ->> 'prev_balance')::numeric, (variables ->> 'curr_balance')::numeric"
        return self.ask(f"select {figures} from event_queue where event_type = %s and entity = %s order by i_event", (word, entity))

    async def charge(self, seconds: int, user: str = CARD) -> None:
        """A call of so many seconds, at 0.02 a minute for the card."""
        self.calls = getattr(self, "calls", 0) + 1
        await self.call(user, f"e{self.calls}")
        await self.hang_up(user, f"e{self.calls}", seconds)

    async def test_undelivered_balance_is_renewed(self) -> None:
        """Of charges that nobody was told of yet one event is left: the balance before the first, and that of now."""
        crm = self.handler("crm", BALANCE)
        for _ in range(3):
            await self.charge(60)
        self.assertEqual(self.balances(), [(Decimal(10), Decimal("9.94"))])
        self.assertEqual(self.told(crm), [(BALANCE, f"account:{self.number('accounts', 'i_account', id=CARD)}")])
        self.assertEqual(self.one("select lane from event_notifications"), 1)
        await self.do("account.topup", id=CARD, amount="1")
        self.assertEqual((self.balances(), self.one("select lane from event_notifications")), ([(Decimal(10), Decimal("10.94"))], 0))

    async def test_begun_balance_is_left(self) -> None:
        """One that is leased, was tried, or was delivered to somebody stays as it is: the next charge is another event."""
        self.handler("crm", BALANCE)
        self.handler("erp", BALANCE)
        for state in ("locked_until = now() + interval '1 minute', worker = 'w'", "locked_until = now() - interval '1 minute'", "attempts = 1",
                      "status = 'done'", "status = 'parked'"):  # fmt: skip
            self.forget()
            await self.charge(60)
            ((before, after),) = self.balances()
            self.ask(f"update event_notifications set {state} where i_notification = (select min(i_notification) from event_notifications)")
            await self.charge(60)
            self.assertEqual(self.balances(), [(before, after), (after, after - Decimal("0.02"))], state)
            await self.charge(60)
            self.assertEqual(self.balances()[1:], [(after, after - Decimal("0.04"))], state)
            self.assertEqual(self.one("select count(*) from event_notifications"), 4)

    async def test_claimed_meanwhile(self) -> None:
        """A runner that is just claiming is not waited for: another event is written at once, and both figures arrive."""
        self.handler("crm", BALANCE)
        await self.charge(60)
        runner = psycopg2.connect(self.dsn)
        self.addCleanup(runner.close)
        with runner.cursor() as cursor:
            cursor.execute("select i_event from event_notifications for update skip locked")
            cursor.execute("select (variables ->> 'curr_balance')::numeric from event_queue where i_event = %s", cursor.fetchone())
            self.assertEqual(cursor.fetchall(), [(Decimal("9.98"),)])
            await self.charge(60)
            cursor.execute("update event_notifications set status = 'done'")
        runner.commit()
        self.assertEqual(self.balances(), [(Decimal(10), Decimal("9.98")), (Decimal("9.98"), Decimal("9.96"))])

    async def test_renewed_is_not_claimed(self) -> None:
        """While a charge that renews it has not committed nobody claims the event; then the claim's next statement reads the new balance."""
        self.handler("crm", BALANCE)
        await self.charge(60)
        charging, runner = psycopg2.connect(self.dsn), psycopg2.connect(self.dsn)
        self.addCleanup(charging.close)
        self.addCleanup(runner.close)
        claim = "select i_event from event_notifications where status = 'pending' for update skip locked"
        with charging.cursor() as charge, runner.cursor() as cursor:
            charge.execute("update accounts set balance = balance - 1 where id = %s", (CARD,))
            cursor.execute(claim)
            self.assertEqual(cursor.fetchall(), [])
            charging.commit()
            cursor.execute(claim)
            cursor.execute("select (variables ->> 'curr_balance')::numeric from event_queue where i_event = %s", cursor.fetchone())
            self.assertEqual(cursor.fetchall(), [(Decimal("8.98"),)])

    async def test_new_subscriber(self) -> None:
        """Who subscribes later gets an event of its own, and from then on both are told by one."""
        crm = self.handler("crm", BALANCE)
        await self.charge(60)
        erp = self.handler("erp", BALANCE)
        await self.charge(60)
        await self.charge(60)
        self.assertEqual(self.balances(), [(Decimal(10), Decimal("9.98")), (Decimal("9.98"), Decimal("9.94"))])
        self.assertEqual((len(self.told(crm)), len(self.told(erp))), (2, 1))

    async def test_funds_on_crossings_only(self) -> None:
        """Used up once, there again once, however many charges and payments; of a credit account by its own limit."""
        funds = ("Account/ZeroAvailableFunds", "Account/AvailableFundsAppear")
        for name in (CARD, LINE):
            self.forget()
            crm = self.handler(name, *funds)
            await self.do("account.charge", id=name, amount="10" if name == CARD else "50")
            self.ask("update accounts set balance = balance + case when billing_model = 1 then 1 else -1 end where id = %s", (name,))
            for amount in ("0.5", "0.25", "0.75", "2"):
                await self.do("account.topup", id=name, amount=amount)
            self.assertEqual([word for word, _ in self.told(crm)], list(funds), name)
            self.ask("delete from event_handlers")

    async def test_charges_use_up(self) -> None:
        """The core's charges raise it: the card's last money, and the customer's when its accounts have none of their own."""
        crm = self.handler("crm", "Account/ZeroAvailableFunds", "Customer/ZeroAvailableFunds", CUSTOMERS)
        await self.do("account.charge", id=CARD, amount="9.98")
        await self.charge(60)
        self.assertEqual(self.told(crm), [("Account/ZeroAvailableFunds", f"account:{self.number('accounts', 'i_account', id=CARD)}")])
        await self.do("customer.charge", name="Demo subcustomer", amount="199.99")
        self.forget()
        await self.charge(60, SUBLINE)
        self.assertEqual([word for word, _ in self.told(crm)], [CUSTOMERS, "Customer/ZeroAvailableFunds"])

    async def test_limits_count(self) -> None:
        """A limit that is lowered below what is owed uses the funds up as a charge does; a temporary one in force replaces it."""
        crm = self.handler("crm", "Customer/ZeroAvailableFunds", "Customer/AvailableFundsAppear", "Account/ZeroAvailableFunds")
        await self.do("customer.charge", name="Demo subcustomer", amount="100")
        lent = {"temp_credit_limit": "150", "temp_credit_until": "2099-01-01"}
        for values in ({"credit_limit": "50"}, lent, {"credit_limit": "40"}, {"temp_credit_limit": "90"}):
            await self.do("customer.change", values, name="Demo subcustomer")
        self.assertEqual([word for word, _ in self.told(crm)], ["Customer/ZeroAvailableFunds", "Customer/AvailableFundsAppear", "Customer/ZeroAvailableFunds"])

    async def test_holds_are_silent(self) -> None:
        """An authorization moves no balance."""
        self.handler("crm", *[event.name for event in EVENTS.values()])
        await self.call(CARD, "h1")
        self.assertEqual(self.queued(), [])


class CrowdTests(EventCase):
    """Transactions that change many accounts at once, with everybody subscribed."""

    def crowd(self) -> list[int]:
        """Accounts and two handlers of everything."""
        every = [event.name for event in EVENTS.values()]
        self.handler("a", *every)
        self.handler("b", *every)
        self.ask("insert into accounts (i_env, id, i_customer, billing_model, currency) select 1, '8' || n, i_customer, -1, currency "
                 "from accounts, generate_series(1, %s) n where id = %s", (ROWS, CARD))  # fmt: skip
        self.forget()
        return [number for (number,) in self.ask("select i_account from accounts where id like '8%%' order by 1")]

    def lane(self, accounts: list[int], start: Barrier) -> int:
        """Transactions, each of which locks as charges do and changes money, state and things of all these accounts."""
        connection = psycopg2.connect(self.dsn)
        done = 0
        with connection, connection.cursor() as cursor:
            cursor.execute("set deadlock_timeout = '50ms'; set lock_timeout = '20s'")
            start.wait(20)
            for number in range(ROUNDS):
                cursor.execute("select from accounts where i_account = any (%s) order by i_account for no key update", (accounts,))
                cursor.execute("update accounts set balance = balance + 1 where i_account = any (%s)", (accounts,))
                cursor.execute("update accounts set blocked = not blocked, balance = balance - 0.5 where i_account = any (%s)", (accounts[:: number % 3 + 1],))
                cursor.execute("update customers set balance = balance - 1 where name = 'Demo retail'")
                connection.commit()
                done += 1
        connection.close()
        return done

    def runner(self, start: Barrier, lanes: list[Future[int]]) -> int:
        """A runner that claims, reads and finishes until the lanes are done; gives how many it delivered."""
        connection = psycopg2.connect(self.dsn)
        done = 0
        with connection, connection.cursor() as cursor:
            start.wait(20)
            while not all(lane.done() for lane in lanes):
                cursor.execute(CLAIM)
                rows = cursor.fetchall()
                cursor.execute("select from event_queue where i_event = any (%s)", ([event for _, event in rows],))
                cursor.execute("update event_notifications set status = 'done' where i_notification = any (%s)", ([number for number, _ in rows],))
                connection.commit()
                done += len(rows)
        connection.close()
        return done

    def test_no_deadlock(self) -> None:
        """Lanes over the same accounts in either order of mention, beside a runner: all rounds are committed, and each account's events tell its whole way."""
        accounts = self.crowd()
        start = Barrier(4)
        with ThreadPoolExecutor(4) as threads:
            lanes = [threads.submit(self.lane, chosen, start) for chosen in (accounts, accounts[::-1], accounts[ROWS // 2 :])]
            delivering = threads.submit(self.runner, start, lanes)
            self.assertEqual([lane.result(120) for lane in lanes], [ROUNDS] * 3)
            self.assertGreater(delivering.result(120), 0)
        rows: dict[int, list[dict[str, Any]]] = {}
        for _, _, variables in [row for row in self.queued() if row[0] == BALANCE]:
            rows.setdefault(variables["i_account"], []).append(variables)
        self.assertEqual(sorted(rows), accounts)
        for account, told in rows.items():
            self.assertEqual(told[0]["prev_balance"], 0)
            self.assertEqual([row["prev_balance"] for row in told[1:]], [row["curr_balance"] for row in told[:-1]])
            self.assertEqual(Decimal(str(told[-1]["curr_balance"])), self.one("select balance from accounts where i_account = %s", (account,)))
