"""`portaswitch evctl`, `check` and `handler new` as an operator runs them: processes of their own beside a running server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.claims import claims
from tests.server.espf import EspfCase
from tests.server.test_cli import Command

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
        self.assertEqual((types["Account/Unblocked"]["enabled"], types["Account/Blocked"]["handlers"]), (False, "demo"))

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
