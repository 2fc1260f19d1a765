"""Rules of events: who is told, in which order, and what is urgent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg2

from portaswitch.espf.catalogue import EVENTS
from tests.server.desks import CARD, LINE, SUBLINE
from tests.server.test_events import EventCase

SIM_ONE, SIM_TWO = "999700000000001", "999700000000002"
BALANCE, CUSTOMERS = "Account/BalanceChanged", "Customer/BalanceChanged"


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

    async def test_pins(self) -> None:
        """A PIN that is another one than before is a change, though what may be read of it is empty both times; the same one again is none."""
        handler = self.handler("crm", "Account/ServiceAttribute/Changed")
        pin = {"id": LINE, "feature": "voice_authentication", "flag": "Y"}
        for text, told in (("1111", 1), ("2222", 2), ("2222", 2), ("", 3)):
            await self.do("account.feature.set", pin, attributes=f"pin={text}")
            self.assertEqual(len(self.told(handler)), told, text)
        for _, entity, variables in self.queued():
            self.assertEqual((entity.partition(":")[0], variables["attribute_name"], variables["old_value"] or []), ("account", "pin", []))
        self.assertNotIn("2222", str(self.ask("select * from event_queue") + self.ask("select before, after from audit_log")))

    def test_subscriptions_at_once(self) -> None:
        """Two that commit at the same time both count: the second waits for the first and sees it."""
        one, two = self.handler("one"), self.handler("two")
        first, second = psycopg2.connect(self.dsn), psycopg2.connect(self.dsn)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        subscribe = "insert into event_subscriptions values (%s, %s)"
        with ThreadPoolExecutor(1) as threads, first.cursor() as before, second.cursor() as after:
            before.execute(subscribe, (one, "Account/Blocked"))
            waiting = threads.submit(after.execute, subscribe, (two, "Account/Unblocked"))
            while not self.one("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
                self.assertFalse(waiting.done())
            first.commit()
            waiting.result(20)
            second.commit()
        self.assertEqual(self.ask("select place, events from event_wants"), [("accounts update", ["Account/Blocked", "Account/Unblocked"])])

    def test_wants_follow(self) -> None:
        """What the triggers look at follows handlers, subscriptions and switches; a sign of life of a handler is none of them."""
        def wanted() -> list[str]:
            return [word for (events,) in self.ask("select events from event_wants order by place") for word in events]

        crm = self.handler("crm", "Account/Blocked", "DID/New")
        self.assertEqual(wanted(), ["Account/Blocked", "DID/New"])
        rows = self.ask("select xmin from event_wants")
        self.ask("update event_handlers set seen = now()")
        self.assertEqual(self.ask("select xmin from event_wants"), rows)
        self.ask("insert into events_off values ('DID/New')")
        self.assertEqual(wanted(), ["Account/Blocked"])
        self.ask("delete from events_off")
        self.ask("update event_handlers set enabled = false")
        self.assertEqual(wanted(), [])
        self.ask("update event_handlers set enabled = true")
        self.ask("delete from event_subscriptions where event_type = 'Account/Blocked'")
        self.assertEqual(wanted(), ["DID/New"])
        self.ask("delete from event_handlers where i_handler = %s", (crm,))
        self.assertEqual(wanted(), [])

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
