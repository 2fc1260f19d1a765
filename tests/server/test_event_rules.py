"""Rules of events: who is told, in which order, what is kept in place, what is urgent, what a charge may not wait for."""

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

SIM_ONE, SIM_TWO = "999700000000001", "999700000000002"
BALANCE, CUSTOMERS = "Account/BalanceChanged", "Customer/BalanceChanged"
ROUNDS, ROWS = 15, 40
CLAIM = "select i_notification, i_event from event_notifications where status = 'pending' order by i_event limit 50 for update skip locked"


class AudienceTests(EventCase):
    """Who is told."""

    async def test_nobody_wants(self) -> None:
        """Of all 89 events no row is written without a handler, for one that is disabled, wants others, or whose event is switched off."""
        every = [event.name for event in EVENTS.values()]
        disabled = self.handler("disabled", *every)
        self.ask("update event_handlers set enabled = false where i_handler = %s", (disabled,))
        other = self.handler("other", "DID/New")
        off = self.handler("off", "Account/Blocked", "Account/Status/Closed")
        self.ask("insert into events_off values ('Account/Blocked'), ('Account/Status/Closed')")
        await self.do("account.block", id=LINE)
        await self.do("customer.pay", name="Demo subcustomer", amount="1")
        await self.do("sim.assign", imsi=SIM_TWO, account=LINE)
        await self.do("account.close", id=LINE)
        self.assertEqual((self.queued(), self.told(disabled), self.told(other), self.told(off)), ([], [], [], []))
        self.ask("delete from events_off")
        self.ask("update event_handlers set enabled = true")
        await self.do("account.block", id=CARD)
        self.assertEqual([[word for word, _ in self.told(handler)] for handler in (disabled, other, off)], [["Account/Blocked"], [], ["Account/Blocked"]])

    async def test_one_event_for_all(self) -> None:
        """Those who want it share its row."""
        handlers = [self.handler(name, "Account/Blocked") for name in ("a", "b", "c")]
        await self.do("account.block", id=LINE)
        self.assertEqual((len(self.queued()), self.ask("select i_handler from event_notifications order by 1")), (1, [(number,) for number in handlers]))

    async def test_environments_are_walls(self) -> None:
        """A handler of another environment hears nothing; one of all hears it, as does a raw event's, which names no environment itself."""
        self.ask("insert into environments (i_env, name, currency) values (2, 'Two', 'CAD')")
        events = ("Account/ServiceAttribute/Changed", "ServiceAttribute/Changed")
        two, one, everywhere = self.handler("two", *events, i_env=2), self.handler("one", *events), self.handler("all", *events, i_env=None)
        await self.do("account.feature.set", id=LINE, feature="call_barring", flag="Y", attributes="prefixes=900")
        self.assertEqual([len(self.told(handler)) for handler in (two, one, everywhere)], [0, 2, 2])
        self.assertEqual(self.ask("select distinct i_env from event_queue"), [(1,)])

    async def test_cause_is_not_told(self) -> None:
        """The handler whose answer made the change hears nothing of it, others do; alone it costs no row."""
        vendor, crm = self.handler("vendor", "Account/CustomField/Changed", "Account/Blocked"), self.handler("crm", "Account/CustomField/Changed")
        with self.database.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("select set_config('portaswitch.cause', %s, true)", (str(vendor),))
            cursor.execute("update custom_field_values set db_value = 'South'")
            cursor.execute("update accounts set blocked = true where id = %s", (LINE,))
            cursor.execute("commit")
        self.assertEqual((self.told(vendor), len(self.told(crm))), ([], 1))
        self.assertEqual(self.ask("select event_type, cause from event_queue"), [("Account/CustomField/Changed", vendor)])
        await self.do("account.block", id=CARD)
        self.assertEqual(len(self.told(vendor)), 1)

    async def test_rolled_back(self) -> None:
        """What did not happen is not told."""
        self.handler("crm", "Account/Blocked")
        with self.database.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("update accounts set blocked = true")
            cursor.execute("rollback")
        self.assertEqual(self.queued(), [])

    async def test_no_change(self) -> None:
        """A row that is written as it was has not changed."""
        self.handler("crm", *[event.name for event in EVENTS.values()])
        for table in ("accounts", "customers", "products", "connections", "access_policies", "access_policy_phases", "account_addons", "sim_cards", "ua_links",
                      "dids", "custom_field_values", "service_attribute_values"):  # fmt: skip
            column = self.one("select attname from pg_attribute where attrelid = %s::regclass and attnum = 2", (table,))
            self.ask(f"update {table} set {column} = {column}")
        self.assertEqual(self.queued(), [])

    async def test_secrets_are_references(self) -> None:
        """No password is in the queue, neither plain nor sealed."""
        self.handler("crm", *[event.name for event in EVENTS.values()])
        await self.do("account.password", id=LINE, password="correct-horse-7")
        await self.do("account.password", id=LINE, password="null")
        rows = [variables for word, _, variables in self.queued() if word == "Account/ServicePassword/Changed"]
        reference = f"secret:accounts.h323_password:{self.number('accounts', 'i_account', id=LINE)}"
        self.assertEqual([(row["prev_h323_pwd"], row["curr_h323_pwd"]) for row in rows], [(reference + ":before", reference), (reference + ":before", None)])
        self.assertNotIn("correct-horse", str(self.queued()))
        self.assertNotIn("\\\\x", str(self.queued()))


