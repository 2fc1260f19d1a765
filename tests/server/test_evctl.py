"""`portaswitch evctl`, `check` and `handler new` as an operator runs them: processes of their own beside a running server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portaswitch.errors import StartError
from portaswitch.model.actor import Actor
from portaswitch.store.event_replay import Which, replay
from tests.claims import claims
from tests.server.espf import EspfCase
from tests.server.test_cli import Command

CARD, LINE = "10086610975", "442079460001"
#: The guide's own example, with our table's gaps for its tabs.
GUIDE = """\
ID  Handler                         Enabled  Description
 1  CustomerToAccountsDispatcher    Yes      Dispatch events of customers to accounts
 2  ProductToAccountsDispatcher     Yes      Dispatch events of products to accounts
 3  ServiceAttributeDispatcher lte  Yes      Dispatch events to Accounts / Customers
 5  demo                            Yes      Example of an event handler
"""


class EvctlTests(EspfCase):
    """One server, many commands."""

    timeout = 240

    async def prepare(self) -> None:
        """A server with the demo handler, and the same configuration in a file."""
        handlers = "demo: {{class: DemoHandler, environment: 1, url: 'http://127.0.0.1:{port}', token: sesame-1}}"
        await self.begin(handlers)
        self.config = self.folder / "portaswitch.yaml"
        self.config.write_text(
            f"state_dir: {self.folder}\ndatabase: \"{self.dsn}\"\nroles: [espf, jobs]\n"
            f"espf: {{handler_path: [{self.folder}/handlers], handlers: {{{handlers.format(port=self.port)}}}}}\n"
        )

    async def run_command(self, *words: str, status: int = 0) -> str:
        """Run a command to its end; what it printed."""
        code, out, err = await Command("--config", str(self.config), *words).ended
        self.assertEqual((code, err if code == 0 else ""), (status, ""), f"{words}: {out}{err}")
        return out if code == 0 else err

    @claims("espf-core.10")
    async def test_handlers(self) -> None:
        """Listed as in the guide, subscribed to all that they support, enabled; a broken file and a new one are seen at once."""
        await self.prepare()
        self.assertEqual(
            await self.run_command("evctl", "handler", "sub", "demo"),
            "demo is subscribed to 54 events\nit is not enabled: portaswitch evctl handler enable demo\n",
        )
        self.assertEqual(await self.run_command("evctl", "handler", "enable", "Demo"), "demo is enabled\n")
        await self.evctl.filter(await self.evctl.find("ServiceAttributeDispatcher"), "lte")
        self.assertEqual(await self.run_command("evctl", "handler", "list", "enabled"), GUIDE)
        out = await self.run_command("handler", "new", "AcmeTV", "--folder", str(self.folder / "handlers"))
        self.assertIn("written", out)
        self.write("bad.py", "x = ")
        listed = {one["handler"]: one for one in json.loads(await self.run_command("evctl", "handler", "list", "--json"))}
        self.assertEqual((listed["AcmeTV"]["id"], listed["bad.py"]["description"]), (None, "BROKEN: line 1: invalid syntax"))
        self.assertEqual(await self.run_command("evctl", "handler", "unsub", "demo", "account/BLOCKED"), "demo is no longer subscribed to Account/Blocked\n")
        self.assertNotIn("Account/Blocked", (await self.evctl.find("demo")).events)
        said = await self.run_command("evctl", "handler", "sub", "demo", "Account/Nonsense", status=1)
        self.assertIn("demo does not support Account/Nonsense", said)
        sql = "select starts_with(actor, 'cli:'), operation, entity, after from audit_log where starts_with(entity, 'handler:') order by i_audit"
        noted = await self.db.query(sql)
        self.assertEqual([(who, what, whom) for who, what, whom, _ in noted], [
            (True, "handler.subscribe", "handler:demo"), (True, "handler.enable", "handler:demo"),
            (False, "handler.filter", "handler:ServiceAttributeDispatcher"), (True, "handler.unsubscribe", "handler:demo"),
        ])  # fmt: skip
        self.assertEqual([after for *_, after in noted[1:]], [{"enabled": True}, {"filter": "lte"}, {"events": ["Account/Blocked"]}])
        self.assertIn("evctl", await self.run_command("evctl", "--help"))

    async def test_events(self) -> None:
        """A parked event is listed with its reason, shown, tried again and past; no command shows a secret."""
        await self.prepare()
        await self.enable("demo", "Account/Blocked", "Account/Unblocked")
        self.vendor.status = 404
        await self.operate("account.block", id="10086610975")
        await self.until(lambda: self.db.query("select 1 from event_notifications where status = 'parked'").addCallback(bool))
        ((number,),) = await self.db.query("select i_event from event_queue")
        listed = await self.run_command("evctl", "event", "list", "--status", "parked")
        self.assertIn("the vendor answered http 404", listed)
        shown = json.loads(await self.run_command("evctl", "event", "show", str(number), "--json"))
        self.assertEqual((shown["type"], shown["variables"]), ("Account/Blocked", {"i_env": 1, "i_account": 101}))
        self.vendor.status = 200
        self.assertEqual(await self.run_command("evctl", "event", "retry"), "1 is tried again now\n")
        await self.until(lambda: self.db.query("select 1 from event_history where status = 'done' and i_event = %s", (number,)).addCallback(bool))
        stats = json.loads(await self.run_command("evctl", "stats", "--json"))
        self.assertEqual([(one["waiting"], one["parked"]) for one in stats if one["handler"] == "demo"], [(0, 0)])
        await self.evctl.switch(["account/unblocked"], False)
        types = {one["event"]: one for one in await self.evctl.types()}
        self.assertEqual((types["Account/Unblocked"]["enabled"], types["Account/Blocked"]["handlers"]), (False, "CustomerToAccountsDispatcher, demo"))
        noted = await self.db.query("select operation, entity, after from audit_log where starts_with(operation, 'event.') order by i_audit")
        self.assertEqual(noted, [("event.retry", "handler:*", {"count": 1}), ("event.disable", "event:Account/Unblocked", {"enabled": False})])

    async def delivered(self, count: int) -> list[tuple[int, str, str]]:
        """Number, type and status of what was delivered, when it is so many."""

        async def enough() -> bool:
            return len(await self.db.query("select 1 from event_history")) == count

        await self.until(enough)
        return await self.db.query("select i_event, event_type, status from event_history order by finished, i_event")

    async def replayed(self, *numbers: int, account: str = "", since: datetime | None = None, until: datetime | None = None) -> int:
        """How many past events the demo handler is to get again."""
        evctl = self.evctl
        return await evctl.replay(await evctl.find("demo"), await evctl.which(numbers, account, "", since, until))

    async def test_replay(self) -> None:
        """Past events again by number, account and time, under their numbers, in order; nothing twice at once."""
        await self.prepare()
        await self.enable("demo", "Account/Blocked", "Account/Unblocked")
        for verb, name in (("block", CARD), ("unblock", CARD), ("block", LINE)):
            await self.operate(f"account.{verb}", id=name)
        first = [number for number, _, status in await self.delivered(3) if status == "done"]
        self.assertEqual(len(first), 3)
        evctl, hour = self.evctl, datetime.now(UTC) - timedelta(hours=1)
        await evctl.enable(await evctl.find("demo"), False)
        self.assertEqual([await self.replayed(first[1]), await self.replayed(first[1])], [1, 0])
        self.assertEqual([await self.replayed(until=hour), await self.replayed(since=hour)], [0, 2])
        self.vendor.asked.clear()
        await evctl.enable(await evctl.find("demo"), True)
        again = [number for number, _, _ in (await self.delivered(6))[3:]]
        self.assertEqual(sorted(again), sorted(first))
        self.assertLess(again.index(first[0]), again.index(first[1]))
        self.assertEqual((len(self.vendor.asked), await self.db.query("select 1 from event_queue")), (3, []))
        with self.assertRaisesRegex(StartError, "which events"):
            await self.replayed()
        with self.assertRaisesRegex(StartError, "there is no account 4711"):
            await self.replayed(account="4711")
        told = await self.run_command("evctl", "event", "replay", "--handler", "demo", "--account", CARD, "--since", "1h")
        self.assertEqual(told, "2 are delivered to demo again\n")
        ((said,),) = await self.db.query("select after from audit_log where operation = 'event.replay' and starts_with(actor, 'cli:')")
        self.assertEqual((said["count"], said["entity"], sorted(said)), (2, "account:101", ["count", "entity", "since"]))
        await self.delivered(8)

    async def test_replay_to_a_new_handler(self) -> None:
        """One that subscribes later gets what others were told, of its types only; a balance that comes again is not renewed by the next charge."""
        await self.prepare()
        await self.enable("demo", "Account/Blocked", "Account/BalanceChanged")
        await self.operate("account.block", id=CARD)
        await self.operate("account.topup", id=CARD, amount="1")
        await self.delivered(2)
        await self.db.execute("insert into environments (i_env, name) values (2, 'Other')")
        await self.db.execute("insert into event_handlers (i_env, name, class, enabled) values (1, 'late', 'Test', false), (2, 'other', 'Test', false)")
        await self.db.execute("insert into event_subscriptions select i_handler, 'Account/BalanceChanged' from event_handlers where class = 'Test'")
        which = Which(since=datetime.now(UTC) - timedelta(hours=1))
        self.assertEqual([await replay(self.db, Actor("test:root", 1), name, which) for name in ("late", "other")], [1, 0])
        await self.db.execute("update event_handlers set enabled = name = 'late'")
        await self.operate("account.topup", id=CARD, amount="1")
        told = await self.db.query("select (variables ->> 'curr_balance')::float from event_queue order by i_event")
        self.assertEqual(told, [(11.0,), (12.0,)])

    async def test_retry_by_time_and_account(self) -> None:
        """Of the parked ones only those of an account, or since a time."""
        await self.prepare()
        await self.enable("demo", "Account/Blocked")
        self.vendor.status = 404
        for name in (CARD, LINE):
            await self.operate("account.block", id=name)

        async def parked(count: int) -> bool:
            return len(await self.db.query("select 1 from event_notifications where status = 'parked'")) == count

        await self.until(lambda: parked(2))
        self.vendor.status, evctl = 200, self.evctl
        hour = datetime.now(UTC) - timedelta(hours=1)
        self.assertEqual(await evctl.retry(await evctl.which((), "", "", None, hour), "demo"), 0)
        self.assertEqual(await self.run_command("evctl", "event", "retry", "--account", CARD, "--since", "1h"), "1 is tried again now\n")
        await self.delivered(1)
        self.assertTrue(await parked(1))

    async def test_check(self) -> None:
        """Faults of options come with the others of the file, each with its place."""
        await self.prepare()
        self.config.write_text(self.config.read_text().replace("token: sesame-1", "tokken: sesame-1"))
        said = await self.run_command("check", status=1)
        self.assertIn("espf.handlers.demo.tokken: tokken: is no option of this handler: did you mean token?", said)
        self.assertIn("espf.handlers.demo.token: token: is required: bearer token that your server wants", said)
        self.assertNotIn("sesame", said)

    async def test_a_new_handler_works(self) -> None:
        """What `handler new` writes passes its own test, and provisions when it is configured."""
        await self.prepare()
        await self.server.stopService()
        await self.run_command("handler", "new", "AcmeTV", "--folder", str(self.folder / "handlers"))
        self.assertTrue(Path(self.folder / "handlers" / "test_acme_tv.py").exists())
        self.settings = self.configured("tv: {{class: AcmeTV, environment: 1, url: 'http://127.0.0.1:{port}', token: t}}")
        await self.start()
        await self.enable("tv")
        await self.operate("account.block", id="10086610975")
        await self.until(lambda: self.vendor.asked)
        self.assertEqual(self.vendor.asked, [("PUT", "/homes/10086610975", {"state": "BARRED", "package": "PrepaidCard"})])
