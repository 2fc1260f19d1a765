"""Event handlers that come, change, break and are missing, on a running server."""

from __future__ import annotations

import os

from tests.server.espf import EspfCase
from tests.server.test_espf import CARD, HOMES


class DropInTests(EspfCase):
    """Handlers that come, change and break while the server runs."""

    async def test_a_file_is_dropped_changed_and_broken(self) -> None:
        """It is listed without a restart; a new version counts from the next event on; a broken one is shown and the old one goes on."""
        await self.begin()
        path = self.write("homes.py", HOMES)
        self.assertIn("Homes", [line.handler for line in await self.evctl.listing(False)])
        await self.server.stopService()
        self.settings = self.configured("homes: {{class: Homes, environment: 1, url: 'http://127.0.0.1:{port}'}}")
        await self.start()
        await self.enable("homes")
        await self.operate("account.block", id=CARD)
        await self.until(lambda: self.vendor.asked)
        self.assertEqual(self.vendor.asked[-1][2]["barred"], True)
        path.write_text(HOMES.replace('"barred": subscriber.barred', '"locked": subscriber.barred').replace("version 1", "version 2"))
        await self.until(lambda: self.db.query("select 1 from event_handlers where description like '%version 2'").addCallback(bool))
        await self.operate("account.unblock", id=CARD)
        await self.until(lambda: len(self.vendor.asked) == 2)
        self.assertEqual(self.vendor.asked[-1][2]["locked"], False)
        path.write_text("from portaswitch.handler import Homes\n")
        os.utime(path, ns=(1, 1))
        broken = [line for line in await self.evctl.listing(False) if line.state.startswith("broken")]
        self.assertIn("cannot import name 'Homes'", broken[0].description)
        await self.operate("account.block", id=CARD)
        await self.until(lambda: len(self.vendor.asked) == 3)
        self.assertEqual(self.vendor.asked[-1][2]["locked"], True)

    async def test_a_missing_handler_stops_the_start(self) -> None:
        """With the name of the class, where it is configured, and what there is."""
        await self.begin()
        await self.server.stopService()
        self.settings = self.configured("acme: {{class: Acme, environment: 1}}, calix: {{class: Calix, environment: 1, usr: x}}")
        failure = await self.server_fails()
        self.assertIn("there is no handler class Acme", failure)
        self.assertIn("usr: is no option of this handler: did you mean user?", failure)
        self.assertIn("password: is required", failure)
        await self.server.stopService()
        self.settings = self.configured("tv: {{class: DemoHandler, environment: 7, url: 'http://127.0.0.1:{port}', token: t}}")
        self.assertIn("tv: there is no environment 7", await self.server_fails())

    async def server_fails(self) -> str:
        """Why the server does not start."""
        try:
            await self.start()
        except Exception as error:
            return str(error)
        self.fail("it started")