class OrderTests(EventCase):
    """One entity's events in the order of its changes, whatever the statements."""

    async def test_of_one_account(self) -> None:
        """From opening to closing; others' events between."""
        crm = self.handler("crm", *[event.name for event in EVENTS.values() if event.name.startswith("Account/")])
        await self.do("account.add", id="701", customer="Demo retail", model="debit")
        for verb in ("block", "unblock", "suspend", "unsuspend"):
            await self.do(f"account.{verb}", id="701")
            await self.do("account.topup", id=CARD, amount="1")
        await self.do("account.change", id="701", rename="702")
        await self.do("account.close", id="702")
        entity = f"account:{self.number('accounts', 'i_account', id='702')}"
        self.assertEqual([word for word, whose in self.told(crm) if whose == entity], [
            "Account/New", "Account/Blocked", "Account/Unblocked", "Account/Status/Changed", "Account/Status/Suspend", "Account/Status/Changed",
            "Account/Status/Unsuspend", "Account/ID/Changed", "Account/Status/Changed", "Account/Status/Closed"])  # fmt: skip

    async def test_closing_releases_first(self) -> None:
        """Its SIM card, port, number and alias are let go before its status is closed."""
        crm = self.handler("crm", *[event.name for event in EVENTS.values()])
        await self.do("cpe-port.add", cpe="ONT of user1", port="2", account=SUBLINE)
        await self.do("account.alias.add", id=SUBLINE, alias="16045550107")
        self.forget()
        await self.do("account.close", id=SUBLINE)
        told = [word for word, _ in self.told(crm)]
        released = {"Account/SIMCardAssignment", "Account/IPDeviceAssignment", "DID/Status/Canceled", "Account/Alias/Delete"}
        self.assertEqual((set(told[:4]), told[4:]), (released, ["Account/Status/Changed", "Account/Status/Closed"]))
        self.assertEqual(len({at for (at,) in self.ask("select created from event_queue")}), 1)

    async def test_a_sim_that_moves(self) -> None:
        """It is released at one account before the other gets it, under one external key; all of it goes before bulk."""
        hlr = self.handler("hlr", "Account/SIMCardAssignment")
        await self.do("sim.release", imsi=SIM_ONE)
        await self.do("sim.assign", imsi=SIM_ONE, account=LINE)
        key = f"sim:{self.number('sim_cards', 'i_sim_card', imsi=SIM_ONE)}"
        rows = self.ask("select external_key, lane, e.variables ->> 'prev_i_sim' from event_notifications join event_queue e using (i_event) order by i_event")
        self.assertEqual(rows, [(key, 0, key[4:]), (key, 0, None)])
        accounts = [f"account:{self.number('accounts', 'i_account', id=name)}" for name in (SUBLINE, LINE)]
        self.assertEqual([whose for _, whose in self.told(hlr)], accounts)

    async def test_a_sim_that_moves_in_one_statement(self) -> None:
        """Also then it is lost by one first, whichever account is the older."""
        self.handler("hlr", "Account/SIMCardAssignment")
        sim, line, subline = (self.number(*what, **{name: value}) for what, name, value in (
            (("sim_cards", "i_sim_card"), "imsi", SIM_ONE), (("accounts", "i_account"), "id", LINE), (("accounts", "i_account"), "id", SUBLINE)))  # fmt: skip
        for before, after in ((subline, line), (line, subline)):
            self.forget()
            self.ask("update sim_cards set i_account = %s where i_sim_card = %s", (after, sim))
            told = [(entity, row["prev_i_sim"], row["i_sim"]) for _, entity, row in self.queued()]
            self.assertEqual(told, [(f"account:{before}", sim, None), (f"account:{after}", None, sim)])

    async def test_a_sim_that_is_replaced(self) -> None:
        """The account loses one card and gets the other, in one transaction."""
        self.handler("hlr", "Account/SIMCardAssignment")
        await self.do("sim.swap", imsi=SIM_ONE, to=SIM_TWO)
        one, two = (self.number("sim_cards", "i_sim_card", imsi=imsi) for imsi in (SIM_ONE, SIM_TWO))
        self.assertEqual([(row["prev_i_sim"], row["i_sim"]) for _, _, row in self.queued()], [(one, None), (None, two)])
        self.assertEqual(len({entity for _, entity, _ in self.queued()}), 1)

    async def test_a_port_that_changes(self) -> None:
        """Its settings are one event with both sides; another account's port is lost by one and got by the other."""
        self.handler("ont", "Account/IPDeviceAssignment")
        self.ask("update ua_links set config = 'vlan 7'")
        ((_, _, row),) = self.queued()
        self.assertEqual((row["prev_config"], row["config"], row["prev_port"], row["port"], row["prev_ua"]), ("", "vlan 7", 1, 1, row["i_ua"]))
        self.forget()
        line = self.number("accounts", "i_account", id=LINE)
        self.ask("update ua_links set i_account = %s", (line,))
        told = [(row["i_account"] == line, row["prev_ua"] is None, row["i_ua"] is None) for _, _, row in self.queued()]
        self.assertEqual(told, [(False, False, True), (True, True, False)])

    async def test_lanes(self) -> None:
        """What a user waits for goes first: money in his favour, unblocking, SIM cards; charges and blocks do not."""
        self.handler("crm", *[event.name for event in EVENTS.values()])
        for name in (CARD, LINE):
            await self.do("account.charge", id=name, amount="10")
            self.forget()
            await self.do("account.topup", id=name, amount="5")
            lanes = dict(self.ask("select event_type, lane from event_notifications join event_queue using (i_event)"))
            self.assertEqual(lanes[BALANCE], 0, name)
        self.assertEqual(lanes[CUSTOMERS], 0)
        await self.do("account.block", id=LINE)
        await self.do("account.unblock", id=LINE)
        await self.do("account.charge", id=CARD, amount="1")
        lanes = dict(self.ask("select event_type, lane from event_notifications join event_queue using (i_event)"))
        self.assertEqual((lanes["Account/Blocked"], lanes["Account/Unblocked"]), (1, 0))


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
            cursor.execute("select variables ->> 'curr_balance' from event_queue where i_event = %s", cursor.fetchone())
            self.assertEqual(Decimal(cursor.fetchone()[0]), Decimal("9.98"))
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
            cursor.execute("select variables ->> 'curr_balance' from event_queue where i_event = %s", cursor.fetchone())
            self.assertEqual(Decimal(cursor.fetchone()[0]), Decimal("8.98"))

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
